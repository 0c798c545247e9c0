//! Claims get volumes: existing ones that fit, or new ones in the right zone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    CSIPersistentVolumeSource, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, ObjectReference,
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus, PersistentVolumeSpec,
    PersistentVolumeStatus, Volume, VolumeNodeAffinity,
};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::Pod;
use supercargo_api::labels::ZONE;
use supercargo_api::selector::Selector;
use supercargo_clock::Randomness;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State, reference};

use super::pod_template::owner_reference;
use crate::kubelet::EBS_DRIVER;
use crate::scheduler::{SELECTED_NODE, allows, class_of, quantities, volume_of, waits_for_consumer};

/// The component that Events name.
const COMPONENT: &str = "persistentvolume-controller";
/// Making a volume takes this long.
const CREATION: Duration = Duration::from_secs(2);
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// Provisioners whose volumes are made here.
const PROVISIONERS: [&str; 2] = [EBS_DRIVER, "kubernetes.io/aws-ebs"];

/// The StorageClass that a new cluster starts with, as JSON.
pub const DEFAULT_STORAGE_CLASS: &str = r#"{
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "gp3", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "ebs.csi.aws.com",
    "parameters": {"type": "gp3", "encrypted": "true"},
    "reclaimPolicy": "Delete",
    "allowVolumeExpansion": true,
    "volumeBindingMode": "WaitForFirstConsumer"
}"#;

/// The controller of claims and volumes, provisioner included. The key of a claim has a namespace, that of a volume none;
/// ephemeral volumes are looked at by their pods' claims.
#[derive(Debug)]
pub struct Volumes {
    seed: u64,
    /// When the making of a claim's volume began.
    begun: BTreeMap<String, Timestamp>,
}

impl Volumes {
    /// Zones of volumes that nothing ties to one are drawn from this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, begun: BTreeMap::new() }
    }
}

impl Controller for Volumes {
    const NAME: &'static str = "volumes";
    const KINDS: &'static [Kind] = &[
        Kind::PersistentVolumeClaim,
        Kind::PersistentVolume,
        Kind::StorageClass,
        Kind::Pod,
        Kind::Node,
        Kind::VolumeAttachment,
    ];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match (change.kind, &change.new) {
            (Kind::PersistentVolumeClaim, None) => {
                let mut keys = vec![change.key.clone()];
                let volume = match &change.old {
                    Some(Object::PersistentVolumeClaim(claim)) => volume_of(claim).map(Key::cluster),
                    _ => None,
                };
                keys.extend(volume);
                keys
            }
            (Kind::PersistentVolumeClaim, Some(_)) => vec![change.key.clone()],
            (Kind::PersistentVolume, new) => {
                let mut keys = vec![change.key.clone()];
                let object = new.as_ref().or(change.old.as_ref());
                if let Some(Object::PersistentVolume(volume)) = object {
                    match claim_reference(volume) {
                        Some(claim) => keys.push(claim),
                        // somebody may have waited for it
                        None => keys.extend(pending_claims(state)),
                    }
                }
                keys
            }
            (Kind::StorageClass, Some(_)) => pending_claims(state),
            (Kind::VolumeAttachment, None) => match &change.old {
                Some(Object::VolumeAttachment(attachment)) => {
                    attachment.spec.source.persistent_volume_name.iter().map(Key::cluster).collect()
                }
                _ => Vec::new(),
            },
            (Kind::Pod, Some(Object::Pod(pod))) if change.old.is_none() => {
                ephemeral(pod).map(|(key, _)| key).collect()
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        if key.namespace.is_empty() {
            return volume(key, state).into();
        }
        let Some(claim) = state.claims.get(key) else {
            return ephemeral_claim(key, state).into_iter().collect::<Vec<_>>().into();
        };
        if claim.metadata.deletion_timestamp.is_some() {
            return Decision::nothing();
        }
        match volume_of(claim) {
            Some(name) => bind(claim, state.volumes.get(&Key::cluster(name)), now).into(),
            None => self.find(claim, state, now),
        }
    }
}

impl Volumes {
    /// Finds or makes a volume for a claim that has none.
    fn find(&mut self, claim: &Arc<PersistentVolumeClaim>, state: &State, now: Timestamp) -> Decision {
        let key = Key::of(&claim.metadata);
        let class = class_of(claim).and_then(|name| state.storage_classes.get(&Key::cluster(name)));
        let selected =
            claim.metadata.annotations.as_ref().and_then(|annotations| annotations.get(SELECTED_NODE));
        let waits = class.is_some_and(|class| waits_for_consumer(class)) && selected.is_none();
        let mut decision = Decision::nothing();
        decision.actions.extend(pending(claim));
        // a volume made for this claim, or one that is free and fits
        let uid = claim.metadata.uid.as_deref().unwrap_or_default();
        let own = state.volumes.values().find(|volume| {
            let reference = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
            reference.is_some_and(|reference| {
                reference.name.as_ref() == Some(&key.name)
                    && reference.namespace.as_ref() == Some(&key.namespace)
                    && reference.uid.as_deref().is_none_or(|known| known == uid)
            })
        });
        let found = own.or_else(|| if waits { None } else { best_free(claim, state) });
        if let Some(volume) = found {
            self.begun.remove(uid);
            decision.actions.extend(take(claim, volume));
            return decision;
        }
        if waits {
            let message = "waiting for first consumer to be created before binding".to_owned();
            decision.actions.push(Action::note(&**claim, COMPONENT, "WaitForFirstConsumer", message));
            return decision;
        }
        let Some(class) = class.filter(|class| PROVISIONERS.contains(&class.provisioner.as_str())) else {
            let message = match class_of(claim) {
                None => {
                    "no persistent volumes available for this claim and no storage class is set".to_owned()
                }
                Some(name) if class.is_none() => format!("storageclass.storage.k8s.io \"{name}\" not found"),
                Some(_) => {
                    "waiting for a volume to be created, either by an external provisioner or manually"
                        .to_owned()
                }
            };
            decision.actions.push(Action::warn(&**claim, COMPONENT, "ProvisioningFailed", message));
            return decision;
        };
        let begun = *self.begun.entry(uid.to_owned()).or_insert(now);
        let done = begun + CREATION;
        if done > now {
            decision.look_again(done);
            return decision;
        }
        self.begun.remove(uid);
        let Some(zone) = self.zone(claim, class, selected, state) else {
            let message = "failed to provision volume: no zone of the cluster's nodes is allowed".to_owned();
            decision.actions.push(Action::warn(&**claim, COMPONENT, "ProvisioningFailed", message));
            return decision;
        };
        let volume = self.make(claim, class, zone);
        let name = volume.metadata.name.clone().unwrap_or_default();
        let message = format!("Successfully provisioned volume {name}");
        decision.actions.push(Action::create(volume));
        decision.actions.push(Action::note(&**claim, EBS_DRIVER, "ProvisioningSucceeded", message));
        decision
    }

    /// The zone of a new volume: that of the selected node, or any that is allowed.
    fn zone(
        &self,
        claim: &PersistentVolumeClaim,
        class: &StorageClass,
        selected: Option<&String>,
        state: &State,
    ) -> Option<Option<String>> {
        let zone_of = |node: &k8s_openapi::api::core::v1::Node| {
            node.metadata.labels.as_ref().and_then(|labels| labels.get(ZONE).cloned())
        };
        if let Some(node) = selected {
            return Some(state.nodes.get(&Key::cluster(node)).and_then(|node| zone_of(node)));
        }
        let no_labels = BTreeMap::new();
        let allowed = class.allowed_topologies.as_deref().unwrap_or_default();
        let zones: BTreeSet<String> = state
            .nodes
            .values()
            .filter(|node| {
                let labels = node.metadata.labels.as_ref().unwrap_or(&no_labels);
                allowed.is_empty() || allowed.iter().any(|term| allows(term, labels))
            })
            .filter_map(|node| zone_of(node))
            .collect();
        let zones: Vec<String> = zones.into_iter().collect();
        let uid = claim.metadata.uid.as_deref().unwrap_or_default();
        let mut draws = Randomness::from_seed(self.seed).fork("volumes").fork(uid);
        match draws.choose(&zones) {
            Some(zone) => Some(Some(zone.clone())),
            // without nodes, or without zones, a volume is tied to none
            None if allowed.is_empty() => Some(None),
            None => None,
        }
    }

    fn make(
        &self,
        claim: &PersistentVolumeClaim,
        class: &StorageClass,
        zone: Option<String>,
    ) -> PersistentVolume {
        let uid = claim.metadata.uid.clone().unwrap_or_default();
        let spec = claim.spec.clone().unwrap_or_default();
        let mut draws = Randomness::from_seed(self.seed).fork("volume ids").fork(&uid);
        let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        let size = requests
            .and_then(|requests| requests.get("storage").cloned())
            .unwrap_or_else(|| Quantity("1Gi".to_owned()));
        let affinity = zone.map(|zone| {
            let demand = NodeSelectorRequirement {
                key: ZONE.to_owned(),
                operator: "In".to_owned(),
                values: Some(vec![zone]),
            };
            let term = NodeSelectorTerm { match_expressions: Some(vec![demand]), match_fields: None };
            VolumeNodeAffinity { required: Some(NodeSelector { node_selector_terms: vec![term] }) }
        });
        let mut claim_ref = reference(claim);
        claim_ref.resource_version = None;
        PersistentVolume {
            metadata: ObjectMeta {
                name: Some(format!("pvc-{uid}")),
                annotations: Some(BTreeMap::from([(PROVISIONED_BY.to_owned(), EBS_DRIVER.to_owned())])),
                ..ObjectMeta::default()
            },
            spec: Some(PersistentVolumeSpec {
                access_modes: spec.access_modes,
                capacity: Some(BTreeMap::from([("storage".to_owned(), size)])),
                claim_ref: Some(claim_ref),
                csi: Some(CSIPersistentVolumeSource {
                    driver: EBS_DRIVER.to_owned(),
                    fs_type: Some("ext4".to_owned()),
                    volume_handle: format!("vol-{:016x}{:x}", draws.u64(), draws.below(16)),
                    ..CSIPersistentVolumeSource::default()
                }),
                node_affinity: affinity,
                persistent_volume_reclaim_policy: class
                    .reclaim_policy
                    .clone()
                    .or_else(|| Some("Delete".to_owned())),
                storage_class_name: class.metadata.name.clone(),
                volume_mode: spec.volume_mode.or_else(|| Some("Filesystem".to_owned())),
                ..PersistentVolumeSpec::default()
            }),
            status: None,
        }
    }
}

/// The smallest free volume that fits a claim.
fn best_free<'a>(claim: &PersistentVolumeClaim, state: &'a State) -> Option<&'a Arc<PersistentVolume>> {
    let spec = claim.spec.as_ref()?;
    let wanted = quantities(spec.resources.as_ref().and_then(|resources| resources.requests.as_ref()));
    let selector = spec.selector.as_ref().and_then(|selector| Selector::compile(selector).ok());
    let modes = spec.access_modes.as_deref().unwrap_or_default();
    let mode = spec.volume_mode.as_deref().unwrap_or("Filesystem");
    let fits = |volume: &PersistentVolume| {
        let Some(offered) = &volume.spec else { return false };
        let class = offered.storage_class_name.as_deref().unwrap_or_default();
        let has_modes = modes.iter().all(|mode| offered.access_modes.iter().flatten().any(|has| has == mode));
        volume.metadata.deletion_timestamp.is_none()
            && offered.claim_ref.is_none()
            && class == class_of(claim).unwrap_or_default()
            && offered.volume_mode.as_deref().unwrap_or("Filesystem") == mode
            && has_modes
            && quantities(offered.capacity.as_ref()).get("storage") >= wanted.get("storage")
            && selector
                .as_ref()
                .is_none_or(|selector| selector.matches_optional(volume.metadata.labels.as_ref()))
    };
    state.volumes.values().filter(|volume| fits(volume)).min_by_key(|volume| {
        let capacity = volume.spec.as_ref().and_then(|spec| spec.capacity.as_ref());
        (quantities(capacity).get("storage"), volume.metadata.name.clone())
    })
}

/// Ties a claim and a volume to each other.
fn take(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> Vec<Action> {
    let mut taken = volume.clone();
    let mut claim_ref = reference(claim);
    claim_ref.resource_version = None;
    taken.spec.get_or_insert_default().claim_ref = Some(claim_ref);
    let mut changed = claim.clone();
    changed.spec.get_or_insert_default().volume_name = volume.metadata.name.clone();
    let annotations = changed.metadata.annotations.get_or_insert_default();
    annotations.insert(BIND_COMPLETED.to_owned(), "yes".to_owned());
    annotations.insert(BOUND_BY_CONTROLLER.to_owned(), "yes".to_owned());
    let volume = Action::update(Kind::PersistentVolume, volume, &taken);
    volume.into_iter().chain(Action::update(Kind::PersistentVolumeClaim, claim, &changed)).collect()
}

/// Writes down that a claim and its volume are bound, or that the volume is gone.
fn bind(
    claim: &Arc<PersistentVolumeClaim>,
    volume: Option<&Arc<PersistentVolume>>,
    _: Timestamp,
) -> Vec<Action> {
    let mut changed = (**claim).clone();
    let Some(volume) = volume else {
        let bound =
            claim.metadata.annotations.as_ref().is_some_and(|known| known.contains_key(BIND_COMPLETED));
        if bound {
            changed.status.get_or_insert_default().phase = Some("Lost".to_owned());
        }
        return Action::update_status(Kind::PersistentVolumeClaim, &**claim, &changed).into_iter().collect();
    };
    let spec = volume.spec.clone().unwrap_or_default();
    match &spec.claim_ref {
        None => return take(claim, volume),
        Some(reference) if reference.uid.is_some() && reference.uid != claim.metadata.uid => {
            return Vec::new();
        }
        Some(_) => {}
    }
    changed.status = Some(PersistentVolumeClaimStatus {
        phase: Some("Bound".to_owned()),
        access_modes: spec.access_modes.clone(),
        capacity: spec.capacity,
        ..claim.status.clone().unwrap_or_default()
    });
    Action::update_status(Kind::PersistentVolumeClaim, &**claim, &changed).into_iter().collect()
}

/// A claim without a volume is pending.
fn pending(claim: &Arc<PersistentVolumeClaim>) -> Option<Action> {
    let mut changed = (**claim).clone();
    changed.status.get_or_insert_default().phase = Some("Pending".to_owned());
    Action::update_status(Kind::PersistentVolumeClaim, &**claim, &changed)
}

/// The phase of a volume; one whose claim is gone is deleted if that is its policy and nothing holds it.
fn volume(key: &Key, state: &State) -> Vec<Action> {
    let Some(volume) = state.volumes.get(key) else { return Vec::new() };
    if volume.metadata.deletion_timestamp.is_some() {
        return Vec::new();
    }
    let spec = volume.spec.clone().unwrap_or_default();
    let claim = spec.claim_ref.as_ref().map(|reference: &ObjectReference| {
        let key = Key::new(
            reference.namespace.clone().unwrap_or_default(),
            reference.name.clone().unwrap_or_default(),
        );
        let claim = state.claims.get(&key);
        claim.filter(|claim| reference.uid.is_none() || reference.uid == claim.metadata.uid)
    });
    let phase = match claim {
        None => "Available",
        Some(Some(claim)) if volume_of(claim) == Some(key.name.as_str()) => "Bound",
        // it was made for a claim, or is kept for one, that has not come to it yet
        Some(Some(_)) => "Available",
        Some(None) if spec.claim_ref.as_ref().is_some_and(|reference| reference.uid.is_none()) => "Available",
        Some(None) => "Released",
    };
    let attached = || {
        let mut attachments = state.attachments.values();
        attachments.any(|known| known.spec.source.persistent_volume_name.as_ref() == Some(&key.name))
    };
    let deletes = spec.persistent_volume_reclaim_policy.as_deref() == Some("Delete");
    let mut changed = (**volume).clone();
    changed.status = Some(PersistentVolumeStatus {
        phase: Some(phase.to_owned()),
        ..volume.status.clone().unwrap_or_default()
    });
    let status = Action::update_status(Kind::PersistentVolume, &**volume, &changed);
    let mut actions: Vec<Action> = status.into_iter().collect();
    if phase == "Released" && deletes && !attached() {
        actions.push(Action::delete(Kind::PersistentVolume, &**volume));
    }
    actions
}

fn claim_reference(volume: &PersistentVolume) -> Option<Key> {
    let reference = volume.spec.as_ref()?.claim_ref.as_ref()?;
    Some(Key::new(reference.namespace.clone()?, reference.name.clone()?))
}

fn pending_claims(state: &State) -> Vec<Key> {
    let unbound = state.claims.iter().filter(|(_, claim)| volume_of(claim).is_none());
    unbound.map(|(key, _)| key.clone()).collect()
}

/// The ephemeral volumes of a pod with the keys of their claims.
fn ephemeral(pod: &Pod) -> impl Iterator<Item = (Key, &Volume)> {
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let name = pod.metadata.name.clone().unwrap_or_default();
    let volumes = pod.spec().into_iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes
        .filter(|volume| volume.ephemeral.is_some())
        .map(move |volume| (Key::new(namespace.clone(), format!("{name}-{}", volume.name)), volume))
}

/// The claim of a pod's ephemeral volume, which lives as long as the pod.
fn ephemeral_claim(key: &Key, state: &State) -> Option<Action> {
    let (_, pod) = state.pods_using(key).find(|(_, pod)| pod.metadata.deletion_timestamp.is_none())?;
    let (_, volume) = ephemeral(pod).find(|(known, _)| known == key)?;
    let template = volume.ephemeral.as_ref()?.volume_claim_template.as_ref()?;
    let metadata = template.metadata.clone().unwrap_or_default();
    Some(Action::create(PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(key.name.clone()),
            namespace: Some(key.namespace.clone()),
            labels: metadata.labels,
            annotations: metadata.annotations,
            owner_references: Some(vec![owner_reference(pod)]),
            ..ObjectMeta::default()
        },
        spec: Some(template.spec.clone()),
        status: None,
    }))
}
