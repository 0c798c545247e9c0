//! How an EC2NodeClass sets up instances: volumes, network interfaces, metadata service, processors
//! (rows E14 to E19 and E21).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::node_class_schema::{VOLUME_SIZE_PATTERN, block_device_ebs_rules};
use super::schema_words::rules;

/// One volume of the instances (row E14).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockDeviceMapping {
    /// Its device, for example /dev/xvda.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// The volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs: Option<BlockDevice>,
    /// Whether the kubelet keeps its files here; at most one volume may say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_volume: Option<bool>,
}

/// An EBS volume (row E14).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = block_device_ebs_rules()))]
pub struct BlockDevice {
    /// Whether it goes with the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
    /// Whether it is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// How many input and output operations it does per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<i64>,
    /// The key it is encrypted with: id, alias or ARN.
    #[serde(rename = "kmsKeyID", skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// The snapshot it is made from.
    #[serde(rename = "snapshotID", skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
    /// How many MiB it moves per second; gp3 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i64>,
    /// How many MiB per second are loaded from the snapshot ahead of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 300))]
    pub volume_initialization_rate: Option<i32>,
    /// Its size in Gi, G, Ti or T, at most 64T; the snapshot's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = VOLUME_SIZE_PATTERN))]
    pub volume_size: Option<String>,
    /// Its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "VolumeType")]
    pub volume_type: Option<VolumeType>,
}

/// The kinds of EBS volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeType {
    /// Magnetic, previous generation.
    Standard,
    /// Provisioned IOPS SSD.
    Io1,
    /// Provisioned IOPS SSD, more durable.
    Io2,
    /// General purpose SSD, IOPS by size.
    Gp2,
    /// Cold HDD.
    Sc1,
    /// Throughput optimised HDD.
    St1,
    /// General purpose SSD, IOPS by choice.
    Gp3,
}

/// What is done with local disks (row E15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InstanceStorePolicy {
    /// They become one striped disk that the kubelet and containerd use.
    RAID0,
}

/// One network interface of the instances (row E16).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterface {
    /// Its place on the card.
    #[schemars(range(min = 0))]
    pub device_index: i32,
    /// Whether it carries IP traffic or only EFA.
    pub interface_type: InterfaceType,
    /// The network card it is on.
    #[schemars(range(min = 0))]
    pub network_card_index: i32,
}

/// What a network interface is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceType {
    /// IP traffic.
    #[default]
    Interface,
    /// EFA traffic only.
    EfaOnly,
}

/// How the instance metadata service answers (row E18).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetadataOptions {
    /// Whether it answers at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Switch", extend("default" = "enabled"))]
    pub http_endpoint: Option<Switch>,
    /// Whether it answers over IPv6 too.
    #[serde(default, rename = "httpProtocolIPv6", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Switch", extend("default" = "disabled"))]
    pub http_protocol_ipv6: Option<Switch>,
    /// How many network hops its answers survive: 1 keeps them from containers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64), extend("default" = 1))]
    pub http_put_response_hop_limit: Option<i64>,
    /// Whether a session token is needed (IMDSv2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TokenUse", extend("default" = "required"))]
    pub http_tokens: Option<TokenUse>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    Enabled,
    /// Off.
    Disabled,
}

/// Whether session tokens are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenUse {
    /// Needed: IMDSv2.
    Required,
    /// Not needed: IMDSv1 answers too.
    Optional,
}

/// How many seconds connections are tracked (row E19).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules(&[(
    "has(self.tcpEstablishedTimeout) || has(self.udpStreamTimeout) || has(self.udpTimeout)",
    "at least one of tcpEstablishedTimeout, udpStreamTimeout and udpTimeout is needed",
)])))]
pub struct ConnectionTracking {
    /// Idle TCP connections, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 432_000))]
    pub tcp_established_timeout: Option<i32>,
    /// Idle UDP flows with more than one request and answer, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 180))]
    pub udp_stream_timeout: Option<i32>,
    /// Idle UDP flows with one request or one direction only, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 30, max = 60))]
    pub udp_timeout: Option<i32>,
}

/// How the processors are set up (row E21).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CpuOptions {
    /// Whether virtual machines can run inside; enabled restricts the choice to types that can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Switch")]
    pub nested_virtualization: Option<Switch>,
}

impl MetadataOptions {
    /// With what counts where nothing is said (row E18).
    pub fn with_defaults(self) -> Self {
        Self {
            http_endpoint: self.http_endpoint.or(Some(Switch::Enabled)),
            http_protocol_ipv6: self.http_protocol_ipv6.or(Some(Switch::Disabled)),
            http_put_response_hop_limit: self.http_put_response_hop_limit.or(Some(1)),
            http_tokens: self.http_tokens.or(Some(TokenUse::Required)),
        }
    }
}
