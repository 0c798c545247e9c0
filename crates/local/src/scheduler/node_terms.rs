//! Node selector terms, as affinities of pods and volumes have them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec};
use supercargo_api::Pod;

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

/// Whether the selector and the required affinity of a pod want a node.
pub(crate) fn matches_node_selector(spec: &PodSpec, node: &Node) -> bool {
    let no_labels = BTreeMap::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&no_labels);
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let required = required_nodes(spec);
    spec.node_selector.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
        && required.is_none_or(|selector| matches(selector, name, labels))
}

/// The only node that a pod's affinity admits by name, as pods of DaemonSets have it.
pub(crate) fn node_name_demanded(pod: &Pod) -> Option<&str> {
    let terms = &required_nodes(pod.spec()?)?.node_selector_terms;
    let fields = terms.iter().flat_map(|term| term.match_fields.iter().flatten());
    let mut names = fields.filter(|field| field.key == "metadata.name" && field.operator == "In");
    names.next()?.values.as_ref()?.first().map(String::as_str)
}

fn required_nodes(spec: &PodSpec) -> Option<&NodeSelector> {
    let affinity = spec.affinity.as_ref()?.node_affinity.as_ref()?;
    affinity.required_during_scheduling_ignored_during_execution.as_ref()
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
    fn node_terms(#[case] terms: Value, #[case] expected: bool) {
        let selector: NodeSelector = serde_json::from_value(json!({"nodeSelectorTerms": terms})).unwrap();
        let labels =
            BTreeMap::from([("zone".to_owned(), "a".to_owned()), ("cpu".to_owned(), "8".to_owned())]);
        assert_eq!(matches(&selector, "n1", &labels), expected);
    }
}
