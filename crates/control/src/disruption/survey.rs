//! The cluster as one question about disruption sees it: with the nodes of commands under way on their way out already, and
//! the nodes that are kept for somebody where they are.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use supercargo_api::{DisruptionReason, NodeClaim, Objects, labels, taint};
use supercargo_catalog::Usd;
use supercargo_engine::consolidate::{ConsolidateOptions, MoveKind};
use supercargo_engine::disruption::{Disruption, DisruptionOptions};
use supercargo_engine::pools::Variant;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::whatif::{Place, Relocation};
use supercargo_reconcile::Key;

use super::command::{Candidate, Command, Replacement};
use crate::cluster::Inputs;
use crate::provisioning::ClaimShape;

/// What is asked about, and what is known beside the cluster.
#[derive(Clone, Debug)]
pub struct Question {
    /// The cluster.
    pub inputs: Inputs,
    /// Nodes of commands under way, by name.
    pub committed: BTreeSet<String>,
    /// Nodes and claims that have to stay, by name: why, and until when.
    pub held: BTreeMap<String, (String, Timestamp)>,
    /// Whether spot may replace spot (reference section 4.12).
    pub spot_to_spot: bool,
    /// What moves may do.
    pub options: ConsolidateOptions,
}

/// The cluster as one question sees it.
pub(super) struct Survey<'q> {
    pub(super) question: &'q Question,
    pub(super) objects: Objects,
    pub(super) snapshot: Snapshot,
    pub(super) disruption: Disruption,
}

impl<'q> Survey<'q> {
    /// Builds it. With `more`, these nodes are on their way out, too.
    pub(super) fn new(question: &'q Question, more: &BTreeSet<String>) -> Survey<'q> {
        let mut objects = question.inputs.objects();
        let disrupted = taint::disrupted();
        for node in &mut objects.nodes {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            if !question.committed.contains(name) && !more.contains(name) {
                continue;
            }
            let taints = node.spec.get_or_insert_default().taints.get_or_insert_default();
            if !taints.iter().any(|one| one.key == disrupted.key) {
                taints.push(disrupted.clone());
            }
        }
        let market = question.inputs.market();
        let snapshot = Snapshot::build(&objects, &market, &SnapshotOptions::default());
        let now = question.inputs.now;
        let options = DisruptionOptions { spot_to_spot: question.spot_to_spot, ..DisruptionOptions::at(now) };
        let mut disruption = Disruption::build(&objects, &snapshot, &options);
        disruption.count_leaving(&snapshot);
        let mut survey = Survey { question, objects, snapshot, disruption };
        survey.hold();
        survey
    }

    fn hold(&mut self) {
        for (index, room) in self.snapshot.rooms.iter().enumerate() {
            let claim = room.claim.and_then(|claim| self.objects.node_claims.get(claim as usize));
            let claim = claim.and_then(|claim| claim.metadata.name.as_deref()).unwrap_or_default();
            let held = &self.question.held;
            if let Some((why, until)) = held.get(&room.name).or_else(|| held.get(claim)) {
                self.disruption.hold(index as u32, why, *until);
            }
        }
    }

    /// Limits count what these commands bring.
    pub(super) fn count_on_the_way(&mut self, commands: &[Command]) {
        for shape in commands.iter().flat_map(|one| &one.replacements).map(|one| &one.shape) {
            let pool = self.snapshot.pools.iter_mut().find(|pool| pool.name == shape.node_pool);
            for (resource, limit) in pool.into_iter().flat_map(|pool| &mut pool.limits) {
                limit.left -= shape.counted(resource);
            }
        }
    }

    /// The claim of a room.
    pub(super) fn claim(&self, room: u32) -> Option<&NodeClaim> {
        let claim = self.snapshot.rooms[room as usize].claim?;
        self.objects.node_claims.get(claim as usize)
    }

    /// The room of a candidate, if it still is the same node.
    pub(super) fn room_of(&self, candidate: &Candidate) -> Option<u32> {
        let position = self.snapshot.rooms.iter().position(|room| room.name == candidate.node)?;
        let node =
            self.snapshot.rooms[position].node.and_then(|node| self.objects.nodes.get(node as usize))?;
        let room = position as u32;
        let same = node.metadata.uid.as_deref().unwrap_or_default() == candidate.node_uid
            && self.claim(room)?.metadata.uid.as_deref().unwrap_or_default() == candidate.claim_uid;
        same.then_some(room)
    }

    /// A node that goes; nothing if it is not one with a claim.
    pub(super) fn candidate(&self, room: u32) -> Option<Candidate> {
        let row = &self.snapshot.rooms[room as usize];
        let node = row.node.and_then(|node| self.objects.nodes.get(node as usize))?;
        let claim = self.claim(room)?;
        let label = |key: &str| row.labels.get(key).cloned().unwrap_or_default();
        Some(Candidate {
            node: row.name.clone(),
            node_uid: node.metadata.uid.clone().unwrap_or_default(),
            claim: claim.metadata.name.clone().unwrap_or_default(),
            claim_uid: claim.metadata.uid.clone().unwrap_or_default(),
            node_pool: row
                .pool
                .map(|pool| self.snapshot.pools[pool as usize].name.clone())
                .unwrap_or_default(),
            instance_type: label(labels::INSTANCE_TYPE),
            capacity_type: label(labels::CAPACITY_TYPE),
            zone: label(labels::ZONE),
            price: self.disruption.rooms[room as usize].price.unwrap_or(Usd::ZERO),
        })
    }

    /// A command in words that outlive the snapshot; nothing if a node has no claim or a new one no NodePool.
    pub(super) fn command(
        &self,
        variants: &[Variant],
        rooms: &[u32],
        relocation: &Relocation,
        reason: DisruptionReason,
        kind: Option<MoveKind>,
    ) -> Option<Command> {
        let candidates: Option<Vec<Candidate>> = rooms.iter().map(|room| self.candidate(*room)).collect();
        let mut replacements = Vec::with_capacity(relocation.new_nodes.len());
        for node in &relocation.new_nodes {
            let shape = ClaimShape::of_fresh(&self.snapshot, variants, node)?;
            replacements.push(Replacement { shape, pods: Vec::new() });
        }
        let mut takers = BTreeSet::new();
        for (pod, place) in &relocation.placements {
            match place {
                Place::Room(room) => {
                    takers.insert(self.snapshot.rooms.get(*room as usize)?.name.clone());
                }
                Place::New(number) => replacements.get_mut(*number as usize)?.pods.extend(self.pod(*pod)),
            }
        }
        let candidates = candidates.filter(|candidates| !candidates.is_empty())?;
        let price_before = candidates.iter().fold(Usd::ZERO, |sum, one| sum + one.price);
        Some(Command {
            reason,
            kind,
            price_before,
            price_after: relocation.price(),
            candidates,
            replacements,
            takers,
            pods: relocation.placements.len(),
            score: None,
            detail: String::new(),
        })
    }

    /// A pod by key and uid; nothing for the stand-in of a buffer.
    fn pod(&self, row: u32) -> Option<(Key, String)> {
        let row = self.snapshot.pods.get(row as usize)?;
        let pod = self.objects.pods.get(row.object as usize)?;
        Some((Key::of(&pod.metadata), pod.metadata.uid.clone().unwrap_or_default()))
    }
}
