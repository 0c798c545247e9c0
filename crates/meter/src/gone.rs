//! What went since the last observation.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, Service};
use supercargo_api::{NodeClaim, Pod};
use supercargo_cost::collector::Owned;
use supercargo_reconcile::{Change, Object};

/// Objects that went, and when, in seconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    pub nodes: Vec<(Arc<Node>, i64)>,
    pub claims: Vec<(Arc<NodeClaim>, i64)>,
    pub pods: Vec<(Arc<Pod>, i64)>,
    pub volumes: Vec<(Arc<PersistentVolume>, i64)>,
    pub services: Vec<(Arc<Service>, i64)>,
    /// Owners that went, perhaps before the pods they owned.
    pub owners: Vec<Owned>,
}

impl Gone {
    /// Notes what a change took away: an object, or the one whose name another has now.
    pub fn note(&mut self, change: &Change, now: i64) {
        let Some(old) = &change.old else { return };
        if change.new.as_ref().is_some_and(|new| new.metadata().uid == old.metadata().uid) {
            return;
        }
        match old {
            Object::Node(node) => self.nodes.push((Arc::clone(node), now)),
            Object::NodeClaim(claim) => self.claims.push((Arc::clone(claim), now)),
            // who was never bound never cost anything
            Object::Pod(pod) if pod.node_name().is_some() => self.pods.push((Arc::clone(pod), now)),
            Object::PersistentVolume(volume) => self.volumes.push((Arc::clone(volume), now)),
            Object::Service(service) => self.services.push((Arc::clone(service), now)),
            other => self.owners.extend(Owned::of(other.kind().name(), other.metadata())),
        }
    }

    /// Forgets everything: it is written down.
    pub fn clear(&mut self) {
        *self = Gone::default();
    }
}
