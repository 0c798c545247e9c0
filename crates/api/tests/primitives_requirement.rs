//! The requirement algebra of one key, against a reader that knows nothing of its shape (reference section 2.5).

use proptest::prelude::*;
use rstest::rstest;
use supercargo_api::requirement::{Operator, Requirement, RequirementError};

const KEY: &str = "example.com/key";

fn requirement(operator: Operator, values: &[&str]) -> Requirement {
    Requirement::new(KEY, operator, values.iter().map(|value| (*value).to_owned()), None)
        .unwrap_or_else(|error| panic!("{operator} {values:?}: {error}"))
}

/// A requirement from its operator and values, separated by spaces.
fn written(text: &str) -> Requirement {
    let mut words = text.split_whitespace();
    let operator = words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{text}"));
    requirement(operator, &words.collect::<Vec<_>>())
}

#[rstest]
#[case::in_values(Operator::In, &["b", "a"], "example.com/key In [a b]")]
#[case::not_in(Operator::NotIn, &["a"], "example.com/key NotIn [a]")]
#[case::not_in_nothing_is_exists(Operator::NotIn, &[], "example.com/key Exists")]
#[case::exists(Operator::Exists, &[], "example.com/key Exists")]
#[case::exists_ignores_values(Operator::Exists, &["a"], "example.com/key Exists")]
#[case::does_not_exist(Operator::DoesNotExist, &[], "example.com/key DoesNotExist")]
#[case::gt_is_gte_of_the_next(Operator::Gt, &["4"], "example.com/key Exists >=5")]
#[case::lt_is_lte_of_the_previous(Operator::Lt, &["4"], "example.com/key Exists <=3")]
#[case::lt_zero(Operator::Lt, &["0"], "example.com/key Exists <=-1")]
#[case::gte(Operator::Gte, &["4"], "example.com/key Exists >=4")]
#[case::lte(Operator::Lte, &["4"], "example.com/key Exists <=4")]
#[case::gt_the_greatest(Operator::Gt, &["9223372036854775807"], "example.com/key In []")]
#[case::gte_the_greatest(Operator::Gte, &["9223372036854775807"], "example.com/key Exists >=9223372036854775807")]
#[case::many_values(
    Operator::In,
    &["a", "b", "c", "d", "e", "f", "g"],
    "example.com/key In [a b c d e and 2 others]"
)]
fn every_operator_has_a_shape(#[case] operator: Operator, #[case] values: &[&str], #[case] shown: &str) {
    assert_eq!(requirement(operator, values).to_string(), shown);
}

#[rstest]
#[case(Operator::In, &[], None, r#"requirement on "example.com/key": In needs at least one value"#)]
#[case(Operator::Gt, &[], None, r#"requirement on "example.com/key": Gt needs exactly one value, found 0"#)]
#[case(Operator::Lte, &["1", "2"], None, r#"requirement on "example.com/key": Lte needs exactly one value, found 2"#)]
#[case(
    Operator::Gte,
    &["many"],
    None,
    r#"requirement on "example.com/key": Gte needs a whole number of at least 0, found "many""#
)]
#[case(
    Operator::Lt,
    &["-1"],
    None,
    r#"requirement on "example.com/key": Lt needs a whole number of at least 0, found "-1""#
)]
#[case(
    Operator::Gt,
    &["9223372036854775808"],
    None,
    r#"requirement on "example.com/key": Gt needs a whole number of at least 0, found "9223372036854775808""#
)]
#[case(
    Operator::In,
    &["a", "b"],
    Some(3),
    r#"requirement on "example.com/key": In has 2 values but minValues asks for 3"#
)]
fn a_bad_requirement_says_what_would_be_right_n4(
    #[case] operator: Operator,
    #[case] values: &[&str],
    #[case] min_values: Option<u32>,
    #[case] message: &str,
) {
    let built = Requirement::new(KEY, operator, values.iter().map(|value| (*value).to_owned()), min_values);
    assert_eq!(built.map_err(|error| error.to_string()), Err(message.to_owned()));
}

#[rstest]
#[case::concrete_sets("In a b", "In b c", "In [b]")]
#[case::nothing_in_common("In a", "In b", "In []")]
#[case::exclusion("In a b", "NotIn b", "In [a]")]
#[case::exclusions_add_up("NotIn a", "NotIn b", "NotIn [a b]")]
#[case::present_and_none_of_these("NotIn a", "Exists", "Exists NotIn [a]")]
#[case::present_and_absent("Exists", "DoesNotExist", "In []")]
#[case::absence_and_exclusion("NotIn a", "DoesNotExist", "DoesNotExist")]
#[case::the_tighter_bound("Gt 2", "Gte 7", "Exists >=7")]
#[case::a_range("Gt 2", "Lt 5", "Exists >=3 <=4")]
#[case::a_range_of_one("Gte 3", "Lte 3", "Exists >=3 <=3")]
#[case::an_empty_range("Gt 3", "Lt 4", "In []")]
#[case::bounds_filter_values("In 1 5 x", "Gt 3", "In [5]")]
#[case::bounds_filter_exclusions("NotIn 1 5 x", "Gt 3", "Exists NotIn [5] >=4")]
fn intersections(#[case] left: &str, #[case] right: &str, #[case] shown: &str) {
    let (left, right) = (written(left), written(right));
    assert_eq!(left.intersection(&right).to_string(), format!("{KEY} {shown}"));
    assert_eq!(right.intersection(&left).to_string(), format!("{KEY} {shown}"));
}

#[test]
fn min_values_become_the_greater() {
    let flexible = |min_values| requirement(Operator::Exists, &[]).with_min_values(min_values);
    let both = |left, right| flexible(left).intersection(&flexible(right)).min_values;
    assert_eq!(both(Some(2), Some(5)), Some(5));
    assert_eq!(both(None, Some(5)), Some(5));
    assert_eq!(both(Some(2), None), Some(2));
    assert_eq!(both(None, None), None);
    let contradiction = requirement(Operator::Gt, &["5"]).with_min_values(Some(3));
    assert_eq!(contradiction.intersection(&requirement(Operator::Lt, &["5"])).min_values, Some(3));
    assert_eq!(flexible(Some(3)).to_string(), format!("{KEY} Exists minValues 3"));
}

#[test]
fn aliases_of_the_key_are_resolved() {
    let zone = Requirement::exists("failure-domain.beta.kubernetes.io/zone");
    assert_eq!(zone.key, "topology.kubernetes.io/zone");
    let zone = Requirement::in_values("topology.ebs.csi.aws.com/zone", ["a".to_owned()]);
    assert_eq!(zone.key, "topology.kubernetes.io/zone");
}

#[rstest]
#[case(Operator::In, &["a"], false)]
#[case(Operator::NotIn, &["a"], true)]
#[case(Operator::Exists, &[], false)]
#[case(Operator::DoesNotExist, &[], true)]
#[case(Operator::Gt, &["1"], false)]
#[case(Operator::Lte, &["1"], false)]
fn only_not_in_and_does_not_exist_allow_the_label_to_be_absent(
    #[case] operator: Operator,
    #[case] values: &[&str],
    #[case] expected: bool,
) {
    assert_eq!(requirement(operator, values).allows_absent(), expected);
}

#[rstest]
#[case::not_in_alone("NotIn a", "NotIn b", true)]
#[case::must_be_absent("NotIn a", "DoesNotExist", true)]
#[case::must_be_there("NotIn a", "Exists", false)]
#[case::one_of_none("In a", "In b", false)]
#[case::there_and_not_there("Exists", "DoesNotExist", false)]
#[case::no_integer_is_left("Gt 3", "Lt 4", false)]
#[case::a_comparison_needs_a_value("NotIn a", "Gt 3", false)]
fn what_must_be_there_is_not_forgotten_in_an_intersection(
    #[case] left: &str,
    #[case] right: &str,
    #[case] may_be_absent: bool,
) {
    let both = written(left).intersection(&written(right));
    assert_eq!(both.allows_absent(), may_be_absent, "{both}");
    assert_eq!(both.allows_nothing(), both.is_empty() && !may_be_absent);
}

#[test]
fn operators_are_spelt_as_in_manifests() {
    for operator in Operator::ALL {
        assert_eq!(operator.to_string().parse(), Ok(operator));
        assert_eq!(serde_json::to_string(&operator).expect("a string"), format!("\"{operator}\""));
    }
    let error = "in".parse::<Operator>().expect_err("operators are case-sensitive");
    assert_eq!(
        error.to_string(),
        r#"operator "in" is unknown; use In, NotIn, Exists, DoesNotExist, Gt, Lt, Gte or Lte"#
    );
}

#[test]
fn an_error_quotes_no_more_than_a_line() {
    let error = Requirement::new(KEY, Operator::Gt, ["9".repeat(10_000_000)], None).expect_err("too great");
    assert!(matches!(error, RequirementError::NotAnInteger { .. }) && error.to_string().len() < 300);
}

/// Values that labels of the universe may have: words, and integers in several spellings, so that no handful of
/// exclusions can use up a range of integers.
const UNIVERSE: [&str; 40] = [
    "",
    "a",
    "b",
    "c",
    "x1",
    "1.5",
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "00",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "07",
    "+0",
    "+1",
    "+2",
    "+3",
    "+4",
    "+5",
    "+6",
    "+7",
    "000",
    "001",
    "002",
    "003",
    "004",
    "005",
    "006",
    "007",
    "-1",
    "9223372036854775807",
];

/// A requirement as it is written.
#[derive(Debug, Clone)]
struct Term {
    operator: Operator,
    values: Vec<&'static str>,
}

impl Term {
    fn requirement(&self) -> Requirement {
        requirement(self.operator, &self.values)
    }

    /// Whether a label with this value satisfies the term, by the meaning of its operator.
    fn holds(&self, value: &str) -> bool {
        let compared = |holds: fn(i128, i128) -> bool| match value.parse::<i64>() {
            Ok(value) => holds(i128::from(value), self.values[0].parse().expect("comparisons have a number")),
            Err(_) => false,
        };
        match self.operator {
            Operator::In => self.values.contains(&value),
            Operator::NotIn => !self.values.contains(&value),
            Operator::Exists => true,
            Operator::DoesNotExist => false,
            Operator::Gt => compared(|value, bound| value > bound),
            Operator::Lt => compared(|value, bound| value < bound),
            Operator::Gte => compared(|value, bound| value >= bound),
            Operator::Lte => compared(|value, bound| value <= bound),
        }
    }

    /// Whether a node without the label satisfies the term, by the meaning of its operator.
    fn holds_without(&self) -> bool {
        matches!(self.operator, Operator::NotIn | Operator::DoesNotExist)
    }
}

fn term() -> impl Strategy<Value = Term> {
    let values = |count| proptest::collection::vec(proptest::sample::select(&UNIVERSE[..]), count);
    let bound = proptest::sample::select(vec!["0", "1", "2", "3", "4", "5", "6", "9223372036854775807"]);
    let listed = (proptest::sample::select(vec![Operator::In, Operator::NotIn]), values(1..6));
    let compared = (
        proptest::sample::select(vec![Operator::Gt, Operator::Lt, Operator::Gte, Operator::Lte]),
        bound.prop_map(|bound| vec![bound]),
    );
    let plain = proptest::sample::select(vec![Operator::Exists, Operator::DoesNotExist]);
    prop_oneof![3 => listed, 3 => compared, 1 => plain.prop_map(|operator| (operator, Vec::new()))]
        .prop_map(|(operator, values)| Term { operator, values })
}

/// A requirement as several terms leave it.
fn narrowed() -> impl Strategy<Value = (Vec<Term>, Requirement)> {
    proptest::collection::vec(term(), 1..5).prop_map(|terms| {
        let all = terms.iter().map(Term::requirement).reduce(|all, one| all.intersection(&one));
        (terms, all.expect("at least one term"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_value_or_its_absence_is_allowed_exactly_if_every_term_allows_it((terms, all) in narrowed()) {
        for value in UNIVERSE {
            prop_assert_eq!(all.has(value), terms.iter().all(|term| term.holds(value)), "{:?} in {}", value, all);
        }
        prop_assert_eq!(all.allows_absent(), terms.iter().all(Term::holds_without), "no label in {}", all);
    }

    #[test]
    fn intersection_is_commutative_associative_and_idempotent(
        (_, a) in narrowed(), (_, b) in narrowed(), (_, c) in narrowed(),
        minimums in proptest::array::uniform3(proptest::option::of(1u32..5)),
    ) {
        let [a, b, c] = [(a, minimums[0]), (b, minimums[1]), (c, minimums[2])]
            .map(|(requirement, min_values)| requirement.with_min_values(min_values));
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.intersection(&b).intersection(&c), a.intersection(&b.intersection(&c)));
        prop_assert_eq!(&a.intersection(&a), &a);
        prop_assert_eq!(a.intersection(&b).intersection(&b), a.intersection(&b));
    }

    #[test]
    fn intersecting_is_having_a_value_in_common((_, a) in narrowed(), (_, b) in narrowed()) {
        let common = UNIVERSE.iter().any(|value| a.has(value) && b.has(value));
        // Two complements always have a value in common, though perhaps none of the universe.
        prop_assert_eq!(a.intersects(&b), !a.intersection(&b).is_empty());
        prop_assert_eq!(a.intersects(&b), b.intersects(&a));
        prop_assert!(a.intersects(&b) || !common);
        if !(a.complement() && b.complement()) {
            prop_assert_eq!(a.intersects(&b), common);
        }
    }

    #[test]
    fn a_shape_keeps_its_invariants((_, all) in narrowed()) {
        prop_assert_eq!(all.is_empty(), all.operator() == Operator::DoesNotExist);
        prop_assert_eq!(all.complement(), matches!(all.operator(), Operator::NotIn | Operator::Exists));
        if !all.complement() {
            prop_assert_eq!(all.bounds(), (None, None), "concrete sets drop their bounds");
            prop_assert!(all.values().iter().all(|value| all.has(value)));
        }
        if let (Some(gte), Some(lte)) = all.bounds() {
            prop_assert!(gte <= lte);
        }
    }

    #[test]
    fn the_terms_of_a_requirement_say_the_same_again((_, all) in narrowed()) {
        let again = all.terms().into_iter()
            .map(|(operator, values)| Requirement::new(KEY, operator, values, None).expect("a term that can be written"))
            .reduce(|all, one| all.intersection(&one));
        prop_assert_eq!(again, Some(all));
    }

    #[test]
    fn no_text_makes_it_panic(key in ".*", operator in ".*", value in ".*") {
        let _ = operator.parse::<Operator>();
        for operator in Operator::ALL {
            if let Ok(requirement) = Requirement::new(key.clone(), operator, [value.clone()], None) {
                let _ = (requirement.has(&value), requirement.to_string());
            }
        }
    }
}
