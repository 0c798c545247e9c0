//! Hard topology spreads, as far as the end result shows them.
//!
//! Skew is judged when a pod arrives, and others may come later. What can be said in the end: the last pod that states
//! a spread and is selected by it found at least its fellows and the older pods in its domain, and no emptier domain
//! than there is now (reference row T5).

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_api::taint;

use super::Violation;
use super::neighbours::{Matcher, MatcherId};
use super::places::{Places, Site};
use super::suitability::satisfies;
use crate::class::Spread;
use crate::market::is_offering_label;
use crate::pools::Variant;
use crate::rooms::Room;

/// A spread, told apart as the scheduler tells it apart (reference row T1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Constraint {
    key: String,
    matcher: MatcherId,
    max_skew: i64,
    min_domains: Option<i64>,
    honor_affinity: bool,
    honor_taints: bool,
    /// The rules about nodes of those who state it.
    rules: u32,
}

/// Pods that a constraint selects, by domain.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// There before.
    old: i64,
    /// New ones that state the constraint themselves.
    owners: i64,
    /// All of them, and those that may turn out to be here.
    most: i64,
}

/// Checks every hard spread whose owners it selects.
pub fn check(places: &Places<'_>, matcher: &Matcher<'_>, violations: &mut Vec<Violation>) {
    let snapshot = places.snapshot;
    let mut owners: BTreeMap<Constraint, BTreeSet<u32>> = BTreeMap::new();
    let placed: BTreeSet<u32> = places
        .all
        .iter()
        .flat_map(|place| place.census.iter().filter(|(_, present)| present.new > 0).map(|(class, _)| *class))
        .collect();
    for class in placed {
        let row = &snapshot.classes[class as usize];
        for spread in row.spreads.iter().filter(|spread| spread.hard) {
            let constraint = constraint(matcher, spread, row.rules);
            owners.entry(constraint).or_default().insert(class);
        }
    }
    for (constraint, classes) in owners {
        check_constraint(places, matcher, &constraint, &classes, violations);
    }
}

fn constraint(matcher: &Matcher<'_>, spread: &Spread, rules: u32) -> Constraint {
    Constraint {
        key: spread.key.clone(),
        matcher: matcher.of_namespace(&spread.namespace, spread.selector.as_ref()),
        max_skew: spread.max_skew,
        min_domains: spread.min_domains,
        honor_affinity: spread.honor_affinity,
        honor_taints: spread.honor_taints,
        rules,
    }
}

fn check_constraint(
    places: &Places<'_>,
    matcher: &Matcher<'_>,
    constraint: &Constraint,
    classes: &BTreeSet<u32>,
    violations: &mut Vec<Violation>,
) {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let by_host = constraint.key == labels::HOSTNAME;
    for (index, place) in places.all.iter().enumerate().filter(|(_, place)| !place.census.is_empty()) {
        let owner = place.census.iter().find(|(class, present)| classes.contains(class) && present.new > 0);
        let selected = place.census.iter().any(|(class, _)| matcher.selects(constraint.matcher, *class));
        if owner.is_none() && !selected {
            continue;
        }
        let domains = places.domains(index, &constraint.key);
        if let Some((owner, _)) = owner
            && domains.len() != 1
        {
            violations.push(Violation::Unpinned {
                place: place.name.clone(),
                owner: places.sample(*owner),
                key: constraint.key.clone(),
                domains: domains.len(),
            });
            continue;
        }
        if let Site::Room(room) = place.site
            && !is_counted(places, constraint, room)
        {
            continue;
        }
        for domain in &domains {
            let entry = counts.entry(domain.clone()).or_default();
            for (class, present) in &place.census {
                if !matcher.selects(constraint.matcher, *class) {
                    continue;
                }
                entry.most += present.total();
                if domains.len() == 1 {
                    entry.old += present.old;
                    entry.owners += if classes.contains(class) { present.new } else { 0 };
                }
            }
        }
    }
    let universe = if by_host { BTreeSet::new() } else { universe(places, constraint) };
    let few = constraint.min_domains.is_some_and(|least| (universe.len() as i64) < least);
    let emptiest = universe.iter().map(|domain| counts.get(domain).map_or(0, |counts| counts.most)).min();
    let least = if by_host || few { 0 } else { emptiest.unwrap_or(0) };
    for (domain, counted) in &counts {
        let count = counted.old + counted.owners;
        if counted.owners > 0 && count - least > constraint.max_skew {
            let owner = classes.iter().next().map_or_else(String::new, |class| places.sample(*class));
            violations.push(Violation::Skewed {
                domain: format!("{} {domain}", constraint.key),
                owner,
                count,
                least,
                max_skew: constraint.max_skew,
            });
        }
    }
}

/// Whether a node and its pods count, as far as node affinity and taints are honoured (reference row T2).
fn is_counted(places: &Places<'_>, constraint: &Constraint, room: &Room) -> bool {
    let rules = &places.snapshot.rules[constraint.rules as usize];
    let label = |key: &str| room.labels.get(key).map(String::as_str);
    let satisfied = |terms: &Requirements| {
        terms.iter().all(|requirement| satisfies(requirement, label(&requirement.key)))
    };
    let admitted = !constraint.honor_affinity || rules.without_volumes.iter().any(satisfied);
    let tolerated = !constraint.honor_taints
        || taint::first_untolerated(&room.taints, &rules.tolerations, false).is_none();
    admitted && tolerated
}

/// The domains that count: those of nodes the owners might be on (reference rows T1, T2).
fn universe(places: &Places<'_>, constraint: &Constraint) -> BTreeSet<String> {
    let snapshot = places.snapshot;
    let rules = &snapshot.rules[constraint.rules as usize];
    let mut domains = BTreeSet::new();
    for place in &places.all {
        let Site::Room(room) = place.site else { continue };
        let Some(domain) = room.labels.get(&constraint.key) else { continue };
        if !room.leaving && is_counted(places, constraint, room) {
            domains.insert(domain.clone());
        }
    }
    for variant in &places.outcome.variants {
        let pool = &snapshot.pools[variant.pool as usize];
        if constraint.honor_taints
            && taint::first_untolerated(&pool.taints, &rules.tolerations, false).is_some()
        {
            continue;
        }
        let everything = Requirements::new();
        let terms: Vec<&Requirements> = if constraint.honor_affinity {
            rules.without_volumes.iter().collect()
        } else {
            vec![&everything]
        };
        for term in terms {
            new_domains(places, variant, term, &constraint.key, &mut domains);
        }
    }
    domains
}

/// Domains of the nodes that one NodePool could make for a list of requirements.
fn new_domains(
    places: &Places<'_>,
    variant: &Variant,
    terms: &Requirements,
    key: &str,
    domains: &mut BTreeSet<String>,
) {
    let snapshot = places.snapshot;
    let pool = &snapshot.pools[variant.pool as usize];
    let Some(table) = pool.table.as_deref() else { return };
    let offers: Vec<usize> = (0..snapshot.market.keys.len())
        .filter(|offer| {
            let label = |key: &str| snapshot.market.keys[*offer].label(key);
            let of_offers = pool.requirements.iter().chain(terms.iter());
            of_offers
                .filter(|requirement| is_offering_label(&requirement.key))
                .all(|requirement| satisfies(requirement, label(&requirement.key)))
        })
        .collect();
    // A label the NodePool leaves open: any value will do as far as the NodePool is concerned.
    let is_open = |requirement: &Requirement| {
        let key = requirement.key.as_str();
        pool.is_placed(key)
            || requirement.complement() && !table.has_label(key) && !labels::is_well_known(key)
    };
    for index in 0..table.len() {
        let label = |key: &str| {
            let own = variant.labels.get(key).map(String::as_str);
            own.or_else(|| table.label(index, key))
        };
        let holds = |requirement: &&Requirement| satisfies(requirement, label(&requirement.key));
        let of_type = |requirement: &&Requirement| !is_offering_label(&requirement.key);
        let admitted = terms.iter().filter(of_type).all(|requirement| holds(&requirement))
            && pool
                .requirements
                .iter()
                .filter(of_type)
                .all(|requirement| holds(&requirement) || is_open(requirement));
        if !admitted {
            continue;
        }
        for offer in offers.iter().filter(|offer| table.offer_masks[index] >> **offer & 1 == 1) {
            let domain = snapshot.market.keys[*offer].label(key).or_else(|| label(key));
            domains.extend(domain.map(str::to_owned));
        }
    }
}
