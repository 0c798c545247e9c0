//! A pod as Kubernetes has it: the same JSON, the same traits, and conversions both ways.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ListableResource, Metadata, NamespaceResourceScope, Resource};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::object::Pod;

impl From<core::Pod> for Pod {
    fn from(pod: core::Pod) -> Self {
        Self::new(pod.metadata, pod.spec, pod.status)
    }
}

impl From<Pod> for core::Pod {
    fn from(pod: Pod) -> Self {
        let (metadata, spec, status) = pod.into_parts();
        Self { metadata, spec, status }
    }
}

impl Resource for Pod {
    const API_VERSION: &'static str = core::Pod::API_VERSION;
    const GROUP: &'static str = core::Pod::GROUP;
    const KIND: &'static str = core::Pod::KIND;
    const VERSION: &'static str = core::Pod::VERSION;
    const URL_PATH_SEGMENT: &'static str = core::Pod::URL_PATH_SEGMENT;
    type Scope = NamespaceResourceScope;
}

impl ListableResource for Pod {
    const LIST_KIND: &'static str = core::Pod::LIST_KIND;
}

impl Metadata for Pod {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl<'de> Deserialize<'de> for Pod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        core::Pod::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for Pod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = 3 + usize::from(self.spec().is_some()) + usize::from(self.status.is_some());
        let mut object = serializer.serialize_struct(Self::KIND, fields)?;
        object.serialize_field("apiVersion", Self::API_VERSION)?;
        object.serialize_field("kind", Self::KIND)?;
        object.serialize_field("metadata", &self.metadata)?;
        if let Some(spec) = self.spec() {
            match self.node_name() {
                None => object.serialize_field("spec", spec)?,
                Some(node) => {
                    let spec = core::PodSpec { node_name: Some(node.to_owned()), ..spec.clone() };
                    object.serialize_field("spec", &spec)?;
                }
            }
        }
        if let Some(status) = &self.status {
            object.serialize_field("status", status)?;
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case::bound(json!({"nodeName": "n", "containers": [{"name": "c"}], "priority": 3}))]
    #[case::pending(json!({"containers": [{"name": "c"}]}))]
    #[case::on_a_node_without_a_name(json!({"nodeName": "", "containers": []}))]
    fn a_pod_is_written_as_kubernetes_writes_it(#[case] spec: Value) {
        let value = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"b": "c"}},
            "spec": spec, "status": {"phase": "Running"}});
        let theirs: core::Pod = serde_json::from_value(value.clone()).unwrap();
        let ours: Pod = serde_json::from_value(value).unwrap();
        assert_eq!(ours.node_name(), theirs.spec.as_ref().unwrap().node_name.as_deref());
        assert_eq!(serde_json::to_string(&ours).unwrap(), serde_json::to_string(&theirs).unwrap());
        assert_eq!(core::Pod::from(ours.clone()), theirs);
        assert_eq!(Pod::from(theirs), ours);
    }

    #[test]
    fn a_pod_without_spec_and_status_is_written_without() {
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "a"}})).unwrap();
        assert_eq!((pod.spec(), pod.node_name()), (None, None));
        let expected = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}});
        assert_eq!(serde_json::to_value(&pod).unwrap(), expected);
    }

    #[test]
    fn another_kind_is_no_pod() {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}});
        assert!(serde_json::from_value::<Pod>(node).is_err());
    }

    #[test]
    fn a_change_is_of_one_pod_alone_and_may_move_it() {
        let one = Pod::new(ObjectMeta::default(), Some(core::PodSpec::default()), None);
        let mut other = one.clone();
        other.set_node_name(Some("n"));
        other.change_spec(|spec| {
            assert_eq!(spec.node_name.as_deref(), Some("n"));
            spec.node_name = Some("m".to_owned());
            spec.priority = Some(1);
        });
        assert_eq!((other.node_name(), other.spec().unwrap().priority), (Some("m"), Some(1)));
        assert_eq!(other.spec().unwrap().node_name, None);
        assert_eq!((one.node_name(), one.spec().unwrap().priority), (None, None));
    }
}
