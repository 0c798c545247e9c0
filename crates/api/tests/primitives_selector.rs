//! Label selectors: what they select, how they are written, and that no text breaks the parser.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use proptest::prelude::*;
use rstest::rstest;
use supercargo_api::selector::{Selector, SelectorError, WhenAbsent};

fn labels(text: &str) -> BTreeMap<String, String> {
    text.split_terminator(',')
        .map(|pair| pair.split_once('=').unwrap_or_else(|| panic!("{text}")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn parse(text: &str) -> Selector {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[rstest]
#[case("", "")]
#[case("  \t\r\n", "")]
#[case("a=b", "a=b")]
#[case("a==b", "a=b")]
#[case(" a = b ", "a=b")]
#[case("a!=b", "a!=b")]
#[case("a=", "a=")]
#[case("a=,b", "a=,b")]
#[case("a", "a")]
#[case("!a", "!a")]
#[case("! a", "!a")]
#[case("a in (b)", "a=b")]
#[case("a in (c,b,b)", "a in (b,c)")]
#[case("a in(b,c)", "a in (b,c)")]
#[case("a notin (b)", "a!=b")]
#[case("a notin ( b , c )", "a notin (b,c)")]
#[case("a in ()", "a=")]
#[case("a in (,)", "a=")]
#[case("a in (b,)", "a in (,b)")]
#[case("a in (,b,,c)", "a in (,b,c)")]
#[case("in in (in,notin)", "in in (in,notin)")]
#[case("notin", "notin")]
#[case("in=in", "in=in")]
#[case("n>3", "n>3")]
#[case("n<-3", "n<-3")]
#[case("n >= 3", "n>=3")]
#[case("n<=8", "n<=8")]
#[case("b=1,a=2", "a=2,b=1")]
#[case("a=1,a=1", "a=1")]
#[case("a=b,c in (x,y),!d,e!=f,n>3", "!d,a=b,c in (x,y),e!=f,n>3")]
#[case("karpenter.k8s.aws/instance-category in (m,c,r)", "karpenter.k8s.aws/instance-category in (c,m,r)")]
fn selectors_are_read_and_written_in_one_form(#[case] text: &str, #[case] written: &str) {
    let mut terms: Vec<String> = parse(text).to_string().split_terminator(',').map(str::to_owned).collect();
    let mut expected: Vec<String> = written.split_terminator(',').map(str::to_owned).collect();
    // The order of terms is fixed but of no interest here.
    terms.sort();
    expected.sort();
    assert_eq!(terms, expected);
    assert_eq!(parse(&parse(text).to_string()), parse(text));
}

#[rstest]
#[case("=b", r#"selector has "=" at character 1, expected a label key or '!'"#)]
#[case(",", r#"selector has "," at character 1, expected a label key or '!'"#)]
#[case("a,", "selector has its end at character 3, expected a label key or '!'")]
#[case("a,,b", r#"selector has "," at character 3, expected a label key or '!'"#)]
#[case("!", "selector has its end at character 2, expected a label key after '!'")]
#[case("!!a", r#"selector has "!" at character 2, expected a label key after '!'"#)]
#[case("!a=b", r#"selector has "=" at character 3, expected a comma or the end"#)]
#[case(
    "a b",
    r#"selector has "b" at character 3, expected one of = == != > < >= <= in notin, a comma or the end"#
)]
#[case(
    "a IN (b)",
    r#"selector has "IN" at character 3, expected one of = == != > < >= <= in notin, a comma or the end"#
)]
#[case("a=b c", r#"selector has "c" at character 5, expected a comma or the end"#)]
#[case("a=b=c", r#"selector has "=" at character 4, expected a comma or the end"#)]
#[case("a=(b)", r#"selector has "(" at character 3, expected a comma or the end"#)]
#[case("a in b", r#"selector has "b" at character 6, expected '('"#)]
#[case("a in (b", "selector has its end at character 8, expected a comma or ')'")]
#[case("a in (b c)", r#"selector has "c" at character 9, expected a comma or ')'"#)]
#[case("a in (b))", r#"selector has ")" at character 9, expected a comma or the end"#)]
#[case("n>x", r#"selector on "n": > needs a whole number, found "x""#)]
#[case("n>", r#"selector on "n": > needs a whole number, found """#)]
#[case("n<=1.5", r#"selector on "n": <= needs a whole number, found "1.5""#)]
#[case(
    "é=b",
    "selector: name of label key \"é\" may only have letters, digits, '-', '_' and '.', and must begin and end with a letter or digit"
)]
#[case(
    "a=b;c",
    "selector on \"a\": label value \"b;c\" may only have letters, digits, '-', '_' and '.', and must begin and end with a letter or digit"
)]
#[case(
    "é é",
    "selector has \"é\" at character 3, expected one of = == != > < >= <= in notin, a comma or the end"
)]
fn a_bad_selector_says_where_and_what_would_be_right(#[case] text: &str, #[case] message: &str) {
    assert_eq!(text.parse::<Selector>().map_err(|error| error.to_string()), Err(message.to_owned()));
}

#[rstest]
#[case("", "", true)]
#[case("", "a=1", true)]
#[case("a=1", "a=1,b=2", true)]
#[case("a=1", "a=2", false)]
#[case("a=1", "", false)]
#[case("a=", "a=", true)]
#[case("a=", "", false)]
#[case("a!=1", "a=2", true)]
#[case("a!=1", "a=1", false)]
#[case("a!=1", "", true)]
#[case("a in (1,2)", "a=2", true)]
#[case("a in (1,2)", "a=3", false)]
#[case("a notin (1,2)", "a=3", true)]
#[case("a notin (1,2)", "b=3", true)]
#[case("a notin (1,2)", "a=1", false)]
#[case("a", "a=", true)]
#[case("a", "b=", false)]
#[case("!a", "b=1", true)]
#[case("!a", "a=1", false)]
#[case("a>3", "a=4", true)]
#[case("a>3", "a=3", false)]
#[case("a>=3", "a=3", true)]
#[case("a<3", "a=2", true)]
#[case("a<3", "a=3", false)]
#[case("a<=3", "a=3", true)]
#[case("a<=3", "a=many", false)]
#[case("a<=3", "", false)]
#[case("a=1,b=2", "a=1", false)]
#[case("a=1,b=2", "a=1,b=2,c=3", true)]
#[case("a in (0,1,2,3,4,5,6,7,8,9,10)", "a=10", true)]
#[case("a in (0,1,2,3,4,5,6,7,8,9,10)", "a=11", false)]
#[case("a notin (0,1,2,3,4,5,6,7,8,9,10)", "a=0", false)]
fn selectors_match(#[case] selector: &str, #[case] given: &str, #[case] expected: bool) {
    let (selector, given) = (parse(selector), labels(given));
    assert_eq!(selector.matches(&given), expected);
    assert_eq!(selector.matches_optional(Some(&given)), expected);
    assert_eq!(selector.matches_with(|key| given.get(key).map(String::as_str)), expected);
    if given.is_empty() {
        assert_eq!(selector.matches_optional(None), expected);
    }
}

fn expression(key: &str, operator: &str, values: &[&str]) -> LabelSelectorRequirement {
    LabelSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
    }
}

fn selector_of(given: &str, expressions: &[LabelSelectorRequirement]) -> LabelSelector {
    LabelSelector { match_labels: Some(labels(given)), match_expressions: Some(expressions.to_vec()) }
}

#[test]
fn label_selectors_compile_to_the_same_as_their_text() {
    let selector = selector_of(
        "app=web,tier=front",
        &[
            expression("env", "In", &["prod", "dev"]),
            expression("env", "NotIn", &["test"]),
            expression("owner", "Exists", &[]),
            expression("old", "DoesNotExist", &[]),
        ],
    );
    let text = "app=web,tier=front,env in (dev,prod),env!=test,owner,!old";
    assert_eq!(Selector::compile(&selector), Ok(parse(text)));
    assert_eq!(parse(text).keys().collect::<Vec<_>>(), ["app", "env", "old", "owner", "tier"]);
}

#[test]
fn an_empty_selector_selects_everything_and_an_absent_one_what_its_field_says() {
    let compile =
        |selector, when_absent| Selector::compile_optional(selector, when_absent).expect("no mistakes");
    let empty = LabelSelector::default();
    assert_eq!(compile(Some(&empty), WhenAbsent::SelectNothing), Selector::everything());
    assert_eq!(compile(None, WhenAbsent::SelectNothing), Selector::nothing());
    assert_eq!(compile(None, WhenAbsent::SelectEverything), Selector::everything());
    assert!(Selector::everything().selects_everything() && !Selector::everything().selects_nothing());
    assert!(Selector::nothing().selects_nothing() && !Selector::nothing().selects_everything());
    assert!(!Selector::nothing().matches(&labels("a=1")) && !Selector::nothing().matches_optional(None));
    assert_eq!(Selector::nothing().to_string(), "<nothing>");
}

#[rstest]
#[case("In", &[], r#"selector on "a": In needs at least one value"#)]
#[case("NotIn", &[], r#"selector on "a": NotIn needs at least one value"#)]
#[case("Exists", &["1"], r#"selector on "a": Exists takes no values; leave them out"#)]
#[case("DoesNotExist", &["1"], r#"selector on "a": DoesNotExist takes no values; leave them out"#)]
#[case("Gt", &["1"], r#"selector on "a": operator "Gt" is unknown; use In, NotIn, Exists or DoesNotExist"#)]
fn a_bad_expression_says_what_would_be_right(
    #[case] operator: &str,
    #[case] values: &[&str],
    #[case] message: &str,
) {
    let compiled = Selector::compile(&selector_of("", &[expression("a", operator, values)]));
    assert_eq!(compiled.map_err(|error| error.to_string()), Err(message.to_owned()));
}

#[test]
fn keys_and_values_of_expressions_are_checked() {
    let bad_key = Selector::compile(&selector_of("", &[expression("a b", "Exists", &[])]));
    assert!(matches!(bad_key, Err(SelectorError::Key(_))));
    let bad_value = Selector::compile(&selector_of("a=b c", &[]));
    assert!(matches!(bad_value, Err(SelectorError::Value { .. })));
}

#[test]
fn a_label_can_be_demanded_on_top_t3() {
    let selector = parse("app=web").with_label("hash", "1");
    assert_eq!(selector, parse("hash=1,app=web"));
    assert_eq!(selector.clone().with_label("hash", "1"), selector, "asking twice changes nothing");
    assert_eq!(Selector::nothing().with_label("hash", "1"), Selector::nothing());
    assert_eq!(Selector::of_labels(&labels("app=web,hash=1")), selector);
}

#[test]
fn a_selector_becomes_requirements_for_a_catalogue() {
    let requirements = |text: &str| parse(text).requirements().map(|found| found.map(|all| all.to_string()));
    assert_eq!(
        requirements("karpenter.k8s.aws/instance-category in (m,c),karpenter.k8s.aws/instance-cpu>=4,karpenter.k8s.aws/instance-cpu<=8,!gpu"),
        Ok(Some(
            "gpu DoesNotExist, karpenter.k8s.aws/instance-category In [c m], karpenter.k8s.aws/instance-cpu Exists >=4 <=8"
                .to_owned()
        ))
    );
    assert_eq!(
        requirements("beta.kubernetes.io/arch=arm64"),
        Ok(Some("kubernetes.io/arch In [arm64]".to_owned()))
    );
    assert_eq!(Selector::nothing().requirements(), Ok(None));
    assert!(requirements("n>-1").is_err());
}

#[test]
fn megabytes_of_nonsense_are_refused_in_one_pass() {
    for text in [
        "a,".repeat(3_000_000),
        "(".repeat(10_000_000),
        "!".repeat(10_000_000),
        "x".repeat(10_000_000),
        "é ".repeat(3_000_000),
    ] {
        let error = text.parse::<Selector>().expect_err("nonsense");
        assert!(error.to_string().len() < 400, "an error quotes no more than a line");
    }
    let many: Vec<String> = (0..200_000).map(|number| format!("v{number}")).collect();
    let selector = parse(&format!("a in ({})", many.join(",")));
    assert!(selector.matches(&labels("a=v199999")) && !selector.matches(&labels("a=v200000")));
}

/// One term as people write it, and its meaning.
#[derive(Debug, Clone)]
struct Term {
    key: &'static str,
    operator: &'static str,
    values: Vec<&'static str>,
    bound: i64,
}

const KEYS: [&str; 3] = ["a", "b", "example.com/c"];
const VALUES: [&str; 7] = ["", "1", "2", "3", "02", "x", "y.z"];

impl Term {
    fn text(&self) -> String {
        let (key, values) = (self.key, self.values.join(","));
        match self.operator {
            "exists" => key.to_owned(),
            "!" => format!("!{key}"),
            "in" | "notin" => format!("{key} {} ({values})", self.operator),
            "=" | "==" | "!=" => format!("{key}{}{}", self.operator, self.values[0]),
            comparison => format!("{key}{comparison}{}", self.bound),
        }
    }

    fn holds(&self, value: Option<&str>) -> bool {
        let Some(value) = value else { return matches!(self.operator, "!" | "notin" | "!=") };
        let number = value.parse::<i64>().ok();
        match self.operator {
            "exists" => true,
            "in" => self.values.contains(&value),
            "notin" => !self.values.contains(&value),
            "=" | "==" => self.values[0] == value,
            "!=" => self.values[0] != value,
            ">" => number.is_some_and(|number| number > self.bound),
            "<" => number.is_some_and(|number| number < self.bound),
            ">=" => number.is_some_and(|number| number >= self.bound),
            "<=" => number.is_some_and(|number| number <= self.bound),
            _ => false,
        }
    }
}

fn term() -> impl Strategy<Value = Term> {
    (
        proptest::sample::select(&KEYS[..]),
        proptest::sample::select(vec!["exists", "!", "in", "notin", "=", "==", "!=", ">", "<", ">=", "<="]),
        proptest::collection::vec(proptest::sample::select(&VALUES[..]), 1..4),
        0i64..4,
    )
        .prop_map(|(key, operator, values, bound)| Term { key, operator, values, bound })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_selector_matches_exactly_if_every_term_holds(
        terms in proptest::collection::vec(term(), 0..5),
        given in proptest::collection::btree_map(proptest::sample::select(&KEYS[..]), proptest::sample::select(&VALUES[..]), 0..4),
    ) {
        let text = terms.iter().map(Term::text).collect::<Vec<_>>().join(",");
        let selector = parse(&text);
        let labels: BTreeMap<String, String> = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let expected = terms.iter().all(|term| term.holds(given.get(term.key).copied()));
        prop_assert_eq!(selector.matches(&labels), expected, "{} on {:?}", selector, labels);
        prop_assert_eq!(parse(&selector.to_string()), selector);
    }

    #[test]
    fn the_order_and_repetition_of_terms_do_not_matter(terms in proptest::collection::vec(term(), 1..5)) {
        let text = |terms: &[Term]| terms.iter().map(Term::text).collect::<Vec<_>>().join(" , ");
        let mut other = terms.clone();
        other.reverse();
        other.push(terms[0].clone());
        prop_assert_eq!(parse(&text(&terms)), parse(&text(&other)));
    }

    #[test]
    fn one_term_means_the_same_as_its_requirement(term in term(), value in proptest::option::of(proptest::sample::select(&VALUES[..]))) {
        let selector = parse(&term.text());
        let requirements = selector.requirements().expect("no negative numbers").expect("selects something");
        let labels: BTreeMap<String, String> = value.iter().map(|value| (term.key.to_owned(), (*value).to_owned())).collect();
        prop_assert_eq!(requirements.has_labels(&labels), selector.matches(&labels));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".*", selectorish in "[ab!=<>(), \tinoté1/.-]{0,24}") {
        for text in [text, selectorish] {
            if let Ok(selector) = text.parse::<Selector>() {
                prop_assert_eq!(parse(&selector.to_string()), selector);
            }
        }
    }
}
