//! One requirement of a NodePool or NodeClaim, and the CEL rules that keep requirements sane (row N4).

use std::fmt;

use k8s_openapi::api::core::v1::NodeSelectorRequirement;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::labels::{LABEL_VALUE_PATTERN, QUALIFIED_NAME_PATTERN};
use crate::requirement::{Operator, Requirement, RequirementError};

use super::key_rules::{KeyUse, key_rules};
use super::schema_words::rules;

/// Which values a label of a node may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequirementTerm {
    /// The label that is constrained.
    pub key: String,
    /// How many different values must stay possible, 1 to 50; alpha.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_values: Option<i32>,
    /// How the label relates to the values.
    pub operator: Operator,
    /// What the label is compared with: at least one value for In, exactly one integer for Gt, Lt, Gte and Lte,
    /// none for Exists and DoesNotExist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

impl RequirementTerm {
    /// A requirement without `minValues`.
    pub fn new(
        key: impl Into<String>,
        operator: Operator,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        Self { key: key.into(), min_values: None, operator, values: (!values.is_empty()).then_some(values) }
    }

    /// What it says about the label; an error if it says nothing sensible (row N4).
    pub fn requirement(&self) -> Result<Requirement, RequirementError> {
        let min_values = self.min_values.and_then(|count| u32::try_from(count).ok());
        Requirement::new(self.key.as_str(), self.operator, self.values().iter().cloned(), min_values)
    }

    /// The values, none when absent.
    pub fn values(&self) -> &[String] {
        self.values.as_deref().unwrap_or_default()
    }
}

/// The requirement on one line, as it is written: `karpenter.k8s.aws/instance-cpu Gt 4`. Of long lists of values the
/// first few are shown.
impl fmt::Display for RequirementTerm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        write!(out, "{} {}", self.key, self.operator)?;
        let values = self.values();
        match (self.operator, values) {
            (Operator::In | Operator::NotIn, _) if values.len() > SHOWN => {
                let more = values.len() - SHOWN;
                write!(out, " [{} and {more} more]", values[..SHOWN].join(", "))
            }
            (Operator::In | Operator::NotIn, _) => write!(out, " [{}]", values.join(", ")),
            (_, []) => Ok(()),
            (_, values) => write!(out, " {}", values.join(", ")),
        }
    }
}

impl From<&RequirementTerm> for NodeSelectorRequirement {
    /// The same requirement without `minValues`, which the core type does not know.
    fn from(term: &RequirementTerm) -> Self {
        Self { key: term.key.clone(), operator: term.operator.to_string(), values: term.values.clone() }
    }
}

/// The rules on a whole list of requirements with `minValues` (row N4).
pub(crate) fn requirement_list_rules() -> Value {
    rules(&[
        (
            "self.all(x, x.operator == 'In' ? has(x.values) && x.values.size() != 0 : true)",
            "operator In needs at least one value",
        ),
        BOUND_RULE,
        (
            "self.all(x, x.operator == 'In' && has(x.minValues) ? has(x.values) && x.values.size() >= x.minValues : true)",
            "operator In with minValues needs at least that many values",
        ),
    ])
}

/// The rules on the requirements of an overlay, which know no `minValues` (reference section 1.3).
pub(crate) fn overlay_requirement_list_rules() -> Value {
    rules(&[
        (
            "self.all(x, x.operator in ['In', 'NotIn'] ? has(x.values) && x.values.size() != 0 : true)",
            "operators In and NotIn need at least one value",
        ),
        BOUND_RULE,
    ])
}

const BOUND_RULE: (&str, &str) = (
    "self.all(x, x.operator in ['Gt', 'Lt', 'Gte', 'Lte'] \
     ? has(x.values) && x.values.size() == 1 && x.values[0].matches('^[0-9]{1,18}$') : true)",
    "operators Gt, Lt, Gte and Lte need exactly one value, an integer that is not negative",
);

/// The requirements of a NodePool's template.
pub(crate) fn node_pool_requirements_schema(_: &mut SchemaGenerator) -> Schema {
    requirements_schema(KeyUse::NodePoolRequirement)
}

/// The requirements of a NodeClaim.
pub(crate) fn node_claim_requirements_schema(_: &mut SchemaGenerator) -> Schema {
    requirements_schema(KeyUse::NodeClaimRequirement)
}

/// The requirements of a NodeOverlay.
pub(crate) fn overlay_requirements_schema(_: &mut SchemaGenerator) -> Schema {
    requirements_schema(KeyUse::OverlayRequirement)
}

fn requirements_schema(key_use: KeyUse) -> Schema {
    let mut properties = json!({
        "key": {
            "type": "string",
            "description": "The label that is constrained.",
            "maxLength": 316,
            "pattern": QUALIFIED_NAME_PATTERN,
            "x-kubernetes-validations": key_rules(key_use),
        },
        "operator": {
            "type": "string",
            "description": "How the label relates to the values.",
            "enum": Operator::ALL.map(Operator::as_str),
        },
        "values": {
            "type": "array",
            "description": "What the label is compared with: at least one value for In, exactly one integer for \
                            Gt, Lt, Gte and Lte, none for Exists and DoesNotExist.",
            "items": { "type": "string", "maxLength": 63, "pattern": LABEL_VALUE_PATTERN },
            "x-kubernetes-list-type": "atomic",
        },
    });
    let mut list_rules = overlay_requirement_list_rules();
    if key_use != KeyUse::OverlayRequirement {
        properties["minValues"] = json!({
            "type": "integer",
            "description": "How many different values must stay possible; alpha.",
            "minimum": 1,
            "maximum": 50,
        });
        list_rules = requirement_list_rules();
    }
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "description": "Which values a label of a node may have.",
            "required": ["key", "operator"],
            "properties": properties,
        },
        "maxItems": 100,
        "x-kubernetes-list-type": "atomic",
        "x-kubernetes-validations": list_rules,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Operator::In, &["a", "b"], "team In [a, b]")]
    #[case(Operator::NotIn, &["1", "2", "3", "4", "5", "6", "7", "8"], "team NotIn [1, 2, 3, 4, 5, 6 and 2 more]")]
    #[case(Operator::Gt, &["4"], "team Gt 4")]
    #[case(Operator::Exists, &[], "team Exists")]
    fn a_requirement_is_shown_as_it_is_written(
        #[case] operator: Operator,
        #[case] values: &[&str],
        #[case] expected: &str,
    ) {
        assert_eq!(RequirementTerm::new("team", operator, values.iter().copied()).to_string(), expected);
    }
}
