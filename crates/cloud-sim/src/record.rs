//! What the region knows about an instance.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use supercargo_clock::Randomness;
use supercargo_cloud::{
    CheckStatus, Instance, InstanceState, InstanceStatus, LaunchTemplateData, ScheduledEvent, Tags,
};

use crate::pools::PoolKey;
use crate::{Machine, MachineFault, MachineImage};

/// Seconds after a launch until status checks say something.
const CHECKS_AFTER_SECONDS: i64 = 120;

/// An instance with everything about it that EC2 does not tell.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// How many were launched before it.
    pub number: u64,
    /// The change it last took part in.
    pub changed: u64,
    /// As it is. What callers see may lag behind.
    pub instance: Instance,
    /// Its type, zone and way of payment.
    pub pool: PoolKey,
    /// Whether it was taken from the pool, and not from a reservation.
    pub in_pool: bool,
    /// Position of its reservation.
    pub reservation: Option<usize>,
    /// Draws about this instance alone.
    pub randomness: Randomness,
    /// All its addresses, the first one first.
    pub addresses: Vec<Ipv4Addr>,
    pub template: Arc<LaunchTemplateData>,
    pub image: MachineImage,
    /// Callers do not see it before.
    pub visible_at: Timestamp,
    /// Tags that callers do not see before their time.
    pub coming_tags: Vec<(Timestamp, Tags)>,
    pub boots_at: Option<Timestamp>,
    /// When it got notice.
    pub notice_at: Option<Timestamp>,
    /// Whether a rebalance recommendation was sent.
    pub rebalance_sent: bool,
    /// When it is or was told to stop.
    pub shutdown_at: Option<Timestamp>,
    pub terminated_at: Option<Timestamp>,
    /// Since when it is paid for.
    pub billed_from: Option<Timestamp>,
    /// Until when.
    pub billed_until: Option<Timestamp>,
    pub fault: Option<MachineFault>,
    pub events: Vec<ScheduledEvent>,
}

impl Record {
    /// Pending or running.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.instance.state, InstanceState::Pending | InstanceState::Running)
    }

    /// A spot instance that is alive and has no notice.
    pub(crate) fn can_be_reclaimed(&self) -> bool {
        self.pool.spot && self.is_alive() && self.notice_at.is_none()
    }

    /// As callers see it.
    pub(crate) fn as_seen(&self, now: Timestamp) -> Instance {
        let mut seen = self.instance.clone();
        for (_, tags) in self.coming_tags.iter().filter(|(at, _)| *at <= now) {
            seen.tags.extend(tags.clone());
        }
        seen
    }

    /// As its world sees it.
    pub(crate) fn machine(&self) -> Machine {
        let mut tags = self.instance.tags.clone();
        for (_, coming) in &self.coming_tags {
            tags.extend(coming.clone());
        }
        Machine {
            instance_id: self.instance.id.clone(),
            instance_type: self.instance.instance_type.clone(),
            zone: self.instance.zone.clone(),
            zone_id: self.instance.zone_id.clone(),
            capacity_type: self.instance.capacity_type,
            reservation_id: self.instance.reservation_id.clone(),
            private_ip: self.addresses.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED),
            private_dns_name: self.instance.private_dns_name.clone(),
            image: self.image.clone(),
            architecture: self.instance.architecture,
            state: self.instance.state,
            launched_at: self.instance.launched_at,
            boots_at: self.boots_at,
            shutdown_at: self.shutdown_at,
            terminated_at: self.terminated_at,
            tags,
            template: Arc::clone(&self.template),
            fault: self.fault,
        }
    }

    /// Checks and plans.
    pub(crate) fn status(&self, now: Timestamp) -> InstanceStatus {
        let is_new = now.duration_since(self.instance.launched_at).as_secs() < CHECKS_AFTER_SECONDS;
        let (instance_status, system_status) = match self.fault {
            Some(MachineFault::HostImpaired { since }) => {
                (CheckStatus::Impaired { since }, CheckStatus::Impaired { since })
            }
            _ if is_new => (CheckStatus::Initializing, CheckStatus::Initializing),
            _ => (CheckStatus::Ok, CheckStatus::Ok),
        };
        InstanceStatus {
            id: self.instance.id.clone(),
            zone: self.instance.zone.clone(),
            state: self.instance.state,
            instance_status,
            system_status,
            events: self.events.clone(),
        }
    }
}
