//! A gather of futures, some of them given twice.

use std::collections::VecDeque;

use stook_kernel::{Gather, GatherAction};

use super::child::{self, Children};
use super::{Version, World, letter};

pub(super) struct GatherWorld {
    machine: Gather,
    children: Children,
    /// Which child stands in which place of the list of results.
    order: Vec<usize>,
    /// How the outer future ended, in letters; empty while it is pending.
    outer: String,
    /// Children whose end is to be reported.
    ready: VecDeque<usize>,
}

impl GatherWorld {
    pub(super) fn new(mode: &str, kinds: &str, order: &str, version: Version) -> Self {
        let children = child::children(kinds);
        let order: Vec<usize> = order
            .bytes()
            .map(|digit| usize::from(digit - b'0'))
            .collect();
        let mut world = Self {
            machine: Gather::new(children.len(), mode == "return"),
            children,
            order: order.clone(),
            outer: String::new(),
            ready: VecDeque::new(),
        };
        let mut met = Vec::new();
        for child in order {
            if !met.contains(&child) && world.children[child].is_done() {
                world.ready.push_back(child);
            }
            met.push(child);
        }
        if version.early_children_at_once {
            world.turn();
        }
        world
    }

    fn turn(&mut self) {
        for child in std::mem::take(&mut self.ready) {
            let outcome = self.children[child].outcome();
            let outer_done = !self.outer.is_empty();
            match self.machine.child_done(outer_done, outcome) {
                GatherAction::Nothing => {}
                GatherAction::MarkRetrieved => self.children[child].read(),
                GatherAction::FailWithChild => {
                    self.children[child].read();
                    self.settle(self.children[child].result());
                }
                GatherAction::CancelWithChild => self.settle(self.children[child].cancellation()),
                GatherAction::Collect => {
                    let results = self.collect();
                    self.settle(format!("[{results}]"));
                }
                GatherAction::CollectCancelled => {
                    self.collect();
                    let last = *self.order.last().expect("a gather has children");
                    self.settle(self.children[last].cancellation());
                }
            }
        }
    }

    fn settle(&mut self, outer: String) {
        assert_eq!(self.outer, "", "settled twice");
        self.outer = outer;
    }

    /// Reads all children; what they gave, in the order they were given.
    fn collect(&mut self) -> String {
        for &child in &self.order {
            self.children[child].read();
        }
        let results: Vec<String> = self
            .order
            .iter()
            .map(|&child| self.children[child].result())
            .collect();
        results.join(",")
    }

    fn cancel(&mut self) -> bool {
        if !self.outer.is_empty() {
            return false;
        }
        let mut any = false;
        for place in 0..self.order.len() {
            let child = self.order[place];
            let asked = self.children[child].cancel("g");
            if asked.ended {
                self.child_ended(child);
            }
            any |= asked.accepted;
        }
        self.machine.request_cancel(any)
    }
}

impl World for GatherWorld {
    fn perform(&mut self, operation: &str) -> String {
        match operation {
            "x" => letter(self.cancel()),
            "t" => {
                self.turn();
                String::new()
            }
            _ => panic!("a gather does not know {operation}"),
        }
    }

    fn child_ended(&mut self, child: usize) {
        self.ready.push_back(child);
    }

    fn children(&mut self) -> &mut Children {
        &mut self.children
    }

    fn observe(&mut self) -> String {
        let outer = if self.outer.is_empty() {
            "-"
        } else {
            &self.outer
        };
        let children = &self.children;
        format!(
            "{outer}/{}/{}",
            child::seen(children),
            child::marks(children)
        )
    }
}
