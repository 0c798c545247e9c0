//! EC2NodeClass: how nodes are configured in EC2 (rows E1 to E21).

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::node_class_compute::{
    BlockDeviceMapping, ConnectionTracking, CpuOptions, InstanceStorePolicy, MetadataOptions,
    NetworkInterface,
};
use super::node_class_schema::{
    ami_terms_schema_rules, block_device_rules, capacity_reservation_terms_rules, family_rules,
    network_interface_rules, security_group_terms_rules, subnet_terms_rules, tag_rules,
};
use super::node_class_selectors::{
    AmiSelectorTerm, CapacityReservationSelectorTerm, PlacementGroupSelector, SecurityGroupSelectorTerm,
    SubnetSelectorTerm,
};
use super::node_class_status::EC2NodeClassStatus;
use super::schema_words::{open_object_schema, rules};

/// How the instances of a NodeClass are found a place, started and configured.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "karpenter.k8s.aws",
    version = "v1",
    kind = "EC2NodeClass",
    plural = "ec2nodeclasses",
    singular = "ec2nodeclass",
    shortname = "ec2nc",
    shortname = "ec2ncs",
    category = "karpenter",
    status = "EC2NodeClassStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "An EC2NodeClass says how nodes are configured in EC2.",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Role", "type": "string", "jsonPath": ".spec.role", "priority": 1}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = family_rules()))]
pub struct EC2NodeClassSpec {
    /// Which operating system the instances run: it decides the form of the user data and the default volumes. Needed
    /// when no alias says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AmiFamily")]
    pub ami_family: Option<AmiFamily>,
    /// Which machine images may be used; those of all terms together.
    #[schemars(length(min = 1, max = 30), extend("x-kubernetes-validations" = ami_terms_schema_rules()))]
    pub ami_selector_terms: Vec<AmiSelectorTerm>,
    /// Whether the instances get public addresses; as the subnet says when absent.
    #[serde(rename = "associatePublicIPAddress", skip_serializing_if = "Option::is_none")]
    pub associate_public_ip_address: Option<bool>,
    /// The volumes of the instances; those of the family when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-validations" = block_device_rules()))]
    pub block_device_mappings: Option<Vec<BlockDeviceMapping>>,
    /// Which capacity reservations may be used; those of all terms together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("x-kubernetes-validations" = capacity_reservation_terms_rules()))]
    pub capacity_reservation_selector_terms: Option<Vec<CapacityReservationSelectorTerm>>,
    /// How long connections are tracked; restricts the choice to Nitro instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_tracking: Option<ConnectionTracking>,
    /// Reserved by EC2, passed on to CreateFleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// How the processors are set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_options: Option<CpuOptions>,
    /// Whether metrics come every minute instead of every five.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detailed_monitoring: Option<bool>,
    /// The instance profile of the instances; instead of role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules(&[("self != ''", "instanceProfile cannot be empty")])))]
    pub instance_profile: Option<String>,
    /// What is done with local disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InstanceStorePolicy")]
    pub instance_store_policy: Option<InstanceStorePolicy>,
    /// How many IPv4 prefixes the network interface gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub ip_prefix_count: Option<i32>,
    /// The configuration of the kubelet, in the words of its own configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "open_object_schema")]
    pub kubelet: Option<Map<String, Value>>,
    /// How the instance metadata service answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {
        "httpEndpoint": "enabled",
        "httpProtocolIPv6": "disabled",
        "httpPutResponseHopLimit": 1,
        "httpTokens": "required",
    }))]
    pub metadata_options: Option<MetadataOptions>,
    /// The network interfaces of the instances; one ordinary interface when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 150), extend("x-kubernetes-validations" = network_interface_rules()))]
    pub network_interfaces: Option<Vec<NetworkInterface>>,
    /// The placement group the instances are launched into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement_group_selector: Option<PlacementGroupSelector>,
    /// The role of the instances, for which an instance profile is made; instead of instanceProfile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = rules(&[("self != ''", "role cannot be empty")])))]
    pub role: Option<String>,
    /// Which security groups the instances get; those of all terms together.
    #[schemars(length(min = 1, max = 30), extend("x-kubernetes-validations" = security_group_terms_rules()))]
    pub security_group_selector_terms: Vec<SecurityGroupSelectorTerm>,
    /// Which subnets the instances may be launched into; those of all terms together.
    #[schemars(length(min = 1, max = 30), extend("x-kubernetes-validations" = subnet_terms_rules()))]
    pub subnet_selector_terms: Vec<SubnetSelectorTerm>,
    /// Tags of the instances, volumes and launch templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = tag_rules()))]
    pub tags: Option<BTreeMap<String, String>>,
    /// What the instances do when they start, in the form of the family; merged with what is needed to join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
}

/// Which operating system instances run (row E8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AmiFamily {
    /// Amazon Linux 2.
    AL2,
    /// Amazon Linux 2023.
    AL2023,
    /// Bottlerocket.
    Bottlerocket,
    /// Anything else: user data goes through as it is.
    Custom,
    /// Windows Server 2019.
    Windows2019,
    /// Windows Server 2022.
    Windows2022,
    /// Windows Server 2025.
    Windows2025,
}

impl AmiFamily {
    /// The family an alias like `al2023@latest` means.
    pub fn from_alias(alias: &str) -> Option<Self> {
        match alias.split('@').next()? {
            "al2" => Some(Self::AL2),
            "al2023" => Some(Self::AL2023),
            "bottlerocket" => Some(Self::Bottlerocket),
            "windows2019" => Some(Self::Windows2019),
            "windows2022" => Some(Self::Windows2022),
            "windows2025" => Some(Self::Windows2025),
            _ => None,
        }
    }
}

impl EC2NodeClassSpec {
    /// The family that counts: the one named, else the one of the alias (row E8). Custom when nothing says it, which
    /// validation does not let through.
    pub fn resolved_ami_family(&self) -> AmiFamily {
        self.ami_family
            .or_else(|| self.ami_alias().and_then(AmiFamily::from_alias))
            .unwrap_or(AmiFamily::Custom)
    }

    /// The alias, if images are chosen by one (row E7).
    pub fn ami_alias(&self) -> Option<&str> {
        self.ami_selector_terms.iter().find_map(|term| term.alias.as_deref())
    }

    /// How the instance metadata service answers, with the defaults of the kind (row E18).
    pub fn metadata_options(&self) -> MetadataOptions {
        self.metadata_options.clone().unwrap_or_default().with_defaults()
    }
}
