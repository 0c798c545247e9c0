//! NodePool: where new nodes may come from, and how they may go (rows N1 to N19).

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::duration::{GoDuration, NillableDuration};
use crate::labels::LABEL_VALUE_PATTERN;

use super::condition::Condition;
use super::key_rules::{KeyUse, key_rules};
use super::node_claim::{NodeClassReference, default_expire_after};
use super::node_pool_disruption::Disruption;
use super::requirement_term::{RequirementTerm, node_pool_requirements_schema};
use super::resource_list::ResourceList;
use super::schema_words::{duration_schema, nillable_duration_schema, rules, taints_schema};

/// What nodes of this NodePool look like, how many there may be and when they may go.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "karpenter.sh",
    version = "v1",
    kind = "NodePool",
    plural = "nodepools",
    singular = "nodepool",
    category = "karpenter",
    status = "NodePoolStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A NodePool says which nodes may be launched for pods that fit nowhere, and how they may be disrupted.",
    scale(spec_replicas_path = ".spec.replicas", status_replicas_path = ".status.nodes"),
    printcolumn = r#"{"name": "NodeClass", "type": "string", "jsonPath": ".spec.template.spec.nodeClassRef.name"}"#,
    printcolumn = r#"{"name": "Nodes", "type": "string", "jsonPath": ".status.nodes"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Weight", "type": "integer", "jsonPath": ".spec.weight", "priority": 1}"#,
    printcolumn = r#"{"name": "CPU", "type": "string", "jsonPath": ".status.resources.cpu", "priority": 1}"#,
    printcolumn = r#"{"name": "Memory", "type": "string", "jsonPath": ".status.resources.memory", "priority": 1}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[
    (
        "has(self.replicas) == has(oldSelf.replicas)",
        "a NodePool stays static (with replicas) or dynamic (without): replicas can be neither added nor removed",
    ),
    (
        "!has(self.replicas) || !has(self.limits) || size(self.limits) == 0 \
         || (size(self.limits) == 1 && 'nodes' in self.limits)",
        "with replicas only the limit nodes is possible",
    ),
    ("!has(self.replicas) || !has(self.weight)", "weight is not possible with replicas"),
])))]
pub struct NodePoolSpec {
    /// How its nodes may be disrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = { "consolidateAfter": "0s" }))]
    pub disruption: Option<Disruption>,
    /// What all its nodes together may have of each resource, and how many nodes there may be (the resource nodes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceList>,
    /// How many nodes a static NodePool keeps, whatever the pods need; alpha.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i64>,
    /// What each of its nodes looks like.
    pub template: NodeClaimTemplate,
    /// Which NodePool is tried first: the higher the earlier; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub weight: Option<i32>,
}

/// What each node of a NodePool looks like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClaimTemplate {
    /// The labels and annotations of the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<NodeClaimTemplateMetadata>,
    /// The properties of the nodes.
    pub spec: NodeClaimTemplateSpec,
}

/// The labels and annotations that nodes of a NodePool carry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClaimTemplateMetadata {
    /// Annotations of the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-map-type" = "granular"))]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels of the nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "template_labels_schema")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// The properties of each node of a NodePool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClaimTemplateSpec {
    /// How old a node may become before it is replaced, or Never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "nillable_duration_schema", extend("default" = "720h"))]
    pub expire_after: Option<NillableDuration>,
    /// Which object says how the nodes are configured at the provider.
    #[schemars(extend("x-kubernetes-validations" = rules(&[
        ("self.group == oldSelf.group", "nodeClassRef.group cannot be changed"),
        ("self.kind == oldSelf.kind", "nodeClassRef.kind cannot be changed"),
    ])))]
    pub node_class_ref: NodeClassReference,
    /// Which values the labels of a node may have; all must hold.
    #[schemars(schema_with = "node_pool_requirements_schema")]
    pub requirements: Vec<RequirementTerm>,
    /// Taints that a node has when it starts and that something else takes away soon; pods need not tolerate them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "taints_schema")]
    pub startup_taints: Option<Vec<Taint>>,
    /// Taints of the nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "taints_schema")]
    pub taints: Option<Vec<Taint>>,
    /// How long draining a node may take before its pods are deleted by force; without end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "duration_schema")]
    pub termination_grace_period: Option<GoDuration>,
}

/// What was observed of a NodePool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolStatus {
    /// Whether it is valid and its NodeClass is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
    /// The generation of the NodeClass that NodeRegistrationHealthy speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_class_observed_generation: Option<i64>,
    /// How many nodes it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 0))]
    pub nodes: Option<i64>,
    /// What its nodes have together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceList>,
}

impl NodePoolSpec {
    /// How its nodes may be disrupted, or the default of the kind (row N10).
    pub fn disruption(&self) -> Cow<'_, Disruption> {
        match &self.disruption {
            Some(disruption) => Cow::Borrowed(disruption),
            None => Cow::Owned(Disruption::default()),
        }
    }

    /// Its weight, 0 when none is given (row N13).
    pub fn weight(&self) -> i32 {
        self.weight.unwrap_or(0)
    }

    /// Whether it keeps a fixed number of nodes (row N14).
    pub fn is_static(&self) -> bool {
        self.replicas.is_some()
    }
}

impl NodeClaimTemplate {
    /// The labels, none when absent.
    pub fn labels(&self) -> Cow<'_, BTreeMap<String, String>> {
        match self.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref()) {
            Some(labels) => Cow::Borrowed(labels),
            None => Cow::Owned(BTreeMap::new()),
        }
    }

    /// The annotations, none when absent.
    pub fn annotations(&self) -> Cow<'_, BTreeMap<String, String>> {
        match self.metadata.as_ref().and_then(|metadata| metadata.annotations.as_ref()) {
            Some(annotations) => Cow::Borrowed(annotations),
            None => Cow::Owned(BTreeMap::new()),
        }
    }
}

impl NodeClaimTemplateSpec {
    /// How old a node may become, or the 720h that count when nothing is said (row N7).
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
}

fn template_labels_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 63, "pattern": LABEL_VALUE_PATTERN },
        "maxProperties": 100,
        "x-kubernetes-map-type": "atomic",
        "x-kubernetes-validations": key_rules(KeyUse::TemplateLabels),
    })
}
