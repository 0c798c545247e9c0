//! One observation after the other.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use supercargo_api::Pod;
use thiserror::Error;

use crate::collector::balancers::balancer_fact;
use crate::collector::claims::Launches;
use crate::collector::known::KnownPods;
use crate::collector::nodes::node_fact;
use crate::collector::owners::Owners;
use crate::collector::pods::{LivePod, Surroundings, life};
use crate::collector::shares::{HourPart, Nameless, Scattered, Share, pieces_of};
use crate::collector::view::{Measurements, PodTraffic, Seen, View};
use crate::collector::volumes::{ClaimUsers, usage_of_claims, volume_fact};
use crate::facts::{Gap, HourFacts, ManagementFact, NetworkBytes};
use crate::interval::Interval;

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

/// Turns observations into facts.
#[derive(Clone, Debug)]
pub struct Collector {
    settings: CollectorSettings,
    last: Option<i64>,
    /// Counters that came without a uid, by namespace and name.
    nameless: FxHashMap<(Arc<str>, Arc<str>), NetworkBytes>,
    known: KnownPods,
}

impl Collector {
    /// A collector that knows nothing yet; its first observation only begins the time.
    pub fn new(settings: CollectorSettings) -> Collector {
        Collector { settings, last: None, nameless: FxHashMap::default(), known: KnownPods::default() }
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
    pub fn observe(
        &mut self,
        now: i64,
        view: &View<'_>,
        measured: &Measurements<'_>,
    ) -> Result<Observation, ObserveError> {
        let stretch = self.advance(now)?;
        let slots = self.known.enter(&view.pods);
        let lives: Vec<Option<Interval>> = view.pods.par_iter().map(|seen| life(*seen)).collect();
        let mut shares = vec![Share::default(); self.known.len()];
        for (slot, life) in slots.iter().zip(&lives) {
            shares[*slot].whole = life.unwrap_or_default();
        }
        let nameless = self.traffic(view, measured, stretch.start, &mut shares);
        if stretch.is_empty() {
            self.known.leave(|_| false);
            return Ok(Observation { stretch, hours: Vec::new() });
        }
        let absence = i64::try_from(self.settings.longest_absence).unwrap_or(i64::MAX);
        let believed = Interval::new(now.saturating_sub(absence), now);
        self.identify(view, &slots, &shares, stretch.overlap(believed));
        let stale = stretch.seconds() > self.settings.longest_stretch;
        let scattered = if stale { Scattered::default() } else { self.usage(measured, &mut shares) };
        let silent = if stale { &[] } else { measured.silent_nodes };
        let launches = Launches::of(view);
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
            let part = HourPart {
                known: &self.known,
                usage: measured.containers,
                shares: &shares,
                scattered: &scattered,
                nameless: &nameless,
                stretch,
                inside,
            };
            facts.containers = part.containers();
            nodes(&mut facts, view, &launches, inside);
            self.things(&mut facts, view, measured, &slots, &shares, inside);
            if stale {
                facts.gaps.push(gap(inside, "use of everything"));
            }
            facts.gaps.extend(silent.iter().map(|node| gap(inside, &format!("use of node {node}"))));
            if self.known.has_ties() {
                facts.sort();
            } else {
                facts.sort_things();
            }
            hours.push(facts);
        }
        self.known.leave(|slot| !shares[slot].whole.overlap(stretch).is_empty());
        Ok(Observation { stretch, hours })
    }

    /// Finds out who the pods are that were there in a stretch.
    fn identify(&mut self, view: &View<'_>, slots: &[usize], shares: &[Share], stretch: Interval) {
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
        let known = &self.known;
        let look = |(seen, slot): (&Seen<'_, Pod>, &usize)| {
            let there = !shares[*slot].whole.overlap(stretch).is_empty();
            let (still, done) =
                if there { around.still(seen.object, known.pod(*slot)) } else { (true, true) };
            (!done).then_some(still)
        };
        let others: Vec<Option<bool>> = view.pods.par_iter().zip(slots.par_iter()).map(look).collect();
        // one after the other: they share their texts
        let mut found = Vec::new();
        for ((seen, slot), still) in view.pods.iter().zip(slots).zip(others) {
            if let Some(still) = still {
                let identity = around.identity(seen.object, known.pod(*slot), still);
                found.extend(identity.map(|identity| (*slot, identity)));
            }
        }
        self.known.take_back(around.into_shared());
        self.known.identify(found);
    }

    /// Says of each pod where its use is told. What is not told in one piece with its pod's uid comes back.
    fn usage<'m>(&self, measured: &Measurements<'m>, shares: &mut [Share]) -> Scattered<'m> {
        let usage = measured.containers;
        let pieces: Vec<Range<usize>> = pieces_of(usage).collect();
        let owner = |piece: &Range<usize>| {
            let told = &usage[piece.start];
            let slot = self.known.slot_of(&told.pod_uid)?;
            let first = &self.known.pod(slot).identity.containers.first()?.workload;
            (*first.namespace == *told.namespace && *first.pod == *told.pod).then_some(slot)
        };
        let owners: Vec<Option<usize>> = pieces.par_iter().map(owner).collect();
        let mut scattered = Scattered::default();
        for (piece, owner) in pieces.into_iter().zip(owners) {
            match owner {
                Some(slot) if shares[slot].usage.is_empty() => shares[slot].usage = piece,
                _ => {
                    for each in &usage[piece] {
                        let name = (&*each.namespace, &*each.pod, &*each.container, &*each.pod_uid);
                        scattered.entry(name).or_insert(each);
                    }
                }
            }
        }
        scattered
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

    /// Volumes, load balancers, the control plane.
    fn things(
        &self,
        facts: &mut HourFacts,
        view: &View<'_>,
        measured: &Measurements<'_>,
        slots: &[usize],
        shares: &[Share],
        inside: Interval,
    ) {
        if let Some(provisioner) = &self.settings.provisioner {
            facts.management =
                Some(ManagementFact { provisioner: Arc::clone(provisioner), interval: inside });
        }
        let outside = |seen: &Seen<'_, Service>| {
            seen.object.spec.as_ref().is_some_and(|spec| spec.type_.as_deref() == Some("LoadBalancer"))
        };
        let balancers: Vec<Seen<'_, Service>> = view.services.iter().copied().filter(outside).collect();
        if view.volumes.is_empty() && balancers.is_empty() {
            return;
        }
        let mut pods: Vec<LivePod<'_>> = Vec::new();
        for (seen, slot) in view.pods.iter().zip(slots) {
            let life = shares[*slot].whole.overlap(inside);
            let containers = self.known.pod(*slot).identity.containers.as_slice();
            if !life.is_empty() && !containers.is_empty() {
                pods.push(LivePod { pod: seen.object, life, containers });
            }
        }
        if !view.volumes.is_empty() {
            let (users, usage) = (ClaimUsers::new(&pods), usage_of_claims(measured.volumes));
            let volume = |volume| volume_fact(volume, &view.storage_classes, &users, &usage, inside);
            facts.volumes.extend(view.volumes.iter().copied().filter_map(volume));
        }
        let mut by_namespace: BTreeMap<&str, Vec<&LivePod<'_>>> = BTreeMap::new();
        for service in &balancers {
            by_namespace.insert(service.object.metadata.namespace.as_deref().unwrap_or_default(), Vec::new());
        }
        for live in &pods {
            let namespace = live.pod.metadata.namespace.as_deref().unwrap_or_default();
            if let Some(behind) = by_namespace.get_mut(namespace) {
                behind.push(live);
            }
        }
        let balancer = |service| balancer_fact(service, &by_namespace, inside);
        facts.balancers.extend(balancers.into_iter().filter_map(balancer));
    }

    /// What pods sent and received since their counters were last seen, into their shares; what came without a uid comes
    /// back. A counter that went down began anew, and so did that of a pod that was not there the last time.
    fn traffic(
        &mut self,
        view: &View<'_>,
        measured: &Measurements<'_>,
        last: i64,
        shares: &mut [Share],
    ) -> Nameless {
        let mut grown = Nameless::default();
        let slot_of = |told: &PodTraffic| self.known.slot_of(&told.pod_uid);
        let slots: Vec<Option<usize>> = measured.traffic.par_iter().map(slot_of).collect();
        for (told, slot) in measured.traffic.iter().zip(slots) {
            let now = told.counters;
            // of pods that are not there nothing is counted; those that are not measured this time keep their counters
            if let Some(slot) = slot
                && !std::mem::replace(&mut shares[slot].counted, true)
            {
                let young = shares[slot].whole.start >= last && !shares[slot].whole.is_empty();
                let before = self.known.counters(slot).replace(now);
                let before = before.or_else(|| young.then(NetworkBytes::default));
                shares[slot].grown = before.map(|before| growth(before, now));
            }
        }
        let nameless: Vec<&PodTraffic> =
            measured.traffic.iter().filter(|told| told.pod_uid.is_empty()).collect();
        if nameless.is_empty() {
            return grown;
        }
        // pods without a uid that are younger than the last observation
        let is_young = |seen: &&Seen<'_, Pod>| life(**seen).is_some_and(|life| life.start >= last);
        let unnamed =
            |seen: &&Seen<'_, Pod>| seen.object.metadata.uid.as_deref().unwrap_or_default().is_empty();
        let young: FxHashSet<(&str, &str)> = view
            .pods
            .iter()
            .filter(unnamed)
            .filter(is_young)
            .map(|seen| {
                let metadata = &seen.object.metadata;
                (
                    metadata.namespace.as_deref().unwrap_or_default(),
                    metadata.name.as_deref().unwrap_or_default(),
                )
            })
            .collect();
        let mut counted: FxHashSet<(&str, &str)> = FxHashSet::default();
        for told in nameless {
            if !counted.insert((&*told.namespace, &*told.pod)) {
                continue;
            }
            let name = (Arc::clone(&told.namespace), Arc::clone(&told.pod));
            let anew = || young.contains(&(&*told.namespace, &*told.pod)).then(NetworkBytes::default);
            let before = self.nameless.insert(name.clone(), told.counters).or_else(anew);
            if let Some(before) = before {
                grown.insert(name, growth(before, told.counters));
            }
        }
        grown
    }
}

/// From one reading of counters to the next. If either went down they began anew.
fn growth(before: NetworkBytes, now: NetworkBytes) -> NetworkBytes {
    let anew = now.transmitted < before.transmitted || now.received < before.received;
    let before = if anew { NetworkBytes::default() } else { before };
    NetworkBytes {
        transmitted: now.transmitted.saturating_sub(before.transmitted),
        received: now.received.saturating_sub(before.received),
        zone: now.zone.saturating_sub(before.zone),
        region: now.region.saturating_sub(before.region),
        internet: now.internet.saturating_sub(before.internet),
    }
}

/// Nodes, and the instances that are going to be some.
fn nodes(facts: &mut HourFacts, view: &View<'_>, launches: &Launches<'_>, inside: Interval) {
    for seen in &view.nodes {
        let created = seen.object.metadata.creation_timestamp.as_ref();
        let created = created.map_or(i64::MIN, |time| time.0.as_second());
        let there = seen.since(launches.beginning(seen.object, created)).overlap(inside);
        if !there.is_empty() {
            facts.nodes.extend(node_fact(seen.object, there));
        }
    }
    facts.nodes.extend(launches.waiting(inside));
}

/// The hours of a stretch, as far back as they are noted, with what of them lies in it.
fn recent(stretch: Interval) -> impl Iterator<Item = (i64, Interval)> {
    let noted = Interval::new(stretch.start.max(stretch.end.saturating_sub(LONGEST_GAP)), stretch.end);
    noted.hours().map(move |hour| (hour, Interval::hour(hour).overlap(noted)))
}

fn gap(interval: Interval, subject: &str) -> Gap {
    Gap { interval, subject: subject.into() }
}
