//! Asking a filter about a row or an asset.

use crate::asset::Asset;
use crate::filter::field::Field;
use crate::filter::parse::{Comparison, Filter, Operator};
use crate::workload::{UNALLOCATED, Workload};

/// What a filter is asked about.
pub trait Subject {
    /// A field with one value; none if the subject has no such field.
    fn text(&self, field: &Field) -> Option<&str>;

    /// The elements of a list, or the keys of labels.
    fn list(&self, field: &Field) -> Vec<&str>;
}

impl Filter {
    /// Whether it lets the subject pass.
    pub fn matches(&self, subject: &impl Subject) -> bool {
        match self {
            Filter::Everything => true,
            Filter::Comparison(comparison) => comparison.matches(subject),
            Filter::And(filters) => filters.iter().all(|filter| filter.matches(subject)),
            Filter::Or(filters) => filters.iter().any(|filter| filter.matches(subject)),
        }
    }
}

impl Filter {
    /// Whether it asks about what tells the replicas of a workload apart: pods and nodes.
    pub(crate) fn asks_about_one(&self) -> bool {
        match self {
            Filter::Everything => false,
            Filter::Comparison(comparison) => match comparison.field {
                Field::Node | Field::Pod | Field::Provider | Field::ProviderId => true,
                Field::Cluster
                | Field::Namespace
                | Field::ControllerName
                | Field::ControllerKind
                | Field::Container
                | Field::Services
                | Field::Label(_)
                | Field::Annotation(_)
                | Field::Name
                | Field::AssetType
                | Field::Category
                | Field::Project
                | Field::Account
                | Field::Service => false,
            },
            Filter::And(filters) | Filter::Or(filters) => filters.iter().any(Filter::asks_about_one),
        }
    }
}

impl Comparison {
    fn matches(&self, subject: &impl Subject) -> bool {
        let holds = match &self.field {
            Field::Services | Field::Label(None) | Field::Annotation(None) => {
                let elements = subject.list(&self.field);
                elements.iter().any(|element| self.holds(element)) || (elements.is_empty() && self.holds(""))
            }
            field => self.holds(subject.text(field).unwrap_or_default()),
        };
        holds != self.negated
    }

    /// Whether one of the values fits; `__unallocated__` stands for no value.
    fn holds(&self, text: &str) -> bool {
        self.values.iter().map(|value| if value == UNALLOCATED { "" } else { value }).any(|value| match self
            .operator
        {
            Operator::Is => text == value,
            Operator::Contains => text.contains(value),
            Operator::StartsWith => text.starts_with(value),
            Operator::EndsWith => text.ends_with(value),
        })
    }
}

impl Subject for Workload {
    fn text(&self, field: &Field) -> Option<&str> {
        match field {
            Field::Cluster => Some(&self.cluster),
            Field::Node => Some(&self.node),
            Field::Namespace => Some(&self.namespace),
            Field::ControllerName => Some(&self.controller),
            Field::ControllerKind => Some(&self.controller_kind),
            Field::Container => Some(&self.container),
            Field::Pod => Some(&self.pod),
            Field::ProviderId => Some(&self.provider_id),
            Field::Provider => Some(provider_of(&self.provider_id)),
            Field::Label(Some(key)) => self.label(key),
            Field::Annotation(Some(key)) => self.annotation(key),
            _ => None,
        }
    }

    fn list(&self, field: &Field) -> Vec<&str> {
        match field {
            Field::Services => self.services.iter().map(|name| &**name).collect(),
            Field::Label(None) => {
                self.labels.keys().chain(self.namespace_labels.keys()).map(|key| &**key).collect()
            }
            Field::Annotation(None) => {
                self.annotations.keys().chain(self.namespace_annotations.keys()).map(|key| &**key).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Subject for Asset {
    fn text(&self, field: &Field) -> Option<&str> {
        match field {
            Field::Cluster => Some(&self.cluster),
            Field::Name => Some(&self.name),
            Field::AssetType => Some(self.type_name()),
            Field::Category => Some(self.category()),
            Field::ProviderId => Some(&self.provider_id),
            Field::Provider => Some(provider_of(&self.provider_id)),
            Field::Service => Some("Kubernetes"),
            Field::Label(Some(key)) => self.label(key),
            _ => None,
        }
    }

    fn list(&self, field: &Field) -> Vec<&str> {
        match field {
            Field::Label(None) => self.labels().into_iter().map(|(key, _)| key).collect(),
            _ => Vec::new(),
        }
    }
}

/// The provider that a provider id is of.
pub(crate) fn provider_of(provider_id: &str) -> &'static str {
    match provider_id.split_once("://").map(|(scheme, _)| scheme) {
        Some("aws") => "AWS",
        Some("gce") => "GCP",
        Some("azure") => "Azure",
        _ => "",
    }
}
