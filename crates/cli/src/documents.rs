//! Documents for programs, in JSON or YAML.

use serde::Serialize;

use crate::exit::Failure;

/// The document as JSON with a line for each field.
pub fn json<T: Serialize>(document: &T) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(document)
        .map_err(|error| Failure::new(format!("the document cannot be written as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// The document as YAML.
pub fn yaml<T: Serialize>(document: &T) -> Result<String, Failure> {
    serde_saphyr::to_string(document)
        .map_err(|error| Failure::new(format!("the document cannot be written as YAML: {error}")))
}
