//! All stores together, and who belongs to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use supercargo_api::pod::Interner;
use supercargo_api::{NodeClaim, Pod};

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
#[derive(Debug, Default)]
pub struct State {
    stores: Stores,
    /// Lets pods share what they have in common.
    specs: Interner,
    pods_by_node: BTreeMap<String, BTreeMap<Key, Arc<Pod>>>,
    pods_by_claim: BTreeMap<Key, BTreeSet<Key>>,
    /// Pods by the uid of the owner that controls them, which is empty for those that nobody controls.
    pods_by_owner: BTreeMap<String, BTreeMap<Key, Arc<Pod>>>,
    /// Keys of other objects by kind and the uid of the owner that controls them.
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
    pub fn put(&mut self, mut object: Object) -> Option<Change> {
        if let Object::Pod(pod) = &mut object {
            self.share(pod);
        }
        let old = self.stores.put(&object)?;
        if let Some(old) = &old {
            self.unindex(old, Some(&object));
        }
        self.index(&object);
        Some(Change { kind: object.kind(), key: object.key(), old, new: Some(object) })
    }

    /// Takes in the end of an object at a resource version; nothing if it is no news.
    pub fn take(&mut self, kind: Kind, key: &Key, version: u64) -> Option<Change> {
        let old = self.stores.take(kind, key, version)?;
        self.unindex(&old, None);
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
        self.pods_by_node.get(node).into_iter().flatten().map(|(key, pod)| (key, &**pod))
    }

    /// The pods that use a claim, by key.
    pub fn pods_using<'a>(&'a self, claim: &Key) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
        let keys = self.pods_by_claim.get(claim).into_iter().flatten();
        keys.filter_map(|key| Some((key, &**self.stores.pods.get(key)?)))
    }

    /// The keys of objects of a kind that the owner of this uid controls.
    pub fn owned(&self, kind: Kind, owner: &str) -> impl Iterator<Item = &Key> {
        let pods = self.pods_by_owner.get(owner).filter(|_| kind == Kind::Pod);
        let others = self.owned.get(&(kind, owner.to_owned()));
        pods.into_iter().flat_map(BTreeMap::keys).chain(others.into_iter().flatten())
    }

    /// The pods that the owner of this uid controls.
    pub fn pods_of<'a>(&'a self, owner: &str) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
        self.pods_by_owner.get(owner).into_iter().flatten().map(|(key, pod)| (key, &**pod))
    }

    /// The pods of a namespace that nobody controls.
    pub fn orphan_pods<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
        let pods = self.pods_by_owner.get("").map(|pods| pods.range(Key::new(namespace, "")..));
        pods.into_iter()
            .flatten()
            .take_while(move |(key, _)| key.namespace == namespace)
            .map(|(key, pod)| (key, &**pod))
    }

    /// Lets a pod share its spec with its version before, or with other pods.
    fn share(&mut self, pod: &mut Arc<Pod>) {
        let known = self.stores.pods.get(&Key::of(&pod.metadata));
        let same = known.and_then(|known| known.shared_spec()).filter(|known| Some(&***known) == pod.spec());
        match (same, pod.shared_spec()) {
            (Some(known), Some(own)) if Arc::ptr_eq(known, own) => {}
            (Some(known), _) => Arc::make_mut(pod).share_spec(Arc::clone(known)),
            _ => self.specs.share(Arc::make_mut(pod)),
        }
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
        let Object::Pod(pod) = object else {
            if let Some(id) = provider_id_of(object) {
                self.by_instance.entry((object.kind(), id.to_owned())).or_default().insert(key.clone());
            }
            if let Some(owner) = controller_of(object.metadata()) {
                self.owned.entry((object.kind(), owner.uid.clone())).or_default().insert(key);
            }
            return;
        };
        if let Some(node) = node_of(pod) {
            put(&mut self.pods_by_node, node, &key, pod);
        }
        for claim in claims_of(pod) {
            self.pods_by_claim.entry(claim).or_default().insert(key.clone());
        }
        put(&mut self.pods_by_owner, controlling_uid(pod), &key, pod);
    }

    /// Takes an object out of the indices, but for those in which `next` takes its place.
    fn unindex(&mut self, object: &Object, next: Option<&Object>) {
        let key = object.key();
        let Object::Pod(pod) = object else {
            if let Some(id) = provider_id_of(object) {
                let of = (object.kind(), id.to_owned());
                remove(&mut self.by_instance, &of, |keys| keys.remove(&key), BTreeSet::is_empty);
            }
            if let Some(owner) = controller_of(object.metadata()) {
                remove(
                    &mut self.owned,
                    &(object.kind(), owner.uid.clone()),
                    |keys| keys.remove(&key),
                    BTreeSet::is_empty,
                );
            }
            return;
        };
        let next = match next {
            Some(Object::Pod(next)) => Some(next),
            _ => None,
        };
        if let Some(node) = node_of(pod)
            && next.and_then(|next| node_of(next)) != Some(node)
        {
            remove(&mut self.pods_by_node, node, |pods| pods.remove(&key), BTreeMap::is_empty);
        }
        for claim in claims_of(pod) {
            remove(&mut self.pods_by_claim, &claim, |keys| keys.remove(&key), BTreeSet::is_empty);
        }
        let owner = controlling_uid(pod);
        if next.map(|next| controlling_uid(next)) != Some(owner) {
            remove(&mut self.pods_by_owner, owner, |pods| pods.remove(&key), BTreeMap::is_empty);
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

/// Under which uid a pod is listed: that of its controller, or the empty one.
fn controlling_uid(pod: &Pod) -> &str {
    controller_of(&pod.metadata).map_or("", |owner| &owner.uid)
}

/// The node a pod is bound to.
pub fn node_of(pod: &Pod) -> Option<&str> {
    pod.node_name().filter(|node| !node.is_empty())
}

/// The claims that a pod's volumes name, those of its own ephemeral volumes among them.
pub fn claims_of(pod: &Pod) -> impl Iterator<Item = Key> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let volumes = pod.spec().into_iter().flat_map(|spec| spec.volumes.iter().flatten());
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

/// Lists a pod, in place of the version that was listed.
fn put(index: &mut BTreeMap<String, BTreeMap<Key, Arc<Pod>>>, of: &str, key: &Key, pod: &Arc<Pod>) {
    if !index.contains_key(of) {
        index.insert(of.to_owned(), BTreeMap::new());
    }
    let Some(pods) = index.get_mut(of) else { return };
    match pods.get_mut(key) {
        Some(known) => known.clone_from(pod),
        None => {
            pods.insert(key.clone(), Arc::clone(pod));
        }
    }
}

/// Takes something out of a list, and the list away if it is empty then.
fn remove<K, Q, L, T>(
    index: &mut BTreeMap<K, L>,
    of: &Q,
    take: impl FnOnce(&mut L) -> T,
    is_empty: impl FnOnce(&L) -> bool,
) where
    K: Ord + std::borrow::Borrow<Q>,
    Q: Ord + ?Sized,
{
    if let Some(list) = index.get_mut(of) {
        take(list);
        if is_empty(list) {
            index.remove(of);
        }
    }
}
