//! Capacity reservations (reference section 5.8).

use jiff::{SignedDuration, Timestamp};
use supercargo_api::InstanceMatchCriteria;
use supercargo_catalog::ReservationKind;

use crate::Tags;
use crate::selector::Selectable;

/// How long before its end a capacity block takes no more launches (reference section 5.3).
pub const BLOCK_EXPIRES_AHEAD: SignedDuration = SignedDuration::from_mins(40);

/// Whether a reservation can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationState {
    /// It is yet to begin.
    Scheduled,
    /// It can.
    Active,
    /// It has ended.
    Expired,
    /// It was given up.
    Cancelled,
}

/// A capacity reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityReservation {
    /// `cr-…`.
    pub id: String,
    /// The account that owns it.
    pub owner_id: String,
    /// The type it is for.
    pub instance_type: String,
    /// `us-east-1a`.
    pub zone: String,
    /// `use1-az4`.
    pub zone_id: String,
    /// Instances it holds.
    pub total: u32,
    /// Instances that are free in it.
    pub available: u32,
    /// On demand, or a capacity block.
    pub kind: ReservationKind,
    /// Whether EC2 may take its instances back with two minutes' notice.
    pub interruptible: bool,
    /// Whether it takes any matching instance or only those that name it.
    pub match_criteria: InstanceMatchCriteria,
    /// Whether it can be used.
    pub state: ReservationState,
    /// When it begins.
    pub starts_at: Timestamp,
    /// When it ends; none if it stays until it is cancelled.
    pub ends_at: Option<Timestamp>,
    /// Tags.
    pub tags: Tags,
}

impl CapacityReservation {
    /// Whether it is a capacity block so near to its end that nothing should be launched into it.
    pub fn is_expiring(&self, now: Timestamp) -> bool {
        let near = |end: Timestamp| end.duration_since(now) <= BLOCK_EXPIRES_AHEAD;
        self.kind == ReservationKind::CapacityBlock && self.ends_at.is_some_and(near)
    }

    /// What selectors compare it with.
    pub fn selectable(&self) -> Selectable<'_> {
        Selectable { id: &self.id, name: "", owners: [&self.owner_id, ""], tags: &self.tags }
    }
}
