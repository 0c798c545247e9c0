//! NodePools, compiled: what a new node of each may be, and what its DaemonSets leave of it.
//!
//! A NodePool that leaves a custom label open (`team In [a, b]`) becomes one [`Variant`] per value that pods ask for,
//! so that a node's custom labels are settled before packing starts and every check is a static one.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Taint;
use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_api::{ConditionStatus, NodePool};
use supercargo_catalog::Placement;

use crate::amounts::{Amounts, PLENTY, PODS, ResourceNames, VOLUME_PREFIX};
use crate::asked::Asked;
use crate::class::{HostPort, NodeRules};
use crate::market::{Market, OfferMask, TypeSet, TypeTable, is_offering_label};
use crate::volumes::EBS_DRIVER;

/// At most this many variants are made of one NodePool.
const MAX_VARIANTS: usize = 256;

/// More nodes than this are not planned for one static NodePool.
const MOST_REPLICAS: i64 = 100_000;

/// A NodePool as the packer sees it.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Name.
    pub name: String,
    /// Weight; heavier first.
    pub weight: i32,
    /// Name of the NodeClass.
    pub node_class: String,
    /// Types of the NodeClass, with overlays applied.
    pub table: Option<Arc<TypeTable>>,
    /// The placement group of the NodeClass.
    pub placement: Option<Placement>,
    /// Requirements, labels, NodePool and NodeClass name, and the labels every node gets.
    pub requirements: Requirements,
    /// Labels of the template.
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// Keys with `minValues`.
    pub min_values: Vec<(String, u32)>,
    /// Limits by resource name: what was set, and what running nodes leave of it.
    pub limits: BTreeMap<String, Limit>,
    /// For static pools, how many nodes there shall be.
    pub replicas: Option<u32>,
    /// Nodes and NodeClaims of the pool that are there already and not going away.
    pub nodes: u32,
    /// Why the pool cannot make nodes, if it cannot.
    pub problem: Option<String>,
}

/// A limit and what is left of it, in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// As set.
    pub set: i64,
    /// Not used by running nodes; may be negative.
    pub left: i64,
}

/// One way a NodePool's custom labels can turn out.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Index of the pool.
    pub pool: u32,
    /// Labels that every node of this variant has, types' and offerings' labels aside.
    pub labels: BTreeMap<String, String>,
    /// Partitions of the placement group among which EC2 will choose; empty if it has none, or one is settled.
    pub partitions: Vec<String>,
    /// Types that the pool's requirements admit.
    pub types: TypeSet,
    /// Offerings that the pool's requirements admit.
    pub offers: OfferMask,
    /// Allocatable minus DaemonSets, by type.
    pub net: Vec<Amounts>,
    /// What DaemonSets take, by type.
    pub overhead: Vec<Amounts>,
    /// Host ports of its DaemonSets, as far as some pod wants them.
    pub daemon_ports: Vec<HostPort>,
}

/// A DaemonSet's pods, as far as they cost room.
#[derive(Clone, Debug)]
pub struct Daemon {
    /// Namespace and name.
    pub name: String,
    /// Which nodes get one.
    pub rules: NodeRules,
    /// What one takes.
    pub requests: Amounts,
    /// Host ports.
    pub host_ports: Vec<HostPort>,
}

impl Pool {
    /// Compiles a NodePool. Problems are kept in [`Pool::problem`], not returned: one bad pool must not stop the rest.
    pub fn new(pool: &NodePool, table: Option<Arc<TypeTable>>, placement: Option<&Placement>) -> Pool {
        let name = pool.metadata.name.clone().unwrap_or_default();
        let spec = &pool.spec.template.spec;
        let mut problem = None;
        let mut requirements = Requirements::new();
        let mut min_values = Vec::new();
        for term in &spec.requirements {
            let least = term.min_values.and_then(|least| u32::try_from(least).ok());
            let built = Requirement::new(&term.key, term.operator, term.values().iter().cloned(), least);
            match built {
                Ok(requirement) => {
                    if let Some(least) = least {
                        min_values.push((requirement.key.clone(), least));
                    }
                    requirements.add(requirement);
                }
                Err(error) => problem = Some(error.to_string()),
            }
        }
        let mut labels: BTreeMap<String, String> = pool.spec.template.labels().into_owned();
        labels.insert(labels::NODEPOOL.to_owned(), name.clone());
        labels.insert(labels::REGISTERED.to_owned(), "true".to_owned());
        labels.insert(labels::INITIALIZED.to_owned(), "true".to_owned());
        let reference = &spec.node_class_ref;
        labels
            .insert(format!("{}/{}", reference.group, reference.kind.to_lowercase()), reference.name.clone());
        if let Some(placement) = placement {
            labels.insert(labels::PLACEMENT_GROUP_ID.to_owned(), placement.group_id.clone());
            let numbers: Vec<String> =
                placement.partition_numbers().map(|number| number.to_string()).collect();
            if !numbers.is_empty() {
                requirements.add(Requirement::in_values(labels::PLACEMENT_GROUP_PARTITION, numbers));
            }
        }
        requirements.extend(Requirements::from_labels(&labels));
        if let Some(empty) = requirements.iter().find(|requirement| requirement.allows_nothing()) {
            problem = Some(format!("its requirements and labels leave no value for {}", empty.key));
        }
        if let Some(reason) = not_ready(pool) {
            problem = Some(format!("the NodePool is not ready: {reason}"));
        }
        if table.is_none() && problem.is_none() {
            problem = Some(format!("NodeClass {:?} not found", reference.name));
        }
        if pool.metadata.deletion_timestamp.is_some() {
            problem = Some("the NodePool is being deleted".to_owned());
        }
        if let Some(replicas) = pool.spec.replicas.filter(|replicas| *replicas > MOST_REPLICAS) {
            problem = Some(format!(
                "replicas {replicas} is more than {MOST_REPLICAS}, the most that can be planned"
            ));
        }
        let mut limits = BTreeMap::new();
        for (resource, quantity) in pool.spec.limits.iter().flat_map(|limits| limits.iter()) {
            match supercargo_api::resources::base_units(resource, &quantity.0) {
                Ok(set) => {
                    limits.insert(resource.clone(), Limit { set, left: set });
                }
                Err(error) => problem = Some(format!("limit on {resource}: {error}")),
            }
        }
        Pool {
            name,
            weight: pool.spec.weight(),
            node_class: reference.name.clone(),
            table,
            placement: placement.cloned(),
            requirements,
            labels,
            taints: spec.taints().to_vec(),
            min_values,
            limits,
            replicas: pool.spec.replicas.map(|replicas| u32::try_from(replicas.max(0)).unwrap_or(u32::MAX)),
            nodes: 0,
            problem,
        }
    }

    /// Whether the label is neither the type's nor the offering's to decide.
    fn is_custom(&self, key: &str) -> bool {
        key != labels::HOSTNAME
            && !is_offering_label(key)
            && !self.table.as_ref().is_some_and(|table| table.has_label(key))
            && !labels::is_well_known(key)
    }

    /// Whether the label is the placement group's to decide.
    pub(crate) fn is_placed(&self, key: &str) -> bool {
        self.placement.is_some() && labels::is_of_placement(key)
    }

    /// The variants of this pool, given what pods ask for by key.
    pub fn variants(&self, index: u32, market: &Market, asked: &BTreeMap<String, Asked>) -> Vec<Variant> {
        let Some(table) = &self.table else { return Vec::new() };
        let mut types = table.all();
        let mut offers = market.all_offers();
        let mut choices: Vec<BTreeMap<String, String>> = vec![self.labels.clone()];
        let nobody = Asked::default();
        for requirement in self.requirements.iter() {
            let key = requirement.key.as_str();
            if is_offering_label(key) {
                offers &= market.offers_matching(requirement);
            } else if self.is_placed(key) {
                if let Some(asked) = asked.get(key).filter(|_| !self.labels.contains_key(key)) {
                    let asked_for = with_choices(&choices, requirement, asked);
                    // which pods share a partition can only be told of nodes whose partition is settled
                    choices.retain(|_| !asked.is_topology);
                    choices.extend(asked_for);
                }
            } else if table.has_label(key) || (labels::is_well_known(key) && key != labels::NODEPOOL) {
                types.intersect_with(&table.matching(requirement));
            } else if self.is_custom(key) && !self.labels.contains_key(key) {
                choices = with_choices(&choices, requirement, asked.get(key).unwrap_or(&nobody));
            }
        }
        let sold_out: Vec<usize> =
            types.ones().filter(|index| table.offer_masks[*index] & offers == 0).collect();
        for index in sold_out {
            types.remove(index);
        }
        let partitions = self.requirements.get(labels::PLACEMENT_GROUP_PARTITION);
        let partitions = partitions.filter(|_| self.placement.is_some()).map(Requirement::values);
        let left_to_ec2 = |labels: &BTreeMap<String, String>| {
            let is_settled = labels.contains_key(labels::PLACEMENT_GROUP_PARTITION);
            partitions.filter(|_| !is_settled).into_iter().flatten().cloned().collect()
        };
        choices
            .into_iter()
            .map(|labels| Variant {
                pool: index,
                partitions: left_to_ec2(&labels),
                labels,
                types: types.clone(),
                offers,
                net: Vec::new(),
                overhead: Vec::new(),
                daemon_ports: Vec::new(),
            })
            .collect()
    }
}

/// What the status says against a NodePool. One without a status, as in a manifest, is taken to be ready.
fn not_ready(pool: &NodePool) -> Option<&str> {
    let conditions = pool.status.as_ref()?.conditions.as_deref()?;
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == "Ready" && condition.status == ConditionStatus::False)?;
    let said = [ready.message.as_deref(), ready.reason.as_deref()];
    Some(said.into_iter().flatten().find(|text| !text.is_empty()).unwrap_or("it does not say why"))
}

/// Each choice so far, times each value offered.
fn with_choices(
    choices: &[BTreeMap<String, String>],
    requirement: &Requirement,
    asked: &Asked,
) -> Vec<BTreeMap<String, String>> {
    let offered = asked.offered(requirement);
    let mut made = Vec::new();
    for choice in choices {
        if offered.is_empty() {
            made.push(choice.clone());
        }
        for value in &offered {
            if made.len() == MAX_VARIANTS {
                return made;
            }
            let mut labels = choice.clone();
            labels.extend(value.clone().map(|value| (requirement.key.clone(), value)));
            made.push(labels);
        }
    }
    made
}

/// Which types and offerings of a variant a list of requirements admits.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Types.
    pub types: TypeSet,
    /// Offerings.
    pub offers: OfferMask,
}

impl Variant {
    /// What the requirements admit of this variant; the key of the first requirement that admits nothing otherwise.
    pub fn admits<'r>(
        &self,
        table: &TypeTable,
        market: &Market,
        requirements: &'r Requirements,
    ) -> Result<Admitted, &'r Requirement> {
        let mut admitted = Admitted { types: self.types.clone(), offers: self.offers };
        for requirement in requirements.iter() {
            let key = requirement.key.as_str();
            if is_offering_label(key) {
                admitted.offers &= market.offers_matching(requirement);
                if admitted.offers == 0 {
                    return Err(requirement);
                }
            } else if let Some(value) = self.labels.get(key) {
                if !requirement.has(value) {
                    return Err(requirement);
                }
            } else if key == labels::PLACEMENT_GROUP_PARTITION && !self.partitions.is_empty() {
                if !self.partitions.iter().all(|number| requirement.has(number)) {
                    return Err(requirement);
                }
            } else if key == labels::HOSTNAME {
                // The name of a node that does not exist yet: only exclusions can be satisfied.
                if !requirement.complement() && !requirement.allows_absent() {
                    return Err(requirement);
                }
            } else if table.has_label(key) || labels::is_well_known(key) {
                admitted.types.intersect_with(&table.matching(requirement));
                if admitted.types.is_clear() {
                    return Err(requirement);
                }
            } else if !requirement.allows_absent() {
                return Err(requirement);
            }
        }
        Ok(admitted)
    }
}

/// Allocatable of a new node of a type, volume attachments included.
pub(crate) fn type_amounts(table: &TypeTable, index: usize, names: &ResourceNames) -> Amounts {
    let mut amounts = table.allocatable[index];
    let instance_type = &table.types[index];
    for place in PODS + 1..names.len() {
        let name = names.name(place);
        amounts[place] = match name.strip_prefix(VOLUME_PREFIX) {
            // What other drivers attach to a new node is not known.
            Some(EBS_DRIVER) => i64::from(instance_type.volume_attachments),
            Some(_) => PLENTY,
            None => instance_type.allocatable.get(name),
        };
    }
    amounts
}
