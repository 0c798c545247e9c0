//! How many pods of a kind are on each node, kept as pods come and go.
//!
//! ```text
//! group    pods that a selector matches, for spread constraints and for affinity of the pod that comes
//! carrier  pods that carry a term, for the terms of pods that are there already
//! ```
//!
//! Both are asked by class: all pods of a class are members of the same groups.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_api::selector::Selector;

use super::class::PodClass;
use super::index::Placed;

/// The namespaces a term looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    /// By name.
    pub(super) names: BTreeSet<String>,
    /// By labels of the namespace.
    pub(super) selector: Option<Selector>,
}

/// Labels of namespaces.
pub(super) type NamespaceLabels = BTreeMap<String, BTreeMap<String, String>>;

impl Scope {
    /// One namespace.
    pub(super) fn one(namespace: &str) -> Self {
        Self { names: BTreeSet::from([namespace.to_owned()]), selector: None }
    }

    fn covers(&self, namespace: &str, labels: &NamespaceLabels) -> bool {
        static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();
        self.names.contains(namespace)
            || self
                .selector
                .as_ref()
                .is_some_and(|selector| selector.matches(labels.get(namespace).unwrap_or(&NO_LABELS)))
    }
}

/// Which pods are meant: all pairs must match.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Meant(pub(super) Vec<(Scope, Selector)>);

impl Meant {
    /// Pods of one namespace.
    pub(super) fn in_namespace(namespace: &str, selector: Selector) -> Self {
        Self(vec![(Scope::one(namespace), selector)])
    }

    /// Whether pods of a class are meant.
    pub(super) fn means(&self, class: &PodClass, namespaces: &NamespaceLabels) -> bool {
        self.0.iter().all(|(scope, selector)| {
            scope.covers(&class.namespace, namespaces) && selector.matches(&class.labels)
        })
    }
}

/// Which of the pods that are meant count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    /// Each that is there, as affinity has it.
    All,
    /// Those that are not on their way out, as spread constraints have it.
    Staying,
}

impl Counted {
    /// Whether a pod counts that is on its way out, or not.
    pub(super) fn counts(self, is_leaving: bool) -> bool {
        self == Self::All || !is_leaving
    }
}

/// What a term of a pod that is there does to pods it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pull {
    /// It keeps them out of its domain.
    Refuses,
    /// It draws them into its domain with this weight, or away if it is negative.
    Weighs(i64),
}

/// A term that pods carry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Term {
    /// Whom it means.
    pub(super) meant: Meant,
    /// The label that names the domain.
    pub(super) topology_key: String,
    /// What it does to them.
    pub(super) pull: Pull,
}

/// Counts by node slot.
pub(super) type Counts = BTreeMap<usize, i64>;

/// Pods of which it is counted how many are on each node.
#[derive(Debug)]
struct Group {
    counted: Counted,
    meant: Meant,
    counts: Counts,
}

/// Groups and carriers with their counts.
#[derive(Debug, Default)]
pub(super) struct Groups {
    ids: BTreeMap<(Counted, Meant), usize>,
    groups: Vec<Group>,
    term_ids: BTreeMap<Term, usize>,
    terms: Vec<(Term, Counts)>,
    /// The groups a class belongs to, and the number of groups when that was asked.
    memberships: BTreeMap<u64, (usize, Vec<usize>)>,
    /// The terms that mean a class, and the number of terms when that was asked.
    meanings: BTreeMap<u64, (usize, Vec<usize>)>,
}

impl Groups {
    /// The number of a group; `fill` gives the counts of a new one.
    pub(super) fn group(&mut self, counted: Counted, meant: &Meant, fill: impl FnOnce() -> Counts) -> usize {
        let asked = (counted, meant.clone());
        if let Some(id) = self.ids.get(&asked) {
            return *id;
        }
        let id = self.groups.len();
        self.ids.insert(asked, id);
        self.groups.push(Group { counted, meant: meant.clone(), counts: fill() });
        id
    }

    /// The number of a term that pods carry.
    pub(super) fn term(&mut self, term: &Term) -> usize {
        if let Some(id) = self.term_ids.get(term) {
            return *id;
        }
        let id = self.terms.len();
        self.term_ids.insert(term.clone(), id);
        self.terms.push((term.clone(), Counts::new()));
        id
    }

    /// The counts of a group.
    pub(super) fn counts(&self, group: usize) -> &Counts {
        &self.groups[group].counts
    }

    /// Counts a pod on a node, in (1) or out (-1).
    pub(super) fn count(&mut self, placed: &Placed, slot: usize, sign: i64, namespaces: &NamespaceLabels) {
        for group in self.memberships_of(&placed.class, namespaces) {
            let group = &mut self.groups[group];
            if group.counted.counts(placed.is_leaving) {
                tally(&mut group.counts, slot, sign);
            }
        }
        for term in &placed.class.carried {
            tally(&mut self.terms[*term].1, slot, sign);
        }
    }

    /// The terms of pods that are there which mean pods of a class, with their counts.
    pub(super) fn terms_on(&mut self, class: &PodClass, namespaces: &NamespaceLabels) -> Vec<usize> {
        let (asked, mut known) = self.meanings.remove(&class.id).unwrap_or_default();
        for (id, (term, _)) in self.terms.iter().enumerate().skip(asked) {
            if term.meant.means(class, namespaces) {
                known.push(id);
            }
        }
        self.meanings.insert(class.id, (self.terms.len(), known.clone()));
        known
    }

    /// A term and the pods that carry it.
    pub(super) fn carried(&self, term: usize) -> (&Term, &Counts) {
        let (term, counts) = &self.terms[term];
        (term, counts)
    }

    /// Forgets what is known of a class that is no more.
    pub(super) fn forget(&mut self, class: u64) {
        self.memberships.remove(&class);
        self.meanings.remove(&class);
    }

    /// Counts groups that look at labels of namespaces afresh: those labels changed.
    pub(super) fn namespaces_changed(&mut self, count: impl Fn(Counted, &Meant) -> Counts) {
        self.memberships.clear();
        self.meanings.clear();
        for group in &mut self.groups {
            if group.meant.0.iter().any(|(scope, _)| scope.selector.is_some()) {
                group.counts = count(group.counted, &group.meant);
            }
        }
    }

    fn memberships_of(&mut self, class: &PodClass, namespaces: &NamespaceLabels) -> Vec<usize> {
        let (asked, mut known) = self.memberships.remove(&class.id).unwrap_or_default();
        for (id, group) in self.groups.iter().enumerate().skip(asked) {
            if group.meant.means(class, namespaces) {
                known.push(id);
            }
        }
        self.memberships.insert(class.id, (self.groups.len(), known.clone()));
        known
    }
}

fn tally(counts: &mut Counts, slot: usize, sign: i64) {
    let count = counts.entry(slot).or_default();
    *count += sign;
    if *count <= 0 {
        counts.remove(&slot);
    }
}
