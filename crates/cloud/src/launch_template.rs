//! Launch templates: everything about an instance that does not depend on the offering.

use supercargo_api::{BlockDeviceMapping, ConnectionTracking, MetadataOptions, NetworkInterface};
use supercargo_catalog::Tenancy;

use crate::{Bootstrap, Tags};

/// Which capacity reservations an instance may run in (reference section 5.4, step 6).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationPreference {
    /// Any open one that matches, if there is one.
    #[default]
    Open,
    /// None.
    None,
    /// This one or no launch at all.
    Only {
        /// `cr-…`.
        reservation_id: String,
    },
}

/// What a launch template says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaunchTemplateData {
    /// The machine image.
    pub image_id: String,
    /// Name of the instance profile.
    pub instance_profile: Option<String>,
    /// The security groups, in order.
    pub security_group_ids: Vec<String>,
    /// The network interfaces; empty for one ordinary interface.
    pub network_interfaces: Vec<NetworkInterface>,
    /// How many EFA interfaces.
    pub efa_interfaces: u32,
    /// Whether the instance gets a public address; none for what the subnet says.
    pub associate_public_ip: Option<bool>,
    /// IPv4 prefixes of the network interface.
    pub ip_prefix_count: Option<i32>,
    /// How long connections are tracked.
    pub connection_tracking: Option<ConnectionTracking>,
    /// What the machine does when it starts.
    pub bootstrap: Bootstrap,
    /// The volumes.
    pub block_devices: Vec<BlockDeviceMapping>,
    /// How the metadata service answers.
    pub metadata_options: MetadataOptions,
    /// Metrics every minute.
    pub detailed_monitoring: bool,
    /// Whose hardware.
    pub tenancy: Tenancy,
    /// Id of the placement group.
    pub placement_group_id: Option<String>,
    /// The partition of the placement group; none for EC2 to choose.
    pub placement_partition: Option<u32>,
    /// Nitro Enclaves are on.
    pub enclave: bool,
    /// Virtual machines can run inside; none for the type's default.
    pub nested_virtualization: Option<bool>,
    /// Which capacity reservations it may run in.
    pub reservation: ReservationPreference,
    /// Tags of network interfaces and spot requests.
    pub tags: Tags,
}

/// A launch template to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaunchTemplateRequest {
    /// Its name, once in the account and region.
    pub name: String,
    /// What it says.
    pub data: LaunchTemplateData,
    /// Its own tags.
    pub tags: Tags,
    /// Only ask whether it would be allowed.
    pub dry_run: bool,
}

/// A launch template that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchTemplate {
    /// `lt-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its own tags.
    pub tags: Tags,
}
