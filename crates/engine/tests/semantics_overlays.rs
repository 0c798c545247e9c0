//! NodeOverlays and CapacityBuffers (reference sections 1.3, 1.5, 2.13; 9.1 CapacityBuffer size).

mod by_hand;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, bought, bought_where, instance_type, manifest, node, placed, pod,
    pods, pool,
};
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_engine::plan::Plan;

fn types() -> Vec<InstanceTypeBuilder> {
    vec![
        instance_type("m.small", 2, 8, 0.1).zones("a b").spot(0.05),
        instance_type("c.small", 2, 8, 0.2).zones("a b").spot(0.15),
    ]
}

fn cluster() -> Cluster {
    Cluster::new(&types()).pool(pool("general"))
}

fn overlay(name: &str, requirements: &[&str], fields: Value) -> Manifest {
    manifest(json!({
        "apiVersion": "karpenter.sh/v1alpha1", "kind": "NodeOverlay", "metadata": {"name": name},
        "spec": {"requirements": []},
    }))
    .requires(requirements)
    .spec(fields)
}

fn with(overlays: &[Manifest]) -> Cluster {
    overlays.iter().fold(cluster(), |cluster, overlay| cluster.object("NodeOverlay", overlay))
}

fn web() -> Manifest {
    pod("web", "1", "1Gi")
}

fn on_demand() -> Manifest {
    web().selecting("karpenter.sh/capacity-type", "on-demand")
}

fn problems(plan: &Plan) -> Vec<String> {
    plan.object_problems.iter().map(|one| format!("{} {}: {}", one.kind, one.name, one.problem)).collect()
}

const SMALL: &str = "node.kubernetes.io/instance-type In m.small";

#[rstest]
#[case::a_price(json!({"price": "0.07"}), "$0.07")]
#[case::dollars_more(json!({"priceAdjustment": "+0.01"}), "$0.11")]
#[case::dollars_less(json!({"priceAdjustment": "-0.04"}), "$0.06")]
#[case::a_part_more(json!({"priceAdjustment": "+10%"}), "$0.11")]
#[case::a_part_less(json!({"priceAdjustment": "-15%"}), "$0.085")]
#[case::nothing_left(json!({"priceAdjustment": "-100%"}), "$0")]
#[case::never_below_nothing(json!({"priceAdjustment": "-5"}), "$0")]
fn an_overlay_changes_a_price(#[case] fields: Value, #[case] expected: &str) {
    let plan = with(&[overlay("x", &[SMALL], fields)]).pod(on_demand()).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
    assert_eq!(plan.nodes[0].price_per_hour.to_string(), expected);
    assert_eq!(plan.nodes[0].price.kind.as_str(), "live", "the price is the user's own");
}

#[test]
fn an_overlay_changes_what_is_bought() {
    let plan = with(&[overlay("x", &["karpenter.k8s.aws/instance-family In c"], json!({"price": "0.01"}))])
        .pod(web())
        .plan();
    assert_eq!(bought(&plan), ["c.small: web"]);
}

/// The price is settled per offering.
#[rstest]
#[case::of_a_zone(&["topology.kubernetes.io/zone In b"], "general m.small b on-demand: web")]
#[case::of_a_zone_by_its_id(&["topology.k8s.aws/zone-id In id-b"], "general m.small b on-demand: web")]
#[case::of_a_capacity_type(&["karpenter.sh/capacity-type In on-demand"], "general m.small a on-demand: web")]
#[case::of_everything_but_one(&["topology.kubernetes.io/zone NotIn a"], "general m.small b on-demand: web")]
fn an_overlay_selects_offerings(#[case] requirements: &[&str], #[case] expected: &str) {
    let plan =
        with(&[overlay("x", requirements, json!({"priceAdjustment": "-50%"}))]).pod(on_demand()).plan();
    assert_eq!(bought_where(&plan), [expected]);
    assert_eq!(plan.nodes[0].price_per_hour.to_string(), "$0.05");
}

#[rstest]
#[case::of_a_pool(&["karpenter.sh/nodepool In general"], true)]
#[case::of_another_pool(&["karpenter.sh/nodepool In other"], false)]
#[case::of_a_label_of_the_template(&["team In a"], true)]
#[case::of_another_value(&["team In b"], false)]
#[case::of_a_label_that_is_not_there(&["squad Exists"], false)]
#[case::without_a_label(&["squad DoesNotExist"], true)]
#[case::of_large_types(&["karpenter.k8s.aws/instance-cpu Gt 2"], false)]
#[case::of_small_types(&["karpenter.k8s.aws/instance-cpu Lte 2"], true)]
fn an_overlay_selects_types_of_a_pool(#[case] requirements: &[&str], #[case] selected: bool) {
    let labelled =
        pool("general").with(json!({"spec": {"template": {"metadata": {"labels": {"team": "a"}}}}}));
    let plan = Cluster::new(&types())
        .pool(labelled)
        .object("NodeOverlay", &overlay("x", requirements, json!({"price": "0.01"})))
        .pod(web())
        .plan();
    assert_eq!(plan.nodes[0].price_per_hour.to_string() == "$0.01", selected);
}

#[test]
fn the_heavier_overlay_counts_and_the_lighter_one_where_it_says_nothing() {
    let plan = with(&[
        overlay("light", &[], json!({"price": "0.09", "weight": 1})),
        overlay("heavy", &["topology.kubernetes.io/zone In a"], json!({"price": "0.5", "weight": 2})),
        overlay("unweighted", &[], json!({"price": "0.001"})),
    ])
    .pod(web())
    .plan();
    assert_eq!(plan.nodes[0].zone, "b");
    assert_eq!(plan.nodes[0].price_per_hour.to_string(), "$0.09");
    assert!(plan.object_problems.is_empty());
}

#[test]
fn of_equal_weights_over_the_same_price_the_later_is_left_out() {
    let plan = with(&[
        overlay("a", &[SMALL], json!({"price": "0.01", "weight": 5})),
        overlay("z", &[SMALL], json!({"price": "0.02", "weight": 5})),
    ])
    .pod(web())
    .plan();
    assert_eq!(plan.nodes[0].price_per_hour.to_string(), "$0.02", "later letters come first");
    assert_eq!(
        problems(&plan),
        [
            r#"NodeOverlay a: conflicts with NodeOverlay "z" over the price of m.small in a: both have weight 5"#
        ]
    );
}

#[test]
fn an_overlay_in_conflict_is_left_out_altogether() {
    let plan = with(&[
        overlay("a", &[], json!({"price": "0.01", "weight": 5})),
        overlay("z", &[SMALL], json!({"price": "0.3", "weight": 5})),
    ])
    .pod(on_demand())
    .plan();
    assert_eq!(bought(&plan), ["c.small: web"], "c.small keeps its price");
    assert_eq!(plan.nodes[0].price_per_hour.to_string(), "$0.2");
}

#[test]
fn two_overlays_conflict_even_if_a_heavier_one_settles_the_price() {
    let plan = with(&[
        overlay("heavy", &[SMALL], json!({"price": "0.03", "weight": 9})),
        overlay("a", &[], json!({"price": "0.01", "weight": 5})),
        overlay("z", &[SMALL], json!({"price": "0.02", "weight": 5})),
    ])
    .pod(on_demand())
    .plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
    assert_eq!(problems(&plan).len(), 1);
}

#[test]
fn a_conflict_in_one_pool_counts_for_all() {
    let plan = Cluster::new(&types())
        .pool(pool("one"))
        .pool(pool("two"))
        .object("NodeOverlay", &overlay("a", &[], json!({"price": "0.01"})))
        .object("NodeOverlay", &overlay("z", &["karpenter.sh/nodepool In one"], json!({"price": "0.04"})))
        .pod(web().selecting("karpenter.sh/nodepool", "two"))
        .plan();
    assert_eq!(plan.nodes[0].price_per_hour.to_string(), "$0.05");
}

#[test]
fn equal_weights_over_different_things_do_not_conflict() {
    let plan = with(&[
        overlay("a", &["topology.kubernetes.io/zone In a"], json!({"price": "0.03"})),
        overlay("b", &["topology.kubernetes.io/zone In b"], json!({"price": "0.02"})),
        overlay("c", &[], json!({"capacity": {"example.com/fpga": "1"}})),
        overlay("d", &[], json!({"capacity": {"example.com/tpu": "1"}})),
    ])
    .pod(web())
    .plan();
    assert_eq!(problems(&plan), Vec::<String>::new());
    assert_eq!(
        (plan.nodes[0].zone.as_str(), plan.nodes[0].price_per_hour.to_string()),
        ("b", "$0.02".to_owned())
    );
}

fn fpga() -> Manifest {
    let mut pod = web();
    pod.0["spec"]["containers"][0]["resources"]["requests"]["example.com/fpga"] = json!("1");
    pod
}

#[test]
fn an_overlay_adds_capacity() {
    assert_eq!(cluster().pod(fpga()).plan().summary.unschedulable_pods, 1);
    let capacity = json!({"capacity": {"example.com/fpga": "2"}});
    let plan =
        with(&[overlay("x", &["karpenter.k8s.aws/instance-family In c"], capacity)]).pod(fpga()).plan();
    assert_eq!(bought(&plan), ["c.small: web"]);
    assert_eq!(plan.nodes[0].allocatable["example.com/fpga"], "2");
}

#[test]
fn capacities_add_up_and_the_heavier_wins_for_each() {
    let plan = with(&[
        overlay(
            "light",
            &[],
            json!({"capacity": {"example.com/fpga": "9", "example.com/tpu": "1"}, "weight": 1}),
        ),
        overlay("heavy", &[], json!({"capacity": {"example.com/fpga": "1"}, "weight": 2})),
    ]);
    let mut both = fpga();
    both.0["spec"]["containers"][0]["resources"]["requests"]["example.com/tpu"] = json!("1");
    let plan = plan
        .pod(both.clone())
        .pod(pod("other", "100m", "1Gi").with(json!({"spec": {"containers": both.0["spec"]["containers"]}})))
        .plan();
    assert_eq!(plan.nodes.len(), 2, "one fpga each");
}

/// 2.8: huge pages are cut from memory.
#[test]
fn huge_pages_leave_less_memory() {
    let pages = overlay("x", &[], json!({"capacity": {"hugepages-2Mi": "6Gi"}}));
    let plan = with(&[pages]).pod(pod("web", "1", "3Gi")).plan();
    assert_eq!(plan.summary.unschedulable_pods, 1, "2 Gi of 8 are left");
}

#[rstest]
#[case::both_prices(json!({"price": "1", "priceAdjustment": "+1"}), "price and priceAdjustment exclude each other")]
#[case::no_price(json!({"price": "cheap"}), r#"price "cheap" is no amount of dollars, such as 0.25"#)]
#[case::no_adjustment(json!({"priceAdjustment": "+much"}), r#"priceAdjustment "+much" is no change of a price, such as +0.5 or -10%"#)]
#[case::core_capacity(json!({"capacity": {"cpu": "4"}}), "capacity cpu: only extended resources can be added")]
#[case::known_capacity(json!({"capacity": {"nvidia.com/gpu": "4"}}), "capacity nvidia.com/gpu: the instance types tell it themselves")]
#[case::a_requirement(json!({"requirements": [{"key": "x", "operator": "In"}], "price": "0.01"}), r#"requirement on "x": In needs at least one value"#)]
fn an_overlay_that_cannot_be_read_is_named_and_left_out(#[case] fields: Value, #[case] expected: &str) {
    let plan = with(&[overlay("odd", &[], fields)]).pod(web()).plan();
    assert_eq!(problems(&plan), [format!("NodeOverlay odd: {expected}")]);
    assert_eq!(plan.nodes[0].price_per_hour.to_string(), "$0.05");
}

fn template(cpu: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": pod("x", cpu, "1Gi").0["spec"]})
}

fn buffer(fields: Value) -> Manifest {
    manifest(json!({
        "apiVersion": "autoscaling.x-k8s.io/v1beta1", "kind": "CapacityBuffer",
        "metadata": {"name": "spare", "namespace": "default"}, "spec": fields,
    }))
}

fn with_buffer(fields: Value) -> Cluster {
    let scaled = |name: &str| {
        json!({"metadata": {"name": name, "namespace": "default"}, "spec": {
            "replicas": 10, "serviceName": "x", "selector": {"matchLabels": {"app": "web"}}, "template": template("1"),
        }})
    };
    cluster()
        .json(
            "PodTemplate",
            json!({"metadata": {"name": "chunk", "namespace": "default"}, "template": template("1")}),
        )
        .json("Deployment", scaled("web"))
        .json("StatefulSet", scaled("db"))
        .json("ReplicaSet", scaled("old"))
        .object("CapacityBuffer", &buffer(fields))
}

/// 1.5, 9.1: the larger of replicas and percentage, then what limits permit.
#[rstest]
#[case::replicas_of_a_template(json!({"podTemplateRef": {"name": "chunk"}, "replicas": 3}), 3)]
#[case::limits_alone(json!({"podTemplateRef": {"name": "chunk"}, "limits": {"cpu": "2500m"}}), 2)]
#[case::the_scarcest_limit(json!({"podTemplateRef": {"name": "chunk"}, "limits": {"cpu": "9", "memory": "4Gi"}}), 4)]
#[case::limits_below_replicas(json!({"podTemplateRef": {"name": "chunk"}, "replicas": 5, "limits": {"cpu": "2"}}), 2)]
#[case::limits_above_replicas(json!({"podTemplateRef": {"name": "chunk"}, "replicas": 5, "limits": {"cpu": "20"}}), 5)]
#[case::limits_on_something_else(json!({"podTemplateRef": {"name": "chunk"}, "replicas": 5, "limits": {"example.com/fpga": "1"}}), 5)]
#[case::none(json!({"podTemplateRef": {"name": "chunk"}, "replicas": 0}), 0)]
#[case::a_part_of_a_deployment(json!({"scalableRef": {"apiGroup": "apps", "kind": "Deployment", "name": "web"}, "percentage": 25}), 3)]
#[case::a_part_of_a_stateful_set(json!({"scalableRef": {"kind": "StatefulSet", "name": "db"}, "percentage": 20}), 2)]
#[case::a_part_of_a_replica_set(json!({"scalableRef": {"apiGroup": "", "kind": "ReplicaSet", "name": "old"}, "percentage": 1}), 1)]
#[case::the_larger_of_both(json!({"scalableRef": {"kind": "Deployment", "name": "web"}, "percentage": 30, "replicas": 1}), 3)]
#[case::the_larger_is_replicas(json!({"scalableRef": {"kind": "Deployment", "name": "web"}, "percentage": 30, "replicas": 4}), 4)]
#[case::another_strategy(json!({"podTemplateRef": {"name": "chunk"}, "replicas": 3, "provisioningStrategy": "example.com/wish"}), 0)]
fn a_buffer_is_so_large(#[case] fields: Value, #[case] size: usize) {
    let plan = with_buffer(fields).plan();
    assert_eq!(plan.summary.pending_pods, size);
    assert_eq!(plan.summary.pods_on_new_nodes, size);
    assert!(plan.object_problems.is_empty());
}

#[rstest]
#[case::no_such_template(json!({"podTemplateRef": {"name": "gone"}, "replicas": 3}), r#"PodTemplate "gone" not found"#)]
#[case::no_such_workload(json!({"scalableRef": {"kind": "Deployment", "name": "gone"}, "percentage": 5}), r#"Deployment "gone" not found"#)]
#[case::another_kind(
    json!({"scalableRef": {"apiGroup": "batch", "kind": "Job", "name": "web"}, "percentage": 5}),
    "scalableRef batch/Job is not supported; use a Deployment, StatefulSet or ReplicaSet of apps"
)]
#[case::nothing(json!({"replicas": 5}), "neither podTemplateRef nor scalableRef is set")]
fn a_buffer_without_a_shape_is_named(#[case] fields: Value, #[case] expected: &str) {
    let plan = with_buffer(fields).plan();
    assert_eq!(problems(&plan), [format!("CapacityBuffer default/spare: {expected}")]);
    assert_eq!(plan.summary.pending_pods, 0);
}

#[test]
fn a_buffer_uses_room_that_is_there_and_pods_come_first() {
    let fields = json!({"podTemplateRef": {"name": "chunk"}, "replicas": 2});
    let cluster = with_buffer(fields).node(node("n1", "3", "32Gi"));
    let plan = cluster.plan();
    assert_eq!(placed(&plan), ["n1: capacity-buffer-spare-0 capacity-buffer-spare-1"]);
    assert!(plan.nodes.is_empty());
    // A smaller pod of the usual priority is served before the larger buffer.
    let plan = cluster.pods(pods("web", 5, "500m", "1Gi")).plan();
    assert_eq!(placed(&plan), ["n1: web-0 web-1 web-2 web-3 web-4"]);
    assert_eq!(bought(&plan), ["m.small: capacity-buffer-spare-0 capacity-buffer-spare-1"]);
}

#[test]
fn a_buffer_gives_way_where_limits_bind() {
    let fields = json!({"podTemplateRef": {"name": "chunk"}, "replicas": 4});
    let plan = Cluster::new(&types())
        .pool(pool("general").spec(json!({"limits": {"cpu": "2"}})))
        .json(
            "PodTemplate",
            json!({"metadata": {"name": "chunk", "namespace": "default"}, "template": template("1")}),
        )
        .object("CapacityBuffer", &buffer(fields))
        .pods(pods("web", 2, "1", "1Gi"))
        .plan();
    assert_eq!(bought(&plan), ["m.small: web-0 web-1"]);
    assert_eq!(plan.unschedulable.len(), 1);
}

/// 2.13: claims are stripped, so that a chunk of a StatefulSet waits for no volume.
#[test]
fn a_buffer_mounts_nothing() {
    let mut chunk = template("1");
    chunk["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "gone"}}, {
        "name": "tmp", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {}}}},
    }]);
    let plan = cluster()
        .json(
            "PodTemplate",
            json!({"metadata": {"name": "chunk", "namespace": "default"}, "template": chunk}),
        )
        .object("CapacityBuffer", &buffer(json!({"podTemplateRef": {"name": "chunk"}, "replicas": 1})))
        .plan();
    assert_eq!(bought(&plan), ["m.small: capacity-buffer-spare-0"]);
    assert!(plan.ignored.is_empty());
}
