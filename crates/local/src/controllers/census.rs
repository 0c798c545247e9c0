//! How many pods there are, by what controllers ask of them: counted change by change, so that a set of thousands is not walked
//! for each of its pods that becomes ready.

use std::collections::BTreeMap;

use supercargo_api::Pod;
use supercargo_reconcile::{Change, Kind, Object, controller_of};

use crate::conditions::{is_finished, is_ready};

/// What pods that are counted together have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sort {
    /// Their namespace.
    pub(super) namespace: String,
    /// Kind, name and uid of the controller; empty for pods that nobody controls.
    pub(super) owner: (String, String, String),
    /// Their labels.
    pub(super) labels: BTreeMap<String, String>,
}

/// How many pods of a sort there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// All of them.
    pub(super) all: usize,
    /// Those that have not been told to go.
    pub(super) stay: usize,
    /// Those that have not ended.
    pub(super) present: usize,
    /// Those that have neither ended nor been told to go.
    pub(super) active: usize,
    /// Active ones that are ready.
    pub(super) ready: usize,
}

/// The pods of a cluster, counted.
#[derive(Debug, Default)]
pub(super) struct Census {
    sorts: BTreeMap<Sort, Count>,
}

impl Census {
    /// Takes notice of a change.
    pub(super) fn observe(&mut self, change: &Change) {
        if change.kind != Kind::Pod {
            return;
        }
        let (old, new) = (pod(&change.old), pod(&change.new));
        if let (Some(old), Some(new)) = (old, new)
            && count(old) == count(new)
            && old.metadata.labels == new.metadata.labels
            && old.metadata.owner_references == new.metadata.owner_references
        {
            return;
        }
        if let Some(old) = old {
            let sort = sort(old);
            let left = self.sorts.get_mut(&sort).map(|known| {
                let gone = count(old);
                known.all = known.all.saturating_sub(gone.all);
                known.stay = known.stay.saturating_sub(gone.stay);
                known.present = known.present.saturating_sub(gone.present);
                known.active = known.active.saturating_sub(gone.active);
                known.ready = known.ready.saturating_sub(gone.ready);
                known.all
            });
            if left == Some(0) {
                self.sorts.remove(&sort);
            }
        }
        if let Some(new) = new {
            let known = self.sorts.entry(sort(new)).or_default();
            let come = count(new);
            known.all += come.all;
            known.stay += come.stay;
            known.present += come.present;
            known.active += come.active;
            known.ready += come.ready;
        }
    }

    /// The sorts of a namespace with their counts.
    pub(super) fn of_namespace<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Sort, &'a Count)> {
        let first = Sort {
            namespace: namespace.to_owned(),
            owner: <(String, String, String)>::default(),
            labels: BTreeMap::new(),
        };
        self.sorts.range(first..).take_while(move |(sort, _)| sort.namespace == namespace)
    }
}

fn pod(object: &Option<Object>) -> Option<&Pod> {
    match object {
        Some(Object::Pod(pod)) => Some(pod),
        _ => None,
    }
}

fn sort(pod: &Pod) -> Sort {
    let owner = controller_of(&pod.metadata);
    Sort {
        namespace: pod.metadata.namespace.clone().unwrap_or_default(),
        owner: owner.map_or_else(Default::default, |owner| {
            (owner.kind.clone(), owner.name.clone(), owner.uid.clone())
        }),
        labels: pod.metadata.labels.clone().unwrap_or_default(),
    }
}

/// One pod, counted.
fn count(pod: &Pod) -> Count {
    let (stays, present) = (pod.metadata.deletion_timestamp.is_none(), !is_finished(pod));
    let active = stays && present;
    Count {
        all: 1,
        stay: usize::from(stays),
        present: usize::from(present),
        active: usize::from(active),
        ready: usize::from(active && is_ready(pod)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use supercargo_reconcile::State;

    use super::*;

    #[test]
    fn counts_follow_every_change() {
        let mut state = State::default();
        let mut census = Census::default();
        let mut version = 0;
        let mut put = |census: &mut Census,
                       name: &str,
                       phase: &str,
                       ready: &str,
                       extra: serde_json::Value| {
            version += 1;
            let mut pod = json!({
                "metadata": {
                    "name": name, "namespace": "shop", "uid": name, "resourceVersion": version.to_string(),
                    "labels": {"app": "web"},
                },
                "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
            });
            if let Some(fields) = extra.as_object() {
                for (field, value) in fields {
                    pod["metadata"][field] = value.clone();
                }
            }
            let change = state.put(Kind::Pod.read_value(pod).unwrap()).unwrap();
            census.observe(&change);
        };
        let counts = |census: &Census, namespace: &str| -> Vec<(usize, usize, usize, usize, usize)> {
            let counts = census.of_namespace(namespace);
            counts
                .map(|(_, count)| (count.all, count.stay, count.present, count.active, count.ready))
                .collect()
        };
        put(&mut census, "a", "Pending", "False", json!({}));
        put(&mut census, "b", "Running", "True", json!({}));
        assert_eq!(counts(&census, "shop"), [(2, 2, 2, 2, 1)]);
        put(&mut census, "a", "Running", "True", json!({}));
        put(&mut census, "b", "Running", "True", json!({"deletionTimestamp": "2026-03-02T10:00:00Z"}));
        assert_eq!(counts(&census, "shop"), [(2, 1, 2, 1, 1)]);
        put(&mut census, "a", "Failed", "False", json!({}));
        assert_eq!(counts(&census, "shop"), [(2, 1, 1, 0, 0)]);
        // another label is another sort
        put(&mut census, "a", "Failed", "False", json!({"labels": {"app": "other"}}));
        assert_eq!(counts(&census, "shop"), [(1, 1, 0, 0, 0), (1, 0, 1, 0, 0)]);
        assert!(counts(&census, "shop2").is_empty());
        let key = supercargo_reconcile::Key::new("shop", "b");
        let change = state.take(Kind::Pod, &key, 100).unwrap();
        census.observe(&change);
        assert_eq!(counts(&census, "shop"), [(1, 1, 0, 0, 0)]);
    }
}
