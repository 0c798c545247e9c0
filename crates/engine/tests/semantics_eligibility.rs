//! Which pods are to be placed, and why others are not (reference section 2.2).

mod by_hand;

use by_hand::{Cluster, Manifest, bought, ignored, instance_type, node, placed, pod, pool};
use rstest::rstest;
use serde_json::{Value, json};

fn cluster() -> Cluster {
    Cluster::new(&[instance_type("m.small", 2, 8, 0.1)]).pool(pool("general"))
}

fn web() -> Manifest {
    pod("web", "1", "1Gi")
}

#[rstest]
#[case::with_scheduling_gates(
    web().spec(json!({"schedulingGates": [{"name": "quota"}]})),
    "web: has scheduling gates"
)]
#[case::that_preempts_others(
    web().with(json!({"status": {"nominatedNodeName": "node-1"}})),
    "web: is about to take the place of other pods on node node-1"
)]
#[case::that_the_scheduler_gave_up_for_its_own_reasons(
    web().with(json!({"status": {"conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "SchedulerError"},
    ]}})),
    "web: is not waiting for a node (PodScheduled is False: SchedulerError)"
)]
#[case::tied_to_a_node_by_match_fields(
    web().spec(json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}],
    }}}})),
    "web: node affinity by matchFields ties the pod to one existing node"
)]
#[case::with_a_label_key_that_is_none(
    web().selecting("no spaces", "x"),
    r#"web: name of label key "no spaces" may only have letters, digits, '-', '_' and '.', and must begin and end with a letter or digit"#
)]
#[case::with_a_restricted_karpenter_label(
    web().selecting("karpenter.sh/provisioner-name", "x"),
    r#"web: label key "karpenter.sh/provisioner-name": label domain karpenter.sh is restricted; of its labels only karpenter.sh/capacity-type may be used here, or take a label in a domain of your own"#
)]
#[case::with_a_restricted_aws_label(
    web().requiring(&[&["karpenter.k8s.aws/instance-pods Gt 5"]]),
    r#"web: label key "karpenter.k8s.aws/instance-pods": label domain karpenter.k8s.aws is restricted to its well-known labels, such as karpenter.k8s.aws/instance-category; use one of those or a label in a domain of your own"#
)]
#[case::with_an_operator_that_is_none(
    web().requiring(&[&["team Is a"]]),
    r#"web: node affinity: requirement on "team": operator "Is" is unknown; use In, NotIn, Exists, DoesNotExist, Gt, Lt, Gte or Lte"#
)]
#[case::with_a_preference_that_cannot_be_read(
    web().preferring(&[(1, &["team In"])]),
    r#"web: node affinity: requirement on "team": In needs at least one value"#
)]
#[case::comparing_with_words(
    web().requiring(&[&["team Gt many"]]),
    r#"web: node affinity: requirement on "team": Gt needs a whole number of at least 0, found "many""#
)]
#[case::contradicting_itself(
    web().selecting("team", "a").requiring(&[&["team In b"]]),
    "web: node selector and required node affinity contradict each other, or match no node"
)]
#[case::with_resource_claims_2_16(
    web().spec(json!({"resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]})),
    "web: uses dynamic resource allocation (resourceClaims), which is not supported"
)]
#[case::requesting_less_than_nothing(
    pod("web", "-1", "1Gi"),
    "web: resource cpu: a request of -1 is below zero"
)]
fn a_pod_is_ignored_with_a_reason(#[case] pod: Manifest, #[case] expected: &str) {
    let plan = cluster().pod(pod).pod(by_hand::pod("other", "1", "1Gi")).plan();
    assert_eq!(ignored(&plan), [expected]);
    assert_eq!(bought(&plan), ["m.small: other"], "others are not held up");
    assert!(plan.unschedulable.is_empty());
    assert!(!plan.is_complete());
}

#[rstest]
#[case::finished(web().with(json!({"status": {"phase": "Succeeded"}})))]
#[case::failed(web().with(json!({"status": {"phase": "Failed"}})))]
#[case::on_its_way_out(web().terminating())]
#[case::a_mirror_of_a_static_pod(web().annotation("kubernetes.io/config.mirror", "x"))]
#[case::a_static_pod_of_a_node(web().owned_by("Node", "node-1"))]
#[case::of_a_daemon_set(web().owned_by("DaemonSet", "agent"))]
#[case::that_shuns_node_pools(web().requiring(&[&["karpenter.sh/nodepool DoesNotExist"]]))]
fn a_pod_is_left_out_without_a_word(#[case] pod: Manifest) {
    let plan = cluster().pod(pod).plan();
    assert!(plan.ignored.is_empty(), "{:?}", plan.ignored);
    assert!(plan.nodes.is_empty() && plan.unschedulable.is_empty());
    assert!(plan.is_complete());
}

#[rstest]
#[case::no_status_at_all(json!({}))]
#[case::found_no_node(json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}))]
#[case::other_conditions(json!({"conditions": [{"type": "Ready", "status": "False", "reason": "Whatever"}]}))]
#[case::nominated_for_nothing(json!({"nominatedNodeName": ""}))]
fn a_pod_waits_for_a_node(#[case] status: Value) {
    let plan = cluster().pod(web().with(json!({"status": status}))).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
}

#[rstest]
#[case::the_node_pool(&["karpenter.sh/nodepool In general"])]
#[case::the_node_class(&["karpenter.k8s.aws/ec2nodeclass In default"])]
#[case::registered_nodes(&["karpenter.sh/registered In true"])]
#[case::initialized_nodes(&["karpenter.sh/initialized In true"])]
#[case::an_alias_of_a_well_known_label(&["beta.kubernetes.io/arch In amd64"])]
fn labels_that_every_node_of_ours_has_may_be_asked_for(#[case] term: &[&str]) {
    let plan = cluster().pod(web().requiring(&[term])).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
}

/// Karpenter refuses the hostname as a restricted label; a node that exists can be meant, though.
#[test]
fn a_hostname_may_be_asked_for_and_is_found_among_existing_nodes() {
    let cluster = cluster().node(node("node-1", "4", "8Gi")).node(node("node-2", "4", "8Gi"));
    let plan = cluster.clone().pod(web().selecting("kubernetes.io/hostname", "node-2")).plan();
    assert_eq!(placed(&plan), ["node-2: web"]);
    let plan = cluster.pod(web().selecting("kubernetes.io/hostname", "node-3")).plan();
    assert_eq!(plan.unschedulable.len(), 1, "no new node will have that name");
}

fn volume(claim: &str) -> Manifest {
    web().spec(json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]}))
}

fn claim(fields: Value) -> Manifest {
    by_hand::manifest(json!({"metadata": {"name": "data", "namespace": "default"}, "spec": {}})).with(fields)
}

fn class(name: &str, mode: &str) -> Value {
    json!({"metadata": {"name": name}, "provisioner": "ebs.csi.aws.com", "volumeBindingMode": mode})
}

#[rstest]
#[case::missing(None, r#"persistentvolumeclaim "data" not found"#)]
#[case::being_deleted(Some(claim(json!({})).terminating()), r#"persistentvolumeclaim "data" is being deleted"#)]
#[case::lost(
    Some(claim(json!({"spec": {"volumeName": "pv"}, "status": {"phase": "Lost"}}))),
    r#"persistentvolumeclaim "data" has lost its volume"#
)]
#[case::bound_to_a_volume_that_is_not_there(
    Some(claim(json!({"spec": {"volumeName": "gone"}, "status": {"phase": "Bound"}}))),
    r#"persistentvolume "gone" of claim "data" not found"#
)]
#[case::bound_to_a_volume_being_deleted(
    Some(claim(json!({"spec": {"volumeName": "pv"}, "status": {"phase": "Bound"}}))),
    r#"persistentvolume "pv" of claim "data" is being deleted"#
)]
#[case::half_bound(
    Some(claim(json!({"spec": {"volumeName": "pv"}, "status": {"phase": "Pending"}}))),
    r#"persistentvolumeclaim "data" names a volume but is not bound yet"#
)]
#[case::unbound_without_a_class(
    Some(claim(json!({}))),
    r#"unbound persistentvolumeclaim "data" has no storage class"#
)]
#[case::unbound_and_classless_on_purpose(
    Some(claim(json!({"spec": {"storageClassName": ""}}))),
    r#"unbound persistentvolumeclaim "data" has no storage class"#
)]
#[case::unbound_of_an_unknown_class(
    Some(claim(json!({"spec": {"storageClassName": "fast"}}))),
    r#"storageclass "fast" of persistentvolumeclaim "data" not found"#
)]
#[case::unbound_and_binding_at_once(
    Some(claim(json!({"spec": {"storageClassName": "now"}}))),
    r#"unbound persistentvolumeclaim "data" of storageclass "now" binds immediately, without waiting for the pod"#
)]
fn a_pod_is_ignored_for_its_volume(#[case] claim: Option<Manifest>, #[case] expected: &str) {
    let mut cluster = cluster().json("StorageClass", class("now", "Immediate")).object(
        "PersistentVolume",
        &by_hand::manifest(json!({"metadata": {"name": "pv"}, "spec": {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "v"}}}))
            .terminating(),
    );
    if let Some(claim) = claim {
        cluster = cluster.object("PersistentVolumeClaim", &claim);
    }
    let plan = cluster.pod(volume("data")).plan();
    assert_eq!(ignored(&plan), [format!("web: {expected}")]);
    assert!(plan.nodes.is_empty());
}

#[test]
fn an_explicitly_empty_class_is_not_the_default_class() {
    let default =
        json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
    let class = by_hand::manifest(class("standard", "WaitForFirstConsumer")).with(default);
    let cluster = cluster().object("StorageClass", &class);
    let open = cluster.clone().object("PersistentVolumeClaim", &claim(json!({}))).pod(volume("data")).plan();
    assert_eq!(bought(&open), ["m.small: web"]);
    let closed = claim(json!({"spec": {"storageClassName": ""}}));
    let closed = cluster.object("PersistentVolumeClaim", &closed).pod(volume("data")).plan();
    assert_eq!(ignored(&closed), [r#"web: unbound persistentvolumeclaim "data" has no storage class"#]);
}

fn leaving(name: &str) -> Manifest {
    node(name, "4", "8Gi")
        .spec(json!({"taints": [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]}))
}

fn budget(spec: Value) -> Value {
    json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
}

#[rstest]
#[case::of_a_deployment(web().owned_by("ReplicaSet", "web"), true)]
#[case::of_nobody(web(), true)]
#[case::of_a_stateful_set(web().owned_by("StatefulSet", "web"), true)]
#[case::terminating(web().owned_by("ReplicaSet", "web").terminating(), false)]
#[case::terminating_of_a_stateful_set(web().owned_by("StatefulSet", "web").terminating(), true)]
#[case::of_a_daemon_set(web().owned_by("DaemonSet", "web"), false)]
#[case::a_mirror_of_a_static_pod(web().owned_by("Node", "old"), false)]
#[case::not_to_be_disrupted(web().annotation("karpenter.sh/do-not-disrupt", "true"), false)]
#[case::to_be_disrupted(web().annotation("karpenter.sh/do-not-disrupt", "false"), true)]
#[case::finished(web().with(json!({"status": {"phase": "Succeeded"}})), false)]
fn a_pod_on_a_leaving_node_gets_a_new_place_if_it_will_be_made_again(
    #[case] pod: Manifest,
    #[case] moves: bool,
) {
    let phase = pod.0["status"].clone();
    let mut pod = pod.on("old");
    if phase != Value::Null {
        pod = pod.with(json!({"status": phase}));
    }
    let plan = cluster().node(leaving("old")).pod(pod).plan();
    let expected: &[&str] = if moves { &["m.small: web"] } else { &[] };
    assert_eq!(bought(&plan), expected);
    assert!(plan.ignored.is_empty());
}

#[rstest]
#[case::none_may_be_missing(json!({"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}}), false)]
#[case::no_percent_may_be_missing(json!({"maxUnavailable": "0%", "selector": {"matchLabels": {"app": "web"}}}), false)]
#[case::all_must_be_there(json!({"minAvailable": "100%", "selector": {"matchLabels": {"app": "web"}}}), false)]
#[case::every_pod_of_the_namespace(json!({"maxUnavailable": 0, "selector": {}}), false)]
#[case::one_may_be_missing(json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}), true)]
#[case::one_must_be_there(json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}), true)]
#[case::other_pods(json!({"maxUnavailable": 0, "selector": {"matchLabels": {"app": "db"}}}), true)]
#[case::no_selector(json!({"maxUnavailable": 0}), true)]
fn a_budget_that_allows_no_eviction_keeps_a_pod_on_its_leaving_node(
    #[case] spec: Value,
    #[case] moves: bool,
) {
    let pod = web().label("app", "web").on("old");
    let plan = cluster().node(leaving("old")).pod(pod).json("PodDisruptionBudget", budget(spec)).plan();
    assert_eq!(plan.nodes.len(), usize::from(moves));
}

#[test]
fn a_budget_of_another_namespace_does_not_matter() {
    let spec = json!({"maxUnavailable": 0, "selector": {}});
    let other = json!({"metadata": {"name": "web", "namespace": "other"}, "spec": spec});
    let plan = cluster().node(leaving("old")).pod(web().on("old")).json("PodDisruptionBudget", other).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
    // Neither side says its namespace: both mean the default one.
    let mut unsaid = web().on("old");
    unsaid.0["metadata"].as_object_mut().unwrap().remove("namespace");
    let budget = json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec});
    let plan = cluster().node(leaving("old")).pod(unsaid).json("PodDisruptionBudget", budget).plan();
    assert!(plan.nodes.is_empty());
}

#[rstest]
#[case::is_tainted_as_disrupted(leaving("old"), None)]
#[case::is_being_deleted(node("old", "4", "8Gi").terminating(), None)]
#[case::has_a_claim_being_deleted(
    node("old", "4", "8Gi"),
    Some(by_hand::claim("claim", "general").with(json!({"status": {"nodeName": "old"}})).terminating())
)]
fn a_node_is_leaving_if_it(#[case] node: Manifest, #[case] claim: Option<Manifest>) {
    let mut cluster = cluster().node(node).pod(web().on("old")).pod(pod("next", "1", "1Gi"));
    if let Some(claim) = claim {
        cluster = cluster.claim(claim);
    }
    let plan = cluster.plan();
    assert_eq!(bought(&plan), ["m.small: next web"], "it takes nothing new and loses what it has");
    assert_eq!(plan.summary.existing_nodes, 0);
}

#[test]
fn a_pod_refused_for_good_is_not_moved_but_keeps_its_resources() {
    let broken = volume("missing").on("old");
    let plan = cluster().node(node("old", "4", "8Gi")).pod(broken).pod(pod("next", "4", "1Gi")).plan();
    assert!(placed(&plan).is_empty(), "its core is taken");
    let plan = cluster().node(leaving("old")).pod(volume("missing").on("old")).plan();
    assert!(plan.nodes.is_empty() && plan.ignored.is_empty());
}

#[test]
fn everything_can_be_planned_from_scratch() {
    let cluster = cluster()
        .node(node("old", "16", "64Gi"))
        .pod(web().on("old"))
        .pod(pod("static", "1", "1Gi").owned_by("Node", "old").on("old"))
        .pod(pod("agent", "1", "1Gi").owned_by("DaemonSet", "agent").on("old"))
        .pod(pod("going", "1", "1Gi").on("old").terminating())
        .pod(pod("next", "1", "1Gi"));
    assert_eq!(placed(&cluster.plan()), ["old: next"]);
    let plan = cluster.planned_from_scratch().plan();
    assert_eq!(bought(&plan), ["m.small: next web"]);
    assert_eq!(plan.summary.existing_nodes, 0);
}
