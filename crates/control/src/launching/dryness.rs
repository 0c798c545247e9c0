//! What refused offerings say about their neighbours.
//!
//! Pools of one family in one zone are cut from the same hosts, and a zone in trouble refuses everything. Waiting for every
//! size and every family to refuse a launch of its own costs a call and a batch each, so the neighbourhood is put aside for
//! a shorter time as soon as enough of it has refused:
//!
//! - three sizes of a family, bought in the same way in the same zone: the other sizes for a minute;
//! - eight families bought in the same way in the same zone, and no launch that went well there in the last three minutes:
//!   all types for half a minute.
//!
//! What was launched in the last three minutes is never put aside by inference.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use supercargo_catalog::{CapacityType, Catalog};
use supercargo_cloud::{UNAVAILABLE_FOR, Unavailable};

/// Sizes of a family that have to refuse.
pub const FAMILY_SIZES: usize = 3;
/// How long the other sizes are put aside.
pub const FAMILY_FOR: Duration = Duration::from_secs(60);
/// Families that have to refuse.
pub const ZONE_FAMILIES: usize = 8;
/// How long a zone is put aside.
pub const ZONE_FOR: Duration = Duration::from_secs(30);

/// Way of paying and zone.
type Place = (CapacityType, String);

/// What was refused and what was launched lately.
#[derive(Debug, Default)]
pub struct Dryness {
    /// By place and family: when each size refused last.
    refused: BTreeMap<Place, BTreeMap<String, BTreeMap<String, Timestamp>>>,
    /// By place: when each type was launched last.
    launched: BTreeMap<Place, BTreeMap<String, Timestamp>>,
}

fn family(instance_type: &str) -> &str {
    instance_type.split('.').next().unwrap_or(instance_type)
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).unsigned_abs() < UNAVAILABLE_FOR
}

impl Dryness {
    /// A launch got this offering.
    pub fn launched(&mut self, capacity_type: CapacityType, instance_type: &str, zone: &str, now: Timestamp) {
        let place = (capacity_type, zone.to_owned());
        self.launched.entry(place.clone()).or_default().insert(instance_type.to_owned(), now);
        if let Some(sizes) =
            self.refused.get_mut(&place).and_then(|families| families.get_mut(family(instance_type)))
        {
            sizes.remove(instance_type);
        }
    }

    /// A launch was refused this offering, which is put aside already. What is likely to be refused, too, is put aside for a
    /// shorter time; returns how many offerings that are.
    pub fn refused(
        &mut self,
        capacity_type: CapacityType,
        instance_type: &str,
        zone: &str,
        unavailable: &mut Unavailable,
        now: Timestamp,
    ) -> usize {
        let place = (capacity_type, zone.to_owned());
        let families = self.refused.entry(place.clone()).or_default();
        let sizes = families.entry(family(instance_type).to_owned()).or_default();
        sizes.insert(instance_type.to_owned(), now);
        for sizes in families.values_mut() {
            sizes.retain(|_, at| is_recent(*at, now));
        }
        families.retain(|_, sizes| !sizes.is_empty());
        let launched = self.launched.entry(place).or_default();
        launched.retain(|_, at| is_recent(*at, now));
        let is_dry = |sizes: &BTreeMap<String, Timestamp>| sizes.len() >= FAMILY_SIZES;
        let mut aside: BTreeSet<&str> = BTreeSet::new();
        let catalog = Catalog::embedded();
        let mut lasting = FAMILY_FOR;
        if families.len() >= ZONE_FAMILIES && launched.is_empty() {
            aside.extend(catalog.type_names());
            lasting = ZONE_FOR;
        } else if families.get(family(instance_type)).is_some_and(is_dry) {
            let name = family(instance_type);
            aside.extend(catalog.type_names().filter(|known| family(known) == name));
        }
        aside.retain(|name| !launched.contains_key(*name));
        let until = now.checked_add(lasting).unwrap_or(Timestamp::MAX);
        let mut count = 0;
        for name in aside {
            count += usize::from(unavailable.mark_until(capacity_type, name, zone, until));
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPOT: CapacityType = CapacityType::Spot;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn three_dry_sizes_put_their_family_aside_for_a_minute_in_that_zone() {
        let (mut dryness, mut aside) = (Dryness::default(), Unavailable::new());
        dryness.launched(SPOT, "m6i.4xlarge", "a", at(0));
        for (second, size) in [(0, "large"), (10, "xlarge"), (20, "2xlarge")] {
            aside.mark(SPOT, &format!("m6i.{size}"), "a", at(second));
            let inferred = dryness.refused(SPOT, &format!("m6i.{size}"), "a", &mut aside, at(second));
            assert_eq!(inferred > 0, second == 20);
        }
        assert!(aside.contains(SPOT, "m6i.8xlarge", "a", at(79)));
        assert!(!aside.contains(SPOT, "m6i.8xlarge", "a", at(80)));
        assert!(
            aside.contains(SPOT, "m6i.2xlarge", "a", at(199)),
            "what refused itself stays aside for longer"
        );
        for (capacity_type, name, zone) in [
            (SPOT, "m6i.8xlarge", "b"),
            (CapacityType::OnDemand, "m6i.8xlarge", "a"),
            (SPOT, "m7i.8xlarge", "a"),
            (SPOT, "m6i.4xlarge", "a"),
        ] {
            assert!(!aside.contains(capacity_type, name, zone, at(21)), "{capacity_type} {name} {zone}");
        }
    }

    #[test]
    fn eight_dry_families_put_the_zone_aside_unless_something_was_launched_there() {
        let families = ["c5", "c6i", "c7i", "m5", "m6i", "m7i", "r5", "r6i"];
        for launched in [false, true] {
            let (mut dryness, mut aside) = (Dryness::default(), Unavailable::new());
            if launched {
                dryness.launched(SPOT, "r7i.large", "a", at(0));
            }
            for family in families {
                dryness.refused(SPOT, &format!("{family}.large"), "a", &mut aside, at(0));
            }
            assert_eq!(aside.contains(SPOT, "t3.large", "a", at(29)), !launched);
            assert!(!aside.contains(SPOT, "t3.large", "a", at(30)));
        }
    }

    #[test]
    fn refusals_of_long_ago_do_not_count() {
        let (mut dryness, mut aside) = (Dryness::default(), Unavailable::new());
        for (second, size) in [(0, "large"), (100, "xlarge"), (200, "2xlarge")] {
            let inferred = dryness.refused(SPOT, &format!("m6i.{size}"), "a", &mut aside, at(second));
            assert_eq!(inferred, 0);
        }
    }
}
