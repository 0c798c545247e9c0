//! Names, labels and selectors, as the API server checks them on every object.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::labels::{check_label_key, check_label_value, closest_well_known, excerpt};
use crate::selector::Selector;

use super::path::At;
use super::problem::Problems;

/// The longest name of an object.
const LONGEST_NAME: usize = 253;

/// Checks the metadata of an object.
pub(crate) fn check_metadata(metadata: &ObjectMeta, namespaced: bool, problems: &mut Problems) {
    let at = At::ROOT.key("metadata");
    let name = metadata.name.as_deref().unwrap_or_default();
    let prefix = metadata.generate_name.as_deref().unwrap_or_default();
    if name.is_empty() && prefix.is_empty() {
        problems.error(&at.key("name"), "the field is missing").right("give the object a name");
    } else if !name.is_empty() && !is_dns_subdomain(name) {
        problems
            .error(&at.key("name"), format!("{:?} cannot be a name", excerpt(name)))
            .right("use lower-case letters, digits, '-' and '.', with a letter or digit at both ends");
    }
    match metadata.namespace.as_deref() {
        Some(namespace) if !namespaced && !namespace.is_empty() => {
            problems
                .warning(&at.key("namespace"), "objects of this kind are in no namespace")
                .on_key()
                .right("leave it out");
        }
        Some(namespace) if namespaced && !namespace.is_empty() && !is_dns_label(namespace) => {
            problems
                .error(&at.key("namespace"), format!("{:?} cannot be a namespace", excerpt(namespace)))
                .right("use lower-case letters, digits and '-', with a letter or digit at both ends");
        }
        _ => {}
    }
    if let Some(labels) = &metadata.labels {
        check_labels(&at.key("labels"), labels, problems);
    }
}

/// Checks keys and values of labels, or of a node selector.
pub(crate) fn check_labels(at: &At<'_>, labels: &BTreeMap<String, String>, problems: &mut Problems) {
    for (key, value) in labels {
        let at = at.key(key);
        check_key(&at, key, problems);
        if let Err(error) = check_label_value(value) {
            problems.error(&at, error.to_string());
        }
    }
}

/// Checks the key of a label where it is the name of a field.
pub(crate) fn check_key(at: &At<'_>, key: &str, problems: &mut Problems) {
    if let Err(error) = check_label_key(key) {
        let problem = problems.error(at, error.to_string());
        problem.on_key();
        if let Some(known) = closest_well_known(key) {
            problem.right(format!("did you mean {known}?"));
        }
    }
}

/// Checks a label selector; compiled if it is sensible.
pub(crate) fn check_selector(
    at: &At<'_>,
    selector: &LabelSelector,
    problems: &mut Problems,
) -> Option<Selector> {
    match Selector::compile(selector) {
        Ok(selector) => Some(selector),
        Err(error) => {
            problems.error(at, error.to_string());
            None
        }
    }
}

fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= LONGEST_NAME && name.split('.').all(is_dns_part)
}

fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_dns_part(name)
}

fn is_dns_part(part: &str) -> bool {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().copied().is_some_and(is_end)
        && bytes.last().copied().is_some_and(is_end)
        && bytes.iter().all(|byte| is_end(*byte) || *byte == b'-')
}
