//! What was used and what it costs: by the second, at least a minute (<https://aws.amazon.com/ec2/pricing/>).
//!
//! On demand costs the list price. Spot costs, hour by hour of its running, the price at the beginning of that hour, and
//! nothing if EC2 takes it back within the first hour. An instance in a reservation costs nothing by itself: the
//! reservation costs the list price for all it holds, used or not.

use jiff::Timestamp;
use supercargo_catalog::{CapacityType, Usd};

use crate::pools::PoolKey;
use crate::record::Record;
use crate::state::State;

const SECONDS_PER_HOUR: i64 = 3_600;
const LEAST_SECONDS: i64 = 60;

/// The use of an instance.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    number: u64,
    instance_id: String,
    pool: PoolKey,
    capacity_type: CapacityType,
    reservation_id: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    taken_back: bool,
}

impl Charge {
    pub(crate) fn of(record: &Record) -> Charge {
        Charge {
            number: record.number,
            instance_id: record.instance.id.clone(),
            pool: record.pool,
            capacity_type: record.instance.capacity_type,
            reservation_id: record.instance.reservation_id.clone(),
            from: record.billed_from,
            until: record.billed_until,
            taken_back: record.instance.state_reason.as_deref() == Some("Server.SpotInstanceTermination"),
        }
    }
}

/// The use of instances that have ended.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    closed: Vec<Charge>,
}

impl Ledger {
    pub(crate) fn close(&mut self, charge: Charge) {
        self.closed.push(charge);
    }
}

/// A line of the bill: an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceBill {
    /// `i-…`.
    pub instance_id: String,
    /// `m7i.2xlarge`.
    pub instance_type: String,
    /// `us-east-1a`.
    pub zone: String,
    /// How it was paid for.
    pub capacity_type: CapacityType,
    /// The reservation it was in at last.
    pub reservation_id: Option<String>,
    /// Since when it ran; none if it never did.
    pub from: Option<Timestamp>,
    /// Until when; none if it still runs.
    pub until: Option<Timestamp>,
    /// Seconds that are paid for.
    pub seconds: i64,
    /// Dollars.
    pub cost: Usd,
}

/// A line of the bill: a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationBill {
    /// `cr-…`.
    pub reservation_id: String,
    /// Instance-seconds it held.
    pub instance_seconds: i64,
    /// Dollars.
    pub cost: Usd,
}

/// The bill until a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// The instances, in order of their launch.
    pub instances: Vec<InstanceBill>,
    /// The reservations, in the order in which they were made.
    pub reservations: Vec<ReservationBill>,
}

impl Bill {
    /// Dollars in total.
    pub fn total(&self) -> Usd {
        let instances = self.instances.iter().map(|line| line.cost);
        instances.chain(self.reservations.iter().map(|line| line.cost)).sum()
    }

    /// Seconds of instances that are paid for, reservations apart.
    pub fn instance_seconds(&self) -> i64 {
        self.instances.iter().map(|line| line.seconds).sum()
    }
}

impl State {
    /// The bill until now.
    pub(crate) fn bill(&self) -> Bill {
        let open = self.records.values().filter(|record| record.terminated_at.is_none()).map(Charge::of);
        let mut charges: Vec<Charge> = self.ledger.closed.iter().cloned().chain(open).collect();
        charges.sort_by_key(|charge| charge.number);
        let instances = charges.into_iter().map(|charge| self.instance_bill(charge)).collect();
        let reservations = self.reservations.iter().map(|reservation| {
            let held = &reservation.reservation;
            let until = reservation.ended_at.unwrap_or(self.now);
            let seconds = until.duration_since(held.starts_at).as_secs().max(0);
            let instance_seconds = seconds.saturating_mul(i64::from(held.total));
            let price = self.pools.on_demand_price(reservation.pool).unwrap_or_default();
            ReservationBill {
                reservation_id: held.id.clone(),
                instance_seconds,
                cost: price.scaled(instance_seconds, SECONDS_PER_HOUR),
            }
        });
        Bill { instances, reservations: reservations.collect() }
    }

    fn instance_bill(&self, charge: Charge) -> InstanceBill {
        let seconds = match charge.from {
            None => 0,
            Some(from) => {
                let until = charge.until.unwrap_or(self.now);
                // begun seconds count
                let millis = until.duration_since(from).as_millis().max(0);
                i64::try_from((millis + 999) / 1000).unwrap_or(i64::MAX).max(LEAST_SECONDS)
            }
        };
        let is_free = charge.reservation_id.is_some()
            || (charge.taken_back && charge.pool.spot && seconds < SECONDS_PER_HOUR);
        let cost = match charge.from {
            Some(from) if !is_free => self.cost(charge.pool, from, seconds),
            _ => Usd::ZERO,
        };
        InstanceBill {
            instance_id: charge.instance_id,
            instance_type: self.pools.facts(charge.pool).name.clone(),
            zone: self.pools.zone(charge.pool).name.clone(),
            capacity_type: charge.capacity_type,
            reservation_id: charge.reservation_id,
            from: charge.from,
            until: charge.until,
            seconds: if is_free { 0 } else { seconds },
            cost,
        }
    }

    fn cost(&self, pool: PoolKey, from: Timestamp, seconds: i64) -> Usd {
        if !pool.spot {
            let price = self.pools.on_demand_price(pool).unwrap_or_default();
            return price.scaled(seconds, SECONDS_PER_HOUR);
        }
        let mut cost = Usd::ZERO;
        let mut charged = 0;
        while charged < seconds {
            let part = (seconds - charged).min(SECONDS_PER_HOUR);
            let begins = from.checked_add(jiff::SignedDuration::from_secs(charged)).unwrap_or(from);
            let price = self.pools.price(pool, begins, &self.shocks).unwrap_or_default();
            cost += price.scaled(part, SECONDS_PER_HOUR);
            charged += part;
        }
        cost
    }
}
