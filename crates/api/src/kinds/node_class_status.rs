//! What was observed of an EC2NodeClass: the resources its selectors found (reference section 1.4).

use k8s_openapi::api::core::v1::NodeSelectorRequirement;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::node_class_selectors::InstanceMatchCriteria;
use super::schema_words::timestamp_schema;

/// What the selectors of an EC2NodeClass found, and whether it can be used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EC2NodeClassStatus {
    /// The machine images, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amis: Option<Vec<Ami>>,
    /// The capacity reservations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_reservations: Option<Vec<CapacityReservation>>,
    /// Whether each part of it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<Condition>>,
    /// The instance profile in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<String>,
    /// The security groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<SecurityGroup>>,
    /// The subnets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Vec<Subnet>>,
}

/// A subnet that instances may be launched into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its availability zone.
    pub zone: String,
    /// The id of its zone, the same in every account.
    #[serde(rename = "zoneID", skip_serializing_if = "Option::is_none")]
    pub zone_id: Option<String>,
}

/// A security group that instances get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroup {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A machine image that instances may run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ami {
    /// Whether its owner has deprecated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<bool>,
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which instance types it is for.
    #[schemars(schema_with = "ami_requirements_schema")]
    pub requirements: Vec<NodeSelectorRequirement>,
}

/// A capacity reservation that instances may be launched into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityReservation {
    /// Its availability zone.
    pub availability_zone: String,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp_schema")]
    pub end_time: Option<Time>,
    /// Its id.
    #[schemars(extend("pattern" = "^cr-[0-9a-z]+$"))]
    pub id: String,
    /// Whether it takes any matching instance or only those that name it.
    pub instance_match_criteria: InstanceMatchCriteria,
    /// Its instance type.
    pub instance_type: String,
    /// Whether EC2 may take its instances back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub interruptible: Option<bool>,
    /// The account that owns it.
    #[serde(rename = "ownerID")]
    #[schemars(extend("pattern" = "^[0-9]{12}$"))]
    pub owner_id: String,
    /// Its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CapacityReservationType", extend("default" = "default"))]
    pub reservation_type: Option<CapacityReservationType>,
    /// Whether instances may still be launched into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CapacityReservationState", extend("default" = "active"))]
    pub state: Option<CapacityReservationState>,
}

/// The kinds of capacity reservations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityReservationType {
    /// On demand, until cancelled or ended.
    #[default]
    Default,
    /// For a fixed time, paid ahead.
    CapacityBlock,
}

/// Whether instances may still be launched into a reservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CapacityReservationState {
    /// They may.
    #[default]
    Active,
    /// It is about to end (reference section 5.3).
    Expiring,
}

impl CapacityReservation {
    /// Its kind, or the one that counts when nothing is said.
    pub fn reservation_type(&self) -> CapacityReservationType {
        self.reservation_type.unwrap_or_default()
    }

    /// Its state, or the one that counts when nothing is said.
    pub fn state(&self) -> CapacityReservationState {
        self.state.unwrap_or_default()
    }

    /// Whether EC2 may take its instances back.
    pub fn interruptible(&self) -> bool {
        self.interruptible.unwrap_or(false)
    }
}

fn ami_requirements_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "description": "Which values a label of the instance type may have.",
            "required": ["key", "operator"],
            "properties": {
                "key": { "type": "string", "description": "The label." },
                "operator": { "type": "string", "description": "How the label relates to the values." },
                "values": {
                    "type": "array",
                    "description": "What the label is compared with.",
                    "items": { "type": "string" },
                    "x-kubernetes-list-type": "atomic",
                },
            },
        },
    })
}
