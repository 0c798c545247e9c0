//! Label, annotation, taint and finalizer keys (reference sections 1.6 and 1.7) and the rules about labels.
//!
//! - [`keys`]: every key by name, re-exported here
//! - rules: aliases, well-known and restricted keys (reference rows N2, N4)
//! - syntax: what Kubernetes accepts as a label key or value
//! - hints: the well-known key a mistyped one was meant to be

mod hints;
pub mod keys;
mod rules;
mod syntax;

pub use hints::{closest, closest_well_known};
pub use keys::*;
pub use rules::{
    LABEL_ALIASES, LabelRestriction, WELL_KNOWN_LABELS, domain, is_of_placement,
    is_restricted_for_node_claim, is_restricted_label, is_well_known, known_values, normalize_label,
};
pub(crate) use syntax::excerpt;
pub use syntax::{
    LABEL_VALUE_PATTERN, LabelSyntaxError, MAX_KEY_LENGTH, MAX_NAME_LENGTH, MAX_PREFIX_LENGTH,
    MAX_VALUE_LENGTH, QUALIFIED_NAME_PATTERN, check_label_key, check_label_value,
};
