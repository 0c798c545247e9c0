//! Requirements that contradict each other, or leave nothing to launch.

use std::collections::BTreeMap;

use supercargo_api::requirement::Requirement;
use supercargo_api::{RequirementTerm, labels};

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

/// A requirement, with its place among them and as it is written.
struct Term<'a> {
    index: usize,
    written: &'a RequirementTerm,
    requirement: Requirement,
}

/// The requirements. What cannot be read is a problem of the NodePool already.
fn terms<'a>(case: &Case<'a>) -> Vec<Term<'a>> {
    let terms = case.manifest.spec.template.spec.requirements.iter().enumerate();
    let read = terms.filter_map(|(index, written)| {
        Some(Term { index, written, requirement: written.requirement().ok()? })
    });
    read.collect()
}

/// Requirements on one key, and the template's label of that key, that no value satisfies.
fn contradictions(case: &Case<'_>, terms: &[Term<'_>], lints: &mut Vec<Lint>) -> bool {
    let template = case.manifest.spec.template.labels();
    let mut by_key: BTreeMap<&str, (Requirement, Vec<String>)> = BTreeMap::new();
    for (key, value) in template.iter() {
        let meant = labels::normalize_label(key);
        let label = Requirement::in_values(meant, [value.clone()]);
        by_key.insert(meant, (label, vec![format!("the label {key}={value}")]));
    }
    let before = lints.len();
    for Term { index, written, requirement } in terms {
        let Some((known, said)) = by_key.get_mut(requirement.key.as_str()) else {
            by_key.insert(&requirement.key, (requirement.clone(), vec![written.to_string()]));
            continue;
        };
        let both = known.intersection(requirement);
        if both.allows_nothing() && !known.allows_nothing() {
            let what = format!("{written} contradicts {}: no value satisfies both", said.join(" and "));
            let right = "keep one of them, or let them overlap";
            lints.push(Lint::new(Severity::Error, "contradiction", format!("{FIELD}[{index}]"), what, right));
        }
        *known = both;
        said.push(written.to_string());
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
    } else if table.has_label(key) || (labels::is_well_known(key) && !labels::is_of_placement(key)) {
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
fn nothing_left(case: &Case<'_>, reach: &Reach<'_>, terms: &[Term<'_>], lints: &mut Vec<Lint>) {
    let (table, market) = (reach.table, &case.snapshot.market);
    let lefts: Vec<(usize, Left)> =
        terms.iter().map(|term| (term.index, left_by(&term.requirement, table, market))).collect();
    let gains = terms.iter().map(|term| (without(term.index, &lefts, table, market), term));
    let most = gains.max_by_key(|(gain, term)| (*gain, std::cmp::Reverse(term.index)));
    let (field, what, right) = match most {
        Some((gain, Term { index, written, .. })) if gain > 0 => (
            format!("{FIELD}[{index}]"),
            format!("no instance type satisfies its requirements; without {written} {gain} would"),
            format!("widen {}", written.key),
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
            let field = place.map_or_else(|| FIELD.to_owned(), |index| format!("{FIELD}[{index}].minValues"));
            let what = format!("minValues asks for {} values of {key}, and its types have {values}", one.1);
            let right = "lower minValues or widen the requirements: until then nothing is launched";
            lints.push(Lint::new(Severity::Error, "min-values", field, what, right));
        }
    }
}
