//! The language of filters (reference section 2.10).

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod made_up;

use std::sync::Arc;

use proptest::prelude::*;
use rstest::rstest;
use supercargo_cost::Workload;
use supercargo_cost::filter::{Comparison, Field, Filter, Operator, Vocabulary};
use supercargo_cost::workload::Labels;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Arc::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

fn row() -> Workload {
    Workload {
        cluster: "c1".into(),
        node: "ip-10-0-0-1".into(),
        namespace: "shop".into(),
        pod: "web-7d9-x".into(),
        container: "main".into(),
        controller_kind: "deployment".into(),
        controller: "web".into(),
        provider_id: "aws:///us-east-1a/i-1".into(),
        services: vec!["front".into(), "metrics".into()],
        labels: labels(&[("app", "web"), ("app.kubernetes.io/name", "web \"quoted\""), ("team", "payments")]),
        annotations: labels(&[("owner", "a@example.com")]),
        namespace_labels: labels(&[("env", "prod")]),
        ..Workload::default()
    }
}

fn passes(text: &str) -> bool {
    Filter::parse(text, Vocabulary::Allocations).unwrap().matches(&row())
}

#[rstest]
#[case::nothing_asked("", true)]
#[case::is("namespace:\"shop\"", true)]
#[case::is_not("namespace!:\"shop\"", false)]
#[case::one_of("namespace:\"a\",\"shop\"", true)]
#[case::none_of("namespace!:\"a\",\"shop\"", false)]
#[case::contains("pod~:\"7d9\"", true)]
#[case::contains_not("pod!~:\"7d9\"", false)]
#[case::starts("pod<~:\"web-\"", true)]
#[case::starts_not("pod!<~:\"api-\"", true)]
#[case::ends("pod~>:\"-x\"", true)]
#[case::ends_not("pod!~>:\"-x\"", false)]
#[case::label("label[app]:\"web\"", true)]
#[case::label_as_prometheus_spells_it("label[app_kubernetes_io_name]<~:\"web\"", true)]
#[case::label_of_the_namespace("label[env]:\"prod\"", true)]
#[case::missing_label("label[nope]:\"x\"", false)]
#[case::missing_label_is_not("label[nope]!:\"x\"", true)]
#[case::missing_label_is_unallocated("label[nope]:\"__unallocated__\"", true)]
#[case::label_key_present("label:\"app\"", true)]
#[case::label_key_absent("label!:\"app\"", false)]
#[case::annotation("annotation[owner]~:\"example\"", true)]
#[case::membership("services:\"metrics\"", true)]
#[case::no_membership("services!:\"metrics\"", false)]
#[case::alias("team:\"payments\"", true)]
#[case::alias_of_another_name("environment:\"prod\"+product:\"web\"", true)]
#[case::controller("controllerKind:\"deployment\" + controllerName:\"web\"", true)]
#[case::provider("provider:\"AWS\"", true)]
#[case::and("namespace:\"shop\"+pod:\"other\"", false)]
#[case::or("namespace:\"shop\"|pod:\"other\"", true)]
#[case::parentheses("(namespace:\"a\"|namespace:\"shop\")+cluster:\"c1\"", true)]
#[case::side_by_side("namespace:\"shop\" cluster:\"c1\"", true)]
#[case::case_of_fields("NAMESPACE:\"shop\"", true)]
#[case::escaped("label[app.kubernetes.io/name]:\"web \\\"quoted\\\"\"", true)]
#[case::deep_enough("((((namespace:\"shop\"))))", true)]
fn a_filter_answers(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(passes(text), expected);
}

#[rstest]
#[case("namespace", "ends where an operator is expected")]
#[case("namespace:", "ends where a quoted text is expected")]
#[case("namespace:shop", "\"shop\" at 10 does not belong there")]
#[case("namespace:\"shop", "no closing quote")]
#[case("label[app:\"x\"", "no closing bracket")]
#[case("colour:\"red\"", "unknown field \"colour\" at 0: expected one of cluster, node")]
#[case("namespace[x]:\"y\"", "unknown field \"namespace\"")]
#[case("namespace:\"a\"+pod:\"b\"|pod:\"c\"", "+ and | at 21 without parentheses")]
#[case("(namespace:\"a\"", "ends where a closing parenthesis is expected")]
#[case("namespace:\"a\")", ") at 13 does not belong there")]
#[case("$", "$ at 0 does not belong there")]
#[case("+", "+ at 0 does not belong there")]
fn what_is_no_filter_is_refused_with_its_place(#[case] text: &str, #[case] reason: &str) {
    let error = Filter::parse(text, Vocabulary::Allocations).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn depth_and_length_have_limits() {
    let deep = format!("{}namespace:\"a\"{}", "(".repeat(20_000), ")".repeat(20_000));
    assert!(
        Filter::parse(&deep, Vocabulary::Allocations).unwrap_err().to_string().contains("deeper than 64")
    );
    let long = "x".repeat(2 << 20);
    assert!(Filter::parse(&long, Vocabulary::Allocations).unwrap_err().to_string().contains("bytes"));
    let many = format!("namespace:{}\"z\"", "\"a\",".repeat(15_000));
    assert!(Filter::parse(&many, Vocabulary::Allocations).is_ok());
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    let fields = prop_oneof![
        Just(Field::Cluster),
        Just(Field::Namespace),
        Just(Field::ControllerKind),
        Just(Field::ControllerName),
        Just(Field::ProviderId),
        Just(Field::Services),
        Just(Field::Label(None)),
        "[a-z./-]{1,8}".prop_map(|key| Field::Label(Some(key))),
        "[a-z./-]{1,8}".prop_map(|key| Field::Annotation(Some(key))),
    ];
    let operators = prop_oneof![
        Just(Operator::Is),
        Just(Operator::Contains),
        Just(Operator::StartsWith),
        Just(Operator::EndsWith)
    ];
    (fields, operators, any::<bool>(), proptest::collection::vec(".{0,12}", 1..4))
        .prop_map(|(field, operator, negated, values)| Comparison { field, operator, negated, values })
}

fn filters() -> impl Strategy<Value = Filter> {
    comparisons().prop_map(Filter::Comparison).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner, 2..4).prop_map(Filter::Or),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(filter in filters()) {
        let text = filter.to_string();
        prop_assert_eq!(Filter::parse(&text, Vocabulary::Allocations), Ok(filter), "{}", text);
    }

    #[test]
    fn nonsense_never_panics(text in "[a-z\\[\\]()+|:!~<>\",\\\\ ]{0,40}") {
        let _ = Filter::parse(&text, Vocabulary::Allocations).map(|filter| filter.matches(&row()));
        let _ = Filter::parse(&text, Vocabulary::Assets);
    }

    /// A negated comparison is the opposite of the plain one, whatever the values are.
    #[test]
    fn negation_turns_the_answer_round(comparison in comparisons()) {
        let opposite = Comparison { negated: !comparison.negated, ..comparison.clone() };
        prop_assert_ne!(Filter::Comparison(comparison).matches(&row()), Filter::Comparison(opposite).matches(&row()));
    }
}
