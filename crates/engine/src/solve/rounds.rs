//! Who is served when, and who tries again.

use crate::pack::Demand;
use crate::topology::Rule;

use super::outcome::Unplaced;
use super::solver::{Pinned, Solver, Waiting};

/// How often pods may be taken back and placed anew.
const MOST_RETURNS: usize = 8;

impl<'s> Solver<'s> {
    /// Classes in the order they are served: priority, then those that others must find first, then size.
    fn order(&self) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> = Vec::new();
        for (class, queue) in self.queues.iter().enumerate() {
            let left = queue.len() as u32;
            if left > 0 {
                waiting.push(Waiting { class: class as u32, level: self.first_level(), left });
            }
        }
        let follows = |class: u32| {
            let links = &self.topology.links[class as usize];
            links.owned.iter().any(|(group, _)| {
                self.topology.groups[*group as usize].rule == Rule::Affinity && !links.matches(*group)
            })
        };
        let mut keyed: Vec<_> = waiting
            .into_iter()
            .map(|one| {
                let class = &self.snapshot.classes[one.class as usize];
                let size = (class.requests[0], class.requests[1]);
                (
                    (
                        std::cmp::Reverse(class.priority),
                        follows(one.class),
                        std::cmp::Reverse(size),
                        // Ties go by name, so that the order of the input changes nothing.
                        class.namespace.as_str(),
                        self.first_name(one.class),
                    ),
                    one,
                )
            })
            .collect();
        keyed.sort_by(|left, right| left.0.cmp(&right.0));
        keyed.into_iter().map(|(_, one)| one).collect()
    }

    /// The first of a class's waiting pods by name.
    fn first_name(&self, class: u32) -> &'s str {
        let waiting = self.queues[class as usize].as_slice().iter();
        waiting.map(|pod| &*self.snapshot.pods[*pod as usize].name).min().unwrap_or_default()
    }

    pub(super) fn place_all(&mut self) -> Vec<Unplaced> {
        let order = self.order();
        let limited = self.snapshot.pools.iter().any(|pool| !pool.limits.is_empty());
        // Where limits bind, who is served first matters; otherwise everybody is packed together.
        let mut bands: Vec<Vec<Waiting>> = Vec::new();
        let mut last = None;
        for one in order {
            let priority = self.snapshot.classes[one.class as usize].priority;
            let same = !limited || last == Some(priority);
            match bands.last_mut() {
                Some(band) if same => band.push(one),
                _ => bands.push(vec![one]),
            }
            last = Some(priority);
        }
        let mut failed = Vec::new();
        for band in bands {
            failed.extend(self.place_band(band));
        }
        self.hand_out_pods();
        let mut unplaced = Vec::with_capacity(failed.len());
        for one in failed {
            let pods = self.queues[one.class as usize].by_ref().take(one.left as usize).collect();
            unplaced.push(Unplaced { class: one.class, pods, level: one.level });
        }
        unplaced
    }

    fn place_band(&mut self, band: Vec<Waiting>) -> Vec<Waiting> {
        let mut waiting = band;
        let mut failed: Vec<Waiting> = Vec::new();
        let mut returns = 0;
        loop {
            let placed_before = self.placed();
            let mut stuck: Vec<Waiting> = Vec::new();
            let mut demands: Vec<Demand> = Vec::new();
            let mut pinned: Vec<Pinned> = Vec::new();
            for one in waiting.drain(..) {
                self.place_class(one, &mut stuck, &mut demands, &mut pinned);
            }
            // Whose set of new nodes turned out to be used up may have another one.
            let (mut next, missed) = self.pack(demands, &pinned, &mut stuck);
            if !missed.is_empty() {
                let taken = self.take_back(&missed);
                // Going back and forth has to end: who came back too often stays out.
                returns += 1;
                if returns <= MOST_RETURNS { next.extend(taken) } else { failed.extend(taken) }
            }
            let progress = self.placed() > placed_before;
            for mut one in stuck {
                if self.relax(&mut one) {
                    self.given_up += one.left as usize;
                    next.push(one);
                } else {
                    failed.push(one);
                }
            }
            if next.is_empty() {
                if !progress || returns > MOST_RETURNS {
                    break;
                }
                // Somebody found a place: those who wait for others, or for a domain to fill, may try again.
                let (again, hopeless): (Vec<_>, Vec<_>) = failed
                    .drain(..)
                    .partition(|one| self.snapshot.classes[one.class as usize].has_pod_rules());
                failed = hopeless;
                next = again;
                if next.is_empty() {
                    break;
                }
            }
            waiting = merged(next);
        }
        failed
    }

    fn placed(&self) -> usize {
        self.on_rooms.len()
            + self
                .nodes
                .iter()
                .flat_map(|node| &node.contents)
                .map(|(_, count)| *count as usize)
                .sum::<usize>()
    }

    /// Turns counts per class into pods.
    fn hand_out_pods(&mut self) {
        for node in &mut self.nodes {
            for (class, count) in &node.contents {
                node.pods.extend(self.queues[*class as usize].by_ref().take(*count as usize));
            }
        }
    }
}

/// One entry per class and level.
fn merged(waiting: Vec<Waiting>) -> Vec<Waiting> {
    let mut merged: Vec<Waiting> = Vec::new();
    for one in waiting {
        match merged.iter_mut().find(|known| known.class == one.class && known.level == one.level) {
            Some(known) => known.left += one.left,
            None => merged.push(one),
        }
    }
    merged
}
