//! Writes, and the tasks that follow from them.

use std::sync::Arc;

use serde_json::Value;

use crate::admission::quota::is_counted;
use crate::garbage::Task;
use crate::resources::Resource;
use crate::server::Server;
use crate::store::{Draft, Expect, Place, Stored};

/// What was found where a write expected something else.
pub(crate) type Found = Option<Arc<Stored>>;

impl Server {
    /// Writes an object in place of what it was, or of nothing.
    pub(crate) fn commit(
        &self,
        resource: &Resource,
        key: &str,
        previous: Option<&Arc<Stored>>,
        object: &mut Value,
    ) -> Result<Arc<Stored>, Found> {
        self.commit_draft(resource, key, previous, Draft::whole(object))
    }

    /// Writes what may be no whole object in place of what it was, or of nothing.
    pub(crate) fn commit_draft(
        &self,
        resource: &Resource,
        key: &str,
        previous: Option<&Arc<Stored>>,
        draft: Draft<'_>,
    ) -> Result<Arc<Stored>, Found> {
        let Draft { object, managers, spec_of } = draft;
        let draft = Draft { object: &mut *object, managers, spec_of };
        let expect = previous.map_or(Expect::Absent, |previous| Expect::Revision(previous.revision));
        let stored = self.shared.store.put(resource.table, key, expect, draft)?;
        let place = Place { table: resource.table, key: stored.key.clone() };
        if !stored.owners.is_empty() && self.has_doubtful_owner(&stored) {
            self.enqueue(Task::Owners(place.clone()));
        }
        if stored.is_deleting {
            if has_finalizer(object, "orphan") {
                self.enqueue(Task::Orphan(place.clone()));
            }
            if has_finalizer(object, "foregroundDeletion") {
                self.enqueue(Task::Foreground(place));
            }
        }
        self.note_for_quotas(resource, previous, Some(object), &stored);
        if resource.is("", "namespaces") {
            let name = stored.name().to_owned();
            self.enqueue(if stored.is_deleting {
                Task::Namespace(name)
            } else {
                Task::NamespaceContents(name)
            });
        } else if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
            self.enqueue(Task::Definition(stored.name().to_owned()));
        }
        Ok(stored)
    }

    /// Takes an object away. The draft is how it was last.
    pub(crate) fn commit_removal(
        &self,
        resource: &Resource,
        previous: &Arc<Stored>,
        draft: Draft<'_>,
    ) -> Result<Arc<Stored>, Found> {
        let store = &self.shared.store;
        let stored = store.remove(resource.table, &previous.key, previous.revision, draft)?;
        if !store.dependents(&stored.uid).is_empty() {
            self.enqueue(Task::OwnerGone(stored.uid.to_string()));
        }
        for owner in &stored.owners {
            if let Some(place) = store.locate(owner)
                && store.get(place.table, &place.key).is_some_and(|owner| owner.is_deleting)
            {
                self.enqueue(Task::Foreground(place));
            }
        }
        self.note_for_quotas(resource, Some(previous), None, &stored);
        if resource.is_namespaced {
            let registry = self.registry();
            let namespace = registry
                .get("", "namespaces")
                .and_then(|namespaces| store.get(namespaces.table, stored.namespace()));
            if namespace.is_some_and(|namespace| namespace.is_deleting) {
                self.enqueue(Task::Namespace(stored.namespace().to_owned()));
            } else if (resource.is("", "serviceaccounts") && stored.name() == "default")
                || (resource.is("", "configmaps") && stored.name() == "kube-root-ca.crt")
            {
                self.enqueue(Task::NamespaceContents(stored.namespace().to_owned()));
            }
        }
        if resource.definition.is_some() {
            self.enqueue(Task::Definition(resource.qualified()));
        } else if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
            self.enqueue(Task::Definition(stored.name().to_owned()));
        }
        Ok(stored)
    }

    /// Has quotas reckoned anew if a change gives something back to them. What takes from them is charged with the write.
    fn note_for_quotas(
        &self,
        resource: &Resource,
        previous: Option<&Arc<Stored>>,
        new: Option<&Value>,
        stored: &Stored,
    ) {
        let namespace = stored.namespace();
        let is_quota = resource.is("", "resourcequotas");
        if !resource.is_namespaced || (!is_quota && !self.has_quotas(namespace)) {
            return;
        }
        let gvr = resource.gvr(&resource.storage_version);
        let gives_back = previous.is_some_and(|previous| is_counted(&gvr, new, &previous.value()));
        if is_quota || gives_back {
            self.enqueue(Task::Quotas(namespace.to_owned()));
        }
    }

    /// Writes an object, or takes it away if it was only waiting for its last finalizer.
    pub(crate) fn commit_or_remove(
        &self,
        resource: &Resource,
        previous: &Arc<Stored>,
        draft: Draft<'_>,
    ) -> Result<Arc<Stored>, Found> {
        if is_ready_to_go(draft.object) {
            self.commit_removal(resource, previous, draft)
        } else {
            self.commit_draft(resource, &previous.key, Some(previous), draft)
        }
    }

    /// Reads an object, changes it, writes it, until nobody comes in between. The change says whether there is one.
    pub(crate) fn edit(
        &self,
        resource: &Resource,
        key: &str,
        change: impl Fn(&mut Value) -> bool,
    ) -> Option<Arc<Stored>> {
        loop {
            let live = self.shared.store.get(resource.table, key)?;
            let mut object = live.value_without_managers();
            if !change(&mut object) {
                return Some(live);
            }
            let managers = (!live.managers.is_empty()).then(|| live.managers.clone());
            let draft = Draft { object: &mut object, managers, spec_of: None };
            if let Ok(stored) = self.commit_or_remove(resource, &live, draft) {
                return Some(stored);
            }
        }
    }

    /// Whether an owner is not there, is going away, or is in another namespace.
    fn has_doubtful_owner(&self, object: &Stored) -> bool {
        object.owners.iter().any(|uid| {
            let Some(place) = self.shared.store.locate(uid) else { return true };
            let Some(owner) = self.shared.store.get(place.table, &place.key) else { return true };
            let namespace = owner.namespace();
            owner.is_deleting || (!namespace.is_empty() && namespace != object.namespace())
        })
    }
}

/// Whether the object has this finalizer.
pub(crate) fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    finalizers(object).any(|known| known == finalizer)
}

/// The finalizers of an object.
pub(crate) fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let metadata = object.get("metadata");
    let list = metadata.and_then(|data| data.get("finalizers")).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// Whether nothing keeps an object that is being deleted.
pub(crate) fn is_ready_to_go(object: &Value) -> bool {
    let metadata = &object["metadata"];
    metadata.get("deletionTimestamp").is_some_and(Value::is_string)
        && metadata.get("deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0) == 0
        && finalizers(object).next().is_none()
        && !is_unfinished_namespace(object)
}

fn is_unfinished_namespace(object: &Value) -> bool {
    object["kind"] == "Namespace"
        && object["apiVersion"] == "v1"
        && object["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}
