//! Machines: the instances of a region as the world inside them sees them. Kubelets are simulated on top of this.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use supercargo_catalog::{Arch, CapacityType};
use supercargo_cloud::{InstanceState, LaunchTemplateData, ProviderId, Tags};

/// The machine image of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineImage {
    /// `ami-…`.
    pub id: String,
    /// `amazon-eks-node-al2023-x86_64-standard-1.36-v20260819`.
    pub name: String,
    /// The Kubernetes version of its kubelet: `1.36`.
    pub kubernetes_version: String,
}

/// What is wrong with a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MachineFault {
    /// Its kubelet never starts.
    NeverBoots,
    /// Its kubelet stopped at this time and does not come back.
    KubeletDead {
        /// Since when.
        since: Timestamp,
    },
    /// Its host is broken since this time: nothing on it answers.
    HostImpaired {
        /// Since when.
        since: Timestamp,
    },
}

/// A machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// `i-0123456789abcdef0`.
    pub instance_id: String,
    /// `m7i.2xlarge`.
    pub instance_type: String,
    /// `us-east-1a`.
    pub zone: String,
    /// `use1-az4`.
    pub zone_id: String,
    /// How it is paid for.
    pub capacity_type: CapacityType,
    /// The capacity reservation it is in.
    pub reservation_id: Option<String>,
    /// Its first address.
    pub private_ip: Ipv4Addr,
    /// The name that goes with the address, which is the node's name.
    pub private_dns_name: String,
    /// The machine image.
    pub image: MachineImage,
    /// Processor architecture.
    pub architecture: Arch,
    /// Where it is in its life.
    pub state: InstanceState,
    /// When it was launched.
    pub launched_at: Timestamp,
    /// When its kubelet starts; none if it never does.
    pub boots_at: Option<Timestamp>,
    /// When its processes were or will be told to stop: EC2 shuts it down at this time.
    pub shutdown_at: Option<Timestamp>,
    /// When it ended.
    pub terminated_at: Option<Timestamp>,
    /// Tags.
    pub tags: Tags,
    /// The launch template it was made from, with what its user data says: labels, taints, most pods, kubelet
    /// configuration.
    pub template: Arc<LaunchTemplateData>,
    /// What is wrong with it.
    pub fault: Option<MachineFault>,
}

impl Machine {
    /// The id under which Kubernetes knows it.
    pub fn provider_id(&self) -> ProviderId {
        ProviderId { zone: self.zone.clone(), instance_id: self.instance_id.clone() }
    }

    /// Whether its kubelet runs at this time.
    pub fn kubelet_runs(&self, now: Timestamp) -> bool {
        let alive = matches!(self.state, InstanceState::Pending | InstanceState::Running);
        alive && self.fault.is_none() && self.boots_at.is_some_and(|boots| boots <= now)
    }
}
