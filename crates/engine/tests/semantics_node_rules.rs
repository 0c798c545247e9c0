//! Which nodes a pod admits: node selectors, required node affinity, taints (reference sections 2.5, 2.6, 2.8).

mod by_hand;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, bought, bought_where, instance_type, node, placed, pod, pool,
};
use rstest::rstest;
use serde_json::{Value, json};

/// Prices rise with size, so whatever is bought is the smallest that is admitted.
fn types() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("t.small", 2, 4, 0.03).arm().zones("a b"),
        instance_type("m.small", 2, 8, 0.1).zones("a b").spot(0.04),
        instance_type("m.medium", 4, 16, 0.2).zones("a b"),
        instance_type("m.large", 8, 32, 0.4).zones("b c"),
        instance_type("g.large", 8, 32, 1.0)
            .label("karpenter.k8s.aws/instance-gpu-name", "t4")
            .label("karpenter.k8s.aws/instance-gpu-count", "1"),
        instance_type("w.large", 8, 32, 2.0).label("kubernetes.io/os", "windows"),
    ]
}

fn cluster() -> Cluster {
    Cluster::new(&types()).pool(pool("general"))
}

fn web() -> Manifest {
    pod("web", "1", "1Gi")
}

#[rstest]
#[case::anything(&[], "t.small a on-demand")]
#[case::listed(&["node.kubernetes.io/instance-type In m.medium m.large"], "m.medium a on-demand")]
#[case::not_listed(&["node.kubernetes.io/instance-type NotIn t.small m.small"], "m.medium a on-demand")]
#[case::present(&["karpenter.k8s.aws/instance-gpu-name Exists"], "g.large a on-demand")]
#[case::absent(&["karpenter.k8s.aws/instance-gpu-name DoesNotExist", "kubernetes.io/arch In amd64"], "m.small a spot")]
#[case::not_what_others_lack(&["karpenter.k8s.aws/instance-gpu-name NotIn t4"], "t.small a on-demand")]
#[case::more_than(&["karpenter.k8s.aws/instance-cpu Gt 2"], "m.medium a on-demand")]
#[case::less_than(&["karpenter.k8s.aws/instance-cpu Lt 8", "karpenter.k8s.aws/instance-cpu Gt 2"], "m.medium a on-demand")]
#[case::at_least(&["karpenter.k8s.aws/instance-cpu Gte 8"], "m.large b on-demand")]
#[case::at_most(&["karpenter.k8s.aws/instance-memory Lte 16384", "karpenter.k8s.aws/instance-memory Gte 8193"], "m.medium a on-demand")]
#[case::a_number_where_there_is_none(&["karpenter.k8s.aws/instance-gpu-count Lt 9"], "g.large a on-demand")]
#[case::arm(&["kubernetes.io/arch In arm64"], "t.small a on-demand")]
#[case::amd(&["kubernetes.io/arch In amd64"], "m.small a spot")]
#[case::windows(&["kubernetes.io/os In windows"], "w.large a on-demand")]
#[case::a_zone(&["topology.kubernetes.io/zone In b"], "t.small b on-demand")]
#[case::not_the_zones(&["topology.kubernetes.io/zone NotIn a b"], "m.large c on-demand")]
#[case::a_zone_by_its_id(&["topology.k8s.aws/zone-id In id-c"], "m.large c on-demand")]
#[case::a_region(&["topology.kubernetes.io/region In mars-1"], "t.small a on-demand")]
#[case::spot(&["karpenter.sh/capacity-type In spot"], "m.small a spot")]
#[case::spot_elsewhere(&["karpenter.sh/capacity-type In spot", "topology.kubernetes.io/zone In b"], "m.small b spot")]
#[case::not_spot(&["karpenter.sh/capacity-type NotIn spot", "kubernetes.io/arch In amd64"], "m.small a on-demand")]
#[case::the_usual_tenancy(&["karpenter.k8s.aws/instance-tenancy In default"], "t.small a on-demand")]
#[case::no_reservation(&["karpenter.k8s.aws/capacity-reservation-id DoesNotExist"], "t.small a on-demand")]
#[case::an_old_name_of_arch(&["beta.kubernetes.io/arch In amd64"], "m.small a spot")]
#[case::an_old_name_of_os(&["beta.kubernetes.io/os In windows"], "w.large a on-demand")]
#[case::an_old_name_of_the_type(&["beta.kubernetes.io/instance-type In m.large"], "m.large b on-demand")]
#[case::an_old_name_of_the_zone(&["failure-domain.beta.kubernetes.io/zone In c"], "m.large c on-demand")]
#[case::an_old_name_of_the_region(&["failure-domain.beta.kubernetes.io/region In mars-1"], "t.small a on-demand")]
#[case::the_volume_drivers_name_of_the_zone(&["topology.ebs.csi.aws.com/zone In c"], "m.large c on-demand")]
#[case::the_pool(&["karpenter.sh/nodepool In general"], "t.small a on-demand")]
fn a_required_term_decides_what_is_bought(#[case] rules: &[&str], #[case] expected: &str) {
    let web = if rules.is_empty() { web() } else { web().requiring(&[rules]) };
    assert_eq!(bought_where(&cluster().pod(web).plan()), [format!("general {expected}: web")]);
}

#[rstest]
#[case::no_such_type(&["node.kubernetes.io/instance-type In x.large"])]
#[case::no_such_zone(&["topology.kubernetes.io/zone In d"])]
#[case::no_such_region(&["topology.kubernetes.io/region In earth-1"])]
#[case::no_such_zone_id(&["topology.k8s.aws/zone-id In id-d"])]
#[case::no_such_capacity_type(&["karpenter.sh/capacity-type In reserved"])]
#[case::no_such_tenancy(&["karpenter.k8s.aws/instance-tenancy In dedicated"])]
#[case::no_such_pool(&["karpenter.sh/nodepool In other"])]
#[case::no_zone_at_all(&["topology.kubernetes.io/zone DoesNotExist"])]
#[case::a_reservation(&["karpenter.k8s.aws/capacity-reservation-id Exists"])]
#[case::a_type_in_a_zone_it_is_not_sold_in(&["node.kubernetes.io/instance-type In m.large", "topology.kubernetes.io/zone In a"])]
#[case::a_type_not_sold_so(&["node.kubernetes.io/instance-type In m.large", "karpenter.sh/capacity-type In spot"])]
#[case::bounds_apart(&["karpenter.k8s.aws/instance-cpu Gt 4", "karpenter.k8s.aws/instance-cpu Lt 8"])]
#[case::two_zones_at_once(&["topology.kubernetes.io/zone In a", "topology.kubernetes.io/zone In b"])]
#[case::words_are_no_numbers(&["karpenter.k8s.aws/instance-family Gt 1"])]
fn a_required_term_can_admit_nothing(#[case] rules: &[&str]) {
    let plan = cluster().pod(web().requiring(&[rules])).plan();
    assert!(plan.nodes.is_empty());
    assert_eq!(plan.unschedulable.len(), 1);
}

#[test]
fn a_node_selector_and_every_expression_of_a_term_hold_together() {
    let web = web()
        .selecting("topology.kubernetes.io/zone", "b")
        .requiring(&[&["karpenter.k8s.aws/instance-cpu Gt 2", "karpenter.k8s.aws/instance-memory Lt 32768"]]);
    assert_eq!(bought_where(&cluster().pod(web).plan()), ["general m.medium b on-demand: web"]);
}

#[rstest]
#[case::the_first_will_do("kubernetes.io/os In windows or topology.kubernetes.io/zone In d", "w.large")]
#[case::only_the_second_will_do("topology.kubernetes.io/zone In d or kubernetes.io/os In windows", "w.large")]
#[case::only_the_last_will_do(
    "team In a or kubernetes.io/arch In s390x or karpenter.k8s.aws/instance-cpu Gt 4",
    "m.large"
)]
#[case::the_cheaper_one_is_taken("kubernetes.io/os In windows or kubernetes.io/arch In arm64", "t.small")]
fn one_of_several_terms_is_enough(#[case] terms: &str, #[case] expected: &str) {
    let terms: Vec<[&str; 1]> = terms.split(" or ").map(|term| [term]).collect();
    let terms: Vec<&[&str]> = terms.iter().map(|term| term.as_slice()).collect();
    assert_eq!(bought(&cluster().pod(web().requiring(&terms)).plan()), [format!("{expected}: web")]);
}

#[test]
fn a_term_that_is_too_small_gives_way_to_one_that_is_not() {
    let large = pod("web", "7", "1Gi")
        .requiring(&[&["kubernetes.io/arch In arm64"], &["kubernetes.io/os In windows"]]);
    assert_eq!(bought(&cluster().pod(large).plan()), ["w.large: web"]);
}

#[test]
fn an_empty_term_matches_nothing_and_an_empty_list_neither() {
    let affinity = |terms: Value| json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}});
    let plan = cluster().pod(web().spec(affinity(json!([{}])))).plan();
    assert!(plan.nodes.is_empty() && plan.ignored.len() == 1);
    let plan = cluster().pod(web().spec(affinity(json!([])))).plan();
    assert!(plan.nodes.is_empty() && plan.ignored.len() == 1);
    let other = json!([{}, {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}]}]);
    assert_eq!(bought(&cluster().pod(web().spec(affinity(other))).plan()), ["w.large: web"]);
}

#[rstest]
#[case::in_values("disk In ssd", true)]
#[case::not_in("disk NotIn hdd", true)]
#[case::not_in_what_it_has("disk NotIn ssd", false)]
#[case::exists("disk Exists", true)]
#[case::does_not_exist("disk DoesNotExist", false)]
#[case::gt("rack Gt 6", true)]
#[case::gt_what_it_has("rack Gt 7", false)]
#[case::lt("rack Lt 8", true)]
#[case::gte("rack Gte 7", true)]
#[case::lte("rack Lte 6", false)]
#[case::gt_on_words("disk Gt 1", false)]
#[case::absent_in("floor In 1", false)]
#[case::absent_not_in("floor NotIn 1", true)]
#[case::absent_exists("floor Exists", false)]
#[case::absent_does_not_exist("floor DoesNotExist", true)]
#[case::absent_lt("floor Lt 9", false)]
fn every_operator_reads_the_labels_of_an_existing_node(#[case] rule: &str, #[case] admitted: bool) {
    let node = node("n1", "4", "8Gi").label("disk", "ssd").label("rack", "7");
    let plan = cluster().node(node).pod(web().requiring(&[&[rule]])).plan();
    assert_eq!(plan.placements.len(), usize::from(admitted));
}

#[rstest]
#[case::requirements_of_the_pool(&["karpenter.k8s.aws/instance-cpu Gt 4"], "general m.large b on-demand: web")]
#[case::zones_of_the_pool(&["topology.kubernetes.io/zone In b", "kubernetes.io/arch In amd64"], "general m.small b spot: web")]
#[case::capacity_types_of_the_pool(&["karpenter.sh/capacity-type In spot"], "general m.small a spot: web")]
#[case::both_at_once(&["karpenter.sh/capacity-type In on-demand", "topology.kubernetes.io/zone In c"], "general m.large c on-demand: web")]
fn a_pool_narrows_what_is_bought(#[case] requirements: &[&str], #[case] expected: &str) {
    let plan = Cluster::new(&types()).pool(pool("general").requires(requirements)).pod(web()).plan();
    assert_eq!(bought_where(&plan), [expected]);
}

#[test]
fn pool_and_pod_must_agree() {
    let arm = pool("arm").requires(&["kubernetes.io/arch In arm64"]);
    let amd = pool("amd").requires(&["kubernetes.io/arch In amd64"]);
    let cluster = Cluster::new(&types()).pool(arm).pool(amd);
    let plan = cluster.clone().pod(web().selecting("kubernetes.io/arch", "amd64")).plan();
    assert_eq!(bought_where(&plan), ["amd m.small a spot: web"]);
    let plan = cluster.pod(web().selecting("kubernetes.io/arch", "arm64")).plan();
    assert_eq!(bought_where(&plan), ["arm t.small a on-demand: web"]);
}

fn tainted(name: &str, key: &str, value: &str, effect: &str) -> Manifest {
    let taint = json!({"key": key, "value": value, "effect": effect});
    pool(name).spec(json!({"template": {"spec": {"taints": [taint]}}}))
}

#[rstest]
#[case::nothing(json!([]), false)]
#[case::the_very_taint(json!([{"key": "gpu", "value": "t4", "effect": "NoSchedule"}]), true)]
#[case::the_very_taint_spelt_out(json!([{"key": "gpu", "operator": "Equal", "value": "t4", "effect": "NoSchedule"}]), true)]
#[case::whatever_its_value(json!([{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]), true)]
#[case::whatever_its_effect(json!([{"key": "gpu", "operator": "Exists"}]), true)]
#[case::everything(json!([{"operator": "Exists"}]), true)]
#[case::another_value(json!([{"key": "gpu", "value": "a100", "effect": "NoSchedule"}]), false)]
#[case::another_effect(json!([{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]), false)]
#[case::another_key(json!([{"key": "arm", "operator": "Exists"}]), false)]
fn a_pod_goes_to_a_tainted_pool_only_if_it_tolerates(#[case] tolerations: Value, #[case] goes: bool) {
    let cluster = Cluster::new(&types()).pool(tainted("gpus", "gpu", "t4", "NoSchedule"));
    let plan = cluster.pod(web().spec(json!({"tolerations": tolerations}))).plan();
    assert_eq!(plan.nodes.len(), usize::from(goes));
}

#[test]
fn a_no_execute_taint_keeps_pods_out_as_well() {
    let cluster = Cluster::new(&types()).pool(tainted("gpus", "gpu", "", "NoExecute"));
    assert!(cluster.clone().pod(web()).plan().nodes.is_empty());
    let tolerant =
        web().spec(json!({"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]}));
    assert_eq!(cluster.pod(tolerant).plan().nodes.len(), 1);
}

#[test]
fn every_taint_must_be_tolerated() {
    let two = json!({"template": {"spec": {"taints": [
        {"key": "gpu", "effect": "NoSchedule"}, {"key": "team", "value": "a", "effect": "NoSchedule"},
    ]}}});
    let cluster = Cluster::new(&types()).pool(pool("gpus").spec(two));
    let one = web().spec(json!({"tolerations": [{"key": "gpu", "operator": "Exists"}]}));
    assert!(cluster.clone().pod(one).plan().nodes.is_empty());
    let both = web()
        .spec(json!({"tolerations": [{"key": "gpu", "operator": "Exists"}, {"key": "team", "value": "a"}]}));
    assert_eq!(cluster.pod(both).plan().nodes.len(), 1);
}

/// Startup taints go away by themselves; pods need not tolerate them (2.4).
#[test]
fn startup_taints_keep_nobody_out() {
    let startup =
        json!({"template": {"spec": {"startupTaints": [{"key": "agent", "effect": "NoSchedule"}]}}});
    let plan = Cluster::new(&types()).pool(pool("general").spec(startup)).pod(web()).plan();
    assert_eq!(bought(&plan), ["t.small: web"]);
}

#[test]
fn an_untainted_pool_is_used_by_those_who_do_not_tolerate() {
    let plan = Cluster::new(&types())
        .pool(tainted("gpus", "gpu", "t4", "NoSchedule").spec(json!({"weight": 50})))
        .pool(pool("general"))
        .pod(web())
        .pod(pod("train", "1", "1Gi").spec(json!({"tolerations": [{"key": "gpu", "operator": "Exists"}]})))
        .plan();
    assert_eq!(bought_where(&plan), ["general t.small a on-demand: web", "gpus t.small a on-demand: train"]);
}

#[test]
fn a_sold_out_offering_is_not_bought() {
    let types = [
        instance_type("m.small", 2, 8, 0.1).sold_out_in("b", 0.01),
        instance_type("m.large", 8, 32, 0.4).zones("b"),
    ];
    let cluster = Cluster::new(&types).pool(pool("general"));
    assert_eq!(bought_where(&cluster.clone().pod(web()).plan()), ["general m.small a on-demand: web"]);
    let plan = cluster.pod(web().selecting("topology.kubernetes.io/zone", "b")).plan();
    assert_eq!(bought_where(&plan), ["general m.large b on-demand: web"]);
}

#[test]
fn pods_that_may_share_a_node_do_and_others_do_not() {
    let plan = cluster()
        .pod(pod("amd", "1", "1Gi").selecting("kubernetes.io/arch", "amd64"))
        .pod(pod("arm", "1", "1Gi").selecting("kubernetes.io/arch", "arm64"))
        .pod(pod("any", "1", "1Gi"))
        .plan();
    assert_eq!(plan.nodes.len(), 2);
    assert!(placed(&plan).is_empty());
}
