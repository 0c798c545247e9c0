//! A question and its answer.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Serialize;

use super::filter::Filter;
use super::order::Order;
use crate::{
    CapacityType, Catalog, InstanceType, InterruptionBucket, NodeClassModel, Offering, PriceOverrides,
    TypeFacts, Usd,
};

/// Which types to look for and how to show them.
#[derive(Clone, Debug)]
pub struct Query<'c> {
    /// Where to look.
    pub catalog: &'c Catalog,
    /// The region; an unknown one has no types.
    pub region: String,
    /// The node class whose capacity is shown.
    pub model: NodeClassModel,
    /// Prices that replace the catalogue's, and the day of those that say none.
    pub overrides: Option<(&'c PriceOverrides, Date)>,
    /// All must hold. An offering must pass all conditions on offerings at once.
    pub filters: Vec<Filter>,
    /// The order of the matches.
    pub order: Order,
}

/// What a query found.
#[derive(Clone, Debug)]
pub struct Answer<'c> {
    /// Types sold in the region to nodes of the class, before any condition.
    pub total: usize,
    /// The types that meet every condition, in the order asked for.
    pub matches: Vec<Match<'c>>,
    /// What each condition does, in the order given.
    pub effects: Vec<FilterEffect>,
    /// The conditions that ask for variety, and whether there is enough.
    pub min_values: Vec<MinValues>,
}

/// A type that meets every condition, with only the offerings that do.
#[derive(Clone, Debug)]
pub struct Match<'c> {
    /// The type as the node class sees it.
    pub instance_type: InstanceType,
    /// Its facts.
    pub facts: &'c TypeFacts,
    /// How often its spot instances are interrupted.
    pub interruption: Option<InterruptionBucket>,
}

/// What one condition does to the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterEffect {
    /// The condition.
    pub filter: String,
    /// Types it removes by itself from all types.
    pub removes: usize,
    /// Types left after it and all conditions before it.
    pub left: usize,
}

/// A condition that wants at least so many different values among the matches (reference row N4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MinValues {
    /// The label.
    pub key: String,
    /// Values wanted.
    pub wanted: u32,
    /// Different values among the matches.
    pub found: usize,
}

impl Match<'_> {
    /// The cheapest offering of a capacity type, or of any.
    pub fn cheapest_offering(&self, capacity_type: Option<CapacityType>) -> Option<&Offering> {
        let offerings = self.instance_type.offerings.iter();
        offerings
            .filter(|offering| capacity_type.is_none_or(|wanted| offering.capacity_type == wanted))
            .min_by_key(|offering| offering.price)
    }

    pub(super) fn cheapest(&self, capacity_type: Option<CapacityType>) -> Option<Usd> {
        self.cheapest_offering(capacity_type).map(|offering| offering.price)
    }
}

impl<'c> Query<'c> {
    /// All types of a region for a plain Amazon Linux 2023 node class, cheapest first.
    pub fn new(catalog: &'c Catalog, region: impl Into<String>) -> Query<'c> {
        Query {
            catalog,
            region: region.into(),
            model: NodeClassModel::default(),
            overrides: None,
            filters: Vec::new(),
            order: Order::default(),
        }
    }

    /// The answer.
    pub fn answer(&self) -> Answer<'c> {
        let mut types = self.catalog.instance_types(&self.region, None, &self.model);
        if let Some((overrides, today)) = self.overrides {
            overrides.apply(&mut types, today);
        }
        let mut candidates: Vec<Match<'c>> =
            types.into_iter().filter_map(|found| self.candidate(found)).collect();
        let total = candidates.len();
        let mut effects = Vec::new();
        let mut left: Vec<Vec<bool>> =
            candidates.iter().map(|found| vec![true; found.instance_type.offerings.len()]).collect();
        for filter in &self.filters {
            let mut removes = 0;
            for (found, alive) in candidates.iter().zip(&mut left) {
                let type_passes = filter.passes_type(&found.instance_type, found.facts);
                let mut passes_alone = false;
                for (offering, alive) in found.instance_type.offerings.iter().zip(alive) {
                    let passes = type_passes && filter.passes_offering(offering);
                    passes_alone |= passes;
                    *alive &= passes;
                }
                removes += usize::from(!passes_alone);
            }
            let count = left.iter().filter(|alive| alive.contains(&true)).count();
            effects.push(FilterEffect { filter: filter.name().to_owned(), removes, left: count });
        }
        for (found, alive) in candidates.iter_mut().zip(&left) {
            let mut alive = alive.iter();
            found.instance_type.offerings.retain(|_| alive.next().is_some_and(|alive| *alive));
        }
        candidates.retain(|found| !found.instance_type.offerings.is_empty());
        candidates.sort_by(|left, right| self.order.compare(left, right));
        let min_values = self.min_values(&candidates);
        Answer { total, matches: candidates, effects, min_values }
    }

    /// Only what can be launched counts.
    fn candidate(&self, mut instance_type: InstanceType) -> Option<Match<'c>> {
        instance_type.offerings.retain(|offering| offering.available);
        if instance_type.offerings.is_empty() {
            return None;
        }
        let facts = self.catalog.facts(&instance_type.name)?;
        let interruption = self.catalog.interruption_bucket(&instance_type.name);
        Some(Match { instance_type, facts, interruption })
    }

    fn min_values(&self, matches: &[Match<'_>]) -> Vec<MinValues> {
        let requirements = self.filters.iter().filter_map(Filter::requirement);
        let wanting = requirements.filter_map(|requirement| Some((requirement, requirement.min_values?)));
        wanting
            .map(|(requirement, wanted)| {
                let values: BTreeSet<&str> = matches
                    .iter()
                    .flat_map(|found| super::filter::values(&found.instance_type, &requirement.key))
                    .collect();
                MinValues { key: requirement.key.clone(), wanted, found: values.len() }
            })
            .collect()
    }
}
