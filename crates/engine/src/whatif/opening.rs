//! New nodes for pods that no room takes: the cheapest one for all of them, or a few.
//!
//! A node's NodePool is the heaviest that has a node for the pod at all, as when pods are provisioned; the price decides
//! between what is left. Of several nodes, each is filled around the largest pod left, as the node whose contents are
//! worth most for its price; after every one the cheapest single node for the rest is tried.

use supercargo_catalog::Usd;

use super::answer::{Ask, Fresh};
use super::board::Board;

impl<'l> Board<'l> {
    /// The cheapest few nodes for these pods, by class in the order they are placed.
    pub(super) fn open(&mut self, left: &[(u32, u32)], ask: &Ask) -> Option<Vec<Fresh>> {
        let mark = self.log.len();
        let mut best: Option<(Usd, Vec<Fresh>)> = None;
        let mut made: Vec<Fresh> = Vec::new();
        let mut spent = Usd::ZERO;
        let mut left = left.to_vec();
        for number in 1..=ask.max_new_nodes {
            let limit = best.as_ref().map(|(price, _)| *price).or(ask.below);
            let below = limit.map(|limit| limit - spent);
            if let Some(last) = self.one_node(&left, below, ask.spot, &made) {
                let price = spent + last.price;
                let mut all = made.clone();
                all.push(last);
                best = Some((price, all));
            }
            if number == ask.max_new_nodes {
                break;
            }
            let limit = best.as_ref().map(|(price, _)| *price).or(ask.below);
            let below = limit.map(|limit| limit - spent);
            let Some(filling) = self.best_filling(&left, below, ask.spot, &made) else { break };
            for (class, pods) in &filling.contents {
                self.count_fresh(*class, &filling, *pods);
                if let Some(waiting) = left.iter_mut().find(|(waiting, _)| waiting == class) {
                    waiting.1 -= pods;
                }
            }
            left.retain(|(_, pods)| *pods > 0);
            let Some(node) = self.finished(&filling, below, ask.spot, &made) else { break };
            spent += node.price;
            made.push(node);
            if left.is_empty() {
                if limit.is_none_or(|limit| spent < limit) {
                    best = Some((spent, made));
                }
                break;
            }
        }
        self.undo(mark);
        let (price, mut nodes) = best?;
        if let Some(below) = ask.below.filter(|_| nodes.len() > 1) {
            let margin = (below - price).scaled(1, nodes.len() as i64);
            for node in &mut nodes {
                self.keep_below(node, node.price + margin);
            }
        }
        self.keep_within_limits(&mut nodes);
        nodes.iter().all(|node| self.has_min_values(node)).then_some(nodes)
    }

    /// Leaves out the types with which the nodes together might go over a limit of their NodePool.
    fn keep_within_limits(&self, nodes: &mut [Fresh]) {
        let layout = self.layout;
        for index in 0..layout.snapshot.pools.len() {
            let limits = &self.limits[index];
            let Some(table) = layout.snapshot.pools[index].table.as_ref().filter(|_| !limits.is_empty())
            else {
                continue;
            };
            let is_of_pool =
                |node: &&mut Fresh| layout.variants[node.variant as usize].pool as usize == index;
            let of_pool: Vec<&mut Fresh> = nodes.iter_mut().filter(is_of_pool).collect();
            let sharers = of_pool.len() as i64;
            let spare: Vec<(&str, i64)> = limits
                .iter()
                .filter(|(resource, _)| resource != "nodes")
                .map(|(resource, left)| {
                    let bought = of_pool
                        .iter()
                        .map(|node| table.types[node.type_index as usize].capacity.get(resource));
                    (resource.as_str(), (left - bought.sum::<i64>()).max(0) / sharers.max(1))
                })
                .collect();
            for node in of_pool {
                let base = &table.types[node.type_index as usize].capacity;
                let too_large = |index: &usize| {
                    let capacity = &table.types[*index].capacity;
                    spare.iter().any(|(resource, spare)| capacity.get(resource) - base.get(resource) > *spare)
                };
                let dropped: Vec<usize> = node.types.ones().filter(too_large).collect();
                dropped.into_iter().for_each(|index| node.types.remove(index));
            }
        }
    }
}
