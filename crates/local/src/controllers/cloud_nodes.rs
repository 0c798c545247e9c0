//! Nodes whose instance is gone: the cloud's node lifecycle controller.

use std::time::Duration;

use jiff::Timestamp;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, State};

use crate::conditions::is_node_ready;

/// The component that Events name.
const COMPONENT: &str = "cloud-node-lifecycle-controller";
/// A node that is not ready is asked about this often.
const PERIOD: Duration = Duration::from_secs(5);

/// Who knows which instances there are.
pub trait Instances: Send {
    /// Whether the instance of a provider id is gone for good; nothing if the id is not of this cloud.
    fn is_gone(&self, provider_id: &str) -> Option<bool>;
}

/// The controller that deletes nodes without an instance.
pub struct CloudNodes {
    instances: Box<dyn Instances>,
}

impl CloudNodes {
    /// A controller that asks this cloud.
    pub fn new(instances: Box<dyn Instances>) -> Self {
        Self { instances }
    }
}

impl Controller for CloudNodes {
    const NAME: &'static str = "cloud-nodes";
    const KINDS: &'static [Kind] = &[Kind::Node];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        vec![change.key.clone()]
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(node) = state.nodes.get(key) else { return Decision::nothing() };
        let provider_id = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref());
        let Some(provider_id) = provider_id.filter(|_| node.metadata.deletion_timestamp.is_none()) else {
            return Decision::nothing();
        };
        if is_node_ready(node) {
            return Decision::nothing();
        }
        match self.instances.is_gone(provider_id) {
            Some(true) => {
                let message =
                    format!("Deleting node {} because it does not exist in the cloud provider", key.name);
                vec![
                    Action::note(&**node, COMPONENT, "DeletingNode", message),
                    Action::delete(Kind::Node, &**node),
                ]
                .into()
            }
            Some(false) => Decision { actions: Vec::new(), again: Some(now + PERIOD) },
            None => Decision::nothing(),
        }
    }
}
