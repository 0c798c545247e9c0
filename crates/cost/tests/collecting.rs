//! From objects and measurements to facts.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, Service};
use k8s_openapi::api::storage::v1::StorageClass;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use supercargo_api::{NodeClaim, Pod};
use supercargo_cost::collector::{
    Collector, CollectorSettings, ContainerUsage, Measurements, ObserveError, Owned, PodTraffic, Seen, View,
    VolumeUsage,
};
use supercargo_cost::facts::{GIB, HourFacts, NetworkBytes};
use supercargo_cost::interval::rfc3339;
use supercargo_cost::{AllocationQuery, Interval, Ledger, PriceBook};

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Noon of a day in 2026.
const NOON: i64 = 1_774_872_000;

struct World {
    nodes: Vec<Node>,
    claims: Vec<NodeClaim>,
    pods: Vec<Pod>,
    namespaces: Vec<Namespace>,
    volumes: Vec<PersistentVolume>,
    storage_classes: Vec<StorageClass>,
    services: Vec<Service>,
    owners: Vec<Owned>,
}

impl World {
    fn view(&self) -> View<'_> {
        View {
            nodes: self.nodes.iter().map(Seen::from).collect(),
            claims: self.claims.iter().map(Seen::from).collect(),
            pods: self.pods.iter().map(Seen::from).collect(),
            volumes: self.volumes.iter().map(Seen::from).collect(),
            services: self.services.iter().map(Seen::from).collect(),
            namespaces: self.namespaces.iter().collect(),
            storage_classes: self.storage_classes.iter().collect(),
            owners: self.owners.clone(),
        }
    }
}

fn pod(name: &str, bound: i64) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("uid-{name}"),
            "labels": {"app": "web", "team": "payments", "pod-template-hash": "7d9"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9", "uid": "1", "controller": true}],
        },
        "spec": {
            "nodeName": "n1",
            "containers": [
                {"name": "main", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1"}},
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
                {"name": "side", "resources": {"limits": {"cpu": "100m", "memory": "64Mi"}}},
            ],
            "initContainers": [{"name": "init", "resources": {"requests": {"cpu": "2"}}}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
        "status": {"phase": "Running", "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": rfc3339(bound)},
        ]},
    })
}

fn world() -> World {
    World {
        nodes: vec![read(json!({
            "metadata": {
                "name": "n1", "creationTimestamp": rfc3339(NOON - 86_400),
                "labels": {
                    "node.kubernetes.io/instance-type": "m5.xlarge", "topology.kubernetes.io/region": "us-east-1",
                    "topology.kubernetes.io/zone": "us-east-1a", "kubernetes.io/arch": "amd64",
                },
            },
            "spec": {"providerID": "aws:///us-east-1a/i-1"},
            "status": {"capacity": {"cpu": "4", "memory": "16Gi"}, "allocatable": {"cpu": "3920m", "memory": "15Gi"}},
        }))],
        claims: Vec::new(),
        pods: vec![read(pod("web-7d9-a", NOON - 7_200))],
        namespaces: vec![read(json!({"metadata": {"name": "shop", "labels": {"cost-center": "cc-1"}}}))],
        volumes: vec![read(json!({
            "metadata": {"name": "pv-1", "creationTimestamp": rfc3339(NOON - 86_400)},
            "spec": {
                "capacity": {"storage": "100Gi"}, "storageClassName": "fast",
                "claimRef": {"namespace": "shop", "name": "data"},
                "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"},
            },
        }))],
        storage_classes: vec![read(json!({
            "metadata": {"name": "fast"}, "provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3"},
        }))],
        services: vec![read(json!({
            "metadata": {
                "name": "front", "namespace": "shop", "creationTimestamp": rfc3339(NOON - 86_400),
                "annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"},
            },
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}},
            "status": {"loadBalancer": {"ingress": [{"hostname": "lb-1.example.com"}]}},
        }))],
        owners: Vec::new(),
    }
}

fn usage(container: &str, microcores: u64, ram_bytes: u64) -> ContainerUsage {
    ContainerUsage {
        namespace: "shop".into(),
        pod: "web-7d9-a".into(),
        pod_uid: "".into(),
        container: container.into(),
        microcores,
        ram_bytes,
        milli_gpus: None,
    }
}

fn collector(last: i64) -> Collector {
    Collector::resume(CollectorSettings::new("east"), last)
}

fn hour(observed: &[HourFacts]) -> &HourFacts {
    assert_eq!(observed.len(), 1);
    &observed[0]
}

fn claim(name: &str, instance: &str, launched: i64, node: Option<&str>) -> NodeClaim {
    let mut claim = json!({
        "metadata": {"name": name, "labels": {
            "node.kubernetes.io/instance-type": "m5.xlarge", "topology.kubernetes.io/zone": "us-east-1a",
            "karpenter.sh/capacity-type": "spot", "karpenter.sh/nodepool": "general",
        }},
        "spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": [],
        },
        "status": {
            "providerID": format!("aws:///us-east-1a/{instance}"),
            "capacity": {"cpu": "4", "memory": "16Gi"}, "allocatable": {"cpu": "3920m", "memory": "15Gi"},
            "conditions": [{"type": "Launched", "status": "True", "lastTransitionTime": rfc3339(launched), "reason": "Launched"}],
        },
    });
    if let Some(node) = node {
        claim["status"]["nodeName"] = node.into();
    }
    read(claim)
}

/// The cloud bills from the launch; the node comes when it has booted, under another name.
#[test]
fn a_node_is_paid_for_from_the_launch_of_its_instance() {
    let mut world = world();
    world.pods.clear();
    let node = world.nodes.remove(0);
    let mut collector = collector(NOON);
    let mut ledger = Ledger::new(PriceBook::default());
    let mut look = |world: &World, at: i64| -> Vec<(String, i64, i64)> {
        let observed = collector.observe(NOON + at, &world.view(), &Measurements::default()).unwrap();
        observed.hours.into_iter().for_each(|facts| ledger.absorb(facts));
        let facts: Vec<_> = ledger.facts(Interval::hour(NOON)).collect();
        let nodes = facts.iter().flat_map(|facts| &facts.nodes);
        nodes
            .map(|node| (node.name.to_string(), node.interval.start - NOON, node.interval.end - NOON))
            .collect()
    };
    // not launched yet, then launched and seen, then a node of its own
    assert_eq!(look(&world, 60), []);
    world.claims.push(claim("general-x7k2p", "i-9", NOON + 70, None));
    assert_eq!(look(&world, 120), [("general-x7k2p".to_owned(), 70, 120)]);
    let mut booted = node.clone();
    booted.metadata.name = Some("ip-10-0-0-9".to_owned());
    booted.metadata.creation_timestamp = Some(read(json!(rfc3339(NOON + 135))));
    booted.spec.as_mut().unwrap().provider_id = Some("aws:///us-east-1a/i-9".to_owned());
    world.nodes.push(booted.clone());
    world.claims[0] = claim("general-x7k2p", "i-9", NOON + 70, Some("ip-10-0-0-9"));
    let name = "ip-10-0-0-9".to_owned();
    assert_eq!(look(&world, 180), [(name.clone(), 70, 120), (name, 120, 180)], "the machine has one name");
    // launched and booted between two looks; another that was never claimed is paid for from its node on
    let mut own = node.clone();
    own.metadata.name = Some("n2".to_owned());
    own.metadata.creation_timestamp = Some(read(json!(rfc3339(NOON + 220))));
    own.spec.as_mut().unwrap().provider_id = Some("aws:///us-east-1a/i-2".to_owned());
    let unclaimed = Node { metadata: own.metadata.clone(), ..node };
    let mut unclaimed = unclaimed;
    unclaimed.metadata.name = Some("n3".to_owned());
    world.nodes.extend([own, unclaimed]);
    world.claims.push(claim("general-b", "i-2", NOON + 190, Some("n2")));
    let seen = look(&world, 240);
    assert!(
        seen.contains(&("n2".to_owned(), 190, 240)) && seen.contains(&("n3".to_owned(), 220, 240)),
        "{seen:?}"
    );
    // the node goes before its claim: nothing is paid for under the claim's name then
    world.nodes.clear();
    let later = look(&world, 300);
    assert!(later.iter().all(|(_, _, end)| *end <= 240), "{later:?}");
}

/// An instance that never joins is paid for until its claim goes, by the prices of what it is, and is idle.
#[test]
fn an_instance_that_never_becomes_a_node_is_idle_under_the_name_of_its_claim() {
    let mut world = world();
    (world.pods, world.nodes, world.volumes, world.services) = Default::default();
    let lost = claim("general-lost", "i-9", NOON + 10, None);
    let mut view = world.view();
    view.claims.push(Seen { object: &lost, gone: Some(NOON + 50) });
    let observed = collector(NOON).observe(NOON + 60, &view, &Measurements::default()).unwrap();
    let facts = hour(&observed.hours).clone();
    let [node] = &facts.nodes[..] else { panic!("{:?}", facts.nodes) };
    assert_eq!((&*node.name, node.interval.start - NOON, node.interval.end - NOON), ("general-lost", 10, 50));
    assert_eq!(
        (&*node.region, &*node.instance_type, &*node.pool, node.spot),
        ("us-east-1", "m5.xlarge", "general", true)
    );
    let mut ledger = Ledger::new(PriceBook::default());
    ledger.insert(facts);
    let priced = ledger.priced(NOON, Interval::hour(NOON), None);
    let nodes = priced[0].assets.iter().filter(|asset| &*asset.name == "general-lost");
    let paid: i128 = nodes.map(|asset| asset.cost.nanos()).sum();
    let rows = priced[0].rows.iter().filter(|(workload, _)| &*workload.node == "general-lost");
    let idle: i128 = rows.map(|(_, row)| row.total().nanos()).sum();
    assert!(paid > 0 && idle == paid, "{idle} {paid}");
}

#[test]
fn a_minute_becomes_integrals() {
    let world = world();
    let containers = [usage("main", 800_000, GIB / 2), usage("side", 0, 0), usage("main", 9_000_000, GIB)];
    let measured = Measurements { containers: &containers, ..Measurements::default() };
    let observed = collector(NOON).observe(NOON + 60, &world.view(), &measured).unwrap();
    let facts = hour(&observed.hours);
    let main = &facts.containers[0];
    assert_eq!(main.interval, Interval::new(NOON, NOON + 60));
    // 0.5 cores asked, 0.8 used: the greater of both at each moment
    assert_eq!((main.cpu.requested, main.cpu.used, main.cpu.charged), (30_000_000, 48_000_000, 48_000_000));
    assert_eq!((main.ram.requested, main.ram.used, main.ram.charged), (60 * GIB, 30 * GIB, 60 * GIB));
    assert_eq!((main.cpu_peak, main.cpu_limit, main.measured), (800_000, 60_000_000, 60));
    // a limit without a request is a request
    assert_eq!(facts.containers[1].cpu.requested, 6_000_000);
    assert_eq!(facts.containers.len(), 2, "init containers have no row");
    let row = &main.workload;
    assert_eq!(
        (&*row.controller_kind, &*row.controller, &*row.provider_id),
        ("deployment", "web", "aws:///us-east-1a/i-1")
    );
    assert_eq!((row.label("team"), row.label("cost-center")), (Some("payments"), Some("cc-1")));
    assert_eq!(row.services, [Arc::from("front")]);
    assert_eq!(row.annotations.len(), 1, "what kubectl apply notes is left out");
    assert_eq!(facts.nodes[0].capacity.millicores, 4_000);
    assert!(facts.gaps.is_empty());
}

#[test]
fn volumes_go_to_those_who_mount_them_and_load_balancers_to_those_behind() {
    let world = world();
    let volumes = [VolumeUsage { namespace: "shop".into(), claim: "data".into(), used_bytes: 7 }];
    let measured = Measurements { volumes: &volumes, ..Measurements::default() };
    let observed = collector(NOON).observe(NOON + 60, &world.view(), &measured).unwrap();
    let facts = hour(&observed.hours);
    let volume = &facts.volumes[0];
    assert_eq!(
        (&*volume.volume_type, &*volume.provider_id, volume.used_byte_seconds),
        ("gp3", "vol-1", Some(420))
    );
    assert_eq!(volume.uses.len(), 1);
    assert_eq!(
        (&*volume.uses[0].workload.container, volume.uses[0].byte_seconds),
        ("main", u128::from(100 * GIB * 60))
    );
    let balancer = &facts.balancers[0];
    assert!(balancer.private);
    assert_eq!(balancer.uses.iter().map(|each| each.seconds).collect::<Vec<_>>(), [60, 60]);
    assert_eq!(&*facts.management.as_ref().unwrap().provisioner, "EKS");
}

#[test]
fn a_pod_is_paid_for_from_being_bound_to_its_end() {
    let mut world = world();
    let mut late = pod("late", NOON + 40);
    late["status"]["phase"] = json!("Pending");
    let mut done = pod("done", NOON - 100);
    done["status"]["phase"] = json!("Succeeded");
    done["status"]["containerStatuses"] = json!([{
        "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 0, "finishedAt": rfc3339(NOON + 10)}},
    }]);
    let mut waiting = pod("waiting", NOON - 100);
    waiting["spec"]["nodeName"] = Value::Null;
    world.pods = vec![read(late), read(done), read(waiting)];
    let observed = collector(NOON).observe(NOON + 60, &world.view(), &Measurements::default()).unwrap();
    let lives: Vec<_> = hour(&observed.hours)
        .containers
        .iter()
        .filter(|fact| &*fact.workload.container == "main")
        .map(|fact| (fact.workload.pod.to_string(), fact.interval.start - NOON, fact.interval.end - NOON))
        .collect();
    assert_eq!(lives, [("done".to_owned(), 0, 10), ("late".to_owned(), 40, 60)]);
}

/// A missed scrape is a gap that is reported, not a zero: requests are paid for, use is not known.
#[test]
fn what_was_not_measured_is_a_gap() {
    let world = world();
    let silent = ["n1".into()];
    let measured = Measurements { silent_nodes: &silent, ..Measurements::default() };
    let observed = collector(NOON).observe(NOON + 60, &world.view(), &measured).unwrap();
    let facts = hour(&observed.hours);
    assert_eq!(&*facts.gaps[0].subject, "use of node n1");
    assert_eq!((facts.containers[0].measured, facts.containers[0].cpu.charged), (0, 30_000_000));
    // half an hour between two observations: one measurement cannot stand for all of it
    let containers = [usage("main", 4_000_000, GIB)];
    let measured = Measurements { containers: &containers, ..Measurements::default() };
    let observed = collector(NOON).observe(NOON + 1_800, &world.view(), &measured).unwrap();
    let facts = hour(&observed.hours);
    assert_eq!((&*facts.gaps[0].subject, facts.gaps[0].interval.seconds()), ("use of everything", 1_800));
    assert_eq!((facts.containers[0].cpu.used, facts.containers[0].cpu.charged), (0, 1_800 * 500_000));
}

#[test]
fn time_counts_once_whatever_the_clock_does() {
    let world = world();
    let mut collector = Collector::new(CollectorSettings::new("east"));
    let nothing = Measurements::default();
    assert!(collector.observe(NOON, &world.view(), &nothing).unwrap().hours.is_empty());
    assert!(collector.observe(NOON + 60, &world.view(), &nothing).is_ok());
    let again = collector.observe(NOON + 60, &world.view(), &nothing).unwrap_err();
    assert_eq!(again, ObserveError::NotLater { now: NOON + 60, last: NOON + 60 });
    assert!(collector.observe(NOON - 3_600, &world.view(), &nothing).is_err());
    let next = collector.observe(NOON + 120, &world.view(), &nothing).unwrap();
    assert_eq!(next.stretch, Interval::new(NOON + 60, NOON + 120));
}

#[test]
fn traffic_is_what_counters_grew_and_a_counter_may_begin_anew() {
    let world = world();
    let counters =
        |transmitted: u64| NetworkBytes { transmitted, internet: transmitted / 2, ..NetworkBytes::default() };
    let traffic = |transmitted| {
        let (namespace, pod) = ("shop".into(), "web-7d9-a".into());
        [PodTraffic { namespace, pod, pod_uid: "uid-web-7d9-a".into(), counters: counters(transmitted) }]
    };
    let mut collector = Collector::new(CollectorSettings::new("east"));
    let mut sent = Vec::new();
    for (step, transmitted) in [1_000, 1_501, 100].into_iter().enumerate() {
        let traffic = traffic(transmitted);
        let measured = Measurements { traffic: &traffic, ..Measurements::default() };
        let observed = collector.observe(NOON + 60 * step as i64, &world.view(), &measured).unwrap();
        for facts in &observed.hours {
            sent.push(
                facts.containers.iter().map(|fact| fact.network.unwrap().transmitted).collect::<Vec<_>>(),
            );
        }
    }
    // 501 over two containers, then 100 of a new counter
    assert_eq!(sent, [[250, 251], [50, 50]]);
}

/// However a stretch is cut into observations, its facts are the same.
fn watched(cuts: &[i64]) -> Ledger {
    let world = world();
    let containers = [usage("main", 800_000, GIB / 2), usage("side", 20_000, 0)];
    let measured = Measurements { containers: &containers, ..Measurements::default() };
    let mut ledger = Ledger::new(PriceBook::default());
    let mut collector = collector(NOON - 600);
    for cut in cuts {
        for facts in collector.observe(NOON - 600 + cut, &world.view(), &measured).unwrap().hours {
            ledger.absorb(facts);
        }
    }
    ledger
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn facts_do_not_depend_on_how_often_one_looks(cuts in proptest::collection::btree_set(1i64..1_200, 4..30)) {
        let mut cuts: Vec<i64> = cuts.into_iter().chain((1..5).map(|step| step * 240)).collect();
        cuts.push(1_200);
        cuts.sort_unstable();
        cuts.dedup();
        let coarse: Vec<i64> = (1..=5).map(|step| step * 240).collect();
        let (one, other) = (watched(&coarse), watched(&cuts));
        let window = Interval::new(NOON - 3_600, NOON + 3_600);
        let facts = |ledger: &Ledger| ledger.facts(window).map(|facts| HourFacts::clone(&facts)).collect::<Vec<_>>();
        prop_assert_eq!(facts(&one), facts(&other));
    }
}

#[test]
fn observed_facts_can_be_asked_about() {
    let ledger = watched(&[240, 480, 720, 960, 1_200]);
    let query = AllocationQuery {
        steps: vec![Interval::new(NOON - 3_600, NOON + 3_600)],
        ..AllocationQuery::default()
    };
    let sets = query.answer(&ledger);
    let names: Vec<&String> = sets[0].aggregates.keys().collect();
    assert_eq!(names, ["east/n1/shop/web-7d9-a/main", "east/n1/shop/web-7d9-a/side"]);
    let main = &sets[0].aggregates[0].measures;
    assert_eq!(main.span, Interval::new(NOON - 600, NOON + 600));
    assert!(main.total() > supercargo_cost::Money::ZERO);
}

/// A pod that was deleted between two observations, and one that took its name: each pays for its own time, and what was
/// measured is of the one that was measured.
#[test]
fn a_pod_that_is_gone_pays_until_then_and_its_heir_has_its_own_use() {
    let world = world();
    let mut heir = pod("web-7d9-a", NOON + 30);
    heir["metadata"]["uid"] = json!("heir");
    let heir: Pod = read(heir);
    let mut view = world.view();
    view.pods[0].gone = Some(NOON + 25);
    view.pods.push(Seen::from(&heir));
    let containers = [ContainerUsage { pod_uid: "heir".into(), ..usage("main", 900_000, GIB) }];
    let traffic = [PodTraffic {
        namespace: "shop".into(),
        pod: "web-7d9-a".into(),
        pod_uid: "heir".into(),
        counters: NetworkBytes { transmitted: 300, ..NetworkBytes::default() },
    }];
    let measured = Measurements { containers: &containers, traffic: &traffic, ..Measurements::default() };
    let observed = collector(NOON).observe(NOON + 60, &view, &measured).unwrap();
    let facts = hour(&observed.hours).containers.iter();
    let main: Vec<_> = facts
        .filter(|fact| &*fact.workload.container == "main")
        .map(|fact| {
            let sent = fact.network.map(|bytes| bytes.transmitted);
            (
                fact.workload.pod_uid.to_string(),
                fact.interval.seconds(),
                fact.measured,
                fact.cpu.charged,
                sent,
            )
        })
        .collect();
    let gone = ("uid-web-7d9-a".to_owned(), 25, 0, 25 * 500_000, None);
    assert_eq!(main, [("heir".to_owned(), 30, 30, 30 * 900_000, Some(150)), gone]);
}

#[test]
fn a_node_and_a_volume_that_are_gone_are_paid_for_until_then() {
    let world = world();
    let mut view = world.view();
    view.nodes[0].gone = Some(NOON + 10);
    view.volumes[0].gone = Some(NOON + 20);
    view.services[0].gone = Some(NOON + 30);
    let observed = collector(NOON).observe(NOON + 60, &view, &Measurements::default()).unwrap();
    let facts = hour(&observed.hours);
    let seconds = [
        facts.nodes[0].interval.seconds(),
        facts.volumes[0].interval.seconds(),
        facts.balancers[0].interval.seconds(),
    ];
    assert_eq!(seconds, [10, 20, 30]);
}

/// A clock that was set a century ahead, or a collector that slept for a month: what is there now is believed to have been
/// there for a day, the rest is a gap.
#[test]
fn of_a_long_absence_only_the_last_day_is_charged() {
    let world = world();
    let month = 30 * 86_400;
    for away in [month, 100 * 365 * 86_400] {
        let observed = collector(NOON - away).observe(NOON, &world.view(), &Measurements::default()).unwrap();
        assert!(observed.hours.len() <= 31 * 24 + 1);
        let charged: u64 = observed
            .hours
            .iter()
            .flat_map(|facts| &facts.containers)
            .filter(|fact| &*fact.workload.container == "main")
            .map(|fact| fact.interval.seconds())
            .sum();
        assert_eq!(charged, 7_200, "the pod is two hours old");
        let nodes = observed.hours.iter().flat_map(|facts| &facts.nodes);
        assert_eq!(nodes.map(|fact| fact.interval.seconds()).sum::<u64>(), 86_400);
        assert_eq!(&*observed.hours[0].gaps[0].subject, "everything");
        assert_eq!(&*observed.hours.last().unwrap().gaps[0].subject, "use of everything");
    }
}

#[test]
fn while_there_is_no_cluster_nothing_is_charged() {
    let mut collector = collector(NOON);
    let observed = collector.absent(NOON + 5_400).unwrap();
    assert_eq!(observed.hours.len(), 2);
    assert!(observed.hours.iter().all(|facts| facts.nodes.is_empty() && facts.management.is_none()));
    assert_eq!(observed.hours[1].gaps[0].interval, Interval::new(NOON + 3_600, NOON + 5_400));
    assert!(collector.absent(NOON).is_err());
    let world = world();
    let next = collector.observe(NOON + 5_460, &world.view(), &Measurements::default()).unwrap();
    assert_eq!(next.stretch, Interval::new(NOON + 5_400, NOON + 5_460));
}

#[test]
fn a_pod_that_was_thrown_out_pays_until_it_was_not_ready_any_more() {
    let mut world = world();
    let mut evicted = pod("evicted", NOON - 100);
    evicted["status"]["phase"] = json!("Failed");
    evicted["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .push(json!({"type": "Ready", "status": "False", "lastTransitionTime": rfc3339(NOON + 15)}));
    world.pods = vec![read(evicted)];
    let observed = collector(NOON).observe(NOON + 60, &world.view(), &Measurements::default()).unwrap();
    assert_eq!(hour(&observed.hours).containers[0].interval, Interval::new(NOON, NOON + 15));
}

/// A pod with nothing around it; its containers are in no order of their names.
fn small_pod(number: usize, version: Option<usize>) -> Pod {
    read(json!({
        "metadata": {
            "name": format!("p-{}", number % 7), "namespace": format!("n-{}", number % 3), "uid": format!("uid-{number}"),
            "labels": {"release": format!("{}", version.unwrap_or(0) % 2)},
            "resourceVersion": version.map(|version| format!("{}", version + 1)),
        },
        "spec": {"nodeName": format!("n{}", number % 2), "containers": [
            {"name": format!("c{}", number % 5), "resources": {"requests": {"cpu": "1m"}}},
            {"name": "a", "resources": {"requests": {"cpu": "2m"}}},
        ]},
        "status": {"conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": rfc3339(NOON - 86_400)},
        ]},
    }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Who was seen before is not looked at again, and what comes of it is what a collector says that sees everybody for the
    /// first time.
    #[test]
    fn a_collector_that_knows_its_pods_says_what_a_new_one_says(
        rounds in proptest::collection::vec(
            (proptest::collection::btree_map(0usize..24, proptest::option::of(0usize..4), 0..12), any::<bool>()),
            1..8,
        ),
    ) {
        let mut world = world();
        let mut knowing = collector(NOON);
        for (round, (pods, labelled)) in (1..).zip(rounds) {
            world.pods = pods.into_iter().map(|(number, version)| small_pod(number, version)).collect();
            world.namespaces =
                vec![read(json!({"metadata": {"name": "n-1", "labels": {"team": if labelled { "a" } else { "b" }}}}))];
            let used = |pod: &Pod| ContainerUsage {
                pod: pod.metadata.name.as_deref().unwrap().into(),
                namespace: pod.metadata.namespace.as_deref().unwrap().into(),
                pod_uid: pod.metadata.uid.as_deref().unwrap().into(),
                container: "a".into(),
                microcores: 7 + round as u64,
                ..ContainerUsage::default()
            };
            let containers: Vec<ContainerUsage> = world.pods.iter().map(used).collect();
            let measured = Measurements { containers: &containers, ..Measurements::default() };
            let mut new = collector(NOON + 60 * (round - 1));
            let known = knowing.observe(NOON + 60 * round, &world.view(), &measured).unwrap();
            prop_assert_eq!(&known, &new.observe(NOON + 60 * round, &world.view(), &measured).unwrap());
            for facts in &known.hours {
                prop_assert_eq!(facts.containers.len(), 2 * world.pods.len());
                prop_assert!(facts.containers.is_sorted_by_key(|fact| &fact.workload));
                prop_assert_eq!(facts.containers.iter().filter(|fact| fact.measured == 60).count(), world.pods.len());
            }
        }
    }
}
