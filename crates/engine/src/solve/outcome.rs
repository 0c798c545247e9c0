//! What a solve comes to.

use supercargo_catalog::Usd;

use crate::planned::PlannedNode;
use crate::pools::Variant;

use super::relaxation::Relaxation;

/// A class with pods that could not be placed.
#[derive(Clone, Debug)]
pub struct Unplaced {
    /// Index of the class.
    pub class: u32,
    /// Its pods.
    pub pods: Vec<u32>,
    /// How far it had relaxed.
    pub level: Relaxation,
}

/// Where everything goes.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Variants that planned nodes refer to.
    pub variants: Vec<Variant>,
    /// Nodes to buy.
    pub nodes: Vec<PlannedNode>,
    /// Pods on existing rooms: room, pod.
    pub on_rooms: Vec<(u32, u32)>,
    /// Pods without a place.
    pub unplaced: Vec<Unplaced>,
    /// No set of new nodes for the pods on `nodes` can cost less, in dollars per hour.
    pub lower_bound: Usd,
}

impl Outcome {
    /// Total price of the nodes to buy.
    pub fn price(&self) -> Usd {
        self.nodes.iter().fold(Usd::ZERO, |sum, node| sum + node.price)
    }
}
