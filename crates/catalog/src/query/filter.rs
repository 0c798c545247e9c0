//! One condition on instance types or on their offerings.

use std::fmt;

use supercargo_api::labels::{closest_well_known, is_of_placement, is_well_known, keys};
use supercargo_api::requirement::{Requirement, RequirementError};
use supercargo_api::selector::{Selector, SelectorError};
use thiserror::Error;

use super::span::Span;
use crate::{InstanceType, Offering, TypeFacts};

/// A condition and how it is called in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    name: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Label(Requirement),
    Vcpus(Span),
    Memory(Span),
    Gpus(Span),
}

/// Why a condition is not one the catalogue can judge.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FilterError {
    /// The text is no selector.
    #[error("{text:?}: {source}")]
    Selector {
        /// The text, cut to 80 characters.
        text: String,
        /// What is wrong with it.
        source: SelectorError,
    },
    /// The operator and its values do not go together.
    #[error("{text:?}: {source}")]
    Requirement {
        /// The text, cut to 80 characters.
        text: String,
        /// What is wrong with it.
        source: RequirementError,
    },
    /// No instance type has such a label.
    #[error("{text:?}: no instance type has the label {key}; {hint}")]
    UnknownLabel {
        /// The text, cut to 80 characters.
        text: String,
        /// The label.
        key: String,
        /// What was probably meant.
        hint: String,
    },
}

impl Filter {
    /// Nominal memory in bytes.
    pub fn memory(span: Span, name: impl Into<String>) -> Filter {
        Filter { name: name.into(), test: Test::Memory(span) }
    }

    /// Virtual CPUs.
    pub fn vcpus(span: Span, name: impl Into<String>) -> Filter {
        Filter { name: name.into(), test: Test::Vcpus(span) }
    }

    /// Whole GPUs of any maker.
    pub fn gpus(span: Span, name: impl Into<String>) -> Filter {
        Filter { name: name.into(), test: Test::Gpus(span) }
    }

    /// A requirement on a label of the type or of its offerings. Its key must be one that [`is_label`](Filter::is_label)
    /// knows, or the condition holds only if the label may be absent.
    pub fn label(requirement: Requirement) -> Filter {
        Filter { name: requirement.to_string(), test: Test::Label(requirement) }
    }

    /// The conditions of a selector such as `karpenter.k8s.aws/instance-category in (m,c), karpenter.k8s.aws/instance-cpu>4`,
    /// one for each key.
    pub fn selector(text: &str) -> Result<Vec<Filter>, FilterError> {
        let shown = || text.chars().take(80).collect::<String>();
        let selector: Selector =
            text.parse().map_err(|source| FilterError::Selector { text: shown(), source })?;
        let requirements = selector.requirements();
        let requirements = requirements
            .map_err(|source| FilterError::Requirement { text: shown(), source })?
            .unwrap_or_default();
        let mut filters = Vec::new();
        for requirement in requirements.iter() {
            if !Filter::is_label(&requirement.key) {
                return Err(FilterError::UnknownLabel {
                    text: shown(),
                    key: requirement.key.clone(),
                    hint: hint(&requirement.key),
                });
            }
            filters.push(Filter::label(requirement.clone()));
        }
        Ok(filters)
    }

    /// Whether instance types or offerings can have a label of this key.
    pub fn is_label(key: &str) -> bool {
        is_well_known(key) && key != keys::NODEPOOL && !is_of_placement(key)
    }

    /// What the condition is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The requirement behind it, if it is one on a label.
    pub fn requirement(&self) -> Option<&Requirement> {
        match &self.test {
            Test::Label(requirement) => Some(requirement),
            Test::Vcpus(_) | Test::Memory(_) | Test::Gpus(_) => None,
        }
    }

    /// Whether a type passes, offerings aside.
    pub(super) fn passes_type(&self, instance_type: &InstanceType, facts: &TypeFacts) -> bool {
        match &self.test {
            Test::Vcpus(span) => span.contains(i64::from(facts.vcpus)),
            Test::Memory(span) => span.contains(i64::try_from(facts.memory_mib << 20).unwrap_or(i64::MAX)),
            Test::Gpus(span) => span.contains(facts.gpus.iter().map(|gpu| i64::from(gpu.count)).sum()),
            Test::Label(requirement) if is_offering_label(&requirement.key) => true,
            Test::Label(requirement) => {
                holds(requirement, instance_type.labels.get(&requirement.key).map(String::as_str))
            }
        }
    }

    /// Whether an offering passes, its type aside.
    pub(super) fn passes_offering(&self, offering: &Offering) -> bool {
        match &self.test {
            Test::Label(requirement) if is_offering_label(&requirement.key) => {
                holds(requirement, offering_label(offering, &requirement.key))
            }
            _ => true,
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

fn hint(key: &str) -> String {
    closest_well_known(key).map_or_else(
        || "expected a well-known label such as karpenter.k8s.aws/instance-category".to_owned(),
        |near| format!("did you mean {near}?"),
    )
}

fn holds(requirement: &Requirement, value: Option<&str>) -> bool {
    match value {
        Some(value) => requirement.has(value),
        None => requirement.allows_absent(),
    }
}

fn is_offering_label(key: &str) -> bool {
    [
        keys::ZONE,
        keys::ZONE_ID,
        keys::CAPACITY_TYPE,
        keys::INSTANCE_TENANCY,
        keys::CAPACITY_RESERVATION_ID,
        keys::CAPACITY_RESERVATION_TYPE,
        keys::CAPACITY_RESERVATION_INTERRUPTIBLE,
    ]
    .contains(&key)
}

/// The label an offering gives its node (reference row 1.7).
fn offering_label<'o>(offering: &'o Offering, key: &str) -> Option<&'o str> {
    let reservation = offering.reservation.as_ref();
    match key {
        keys::ZONE => Some(&offering.zone),
        keys::ZONE_ID => Some(&offering.zone_id),
        keys::CAPACITY_TYPE => Some(offering.capacity_type.as_str()),
        keys::INSTANCE_TENANCY => Some(offering.tenancy.as_str()),
        keys::CAPACITY_RESERVATION_ID => reservation.map(|reservation| reservation.id.as_str()),
        keys::CAPACITY_RESERVATION_TYPE => reservation.map(|reservation| reservation.kind.as_str()),
        keys::CAPACITY_RESERVATION_INTERRUPTIBLE => {
            reservation.map(|reservation| if reservation.interruptible { "true" } else { "false" })
        }
        _ => None,
    }
}

/// Every value a type or its offerings give the label.
pub(super) fn values<'t>(instance_type: &'t InstanceType, key: &str) -> Vec<&'t str> {
    if is_offering_label(key) {
        return instance_type.offerings.iter().filter_map(|offering| offering_label(offering, key)).collect();
    }
    instance_type.labels.get(key).map(String::as_str).into_iter().collect()
}
