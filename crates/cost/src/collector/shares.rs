//! What containers asked for and used in a part of an hour.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::collector::known::{KnownContainer, KnownPods, Place};
use crate::collector::view::ContainerUsage;
use crate::facts::{Amount, ContainerFact, NetworkBytes};
use crate::interval::Interval;

/// What is known of the pod in a slot for one stretch.
#[derive(Clone, Debug, Default)]
pub(super) struct Share {
    /// All of its life; empty if it was not bound to a node.
    pub whole: Interval,
    /// Where its use is told, in the order of the measurements.
    pub usage: Range<usize>,
    /// Whether its counters were told.
    pub counted: bool,
    /// By how much they grew, if that is known.
    pub grown: Option<NetworkBytes>,
}

/// Use that is not told in one piece with its pod's uid: by namespace, pod, container and uid.
pub(super) type Scattered<'a> = FxHashMap<(&'a str, &'a str, &'a str, &'a str), &'a ContainerUsage>;

/// Traffic without a uid: by namespace and pod.
pub(super) type Nameless = FxHashMap<(Arc<str>, Arc<str>), NetworkBytes>;

/// Measurements that follow each other and are of one pod.
pub(super) fn pieces_of(usage: &[ContainerUsage]) -> impl Iterator<Item = Range<usize>> {
    let same = |one: &Arc<str>, two: &Arc<str>| Arc::ptr_eq(one, two) || one == two;
    let alike = move |one: &ContainerUsage, two: &ContainerUsage| {
        same(&one.pod_uid, &two.pod_uid) && same(&one.pod, &two.pod) && same(&one.namespace, &two.namespace)
    };
    let mut end = 0;
    usage.chunk_by(alike).map(move |piece| {
        let start = end;
        end += piece.len();
        start..end
    })
}

/// All that is needed to make facts of a part of an hour.
pub(super) struct HourPart<'a> {
    pub known: &'a KnownPods,
    pub usage: &'a [ContainerUsage],
    /// By slot.
    pub shares: &'a [Share],
    pub scattered: &'a Scattered<'a>,
    pub nameless: &'a Nameless,
    pub stretch: Interval,
    pub inside: Interval,
}

impl HourPart<'_> {
    /// The containers that were there, in order of workloads.
    pub fn containers(&self) -> Vec<ContainerFact> {
        let there = |(slot, _): &&Place| !self.life(*slot as usize).is_empty();
        let places: Vec<Place> = self.known.in_order().iter().filter(there).copied().collect();
        places.into_par_iter().map(|(slot, index)| self.container(slot as usize, index as usize)).collect()
    }

    /// What of a pod's life lies in this part.
    fn life(&self, slot: usize) -> Interval {
        self.shares[slot].whole.overlap(self.inside)
    }

    fn container(&self, slot: usize, index: usize) -> ContainerFact {
        let (share, life) = (&self.shares[slot], self.life(slot));
        let containers = &self.known.pod(slot).identity.containers;
        let container = &containers[index];
        let (workload, asked) = (&container.workload, container.asked);
        let seconds = life.seconds();
        let used = self.used(share, container);
        let amount = |asked: u64, used: Option<u64>| Amount {
            requested: asked.saturating_mul(seconds),
            used: used.unwrap_or(0).saturating_mul(seconds),
            charged: asked.max(used.unwrap_or(0)).saturating_mul(seconds),
        };
        let microcores = used.map(|used| used.microcores);
        let ram_bytes = used.map(|used| used.ram_bytes);
        let gpu = Amount {
            // a GPU that was asked for is taken, whether it works or not
            charged: asked.milli_gpus.saturating_mul(seconds),
            ..amount(asked.milli_gpus, used.and_then(|used| used.milli_gpus))
        };
        // the part of this hour, then evenly over the containers (reference section 1.2, item 7)
        let bytes = share.grown.or_else(|| {
            let name = || (Arc::clone(&workload.namespace), Arc::clone(&workload.pod));
            if self.nameless.is_empty() { None } else { self.nameless.get(&name()).copied() }
        });
        let network = bytes.map(|bytes| {
            let bytes = bytes.part(share.whole.overlap(self.stretch), life);
            evenly(bytes, index as u64, containers.len() as u64)
        });
        ContainerFact {
            workload: Arc::clone(workload),
            interval: life,
            cpu: amount(asked.millicores.saturating_mul(1_000), microcores),
            ram: amount(asked.ram_bytes, ram_bytes),
            gpu,
            cpu_limit: asked.limit_millicores.saturating_mul(1_000).saturating_mul(seconds),
            ram_limit: asked.limit_ram_bytes.saturating_mul(seconds),
            cpu_peak: microcores.unwrap_or(0),
            ram_peak: ram_bytes.unwrap_or(0),
            measured: if used.is_some() { seconds } else { 0 },
            network,
        }
    }

    fn used(&self, share: &Share, container: &KnownContainer) -> Option<&ContainerUsage> {
        let workload = &container.workload;
        let told = self.usage.get(share.usage.clone()).unwrap_or_default();
        if let Some(found) = told.iter().find(|each| each.container == workload.container) {
            return Some(found);
        }
        if self.scattered.is_empty() {
            return None;
        }
        let by = |uid| self.scattered.get(&(&*workload.namespace, &*workload.pod, &*workload.container, uid));
        by(&workload.pod_uid).or_else(|| by("")).copied()
    }
}

/// The part of the container at `index` of `count`: what lies between two rounded running sums.
pub(crate) fn evenly(bytes: NetworkBytes, index: u64, count: u64) -> NetworkBytes {
    if count == 1 {
        return bytes;
    }
    let until = |amount: u64, index: u64| match amount.checked_mul(index) {
        Some(product) => product / count.max(1),
        None => {
            let product = u128::from(amount) * u128::from(index);
            u64::try_from(product / u128::from(count.max(1))).unwrap_or(u64::MAX)
        }
    };
    let of = |amount: u64| until(amount, index + 1) - until(amount, index);
    NetworkBytes {
        transmitted: of(bytes.transmitted),
        received: of(bytes.received),
        zone: of(bytes.zone),
        region: of(bytes.region),
        internet: of(bytes.internet),
    }
}
