//! Who waits for whom: cycles, and who cannot go on.
//!
//! A node is something that waits, or is waited for: a task, a gather, a lock. An edge leads from who
//! waits to whom it waits for. The caller owns nodes and edges, as two slices, and this file keeps in
//! them what it works with; so it allocates nothing. Nodes are named by their places in the slice.
//!
//! What a node needs decides what becomes of it ([`Needs`]):
//!
//! | needs     | goes on                                                                  |
//! |-----------|--------------------------------------------------------------------------|
//! | `Nothing` | by itself, or nobody knows by what: it may always                        |
//! | `All`     | when every node that it waits for can; with no edge, at once             |
//! | `Any`     | when one of those that it waits for can; with no edge, never             |
//!
//! A node *cannot go on* where no order of ends and releases gets to it: it is on a cycle that nothing
//! outside opens, or waits for one that is. A *cycle* is a strongly connected part: several nodes each
//! of which leads to all others, or one that leads to itself. A node on a cycle may yet go on (`Any`,
//! with another way out), and one that cannot go on need not be on a cycle.
//!
//! Takes time proportional to nodes and edges, and no more stack for a long chain than for a short
//! one.
//!
//! # Source
//! None in asyncio, whose `tools.py` of CPython 3.14 finds cycles of plain awaits. They are found as in R. Tarjan, "Depth-First Search and Linear Graph Algorithms",
//! SIAM J. Comput. 1 (1972), written as a loop.

/// By what a node goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Needs {
    /// By itself: it is ready, has a timer, waits for something that nobody knows.
    #[default]
    Nothing,
    /// By the ends of all that it waits for.
    All,
    /// By the end of one of those that it waits for.
    Any,
}

/// Marks the end of a list, and what was not visited.
const NONE: u32 = u32::MAX;

/// One that waits or is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    needs: Needs,
    /// The first of its edges, and of those that lead to it.
    first_out: u32,
    first_in: u32,
    /// How many of those that it waits for are not known to go on.
    left: u32,
    goes_on: bool,
    /// When it was first seen, and the earliest that it leads back to.
    order: u32,
    lowest: u32,
    /// The edge to follow next; who led here; the one below on the path.
    next_out: u32,
    led_here: u32,
    below: u32,
    is_on_path: bool,
    leads_to_itself: bool,
    cycle: u32,
}

impl Node {
    /// One that needs so much.
    pub const fn new(needs: Needs) -> Self {
        Self {
            needs,
            first_out: NONE,
            first_in: NONE,
            left: 0,
            goes_on: false,
            order: NONE,
            lowest: NONE,
            next_out: NONE,
            led_here: NONE,
            below: NONE,
            is_on_path: false,
            leads_to_itself: false,
            cycle: NONE,
        }
    }

    /// The number of the cycle that it is on, after [`WaitGraph::find_cycles`].
    pub const fn cycle(&self) -> Option<u32> {
        if self.cycle == NONE {
            return None;
        }
        Some(self.cycle)
    }

    /// Whether it can go on, after [`WaitGraph::find_stuck`].
    pub const fn can_go_on(&self) -> bool {
        self.goes_on
    }
}

/// One waits for another.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    waiter: u32,
    on: u32,
    next_out: u32,
    next_in: u32,
}

impl Edge {
    /// `waiter` waits for `on`.
    pub const fn new(waiter: u32, on: u32) -> Self {
        Self {
            waiter,
            on,
            next_out: NONE,
            next_in: NONE,
        }
    }
}

/// An edge leads from or to a node that is none, or there are more than 4,294,967,294 nodes or edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Nodes, and who waits for whom among them.
#[derive(Debug)]
pub struct WaitGraph<'a> {
    nodes: &'a mut [Node],
    edges: &'a mut [Edge],
}

impl<'a> WaitGraph<'a> {
    /// The graph of these nodes and edges.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn new(nodes: &'a mut [Node], edges: &'a mut [Edge]) -> Result<Self, Malformed> {
        if nodes.len() >= NONE as usize || edges.len() >= NONE as usize {
            return Err(Malformed);
        }
        let count = nodes.len() as u32;
        if edges
            .iter()
            .any(|edge| edge.waiter >= count || edge.on >= count)
        {
            return Err(Malformed);
        }
        for node in nodes.iter_mut() {
            *node = Node::new(node.needs);
        }
        // From the last one on, so that each list is in the order of the slice.
        for (place, edge) in edges.iter_mut().enumerate().rev() {
            if let Some(waiter) = nodes.get_mut(edge.waiter as usize) {
                edge.next_out = waiter.first_out;
                waiter.first_out = place as u32;
                waiter.left = waiter.left.saturating_add(1);
            }
            if let Some(on) = nodes.get_mut(edge.on as usize) {
                edge.next_in = on.first_in;
                on.first_in = place as u32;
            }
        }
        Ok(Self { nodes, edges })
    }

    /// Those that `node` waits for.
    pub fn waits_for(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let mut at = self.nodes.get(node as usize).map_or(NONE, |n| n.first_out);
        core::iter::from_fn(move || {
            let edge = self.edges.get(at as usize)?;
            at = edge.next_out;
            Some(edge.on)
        })
    }

    /// Those that wait for `node`.
    pub fn waited_for_by(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let mut at = self.nodes.get(node as usize).map_or(NONE, |n| n.first_in);
        core::iter::from_fn(move || {
            let edge = self.edges.get(at as usize)?;
            at = edge.next_in;
            Some(edge.waiter)
        })
    }

    /// Finds which nodes can go on; [`Node::can_go_on`] tells. How many cannot.
    pub fn find_stuck(&mut self) -> usize {
        // Those that go on and whose waiters are not told yet: a list through `below`.
        let mut told_next = NONE;
        for place in 0..self.nodes.len() as u32 {
            let may_go_on = self.nodes.get(place as usize).is_some_and(|node| {
                node.needs == Needs::Nothing || node.needs == Needs::All && node.left == 0
            });
            if may_go_on {
                self.goes_on(place, &mut told_next);
            }
        }
        while let Some(node) = self.nodes.get(told_next as usize) {
            let mut at = node.first_in;
            told_next = node.below;
            while let Some(edge) = self.edges.get(at as usize).copied() {
                at = edge.next_in;
                if let Some(waiter) = self.nodes.get_mut(edge.waiter as usize) {
                    waiter.left = waiter.left.saturating_sub(1);
                    if waiter.left == 0 || waiter.needs == Needs::Any {
                        self.goes_on(edge.waiter, &mut told_next);
                    }
                }
            }
        }
        self.nodes.iter().filter(|node| !node.goes_on).count()
    }

    fn goes_on(&mut self, place: u32, told_next: &mut u32) {
        match self.nodes.get_mut(place as usize) {
            Some(node) if !node.goes_on => {
                node.goes_on = true;
                node.below = core::mem::replace(told_next, place);
            }
            _ => {}
        }
    }

    /// Finds the cycles and numbers them; [`Node::cycle`] tells. How many there are.
    pub fn find_cycles(&mut self) -> u32 {
        let (mut seen, mut cycles, mut path) = (0, 0, NONE);
        for root in 0..self.nodes.len() as u32 {
            if self
                .nodes
                .get(root as usize)
                .is_none_or(|n| n.order != NONE)
            {
                continue;
            }
            let mut at = root;
            self.enter(at, NONE, &mut seen, &mut path);
            while let Some(node) = self.nodes.get(at as usize).copied() {
                if let Some(edge) = self.edges.get(node.next_out as usize).copied() {
                    if self.follow(at, edge, &mut seen, &mut path) {
                        at = edge.on;
                    }
                    continue;
                }
                if node.lowest == node.order {
                    self.leave(at, &mut cycles, &mut path);
                }
                if let Some(before) = self.nodes.get_mut(node.led_here as usize) {
                    before.lowest = before.lowest.min(node.lowest);
                }
                at = node.led_here;
            }
        }
        cycles
    }

    /// `place` is seen for the first time, and on top of the path.
    fn enter(&mut self, place: u32, led_here: u32, seen: &mut u32, path: &mut u32) {
        if let Some(node) = self.nodes.get_mut(place as usize) {
            node.order = *seen;
            node.lowest = *seen;
            node.next_out = node.first_out;
            node.led_here = led_here;
            node.below = core::mem::replace(path, place);
            node.is_on_path = true;
        }
        *seen = seen.saturating_add(1);
    }

    /// Follows an edge of `at`; whether that led to a node not seen before.
    fn follow(&mut self, at: u32, edge: Edge, seen: &mut u32, path: &mut u32) -> bool {
        let reached = self.nodes.get(edge.on as usize).copied();
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.next_out = edge.next_out;
            node.leads_to_itself |= edge.on == at;
            if let Some(reached) = reached.filter(|reached| reached.is_on_path) {
                node.lowest = node.lowest.min(reached.order);
            }
        }
        let is_new = reached.is_some_and(|reached| reached.order == NONE);
        if is_new {
            self.enter(edge.on, at, seen, path);
        }
        is_new
    }

    /// All on the path down to `place` lead to each other: takes them off, and numbers a cycle.
    fn leave(&mut self, place: u32, cycles: &mut u32, path: &mut u32) {
        let is_cycle = *path != place
            || self
                .nodes
                .get(place as usize)
                .is_some_and(|node| node.leads_to_itself);
        let number = if is_cycle { *cycles } else { NONE };
        while let Some(node) = self.nodes.get_mut(*path as usize) {
            let taken = core::mem::replace(path, node.below);
            node.is_on_path = false;
            node.cycle = number;
            if taken == place {
                break;
            }
        }
        *cycles = cycles.saturating_add(u32::from(is_cycle));
    }

    /// The nodes, to be asked.
    pub fn nodes(&self) -> &[Node] {
        self.nodes
    }
}
