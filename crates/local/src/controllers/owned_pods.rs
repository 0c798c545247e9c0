//! The pods of a controller: those it has, those it takes on, those it lets go.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::{Metadata, Resource};
use supercargo_api::Pod;
use supercargo_api::selector::Selector;
use supercargo_reconcile::{Action, Change, Key, Kind, Object, State, controller_of};

use super::pod_template::owner_reference;
use crate::conditions::is_active;

/// The pods of a controller and what makes them so.
pub(super) struct Owned<'a> {
    /// Its pods, by key, those that end among them.
    pub(super) pods: Vec<(&'a Key, &'a Pod)>,
    /// Actions that take pods on or let them go.
    pub(super) claims: Vec<Action>,
}

/// Finds the pods of an owner. Active pods that match and have no controller are taken on, pods that match no more are let go.
pub(super) fn owned_pods<'a, T>(owner: &T, selector: &LabelSelector, state: &'a State) -> Owned<'a>
where
    T: Metadata<Ty = ObjectMeta> + Resource,
{
    let metadata = owner.metadata();
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let selector = Selector::compile(selector).unwrap_or(Selector::nothing());
    let mut owned = Owned { pods: Vec::new(), claims: Vec::new() };
    for (key, pod) in state.pods_of(uid) {
        if selector.matches_optional(pod.metadata.labels.as_ref()) {
            owned.pods.push((key, pod));
        } else if pod.metadata.deletion_timestamp.is_none() {
            let mut free = pod.clone();
            if let Some(owners) = &mut free.metadata.owner_references {
                owners.retain(|owner| owner.uid != uid);
            }
            owned.claims.extend(Action::update(Kind::Pod, pod, &free));
        }
    }
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    if metadata.deletion_timestamp.is_none() && !selector.selects_everything() {
        for (_, pod) in state.orphan_pods(namespace) {
            if is_active(pod) && selector.matches_optional(pod.metadata.labels.as_ref()) {
                let mut taken = pod.clone();
                taken.metadata.owner_references.get_or_insert_default().push(owner_reference(owner));
                owned.claims.extend(Action::update(Kind::Pod, pod, &taken));
            }
        }
    }
    owned
}

/// The keys of controllers of a kind that a change of a pod concerns: its own before and after, and for a pod without
/// one all that might take it on.
pub(super) fn controllers_of_pod<T>(
    change: &Change,
    kind: &str,
    state_kind: Kind,
    candidates: impl Fn(&Pod) -> Vec<Key>,
) -> Vec<Key>
where
    T: Resource,
{
    debug_assert_eq!(state_kind.name(), kind);
    let mut keys = Vec::new();
    for object in [&change.old, &change.new].into_iter().flatten() {
        let Object::Pod(pod) = object else { continue };
        match controller_of(&pod.metadata) {
            Some(owner) if owner.kind == kind && owner.api_version == T::API_VERSION => {
                keys.push(Key::new(change.key.namespace.clone(), owner.name.clone()));
            }
            Some(_) => {}
            None if change.new.is_some() => keys.extend(candidates(pod)),
            None => {}
        }
    }
    keys.dedup();
    keys
}
