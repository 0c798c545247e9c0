//! Labels of one's own: what NodePools define, leave open, or do not know (reference section 2.5; row 9.2-13).

mod by_hand;

use by_hand::{
    Cluster, Manifest, bought, bought_where, instance_type, node, placed, pod, pods, pool, unplaced,
};
use rstest::rstest;
use serde_json::json;
use supercargo_engine::plan::Plan;

fn cluster() -> Cluster {
    Cluster::new(&[instance_type("m.small", 2, 8, 0.1), instance_type("m.large", 8, 32, 0.4)])
}

fn labelled(name: &str, key: &str, value: &str) -> Manifest {
    pool(name).with(json!({"spec": {"template": {"metadata": {"labels": {key: value}}}}}))
}

fn web(rules: &[&str]) -> Manifest {
    pod("web", "1", "1Gi").requiring(&[rules])
}

fn label(plan: &Plan, key: &str) -> Vec<String> {
    let mut values: Vec<String> =
        plan.nodes.iter().map(|node| node.labels.get(key).cloned().unwrap_or_default()).collect();
    values.sort();
    values
}

#[rstest]
#[case::the_value("team In a", true)]
#[case::one_of_several("team In a b", true)]
#[case::another_value("team In b", false)]
#[case::not_the_value("team NotIn a", false)]
#[case::not_another_value("team NotIn b", true)]
#[case::any_value("team Exists", true)]
#[case::no_value("team DoesNotExist", false)]
#[case::another_label("squad In a", false)]
#[case::another_label_to_be_there("squad Exists", false)]
#[case::another_label_to_be_absent("squad DoesNotExist", true)]
#[case::another_label_to_be_anything_but("squad NotIn a", true)]
#[case::another_label_to_be_more("squad Gt 1", false)]
fn a_label_of_the_template_is_what_it_is(#[case] rule: &str, #[case] placed: bool) {
    let plan = cluster().pool(labelled("general", "team", "a")).pod(web(&[rule])).plan();
    assert_eq!(plan.unschedulable.is_empty(), placed);
    assert_eq!(plan.nodes.len(), usize::from(placed));
}

/// Karpenter's algebra forgets that the label has to be there; kube-scheduler does not (2.5).
#[rstest]
#[case::there_but_not_this(&["team Exists", "team NotIn a"])]
#[case::two_values_at_once(&["team In a", "team In b"])]
#[case::there_and_absent(&["team Exists", "team DoesNotExist"])]
#[case::no_number_is_left(&["team Gt 3", "team Lt 4"])]
fn a_pool_that_does_not_know_a_label_cannot_offer_it(#[case] rules: &[&str]) {
    let cluster = cluster().pool(pool("general")).node(node("n1", "4", "8Gi")).pod(web(rules));
    let plan = cluster.plan();
    assert!(placed(&plan).is_empty() && bought(&plan).is_empty(), "{:?}", plan.nodes);
}

#[test]
fn a_term_that_nothing_can_satisfy_does_not_spoil_the_others() {
    let web = pod("web", "1", "1Gi").requiring(&[&["team In a", "team In b"], &["team DoesNotExist"]]);
    assert_eq!(bought(&cluster().pool(pool("general")).pod(web).plan()), ["m.small: web"]);
}

#[test]
fn a_choice_of_values_becomes_what_pods_ask_for() {
    let open = pool("general").requires(&["team In a b c"]);
    let plan = cluster()
        .pool(open)
        .pods(pods("one", 2, "1", "1Gi").into_iter().map(|pod| pod.selecting("team", "b")))
        .pods(pods("two", 2, "1", "1Gi").into_iter().map(|pod| pod.selecting("team", "c")))
        .plan();
    assert_eq!(bought(&plan), ["m.small: one-0 one-1", "m.small: two-0 two-1"]);
    assert_eq!(label(&plan, "team"), ["b", "c"]);
}

#[test]
fn those_who_do_not_care_share_with_those_who_do() {
    let open = pool("general").requires(&["team In a b c"]);
    let plan = cluster().pool(open).pod(web(&["team In c"])).pod(pod("any", "1", "1Gi")).plan();
    assert_eq!(bought(&plan), ["m.small: any web"]);
    assert_eq!(label(&plan, "team"), ["c"]);
}

#[rstest]
#[case::any_value("team In a b", "team Exists", "a")]
#[case::all_but_one("team In a b", "team NotIn a", "b")]
#[case::more_than("team In 1 2 3", "team Gt 2", "3")]
#[case::less_than_or_the_same("team In 1 2 3", "team Lte 1", "1")]
#[case::open_to_anything("team Exists", "team In mine", "mine")]
#[case::open_and_made_up("team Exists", "team Exists", "1")]
#[case::open_and_at_least("team Exists", "team Gte 7", "7")]
#[case::open_and_excluded("team Exists", "team NotIn 1", "2")]
#[case::bounded_by_the_pool("team Gt 5", "team Exists", "6")]
fn a_choice_of_values_answers_every_operator(
    #[case] pool_rule: &str,
    #[case] rule: &str,
    #[case] value: &str,
) {
    let plan = cluster().pool(pool("general").requires(&[pool_rule])).pod(web(&[rule])).plan();
    assert_eq!(label(&plan, "team"), [value]);
}

#[rstest]
#[case::a_value_out_of_the_choice("team In a b", "team In c")]
#[case::a_value_that_is_excluded("team NotIn a", "team In a")]
#[case::absence_of_what_is_required("team Exists", "team DoesNotExist")]
#[case::presence_of_what_is_forbidden("team DoesNotExist", "team Exists")]
#[case::bounds_apart("team Gt 5", "team Lt 5")]
fn a_choice_of_values_does_not_answer(#[case] pool_rule: &str, #[case] rule: &str) {
    let plan = cluster().pool(pool("general").requires(&[pool_rule])).pod(web(&[rule])).plan();
    assert_eq!(plan.unschedulable.len(), 1);
}

#[test]
fn two_open_labels_are_settled_together() {
    let open = pool("general").requires(&["team In a b", "stage In test prod"]);
    let plan = cluster()
        .pool(open)
        .pod(pod("one", "1", "1Gi").requiring(&[&["team In a", "stage In test"]]))
        .pod(pod("two", "1", "1Gi").requiring(&[&["team In b", "stage In prod"]]))
        .plan();
    let mut settled: Vec<String> =
        plan.nodes.iter().map(|node| format!("{}/{}", node.labels["team"], node.labels["stage"])).collect();
    settled.sort();
    assert_eq!(settled, ["a/test", "b/prod"]);
}

/// Values of a NodePool's In are domains (T1): a common way to spread over made-up zones.
#[test]
fn a_choice_of_values_is_a_topology_to_spread_over() {
    let spread = json!({"topologySpreadConstraints": [{
        "maxSkew": 1, "topologyKey": "lane", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }]});
    let plan = cluster()
        .pool(pool("general").requires(&["lane In 1 2 3 4 5"]))
        .pods(pods("web", 5, "1", "1Gi").into_iter().map(|pod| pod.spec(spread.clone())))
        .plan();
    assert_eq!(label(&plan, "lane"), ["1", "2", "3", "4", "5"]);
}

#[test]
fn a_choice_of_values_keeps_those_apart_who_want_to_be() {
    let apart = json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "lane", "labelSelector": {"matchLabels": {"app": "web"}}},
    ]}}});
    let cluster = cluster()
        .pool(pool("general").requires(&["lane In 1 2 3"]))
        .pods(pods("web", 4, "1", "1Gi").into_iter().map(|pod| pod.spec(apart.clone())));
    let plan = cluster.plan();
    assert_eq!(label(&plan, "lane"), ["1", "2", "3"]);
    assert_eq!(plan.summary.unschedulable_pods, 1);
}

#[rstest]
#[case::a_mistyped_well_known_label(
    "karpenter.sh/capacity-tpye",
    "spot",
    "web: label key \"karpenter.sh/capacity-tpye\": label domain karpenter.sh is restricted"
)]
#[case::a_name_without_its_domain(
    "instance-category",
    "m",
    "web: NodePool general: pod: instance-category In [m] (no such label on its nodes; did you mean \
     karpenter.k8s.aws/instance-category?)"
)]
#[case::a_domain_mistyped(
    "topology.kubernetes.io/zonne",
    "a",
    "web: NodePool general: pod: topology.kubernetes.io/zonne In [a] (no such label on its nodes; did you mean \
     topology.kubernetes.io/zone?)"
)]
#[case::a_label_of_the_pool_mistyped(
    "squat",
    "a",
    "web: NodePool general: pod: squat In [a] (no such label on its nodes; did you mean squad?)"
)]
#[case::a_label_of_ones_own(
    "example.com/stage",
    "prod",
    "web: NodePool general: pod: example.com/stage In [prod] (no such label on its nodes)"
)]
#[case::a_label_with_another_value(
    "squad",
    "blue",
    "web: NodePool general: pod: squad In [blue] (its nodes have red)"
)]
fn a_label_that_no_node_has_is_named_with_a_hint(
    #[case] key: &str,
    #[case] value: &str,
    #[case] expected: &str,
) {
    let plan = cluster()
        .pool(labelled("general", "squad", "red"))
        .pod(pod("web", "1", "1Gi").selecting(key, value))
        .plan();
    let said = if plan.ignored.is_empty() { unplaced(&plan) } else { by_hand::ignored(&plan) };
    assert!(said[0].starts_with(expected), "{said:?}");
}

#[test]
fn the_pool_that_knows_the_label_is_used() {
    let plan = cluster()
        .pool(labelled("a", "team", "a"))
        .pool(labelled("b", "team", "b"))
        .pod(web(&["team In b"]))
        .plan();
    assert_eq!(bought_where(&plan), ["b m.small a on-demand: web"]);
}
