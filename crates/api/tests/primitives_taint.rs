//! Taints and tolerations match as in the Kubernetes scheduler (reference sections 1.6 and 2.6).

use k8s_openapi::api::core::v1::{Taint, Toleration};
use proptest::prelude::*;
use rstest::rstest;
use supercargo_api::taint::{
    describe, disrupted, first_untolerated, is_known_ephemeral, matches_taint, tolerates, unregistered,
};

/// `key=value:Effect` or `key:Effect`.
fn taint(text: &str) -> Taint {
    let (label, effect) = text.rsplit_once(':').unwrap_or_else(|| panic!("{text}"));
    let (key, value) = label.split_once('=').map_or((label, None), |(key, value)| (key, Some(value)));
    Taint {
        key: key.to_owned(),
        value: value.map(str::to_owned),
        effect: effect.to_owned(),
        time_added: None,
    }
}

/// Key, operator, value and effect; an empty one is left out.
fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
    let field = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Toleration {
        key: field(key),
        operator: field(operator),
        value: field(value),
        effect: field(effect),
        toleration_seconds: None,
    }
}

#[rstest]
#[case::equal(("a", "Equal", "1", "NoSchedule"), "a=1:NoSchedule", true)]
#[case::equal_is_the_default(("a", "", "1", "NoSchedule"), "a=1:NoSchedule", true)]
#[case::another_value(("a", "Equal", "2", "NoSchedule"), "a=1:NoSchedule", false)]
#[case::another_key(("b", "Equal", "1", "NoSchedule"), "a=1:NoSchedule", false)]
#[case::another_effect(("a", "Equal", "1", "NoExecute"), "a=1:NoSchedule", false)]
#[case::any_effect(("a", "Equal", "1", ""), "a=1:NoExecute", true)]
#[case::no_value_on_either_side(("a", "Equal", "", ""), "a:NoSchedule", true)]
#[case::a_value_against_none(("a", "Equal", "1", ""), "a:NoSchedule", false)]
#[case::exists(("a", "Exists", "", "NoSchedule"), "a=1:NoSchedule", true)]
#[case::exists_with_another_key(("b", "Exists", "", ""), "a=1:NoSchedule", false)]
#[case::everything(("", "Exists", "", ""), "a=1:NoExecute", true)]
#[case::everything_of_one_effect(("", "Exists", "", "NoSchedule"), "a=1:NoExecute", false)]
#[case::greater(("sla", "Gt", "900", ""), "sla=950:NoSchedule", true)]
#[case::not_greater(("sla", "Gt", "950", ""), "sla=950:NoSchedule", false)]
#[case::less(("sla", "Lt", "950", ""), "sla=800:NoSchedule", true)]
#[case::not_less(("sla", "Lt", "800", ""), "sla=800:NoSchedule", false)]
#[case::negative_numbers(("sla", "Gt", "-100", ""), "sla=-50:NoSchedule", true)]
#[case::the_greatest_number(("sla", "Gt", "9223372036854775806", ""), "sla=9223372036854775807:NoSchedule", true)]
#[case::beyond_64_bits(("sla", "Gt", "1", ""), "sla=9223372036854775808:NoSchedule", false)]
#[case::zero(("sla", "Lt", "0", ""), "sla=-1:NoSchedule", true)]
#[case::a_word(("sla", "Gt", "900", ""), "sla=high:NoSchedule", false)]
#[case::no_value_to_compare(("sla", "Gt", "900", ""), "sla:NoSchedule", false)]
#[case::a_leading_zero(("sla", "Gt", "0900", ""), "sla=950:NoSchedule", false)]
#[case::a_leading_zero_on_the_taint(("sla", "Gt", "1", ""), "sla=0950:NoSchedule", false)]
#[case::a_plus_sign(("sla", "Gt", "+900", ""), "sla=950:NoSchedule", false)]
#[case::a_negative_zero(("sla", "Lt", "-0", ""), "sla=-1:NoSchedule", false)]
#[case::a_fraction(("sla", "Gt", "1.5", ""), "sla=950:NoSchedule", false)]
#[case::an_unknown_operator(("a", "In", "1", ""), "a=1:NoSchedule", false)]
fn a_toleration_matches_a_taint(
    #[case] (key, operator, value, effect): (&str, &str, &str, &str),
    #[case] text: &str,
    #[case] expected: bool,
) {
    let toleration = toleration(key, operator, value, effect);
    assert_eq!(matches_taint(&toleration, &taint(text)), expected);
    assert_eq!(tolerates(&[toleration], &taint(text)), expected);
}

#[test]
fn the_first_taint_nothing_tolerates_is_found() {
    let taints = ["a=1:NoSchedule", "b:PreferNoSchedule", "c:NoExecute"].map(taint);
    let a = toleration("a", "Exists", "", "");
    let found = |tolerations: &[Toleration], preferred| {
        first_untolerated(&taints, tolerations, preferred).map(describe)
    };
    assert_eq!(found(&[], true).as_deref(), Some("a=1:NoSchedule"));
    assert_eq!(found(std::slice::from_ref(&a), true).as_deref(), Some("b:PreferNoSchedule"));
    assert_eq!(found(std::slice::from_ref(&a), false).as_deref(), Some("c:NoExecute"));
    assert_eq!(found(&[a, toleration("c", "Exists", "", "")], false), None);
}

#[rstest]
#[case("node.kubernetes.io/not-ready:NoSchedule", true)]
#[case("node.kubernetes.io/not-ready:NoExecute", true)]
#[case("node.kubernetes.io/unreachable:NoSchedule", true)]
#[case("node.kubernetes.io/unreachable:NoExecute", false)]
#[case("node.cloudprovider.kubernetes.io/uninitialized=true:NoSchedule", true)]
#[case("node.cloudprovider.kubernetes.io/uninitialized:NoSchedule", false)]
#[case("karpenter.sh/unregistered:NoExecute", true)]
#[case("karpenter.sh/unregistered:NoSchedule", false)]
#[case("readiness.k8s.io/network:NoSchedule", true)]
#[case("karpenter.sh/disrupted:NoSchedule", false)]
#[case("example.com/dedicated=a:NoSchedule", false)]
fn these_taints_go_away_by_themselves_1_6(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(is_known_ephemeral(&taint(text)), expected);
}

#[test]
fn the_autoscaler_has_two_taints_of_its_own_1_6() {
    assert_eq!(describe(&disrupted()), "karpenter.sh/disrupted:NoSchedule");
    assert_eq!(describe(&unregistered()), "karpenter.sh/unregistered:NoExecute");
}

fn any_taint() -> impl Strategy<Value = Taint> {
    ("[ab]", proptest::option::of("[012x]"), "NoSchedule|PreferNoSchedule|NoExecute")
        .prop_map(|(key, value, effect)| Taint { key, value, effect, time_added: None })
}

fn any_toleration() -> impl Strategy<Value = Toleration> {
    ("[ab]?", "(Equal|Exists|Lt|Gt)?", "[012x]?", "(NoSchedule|PreferNoSchedule|NoExecute)?")
        .prop_map(|(key, operator, value, effect)| toleration(&key, &operator, &value, &effect))
}

proptest! {
    #[test]
    fn the_first_untolerated_taint_is_the_first_that_each_toleration_misses(
        taints in proptest::collection::vec(any_taint(), 0..5),
        tolerations in proptest::collection::vec(any_toleration(), 0..4),
        preferred: bool,
    ) {
        let expected = taints.iter().find(|taint| {
            (preferred || taint.effect != "PreferNoSchedule")
                && tolerations.iter().all(|toleration| !matches_taint(toleration, taint))
        });
        prop_assert_eq!(first_untolerated(&taints, &tolerations, preferred), expected);
    }

    #[test]
    fn one_more_toleration_never_tolerates_less(
        taint in any_taint(), tolerations in proptest::collection::vec(any_toleration(), 0..4), one in any_toleration(),
    ) {
        let before = tolerates(&tolerations, &taint);
        let mut more = tolerations;
        more.push(one);
        prop_assert!(tolerates(&more, &taint) || !before);
    }

    #[test]
    fn leaving_the_key_or_the_effect_out_never_tolerates_less(taint in any_taint(), one in any_toleration()) {
        let wider = Toleration { key: None, effect: None, ..one.clone() };
        prop_assert!(matches_taint(&wider, &taint) || !matches_taint(&one, &taint));
    }

    #[test]
    fn exists_without_a_key_tolerates_everything(taint in any_taint()) {
        prop_assert!(tolerates(&[toleration("", "Exists", "", "")], &taint));
    }

    #[test]
    fn no_text_makes_it_panic(key in ".*", value in ".*", operator in ".*|Lt|Gt", limit in ".*") {
        let taint = Taint { key: key.clone(), value: Some(value), effect: "NoSchedule".to_owned(), time_added: None };
        let _ = (matches_taint(&toleration(&key, &operator, &limit, ""), &taint), is_known_ephemeral(&taint));
    }
}
