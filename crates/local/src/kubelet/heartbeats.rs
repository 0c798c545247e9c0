//! Which kubelets are alive, for who runs in the same process.
//!
//! Between processes a Lease tells this, renewed every ten seconds. For thousands of nodes that is most of what an API server
//! would have to do, and in virtual time most of what takes real time. Kubelets that share their heartbeats renew leases rarely.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// The heartbeats of the kubelets of a process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats(Arc<Mutex<BTreeMap<String, Beat>>>);

#[derive(Debug, Clone, Copy)]
enum Beat {
    Goes,
    StoppedAt(Timestamp),
}

impl Heartbeats {
    /// When the kubelet of a node was heard last; nothing if it is not of this process.
    pub(crate) fn heard(&self, node: &str, now: Timestamp) -> Option<Timestamp> {
        match self.lock().get(node)? {
            Beat::Goes => Some(now),
            Beat::StoppedAt(at) => Some(*at),
        }
    }

    /// The kubelet of a node is alive from now on.
    pub(super) fn goes(&self, node: &str) {
        self.lock().insert(node.to_owned(), Beat::Goes);
    }

    /// The kubelet of a node, if it was alive, is not heard any more.
    pub(super) fn stops(&self, node: &str, now: Timestamp) {
        if let Some(beat @ Beat::Goes) = self.lock().get_mut(node) {
            *beat = Beat::StoppedAt(now);
        }
    }

    /// A node is no more.
    pub(super) fn forget(&self, node: &str) {
        self.lock().remove(node);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Beat>> {
        // every change is one call, so a poisoned map is still whole
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
