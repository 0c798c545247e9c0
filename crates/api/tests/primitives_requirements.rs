//! Sets of requirements: when they intersect, when a node is compatible, and what the conflict is
//! (reference section 2.5).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::NodeSelectorRequirement;
use proptest::prelude::*;
use rstest::rstest;
use supercargo_api::labels::{self, is_well_known};
use supercargo_api::requirement::{Operator, Requirement};
use supercargo_api::requirements::{RequirementConflict, Requirements};

const TEAM: &str = "example.com/team";

/// Requirements from text: key, operator and values, separated by spaces; the next after a semicolon.
fn set(text: &str) -> Requirements {
    let requirement = |text: &str| {
        let mut words = text.split_whitespace();
        let key = words.next()?;
        let operator = words.next()?.parse().ok()?;
        Requirement::new(key, operator, words.map(str::to_owned), None).ok()
    };
    text.split_terminator(';').map(|text| requirement(text).unwrap_or_else(|| panic!("{text}"))).collect()
}

fn nothing_undefined(_: &str) -> bool {
    false
}

#[test]
fn adding_to_a_key_intersects() {
    let mut requirements = set("example.com/team In a b");
    requirements.extend(set("example.com/team NotIn a; kubernetes.io/arch Exists"));
    assert_eq!(requirements.to_string(), "example.com/team In [b], kubernetes.io/arch Exists");
    assert_eq!(requirements.keys().collect::<Vec<_>>(), [TEAM, labels::ARCH]);
    assert_eq!(requirements.single_values().collect::<Vec<_>>(), [(TEAM, "b")]);
    assert_eq!((requirements.len(), requirements.is_empty()), (2, false));
    assert!(!requirements.has_min_values());
    let flexible = Requirement::exists(labels::INSTANCE_FAMILY).with_min_values(Some(2));
    requirements.add(flexible);
    assert!(requirements.has_min_values());
}

#[test]
fn an_alias_and_its_meaning_are_one_key() {
    let mut requirements = Requirements::from_labels(&BTreeMap::from([(
        "beta.kubernetes.io/arch".to_owned(),
        "arm64".to_owned(),
    )]));
    requirements.extend(set("kubernetes.io/arch In arm64 amd64"));
    assert_eq!(requirements.to_string(), "kubernetes.io/arch In [arm64]");
}

#[test]
fn node_selector_terms_are_read_and_their_mistakes_named() {
    let term = |key: &str, operator: &str, values: &[&str]| NodeSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
    };
    let terms = [term(TEAM, "In", &["a", "b"]), term(TEAM, "NotIn", &["a"]), term("cpus", "Gt", &["4"])];
    let read = Requirements::from_node_selector_terms(&terms).expect("terms");
    assert_eq!(read.to_string(), "cpus Exists >=5, example.com/team In [b]");
    let error = Requirements::from_node_selector_terms(&[term(TEAM, "Is", &["a"])]).expect_err("Is");
    assert_eq!(
        error.to_string(),
        r#"requirement on "example.com/team": operator "Is" is unknown; use In, NotIn, Exists, DoesNotExist, Gt, Lt, Gte or Lte"#
    );
    assert!(Requirements::from_node_selector_terms(&[term(TEAM, "In", &[])]).is_err());
}

#[rstest]
#[case::a_custom_label_that_is_defined("example.com/team In a", "example.com/team In a b", None)]
#[case::a_custom_label_that_is_not(
    "",
    "example.com/team In a",
    Some(r#"label "example.com/team" has no known values"#)
)]
#[case::a_custom_label_that_must_exist(
    "",
    "example.com/team Exists",
    Some(r#"label "example.com/team" has no known values"#)
)]
#[case::a_custom_label_that_may_be_absent("", "example.com/team NotIn a", None)]
#[case::a_custom_label_that_must_exist_and_not_be_one_of_some(
    "",
    "example.com/team NotIn a; example.com/team Exists",
    Some(r#"label "example.com/team" has no known values"#)
)]
#[case::a_custom_label_that_must_be_two_things_at_once(
    "",
    "example.com/team In a; example.com/team In b",
    Some(r#"label "example.com/team" has no known values"#)
)]
#[case::a_custom_label_that_must_be_absent("", "example.com/team DoesNotExist", None)]
#[case::a_well_known_label_need_not_be_defined("", "topology.kubernetes.io/zone In us-east-1a", None)]
#[case::values_apart(
    "topology.kubernetes.io/zone In us-east-1b",
    "topology.kubernetes.io/zone In us-east-1a",
    Some(
        "topology.kubernetes.io/zone In [us-east-1a] has no value in common with topology.kubernetes.io/zone In [us-east-1b]"
    )
)]
#[case::absence_against_a_value(
    "example.com/team In a",
    "example.com/team DoesNotExist",
    Some("example.com/team DoesNotExist has no value in common with example.com/team In [a]")
)]
#[case::absence_on_both_sides("example.com/team DoesNotExist", "example.com/team NotIn a", None)]
#[case::existence_against_absence(
    "example.com/team DoesNotExist",
    "example.com/team Exists",
    Some("example.com/team Exists has no value in common with example.com/team DoesNotExist")
)]
#[case::bounds_apart(
    "karpenter.k8s.aws/instance-cpu Lt 8",
    "karpenter.k8s.aws/instance-cpu Gt 8",
    Some(
        "karpenter.k8s.aws/instance-cpu Exists >=9 has no value in common with karpenter.k8s.aws/instance-cpu Exists <=7"
    )
)]
#[case::a_mistyped_well_known_label("",
    "karpenter.sh/capacity-tpye In spot",
    Some(r#"label "karpenter.sh/capacity-tpye" has no known values (did you mean "karpenter.sh/capacity-type"?)"#)
)]
#[case::a_mistyped_label_of_the_nodepool(
    "example.com/squad In a",
    "example.com/squat In a",
    Some(r#"label "example.com/squat" has no known values (did you mean "example.com/squad"?)"#)
)]
#[case::undefined_keys_come_before_disjoint_ones(
    "a In 1",
    "a In 2; z Exists",
    Some(r#"label "z" has no known values"#)
)]
fn a_new_node_is_compatible_if(#[case] node: &str, #[case] pod: &str, #[case] conflict: Option<&str>) {
    let (node, pod) = (set(node), set(pod));
    let found = node.compatible(&pod, &is_well_known).err().map(|conflict| conflict.to_string());
    assert_eq!(found.as_deref(), conflict);
    assert_eq!(node.is_compatible(&pod, &is_well_known), conflict.is_none());
}

#[test]
fn on_an_existing_node_even_a_well_known_label_must_be_defined() {
    let pod = set("topology.kubernetes.io/zone In us-east-1a");
    let conflict = Requirements::new().compatible(&pod, &nothing_undefined).expect_err("undefined");
    assert_eq!(conflict.key(), labels::ZONE);
}

#[test]
fn every_conflict_can_be_listed() {
    let node = set("a In 1; b In 1; c In 1");
    let pod = set("a In 2; b In 1; c NotIn 1; d Exists; e DoesNotExist");
    let conflicts = node.conflicts(&pod, &nothing_undefined);
    assert_eq!(conflicts.iter().map(RequirementConflict::key).collect::<Vec<_>>(), ["d", "a", "c"]);
}

const KEYS: [&str; 3] = ["example.com/x", "example.com/y", "topology.kubernetes.io/zone"];
/// Spellings enough that no few exclusions use up an integer.
const UNIVERSE: [&str; 27] = [
    "a", "b", "c", "0", "1", "2", "3", "00", "01", "02", "03", "000", "001", "002", "003", "+0", "+1", "+2",
    "+3", "+00", "+01", "+02", "+03", "0000", "0001", "0002", "0003",
];

type Term = (&'static str, Operator, Vec<&'static str>);

fn term() -> impl Strategy<Value = Term> {
    let values = proptest::collection::vec(proptest::sample::select(&UNIVERSE[..8]), 1..4);
    let bound = proptest::sample::select(vec!["1", "2"]);
    (proptest::sample::select(&KEYS[..]), proptest::sample::select(&Operator::ALL[..]), values, bound)
        .prop_map(|(key, operator, values, bound)| match operator {
            Operator::In | Operator::NotIn => (key, operator, values),
            Operator::Exists | Operator::DoesNotExist => (key, operator, Vec::new()),
            _ => (key, operator, vec![bound]),
        })
}

fn terms() -> impl Strategy<Value = Vec<Term>> {
    proptest::collection::vec(term(), 0..5)
}

fn build(terms: &[Term]) -> Requirements {
    terms
        .iter()
        .map(|(key, operator, values)| {
            let values = values.iter().map(|value| (*value).to_owned());
            Requirement::new(*key, *operator, values, None).unwrap_or_else(|error| panic!("{error}"))
        })
        .collect()
}

fn on<'a>(terms: &'a [Term], key: &str) -> Vec<&'a Term> {
    terms.iter().filter(|(of, _, _)| *of == key).collect()
}

fn holds((_, operator, values): &Term, value: &str) -> bool {
    let compared = |holds: fn(i64, i64) -> bool| match (value.parse(), values[0].parse()) {
        (Ok(value), Ok(bound)) => holds(value, bound),
        _ => false,
    };
    match operator {
        Operator::In => values.contains(&value),
        Operator::NotIn => !values.contains(&value),
        Operator::Exists => true,
        Operator::DoesNotExist => false,
        Operator::Gt => compared(|value, bound| value > bound),
        Operator::Lt => compared(|value, bound| value < bound),
        Operator::Gte => compared(|value, bound| value >= bound),
        Operator::Lte => compared(|value, bound| value <= bound),
    }
}

fn allowed(terms: &[&Term]) -> Vec<&'static str> {
    UNIVERSE.into_iter().filter(|value| terms.iter().all(|term| holds(term, value))).collect()
}

/// Whether a node without the label satisfies every term. Karpenter reads this off the shape that is left and so lets
/// NotIn and Exists together be absent; kube-scheduler does not.
fn may_be_absent(terms: &[&Term]) -> bool {
    terms.iter().all(|(_, operator, _)| matches!(operator, Operator::NotIn | Operator::DoesNotExist))
}

/// Section 2.5, read aloud.
fn rule(node: &[Term], incoming: &[Term], allow_undefined: &[&str]) -> bool {
    KEYS.iter().all(|key| {
        let (here, there) = (on(node, key), on(incoming, key));
        if there.is_empty() {
            return true;
        }
        if here.is_empty() {
            return allow_undefined.contains(key) || may_be_absent(&there);
        }
        let both: Vec<&Term> = here.iter().chain(&there).copied().collect();
        !allowed(&both).is_empty() || (may_be_absent(&here) && may_be_absent(&there))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn compatibility_agrees_with_the_rule_read_aloud(
        node in terms(), incoming in terms(), allow in proptest::sample::subsequence(KEYS.to_vec(), 0..=3),
    ) {
        let allow_undefined = |key: &str| allow.contains(&key);
        let (built, wanted) = (build(&node), build(&incoming));
        let expected = rule(&node, &incoming, &allow);
        prop_assert_eq!(built.is_compatible(&wanted, &allow_undefined), expected, "{} / {}", built, wanted);
        prop_assert_eq!(built.compatible(&wanted, &allow_undefined).is_ok(), expected);
        prop_assert_eq!(built.conflicts(&wanted, &allow_undefined).is_empty(), expected);
        prop_assert_eq!(
            built.compatible(&wanted, &allow_undefined).err(),
            built.conflicts(&wanted, &allow_undefined).into_iter().next()
        );
        // With everything allowed to be undefined only the intersection is left.
        prop_assert_eq!(built.intersects(&wanted).is_ok(), rule(&node, &incoming, &KEYS));
    }

    #[test]
    fn intersecting_is_symmetric(left in terms(), right in terms()) {
        let (left, right) = (build(&left), build(&right));
        prop_assert_eq!(left.intersects(&right).is_ok(), right.intersects(&left).is_ok());
    }

    #[test]
    fn the_order_of_adding_does_not_matter(terms in terms()) {
        let mut reversed = terms.clone();
        reversed.reverse();
        prop_assert_eq!(build(&terms), build(&reversed));
    }

    #[test]
    fn a_node_has_the_labels_exactly_if_its_labels_are_compatible(
        terms in terms(),
        labels in proptest::collection::btree_map(proptest::sample::select(&KEYS[..]), proptest::sample::select(&UNIVERSE[..]), 0..3),
    ) {
        let labels: BTreeMap<String, String> =
            labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let wanted = build(&terms);
        let node = Requirements::from_labels(&labels);
        prop_assert_eq!(wanted.has_labels(&labels), node.is_compatible(&wanted, &nothing_undefined));
    }
}
