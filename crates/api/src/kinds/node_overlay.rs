//! NodeOverlay: other prices and more capacity for chosen instance types (reference section 1.3).

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::requirement_term::{RequirementTerm, overlay_requirements_schema};
use super::resource_list::ResourceList;
use super::schema_words::{quantity_schema, rules};

/// Which instance types are meant, and what is different about them.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "karpenter.sh",
    version = "v1alpha1",
    kind = "NodeOverlay",
    plural = "nodeoverlays",
    singular = "nodeoverlay",
    shortname = "overlays",
    category = "karpenter",
    status = "NodeOverlayStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A NodeOverlay changes what a decision knows of instance types: their price, or resources they have besides.",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Weight", "type": "integer", "jsonPath": ".spec.weight", "priority": 1}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "!has(self.price) || !has(self.priceAdjustment)",
    "price and priceAdjustment cannot be set together",
)])))]
pub struct NodeOverlaySpec {
    /// Extended resources that the nodes have besides; not cpu, memory, ephemeral-storage or pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "extended_resources_schema")]
    pub capacity: Option<ResourceList>,
    /// The price in $ per hour that counts instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = r"^\d+(\.\d+)?$"))]
    pub price: Option<String>,
    /// What is added to the price: an amount in $ per hour (+0.5, -0.5) or a part of it (+10%, -15%, at least -100%).
    /// The result is never below 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = PRICE_ADJUSTMENT_PATTERN))]
    pub price_adjustment: Option<String>,
    /// Which instance types and offerings are meant; all must hold.
    #[schemars(schema_with = "overlay_requirements_schema")]
    pub requirements: Vec<RequirementTerm>,
    /// Which overlay counts where several say something: the highest; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub weight: Option<i32>,
}

/// What was observed of an overlay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeOverlayStatus {
    /// Whether it is valid and counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
}

impl NodeOverlaySpec {
    /// Its weight, 0 when none is given.
    pub fn weight(&self) -> i32 {
        self.weight.unwrap_or(0)
    }
}

const PRICE_ADJUSTMENT_PATTERN: &str =
    r"^([+-](\d+(\.\d*)?|\.\d+)|\+(\d+(\.\d*)?|\.\d+)%|-\d{1,2}(\.\d+)?%|-100(\.0+)?%)$";

fn extended_resources_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": quantity_schema(),
        "x-kubernetes-validations": rules(&[(
            "self.all(x, !(x in ['cpu', 'memory', 'ephemeral-storage', 'pods']))",
            "only extended resources can be added, not cpu, memory, ephemeral-storage or pods",
        )]),
    })
}
