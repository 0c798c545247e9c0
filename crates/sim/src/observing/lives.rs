//! When pods were made, bound and running.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use supercargo_api::Pod;
use supercargo_reconcile::{controller_of, node_of};

/// The life of a pod so far.
#[derive(Debug, Clone)]
struct Life {
    made: Timestamp,
    runs: bool,
}

/// The lives of all pods but those of DaemonSets.
#[derive(Debug, Clone, Default)]
pub struct Lives {
    /// By uid.
    alive: BTreeMap<String, Life>,
    waits: Vec<Duration>,
    made: usize,
}

/// How long pods waited, from their creation to their running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latencies {
    /// Pods that came to run.
    pub pods: usize,
    /// Half of them waited no longer than this, in seconds.
    pub p50: f64,
    /// 95 of 100 waited no longer than this.
    pub p95: f64,
    /// 99 of 100 waited no longer than this.
    pub p99: f64,
    /// The longest wait.
    pub last: f64,
}

impl Lives {
    /// Takes notice of a pod as it is now.
    pub fn see(&mut self, pod: &Pod, now: Timestamp) {
        let is_daemon = controller_of(&pod.metadata)
            .is_some_and(|owner| owner.kind == "DaemonSet" || owner.kind == "Node");
        let (Some(uid), false) = (&pod.metadata.uid, is_daemon) else { return };
        if !self.alive.contains_key(uid) {
            self.made += 1;
            self.alive.insert(uid.clone(), Life { made: now, runs: false });
        }
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let runs = node_of(pod).is_some() && matches!(phase, Some("Running" | "Succeeded"));
        if let Some(life) = self.alive.get_mut(uid).filter(|life| runs && !life.runs) {
            life.runs = true;
            self.waits.push(Duration::try_from(now.duration_since(life.made)).unwrap_or_default());
        }
    }

    /// Takes notice of a pod's end.
    pub fn forget(&mut self, pod: &Pod) {
        if let Some(uid) = &pod.metadata.uid {
            self.alive.remove(uid);
        }
    }

    /// How many pods there ever were.
    pub fn made(&self) -> usize {
        self.made
    }

    /// How long pods waited.
    pub fn latencies(&self) -> Latencies {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        // the smallest wait that so many percent do not exceed
        let percentile = |percent: usize| {
            let rank = (waits.len() * percent).div_ceil(100).max(1);
            waits.get(rank - 1).map_or(0.0, Duration::as_secs_f64)
        };
        Latencies {
            pods: waits.len(),
            p50: percentile(50),
            p95: percentile(95),
            p99: percentile(99),
            last: waits.last().map_or(0.0, Duration::as_secs_f64),
        }
    }
}
