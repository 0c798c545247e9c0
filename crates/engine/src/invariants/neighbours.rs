//! Pods that must not, or must, be near each other: required (anti-)affinity over every topology key.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use rustc_hash::FxHashMap;
use supercargo_api::selector::{Selector, WhenAbsent};

use super::Violation;
use super::places::{Census, Places};
use crate::class::PodTerm;
use crate::snapshot::Snapshot;

/// Answers whether a term selects a class, each question worked out once.
pub struct Matcher<'s> {
    snapshot: &'s Snapshot,
    known: RefCell<Vec<Known>>,
}

struct Known {
    raw: Option<LabelSelector>,
    namespaces: Option<BTreeSet<String>>,
    selector: Selector,
    answers: FxHashMap<u32, bool>,
}

/// A selector together with the namespaces it looks into.
pub type MatcherId = usize;

impl<'s> Matcher<'s> {
    /// Nothing asked yet.
    pub fn new(snapshot: &'s Snapshot) -> Matcher<'s> {
        Matcher { snapshot, known: RefCell::new(Vec::new()) }
    }

    /// The selector of an affinity term (reference row T9).
    pub fn of_term(&self, term: &PodTerm) -> MatcherId {
        let namespaces = match &term.namespace_selector {
            None => Some(term.namespaces.iter().cloned().collect()),
            Some(selector) if *selector == LabelSelector::default() => None,
            Some(selector) => {
                let mut names: BTreeSet<String> = term.namespaces.iter().cloned().collect();
                if let Ok(selector) = Selector::compile(selector) {
                    let all = self.snapshot.namespaces.iter();
                    names.extend(
                        all.filter(|(_, labels)| selector.matches(labels)).map(|(name, _)| name.clone()),
                    );
                }
                Some(names)
            }
        };
        self.intern(namespaces, term.selector.as_ref())
    }

    /// A selector within one namespace.
    pub fn of_namespace(&self, namespace: &str, selector: Option<&LabelSelector>) -> MatcherId {
        self.intern(Some(BTreeSet::from([namespace.to_owned()])), selector)
    }

    fn intern(&self, namespaces: Option<BTreeSet<String>>, raw: Option<&LabelSelector>) -> MatcherId {
        let mut known = self.known.borrow_mut();
        let same = |one: &Known| one.raw.as_ref() == raw && one.namespaces == namespaces;
        if let Some(found) = known.iter().position(same) {
            return found;
        }
        let selector = Selector::compile_optional(raw, WhenAbsent::SelectNothing)
            .unwrap_or_else(|_| Selector::nothing());
        known.push(Known { raw: raw.cloned(), namespaces, selector, answers: FxHashMap::default() });
        known.len() - 1
    }

    /// Whether it selects pods of the class.
    pub fn selects(&self, matcher: MatcherId, class: u32) -> bool {
        let known = &mut self.known.borrow_mut()[matcher];
        if let Some(answer) = known.answers.get(&class) {
            return *answer;
        }
        let row = &self.snapshot.classes[class as usize];
        let in_namespace = known.namespaces.as_ref().is_none_or(|names| names.contains(&row.namespace));
        let answer = in_namespace && known.selector.matches(&row.labels);
        known.answers.insert(class, answer);
        answer
    }
}

/// A required term as its owner states it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stated {
    key: String,
    matcher: MatcherId,
}

/// Who is in which domain of a key; a place that may be in several is in each of them.
fn census_by_domain(places: &Places<'_>, key: &str) -> BTreeMap<String, Census> {
    let mut domains: BTreeMap<String, Census> = BTreeMap::new();
    for (index, place) in places.all.iter().enumerate().filter(|(_, place)| !place.census.is_empty()) {
        for domain in places.domains(index, key) {
            let census = domains.entry(domain).or_default();
            for (class, present) in &place.census {
                let sum = census.entry(*class).or_default();
                sum.new += present.new;
                sum.old += present.old;
            }
        }
    }
    domains
}

/// Checks required anti-affinity both ways, and required affinity.
pub fn check(places: &Places<'_>, matcher: &Matcher<'_>, violations: &mut Vec<Violation>) {
    let snapshot = places.snapshot;
    let stated = |terms: &[PodTerm]| -> Vec<Stated> {
        terms.iter().map(|term| Stated { key: term.key.clone(), matcher: matcher.of_term(term) }).collect()
    };
    let anti: Vec<Vec<Stated>> = snapshot.classes.iter().map(|class| stated(&class.anti_affinity)).collect();
    let near: Vec<Vec<Stated>> = snapshot.classes.iter().map(|class| stated(&class.affinity)).collect();
    let keys: BTreeSet<&str> = anti.iter().chain(&near).flatten().map(|stated| stated.key.as_str()).collect();
    for key in keys {
        let domains = census_by_domain(places, key);
        for (domain, census) in &domains {
            if census.values().any(|present| present.new > 0) {
                check_apart(places, matcher, &anti, key, domain, census, violations);
            }
        }
        check_near(places, matcher, &near, key, &domains, violations);
    }
}

/// No pod shuns another one in its domain, if one of the two is new (reference row T7).
fn check_apart(
    places: &Places<'_>,
    matcher: &Matcher<'_>,
    anti: &[Vec<Stated>],
    key: &str,
    domain: &str,
    census: &Census,
    violations: &mut Vec<Violation>,
) {
    for (owner, own) in census {
        for stated in anti[*owner as usize].iter().filter(|stated| stated.key == key) {
            let offended = census.iter().find(|(other, present)| {
                if !matcher.selects(stated.matcher, **other) {
                    return false;
                }
                if *other == owner {
                    return own.total() > 1 && own.new > 0;
                }
                own.new > 0 || present.new > 0
            });
            if let Some((other, _)) = offended {
                violations.push(Violation::Together {
                    domain: format!("{key} {domain}"),
                    owner: places.sample(*owner),
                    other: places.sample(*other),
                });
            }
        }
    }
}

/// Every new pod with required affinity has one of those it must be near in its domain; only where there was none
/// anywhere may one domain be opened by pods that select themselves (reference row T6).
fn check_near(
    places: &Places<'_>,
    matcher: &Matcher<'_>,
    near: &[Vec<Stated>],
    key: &str,
    domains: &BTreeMap<String, Census>,
    violations: &mut Vec<Violation>,
) {
    let terms: BTreeSet<&Stated> = near.iter().flatten().filter(|stated| stated.key == key).collect();
    for term in terms {
        let owns = |class: u32| near[class as usize].contains(term);
        let selects = |class: u32| matcher.selects(term.matcher, class);
        let populated = domains.values().flatten().any(|(class, present)| selects(*class) && present.old > 0);
        let mut opened = 0;
        for (domain, census) in domains {
            let Some((owner, _)) = census.iter().find(|(class, present)| owns(**class) && present.new > 0)
            else {
                continue;
            };
            // Somebody selected who was there before, or who came without minding the term.
            let supported = census.iter().any(|(class, present)| {
                selects(*class) && (present.old > 0 || (present.new > 0 && !owns(*class)))
            });
            if supported {
                continue;
            }
            let opens =
                census.iter().any(|(class, present)| owns(*class) && present.new > 0 && selects(*class));
            if opens && !populated && opened == 0 {
                opened += 1;
                continue;
            }
            violations
                .push(Violation::Lonely { domain: format!("{key} {domain}"), owner: places.sample(*owner) });
        }
    }
}
