//! Volumes: zones to choose from, and attachments (reference section 2.10).

mod by_hand;

use by_hand::{
    Cluster, InstanceTypeBuilder, Manifest, bought, bought_where, ignored, instance_type, manifest, node,
    placed, pod, pool,
};
use rstest::rstest;
use serde_json::{Value, json};

const ZONE: &str = "topology.kubernetes.io/zone";

fn types() -> Vec<InstanceTypeBuilder> {
    // Zone c is the dearest, a the cheapest.
    vec![
        instance_type("m.small", 2, 8, 0.1).also_in("b", 0.11).also_in("c", 0.12).volumes(3),
        instance_type("m.large", 8, 32, 0.4).also_in("b", 0.44).also_in("c", 0.48).volumes(3),
    ]
}

fn cluster() -> Cluster {
    Cluster::new(&types()).pool(pool("general"))
}

/// A PersistentVolume of EBS that can be reached from terms of `key operator values`.
fn volume(name: &str, terms: &[&str]) -> Value {
    let terms: Vec<Value> = terms
        .iter()
        .map(|term| {
            let words: Vec<&str> = term.split_whitespace().collect();
            json!({"matchExpressions": [{"key": words[0], "operator": words[1], "values": words[2..]}]})
        })
        .collect();
    let mut spec = json!({"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": name}});
    if !terms.is_empty() {
        spec["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": terms}});
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

fn bound(name: &str, volume: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"volumeName": volume}, "status": {"phase": "Bound"},
    })
}

fn unbound(name: &str, class: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "default"}, "spec": {"storageClassName": class}})
}

fn class(name: &str, provisioner: &str, zones: &[&[&str]]) -> Value {
    let terms: Vec<Value> = zones
        .iter()
        .map(|zones| json!({"matchLabelExpressions": [{"key": "topology.ebs.csi.aws.com/zone", "values": zones}]}))
        .collect();
    json!({
        "metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": terms,
    })
}

fn with_claims(pod: Manifest, claims: &[&str]) -> Manifest {
    let volumes: Vec<Value> = claims
        .iter()
        .map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}}))
        .collect();
    pod.spec(json!({"volumes": volumes}))
}

fn db() -> Manifest {
    with_claims(pod("db", "1", "1Gi"), &["data"])
}

#[rstest]
#[case::anywhere(&[], "a")]
#[case::one_zone(&["topology.kubernetes.io/zone In b"], "b")]
#[case::the_drivers_own_name(&["topology.ebs.csi.aws.com/zone In c"], "c")]
#[case::an_old_name(&["failure-domain.beta.kubernetes.io/zone In c"], "c")]
#[case::either_of_two_terms(&["topology.kubernetes.io/zone In c", "topology.kubernetes.io/zone In b"], "b")]
#[case::one_of_two_values(&["topology.kubernetes.io/zone In c b"], "b")]
fn a_bound_volume_tells_the_zone(#[case] terms: &[&str], #[case] zone: &str) {
    let plan = cluster()
        .json("PersistentVolume", volume("pv", terms))
        .json("PersistentVolumeClaim", bound("data", "pv"))
        .pod(db())
        .plan();
    assert_eq!(bought_where(&plan), [format!("general m.small {zone} on-demand: db")]);
}

#[test]
fn a_bound_volume_tells_the_zone_of_an_existing_node_too() {
    let plan = cluster()
        .node(node("n1", "2", "8Gi"))
        .node(node("n2", "2", "8Gi").label(ZONE, "b"))
        .json("PersistentVolume", volume("pv", &["topology.kubernetes.io/zone In b"]))
        .json("PersistentVolumeClaim", bound("data", "pv"))
        .pod(db())
        .plan();
    assert_eq!(placed(&plan), ["n2: db"]);
}

#[rstest]
#[case::anywhere(&[], "a")]
#[case::one_zone(&[&["c"] as &[&str]], "c")]
#[case::several_zones(&[&["c", "b"] as &[&str]], "b")]
#[case::several_terms(&[&["c"] as &[&str], &["b"]], "b")]
fn a_volume_yet_to_be_made_goes_where_its_class_allows(#[case] zones: &[&[&str]], #[case] zone: &str) {
    let plan = cluster()
        .json("StorageClass", class("gp3", "ebs.csi.aws.com", zones))
        .json("PersistentVolumeClaim", unbound("data", "gp3"))
        .pod(db())
        .plan();
    assert_eq!(bought_where(&plan), [format!("general m.small {zone} on-demand: db")]);
}

#[test]
fn the_default_class_counts_for_claims_without_one() {
    let default =
        json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
    let zoned =
        |name: &str, zone: &str| manifest(class(name, "ebs.csi.aws.com", &[&[zone]])).with(default.clone());
    let claim = json!({"metadata": {"name": "data", "namespace": "default"}, "spec": {}});
    // Of several default classes Kubernetes takes the newest, then the first by name.
    let plan = cluster()
        .object("StorageClass", &zoned("newest", "b").created(20))
        .object("StorageClass", &zoned("older", "c").created(10))
        .object("StorageClass", &zoned("zz-newest", "c").created(20))
        .json("PersistentVolumeClaim", claim)
        .pod(db())
        .plan();
    assert_eq!(bought_where(&plan), ["general m.small b on-demand: db"]);
}

#[test]
fn several_volumes_meet_in_a_zone_they_share() {
    let plan = cluster()
        .json(
            "PersistentVolume",
            volume("pv-1", &["topology.kubernetes.io/zone In b", "topology.kubernetes.io/zone In c"]),
        )
        .json(
            "PersistentVolume",
            volume("pv-2", &["topology.kubernetes.io/zone In a", "topology.kubernetes.io/zone In c"]),
        )
        .json("PersistentVolumeClaim", bound("one", "pv-1"))
        .json("PersistentVolumeClaim", bound("two", "pv-2"))
        .pod(with_claims(pod("db", "1", "1Gi"), &["one", "two"]))
        .plan();
    assert_eq!(bought_where(&plan), ["general m.small c on-demand: db"]);
}

#[test]
fn volumes_without_a_zone_in_common_leave_no_place() {
    let plan = cluster()
        .json("PersistentVolume", volume("pv-1", &["topology.kubernetes.io/zone In b"]))
        .json("PersistentVolume", volume("pv-2", &["topology.kubernetes.io/zone In a"]))
        .json("PersistentVolumeClaim", bound("one", "pv-1"))
        .json("PersistentVolumeClaim", bound("two", "pv-2"))
        .pod(with_claims(pod("db", "1", "1Gi"), &["one", "two"]))
        .plan();
    assert!(plan.nodes.is_empty());
    assert_eq!(plan.summary.unschedulable_pods + plan.summary.ignored_pods, 1);
}

#[test]
fn a_volume_and_node_affinity_hold_together() {
    let cluster = cluster()
        .json(
            "PersistentVolume",
            volume("pv", &["topology.kubernetes.io/zone In b", "topology.kubernetes.io/zone In c"]),
        )
        .json("PersistentVolumeClaim", bound("data", "pv"));
    let plan = cluster.clone().pod(db().requiring(&[&["topology.kubernetes.io/zone In a c"]])).plan();
    assert_eq!(bought_where(&plan), ["general m.small c on-demand: db"]);
    let plan = cluster.pod(db().selecting(ZONE, "a")).plan();
    assert_eq!(ignored(&plan), ["db: the zones of the pod's volumes contradict its node affinity"]);
}

/// A local volume stays behind: its tie to a host is left out (2.10).
#[rstest]
#[case::local(json!({"local": {"path": "/x"}}), true)]
#[case::of_a_host_path(json!({"hostPath": {"path": "/x"}}), true)]
#[case::of_a_driver(json!({"csi": {"driver": "local.example.com", "volumeHandle": "v"}}), false)]
fn the_hostname_of_a_volume(#[case] source: Value, #[case] moves: bool) {
    let mut spec = source;
    spec["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "kubernetes.io/hostname", "operator": "In", "values": ["gone"]},
        {"key": ZONE, "operator": "In", "values": ["b"]},
    ]}]}});
    let plan = cluster()
        .json("PersistentVolume", json!({"metadata": {"name": "pv"}, "spec": spec}))
        .json("PersistentVolumeClaim", bound("data", "pv"))
        .pod(db())
        .plan();
    if moves {
        assert_eq!(bought_where(&plan), ["general m.small b on-demand: db"]);
    } else {
        assert_eq!(plan.summary.unschedulable_pods, 1);
    }
}

#[test]
fn an_ephemeral_volume_is_a_claim_of_its_own() {
    let ephemeral = |class: &str| {
        json!({"volumes": [{"name": "tmp", "ephemeral": {"volumeClaimTemplate": {"spec": {
            "storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": {},
        }}}}]})
    };
    let cluster = cluster()
        .json("StorageClass", class("gp3", "ebs.csi.aws.com", &[&["b"]]))
        .json("PersistentVolume", volume("pv", &["topology.kubernetes.io/zone In c"]));
    let pod = pod("db", "1", "1Gi").spec(ephemeral("gp3"));
    let plan = cluster.clone().pod(pod.clone()).plan();
    assert_eq!(bought_where(&plan), ["general m.small b on-demand: db"], "made by the class");
    let plan = cluster.clone().json("PersistentVolumeClaim", bound("db-tmp", "pv")).pod(pod).plan();
    assert_eq!(bought_where(&plan), ["general m.small c on-demand: db"], "made already");
    let plan = cluster.pod(by_hand::pod("db", "1", "1Gi").spec(ephemeral("unknown"))).plan();
    assert_eq!(ignored(&plan), [r#"db: storageclass "unknown" of ephemeral volume not found"#]);
}

#[rstest]
#[case::config(json!({"name": "x", "configMap": {"name": "x"}}))]
#[case::scratch(json!({"name": "x", "emptyDir": {}}))]
#[case::host(json!({"name": "x", "hostPath": {"path": "/x"}}))]
fn other_volumes_do_not_matter(#[case] volume: Value) {
    let plan = cluster().pod(pod("web", "1", "1Gi").spec(json!({"volumes": [volume]}))).plan();
    assert_eq!(bought(&plan), ["m.small: web"]);
}

fn databases(mut cluster: Cluster, count: usize, class: &str) -> Cluster {
    for index in 0..count {
        let name = format!("data-{index}");
        cluster = cluster
            .json("PersistentVolumeClaim", unbound(&name, class))
            .pod(with_claims(pod(&format!("db-{index}"), "100m", "100Mi"), &[&name]));
    }
    cluster
}

/// Karpenter does not count volumes on new nodes; we do.
#[test]
fn a_new_node_takes_as_many_volumes_as_its_type() {
    let cluster = cluster().json("StorageClass", class("gp3", "ebs.csi.aws.com", &[]));
    let plan = databases(cluster, 7, "gp3").plan();
    let mut loads: Vec<usize> = plan.nodes.iter().map(|node| node.pods.len()).collect();
    loads.sort_unstable();
    assert_eq!(loads, [1, 3, 3]);
}

#[rstest]
#[case::the_in_tree_name("kubernetes.io/aws-ebs", 2)]
#[case::a_driver_without_a_known_limit("efs.csi.aws.com", 1)]
fn only_drivers_that_attach_are_counted(#[case] provisioner: &str, #[case] nodes: usize) {
    let cluster = cluster().json("StorageClass", class("x", provisioner, &[]));
    assert_eq!(databases(cluster, 4, "x").plan().nodes.len(), nodes);
}

/// 2.10: claims are counted by driver; any driver may tell a limit on the nodes that exist.
#[test]
fn another_driver_with_a_limit_is_counted_on_the_nodes_that_tell_it() {
    let drivers = json!([{"name": "san.example.com", "nodeID": "n1", "topologyKeys": null, "allocatable": {"count": 2}}]);
    let cluster = cluster()
        .node(node("n1", "4", "8Gi"))
        .json("CSINode", json!({"metadata": {"name": "n1"}, "spec": {"drivers": drivers}}))
        .json("StorageClass", class("san", "san.example.com", &[]));
    let plan = databases(cluster, 7, "san").plan();
    assert_eq!(placed(&plan), ["n1: db-0 db-1"]);
    assert_eq!(plan.nodes.len(), 1, "no limit is known for a new node");
}

#[test]
fn volumes_that_are_attached_already_count() {
    let csi_node = json!({"metadata": {"name": "n1"}, "spec": {"drivers": [
        {"name": "ebs.csi.aws.com", "nodeID": "n1", "topologyKeys": null, "allocatable": {"count": 2}},
    ]}});
    let cluster = cluster()
        .node(node("n1", "4", "8Gi"))
        .json("CSINode", csi_node)
        .json("StorageClass", class("gp3", "ebs.csi.aws.com", &[]))
        .json("PersistentVolume", volume("pv", &[]))
        .json("PersistentVolumeClaim", bound("old", "pv"))
        .pod(with_claims(pod("running", "1", "1Gi"), &["old"]).on("n1"));
    assert_eq!(placed(&databases(cluster, 2, "gp3").plan()), ["n1: db-0"]);
}

#[test]
fn a_claim_mounted_twice_is_attached_once() {
    let volumes = json!({"volumes": [
        {"name": "x", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "y", "persistentVolumeClaim": {"claimName": "data"}},
    ]});
    let one = instance_type("m.small", 2, 8, 0.1).volumes(1);
    let plan = Cluster::new(&[one])
        .pool(pool("general"))
        .json("StorageClass", class("gp3", "ebs.csi.aws.com", &[]))
        .json("PersistentVolumeClaim", unbound("data", "gp3"))
        .pod(pod("db", "1", "1Gi").spec(volumes))
        .plan();
    assert_eq!(bought(&plan), ["m.small: db"]);
}
