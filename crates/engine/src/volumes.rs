//! What a pod's volumes ask of a node: zones to choose from, and attachment slots (reference section 2.10).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim, TopologySelectorTerm, Volume,
};
use k8s_openapi::api::storage::v1::StorageClass;
use supercargo_api::Pod;
use supercargo_api::labels;
use supercargo_api::objects::Objects;
use supercargo_api::requirement::{Operator, Requirement};
use supercargo_api::requirements::Requirements;

/// The CSI driver of EBS, also for volumes of the in-tree plugin.
pub const EBS_DRIVER: &str = "ebs.csi.aws.com";
/// The in-tree name of the same.
const EBS_IN_TREE: &str = "kubernetes.io/aws-ebs";
/// Set on a claim once the binder is done with it.
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";

/// What the volumes of one pod need.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeNeeds {
    /// Requirements to choose from, never empty; one empty alternative where volumes do not care.
    pub alternatives: Vec<Requirements>,
    /// Attachments by CSI driver.
    pub attachments: BTreeMap<String, i64>,
    /// Why the pod cannot be scheduled, if its volumes forbid it.
    pub problem: Option<String>,
}

impl Default for VolumeNeeds {
    fn default() -> Self {
        Self { alternatives: vec![Requirements::new()], attachments: BTreeMap::new(), problem: None }
    }
}

/// Claims, volumes and classes by name.
pub struct VolumeIndex<'a> {
    claims: BTreeMap<(&'a str, &'a str), &'a PersistentVolumeClaim>,
    volumes: BTreeMap<&'a str, &'a PersistentVolume>,
    classes: BTreeMap<&'a str, &'a StorageClass>,
    default_class: Option<&'a str>,
    /// Drivers that some node limits.
    limited: BTreeSet<&'a str>,
}

impl<'a> VolumeIndex<'a> {
    /// Indexes the objects.
    pub fn new(objects: &'a Objects) -> VolumeIndex<'a> {
        let claims = objects.persistent_volume_claims.iter().filter_map(|claim| {
            let namespace = claim.metadata.namespace.as_deref().unwrap_or("default");
            Some(((namespace, claim.metadata.name.as_deref()?), claim))
        });
        let volumes = objects.persistent_volumes.iter();
        let classes = objects.storage_classes.iter();
        let is_default = |class: &&StorageClass| {
            let annotations = class.metadata.annotations.iter().flatten();
            annotations
                .into_iter()
                .any(|(key, value)| key == "storageclass.kubernetes.io/is-default-class" && value == "true")
        };
        // Of several default classes Kubernetes takes the newest, then the first by name.
        let newest_first = |class: &&StorageClass| {
            let created = class.metadata.creation_timestamp.as_ref().map(|time| time.0);
            (std::cmp::Reverse(created), class.metadata.name.clone())
        };
        let drivers = objects.csi_nodes.iter().flat_map(|csi_node| &csi_node.spec.drivers);
        let limited =
            drivers.filter(|driver| driver.allocatable.as_ref().is_some_and(|limit| limit.count.is_some()));
        VolumeIndex {
            limited: limited.map(|driver| driver.name.as_str()).collect(),
            claims: claims.collect(),
            volumes: volumes.filter_map(|volume| Some((volume.metadata.name.as_deref()?, volume))).collect(),
            classes: classes
                .clone()
                .filter_map(|class| Some((class.metadata.name.as_deref()?, class)))
                .collect(),
            default_class: classes
                .filter(is_default)
                .min_by_key(newest_first)
                .and_then(|class| class.metadata.name.as_deref()),
        }
    }

    /// The needs of a pod; `None` when it has no volume that matters.
    pub fn needs(&self, pod: &Pod) -> Option<VolumeNeeds> {
        let spec = pod.spec()?;
        let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
        let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
        let mut needs: Option<VolumeNeeds> = None;
        let mut mounted: BTreeSet<&str> = BTreeSet::new();
        for volume in spec.volumes.iter().flatten() {
            if volume
                .persistent_volume_claim
                .as_ref()
                .is_some_and(|source| !mounted.insert(&source.claim_name))
            {
                continue;
            }
            let Some(one) = self.volume_needs(volume, namespace, pod_name) else { continue };
            let all = needs.get_or_insert_with(VolumeNeeds::default);
            match one {
                Err(problem) => all.problem = Some(problem),
                Ok((alternatives, driver)) => {
                    if let Some(driver) = driver {
                        *all.attachments.entry(driver).or_default() += 1;
                    }
                    all.alternatives = cross(&all.alternatives, &alternatives);
                }
            }
        }
        needs
    }

    #[allow(clippy::type_complexity, reason = "alternatives and driver of one volume, used once")]
    fn volume_needs(
        &self,
        volume: &Volume,
        namespace: &str,
        pod_name: &str,
    ) -> Option<Result<(Vec<Requirements>, Option<String>), String>> {
        if let Some(source) = &volume.persistent_volume_claim {
            return Some(self.claim_needs(namespace, &source.claim_name));
        }
        if let Some(template) =
            volume.ephemeral.as_ref().and_then(|source| source.volume_claim_template.as_ref())
        {
            let name = format!("{pod_name}-{}", volume.name);
            if self.claims.contains_key(&(namespace, name.as_str())) {
                return Some(self.claim_needs(namespace, &name));
            }
            return Some(self.class_needs(template.spec.storage_class_name.as_deref(), "ephemeral volume"));
        }
        None
    }

    fn claim_needs(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<(Vec<Requirements>, Option<String>), String> {
        let Some(claim) = self.claims.get(&(namespace, name)) else {
            return Err(format!("persistentvolumeclaim {name:?} not found"));
        };
        let status_phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
        if claim.metadata.deletion_timestamp.is_some() {
            return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
        }
        if status_phase == Some("Lost") {
            return Err(format!("persistentvolumeclaim {name:?} has lost its volume"));
        }
        let spec = claim.spec.as_ref();
        let bound_to = spec.and_then(|spec| spec.volume_name.as_deref()).filter(|volume| !volume.is_empty());
        let Some(volume_name) = bound_to else {
            let class = spec.and_then(|spec| spec.storage_class_name.as_deref());
            return self.class_needs(class, &format!("persistentvolumeclaim {name:?}"));
        };
        let completed = claim.metadata.annotations.iter().flatten().any(|(key, _)| key == BIND_COMPLETED);
        if !completed && status_phase != Some("Bound") {
            return Err(format!("persistentvolumeclaim {name:?} names a volume but is not bound yet"));
        }
        let Some(volume) = self.volumes.get(volume_name) else {
            return Err(format!("persistentvolume {volume_name:?} of claim {name:?} not found"));
        };
        if volume.metadata.deletion_timestamp.is_some() {
            return Err(format!("persistentvolume {volume_name:?} of claim {name:?} is being deleted"));
        }
        self.volume_requirements(volume).map_err(|error| format!("persistentvolume {volume_name:?}: {error}"))
    }

    fn class_needs(
        &self,
        class: Option<&str>,
        owner: &str,
    ) -> Result<(Vec<Requirements>, Option<String>), String> {
        // An empty name asks for no class at all, not for the default one.
        let Some(name) = class.or(self.default_class).filter(|name| !name.is_empty()) else {
            return Err(format!("unbound {owner} has no storage class"));
        };
        let Some(class) = self.classes.get(name) else {
            return Err(format!("storageclass {name:?} of {owner} not found"));
        };
        if class.volume_binding_mode.as_deref() != Some("WaitForFirstConsumer") {
            return Err(format!(
                "unbound {owner} of storageclass {name:?} binds immediately, without waiting for the pod"
            ));
        }
        let terms = class.allowed_topologies.as_deref().unwrap_or_default();
        let mut alternatives = terms.iter().map(topology_requirements).collect::<Result<Vec<_>, _>>()?;
        if alternatives.is_empty() {
            alternatives.push(Requirements::new());
        }
        Ok((alternatives, self.attachable(&class.provisioner)))
    }

    /// The driver under which attachments are counted, if anybody limits them.
    fn attachable(&self, driver: &str) -> Option<String> {
        let translated = if driver == EBS_IN_TREE { EBS_DRIVER } else { driver };
        (translated == EBS_DRIVER || self.limited.contains(translated)).then(|| translated.to_owned())
    }

    fn volume_requirements(
        &self,
        volume: &PersistentVolume,
    ) -> Result<(Vec<Requirements>, Option<String>), String> {
        let Some(spec) = &volume.spec else { return Ok((vec![Requirements::new()], None)) };
        let driver = match (&spec.csi, &spec.aws_elastic_block_store) {
            (Some(csi), _) => self.attachable(&csi.driver),
            (None, Some(_)) => Some(EBS_DRIVER.to_owned()),
            (None, None) => None,
        };
        let local = spec.local.is_some() || spec.host_path.is_some();
        let terms = spec.node_affinity.as_ref().and_then(|affinity| affinity.required.as_ref());
        let mut alternatives = Vec::new();
        for term in terms.iter().flat_map(|selector| &selector.node_selector_terms) {
            alternatives.push(affinity_requirements(term, local)?);
        }
        if alternatives.is_empty() {
            alternatives.push(Requirements::new());
        }
        Ok((alternatives, driver))
    }
}

/// Every combination that is not a contradiction; all of them when nothing is left.
fn cross(left: &[Requirements], right: &[Requirements]) -> Vec<Requirements> {
    if let [only] = right
        && only.iter().next().is_none()
    {
        return left.to_vec();
    }
    let mut combined = Vec::new();
    let mut contradictory = Vec::new();
    for one in left {
        for other in right {
            let mut both = one.clone();
            both.extend(other.clone());
            if one.intersects(other).is_ok() { combined.push(both) } else { contradictory.push(both) }
        }
    }
    if combined.is_empty() { contradictory } else { combined }
}

/// A local volume's tie to one host is left out: the volume has to be made anew wherever the pod goes.
fn affinity_requirements(term: &NodeSelectorTerm, local: bool) -> Result<Requirements, String> {
    let mut expressions = term.match_expressions.clone().unwrap_or_default();
    if local {
        expressions.retain(|expression| expression.key != labels::HOSTNAME);
    }
    for expression in &mut expressions {
        expression.key = labels::normalize_label(&expression.key).to_owned();
    }
    Requirements::from_node_selector_terms(&expressions).map_err(|error| error.to_string())
}

fn topology_requirements(term: &TopologySelectorTerm) -> Result<Requirements, String> {
    let mut requirements = Requirements::new();
    for expression in term.match_label_expressions.iter().flatten() {
        let key = labels::normalize_label(&expression.key);
        let requirement = Requirement::new(key, Operator::In, expression.values.clone(), None)
            .map_err(|error| format!("allowedTopologies: {error}"))?;
        requirements.add(requirement);
    }
    Ok(requirements)
}
