//! Node selector terms, as affinities of pods and volumes have them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

/// Whether a node satisfies one of the terms. Without terms nothing does.
pub(crate) fn matches(selector: &NodeSelector, name: &str, labels: &BTreeMap<String, String>) -> bool {
    selector.node_selector_terms.iter().any(|term| matches_term(term, name, labels))
}

/// Whether a node satisfies a term. A term that demands nothing is satisfied by nothing.
pub(crate) fn matches_term(term: &NodeSelectorTerm, name: &str, labels: &BTreeMap<String, String>) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    expressions.iter().all(|demand| holds(demand, labels.get(&demand.key).map(String::as_str)))
        && fields.iter().all(|demand| holds(demand, (demand.key == "metadata.name").then_some(name)))
}

fn holds(demand: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = demand.values.as_deref().unwrap_or_default();
    match (demand.operator.as_str(), value) {
        ("In", Some(value)) => values.iter().any(|wanted| wanted == value),
        ("NotIn", Some(value)) => values.iter().all(|unwanted| unwanted != value),
        ("Exists", Some(_)) | ("NotIn" | "DoesNotExist", None) => true,
        ("Gt", Some(value)) => compare(value, values, |found, bound| found > bound),
        ("Lt", Some(value)) => compare(value, values, |found, bound| found < bound),
        _ => false,
    }
}

fn compare(value: &str, bounds: &[String], test: fn(i64, i64) -> bool) -> bool {
    match (value.parse(), bounds) {
        (Ok(found), [bound]) => bound.parse().is_ok_and(|bound| test(found, bound)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case::an_empty_term_matches_nothing(json!([{}]), false)]
    #[case::no_terms_match_nothing(json!([]), false)]
    #[case::one_of_the_terms_is_enough(
        json!([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]},
               {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]), true)]
    #[case::all_of_a_term_must_hold(
        json!([{"matchExpressions": [{"key": "zone", "operator": "Exists"}, {"key": "gpu", "operator": "Exists"}]}]), false)]
    #[case::what_is_absent_is_not_in(json!([{"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["1"]}]}]), true)]
    #[case::greater(json!([{"matchExpressions": [{"key": "cpu", "operator": "Gt", "values": ["7"]}]}]), true)]
    #[case::not_less(json!([{"matchExpressions": [{"key": "cpu", "operator": "Lt", "values": ["8"]}]}]), false)]
    #[case::no_number_compares(json!([{"matchExpressions": [{"key": "zone", "operator": "Gt", "values": ["1"]}]}]), false)]
    #[case::by_name(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]), true)]
    fn terms(#[case] terms: Value, #[case] expected: bool) {
        let selector: NodeSelector = serde_json::from_value(json!({"nodeSelectorTerms": terms})).unwrap();
        let labels = BTreeMap::from([("zone".to_owned(), "a".to_owned()), ("cpu".to_owned(), "8".to_owned())]);
        assert_eq!(matches(&selector, "n1", &labels), expected);
    }
}
