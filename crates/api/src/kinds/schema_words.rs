//! The words the CRD schemas share: patterns, and the schemas of core types that appear inside our kinds.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::labels::{LABEL_VALUE_PATTERN, QUALIFIED_NAME_PATTERN};

/// A Kubernetes quantity as text.
pub(crate) const QUANTITY_PATTERN: &str = concat!(
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))",
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
);
/// The reason of a condition; may be empty on old objects.
pub(crate) const CONDITION_REASON_PATTERN: &str = r"^([A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?)?$";
/// Hours, minutes and seconds in any order.
pub(crate) const DURATION_PATTERN: &str = r"^([0-9]+(s|m|h))+$";
/// The same, or `Never`.
pub(crate) const NILLABLE_DURATION_PATTERN: &str = r"^(([0-9]+(s|m|h))+|Never)$";

/// `x-kubernetes-validations` from pairs of a CEL rule and what would be right.
pub(crate) fn rules<R: AsRef<str>, M: AsRef<str>>(pairs: &[(R, M)]) -> Value {
    pairs
        .iter()
        .map(|(rule, message)| json!({ "rule": rule.as_ref(), "message": message.as_ref() }))
        .collect()
}

/// A quantity: an integer or a text.
pub(crate) fn quantity_schema() -> Value {
    json!({
        "anyOf": [{ "type": "integer" }, { "type": "string" }],
        "pattern": QUANTITY_PATTERN,
        "x-kubernetes-int-or-string": true,
    })
}

/// A point in time.
pub(crate) fn timestamp_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// `([0-9]+(s|m|h))+`.
pub(crate) fn duration_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": DURATION_PATTERN })
}

/// `([0-9]+(s|m|h))+` or `Never`.
pub(crate) fn nillable_duration_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": NILLABLE_DURATION_PATTERN })
}

/// A list of taints (row N5).
pub(crate) fn taints_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "description": "A mark that repels the pods that do not tolerate it.",
            "required": ["effect", "key"],
            "properties": {
                "effect": {
                    "type": "string",
                    "description": "What happens to pods that do not tolerate the taint.",
                    "enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"],
                },
                "key": {
                    "type": "string",
                    "description": "The name of the taint.",
                    "minLength": 1,
                    "maxLength": 316,
                    "pattern": QUALIFIED_NAME_PATTERN,
                },
                "timeAdded": {
                    "type": "string",
                    "description": "When the taint was added.",
                    "format": "date-time",
                },
                "value": {
                    "type": "string",
                    "description": "The value of the taint.",
                    "maxLength": 63,
                    "pattern": LABEL_VALUE_PATTERN,
                },
            },
        },
        "x-kubernetes-list-type": "atomic",
    })
}

/// An object with fields of its own choice.
pub(crate) fn open_object_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}
