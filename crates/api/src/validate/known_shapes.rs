//! The schemas of all kinds that are read, each made ready when first needed.

use std::sync::LazyLock;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, PodTemplate,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::crd::definitions;

use super::shape::Shapes;

/// The schema of a kind, if it is one that is read.
pub(crate) fn shapes_of(group: &str, kind: &str) -> Option<&'static Shapes> {
    macro_rules! core {
        ($kind:ty) => {{
            static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::compile(&schema_of::<$kind>()));
            Some(&*SHAPES)
        }};
    }
    match (group, kind) {
        ("", "Pod") => core!(Pod),
        ("", "Node") => core!(Node),
        ("", "PodTemplate") => core!(PodTemplate),
        ("", "PersistentVolume") => core!(PersistentVolume),
        ("", "PersistentVolumeClaim") => core!(PersistentVolumeClaim),
        ("", "Namespace") => core!(Namespace),
        ("apps", "Deployment") => core!(Deployment),
        ("apps", "ReplicaSet") => core!(ReplicaSet),
        ("apps", "StatefulSet") => core!(StatefulSet),
        ("apps", "DaemonSet") => core!(DaemonSet),
        ("batch", "Job") => core!(Job),
        ("batch", "CronJob") => core!(CronJob),
        ("storage.k8s.io", "StorageClass") => core!(StorageClass),
        ("storage.k8s.io", "CSINode") => core!(CSINode),
        ("policy", "PodDisruptionBudget") => core!(PodDisruptionBudget),
        ("scheduling.k8s.io", "PriorityClass") => core!(PriorityClass),
        _ => own_shapes_of(group, kind),
    }
}

/// The schema of a kind of ours, with the fields of its metadata, which the definition leaves to Kubernetes.
fn own_shapes_of(group: &str, kind: &str) -> Option<&'static Shapes> {
    static SHAPES: LazyLock<Vec<(&str, &str, Shapes)>> = LazyLock::new(|| {
        definitions()
            .iter()
            .map(|definition| {
                let mut metadata = schema_of::<ObjectMeta>();
                let mut schema = definition.schema().clone();
                schema["definitions"] = metadata["definitions"].take();
                schema["properties"]["metadata"] = metadata;
                (definition.group.as_str(), definition.kind.as_str(), Shapes::compile(&schema))
            })
            .collect()
    });
    SHAPES
        .iter()
        .find(|(own_group, own_kind, _)| *own_group == group && *own_kind == kind)
        .map(|(_, _, shapes)| shapes)
}

fn schema_of<K: JsonSchema>() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<K>().to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::conform::{UnknownFields, conform};
    use serde_json::json;

    fn problems(group: &str, kind: &str, value: &Value) -> Vec<String> {
        let found = conform(shapes_of(group, kind).unwrap(), value, UnknownFields::Refused);
        let show = |problem: &crate::validate::problem::Problem| {
            format!("{}: {}; {}", problem.path, problem.text, problem.right.as_deref().unwrap_or("-"))
        };
        found.problems.0.iter().map(show).collect()
    }

    #[test]
    fn a_pod_of_the_wrong_types_is_described_field_by_field() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "lables": {}},
            "spec": {
                "containers": [{"name": 5, "resources": {"requests": {"cpu": true, "memory": 1.5}}, "ports": {"containerPort": 80}}],
                "nodeSelector": {"zone": 1},
                "priority": "high",
            },
        });
        let expected = [
            ".metadata.lables: unknown field; did you mean labels?",
            ".spec.containers[0].name: found the number 5, expected a text; put it in quotes",
            ".spec.containers[0].resources.requests.cpu: found the boolean true, expected a number or a text; put it in quotes",
            ".spec.containers[0].ports: found an object, expected a list; begin each item with a dash",
            ".spec.nodeSelector.zone: found the number 1, expected a text; put it in quotes",
            ".spec.priority: found the text \"high\", expected an integer; -",
        ];
        assert_eq!(problems("", "Pod", &pod), expected);
    }

    #[test]
    fn metadata_of_our_kinds_is_checked_too() {
        let overlay = json!({"metadata": {"name": "x", "lables": {"a": "b"}}, "spec": {"requirements": []}});
        let expected = [".metadata.lables: unknown field; did you mean labels?"];
        assert_eq!(problems("karpenter.sh", "NodeOverlay", &overlay), expected);
    }

    #[test]
    fn every_kind_that_is_read_has_a_schema_with_a_spec_or_data() {
        for (group, kind) in
            [("", "Pod"), ("apps", "Deployment"), ("batch", "CronJob"), ("karpenter.sh", "NodePool")]
        {
            assert!(shapes_of(group, kind).unwrap().field("spec").is_some(), "{kind}");
        }
        assert!(shapes_of("", "Secret").is_none());
    }
}
