//! The cluster while it is replayed: which pod is where, and what each node is.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Taint};
use k8s_openapi::api::storage::v1::CSINode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::Pod;
use supercargo_api::{NodeClaim, NodePool, Objects, Resources, labels as keys};
use supercargo_catalog::{InstanceType, Usd};

use super::admission::{admits, tolerated};
use super::neighbours::anti_affinity;
use super::requests::requests_of;

/// Labels by key.
pub(super) type Labels = BTreeMap<String, String>;

/// A node, old or new.
#[derive(Clone, Debug)]
pub(super) struct Site<'o> {
    pub(super) labels: Labels,
    pub(super) taints: Vec<Taint>,
    pub(super) allocatable: Resources,
    pub(super) capacity: Resources,
    /// EBS volumes that may be attached; any number if that is not known.
    pub(super) volumes: Option<i64>,
    pub(super) price: Option<Usd>,
    pub(super) claim: Option<&'o NodeClaim>,
    /// Why nothing may be put here, if so.
    pub(super) closed: Option<&'static str>,
    /// Why it must not go by itself, if so.
    pub(super) kept: Option<String>,
    /// Pods here, as `namespace/name`.
    pub(super) pods: BTreeSet<String>,
    /// What DaemonSets will take that have no pod here yet.
    pub(super) reserved: Resources,
    /// In which wave it was brought or last took pods; zero for never.
    pub(super) touched: u32,
}

/// A pod.
#[derive(Clone, Debug)]
pub(super) struct Occupant<'o> {
    pub(super) pod: &'o Pod,
    pub(super) node: Option<String>,
    pub(super) requests: Resources,
    /// Whether it has to go elsewhere when its node goes.
    pub(super) moves: bool,
    /// In which wave it was moved last; zero for never.
    pub(super) moved: u32,
}

/// The cluster.
pub(super) struct World<'o> {
    pub(super) objects: &'o Objects,
    pub(super) types: BTreeMap<(String, String), &'o InstanceType>,
    pub(super) pools: BTreeMap<String, &'o NodePool>,
    pub(super) sites: BTreeMap<String, Site<'o>>,
    pub(super) pods: BTreeMap<String, Occupant<'o>>,
    /// Names of pods by namespace.
    pub(super) by_namespace: BTreeMap<String, Vec<String>>,
    /// Names of pods with required anti-affinity.
    pub(super) shy: Vec<String>,
    /// By namespace and name.
    pub(super) claims: BTreeMap<(&'o str, &'o str), &'o PersistentVolumeClaim>,
    pub(super) volumes_by_name: BTreeMap<&'o str, &'o PersistentVolume>,
    claims_by_node: BTreeMap<&'o str, &'o NodeClaim>,
    csi_by_node: BTreeMap<&'o str, &'o CSINode>,
}

impl<'o> World<'o> {
    /// The cluster as it is. `types` are the instance types of each NodeClass by its name.
    pub(super) fn new(objects: &'o Objects, types: &'o BTreeMap<String, Vec<InstanceType>>) -> World<'o> {
        let types: BTreeMap<(String, String), &InstanceType> = types
            .iter()
            .flat_map(|(class, types)| types.iter().map(move |one| ((class.clone(), one.name.clone()), one)))
            .collect();
        let pools: BTreeMap<String, &NodePool> = objects
            .node_pools
            .iter()
            .map(|pool| (pool.metadata.name.clone().unwrap_or_default(), pool))
            .collect();
        let by_name = |metadata: &'o ObjectMeta| metadata.name.as_deref().unwrap_or_default();
        let claims = objects.persistent_volume_claims.iter().map(|claim| {
            let namespace = claim.metadata.namespace.as_deref().unwrap_or("default");
            ((namespace, by_name(&claim.metadata)), claim)
        });
        let claims_by_node = objects
            .node_claims
            .iter()
            .filter_map(|claim| Some((claim.status.as_ref()?.node_name.as_deref()?, claim)));
        let mut world = World {
            objects,
            types,
            pools,
            sites: BTreeMap::new(),
            pods: BTreeMap::new(),
            by_namespace: BTreeMap::new(),
            shy: Vec::new(),
            claims: claims.collect(),
            volumes_by_name: objects
                .persistent_volumes
                .iter()
                .map(|one| (by_name(&one.metadata), one))
                .collect(),
            claims_by_node: claims_by_node.collect(),
            csi_by_node: objects.csi_nodes.iter().map(|one| (by_name(&one.metadata), one)).collect(),
        };
        for node in &objects.nodes {
            let site = world.old_site(node);
            world.sites.insert(node.metadata.name.clone().unwrap_or_default(), site);
        }
        for pod in &objects.pods {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            if matches!(phase, Some("Succeeded" | "Failed")) {
                continue;
            }
            let node = pod.node_name().map(str::to_owned);
            let name = name_of(pod);
            if let Some(site) = node.as_ref().and_then(|node| world.sites.get_mut(node)) {
                site.pods.insert(name.clone());
            }
            let namespace = pod.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
            world.by_namespace.entry(namespace).or_default().push(name.clone());
            if !anti_affinity(pod).is_empty() {
                world.shy.push(name.clone());
            }
            let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
            let stays = owners.iter().any(|owner| matches!(owner.kind.as_str(), "DaemonSet" | "Node"));
            let moves = !stays && pod.metadata.deletion_timestamp.is_none();
            let occupant = Occupant { pod, node, requests: requests_of(pod), moves, moved: 0 };
            world.pods.insert(name, occupant);
        }
        world
    }

    fn old_site(&self, node: &'o k8s_openapi::api::core::v1::Node) -> Site<'o> {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let labels = node.metadata.labels.clone().unwrap_or_default();
        let claim = self.claims_by_node.get(name).copied();
        let status = node.status.as_ref();
        let read = |list: Option<&_>| {
            list.and_then(|list| Resources::from_quantities(list).ok()).unwrap_or_default()
        };
        let driver = self
            .csi_by_node
            .get(name)
            .and_then(|csi| csi.spec.drivers.iter().find(|driver| driver.name == EBS));
        let volumes = driver.and_then(|driver| driver.allocatable.as_ref()?.count).map(i64::from);
        let spec = node.spec.as_ref();
        let taints = spec.and_then(|spec| spec.taints.clone()).unwrap_or_default();
        let leaving = node.metadata.deletion_timestamp.is_some()
            || claim.is_some_and(|claim| claim.metadata.deletion_timestamp.is_some())
            || taints.iter().any(|taint| taint.key == keys::DISRUPTED_TAINT);
        let is = |key: &str| labels.get(key).is_some_and(|value| value == "true");
        let managed = labels.contains_key(keys::NODEPOOL);
        let closed = if leaving {
            Some("it is going away")
        } else if spec.is_some_and(|spec| spec.unschedulable == Some(true)) {
            Some("it is cordoned")
        } else if managed && !is(keys::INITIALIZED) {
            Some("it is not initialized")
        } else {
            None
        };
        let annotated = |annotations: Option<&BTreeMap<String, String>>| {
            annotations.is_some_and(|map| map.get(keys::DO_NOT_DISRUPT).is_some_and(|value| value == "true"))
        };
        let kept = if !managed {
            Some("it is not managed".to_owned())
        } else if let Some(closed) = closed.filter(|_| leaving || !is(keys::INITIALIZED)) {
            Some(closed.to_owned())
        } else if annotated(node.metadata.annotations.as_ref())
            || annotated(claim.and_then(|claim| claim.metadata.annotations.as_ref()))
        {
            Some("it must not be disrupted".to_owned())
        } else {
            None
        };
        Site {
            price: self.price_of(&labels),
            labels,
            taints,
            allocatable: read(status.and_then(|status| status.allocatable.as_ref())),
            capacity: read(status.and_then(|status| status.capacity.as_ref())),
            volumes,
            claim,
            closed,
            kept,
            pods: BTreeSet::new(),
            reserved: Resources::new(),
            touched: 0,
        }
    }

    /// The class of the NodePool and the type by its name.
    pub(super) fn type_of(&self, pool: &str, instance_type: &str) -> Option<&'o InstanceType> {
        let class = &self.pools.get(pool)?.spec.template.spec.node_class_ref.name;
        self.types.get(&(class.clone(), instance_type.to_owned())).copied()
    }

    /// What a node with these labels costs.
    pub(super) fn price_of(&self, labels: &Labels) -> Option<Usd> {
        let found = self.type_of(labels.get(keys::NODEPOOL)?, labels.get(keys::INSTANCE_TYPE)?)?;
        let (zone, capacity_type) = (labels.get(keys::ZONE)?, labels.get(keys::CAPACITY_TYPE)?);
        let offer = found.offerings.iter().find(|offer| {
            offer.zone == *zone
                && offer.capacity_type.as_str() == capacity_type
                && offer.reservation.is_none()
        });
        offer.map(|offer| offer.price)
    }

    /// A new node, with room kept for the DaemonSets that want it; nothing if there is no such type or offering.
    pub(super) fn new_site(
        &self,
        pool_name: &str,
        instance_type: &str,
        zone: &str,
        capacity_type: &str,
        name: &str,
    ) -> Option<Site<'o>> {
        let pool = self.pools.get(pool_name)?;
        let found = self.type_of(pool_name, instance_type)?;
        let offer = found.offerings.iter().find(|offer| {
            offer.available && offer.zone == zone && offer.capacity_type.as_str() == capacity_type
        })?;
        let mut labels: Labels = found.labels.clone();
        labels.extend(pool.spec.template.labels().into_owned());
        let reference = &pool.spec.template.spec.node_class_ref;
        let kind = format!("{}/{}", reference.group, reference.kind.to_lowercase());
        for (key, value) in [
            (keys::NODEPOOL, pool_name),
            (keys::REGISTERED, "true"),
            (keys::INITIALIZED, "true"),
            (kind.as_str(), reference.name.as_str()),
            (keys::ZONE, zone),
            (keys::ZONE_ID, offer.zone_id.as_str()),
            (keys::CAPACITY_TYPE, capacity_type),
            (keys::HOSTNAME, name),
        ] {
            labels.insert(key.to_owned(), value.to_owned());
        }
        let mut site = Site {
            labels,
            taints: pool.spec.template.spec.taints().to_vec(),
            allocatable: found.allocatable.clone(),
            capacity: found.capacity.clone(),
            volumes: Some(i64::from(found.volume_attachments)),
            price: Some(offer.price),
            claim: None,
            closed: None,
            kept: Some("it has only just come".to_owned()),
            pods: BTreeSet::new(),
            reserved: Resources::new(),
            touched: 0,
        };
        for set in &self.objects.daemon_sets {
            let template = &set.spec.template;
            let pod = Pod::new(template.metadata.clone().unwrap_or_default(), template.spec.clone(), None);
            if admits(&pod, &site.labels, name) && tolerated(&pod, &site.taints) {
                site.reserved.add_assign(&requests_of(&pod));
            }
        }
        Some(site)
    }

    /// Takes a pod off its node.
    pub(super) fn evict(&mut self, name: &str) {
        if let Some(occupant) = self.pods.get_mut(name)
            && let Some(node) = occupant.node.take()
            && let Some(site) = self.sites.get_mut(&node)
        {
            site.pods.remove(name);
        }
    }

    /// Puts a pod on a node.
    pub(super) fn put(&mut self, name: &str, node: &str, wave: u32) {
        if let (Some(occupant), Some(site)) = (self.pods.get_mut(name), self.sites.get_mut(node)) {
            occupant.node = Some(node.to_owned());
            occupant.moved = wave;
            site.pods.insert(name.to_owned());
            site.touched = wave;
        }
    }
}

/// The CSI driver of EBS.
pub(super) const EBS: &str = "ebs.csi.aws.com";

/// `namespace/name` of a pod.
pub(super) fn name_of(pod: &Pod) -> String {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
    format!("{namespace}/{}", pod.metadata.name.as_deref().unwrap_or_default())
}
