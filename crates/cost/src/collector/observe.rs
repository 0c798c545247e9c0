//! One observation after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::collector::balancers::balancer_fact;
use crate::collector::nodes::node_fact;
use crate::collector::owners::Owners;
use crate::collector::pods::{LiveContainer, LivePod, Surroundings};
use crate::collector::view::{ContainerUsage, Measurements, View};
use crate::collector::volumes::{ClaimUsers, volume_fact};
use crate::facts::{Amount, ContainerFact, Gap, HourFacts, ManagementFact, NetworkBytes};
use crate::interval::Interval;
use crate::money::Division;

/// What a collector is told once.
#[derive(Clone, Debug)]
pub struct CollectorSettings {
    /// Id of the cluster.
    pub cluster: Arc<str>,
    /// Who runs the control plane and is paid for it, such as `EKS`; none if it costs nothing.
    pub provisioner: Option<Arc<str>>,
    /// The longest stretch, in seconds, that one measurement may stand for. In a longer one only requests are counted, and
    /// the stretch is a gap.
    pub longest_stretch: u64,
}

impl CollectorSettings {
    /// A cluster with a paid control plane, measured at least every five minutes.
    pub fn new(cluster: &str) -> CollectorSettings {
        CollectorSettings { cluster: cluster.into(), provisioner: Some("EKS".into()), longest_stretch: 300 }
    }
}

/// The facts of a stretch, an hour each, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The stretch since the last observation.
    pub stretch: Interval,
    /// Its facts.
    pub hours: Vec<HourFacts>,
}

/// An observation that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ObserveError {
    /// The clock went back, or the observation was made twice: that time is counted already.
    #[error("an observation at {now} comes after one at {last}: that time is counted already")]
    NotLater {
        /// Its time, in seconds since 1970.
        now: i64,
        /// The time of the last one.
        last: i64,
    },
}

type PodName = (Arc<str>, Arc<str>);

/// Turns observations into facts.
#[derive(Clone, Debug)]
pub struct Collector {
    settings: CollectorSettings,
    last: Option<i64>,
    counters: BTreeMap<PodName, NetworkBytes>,
}

impl Collector {
    /// A collector that knows nothing yet; its first observation only begins the time.
    pub fn new(settings: CollectorSettings) -> Collector {
        Collector { settings, last: None, counters: BTreeMap::new() }
    }

    /// A collector that goes on from the time until which everything is written down.
    pub fn resume(settings: CollectorSettings, last: i64) -> Collector {
        Collector { last: Some(last), ..Collector::new(settings) }
    }

    /// The time of the last observation, in seconds since 1970.
    pub const fn last(&self) -> Option<i64> {
        self.last
    }

    /// The facts since the last observation. Objects that were there all the time count from then on, others from their
    /// own beginning; what vanished in between counts until the last observation.
    pub fn observe(
        &mut self,
        now: i64,
        view: &View<'_>,
        measured: &Measurements<'_>,
    ) -> Result<Observation, ObserveError> {
        let traffic = self.traffic(measured);
        let Some(last) = self.last else {
            self.last = Some(now);
            return Ok(Observation { stretch: Interval::new(now, now), hours: Vec::new() });
        };
        if now <= last {
            return Err(ObserveError::NotLater { now, last });
        }
        self.last = Some(now);
        let stretch = Interval::new(last, now);
        let stale = stretch.seconds() > self.settings.longest_stretch;
        let mut usage: BTreeMap<(&str, &str, &str), &ContainerUsage> = BTreeMap::new();
        if !stale {
            for each in measured.containers {
                usage.entry((&each.namespace, &each.pod, &each.container)).or_insert(each);
            }
        }
        let provider_ids = view.nodes.iter().filter_map(|node| {
            let id = node.spec.as_ref()?.provider_id.as_deref()?;
            Some((node.metadata.name.as_deref()?, Arc::from(id)))
        });
        let owners = Owners::new(view.owners);
        let cluster = &self.settings.cluster;
        let around =
            Surroundings::new(cluster, view.namespaces, view.services, owners, provider_ids.collect());
        let silent = if stale { &[] } else { measured.silent_nodes };
        let stretches = stretch.hours().map(|hour| (hour, Interval::hour(hour).overlap(stretch)));
        let hours = stretches.map(|(hour, inside)| {
            let pods: Vec<LivePod<'_>> =
                view.pods.iter().filter_map(|pod| around.live(pod, inside)).collect();
            let mut facts = HourFacts { cluster: Arc::clone(cluster), hour, ..HourFacts::default() };
            for live in &pods {
                let share = PodShare { live, usage: &usage, traffic: &traffic, stretch };
                facts.containers.extend(share.containers());
            }
            self.things(&mut facts, view, measured, &pods, inside);
            let gap = |subject: String| Gap { interval: inside, subject: subject.into() };
            if stale {
                facts.gaps.push(gap("use of everything".to_owned()));
            }
            facts.gaps.extend(silent.iter().map(|node| gap(format!("use of node {node}"))));
            facts.sort();
            facts
        });
        Ok(Observation { stretch, hours: hours.collect() })
    }

    /// Nodes, volumes, load balancers, the control plane.
    fn things(
        &self,
        facts: &mut HourFacts,
        view: &View<'_>,
        measured: &Measurements<'_>,
        pods: &[LivePod<'_>],
        inside: Interval,
    ) {
        for node in view.nodes {
            let created =
                node.metadata.creation_timestamp.as_ref().map_or(i64::MIN, |time| time.0.as_second());
            let there = Interval::new(created, i64::MAX).overlap(inside);
            if !there.is_empty() {
                facts.nodes.extend(node_fact(node, there));
            }
        }
        let users = ClaimUsers::new(pods);
        let volume = |volume| volume_fact(volume, view.storage_classes, &users, measured.volumes, inside);
        facts.volumes.extend(view.volumes.iter().filter_map(volume));
        let mut by_namespace: BTreeMap<&str, Vec<&LivePod<'_>>> = BTreeMap::new();
        for live in pods {
            by_namespace
                .entry(live.pod.metadata.namespace.as_deref().unwrap_or_default())
                .or_default()
                .push(live);
        }
        let balancer = |service| balancer_fact(service, &by_namespace, inside);
        facts.balancers.extend(view.services.iter().filter_map(balancer));
        if let Some(provisioner) = &self.settings.provisioner {
            facts.management =
                Some(ManagementFact { provisioner: Arc::clone(provisioner), interval: inside });
        }
    }

    /// What pods sent and received since their counters were last seen. A counter that went down began anew.
    fn traffic(&mut self, measured: &Measurements<'_>) -> BTreeMap<PodName, NetworkBytes> {
        let mut seen = BTreeMap::new();
        let mut grown = BTreeMap::new();
        for each in measured.traffic {
            let name = (Arc::clone(&each.namespace), Arc::clone(&each.pod));
            if seen.contains_key(&name) {
                continue;
            }
            let now = each.counters;
            if let Some(before) = self.counters.get(&name) {
                let anew = now.transmitted < before.transmitted || now.received < before.received;
                let before = if anew { NetworkBytes::default() } else { *before };
                grown.insert(
                    name.clone(),
                    NetworkBytes {
                        transmitted: now.transmitted.saturating_sub(before.transmitted),
                        received: now.received.saturating_sub(before.received),
                        zone: now.zone.saturating_sub(before.zone),
                        region: now.region.saturating_sub(before.region),
                        internet: now.internet.saturating_sub(before.internet),
                    },
                );
            }
            seen.insert(name, now);
        }
        // pods that were not measured this time keep their counters, so that nothing is lost
        for (name, counters) in seen {
            self.counters.insert(name, counters);
        }
        grown
    }
}

/// A pod's containers in a part of the stretch.
struct PodShare<'a> {
    live: &'a LivePod<'a>,
    usage: &'a BTreeMap<(&'a str, &'a str, &'a str), &'a ContainerUsage>,
    traffic: &'a BTreeMap<PodName, NetworkBytes>,
    stretch: Interval,
}

impl PodShare<'_> {
    fn containers(&self) -> Vec<ContainerFact> {
        let count = self.live.containers.len() as u64;
        let first = self.live.containers.first();
        let name = first.map(|one| (Arc::clone(&one.workload.namespace), Arc::clone(&one.workload.pod)));
        // the part of this hour, then evenly over the containers (reference section 1.2, item 7)
        let bytes =
            name.and_then(|name| self.traffic.get(&name)).map(|all| all.part(self.stretch, self.live.life));
        let mut facts = Vec::with_capacity(self.live.containers.len());
        for (index, container) in self.live.containers.iter().enumerate() {
            let network = bytes.map(|bytes| evenly(bytes, index as u64, count));
            facts.push(self.container(container, network));
        }
        facts
    }

    fn container(&self, container: &LiveContainer, network: Option<NetworkBytes>) -> ContainerFact {
        let workload = &container.workload;
        let asked = container.asked;
        let seconds = self.live.life.seconds();
        let used = self.usage.get(&(&*workload.namespace, &*workload.pod, &*workload.container));
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
        ContainerFact {
            workload: Arc::clone(workload),
            interval: self.live.life,
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
}

/// The part of the container at `index` of `count`.
fn evenly(bytes: NetworkBytes, index: u64, count: u64) -> NetworkBytes {
    let of = |amount: u64| {
        let mut division = Division::of_quantity(u128::from(amount), u128::from(count));
        // the parts before it
        let before = division.next_quantity(u128::from(index));
        let until = before + division.next_quantity(1);
        u64::try_from(until - before).unwrap_or(u64::MAX)
    };
    NetworkBytes {
        transmitted: of(bytes.transmitted),
        received: of(bytes.received),
        zone: of(bytes.zone),
        region: of(bytes.region),
        internet: of(bytes.internet),
    }
}
