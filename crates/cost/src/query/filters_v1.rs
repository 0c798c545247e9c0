//! The filter parameters of the first version (reference section 2.10): `filterNamespaces=a,b*`. A comma is or, a trailing
//! `*` compares the beginning, different parameters all have to hold.

use crate::allocation::LabelAliases;
use crate::filter::{Comparison, Field, Filter, Operator};
use crate::query::parameters::{MOST_NAMES, ParameterError, Parameters};

const SIMPLE: [(&str, Field); 8] = [
    ("filterClusters", Field::Cluster),
    ("filterNodes", Field::Node),
    ("filterNamespaces", Field::Namespace),
    ("filterControllerKinds", Field::ControllerKind),
    ("filterPods", Field::Pod),
    ("filterContainers", Field::Container),
    ("filterServices", Field::Services),
    ("filterProviderIDs", Field::ProviderId),
];

/// Parameters of the words that stand for labels.
const ALIASES: [(&str, &str); 5] = [
    ("filterDepartments", "department"),
    ("filterEnvironments", "environment"),
    ("filterOwners", "owner"),
    ("filterProducts", "product"),
    ("filterTeams", "team"),
];

/// What the parameters ask for; everything if none is there.
pub(super) fn filter_v1(parameters: &Parameters, aliases: &LabelAliases) -> Result<Filter, ParameterError> {
    let words = |name| parameters.list(name, MOST_NAMES);
    let mut filter = Filter::Everything;
    for (name, field) in SIMPLE {
        filter = filter.and(any(words(name)?.into_iter().map(|value| compare(field.clone(), value))));
    }
    for (name, word) in ALIASES {
        let field = || Field::Label(aliases.label(word).map(str::to_owned));
        filter = filter.and(any(words(name)?.into_iter().map(|value| compare(field(), value))));
    }
    filter = filter.and(any(words("filterControllers")?.into_iter().map(controller)));
    filter = filter.and(any(words("filterLabels")?.into_iter().map(|pair| compare_pair(Field::Label, pair))));
    let annotations = words("filterAnnotations")?;
    Ok(filter.and(any(annotations.into_iter().map(|pair| compare_pair(Field::Annotation, pair)))))
}

fn any(filters: impl Iterator<Item = Filter>) -> Filter {
    let mut filters: Vec<Filter> = filters.collect();
    match filters.len() {
        0 => Filter::Everything,
        1 => filters.swap_remove(0),
        _ => Filter::Or(filters),
    }
}

fn compare(field: Field, value: &str) -> Filter {
    let (operator, value) = match value.strip_suffix('*') {
        Some(beginning) => (Operator::StartsWith, beginning),
        None => (Operator::Is, value),
    };
    Filter::Comparison(Comparison { field, operator, negated: false, values: vec![value.to_owned()] })
}

fn controller(text: &str) -> Filter {
    match text.split_once(':') {
        Some((kind, name)) => compare(Field::ControllerKind, kind).and(compare(Field::ControllerName, name)),
        None => compare(Field::ControllerName, text),
    }
}

fn compare_pair(field: fn(Option<String>) -> Field, pair: &str) -> Filter {
    match pair.split_once(':') {
        Some((key, value)) => compare(field(Some(key.trim().to_owned())), value.trim()),
        None => compare(field(None), pair),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_and_values_are_or() {
        let parameters = Parameters::read(
            "filterNamespaces=a,b*&filterLabels=team:x&filterControllers=deployment:web",
            b"",
        );
        assert_eq!(
            filter_v1(&parameters, &LabelAliases::default()).unwrap().to_string(),
            "((namespace:\"a\"|namespace<~:\"b\")+(controllerKind:\"deployment\"+controllerName:\"web\"))+label[team]:\"x\""
        );
        assert_eq!(filter_v1(&Parameters::default(), &LabelAliases::default()), Ok(Filter::Everything));
    }
}
