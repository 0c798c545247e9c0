//! How many launches may rely on an offering that nobody has seen working.
//!
//! A hundred claims that can only be one type in one zone would be a hundred calls that fail alike if that pool is dry. So
//! an offering begins with a few launches at a time; every one that succeeds lets two more go, and one that fails puts the
//! offering aside, so that the others are not tried at all. A claim with many offerings is not held back by one of them: it
//! goes as soon as all of them together have room for one launch.

use std::collections::BTreeMap;
use std::sync::Arc;

use supercargo_catalog::CapacityType;
use supercargo_cloud::launch::LaunchPlan;

/// Launches at a time that may rely on one offering in the beginning.
pub const FIRST_LAUNCHES: f64 = 10.0;
/// What a success adds.
const FOR_SUCCESS: f64 = 2.0;
/// More is never needed.
const MOST: f64 = 100_000.0;

/// An offering: how it is paid for, type, zone.
type Offering = (CapacityType, String, String);

/// The offerings of a request, as numbers of a [`Budget`].
pub(super) type Numbers = Arc<[u32]>;

#[derive(Clone, Copy, Debug)]
struct Account {
    limit: f64,
    under_way: f64,
}

/// Launches under way and what they rely on.
#[derive(Debug, Default)]
pub struct Budget {
    numbers: BTreeMap<Offering, u32>,
    accounts: Vec<Account>,
}

impl Budget {
    /// The offerings of a plan.
    pub(super) fn numbers(&mut self, plan: &LaunchPlan) -> Numbers {
        let overrides = plan.request.overrides();
        let all = overrides.map(|one| (plan.capacity_type, one.instance_type.clone(), one.zone.clone()));
        all.map(|offering| self.number(offering)).collect()
    }

    fn number(&mut self, offering: Offering) -> u32 {
        let next = u32::try_from(self.accounts.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(offering).or_insert(next);
        if number == next {
            self.accounts.push(Account { limit: FIRST_LAUNCHES, under_way: 0.0 });
        }
        number
    }

    /// Takes one launch on these offerings, if there is room for it.
    pub(super) fn take(&mut self, offerings: &[u32]) -> bool {
        let accounts = || offerings.iter().filter_map(|number| self.accounts.get(*number as usize));
        let left: f64 = accounts().map(|account| (account.limit - account.under_way).max(0.0)).sum();
        if left < 1.0 - 1e-9 {
            return false;
        }
        self.change(offerings, 1.0);
        true
    }

    /// A launch on these offerings is over; it got this one, or none.
    pub(super) fn settle(&mut self, offerings: &[u32], got: Option<(CapacityType, &str, &str)>) {
        self.change(offerings, -1.0);
        let Some((capacity_type, instance_type, zone)) = got else { return };
        let offering = (capacity_type, instance_type.to_owned(), zone.to_owned());
        let number = self.number(offering);
        if let Some(account) = self.accounts.get_mut(number as usize) {
            account.limit = (account.limit + FOR_SUCCESS).min(MOST);
        }
    }

    /// An offering was refused: it has to prove itself again.
    pub(super) fn refused(&mut self, capacity_type: CapacityType, instance_type: &str, zone: &str) {
        let number = self.number((capacity_type, instance_type.to_owned(), zone.to_owned()));
        if let Some(account) = self.accounts.get_mut(number as usize) {
            account.limit = FIRST_LAUNCHES;
        }
    }

    /// A launch counts with the same share on each of its offerings.
    fn change(&mut self, offerings: &[u32], by: f64) {
        let share = by / offerings.len().max(1) as f64;
        for number in offerings {
            if let Some(account) = self.accounts.get_mut(*number as usize) {
                account.under_way = (account.under_way + share).max(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(zone: &str) -> Offering {
        (CapacityType::Spot, "m6i.large".to_owned(), zone.to_owned())
    }

    fn taken(budget: &mut Budget, offerings: &[u32]) -> usize {
        (0..1_000).take_while(|_| budget.take(offerings)).count()
    }

    #[test]
    fn one_offering_begins_with_ten_launches_and_every_success_lets_two_more_go() {
        let mut budget = Budget::default();
        let only = [budget.number(offering("a"))];
        assert_eq!(taken(&mut budget, &only), 10);
        for _ in 0..10 {
            budget.settle(&only, Some((CapacityType::Spot, "m6i.large", "a")));
        }
        assert_eq!(taken(&mut budget, &only), 30);
        budget.refused(CapacityType::Spot, "m6i.large", "a");
        assert_eq!(taken(&mut budget, &only), 0);
        for _ in 0..30 {
            budget.settle(&only, None);
        }
        assert_eq!(taken(&mut budget, &only), 10);
    }

    #[test]
    fn many_offerings_carry_many_launches_and_a_full_one_does_not_hold_them_back() {
        let mut budget = Budget::default();
        let all: Vec<u32> = (0..180).map(|zone| budget.number(offering(&zone.to_string()))).collect();
        assert_eq!(taken(&mut budget, &all[..1]), 10);
        assert_eq!(taken(&mut budget, &all), 1_000);
    }
}
