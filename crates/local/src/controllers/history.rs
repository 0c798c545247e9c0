//! Revisions of StatefulSets and DaemonSets, kept as ControllerRevisions.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use k8s_openapi::{Metadata, Resource};
use serde_json::json;
use supercargo_reconcile::{Action, Kind, State};

use super::pod_template::{fingerprint, owner_reference, with_label};

/// The label with a pod's revision.
pub(super) const REVISION_LABEL: &str = "controller-revision-hash";

/// The revisions of an owner.
pub(super) struct History<'a> {
    /// Oldest first.
    pub(super) revisions: Vec<&'a Arc<ControllerRevision>>,
    /// The name of the one that the template is.
    pub(super) update: String,
    /// What makes the revision of the template exist and be the newest.
    pub(super) actions: Vec<Action>,
}

/// The revisions of an owner, with what is missing.
pub(super) fn history<'a, T>(owner: &T, template: &PodTemplateSpec, state: &'a State) -> History<'a>
where
    T: Metadata<Ty = ObjectMeta> + Resource,
{
    let metadata = owner.metadata();
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let mut revisions: Vec<&Arc<ControllerRevision>> =
        state.owned(Kind::ControllerRevision, uid).filter_map(|key| state.revisions.get(key)).collect();
    revisions.sort_by_key(|revision| (revision.revision, revision.metadata.name.clone()));
    let mut data = json!({"spec": {"template": template}});
    data["spec"]["template"]["$patch"] = json!("replace");
    let newest = revisions.last().and_then(|revision| revision.revision).unwrap_or(0);
    let mut actions = Vec::new();
    let same = revisions.iter().find(|revision| revision.data.0 == data);
    let update = match same {
        Some(same) => {
            if same.revision != Some(newest) {
                let mut changed = (***same).clone();
                changed.revision = Some(newest + 1);
                actions.extend(Action::update(Kind::ControllerRevision, &***same, &changed));
            }
            same.metadata.name.clone().unwrap_or_default()
        }
        None => {
            let hash = fingerprint(&data.to_string());
            let name = format!("{}-{hash}", metadata.name.as_deref().unwrap_or_default());
            let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
            actions.push(Action::create(ControllerRevision {
                metadata: ObjectMeta {
                    name: Some(name.clone()),
                    namespace: metadata.namespace.clone(),
                    labels: with_label(labels, REVISION_LABEL, &hash),
                    owner_references: Some(vec![owner_reference(owner)]),
                    ..ObjectMeta::default()
                },
                revision: Some(newest + 1),
                data: RawExtension(data),
            }));
            name
        }
    };
    History { revisions, update, actions }
}

impl History<'_> {
    /// The template of a revision; nothing if it is not known or cannot be read.
    pub(super) fn template(&self, name: &str) -> Option<PodTemplateSpec> {
        let revision =
            self.revisions.iter().find(|revision| revision.metadata.name.as_deref() == Some(name))?;
        serde_json::from_value(revision.data.0.pointer("/spec/template")?.clone()).ok()
    }

    /// Deletes the oldest revisions beyond a limit that nothing uses.
    pub(super) fn clean_up(&self, limit: i32, used: impl Fn(&str) -> bool) -> Vec<Action> {
        let idle: Vec<_> = self
            .revisions
            .iter()
            .filter(|revision| {
                let name = revision.metadata.name.as_deref().unwrap_or_default();
                name != self.update && !used(name)
            })
            .collect();
        let surplus = idle.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        idle.into_iter()
            .take(surplus)
            .map(|revision| Action::delete(Kind::ControllerRevision, &***revision))
            .collect()
    }
}
