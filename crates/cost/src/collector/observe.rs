//! One observation after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use supercargo_api::Pod;
use thiserror::Error;

use crate::collector::balancers::balancer_fact;
use crate::collector::known::KnownPods;
use crate::collector::nodes::node_fact;
use crate::collector::owners::Owners;
use crate::collector::pods::{LiveContainer, LivePod, Surroundings, life};
use crate::collector::view::{ContainerUsage, Measurements, Seen, View};
use crate::collector::volumes::{ClaimUsers, volume_fact};
use crate::facts::{Amount, ContainerFact, Gap, HourFacts, ManagementFact, NetworkBytes};
use crate::interval::Interval;
use crate::money::Division;
use crate::workload::Workload;

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
    /// The longest stretch, in seconds, over which what is there now is taken to have been there all along. Of a longer one
    /// only the last part has facts, what lies before it is a gap.
    pub longest_absence: u64,
}

/// Gaps are noted for so many seconds back, and not further: 31 days.
const LONGEST_GAP: i64 = 31 * 86_400;

impl CollectorSettings {
    /// A cluster with a paid control plane, measured at least every five minutes.
    pub fn new(cluster: &str) -> CollectorSettings {
        CollectorSettings {
            cluster: cluster.into(),
            provisioner: Some("EKS".into()),
            longest_stretch: 300,
            longest_absence: 86_400,
        }
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

/// Namespace, name and uid.
type PodName = (Arc<str>, Arc<str>, Arc<str>);

/// Bytes by pod.
type Traffic = FxHashMap<PodName, NetworkBytes>;

/// Turns observations into facts.
#[derive(Clone, Debug)]
pub struct Collector {
    settings: CollectorSettings,
    last: Option<i64>,
    counters: Traffic,
    known: KnownPods,
}

impl Collector {
    /// A collector that knows nothing yet; its first observation only begins the time.
    pub fn new(settings: CollectorSettings) -> Collector {
        Collector { settings, last: None, counters: Traffic::default(), known: KnownPods::default() }
    }

    /// A collector that goes on from the time until which everything is written down.
    pub fn resume(settings: CollectorSettings, last: i64) -> Collector {
        Collector { last: Some(last), ..Collector::new(settings) }
    }

    /// The time of the last observation, in seconds since 1970.
    pub const fn last(&self) -> Option<i64> {
        self.last
    }

    /// Until now there was no cluster: the stretch since the last observation is a gap and nothing else.
    pub fn absent(&mut self, now: i64) -> Result<Observation, ObserveError> {
        let stretch = self.advance(now)?;
        let hours = recent(stretch).map(|(hour, inside)| {
            let mut facts = self.blank(hour);
            facts.gaps.push(gap(inside, "everything"));
            facts
        });
        Ok(Observation { stretch, hours: hours.collect() })
    }

    /// The facts since the last observation. Objects that were there all the time count from then on, others from their
    /// own beginning; what vanished in between counts until it was seen to go, or until the last observation.
    pub fn observe<'a>(
        &mut self,
        now: i64,
        view: &View<'a>,
        measured: &Measurements<'_>,
    ) -> Result<Observation, ObserveError> {
        let stretch = self.advance(now)?;
        let traffic = self.traffic(view, measured, stretch.start);
        if stretch.is_empty() {
            return Ok(Observation { stretch, hours: Vec::new() });
        }
        let stale = stretch.seconds() > self.settings.longest_stretch;
        let mut usage: Usage<'_> = FxHashMap::default();
        if !stale {
            for each in measured.containers {
                usage.entry((&each.namespace, &each.pod, &each.container, &each.pod_uid)).or_insert(each);
            }
        }
        let provider_ids = view.nodes.iter().filter_map(|seen| {
            let id = seen.object.spec.as_ref()?.provider_id.as_deref()?;
            Some((seen.object.metadata.name.as_deref()?, Arc::from(id)))
        });
        let around = Surroundings::new(
            &self.settings.cluster,
            &view.namespaces,
            &view.services,
            Owners::new(&view.owners),
            provider_ids.collect(),
            self.known.lend(),
        );
        let silent = if stale { &[] } else { measured.silent_nodes };
        let absence = i64::try_from(self.settings.longest_absence).unwrap_or(i64::MAX);
        let believed = Interval::new(now.saturating_sub(absence), now);
        let mut last_seen: Vec<LivePod<'_>> = Vec::new();
        let mut hours = Vec::new();
        for (hour, all) in recent(stretch) {
            let inside = all.overlap(believed);
            let mut facts = self.blank(hour);
            let unknown = Interval::new(all.start, all.end.min(believed.start));
            if !unknown.is_empty() {
                facts.gaps.push(gap(unknown, "everything"));
            }
            if inside.is_empty() {
                hours.push(facts);
                continue;
            }
            let live = |pod: &Seen<'a, Pod>| around.live(*pod, inside, &self.known);
            let pods: Vec<LivePod<'_>> = view.pods.par_iter().filter_map(live).collect();
            let containers = |live: &LivePod<'_>| {
                PodShare { live, usage: &usage, traffic: &traffic, stretch }.containers()
            };
            facts.containers = pods.par_iter().flat_map_iter(containers).collect();
            self.known.arrange(&mut facts.containers);
            self.things(&mut facts, view, measured, &pods, inside);
            if stale {
                facts.gaps.push(gap(inside, "use of everything"));
            }
            facts.gaps.extend(silent.iter().map(|node| gap(inside, &format!("use of node {node}"))));
            facts.sort();
            self.known.note_order(&facts.containers);
            hours.push(facts);
            last_seen = pods;
        }
        self.known.remember(&last_seen, around.into_maps());
        Ok(Observation { stretch, hours })
    }

    /// Moves on to a time; the stretch since the last one, which is empty the first time.
    fn advance(&mut self, now: i64) -> Result<Interval, ObserveError> {
        let last = self.last.unwrap_or(now);
        if now <= last && self.last.is_some() {
            return Err(ObserveError::NotLater { now, last });
        }
        self.last = Some(now);
        Ok(Interval::new(last, now))
    }

    fn blank(&self, hour: i64) -> HourFacts {
        HourFacts { cluster: Arc::clone(&self.settings.cluster), hour, ..HourFacts::default() }
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
        for seen in &view.nodes {
            let created = seen.object.metadata.creation_timestamp.as_ref();
            let there = seen.since(created.map_or(i64::MIN, |time| time.0.as_second())).overlap(inside);
            if !there.is_empty() {
                facts.nodes.extend(node_fact(seen.object, there));
            }
        }
        let users = ClaimUsers::new(pods);
        let volume = |volume| volume_fact(volume, &view.storage_classes, &users, measured.volumes, inside);
        facts.volumes.extend(view.volumes.iter().copied().filter_map(volume));
        let mut by_namespace: BTreeMap<&str, Vec<&LivePod<'_>>> = BTreeMap::new();
        for live in pods {
            by_namespace
                .entry(live.pod.metadata.namespace.as_deref().unwrap_or_default())
                .or_default()
                .push(live);
        }
        let balancer = |service| balancer_fact(service, &by_namespace, inside);
        facts.balancers.extend(view.services.iter().copied().filter_map(balancer));
        if let Some(provisioner) = &self.settings.provisioner {
            facts.management =
                Some(ManagementFact { provisioner: Arc::clone(provisioner), interval: inside });
        }
    }

    /// What pods sent and received since their counters were last seen. A counter that went down began anew, and so did that
    /// of a pod that was not there the last time.
    fn traffic(&mut self, view: &View<'_>, measured: &Measurements<'_>, last: i64) -> Traffic {
        if measured.traffic.is_empty() && self.counters.is_empty() {
            return Traffic::default();
        }
        // pods that are there, and whether they are younger than the last observation
        let mut there: FxHashMap<(&str, &str, &str), bool> = FxHashMap::default();
        for pod in &view.pods {
            let metadata = &pod.object.metadata;
            let young = life(*pod).is_some_and(|life| life.start >= last);
            let namespace = metadata.namespace.as_deref().unwrap_or_default();
            let name = metadata.name.as_deref().unwrap_or_default();
            there.insert((namespace, name, metadata.uid.as_deref().unwrap_or_default()), young);
        }
        let mut seen: FxHashSet<(&str, &str, &str)> = FxHashSet::default();
        let mut grown = Traffic::default();
        for each in measured.traffic {
            if !seen.insert((&each.namespace, &each.pod, &each.pod_uid)) {
                continue;
            }
            let name = (Arc::clone(&each.namespace), Arc::clone(&each.pod), Arc::clone(&each.pod_uid));
            let now = each.counters;
            let young = there.get(&(&*each.namespace, &*each.pod, &*each.pod_uid)) == Some(&true);
            // pods that are not measured this time keep their counters, so that nothing is lost
            let before = self.counters.insert(name.clone(), now);
            if let Some(before) = before.or_else(|| young.then(NetworkBytes::default)) {
                let anew = now.transmitted < before.transmitted || now.received < before.received;
                let before = if anew { NetworkBytes::default() } else { before };
                grown.insert(
                    name,
                    NetworkBytes {
                        transmitted: now.transmitted.saturating_sub(before.transmitted),
                        received: now.received.saturating_sub(before.received),
                        zone: now.zone.saturating_sub(before.zone),
                        region: now.region.saturating_sub(before.region),
                        internet: now.internet.saturating_sub(before.internet),
                    },
                );
            }
        }
        self.counters.retain(|(namespace, name, uid), _| {
            uid.is_empty() || there.contains_key(&(&**namespace, &**name, &**uid))
        });
        grown
    }
}

/// The hours of a stretch, as far back as they are noted, with what of them lies in it.
fn recent(stretch: Interval) -> impl Iterator<Item = (i64, Interval)> {
    let noted = Interval::new(stretch.start.max(stretch.end.saturating_sub(LONGEST_GAP)), stretch.end);
    noted.hours().map(move |hour| (hour, Interval::hour(hour).overlap(noted)))
}

fn gap(interval: Interval, subject: &str) -> Gap {
    Gap { interval, subject: subject.into() }
}

/// What was used, by namespace, pod, container and uid.
type Usage<'a> = FxHashMap<(&'a str, &'a str, &'a str, &'a str), &'a ContainerUsage>;

/// A pod's containers in a part of the stretch.
struct PodShare<'a> {
    live: &'a LivePod<'a>,
    usage: &'a Usage<'a>,
    traffic: &'a Traffic,
    stretch: Interval,
}

impl PodShare<'_> {
    fn containers(&self) -> Vec<ContainerFact> {
        let count = self.live.containers.len() as u64;
        let first = self.live.containers.first().map(|first| &first.workload);
        let counted = |first: &Arc<Workload>, uid: &Arc<str>| {
            let name = (Arc::clone(&first.namespace), Arc::clone(&first.pod), Arc::clone(uid));
            self.traffic.get(&name)
        };
        let all = first
            .filter(|_| !self.traffic.is_empty())
            .and_then(|first| counted(first, &first.pod_uid).or_else(|| counted(first, &"".into())));
        // the part of this hour, then evenly over the containers (reference section 1.2, item 7)
        let bytes = all.map(|all| all.part(self.live.whole.overlap(self.stretch), self.live.life));
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
        let used_by =
            |uid| self.usage.get(&(&*workload.namespace, &*workload.pod, &*workload.container, uid));
        let used = used_by(&workload.pod_uid).or_else(|| used_by(""));
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
pub(crate) fn evenly(bytes: NetworkBytes, index: u64, count: u64) -> NetworkBytes {
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
