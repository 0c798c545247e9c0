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
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_api::{EC2NodeClass, NodeClaim, NodePool, RequirementTerm, find_condition, is_true, labels};
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

/// What a NodePool asks for, read once for all its nodes.
pub(super) struct PoolAsks<'a> {
    manifest: &'a NodePool,
    terms: Vec<(&'a RequirementTerm, Requirement)>,
}

impl<'a> PoolAsks<'a> {
    pub(super) fn new(manifest: &'a NodePool) -> PoolAsks<'a> {
        let terms = manifest.spec.template.spec.requirements.iter();
        let terms = terms.filter_map(|term| Some((term, term.requirement().ok()?))).collect();
        PoolAsks { manifest, terms }
    }
}

/// What a NodeClass asks for, read once for all its nodes.
pub(super) struct ClassAsks<'a> {
    object: &'a EC2NodeClass,
    /// Machine images, newest first, with the nodes that they are for.
    images: Vec<(&'a str, Requirements)>,
}

impl<'a> ClassAsks<'a> {
    pub(super) fn new(object: &'a EC2NodeClass) -> ClassAsks<'a> {
        let images = object.status.iter().filter_map(|status| status.amis.as_deref()).flatten();
        let images = images.filter_map(|image| {
            Some((image.id.as_str(), Requirements::from_node_selector_terms(&image.requirements).ok()?))
        });
        ClassAsks { object, images: images.collect() }
    }
}

/// What a claim is compared with.
pub(super) struct Wanted<'a> {
    pub(super) pool: &'a PoolAsks<'a>,
    pub(super) node_class: Option<&'a ClassAsks<'a>>,
    pub(super) table: Option<&'a TypeTable>,
    pub(super) now: Timestamp,
}

/// In which respect a claim has drifted first, whatever its condition says. `node_labels` are those of its node; where the
/// claim has one of its own, that counts.
pub fn drift_of(
    claim: &NodeClaim,
    node_labels: &BTreeMap<String, String>,
    pool: &NodePool,
    node_class: Option<&EC2NodeClass>,
    table: Option<&TypeTable>,
    now: Timestamp,
) -> Option<Drift> {
    let mut both = node_labels.clone();
    let claimed = claim.metadata.labels.iter().flatten();
    both.extend(claimed.map(|(key, value)| (key.clone(), value.clone())));
    let (asks, class) = (PoolAsks::new(pool), node_class.map(ClassAsks::new));
    Wanted { pool: &asks, node_class: class.as_ref(), table, now }.seen(claim, &both)
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
        self.seen(claim, node_labels)
    }

    /// The same as the objects tell, whatever the condition says.
    fn seen(&self, claim: &NodeClaim, node_labels: &BTreeMap<String, String>) -> Option<Drift> {
        self.pool_hash(claim)
            .or_else(|| self.requirements(node_labels))
            .or_else(|| self.instance_type(claim, node_labels))
            .or_else(|| self.node_class_hash(claim))
            .or_else(|| self.image(claim, node_labels))
            .map(|(reason, detail)| Drift { reason, detail, since: None })
    }

    fn pool_hash(&self, claim: &NodeClaim) -> Option<(DriftReason, String)> {
        let differs = hashes_differ(
            self.pool.manifest.metadata.annotations.as_ref(),
            claim.metadata.annotations.as_ref(),
            labels::NODEPOOL_HASH,
            labels::NODEPOOL_HASH_VERSION,
        );
        differs.then(|| (DriftReason::NodePoolDrifted, "the template has changed".to_owned()))
    }

    fn requirements(&self, node_labels: &BTreeMap<String, String>) -> Option<(DriftReason, String)> {
        let broken = self.pool.terms.iter().find_map(|(term, requirement)| {
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
            self.node_class?.object.metadata.annotations.as_ref(),
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
        let images = &self.node_class?.images;
        let mut fitting =
            images.iter().filter(|(_, asked)| asked.has_labels(node_labels)).map(|(id, _)| *id).peekable();
        let newest = *fitting.peek()?;
        if fitting.any(|id| id == image) {
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
