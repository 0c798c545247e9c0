//! What a controller knows beside the objects: nodes that it holds for something, moves that it has begun.

use jiff::Timestamp;

use crate::snapshot::{Snapshot, UNBOUND};

use super::blocked::{BlockReason, Blocked};
use super::table::Disruption;

impl Disruption {
    /// Keeps a room where it is until then, for a reason of the controller's own.
    pub fn hold(&mut self, room: u32, why: &str, until: Timestamp) {
        let standing = &mut self.rooms[room as usize];
        for verdict in [&mut standing.candidate, &mut standing.empty_candidate, &mut standing.drift_candidate]
        {
            let mut reasons = match std::mem::replace(verdict, Ok(())) {
                Ok(()) => Vec::new(),
                Err(blocked) => blocked.reasons,
            };
            reasons.push(BlockReason::Held { why: why.to_owned(), until });
            *verdict = Blocked::by(reasons);
        }
    }

    /// Takes off what PodDisruptionBudgets allow the pods of nodes that are on their way out, which have not been told to go
    /// yet: they will be evicted by and by.
    pub fn count_leaving(&mut self, snapshot: &Snapshot) {
        let leaving = |pod: &u32| {
            let room = snapshot.pods[*pod as usize].room;
            room != UNBOUND && snapshot.rooms[room as usize].leaving
        };
        let pods: Vec<u32> = (0..snapshot.pods.len() as u32).filter(leaving).collect();
        self.spend(pods);
    }

    /// Takes off what PodDisruptionBudgets allow these pods: they will be evicted.
    pub fn spend(&mut self, pods: impl IntoIterator<Item = u32>) {
        for pod in pods {
            let standing = &self.pods[pod as usize];
            if !standing.evicted || standing.exempt_from_pdb {
                continue;
            }
            for pdb in &standing.pdbs {
                let pdb = &mut self.pdbs[*pdb as usize];
                pdb.allowed = pdb.allowed.saturating_sub(1);
            }
        }
    }

    /// Takes off what the NodePool of a room allows: it will go.
    pub fn take(&mut self, snapshot: &Snapshot, room: u32) {
        if let Some(pool) = snapshot.rooms[room as usize].pool {
            self.budgets[pool as usize].unavailable += 1;
        }
    }
}
