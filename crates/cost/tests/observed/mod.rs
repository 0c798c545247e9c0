//! Hours as observations of ten minutes each.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use supercargo_cost::Interval;
use supercargo_cost::collector::Observation;
use supercargo_cost::facts::HourFacts;

use crate::made_up;

pub fn sorted(mut facts: HourFacts) -> HourFacts {
    facts.sort();
    facts
}

/// Observations of ten minutes each: an hour's facts, cut.
pub fn observations(seed: u64, hour: i64) -> Vec<Observation> {
    let whole = made_up::facts(seed, "east", hour);
    (0..6)
        .map(|step| {
            let stretch = Interval::new(hour + step * 600, hour + (step + 1) * 600);
            let mut facts = HourFacts::new("east", hour);
            facts.containers = whole.containers.iter().filter_map(|fact| fact.part(stretch)).collect();
            facts.nodes = whole
                .nodes
                .iter()
                .filter(|node| !node.interval.overlap(stretch).is_empty())
                .map(|node| {
                    let mut node = node.clone();
                    node.interval = node.interval.overlap(stretch);
                    node
                })
                .collect();
            Observation { stretch, hours: vec![sorted(facts)] }
        })
        .collect()
}

pub fn absorbed<'a>(observations: impl IntoIterator<Item = &'a Observation>) -> HourFacts {
    let mut hours = observations.into_iter().flat_map(|one| one.hours.iter().cloned());
    let mut facts = hours.next().unwrap();
    hours.for_each(|delta| facts.absorb(delta));
    facts
}
