//! The subnet of each zone: the one with most free addresses, launches that are on their way counted (reference section
//! 5.4, step 5).

use std::collections::BTreeMap;

use crate::Subnet;

/// Addresses that launches on their way may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressesInFlight {
    taken: BTreeMap<String, u32>,
}

/// What a launch may take of which subnets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressClaim {
    /// By zone: the subnet.
    pub subnets: BTreeMap<String, String>,
    /// Addresses the node and its pods take at least.
    pub addresses: u32,
}

impl AddressesInFlight {
    /// The subnet of each zone with most addresses left; the one with the lower id of equal ones.
    pub fn best_subnets(&self, subnets: &[Subnet], addresses: u32) -> AddressClaim {
        let mut best: BTreeMap<&str, (u32, &str)> = BTreeMap::new();
        for subnet in subnets {
            let in_flight = self.taken.get(&subnet.id).copied().unwrap_or_default();
            let left = subnet.free_ips.saturating_sub(in_flight);
            let is_better = best
                .get(subnet.zone.as_str())
                .is_none_or(|(most, id)| left > *most || (left == *most && subnet.id.as_str() < *id));
            if is_better {
                best.insert(&subnet.zone, (left, &subnet.id));
            }
        }
        let subnets = best.into_iter().map(|(zone, (_, id))| (zone.to_owned(), id.to_owned())).collect();
        AddressClaim { subnets, addresses }
    }

    /// A launch is on its way.
    pub fn add(&mut self, claim: &AddressClaim) {
        for id in claim.subnets.values() {
            let taken = self.taken.entry(id.clone()).or_default();
            *taken = taken.saturating_add(claim.addresses);
        }
    }

    /// The launch is over: only the subnet that was used keeps its addresses, until [`forget`](Self::forget).
    pub fn settle(&mut self, claim: &AddressClaim, used: Option<&str>) {
        for id in claim.subnets.values().filter(|id| Some(id.as_str()) != used) {
            if let Some(taken) = self.taken.get_mut(id) {
                *taken = taken.saturating_sub(claim.addresses);
            }
        }
    }

    /// The free addresses of the subnets have been asked for anew.
    pub fn forget(&mut self) {
        self.taken.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(id: &str, zone: &str, free_ips: u32) -> Subnet {
        Subnet { id: id.to_owned(), zone: zone.to_owned(), free_ips, ..Subnet::default() }
    }

    #[test]
    fn launches_on_their_way_count_until_they_went_elsewhere() {
        let subnets = [subnet("s-1", "a", 100), subnet("s-2", "a", 90), subnet("s-3", "b", 5)];
        let mut in_flight = AddressesInFlight::default();
        let first = in_flight.best_subnets(&subnets, 29);
        assert_eq!(first.subnets.get("a").map(String::as_str), Some("s-1"));
        assert_eq!(first.subnets.get("b").map(String::as_str), Some("s-3"));
        in_flight.add(&first);
        let second = in_flight.best_subnets(&subnets, 29);
        assert_eq!(second.subnets.get("a").map(String::as_str), Some("s-2"));
        in_flight.settle(&first, Some("s-3"));
        let third = in_flight.best_subnets(&subnets, 29);
        assert_eq!(third.subnets.get("a").map(String::as_str), Some("s-1"));
        in_flight.forget();
        assert_eq!(in_flight, AddressesInFlight::default());
    }
}
