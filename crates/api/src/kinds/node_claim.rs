//! NodeClaim: one node that is wanted, launched or running (reference section 1.2).

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Taint;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::{GoDuration, NillableDuration};

use super::condition::{Condition, ConditionStatus, set_condition};
use super::requirement_term::{RequirementTerm, node_claim_requirements_schema};
use super::resource_list::ResourceList;
use super::schema_words::{
    duration_schema, nillable_duration_schema, rules, taints_schema, timestamp_schema,
};

/// Which node is wanted. It cannot be changed.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "karpenter.sh",
    version = "v1",
    kind = "NodeClaim",
    plural = "nodeclaims",
    singular = "nodeclaim",
    category = "karpenter",
    status = "NodeClaimStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A NodeClaim asks for one node and follows it from launch to termination.",
    printcolumn = r#"{"name": "Type", "type": "string", "jsonPath": ".metadata.labels.node\\.kubernetes\\.io/instance-type"}"#,
    printcolumn = r#"{"name": "Capacity", "type": "string", "jsonPath": ".metadata.labels.karpenter\\.sh/capacity-type"}"#,
    printcolumn = r#"{"name": "Zone", "type": "string", "jsonPath": ".metadata.labels.topology\\.kubernetes\\.io/zone"}"#,
    printcolumn = r#"{"name": "Node", "type": "string", "jsonPath": ".status.nodeName"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "ImageID", "type": "string", "jsonPath": ".status.imageID", "priority": 1}"#,
    printcolumn = r#"{"name": "ID", "type": "string", "jsonPath": ".status.providerID", "priority": 1}"#,
    printcolumn = r#"{"name": "NodePool", "type": "string", "jsonPath": ".metadata.labels.karpenter\\.sh/nodepool", "priority": 1}"#,
    printcolumn = r#"{"name": "NodeClass", "type": "string", "jsonPath": ".spec.nodeClassRef.name", "priority": 1}"#,
    printcolumn = r#"{"name": "Drifted", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Drifted\")].status", "priority": 1}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[("self == oldSelf", "the spec of a NodeClaim cannot be changed")])))]
pub struct NodeClaimSpec {
    /// How old the node may become before it is replaced, or Never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "nillable_duration_schema", extend("default" = "720h"))]
    pub expire_after: Option<NillableDuration>,
    /// Which object says how the node is configured at the provider.
    pub node_class_ref: NodeClassReference,
    /// Which values the labels of the node may have; all must hold.
    #[schemars(schema_with = "node_claim_requirements_schema")]
    pub requirements: Vec<RequirementTerm>,
    /// What the node must have room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Taints that the node has when it starts and that something else takes away soon; pods need not tolerate them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "taints_schema")]
    pub startup_taints: Option<Vec<Taint>>,
    /// Taints of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "taints_schema")]
    pub taints: Option<Vec<Taint>>,
    /// How long draining the node may take before its pods are deleted by force; without end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "duration_schema")]
    pub termination_grace_period: Option<GoDuration>,
}

/// What a node must have room for: the pods it is launched for and the smallest share of DaemonSets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRequirements {
    /// The sum, by resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<ResourceList>,
}

/// Which object says how nodes are configured at the provider (row N6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClassReference {
    /// Its API group, without a version.
    #[schemars(extend(
        "pattern" = "^[^/]*$",
        "x-kubernetes-validations" = rules(&[("self != ''", "group cannot be empty")]),
    ))]
    pub group: String,
    /// Its kind.
    #[schemars(extend("x-kubernetes-validations" = rules(&[("self != ''", "kind cannot be empty")])))]
    pub kind: String,
    /// Its name.
    #[schemars(extend("x-kubernetes-validations" = rules(&[("self != ''", "name cannot be empty")])))]
    pub name: String,
}

/// What was observed of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClaimStatus {
    /// What the node has for pods, as estimated before it registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocatable: Option<ResourceList>,
    /// What the node has, as estimated before it registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<ResourceList>,
    /// How far it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
    /// The machine image it runs.
    #[serde(rename = "imageID", skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// When a pod last came or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp_schema")]
    pub last_pod_event_time: Option<Time>,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// The instance, as in aws:///us-east-1a/i-0123456789abcdef0.
    #[serde(rename = "providerID", skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
}

/// How old a node may become when nothing is said: 30 days (row N7).
pub(super) fn default_expire_after() -> NillableDuration {
    "720h".parse().expect("720h is a Go duration")
}

impl NodeClaimSpec {
    /// How old the node may become, or the 720h that count when nothing is said (row N7).
    pub fn expire_after(&self) -> NillableDuration {
        self.expire_after.clone().unwrap_or_else(default_expire_after)
    }

    /// The taints, none when absent.
    pub fn taints(&self) -> &[Taint] {
        self.taints.as_deref().unwrap_or_default()
    }

    /// The startup taints, none when absent.
    pub fn startup_taints(&self) -> &[Taint] {
        self.startup_taints.as_deref().unwrap_or_default()
    }

    /// What the node must have room for, if it is said.
    pub fn requests(&self) -> Option<&ResourceList> {
        self.resources.as_ref().and_then(|resources| resources.requests.as_ref())
    }
}

impl NodeClaim {
    /// The conditions observed so far.
    pub fn conditions(&self) -> &[Condition] {
        self.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default()
    }

    /// Sets a condition and says whether anything changed.
    pub fn set_condition(
        &mut self,
        type_: &str,
        status: ConditionStatus,
        reason: &str,
        message: &str,
        now: Timestamp,
    ) -> bool {
        let conditions =
            self.status.get_or_insert_with(NodeClaimStatus::default).conditions.get_or_insert_default();
        set_condition(conditions, type_, status, reason, message, now)
    }

    /// Takes a condition away and says whether it was there.
    pub fn remove_condition(&mut self, type_: &str) -> bool {
        let conditions = self.status.as_mut().and_then(|status| status.conditions.as_mut());
        let Some(conditions) = conditions else { return false };
        let before = conditions.len();
        conditions.retain(|condition| condition.type_ != type_);
        conditions.len() != before
    }
}
