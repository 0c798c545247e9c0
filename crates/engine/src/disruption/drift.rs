//! Whether a node is still what is asked for (reference section 4.7).
//!
//! A controller that runs in the cluster keeps the answer on the NodeClaim, as the condition `Drifted`. Where it does
//! not say so, what the objects themselves tell is looked at, in the same order: the hash of the NodePool, its
//! requirements, the instance type and its offering, the hash of the NodeClass, the machine image. Security groups and
//! subnets of a running instance are not known here.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use supercargo_api::condition_types::DRIFTED;
use supercargo_api::requirements::Requirements;
use supercargo_api::{EC2NodeClass, NodeClaim, NodePool, find_condition, is_true, labels};
use supercargo_catalog::CapacityType;

use crate::market::TypeTable;

/// Younger nodes are not asked whether their type still exists (reference section 4.7).
const SETTLED: SignedDuration = SignedDuration::from_hours(1);

/// A node that is no longer what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// In which respect.
    pub reason: DriftReason,
    /// What differs, in words; empty if nobody says.
    pub detail: String,
    /// Since when, as far as somebody has noted it.
    pub since: Option<Timestamp>,
}

/// In which respect a node has drifted. The names are those of the condition's reasons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftReason {
    /// The template of the NodePool has changed.
    NodePoolDrifted,
    /// The node's labels do not satisfy the NodePool's requirements.
    RequirementsDrifted,
    /// Its instance type, or the offering it came from, is gone.
    InstanceTypeNotFound,
    /// The NodeClass has changed.
    NodeClassDrift,
    /// Its machine image is none of those that new nodes would get.
    AmiDrift,
    /// Its security groups are not those of the NodeClass.
    SecurityGroupDrift,
    /// Its subnet is none of those of the NodeClass.
    SubnetDrift,
    /// Its capacity reservation is none of those of the NodeClass.
    CapacityReservationDrift,
    /// Its placement group is not that of the NodeClass.
    PlacementGroupDrift,
    /// What a controller says that knows more kinds.
    Other(String),
}

impl DriftReason {
    /// The reason as the condition names it.
    pub fn as_str(&self) -> &str {
        match self {
            DriftReason::NodePoolDrifted => "NodePoolDrifted",
            DriftReason::RequirementsDrifted => "RequirementsDrifted",
            DriftReason::InstanceTypeNotFound => "InstanceTypeNotFound",
            DriftReason::NodeClassDrift => "NodeClassDrift",
            DriftReason::AmiDrift => "AMIDrift",
            DriftReason::SecurityGroupDrift => "SecurityGroupDrift",
            DriftReason::SubnetDrift => "SubnetDrift",
            DriftReason::CapacityReservationDrift => "CapacityReservationDrift",
            DriftReason::PlacementGroupDrift => "PlacementGroupDrift",
            DriftReason::Other(reason) => reason,
        }
    }

    fn named(name: &str) -> DriftReason {
        let known = [
            DriftReason::NodePoolDrifted,
            DriftReason::RequirementsDrifted,
            DriftReason::InstanceTypeNotFound,
            DriftReason::NodeClassDrift,
            DriftReason::AmiDrift,
            DriftReason::SecurityGroupDrift,
            DriftReason::SubnetDrift,
            DriftReason::CapacityReservationDrift,
            DriftReason::PlacementGroupDrift,
        ];
        let found = known.into_iter().find(|reason| reason.as_str() == name);
        found.unwrap_or_else(|| DriftReason::Other(name.to_owned()))
    }
}

impl fmt::Display for DriftReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.reason)?;
        if !self.detail.is_empty() {
            write!(out, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// What a claim is compared with.
pub(super) struct Wanted<'a> {
    pub(super) pool: &'a NodePool,
    pub(super) node_class: Option<&'a EC2NodeClass>,
    pub(super) table: Option<&'a TypeTable>,
    pub(super) now: Timestamp,
}

impl Wanted<'_> {
    /// In which respect the claim's node, with these labels, has drifted first.
    pub(super) fn drift(&self, claim: &NodeClaim, node_labels: &BTreeMap<String, String>) -> Option<Drift> {
        if is_true(claim.conditions(), DRIFTED) {
            let condition = find_condition(claim.conditions(), DRIFTED)?;
            return Some(Drift {
                reason: DriftReason::named(condition.reason.as_deref().unwrap_or("Drifted")),
                detail: condition.message.clone().unwrap_or_default(),
                since: condition.last_transition_time.as_ref().map(|time| time.0),
            });
        }
        self.pool_hash(claim)
            .or_else(|| self.requirements(node_labels))
            .or_else(|| self.instance_type(claim, node_labels))
            .or_else(|| self.node_class_hash(claim))
            .or_else(|| self.image(claim, node_labels))
            .map(|(reason, detail)| Drift { reason, detail, since: None })
    }

    fn pool_hash(&self, claim: &NodeClaim) -> Option<(DriftReason, String)> {
        let differs = hashes_differ(
            self.pool.metadata.annotations.as_ref(),
            claim.metadata.annotations.as_ref(),
            labels::NODEPOOL_HASH,
            labels::NODEPOOL_HASH_VERSION,
        );
        differs.then(|| (DriftReason::NodePoolDrifted, "the template has changed".to_owned()))
    }

    fn requirements(&self, node_labels: &BTreeMap<String, String>) -> Option<(DriftReason, String)> {
        let terms = &self.pool.spec.template.spec.requirements;
        let broken = terms.iter().find_map(|term| {
            let requirement = term.requirement().ok()?;
            match node_labels.get(requirement.key.as_str()) {
                Some(value) if !requirement.has(value) => Some(format!("{term}, but the node has {value}")),
                None if !requirement.allows_absent() => {
                    Some(format!("{term}, but the node has no such label"))
                }
                Some(_) | None => None,
            }
        });
        broken.map(|detail| (DriftReason::RequirementsDrifted, detail))
    }

    fn instance_type(
        &self,
        claim: &NodeClaim,
        node_labels: &BTreeMap<String, String>,
    ) -> Option<(DriftReason, String)> {
        let created = claim.metadata.creation_timestamp.as_ref()?.0;
        let (table, name) = (self.table?, node_labels.get(labels::INSTANCE_TYPE)?);
        if self.now.duration_since(created) < SETTLED {
            return None;
        }
        let missing = |what: String| Some((DriftReason::InstanceTypeNotFound, what));
        let Ok(index) = table.types.binary_search_by(|known| known.name.cmp(name)) else {
            return missing(format!("the NodeClass offers no {name}"));
        };
        let (zone, capacity_type) = (node_labels.get(labels::ZONE)?, node_labels.get(labels::CAPACITY_TYPE)?);
        let capacity_type: CapacityType = capacity_type.parse().ok()?;
        // An instance that has left its reservation is an on-demand one.
        let suits = |offered: CapacityType| {
            offered == capacity_type
                || capacity_type == CapacityType::Reserved && offered == CapacityType::OnDemand
        };
        let mut offerings = table.types[index].offerings.iter();
        if offerings.any(|offering| offering.zone == *zone && suits(offering.capacity_type)) {
            return None;
        }
        missing(format!("{name} is not sold as {capacity_type} in {zone}"))
    }

    fn node_class_hash(&self, claim: &NodeClaim) -> Option<(DriftReason, String)> {
        let differs = hashes_differ(
            self.node_class?.metadata.annotations.as_ref(),
            claim.metadata.annotations.as_ref(),
            labels::EC2_NODE_CLASS_HASH,
            labels::EC2_NODE_CLASS_HASH_VERSION,
        );
        differs.then(|| (DriftReason::NodeClassDrift, "the NodeClass has changed".to_owned()))
    }

    /// Karpenter compares with the newest image only, so that a second image for the same nodes makes the nodes of the
    /// first drift (reference row 9.2-14). Here any image that new nodes of this kind may get will do.
    fn image(
        &self,
        claim: &NodeClaim,
        node_labels: &BTreeMap<String, String>,
    ) -> Option<(DriftReason, String)> {
        let image = claim.status.as_ref()?.image_id.as_deref().filter(|image| !image.is_empty())?;
        let images = self.node_class?.status.as_ref()?.amis.as_deref()?;
        let mut fitting = images
            .iter()
            .filter(|ami| {
                Requirements::from_node_selector_terms(&ami.requirements)
                    .is_ok_and(|requirements| requirements.has_labels(node_labels))
            })
            .peekable();
        let newest = fitting.peek()?.id.clone();
        if fitting.any(|ami| ami.id == image) {
            return None;
        }
        Some((DriftReason::AmiDrift, format!("it runs {image}, new nodes run {newest}")))
    }
}

/// Hashes are comparable only if all four annotations are there and the versions agree.
fn hashes_differ(
    wanted: Option<&BTreeMap<String, String>>,
    found: Option<&BTreeMap<String, String>>,
    hash: &str,
    version: &str,
) -> bool {
    let (Some(wanted), Some(found)) = (wanted, found) else { return false };
    let both = |key: &str| wanted.get(key).zip(found.get(key));
    both(version).is_some_and(|(wanted, found)| wanted == found)
        && both(hash).is_some_and(|(wanted, found)| wanted != found)
}
