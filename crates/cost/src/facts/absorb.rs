//! Adding the facts of one stretch of an hour to those of another.

use std::cmp::Ordering;
use std::sync::Arc;

use rayon::prelude::*;

use crate::facts::container::{Amount, ContainerFact, NetworkBytes};
use crate::facts::{BalancerFact, BalancerUse, Gap, HourFacts, NodeFact, VolumeFact, VolumeUse};
use crate::interval::Interval;

impl HourFacts {
    /// Adds the facts of another stretch of the same hour and cluster. The stretches must not overlap; what goes on from
    /// one into the other becomes one fact.
    pub fn absorb(&mut self, mut other: HourFacts) {
        self.sort_things();
        other.sort_things();
        self.absorb_containers(&mut other);
        for node in other.nodes {
            let same = |known: &&mut NodeFact| {
                adjoin(known.interval, node.interval)
                    && **known == NodeFact { interval: known.interval, ..node.clone() }
            };
            match self.nodes.iter_mut().find(same) {
                Some(known) => known.interval = known.interval.hull(node.interval),
                None => {
                    self.rename_instance(&node);
                    self.nodes.push(node);
                }
            }
        }
        for volume in other.volumes {
            match self.volumes.iter_mut().find(|known| known.continues(&volume)) {
                Some(known) => known.absorb(volume),
                None => self.volumes.push(volume),
            }
        }
        for balancer in other.balancers {
            match self.balancers.iter_mut().find(|known| known.continues(&balancer)) {
                Some(known) => known.absorb(balancer),
                None => self.balancers.push(balancer),
            }
        }
        self.management = match (self.management.take(), other.management) {
            (Some(mut one), Some(two)) => {
                one.interval = one.interval.hull(two.interval);
                Some(one)
            }
            (one, two) => one.or(two),
        };
        for gap in other.gaps {
            let same =
                |known: &&mut Gap| known.subject == gap.subject && adjoin(known.interval, gap.interval);
            match self.gaps.iter_mut().find(same) {
                Some(known) => known.interval = known.interval.hull(gap.interval),
                None => self.gaps.push(gap),
            }
        }
        self.sort_things();
    }

    fn absorb_containers(&mut self, other: &mut HourFacts) {
        let same = self.containers.len() == other.containers.len()
            && self
                .containers
                .par_iter()
                .zip(&other.containers)
                .all(|(one, two)| Arc::ptr_eq(&one.workload, &two.workload));
        // mostly nobody came and nobody went
        if same && other.has_ordered_containers() {
            self.containers
                .par_iter_mut()
                .zip(std::mem::take(&mut other.containers))
                .for_each(|(one, two)| one.absorb(two));
            return;
        }
        self.sort();
        other.sort();
        self.containers = merged(
            std::mem::take(&mut self.containers),
            std::mem::take(&mut other.containers),
            |one, two| one.workload.cmp(&two.workload),
            ContainerFact::absorb,
        );
    }
}

impl HourFacts {
    /// Gives what is known of an instance the name that it has now: before it was a node it had that of its claim.
    fn rename_instance(&mut self, node: &NodeFact) {
        if node.provider_id.is_empty() {
            return;
        }
        for known in &mut self.nodes {
            if known.provider_id == node.provider_id && known.interval.end <= node.interval.start {
                known.name = std::sync::Arc::clone(&node.name);
            }
        }
    }
}

fn adjoin(one: Interval, other: Interval) -> bool {
    one.end == other.start || other.end == one.start
}

/// Two sorted lists as one; what is equal is absorbed.
fn merged<T>(
    one: Vec<T>,
    two: Vec<T>,
    order: impl Fn(&T, &T) -> Ordering,
    absorb: impl Fn(&mut T, T),
) -> Vec<T> {
    let mut out: Vec<T> = Vec::with_capacity(one.len().max(two.len()));
    let (mut one, mut two) = (one.into_iter().peekable(), two.into_iter().peekable());
    loop {
        let first = match (one.peek(), two.peek()) {
            (Some(left), Some(right)) => order(left, right) != Ordering::Greater,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let Some(next) = (if first { one.next() } else { two.next() }) else { return out };
        match out.last_mut() {
            Some(last) if order(last, &next) == Ordering::Equal => absorb(last, next),
            _ => out.push(next),
        }
    }
}

impl Amount {
    fn absorb(&mut self, other: Amount) {
        self.requested = self.requested.saturating_add(other.requested);
        self.used = self.used.saturating_add(other.used);
        self.charged = self.charged.saturating_add(other.charged);
    }
}

impl NetworkBytes {
    fn absorb(&mut self, other: NetworkBytes) {
        self.transmitted = self.transmitted.saturating_add(other.transmitted);
        self.received = self.received.saturating_add(other.received);
        self.zone = self.zone.saturating_add(other.zone);
        self.region = self.region.saturating_add(other.region);
        self.internet = self.internet.saturating_add(other.internet);
    }
}

impl ContainerFact {
    fn absorb(&mut self, other: ContainerFact) {
        self.interval = self.interval.hull(other.interval);
        self.cpu.absorb(other.cpu);
        self.ram.absorb(other.ram);
        self.gpu.absorb(other.gpu);
        self.cpu_limit = self.cpu_limit.saturating_add(other.cpu_limit);
        self.ram_limit = self.ram_limit.saturating_add(other.ram_limit);
        self.cpu_peak = self.cpu_peak.max(other.cpu_peak);
        self.ram_peak = self.ram_peak.max(other.ram_peak);
        self.measured = self.measured.saturating_add(other.measured);
        match (&mut self.network, other.network) {
            (Some(mine), Some(theirs)) => mine.absorb(theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
    }
}

impl VolumeFact {
    fn continues(&self, other: &VolumeFact) -> bool {
        adjoin(self.interval, other.interval)
            && self.name == other.name
            && self.bytes == other.bytes
            && self.provider_id == other.provider_id
            && self.storage_class == other.storage_class
            && self.volume_type == other.volume_type
            && self.claim_namespace == other.claim_namespace
            && self.claim == other.claim
    }

    fn absorb(&mut self, other: VolumeFact) {
        self.interval = self.interval.hull(other.interval);
        self.used_byte_seconds = match (self.used_byte_seconds, other.used_byte_seconds) {
            (None, None) => None,
            (one, two) => Some(one.unwrap_or(0).saturating_add(two.unwrap_or(0))),
        };
        self.used_peak = self.used_peak.max(other.used_peak);
        let order = |one: &VolumeUse, two: &VolumeUse| one.workload.cmp(&two.workload);
        self.uses = merged(std::mem::take(&mut self.uses), other.uses, order, |one, two| {
            one.byte_seconds = one.byte_seconds.saturating_add(two.byte_seconds);
        });
    }
}

impl BalancerFact {
    fn continues(&self, other: &BalancerFact) -> bool {
        adjoin(self.interval, other.interval)
            && self.namespace == other.namespace
            && self.service == other.service
            && self.address == other.address
            && self.private == other.private
    }

    fn absorb(&mut self, other: BalancerFact) {
        self.interval = self.interval.hull(other.interval);
        let order = |one: &BalancerUse, two: &BalancerUse| one.workload.cmp(&two.workload);
        self.uses = merged(std::mem::take(&mut self.uses), other.uses, order, |one, two| {
            one.seconds = one.seconds.saturating_add(two.seconds);
        });
    }
}
