//! What all labels may be together: one requirement a key, and the two questions asked of a pair of sets
//! (reference section 2.5).

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1::NodeSelectorRequirement;

use crate::labels::{closest, closest_well_known};
use crate::requirement::{Operator, Requirement, RequirementError};

/// Requirements by key, at most one a key: adding a second one intersects.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirements(BTreeMap<String, Requirement>);

/// Why two sets of requirements cannot both hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementConflict {
    /// A label is required that the other side neither defines nor may leave undefined.
    #[error(
        "label {key:?} has no known values{}",
        .hint.as_ref().map(|hint| format!(" (did you mean {hint:?}?)")).unwrap_or_default()
    )]
    Undefined {
        /// The label's key.
        key: String,
        /// The key that was probably meant.
        hint: Option<String>,
    },
    /// Both sides define the label, but no value is allowed by both.
    #[error("{incoming} has no value in common with {existing}")]
    NoOverlap {
        /// What was asked for.
        incoming: Box<Requirement>,
        /// What it was asked of.
        existing: Box<Requirement>,
    },
}

impl RequirementConflict {
    /// The key of the label in conflict.
    pub fn key(&self) -> &str {
        match self {
            Self::Undefined { key, .. } => key,
            Self::NoOverlap { incoming, .. } => &incoming.key,
        }
    }
}

impl Requirements {
    /// No requirements: everything is allowed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Each label must have exactly its value. Aliases of keys are resolved.
    pub fn from_labels(labels: &BTreeMap<String, String>) -> Self {
        labels.iter().map(|(key, value)| Requirement::in_values(key.clone(), [value.clone()])).collect()
    }

    /// As [`from_labels`](Self::from_labels): a pod's `nodeSelector`.
    pub fn from_node_selector(node_selector: &BTreeMap<String, String>) -> Self {
        Self::from_labels(node_selector)
    }

    /// The expressions of one node selector term, all of which must hold.
    pub fn from_node_selector_terms(terms: &[NodeSelectorRequirement]) -> Result<Self, RequirementError> {
        let mut requirements = Self::new();
        for term in terms {
            let operator: Operator = term
                .operator
                .parse()
                .map_err(|error| RequirementError::UnknownOperator { key: term.key.clone(), error })?;
            let values = term.values.iter().flatten().cloned();
            requirements.add(Requirement::new(term.key.clone(), operator, values, None)?);
        }
        Ok(requirements)
    }

    /// Adds a requirement, intersecting it with the one its key already has.
    pub fn add(&mut self, requirement: Requirement) {
        match self.0.get_mut(&requirement.key) {
            Some(existing) => *existing = requirement.intersection(existing),
            None => {
                self.0.insert(requirement.key.clone(), requirement);
            }
        }
    }

    /// The requirement on a key.
    pub fn get(&self, key: &str) -> Option<&Requirement> {
        self.0.get(key)
    }

    /// Whether a key has a requirement.
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Takes the requirement on a key out.
    pub fn remove(&mut self, key: &str) -> Option<Requirement> {
        self.0.remove(key)
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The requirements, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.0.values()
    }

    /// How many keys have a requirement.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no requirements.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any requirement has minValues.
    pub fn has_min_values(&self) -> bool {
        self.iter().any(|requirement| requirement.min_values.is_some())
    }

    /// The labels these requirements leave only one value.
    pub fn single_values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter()
            .filter(|requirement| !requirement.complement() && requirement.values().len() == 1)
            .filter_map(|requirement| {
                requirement.values().first().map(|value| (requirement.key.as_str(), value.as_str()))
            })
    }

    /// Whether a node with exactly these labels satisfies every requirement.
    pub fn has_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        self.iter().all(|requirement| match labels.get(&requirement.key) {
            Some(value) => requirement.has(value),
            None => requirement.allows_absent(),
        })
    }

    /// Whether every key that both sets name has a value both allow; a key that may be absent on both sides need not.
    /// The first conflict by key is the error.
    pub fn intersects(&self, other: &Requirements) -> Result<(), RequirementConflict> {
        self.disjoint(other).next().map_or(Ok(()), Err)
    }

    /// Whether a node of these requirements can meet the `incoming` ones: every incoming key must be defined here, unless
    /// it may be absent or `allow_undefined` says that it need not be defined (well-known labels, for new nodes only), and
    /// the sets must [intersect](Self::intersects). The first conflict is the error, undefined keys first.
    pub fn compatible(
        &self,
        incoming: &Requirements,
        allow_undefined: &dyn Fn(&str) -> bool,
    ) -> Result<(), RequirementConflict> {
        let conflict = self
            .undefined(incoming, allow_undefined)
            .next()
            .map(|requirement| self.undefined_conflict(requirement, allow_undefined))
            .or_else(|| self.disjoint(incoming).next());
        conflict.map_or(Ok(()), Err)
    }

    /// As [`compatible`](Self::compatible), without saying why not.
    pub fn is_compatible(&self, incoming: &Requirements, allow_undefined: &dyn Fn(&str) -> bool) -> bool {
        self.undefined(incoming, allow_undefined).next().is_none()
            && self.disjoint_pairs(incoming).next().is_none()
    }

    /// Every conflict that keeps the sets from being [compatible](Self::compatible).
    pub fn conflicts(
        &self,
        incoming: &Requirements,
        allow_undefined: &dyn Fn(&str) -> bool,
    ) -> Vec<RequirementConflict> {
        self.undefined(incoming, allow_undefined)
            .map(|requirement| self.undefined_conflict(requirement, allow_undefined))
            .chain(self.disjoint(incoming))
            .collect()
    }

    fn undefined<'a>(
        &'a self,
        incoming: &'a Requirements,
        allow_undefined: &'a dyn Fn(&str) -> bool,
    ) -> impl Iterator<Item = &'a Requirement> {
        incoming.iter().filter(|requirement| {
            !self.contains(&requirement.key)
                && !requirement.allows_absent()
                && !allow_undefined(&requirement.key)
        })
    }

    fn undefined_conflict(
        &self,
        requirement: &Requirement,
        allow_undefined: &dyn Fn(&str) -> bool,
    ) -> RequirementConflict {
        let key = requirement.key.as_str();
        let hint = closest_well_known(key)
            .filter(|hint| self.contains(hint) || allow_undefined(hint))
            .or_else(|| closest(key, self.keys()))
            .map(str::to_owned);
        RequirementConflict::Undefined { key: key.to_owned(), hint }
    }

    fn disjoint<'a>(&'a self, other: &'a Requirements) -> impl Iterator<Item = RequirementConflict> {
        self.disjoint_pairs(other).map(|(existing, incoming)| RequirementConflict::NoOverlap {
            incoming: Box::new(incoming.clone()),
            existing: Box::new(existing.clone()),
        })
    }

    fn disjoint_pairs<'a>(
        &'a self,
        other: &'a Requirements,
    ) -> impl Iterator<Item = (&'a Requirement, &'a Requirement)> {
        other.iter().filter_map(|incoming| {
            let existing = self.get(&incoming.key)?;
            let overlaps =
                existing.intersects(incoming) || (existing.allows_absent() && incoming.allows_absent());
            (!overlaps).then_some((existing, incoming))
        })
    }
}

impl Extend<Requirement> for Requirements {
    fn extend<I: IntoIterator<Item = Requirement>>(&mut self, requirements: I) {
        for requirement in requirements {
            self.add(requirement);
        }
    }
}

impl FromIterator<Requirement> for Requirements {
    fn from_iter<I: IntoIterator<Item = Requirement>>(requirements: I) -> Self {
        let mut all = Self::new();
        all.extend(requirements);
        all
    }
}

impl IntoIterator for Requirements {
    type Item = Requirement;
    type IntoIter = std::collections::btree_map::IntoValues<String, Requirement>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_values()
    }
}

/// The requirements by key, separated by commas.
impl fmt::Display for Requirements {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, requirement) in self.iter().enumerate() {
            if position > 0 {
                out.write_str(", ")?;
            }
            write!(out, "{requirement}")?;
        }
        Ok(())
    }
}
