//! Offerings that could not be had a moment ago and are not asked for again for a while (reference sections 5.1 and 5.3).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use supercargo_catalog::{CapacityType, InstanceType};

use crate::event::EventKind;
use crate::{ErrorKind, FleetError, PurchaseOption};

/// How long an offering is put aside.
pub const UNAVAILABLE_FOR: Duration = Duration::from_secs(180);

/// What is put aside, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unavailable {
    offerings: BTreeMap<(CapacityType, String, String), Timestamp>,
    capacity_types: BTreeMap<CapacityType, Timestamp>,
    subnets: BTreeMap<String, Timestamp>,
    reservations: BTreeMap<String, Timestamp>,
    /// Zones that the cluster is shifted away from.
    shifted: BTreeSet<String>,
    changes: u64,
}

impl Unavailable {
    /// Nothing is put aside.
    pub fn new() -> Unavailable {
        Unavailable::default()
    }

    /// Puts an offering aside.
    pub fn mark(&mut self, capacity_type: CapacityType, instance_type: &str, zone: &str, now: Timestamp) {
        let key = (capacity_type, instance_type.to_owned(), zone.to_owned());
        self.offerings.insert(key, until(now));
        self.changes += 1;
    }

    /// Puts an offering aside until then, unless it is aside for longer. Returns whether that changed anything.
    pub fn mark_until(
        &mut self,
        capacity_type: CapacityType,
        instance_type: &str,
        zone: &str,
        until: Timestamp,
    ) -> bool {
        let key = (capacity_type, instance_type.to_owned(), zone.to_owned());
        if self.offerings.get(&key).is_some_and(|known| *known >= until) {
            return false;
        }
        self.offerings.insert(key, until);
        self.changes += 1;
        true
    }

    /// Puts all offerings of a capacity type aside.
    pub fn mark_capacity_type(&mut self, capacity_type: CapacityType, now: Timestamp) {
        self.capacity_types.insert(capacity_type, until(now));
        self.changes += 1;
    }

    /// Puts a reservation aside.
    pub fn mark_reservation(&mut self, reservation_id: &str, now: Timestamp) {
        self.reservations.insert(reservation_id.to_owned(), until(now));
        self.changes += 1;
    }

    /// These are the zones that the cluster is shifted away from, until others are named (reference section 5.1).
    pub fn shift(&mut self, zones: BTreeSet<String>) {
        if self.shifted != zones {
            self.shifted = zones;
            self.changes += 1;
        }
    }

    /// Puts aside what an error of a fleet says cannot be had. The reservation is that of the launch template, if it names
    /// one. Errors that say nothing about capacity change nothing.
    pub fn mark_error(&mut self, error: &FleetError, reservation_id: Option<&str>, now: Timestamp) {
        let capacity_type = match (error.purchase, reservation_id) {
            (PurchaseOption::Spot, _) => CapacityType::Spot,
            (_, Some(_)) => CapacityType::Reserved,
            _ => CapacityType::OnDemand,
        };
        match ErrorKind::of_code(&error.code) {
            ErrorKind::SpotRoleMissing => self.mark_capacity_type(CapacityType::Spot, now),
            ErrorKind::NoFreeAddresses => {
                self.subnets.insert(error.refused.subnet_id.clone(), until(now));
                self.changes += 1;
            }
            ErrorKind::ReservationExceeded if reservation_id.is_some() => {
                self.mark_reservation(reservation_id.unwrap_or_default(), now);
            }
            _ if crate::is_unfulfillable(&error.code) => {
                self.mark(capacity_type, &error.refused.instance_type, &error.refused.zone, now);
            }
            _ => {}
        }
    }

    /// Puts aside what a message says is being taken back; the type and zone are those of its instance.
    pub fn mark_event(&mut self, event: &EventKind, instance_type: &str, zone: &str, now: Timestamp) {
        if matches!(event, EventKind::SpotInterruption { .. }) {
            self.mark(CapacityType::Spot, instance_type, zone, now);
        }
    }

    /// Whether an offering is put aside.
    pub fn contains(
        &self,
        capacity_type: CapacityType,
        instance_type: &str,
        zone: &str,
        now: Timestamp,
    ) -> bool {
        let holds = |until: Option<&Timestamp>| until.is_some_and(|until| *until > now);
        let key = (capacity_type, instance_type.to_owned(), zone.to_owned());
        self.shifted.contains(zone)
            || holds(self.capacity_types.get(&capacity_type))
            || holds(self.offerings.get(&key))
    }

    /// Whether a subnet is put aside. A zone is only if all its subnets are.
    pub fn contains_subnet(&self, subnet_id: &str, now: Timestamp) -> bool {
        self.subnets.get(subnet_id).is_some_and(|until| *until > now)
    }

    /// Whether a reservation is put aside.
    pub fn contains_reservation(&self, reservation_id: &str, now: Timestamp) -> bool {
        self.reservations.get(reservation_id).is_some_and(|until| *until > now)
    }

    /// Marks the offerings that are put aside as not available.
    pub fn apply(&self, instance_types: &mut [InstanceType], now: Timestamp) {
        for instance_type in instance_types {
            for offering in &mut instance_type.offerings {
                let reserved = offering.reservation.as_ref();
                let is_aside =
                    self.contains(offering.capacity_type, &instance_type.name, &offering.zone, now)
                        || reserved
                            .is_some_and(|reservation| self.contains_reservation(&reservation.id, now));
                offering.available &= !is_aside;
            }
        }
    }

    /// Forgets what is available again, and says when the next thing is.
    pub fn sweep(&mut self, now: Timestamp) -> Option<Timestamp> {
        let before = self.len();
        self.offerings.retain(|_, until| *until > now);
        self.capacity_types.retain(|_, until| *until > now);
        self.subnets.retain(|_, until| *until > now);
        self.reservations.retain(|_, until| *until > now);
        self.changes += u64::from(self.len() != before);
        let all = self.offerings.values().chain(self.capacity_types.values());
        all.chain(self.subnets.values()).chain(self.reservations.values()).min().copied()
    }

    /// A number that grows with every change, for caches.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn len(&self) -> usize {
        self.offerings.len() + self.capacity_types.len() + self.subnets.len() + self.reservations.len()
    }
}

fn until(now: Timestamp) -> Timestamp {
    now.checked_add(UNAVAILABLE_FOR).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::FleetOverride;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn refused(purchase: PurchaseOption, code: &str) -> FleetError {
        FleetError {
            launch_template: "t".to_owned(),
            refused: FleetOverride {
                instance_type: "m5.large".to_owned(),
                subnet_id: "subnet-1".to_owned(),
                zone: "a".to_owned(),
                ..FleetOverride::default()
            },
            purchase,
            code: code.to_owned(),
            message: String::new(),
        }
    }

    #[test]
    fn an_offering_is_put_aside_for_three_minutes() {
        let mut aside = Unavailable::new();
        aside.mark_error(&refused(PurchaseOption::Spot, "InsufficientInstanceCapacity"), None, at(0));
        assert!(aside.contains(CapacityType::Spot, "m5.large", "a", at(179)));
        assert!(!aside.contains(CapacityType::Spot, "m5.large", "a", at(180)));
        assert!(!aside.contains(CapacityType::OnDemand, "m5.large", "a", at(0)));
        assert!(!aside.contains(CapacityType::Spot, "m5.large", "b", at(0)));
        assert_eq!(aside.sweep(at(10)), Some(at(180)));
        assert_eq!(aside.sweep(at(180)), None);
        assert_eq!(aside.changes(), 2);
    }

    #[rstest]
    #[case::spot_role("AuthFailure.ServiceLinkedRoleCreationNotPermitted", true, false)]
    #[case::no_addresses("InsufficientFreeAddressesInSubnet", false, true)]
    #[case::not_about_capacity("InvalidAMIID.NotFound", false, false)]
    fn an_error_puts_aside_what_it_is_about(
        #[case] code: &str,
        #[case] all_spot: bool,
        #[case] subnet: bool,
    ) {
        let mut aside = Unavailable::new();
        aside.mark_error(&refused(PurchaseOption::Spot, code), None, at(0));
        assert_eq!(aside.contains(CapacityType::Spot, "c5.large", "b", at(1)), all_spot);
        assert_eq!(aside.contains_subnet("subnet-1", at(1)), subnet);
    }

    #[test]
    fn a_zone_is_put_aside_as_long_as_the_cluster_is_shifted_away_from_it() {
        let mut aside = Unavailable::new();
        aside.shift(BTreeSet::from(["a".to_owned()]));
        let changes = aside.changes();
        aside.shift(BTreeSet::from(["a".to_owned()]));
        assert_eq!(aside.changes(), changes);
        assert!(aside.contains(CapacityType::OnDemand, "m5.large", "a", at(100_000)));
        assert!(!aside.contains(CapacityType::OnDemand, "m5.large", "b", at(0)));
        aside.shift(BTreeSet::new());
        assert!(!aside.contains(CapacityType::OnDemand, "m5.large", "a", at(0)));
        assert!(aside.changes() > changes);
    }

    #[test]
    fn a_full_reservation_is_put_aside_alone() {
        let mut aside = Unavailable::new();
        let error = refused(PurchaseOption::OnDemand, "ReservationCapacityExceeded");
        aside.mark_error(&error, Some("cr-1"), at(0));
        assert!(aside.contains_reservation("cr-1", at(1)));
        assert!(!aside.contains(CapacityType::Reserved, "m5.large", "a", at(1)));
    }
}
