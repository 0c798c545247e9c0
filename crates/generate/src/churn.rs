//! Churn: workloads are scaled down, some to nearly nothing, some not at all, and leave the fleet fragmented.

use std::collections::BTreeMap;

use crate::builder::Builder;
use crate::metadata::before;
use crate::workload::Kind;

/// No workload loses more than this share.
const MOST_LOST: f64 = 0.97;
/// Workloads were scaled down within this time before the dump.
const WITHIN_SECONDS: u64 = 2 * 3_600;
/// And not later than this before it.
const SINCE_SECONDS: i64 = 900;

impl Builder<'_> {
    /// Scales workloads down until the share of pods is gone.
    pub(crate) fn churn(&mut self) {
        let pods = self.pods_by_workload();
        for (workload, pods) in self.workloads.iter_mut().zip(&pods) {
            workload.full = pods.len() as u32;
        }
        let counts: Vec<f64> = pods.iter().map(|pods| pods.len() as f64).collect();
        let losses = self.losses(&counts);
        let mut keep = vec![true; self.owners.len()];
        for (workload, (pods, loss)) in pods.iter().zip(&losses).enumerate() {
            let lost = (pods.len() as f64 * loss).round() as usize;
            let ended = before(self.options.at, SINCE_SECONDS + self.events.below(WITHIN_SECONDS) as i64);
            for pod in self.first_to_go(workload, pods).into_iter().take(lost) {
                keep[pod] = false;
                let node = self.objects.pods[pod].node_name();
                if let Some(site) = node.and_then(|node| self.sites.get_mut(node)) {
                    site.last_event = site.last_event.max(ended);
                }
            }
        }
        self.keep_pods(&keep);
    }

    /// Which share of its pods each workload loses; all together lose what was asked for.
    fn losses(&mut self, counts: &[f64]) -> Vec<f64> {
        let churn = self.options.churn;
        let mut eagerness: Vec<f64> = Vec::with_capacity(counts.len());
        for workload in &self.workloads {
            let draw = self.events.f64();
            let eager = 0.3 + 1.4 * self.events.f64();
            let spared = workload.system || churn == 0.0 || draw < 0.3 * (1.0 - churn);
            eagerness.push(if spared {
                0.0
            } else if draw > 0.85 {
                4.0
            } else {
                eager
            });
        }
        let goal = churn * counts.iter().sum::<f64>();
        let loss = |eager: f64, strength: f64| (eager * strength).min(MOST_LOST);
        let lost = |eagerness: &[f64], strength: f64| -> f64 {
            counts.iter().zip(eagerness).map(|(count, eager)| count * loss(*eager, strength)).sum()
        };
        if lost(&eagerness, 1e6) < goal {
            // Too much is asked for to leave anybody alone.
            for (eager, workload) in eagerness.iter_mut().zip(&self.workloads) {
                *eager = if workload.system { 0.0 } else { eager.max(0.5) };
            }
        }
        let (mut weak, mut strong) = (0.0, 8.0);
        for _ in 0..60 {
            let middle = (weak + strong) / 2.0;
            if lost(&eagerness, middle) < goal { weak = middle } else { strong = middle }
        }
        eagerness.into_iter().map(|eager| loss(eager, strong)).collect()
    }

    /// A workload's pods in the order their controller lets them go: of a ReplicaSet those that share a node with most
    /// others first, of a StatefulSet the last first.
    fn first_to_go(&mut self, workload: usize, pods: &[usize]) -> Vec<usize> {
        let mut order = pods.to_vec();
        if self.workloads[workload].kind == Kind::StatefulSet {
            order.reverse();
            return order;
        }
        self.events.shuffle(&mut order);
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut ranked: Vec<(usize, usize)> = order
            .iter()
            .map(|pod| {
                let node = self.objects.pods[*pod].node_name().unwrap_or_default();
                let rank = seen.entry(node).or_default();
                *rank += 1;
                (*rank, *pod)
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        ranked.into_iter().map(|(_, pod)| pod).collect()
    }
}
