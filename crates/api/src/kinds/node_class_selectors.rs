//! How an EC2NodeClass finds what it uses: subnets, security groups, images, reservations, a placement group
//! (rows E1 to E4 and E7). Within a term all fields must match; of several terms any.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::node_class_schema::{alias_rules, tag_selector_rules};
use super::schema_words::rules;

/// Which subnets are meant: by tags or by id (row E1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubnetSelectorTerm {
    /// The id of a subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^subnet-[0-9a-z]+$"))]
    pub id: Option<String>,
    /// The tags it has; the value * means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 20, "x-kubernetes-validations" = tag_selector_rules()))]
    pub tags: Option<BTreeMap<String, String>>,
}

/// Which security groups are meant: by tags, by id or by name (row E2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroupSelectorTerm {
    /// The id of a security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^sg-[0-9a-z]+$"))]
    pub id: Option<String>,
    /// The name of the group itself, not the tag Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tags it has; the value * means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 20, "x-kubernetes-validations" = tag_selector_rules()))]
    pub tags: Option<BTreeMap<String, String>>,
}

/// Which capacity reservations are meant: by id, or by tags, owner and criteria (row E3).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityReservationSelectorTerm {
    /// The id of a reservation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^cr-[0-9a-z]+$"))]
    pub id: Option<String>,
    /// Whether it takes any matching instance or only those that name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InstanceMatchCriteria")]
    pub instance_match_criteria: Option<InstanceMatchCriteria>,
    /// The account that owns it.
    #[serde(rename = "ownerID", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^[0-9]{12}$"))]
    pub owner_id: Option<String>,
    /// The tags it has; the value * means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 20, "x-kubernetes-validations" = tag_selector_rules()))]
    pub tags: Option<BTreeMap<String, String>>,
}

/// Which instances a capacity reservation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstanceMatchCriteria {
    /// Any that matches.
    Open,
    /// Only those that name it.
    Targeted,
}

/// Which machine images are meant (row E7).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AmiSelectorTerm {
    /// An EKS optimised image as family@version, for example al2023@v20260819 or bottlerocket@latest. With latest,
    /// every new image makes the nodes drift. Windows knows only latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("x-kubernetes-validations" = alias_rules()))]
    pub alias: Option<String>,
    /// The id of an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^ami-[0-9a-z]+$"))]
    pub id: Option<String>,
    /// The name of the image itself, not the tag Name; may contain *.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The account that owns it, or self, amazon or aws-marketplace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The name or ARN of the SSM parameter that holds its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssm_parameter: Option<String>,
    /// The tags it has; the value * means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 20, "x-kubernetes-validations" = tag_selector_rules()))]
    pub tags: Option<BTreeMap<String, String>>,
}

/// Which placement group is meant: by name or by id (row E4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "has(self.name) != has(self.id)",
    "exactly one of name and id is needed",
)])))]
pub struct PlacementGroupSelector {
    /// The id of a placement group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^pg-[0-9a-z]+$"))]
    pub id: Option<String>,
    /// The name of a placement group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
}
