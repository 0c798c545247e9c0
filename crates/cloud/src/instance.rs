//! Instances as EC2 describes them.

use std::fmt;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use supercargo_catalog::{Arch, CapacityType, Tenancy};

use crate::Tags;

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceState {
    /// Launched, not running yet.
    Pending,
    /// Running.
    Running,
    /// Being ended; cannot come back.
    ShuttingDown,
    /// Ended. EC2 keeps it in its lists for about an hour.
    Terminated,
    /// Being stopped.
    Stopping,
    /// Stopped; its disks remain.
    Stopped,
}

impl InstanceState {
    /// All states.
    pub const ALL: [InstanceState; 6] = [
        InstanceState::Pending,
        InstanceState::Running,
        InstanceState::ShuttingDown,
        InstanceState::Terminated,
        InstanceState::Stopping,
        InstanceState::Stopped,
    ];

    /// EC2's word: `shutting-down`.
    pub const fn as_str(self) -> &'static str {
        match self {
            InstanceState::Pending => "pending",
            InstanceState::Running => "running",
            InstanceState::ShuttingDown => "shutting-down",
            InstanceState::Terminated => "terminated",
            InstanceState::Stopping => "stopping",
            InstanceState::Stopped => "stopped",
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<InstanceState> {
        InstanceState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether it is on its way out or out.
    pub const fn is_ending(self) -> bool {
        matches!(self, InstanceState::ShuttingDown | InstanceState::Terminated)
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `i-0123456789abcdef0`.
    pub id: String,
    /// `m7i.2xlarge`.
    pub instance_type: String,
    /// `us-east-1a`.
    pub zone: String,
    /// `use1-az4`.
    pub zone_id: String,
    /// How it is paid for; reserved while it is in a capacity reservation that was aimed at.
    pub capacity_type: CapacityType,
    /// The capacity reservation it is in.
    pub reservation_id: Option<String>,
    /// Whose hardware it runs on.
    pub tenancy: Tenancy,
    /// Where it is in its life.
    pub state: InstanceState,
    /// EC2's word on why it ended: `Server.SpotInstanceTermination`.
    pub state_reason: Option<String>,
    /// When it was launched.
    pub launched_at: Timestamp,
    /// The machine image.
    pub image_id: String,
    /// Processor architecture.
    pub architecture: Arch,
    /// The subnet.
    pub subnet_id: String,
    /// The security groups, in order.
    pub security_group_ids: Vec<String>,
    /// Its first address; none once it has ended.
    pub private_ip: Option<Ipv4Addr>,
    /// The name that goes with the address, which is the node's name.
    pub private_dns_name: String,
    /// The instance profile.
    pub instance_profile: Option<String>,
    /// The placement group.
    pub placement_group: Option<String>,
    /// The number of its partition in the placement group, if that has partitions.
    pub placement_partition: Option<u32>,
    /// The launch template it was made from.
    pub launch_template: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// Which instances are asked for. The default asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceQuery {
    /// Ids; all must exist. Empty for any.
    pub ids: Vec<String>,
    /// Tags; the value `*` means that the key is there.
    pub tags: Tags,
    /// States; empty for any.
    pub states: Vec<InstanceState>,
}

impl InstanceQuery {
    /// Instances by id, in whatever state.
    pub fn ids(ids: impl IntoIterator<Item = impl Into<String>>) -> InstanceQuery {
        InstanceQuery { ids: ids.into_iter().map(Into::into).collect(), ..InstanceQuery::default() }
    }

    /// Instances of a cluster that some NodePool launched and that have not ended (reference section 3.6).
    pub fn of_cluster(cluster: &str) -> InstanceQuery {
        let any = || "*".to_owned();
        InstanceQuery {
            ids: Vec::new(),
            tags: Tags::from([
                (crate::tags::EKS_CLUSTER.to_owned(), cluster.to_owned()),
                (crate::tags::NODEPOOL.to_owned(), any()),
                (crate::tags::NODE_CLASS.to_owned(), any()),
            ]),
            states: InstanceState::ALL
                .into_iter()
                .filter(|state| *state != InstanceState::Terminated)
                .collect(),
        }
    }
}

/// An instance whose state was to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Its id.
    pub id: String,
    /// Its state before.
    pub previous: InstanceState,
    /// Its state now.
    pub current: InstanceState,
}

/// The outcome of a status check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckStatus {
    /// It passes.
    Ok,
    /// It fails, since then.
    Impaired {
        /// Since when.
        since: Timestamp,
    },
    /// Too early to tell.
    Initializing,
}

/// Something EC2 is going to do to an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduledEvent {
    /// EC2's code: `instance-retirement`, `instance-stop`, `instance-reboot`, `system-reboot` or `system-maintenance`.
    pub code: String,
    /// Not before this time.
    pub not_before: Timestamp,
}

/// What EC2 checks and plans about an instance (reference section 5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceStatus {
    /// Its id.
    pub id: String,
    /// `us-east-1a`.
    pub zone: String,
    /// Where it is in its life.
    pub state: InstanceState,
    /// Whether the operating system answers.
    pub instance_status: CheckStatus,
    /// Whether the host is sound.
    pub system_status: CheckStatus,
    /// What is going to be done to it.
    pub events: Vec<ScheduledEvent>,
}
