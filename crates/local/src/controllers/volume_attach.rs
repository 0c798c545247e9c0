//! Volumes are attached to the nodes whose pods use them, and detached when none does.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::storage::v1::{
    VolumeAttachment, VolumeAttachmentSource, VolumeAttachmentSpec, VolumeAttachmentStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::Pod;
use supercargo_reconcile::{
    Action, Change, Controller, Decision, Key, Kind, Object, State, claims_of, node_of,
};

use super::pod_template::fingerprint;
use crate::conditions::is_finished;
use crate::scheduler::volume_of;

/// The component that Events name.
const COMPONENT: &str = "attachdetach-controller";
/// Attaching takes this long.
const ATTACHING: Duration = Duration::from_secs(2);

/// The controller of attachments. Its keys are volumes.
#[derive(Debug, Default)]
pub struct Attachments;

impl Controller for Attachments {
    const NAME: &'static str = "attachments";
    const KINDS: &'static [Kind] =
        &[Kind::Pod, Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::VolumeAttachment, Kind::Node];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match (change.kind, change.new.as_ref().or(change.old.as_ref())) {
            (Kind::Pod, Some(Object::Pod(pod))) => {
                let claims = claims_of(pod).filter_map(|key| state.claims.get(&key));
                claims.filter_map(|claim| volume_of(claim).map(Key::cluster)).collect()
            }
            (Kind::PersistentVolume, _) => vec![change.key.clone()],
            (Kind::PersistentVolumeClaim, Some(Object::PersistentVolumeClaim(claim))) => {
                volume_of(claim).map(Key::cluster).into_iter().collect()
            }
            (Kind::VolumeAttachment, Some(Object::VolumeAttachment(attachment))) => {
                attachment.spec.source.persistent_volume_name.iter().map(Key::cluster).collect()
            }
            (Kind::Node, _) if change.new.is_none() => {
                let attachments = state.attachments.values();
                attachments
                    .filter(|attachment| attachment.spec.node_name == change.key.name)
                    .filter_map(|attachment| {
                        attachment.spec.source.persistent_volume_name.as_ref().map(Key::cluster)
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let attachments: Vec<&std::sync::Arc<VolumeAttachment>> = state
            .attachments
            .values()
            .filter(|attachment| attachment.spec.source.persistent_volume_name.as_ref() == Some(&key.name))
            .collect();
        let wanted = nodes_of_users(key, state);
        let mut decision = Decision::nothing();
        for attachment in &attachments {
            if attachment.metadata.deletion_timestamp.is_some() {
                continue;
            }
            if !wanted.contains(attachment.spec.node_name.as_str()) {
                decision.actions.push(Action::delete(Kind::VolumeAttachment, &***attachment));
                continue;
            }
            if attachment.status.as_ref().is_some_and(|status| status.attached) {
                continue;
            }
            let since = attachment.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
            let done = since + ATTACHING;
            if done > now {
                decision.look_again(done);
                continue;
            }
            let mut changed = (***attachment).clone();
            changed.status =
                Some(VolumeAttachmentStatus { attached: true, ..VolumeAttachmentStatus::default() });
            decision.actions.extend(Action::update_status(Kind::VolumeAttachment, &***attachment, &changed));
        }
        let Some(volume) = state.volumes.get(key).and_then(|volume| volume.spec.as_ref()) else {
            return decision;
        };
        let Some(csi) = &volume.csi else { return decision };
        let shared = volume.access_modes.iter().flatten().any(|mode| mode.ends_with("Many"));
        let mut occupied = attachments.iter().any(|known| wanted.contains(known.spec.node_name.as_str()))
            || !attachments.is_empty();
        for node in wanted {
            if attachments.iter().any(|known| known.spec.node_name == node) {
                continue;
            }
            if occupied && !shared {
                // it must be detached from the other node first; that change leads here again
                for (_, pod) in users(key, state).filter(|(_, pod)| node_of(pod) == Some(node)) {
                    let message = format!(
                        "Multi-Attach error for volume \"{}\" Volume is already used by pod(s) on another node",
                        key.name
                    );
                    decision.actions.push(Action::warn(pod, COMPONENT, "FailedAttachVolume", message));
                }
                continue;
            }
            occupied = true;
            decision.actions.push(Action::create(VolumeAttachment {
                metadata: ObjectMeta {
                    name: Some(format!(
                        "csi-{}",
                        fingerprint(&format!("{}/{}/{node}", csi.volume_handle, csi.driver))
                    )),
                    ..ObjectMeta::default()
                },
                spec: VolumeAttachmentSpec {
                    attacher: csi.driver.clone(),
                    node_name: node.to_owned(),
                    source: VolumeAttachmentSource {
                        persistent_volume_name: Some(key.name.clone()),
                        ..VolumeAttachmentSource::default()
                    },
                },
                status: None,
            }));
        }
        decision
    }
}

/// Pods that use a volume and have not ended.
fn users<'a>(volume: &Key, state: &'a State) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
    let reference = state.volumes.get(volume).and_then(|volume| volume.spec.as_ref()?.claim_ref.as_ref());
    let claim = reference.map(|reference| {
        Key::new(reference.namespace.clone().unwrap_or_default(), reference.name.clone().unwrap_or_default())
    });
    let pods: Vec<(&Key, &Pod)> = claim.iter().flat_map(|claim| state.pods_using(claim)).collect();
    pods.into_iter().filter(|(_, pod)| !is_finished(pod))
}

fn nodes_of_users<'a>(volume: &Key, state: &'a State) -> BTreeSet<&'a str> {
    let nodes = users(volume, state).filter_map(|(_, pod)| node_of(pod));
    nodes.filter(|node| state.nodes.get(&Key::cluster(*node)).is_some()).collect()
}
