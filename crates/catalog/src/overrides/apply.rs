//! Overrides over resolved instance types.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{PriceOverride, PriceOverrides};
use crate::{CapacityType, InstanceType, PriceKind, PriceStamp};

impl PriceOverrides {
    /// Replaces the prices of the offerings that are named, marks them live, and returns how many offerings that were.
    /// A price for a zone wins over one for every zone. `today` dates the prices for which the file says no date.
    pub fn apply(&self, types: &mut [InstanceType], today: Date) -> usize {
        let mut by_offer: BTreeMap<(&str, CapacityType, Option<&str>), &PriceOverride> = BTreeMap::new();
        for entry in &self.entries {
            by_offer.insert((&entry.instance_type, entry.capacity_type, entry.zone.as_deref()), entry);
        }
        let mut replaced = 0;
        for instance_type in types {
            let name = instance_type.name.as_str();
            for offering in &mut instance_type.offerings {
                let find = |zone| by_offer.get(&(name, offering.capacity_type, zone)).copied();
                let Some(entry) = find(Some(offering.zone.as_str())).or_else(|| find(None)) else { continue };
                offering.price = entry.price;
                offering.price_stamp = PriceStamp::new(PriceKind::Live, entry.date.unwrap_or(today));
                replaced += 1;
            }
        }
        replaced
    }
}
