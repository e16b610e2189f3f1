//! The table of `wait_graph.rs`: what each kind of node needs.

use stook_kernel::{Edge, Malformed, Needs, Node, WaitGraph};

/// Needs; of two others that are waited for, how many can go on; whether it can.
const TABLE: &[(Needs, Option<u32>, bool)] = &[
    (Needs::Nothing, None, true),
    (Needs::Nothing, Some(0), true),
    (Needs::Nothing, Some(1), true),
    (Needs::Nothing, Some(2), true),
    (Needs::All, None, true),
    (Needs::All, Some(0), false),
    (Needs::All, Some(1), false),
    (Needs::All, Some(2), true),
    (Needs::Any, None, false),
    (Needs::Any, Some(0), false),
    (Needs::Any, Some(1), true),
    (Needs::Any, Some(2), true),
];

#[test]
fn every_need_and_how_many_can_go_on() {
    for &(needs, able, expected) in TABLE {
        // One that waits for nobody, and any of none is never.
        let other = |place| match able {
            Some(able) if place < able => Node::new(Needs::Nothing),
            _ => Node::new(Needs::Any),
        };
        let mut nodes = [Node::new(needs), other(0), other(1)];
        let mut edges = [Edge::new(0, 1), Edge::new(0, 2)];
        let edges = if able.is_some() {
            &mut edges[..]
        } else {
            &mut []
        };
        let mut graph = WaitGraph::new(&mut nodes, edges).unwrap();
        let stuck = graph.find_stuck();
        assert_eq!(
            graph.nodes()[0].can_go_on(),
            expected,
            "{needs:?}, {able:?}"
        );
        assert_eq!(
            stuck,
            graph.nodes().iter().filter(|n| !n.can_go_on()).count()
        );
    }
}

#[test]
fn an_edge_to_or_from_a_node_that_is_none_is_refused() {
    for edge in [Edge::new(0, 1), Edge::new(1, 0), Edge::new(u32::MAX, 0)] {
        let made = WaitGraph::new(&mut [Node::new(Needs::All)], &mut [edge]).map(drop);
        assert_eq!(made, Err(Malformed));
    }
}

#[test]
fn edges_are_told_from_both_ends_in_their_order() {
    let mut nodes = [Node::new(Needs::All); 3];
    let mut edges = [(0, 2), (0, 1), (1, 2), (0, 2)].map(|(waiter, on)| Edge::new(waiter, on));
    let graph = WaitGraph::new(&mut nodes, &mut edges).unwrap();
    assert_eq!(graph.waits_for(0).collect::<Vec<_>>(), [2, 1, 2]);
    assert_eq!(graph.waited_for_by(2).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(
        graph.waits_for(2).count() + graph.waited_for_by(0).count(),
        0
    );
    assert_eq!(
        graph.waits_for(7).count() + graph.waited_for_by(7).count(),
        0
    );
}

#[test]
fn a_node_that_leads_to_itself_is_a_cycle_and_a_chain_is_none() {
    let mut nodes = [Node::new(Needs::All); 3];
    let mut edges = [(0, 1), (1, 1), (1, 2)].map(|(waiter, on)| Edge::new(waiter, on));
    let mut graph = WaitGraph::new(&mut nodes, &mut edges).unwrap();
    assert_eq!(graph.find_cycles(), 1);
    let cycles: Vec<_> = graph.nodes().iter().map(Node::cycle).collect();
    assert_eq!(cycles, [None, Some(0), None]);
}

#[test]
fn a_long_cycle_takes_no_stack() {
    const LENGTH: u32 = if cfg!(miri) { 300 } else { 300_000 };
    let mut nodes = vec![Node::new(Needs::All); LENGTH as usize];
    let mut edges: Vec<_> = (0..LENGTH)
        .map(|place| Edge::new(place, (place + 1) % LENGTH))
        .collect();
    let mut graph = WaitGraph::new(&mut nodes, &mut edges).unwrap();
    assert_eq!(graph.find_cycles(), 1);
    assert!(graph.nodes().iter().all(|node| node.cycle() == Some(0)));
    assert_eq!(graph.find_stuck(), LENGTH as usize);
}
