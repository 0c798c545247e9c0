//! The last hour that anything is known of: what metrics and prices are told of.

use std::sync::Arc;

use crate::facts::HourFacts;
use crate::interval::Interval;
use crate::ledger::Ledger;

/// Its facts by cluster, and the last second that anything is known of. Earlier hours are not read.
pub fn last_hour(ledger: &Ledger) -> (Vec<Arc<HourFacts>>, i64) {
    let Some(hour) = ledger.hours(Interval::new(i64::MIN, i64::MAX)).last() else { return (Vec::new(), 0) };
    let facts: Vec<Arc<HourFacts>> = ledger.facts(Interval::hour(hour)).collect();
    let end = facts.iter().map(|facts| facts.covered().end).max().unwrap_or(hour);
    (facts, end)
}
