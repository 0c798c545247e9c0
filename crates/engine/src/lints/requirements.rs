//! Requirements that contradict each other, or leave nothing to launch.

use std::collections::BTreeMap;

use supercargo_api::labels;
use supercargo_api::requirement::Requirement;

use crate::fits::Ground;
use crate::flexible::check_min_values;
use crate::market::{Market, OfferMask, TypeSet, TypeTable, is_offering_label};

use super::lint::{Lint, Severity};
use super::node_pool::{Case, Reach};

const FIELD: &str = "spec.template.spec.requirements";

pub(super) fn lint(case: &Case<'_>, lints: &mut Vec<Lint>) {
    let terms = terms(case);
    let contradicting = contradictions(case, &terms, lints);
    let mut explained = contradicting;
    if let Some(reach) = case.reach.as_ref().filter(|reach| reach.types.is_clear())
        && !contradicting
    {
        nothing_left(case, reach, &terms, lints);
        explained = true;
    }
    if let Some(problem) = case.pool.problem.as_ref().filter(|_| !explained) {
        let field = if case.pool.table.is_none() { "spec.template.spec.nodeClassRef" } else { "spec" };
        let right = "nothing can be launched until that is right";
        lints.push(Lint::new(Severity::Error, "not-ready", field, problem.clone(), right));
    }
    if let Some(reach) = case.reach.as_ref().filter(|reach| !reach.types.is_clear()) {
        min_values(case, reach, lints);
    }
}

/// The requirements with their places. What cannot be read is a problem of the NodePool already.
fn terms(case: &Case<'_>) -> Vec<(usize, Requirement)> {
    let terms = case.manifest.spec.template.spec.requirements.iter().enumerate();
    let read = terms.filter_map(|(index, term)| {
        let values = term.values().iter().cloned();
        Some((index, Requirement::new(&term.key, term.operator, values, None).ok()?))
    });
    read.collect()
}

/// Requirements on one key, and the template's label of that key, that no value satisfies.
fn contradictions(case: &Case<'_>, terms: &[(usize, Requirement)], lints: &mut Vec<Lint>) -> bool {
    let template = case.manifest.spec.template.labels();
    let mut by_key: BTreeMap<&str, (Requirement, Vec<String>)> = BTreeMap::new();
    for (key, value) in template.iter() {
        let meant = labels::normalize_label(key);
        let label = Requirement::in_values(meant, [value.clone()]);
        by_key.insert(meant, (label, vec![format!("the label {key}={value}")]));
    }
    let before = lints.len();
    for (index, term) in terms {
        let Some((known, said)) = by_key.get_mut(term.key.as_str()) else {
            by_key.insert(&term.key, (term.clone(), vec![term.to_string()]));
            continue;
        };
        let both = known.intersection(term);
        if both.allows_nothing() && !known.allows_nothing() {
            let what = format!("{term} contradicts {}: no value satisfies both", said.join(" and "));
            let right = "keep one of them, or let them overlap";
            lints.push(Lint::new(Severity::Error, "contradiction", format!("{FIELD}[{index}]"), what, right));
        }
        *known = both;
        said.push(term.to_string());
    }
    lints.len() > before
}

/// What one requirement leaves.
enum Left {
    Types(TypeSet),
    Offers(OfferMask),
    Everything,
}

fn left_by(requirement: &Requirement, table: &TypeTable, market: &Market) -> Left {
    let key = requirement.key.as_str();
    if is_offering_label(key) {
        Left::Offers(market.offers_matching(requirement))
    } else if table.has_label(key) || labels::is_well_known(key) {
        Left::Types(table.matching(requirement))
    } else {
        Left::Everything
    }
}

/// How many types are left by all requirements but one.
fn without(skipped: usize, lefts: &[(usize, Left)], table: &TypeTable, market: &Market) -> usize {
    let mut types = table.all();
    let mut offers = market.all_offers();
    for (_, left) in lefts.iter().filter(|(index, _)| *index != skipped) {
        match left {
            Left::Types(set) => types.intersect_with(set),
            Left::Offers(mask) => offers &= mask,
            Left::Everything => {}
        }
    }
    types.ones().filter(|index| table.offer_masks[*index] & offers != 0).count()
}

/// No key contradicts itself, but together the requirements leave no type: the one to blame is the one without which
/// most would be left.
fn nothing_left(case: &Case<'_>, reach: &Reach<'_>, terms: &[(usize, Requirement)], lints: &mut Vec<Lint>) {
    let (table, market) = (reach.table, &case.snapshot.market);
    let lefts: Vec<(usize, Left)> =
        terms.iter().map(|(index, term)| (*index, left_by(term, table, market))).collect();
    let gains = terms.iter().map(|(index, term)| (without(*index, &lefts, table, market), *index, term));
    let most = gains.max_by_key(|(gain, index, _)| (*gain, std::cmp::Reverse(*index)));
    let (field, what, right) = match most {
        Some((gain, index, term)) if gain > 0 => (
            format!("{FIELD}[{index}]"),
            format!("no instance type satisfies its requirements; without {term} {gain} would"),
            format!("widen {}", term.key),
        ),
        _ => (
            FIELD.to_owned(),
            "no instance type satisfies its requirements, whichever of them is left out".to_owned(),
            "start from few requirements and add the others one by one".to_owned(),
        ),
    };
    lints.push(Lint::new(Severity::Error, "no-types", field, what, right));
}

fn min_values(case: &Case<'_>, reach: &Reach<'_>, lints: &mut Vec<Lint>) {
    let ground = Ground { market: &case.snapshot.market, pools: &case.snapshot.pools, variants: &[] };
    for one in &case.pool.min_values {
        let alone = std::slice::from_ref(one);
        if let Err((key, values)) = check_min_values(reach.table, ground, alone, &reach.types, reach.offers) {
            let mut places = case.manifest.spec.template.spec.requirements.iter();
            let place = places.position(|term| term.key == *key && term.min_values.is_some());
            let field = place.map_or(FIELD.to_owned(), |index| format!("{FIELD}[{index}].minValues"));
            let what = format!("minValues asks for {} values of {key}, and its types have {values}", one.1);
            let right = "lower minValues or widen the requirements: until then nothing is launched";
            lints.push(Lint::new(Severity::Error, "min-values", field, what, right));
        }
    }
}
