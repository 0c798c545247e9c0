//! Labels and fields together, compiled for one resource.

use supercargo_api::selector::Selector;

use super::field;
use crate::http::Query;
use crate::resources::{Resource, Version};
use crate::status::ApiError;
use crate::store::Stored;

/// What a request selects.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    labels: Option<Selector>,
    fields: Vec<Test>,
}

#[derive(Debug, Clone)]
struct Test {
    target: Target,
    is_equal: bool,
    value: String,
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Name,
    Namespace,
    Field(usize),
}

impl Selection {
    /// Everything.
    pub fn everything() -> Self {
        Self { labels: None, fields: Vec::new() }
    }

    /// The one object of a name.
    pub fn of_name(name: &str) -> Self {
        let test = Test { target: Target::Name, is_equal: true, value: name.to_owned() };
        Self { labels: None, fields: vec![test] }
    }

    /// What the parameters of a request say.
    pub fn of(query: &Query, resource: &Resource, version: &Version) -> Result<Self, ApiError> {
        let mut selection = Self::everything();
        let labels = query.get("labelSelector");
        if !labels.is_empty() {
            let selector: Selector = labels
                .parse()
                .map_err(|error| ApiError::bad_request(format!("unable to parse requirement: {error}")))?;
            selection.labels = (!selector.selects_everything()).then_some(selector);
        }
        let fields = query.get("fieldSelector");
        if !fields.is_empty() {
            for term in field::parse(fields).map_err(ApiError::bad_request)? {
                let target = target(&term.field, resource, version)?;
                selection.fields.push(Test { target, is_equal: term.is_equal, value: term.value });
            }
        }
        Ok(selection)
    }

    /// Whether an object is selected.
    pub fn matches(&self, object: &Stored) -> bool {
        let fields = self.fields.iter().all(|test| {
            let value = match test.target {
                Target::Name => object.name(),
                Target::Namespace => object.namespace(),
                Target::Field(index) => object.fields.get(index).map_or("", |value| value),
            };
            (value == test.value) == test.is_equal
        });
        fields && self.labels.as_ref().is_none_or(|selector| selector.matches_with(|key| object.label(key)))
    }

    /// Whether everything is selected.
    pub fn is_everything(&self) -> bool {
        self.labels.is_none() && self.fields.is_empty()
    }

    /// The name, if only one can be selected.
    pub fn name(&self) -> Option<&str> {
        let test = self.fields.iter().find(|test| test.is_equal && matches!(test.target, Target::Name))?;
        Some(&test.value)
    }
}

fn target(label: &str, resource: &Resource, version: &Version) -> Result<Target, ApiError> {
    match label {
        "metadata.name" => return Ok(Target::Name),
        "metadata.namespace" => return Ok(Target::Namespace),
        // The old name of the field, which clients still use.
        "spec.host" if resource.is("", "pods") => return target("spec.nodeName", resource, version),
        "name" if resource.is("", "namespaces") => return Ok(Target::Name),
        _ => {}
    }
    let inner =
        version.field_names.iter().find(|(outer, _)| *outer == label).map_or(label, |(_, inner)| inner);
    let known = resource.fields.iter().position(|field| field.label == inner);
    known.map(Target::Field).ok_or_else(|| {
        ApiError::bad_request(if resource.fields.is_empty() && resource.definition.is_none() {
            format!("{label:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
        } else {
            format!("field label not supported: {label}")
        })
    })
}
