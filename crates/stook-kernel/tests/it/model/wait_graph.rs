//! `wait_graph.rs` against a model that looks at all ways, on all graphs of three nodes and many of
//! six.

use stook_kernel::{Edge, Needs, Node, WaitGraph};

const NEEDS: [Needs; 3] = [Needs::Nothing, Needs::All, Needs::Any];

/// Whether each node leads to each other by one edge or more.
fn leads_to(count: usize, edges: &[(u32, u32)]) -> Vec<Vec<bool>> {
    let mut leads = vec![vec![false; count]; count];
    for &(waiter, on) in edges {
        leads[waiter as usize][on as usize] = true;
    }
    for middle in 0..count {
        for from in 0..count {
            for to in 0..count {
                leads[from][to] |= leads[from][middle] && leads[middle][to];
            }
        }
    }
    leads
}

/// Who goes on, found by asking everybody again until nobody new does.
fn able(needs: &[Needs], edges: &[(u32, u32)]) -> Vec<bool> {
    let mut able = vec![false; needs.len()];
    loop {
        let next: Vec<bool> = (0..needs.len())
            .map(|node| {
                let mut on = edges.iter().filter(|edge| edge.0 as usize == node);
                match needs[node] {
                    Needs::Nothing => true,
                    Needs::All => on.all(|edge| able[edge.1 as usize]),
                    Needs::Any => on.any(|edge| able[edge.1 as usize]),
                }
            })
            .collect();
        if next == able {
            return able;
        }
        able = next;
    }
}

fn compare(needs: &[Needs], pairs: &[(u32, u32)]) {
    let mut nodes: Vec<_> = needs.iter().map(|&needs| Node::new(needs)).collect();
    let mut edges: Vec<_> = pairs.iter().map(|&(one, on)| Edge::new(one, on)).collect();
    let mut graph = WaitGraph::new(&mut nodes, &mut edges).expect("edges of these nodes");
    let told = || format!("{needs:?}, {pairs:?}");

    let expected = able(needs, pairs);
    let stuck = graph.find_stuck();
    let found: Vec<_> = graph.nodes().iter().map(Node::can_go_on).collect();
    assert_eq!(found, expected, "{}", told());
    assert_eq!(stuck, expected.iter().filter(|able| !**able).count());

    let leads = leads_to(needs.len(), pairs);
    let count = graph.find_cycles();
    let cycles: Vec<_> = graph.nodes().iter().map(Node::cycle).collect();
    for one in 0..needs.len() {
        assert_eq!(cycles[one].is_some(), leads[one][one], "{}", told());
        for other in 0..needs.len() {
            let together = leads[one][other] && leads[other][one];
            let same = cycles[one].is_some() && cycles[one] == cycles[other];
            assert_eq!(same, together, "{one} and {other} of {}", told());
        }
    }
    let numbers: std::collections::BTreeSet<_> = cycles.iter().flatten().copied().collect();
    assert!(numbers.into_iter().eq(0..count), "{}", told());
}

#[test]
fn every_graph_of_three_nodes() {
    let all: Vec<(u32, u32)> = (0..9).map(|place| (place / 3, place % 3)).collect();
    let step = if cfg!(miri) { 37 } else { 1 };
    for chosen in (0..1_u32 << all.len()).step_by(step) {
        let is_chosen = |place: &usize| chosen & (1 << place) != 0;
        let pairs: Vec<_> = (0..all.len()).filter(is_chosen).map(|n| all[n]).collect();
        for kinds in 0..27 {
            let needs = [kinds / 9, kinds / 3 % 3, kinds % 3].map(|kind| NEEDS[kind]);
            compare(&needs, &pairs);
        }
    }
}

#[test]
fn many_graphs_of_six_nodes() {
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    for _ in 0..if cfg!(miri) { 50 } else { 20_000 } {
        let needs: Vec<_> = (0..6).map(|_| NEEDS[draw(3) as usize]).collect();
        let count = draw(13);
        let pairs: Vec<_> = (0..count)
            .map(|_| (draw(6) as u32, draw(6) as u32))
            .collect();
        compare(&needs, &pairs);
    }
}
