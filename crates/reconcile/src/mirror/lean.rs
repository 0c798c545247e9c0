//! How much of an object is kept. A pod as the API server has it is ten kilobytes, and no two of a workload are quite alike:
//! each has a volume of its own for its token. What decides something about nodes is a tenth of that, and mostly shared.

use std::sync::Arc;

use supercargo_api::manifest::{strip, strip_but_limits};

use super::kinds::Object;

/// How much of an object is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All of it, but for who wrote what.
    All,
    /// Of pods and nodes what decides something about nodes: not what runs in a pod, nor which images a node has.
    WhatDecides,
}

impl Keep {
    /// Takes the rest out of an object that was just read.
    pub(crate) fn of(self, mut object: Object) -> Object {
        if self == Self::WhatDecides {
            match &mut object {
                Object::Pod(pod) => strip_but_limits(Arc::make_mut(pod)),
                Object::Node(node) => strip(Arc::make_mut(node)),
                _ => {}
            }
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kinds::Kind;
    use super::super::state::State;
    use super::*;

    fn pod(name: &str) -> Object {
        let token = json!({"name": format!("kube-api-access-{name}"), "projected": {"sources": []}});
        Kind::Pod
            .read_value(json!({
                "metadata": {"name": name, "namespace": "shop", "resourceVersion": "7"},
                "spec": {"nodeName": name, "volumes": [token], "containers": [
                    {"name": "c", "image": "web:1", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}}]},
                "status": {"phase": "Running", "podIP": "10.0.0.1"},
            }))
            .unwrap()
    }

    #[test]
    fn pods_of_a_workload_are_alike_without_their_tokens() {
        let shared = |keep: Keep| {
            let mut state = State::default();
            state.put(keep.of(pod("a")));
            state.put(keep.of(pod("b")));
            let spec = |name: &str| state.pods.named("shop", name).unwrap().shared_spec().cloned().unwrap();
            Arc::ptr_eq(&spec("a"), &spec("b"))
        };
        assert!(!shared(Keep::All));
        assert!(shared(Keep::WhatDecides));
    }

    #[test]
    fn requests_limits_and_phase_stay() {
        let Object::Pod(kept) = Keep::WhatDecides.of(pod("a")) else { panic!("it is a pod") };
        let value = serde_json::to_value(&*kept).unwrap();
        let resources = json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}});
        assert_eq!(value["spec"]["containers"][0]["resources"], resources);
        assert_eq!(value["status"], json!({"phase": "Running"}));
        assert_eq!(kept.node_name(), Some("a"));
        assert_eq!(kept.metadata.resource_version.as_deref(), Some("7"));
    }

    #[test]
    fn a_node_does_without_its_images() {
        let node =
            json!({"metadata": {"name": "n"}, "status": {"images": [{"names": ["web:1"]}], "phase": "x"}});
        let kept = Keep::WhatDecides.of(Kind::Node.read_value(node).unwrap()).to_value().unwrap();
        assert_eq!(kept["status"], json!({"phase": "x"}));
    }
}
