//! Arrivals: workloads come, the engine places them, nodes are launched for what does not fit; earlier Jobs end.

use jiff::SignedDuration;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{Outcome, SolveOptions, solve};

use crate::builder::{Builder, DAEMON};
use crate::metadata::before;
use crate::options::GenerateError;
use crate::pods::{next_pod, run};
use crate::workload::Kind;

/// The cluster has grown over this time.
const HISTORY_SECONDS: i64 = 6 * 86_400 + 4 * 3_600;
/// The last arrival was this long ago.
const QUIET_SECONDS: i64 = 4 * 3_600;
/// Pods per node, DaemonSets aside, if their sizes are not scaled.
const USUAL: f64 = 25.0;
/// More arrivals than this bring no node: something is wrong.
const MOST_IDLE: u32 = 12;
/// Of the Jobs of earlier arrivals, so many have ended when the next comes.
const JOBS_ENDED: f64 = 0.6;

impl Builder<'_> {
    /// Grows the cluster to exactly as many nodes as asked for.
    pub(crate) fn grow(&mut self) -> Result<(), GenerateError> {
        let goal = self.options.nodes as usize;
        let arrivals = (3 + goal / 60).min(9);
        let (mut arrival, mut idle) = (0, 0_u32);
        while self.objects.nodes.len() < goal {
            let share = (arrival + 1).min(arrivals) as f64 / arrivals as f64;
            let part =
                (arrival.min(arrivals - 1) as i64) * (HISTORY_SECONDS - QUIET_SECONDS) / arrivals as i64;
            self.now = before(self.options.at, HISTORY_SECONDS - part);
            let launched = self.objects.nodes.len();
            let wanted = ((goal as f64 * share).ceil() as usize).saturating_sub(launched).max(1);
            self.end_jobs(arrival);
            self.resize(launched);
            self.arrive(arrival, wanted << idle.min(6), goal)?;
            if self.objects.nodes.len() == launched {
                idle += 1;
                if idle > MOST_IDLE {
                    let (region, nodes) = (self.options.region.clone(), launched);
                    return Err(GenerateError::SoldOut { region, nodes });
                }
            } else {
                idle = 0;
            }
            arrival += 1;
        }
        Ok(())
    }

    /// How many pods of workloads a node has, so far.
    fn pods_per_node(&self) -> f64 {
        let pods = self.owners.iter().filter(|owner| **owner != DAEMON).count();
        let nodes = self.objects.node_claims.len();
        if nodes < 3 { self.wanted_per_node() } else { (pods as f64 / nodes as f64).max(2.0) }
    }

    /// How many pods of workloads a node shall have.
    fn wanted_per_node(&self) -> f64 {
        f64::from(self.options.pods_per_node) - self.daemons.len() as f64
    }

    /// The pods to come are smaller if nodes have had too few so far, and larger if too many.
    fn resize(&mut self, launched: usize) {
        let usual = USUAL / self.wanted_per_node();
        if launched > 3 {
            let change = self.pods_per_node() / self.wanted_per_node();
            self.scale = (self.scale * change.clamp(0.8, 1.25)).clamp(usual / 3.0, usual * 3.0);
        } else {
            self.scale = usual;
        }
    }

    /// Workloads for about so many nodes come, and at most so many nodes are there in the end.
    fn arrive(&mut self, arrival: usize, wanted: usize, goal: usize) -> Result<(), GenerateError> {
        let pods = (self.pods_per_node() * wanted as f64).ceil() as usize;
        let mut come = 0;
        while come < pods {
            let (mut workload, replicas) = self.draw_workload(arrival)?;
            let index = self.workloads.len();
            let volume = workload.volume_gib.is_some();
            for _ in 0..replicas {
                self.objects.pods.push(next_pod(&mut workload, self.now, &mut self.naming));
                self.owners.push(index as u32);
            }
            self.workloads.push(workload);
            for ordinal in (0..replicas).filter(|_| volume) {
                self.claim_volume(index, ordinal)?;
            }
            come += replicas as usize;
        }
        let snapshot = Snapshot::build(&self.objects, &self.market, &SnapshotOptions::default());
        let outcome = solve(&snapshot, SolveOptions::default());
        self.settle(&snapshot, &outcome, goal)
    }

    /// Does what the engine planned, as far as there may be nodes for it; pods without a place are taken back.
    fn settle(&mut self, snapshot: &Snapshot, outcome: &Outcome, goal: usize) -> Result<(), GenerateError> {
        let moment = self.now.checked_add(SignedDuration::from_secs(60)).unwrap_or(self.now);
        let mut keep = vec![true; self.objects.pods.len()];
        for (room, pod) in &outcome.on_rooms {
            let node = snapshot.rooms[*room as usize].name.clone();
            self.bind(snapshot, *pod, &node, moment);
        }
        let mut order: Vec<usize> = (0..outcome.nodes.len()).collect();
        self.events.shuffle(&mut order);
        for index in order {
            let planned = &outcome.nodes[index];
            let full = self.objects.nodes.len() >= goal;
            let variant = &outcome.variants[planned.variant as usize];
            let name = if full { None } else { self.launch(snapshot, variant, planned, self.now)? };
            for pod in &planned.pods {
                match &name {
                    Some(name) => self.bind(snapshot, *pod, name, moment),
                    None => keep[snapshot.pods[*pod as usize].object as usize] = false,
                }
            }
        }
        for pod in outcome.unplaced.iter().flat_map(|unplaced| &unplaced.pods) {
            keep[snapshot.pods[*pod as usize].object as usize] = false;
        }
        // Pods of DaemonSets on the new nodes stand behind those that the plan knew.
        keep.resize(self.objects.pods.len(), true);
        self.keep_pods(&keep);
        Ok(())
    }

    fn bind(&mut self, snapshot: &Snapshot, pod: u32, node: &str, moment: jiff::Timestamp) {
        let object = snapshot.pods[pod as usize].object as usize;
        run(&mut self.objects.pods[object], node, moment);
        if let Some(site) = self.sites.get_mut(node) {
            site.last_event = moment;
        }
    }

    /// Jobs of earlier arrivals end.
    fn end_jobs(&mut self, arrival: usize) {
        let ended: Vec<bool> = self
            .workloads
            .iter()
            .map(|workload| {
                workload.kind == Kind::Job && workload.arrival < arrival && self.events.chance(JOBS_ENDED)
            })
            .collect();
        let keep: Vec<bool> =
            self.owners.iter().map(|owner| *owner == DAEMON || !ended[*owner as usize]).collect();
        self.keep_pods(&keep);
    }
}
