//! Capacity reservations: consumed, given back, taken back, ended (reference section 5.8).

use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::InstanceMatchCriteria;
use supercargo_catalog::{CapacityType, ReservationKind};
use supercargo_cloud::event::EventKind;
use supercargo_cloud::{CapacityReservation, ReservationState};

use crate::Scope;
use crate::pools::PoolKey;
use crate::state::State;
use crate::timeline::{Happening, later};

/// How long before the end of a capacity block its instances get notice, and how long before it they are ended.
const BLOCK_WARNS_AHEAD: Duration = Duration::from_secs(40 * 60);
const BLOCK_CLEARS_AHEAD: Duration = Duration::from_secs(30 * 60);

/// A reservation and the pool its instances would otherwise be in.
#[derive(Clone, Debug)]
pub(crate) struct Reservation {
    pub reservation: CapacityReservation,
    pub pool: PoolKey,
    /// Instances in it.
    pub used: u32,
    /// When it really ended; none while it holds.
    pub ended_at: Option<Timestamp>,
}

impl Reservation {
    pub(crate) fn take(&mut self) {
        self.used += 1;
        self.count();
    }

    pub(crate) fn give_back(&mut self) {
        self.used = self.used.saturating_sub(1);
        self.count();
    }

    fn count(&mut self) {
        let holds = self.reservation.state == ReservationState::Active;
        self.reservation.available = if holds { self.reservation.total.saturating_sub(self.used) } else { 0 };
    }

    fn enter(&mut self, state: ReservationState) {
        self.reservation.state = state;
        self.count();
    }

    /// Whether an instance that names no reservation may go into it.
    pub(crate) fn is_open(&self) -> bool {
        self.reservation.match_criteria == InstanceMatchCriteria::Open
            && self.reservation.kind == ReservationKind::Default
            && !self.reservation.interruptible
    }
}

impl State {
    /// Makes the reservations of the options. Those for types or zones that do not exist are left out.
    pub(crate) fn open_reservations(&mut self) {
        for options in self.options.reservations.clone() {
            let Some(pool) = self.pools.key(&options.instance_type, &options.zone, false) else { continue };
            let id = options.id.unwrap_or_else(|| self.new_id("cr"));
            let starts_at = options.starts_at.unwrap_or(self.now);
            let begins_later = starts_at > self.now;
            let index = self.reservations.len();
            let state = if begins_later { ReservationState::Scheduled } else { ReservationState::Active };
            let mut reservation = Reservation {
                reservation: CapacityReservation {
                    id,
                    owner_id: self.options.account_id.clone(),
                    instance_type: options.instance_type,
                    zone_id: self.pools.zone(pool).zone_id.clone(),
                    zone: options.zone,
                    total: options.count,
                    available: 0,
                    kind: options.kind,
                    interruptible: options.interruptible,
                    match_criteria: options.match_criteria,
                    state,
                    starts_at,
                    ends_at: options.ends_at,
                    tags: options.tags,
                },
                pool,
                used: 0,
                ended_at: None,
            };
            reservation.count();
            self.reservations.push(reservation);
            if begins_later {
                self.timeline.add(starts_at, Happening::ReservationBegins(index));
            }
            if let Some(ends_at) = options.ends_at {
                if options.kind == ReservationKind::CapacityBlock {
                    let ahead = |by: Duration| ends_at.checked_sub(by).unwrap_or(starts_at);
                    self.timeline.add(ahead(BLOCK_WARNS_AHEAD), Happening::ReservationWarns(index));
                    self.timeline.add(ahead(BLOCK_CLEARS_AHEAD), Happening::ReservationClears(index));
                }
                self.timeline.add(ends_at, Happening::ReservationEnds(index));
            }
        }
    }

    pub(crate) fn begin_reservation(&mut self, index: usize) {
        self.reservations[index].enter(ReservationState::Active);
    }

    fn members(&self, index: usize) -> Vec<u64> {
        let inside = self.records.values().filter(|record| record.reservation == Some(index));
        inside.filter(|record| record.terminated_at.is_none()).map(|record| record.number).collect()
    }

    /// Gives the instances of a reservation notice until a moment.
    fn warn_members(&mut self, index: usize, ends_at: Timestamp) {
        for number in self.members(index) {
            let Some(record) = self.records.get_mut(&number).filter(|record| record.is_alive()) else {
                continue;
            };
            record.notice_at = Some(self.now);
            record.shutdown_at = Some(ends_at);
            let instance = &record.instance;
            let (zone, kind) = (
                instance.zone.clone(),
                EventKind::ReservationInterruption {
                    instance_id: instance.id.clone(),
                    ends_at: Some(ends_at),
                    zone_id: Some(instance.zone_id.clone()),
                },
            );
            self.touch(number);
            self.send(kind, &zone);
        }
    }

    pub(crate) fn warn_block(&mut self, index: usize) {
        let ends_at = self.reservations[index].reservation.ends_at.unwrap_or(self.now);
        let clears_at = ends_at.checked_sub(BLOCK_CLEARS_AHEAD).unwrap_or(self.now);
        self.warn_members(index, clears_at);
    }

    pub(crate) fn clear_block(&mut self, index: usize) {
        for number in self.members(index) {
            self.end(number, "Server.CapacityReservationTermination");
        }
    }

    /// A reservation ends: its instances run on as on-demand ones.
    pub(crate) fn end_reservation(&mut self, index: usize) {
        let pool = self.reservations[index].pool;
        for number in self.members(index) {
            let Some(record) = self.records.get_mut(&number) else { continue };
            record.reservation = None;
            record.in_pool = true;
            record.instance.reservation_id = None;
            record.instance.capacity_type = CapacityType::OnDemand;
            // until now the reservation paid
            record.billed_from = record.billed_from.map(|_| self.now);
            self.pools.take(pool);
            self.touch(number);
            self.reservations[index].give_back();
        }
        self.reservations[index].ended_at = Some(self.now);
        self.reservations[index].enter(ReservationState::Expired);
    }

    /// Takes interruptible reservations back: their instances get two minutes.
    pub(crate) fn reclaim_reservations(&mut self, scope: &Scope) {
        let until = later(self.now, self.options.interruptions.notice);
        for index in 0..self.reservations.len() {
            let reservation = &self.reservations[index].reservation;
            let is_meant = reservation.interruptible
                && reservation.state == ReservationState::Active
                && scope.covers(&reservation.instance_type, &reservation.zone, CapacityType::Reserved);
            if !is_meant {
                continue;
            }
            self.warn_members(index, until);
            for number in self.members(index) {
                self.timeline.add(until, Happening::Reclaim(number));
            }
            self.reservations[index].ended_at = Some(self.now);
            self.reservations[index].enter(ReservationState::Cancelled);
        }
    }
}
