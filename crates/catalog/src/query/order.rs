//! The order of an answer.

use std::cmp::Ordering;
use std::str::FromStr;

use thiserror::Error;

use super::answer::Match;
use crate::{CapacityType, Usd};

/// What the types are ordered by; equal ones are ordered by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The cheapest offering first.
    #[default]
    Price,
    /// The cheapest spot offering first; types without spot last.
    SpotPrice,
    /// The cheapest offering per vCPU first.
    PricePerVcpu,
    /// The fewest vCPUs first.
    Vcpus,
    /// The least memory first.
    Memory,
    /// By name.
    Name,
}

/// A text that is no order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot sort by {text:?}: expected price, spot-price, price-per-vcpu, vcpus, memory or name")]
pub struct UnknownOrder {
    /// The offending text, cut to 40 characters.
    pub text: String,
}

impl Order {
    const ALL: [(&'static str, Order); 6] = [
        ("price", Order::Price),
        ("spot-price", Order::SpotPrice),
        ("price-per-vcpu", Order::PricePerVcpu),
        ("vcpus", Order::Vcpus),
        ("memory", Order::Memory),
        ("name", Order::Name),
    ];

    pub(super) fn compare(self, left: &Match, right: &Match) -> Ordering {
        // no price sorts after every price
        let price_of = |found: &Match, of: fn(&Match) -> Option<Usd>| of(found).unwrap_or(Usd::MAX);
        let by_price = |of| price_of(left, of).cmp(&price_of(right, of));
        let first = match self {
            Order::Price => by_price(|found| found.cheapest(None)),
            Order::SpotPrice => by_price(|found| found.cheapest(Some(CapacityType::Spot))),
            Order::PricePerVcpu => {
                // a/b against c/d without rounding
                let cross = |found: &Match, other: &Match| {
                    i128::from(price_of(found, |found| found.cheapest(None)).nanos())
                        * i128::from(other.facts.vcpus)
                };
                cross(left, right).cmp(&cross(right, left))
            }
            Order::Vcpus => left.facts.vcpus.cmp(&right.facts.vcpus),
            Order::Memory => left.facts.memory_mib.cmp(&right.facts.memory_mib),
            Order::Name => Ordering::Equal,
        };
        first.then_with(|| natural(&left.instance_type.name, &right.instance_type.name))
    }
}

impl FromStr for Order {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Order, UnknownOrder> {
        let known = Order::ALL.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, order)| order).ok_or_else(|| UnknownOrder { text: text.chars().take(40).collect() })
    }
}

/// By family, then by size as a person counts: large, xlarge, 2xlarge, 12xlarge, metal.
fn natural(left: &str, right: &str) -> Ordering {
    let key = |name: &str| -> (String, u32, String) {
        const SMALL: [&str; 6] = ["nano", "micro", "small", "medium", "large", "xlarge"];
        let (family, size) = name.split_once('.').unwrap_or((name, ""));
        let steps = SMALL.len() as u32;
        let rank = SMALL.iter().position(|small| *small == size).map_or_else(
            || {
                size.strip_suffix("xlarge")
                    .and_then(|times| times.parse::<u32>().ok())
                    .map_or(u32::MAX, |times| steps + times)
            },
            |position| position as u32,
        );
        (family.to_owned(), rank, size.to_owned())
    };
    key(left).cmp(&key(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_ordered_as_a_person_counts() {
        let mut names = ["m5.metal", "m5.12xlarge", "m5.2xlarge", "m5.large", "c5.xlarge", "m5.xlarge"];
        names.sort_by(|left, right| natural(left, right));
        assert_eq!(names, ["c5.xlarge", "m5.large", "m5.xlarge", "m5.2xlarge", "m5.12xlarge", "m5.metal"]);
    }

    #[test]
    fn an_unknown_order_names_the_known_ones() {
        let error = "cost".parse::<Order>().unwrap_err();
        assert!(error.to_string().contains("price-per-vcpu"));
        for (name, order) in Order::ALL {
            assert_eq!(name.parse(), Ok(order));
        }
    }
}
