//! When pods were seen and planned for, as far as it is remembered.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::Metrics;

/// When pods were seen and planned for, by uid. It is in memory only: after a restart it begins anew.
#[derive(Debug, Default)]
pub struct PodTimes {
    times: BTreeMap<String, Times>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    seen: Timestamp,
    decided: bool,
    planned: Option<Timestamp>,
}

impl PodTimes {
    /// When a place was first planned for a pod.
    pub fn planned(&self, uid: &str) -> Option<Timestamp> {
        self.times.get(uid)?.planned
    }

    /// When a pod was first seen about which nothing has been decided yet.
    pub fn undecided(&self, uid: &str) -> Option<Timestamp> {
        self.times.get(uid).filter(|times| !times.decided).map(|times| times.seen)
    }
}

/// The times, behind a lock of their own.
#[derive(Debug, Default)]
pub(super) struct SharedPodTimes(Mutex<PodTimes>);

impl Metrics {
    /// What is remembered of pods.
    pub fn pod_times(&self) -> MutexGuard<'_, PodTimes> {
        // times are set one by one, so what a panicking thread left is still good
        self.pod_times.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pod that waits for a node was seen.
    pub fn pod_seen(&self, uid: &str, now: Timestamp) {
        let times = Times { seen: now, decided: false, planned: None };
        self.pod_times().times.entry(uid.to_owned()).or_insert(times);
    }

    /// It was decided about a pod for the first time or again: a place was planned for it, or there is none.
    pub fn pod_planned(&self, uid: &str, has_place: bool, now: Timestamp) {
        let mut known = self.pod_times();
        let times =
            known.times.entry(uid.to_owned()).or_insert(Times { seen: now, decided: false, planned: None });
        if has_place && times.planned.is_none() {
            times.planned = Some(now);
        }
        if !std::mem::replace(&mut times.decided, true) {
            let since = now.duration_since(times.seen).unsigned_abs();
            drop(known);
            self.pod_decided(since);
        }
    }

    /// A pod is gone, or runs: what was remembered of it can go.
    pub fn pod_forgotten(&self, uid: &str) {
        self.pod_times().times.remove(uid);
    }
}
