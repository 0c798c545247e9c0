//! All stores together, and who belongs to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use supercargo_api::NodeClaim;

use super::kinds::{Kind, Object, Stores};
use super::store::Key;

/// Ends that are remembered before old ones are swept out.
const REMEMBERED_ENDS: usize = 4_096;

/// A difference that came into the state.
#[derive(Debug, Clone)]
pub struct Change {
    /// The kind of object.
    pub kind: Kind,
    /// Which object.
    pub key: Key,
    /// What it was; nothing if it is new.
    pub old: Option<Object>,
    /// What it is; nothing if it is gone.
    pub new: Option<Object>,
}

/// The mirrored cluster. Its stores are fields (`state.pods`), reached by dereferencing.
#[derive(Debug, Clone, Default)]
pub struct State {
    stores: Stores,
    pods_by_node: BTreeMap<String, BTreeSet<Key>>,
    pods_by_claim: BTreeMap<Key, BTreeSet<Key>>,
    /// Keys of objects by kind and the uid of the owner that controls them, empty for pods that nobody controls.
    owned: BTreeMap<(Kind, String), BTreeSet<Key>>,
    /// Keys of Nodes and NodeClaims by the provider id of the instance they stand for.
    by_instance: BTreeMap<(Kind, String), BTreeSet<Key>>,
    /// The greatest resource version that the watch of a kind has shown.
    watched: BTreeMap<Kind, u64>,
}

impl Deref for State {
    type Target = Stores;

    fn deref(&self) -> &Stores {
        &self.stores
    }
}

impl State {
    /// Takes in a version of an object; nothing if it is no news.
    pub fn put(&mut self, object: Object) -> Option<Change> {
        let old = self.stores.put(&object)?;
        if let Some(old) = &old {
            self.unindex(old);
        }
        self.index(&object);
        Some(Change { kind: object.kind(), key: object.key(), old, new: Some(object) })
    }

    /// Takes in the end of an object at a resource version; nothing if it is no news.
    pub fn take(&mut self, kind: Kind, key: &Key, version: u64) -> Option<Change> {
        let old = self.stores.take(kind, key, version)?;
        self.unindex(&old);
        Some(Change { kind, key: key.clone(), old: Some(old), new: None })
    }

    /// Whether this version of an object, or a later one, or its end, is known already.
    pub fn knows(&self, kind: Kind, key: &Key, version: u64) -> bool {
        self.stores.knows(kind, key, version)
    }

    /// Replaces a kind by what a list of this resource version showed.
    pub fn replace(&mut self, kind: Kind, objects: Vec<Object>, list_version: u64) -> Vec<Change> {
        let listed: BTreeSet<Key> = objects.iter().map(Object::key).collect();
        let vanished = self.stores.keys(kind).into_iter().filter(|key| !listed.contains(key));
        let mut changes: Vec<Change> =
            vanished.filter_map(|key| self.take(kind, &key, list_version)).collect();
        changes.extend(objects.into_iter().filter_map(|object| self.put(object)));
        self.note_watched(kind, list_version);
        changes
    }

    /// Remembers how far the watch of a kind has come.
    pub fn note_watched(&mut self, kind: Kind, version: u64) {
        let watched = self.watched.entry(kind).or_default();
        *watched = (*watched).max(version);
        if self.stores.gone_count(kind) > REMEMBERED_ENDS {
            self.stores.forget_gone(kind, *watched);
        }
    }

    /// The pods of a node, by key.
    pub fn pods_on<'a>(&'a self, node: &str) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
        let keys = self.pods_by_node.get(node).into_iter().flatten();
        keys.filter_map(|key| Some((key, &**self.stores.pods.get(key)?)))
    }

    /// The pods that use a claim, by key.
    pub fn pods_using<'a>(&'a self, claim: &Key) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
        let keys = self.pods_by_claim.get(claim).into_iter().flatten();
        keys.filter_map(|key| Some((key, &**self.stores.pods.get(key)?)))
    }

    /// The keys of objects of a kind that the owner of this uid controls.
    pub fn owned(&self, kind: Kind, owner: &str) -> impl Iterator<Item = &Key> {
        self.owned.get(&(kind, owner.to_owned())).into_iter().flatten()
    }

    /// The pods that the owner of this uid controls.
    pub fn pods_of<'a>(&'a self, owner: &str) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
        let keys = self.owned.get(&(Kind::Pod, owner.to_owned())).into_iter().flatten();
        keys.filter_map(|key| Some((key, &**self.stores.pods.get(key)?)))
    }

    /// The pods of a namespace that nobody controls.
    pub fn orphan_pods<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
        let keys =
            self.owned.get(&(Kind::Pod, String::new())).map(|keys| keys.range(Key::new(namespace, "")..));
        keys.into_iter()
            .flatten()
            .take_while(move |key| key.namespace == namespace)
            .filter_map(|key| Some((key, &**self.stores.pods.get(key)?)))
    }

    /// The nodes that say they are this instance, by key.
    pub fn nodes_of_instance<'a>(
        &'a self,
        provider_id: &str,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Node>)> {
        let keys = self.by_instance.get(&(Kind::Node, provider_id.to_owned())).into_iter().flatten();
        keys.filter_map(|key| Some((key, self.stores.nodes.get(key)?)))
    }

    /// The NodeClaims that were launched as this instance, by key.
    pub fn claims_of_instance<'a>(
        &'a self,
        provider_id: &str,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<NodeClaim>)> {
        let keys = self.by_instance.get(&(Kind::NodeClaim, provider_id.to_owned())).into_iter().flatten();
        keys.filter_map(|key| Some((key, self.stores.node_claims.get(key)?)))
    }

    fn index(&mut self, object: &Object) {
        let key = object.key();
        if let Object::Pod(pod) = object {
            if let Some(node) = node_of(pod) {
                insert(&mut self.pods_by_node, node.to_owned(), key.clone());
            }
            for claim in claims_of(pod) {
                insert(&mut self.pods_by_claim, claim, key.clone());
            }
        }
        if let Some(id) = provider_id_of(object) {
            insert(&mut self.by_instance, (object.kind(), id.to_owned()), key.clone());
        }
        if let Some(owner) = controlling_uid(object) {
            insert(&mut self.owned, (object.kind(), owner), key);
        }
    }

    fn unindex(&mut self, object: &Object) {
        let key = object.key();
        if let Object::Pod(pod) = object {
            if let Some(node) = node_of(pod) {
                remove(&mut self.pods_by_node, &node.to_owned(), &key);
            }
            for claim in claims_of(pod) {
                remove(&mut self.pods_by_claim, &claim, &key);
            }
        }
        if let Some(id) = provider_id_of(object) {
            remove(&mut self.by_instance, &(object.kind(), id.to_owned()), &key);
        }
        if let Some(owner) = controlling_uid(object) {
            remove(&mut self.owned, &(object.kind(), owner), &key);
        }
    }
}

/// The provider id of the instance that a Node or NodeClaim stands for.
fn provider_id_of(object: &Object) -> Option<&str> {
    let id = match object {
        Object::Node(node) => node.spec.as_ref()?.provider_id.as_deref(),
        Object::NodeClaim(claim) => claim.status.as_ref()?.provider_id.as_deref(),
        _ => None,
    };
    id.filter(|id| !id.is_empty())
}

/// Under which uid an object is listed: that of its controller, the empty one for pods without.
fn controlling_uid(object: &Object) -> Option<String> {
    match controller_of(object.metadata()) {
        Some(owner) => Some(owner.uid.clone()),
        None => (object.kind() == Kind::Pod).then(String::new),
    }
}

/// The node a pod is bound to.
pub fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|node| !node.is_empty())
}

/// The claims that a pod's volumes name, those of its own ephemeral volumes among them.
pub fn claims_of(pod: &Pod) -> impl Iterator<Item = Key> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.filter_map(move |volume| {
        if let Some(source) = &volume.persistent_volume_claim {
            return Some(Key::new(namespace, &source.claim_name));
        }
        volume.ephemeral.as_ref().map(|_| Key::new(namespace, format!("{name}-{}", volume.name)))
    })
}

/// The owner that controls an object.
pub fn controller_of(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.as_ref()?.iter().find(|owner| owner.controller == Some(true))
}

fn insert<K: Ord>(index: &mut BTreeMap<K, BTreeSet<Key>>, of: K, key: Key) {
    index.entry(of).or_default().insert(key);
}

fn remove<K: Ord>(index: &mut BTreeMap<K, BTreeSet<Key>>, of: &K, key: &Key) {
    if let Some(keys) = index.get_mut(of) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(of);
        }
    }
}
