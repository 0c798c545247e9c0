//! Every form an explanation is printed in, from explanations built by hand with every field there is.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;

use supercargo_catalog::{PriceKind, PriceStamp, Usd};
use supercargo_cli::console::Paint;
use supercargo_cli::explain::{Explained, Format, render};
use supercargo_engine::consolidate::{NewNode, PodMove};
use supercargo_engine::explain::{
    BudgetNow, Constraint, DisruptionSettings, Eviction, ExistingNodes, Finding, Flexibility, Going,
    LimitUse, NewPlace, NodeExplanation, NodePoolAnswer, NodePoolExplanation, NodeState, NodesOfPool,
    Obstacle, Place, PodExplanation, PodOnNode, PodState, PoolStep, PriceSplit, Refusing, Severity, Share,
    Sizing, TypeCount, WhatIf,
};
use supercargo_engine::plan::InstanceChoice;
use supercargo_engine::reasons::{Explanation, Step};

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn choice(instance_type: &str, price: &str) -> InstanceChoice {
    InstanceChoice {
        instance_type: instance_type.to_owned(),
        zone: "us-east-1a".to_owned(),
        capacity_type: "on-demand".to_owned(),
        price_per_hour: usd(price),
    }
}

/// A pod of which there is everything to say, even what no pod has at once.
fn pod(place: Place) -> PodExplanation {
    PodExplanation {
        api_version: "supercargo.dev/v1".to_owned(),
        kind: "PodExplanation".to_owned(),
        pod: "shop/web-5d4f8c7b9-4tqzx".to_owned(),
        owner: Some("ReplicaSet web-5d4f8c7b9".to_owned()),
        state: PodState::Pending,
        node: Some("ip-10-0-1-17.ec2.internal".to_owned()),
        message: "it waits for a new node: on-demand c6a.large in us-east-1a of NodePool general".to_owned(),
        scheduler: Some("0/3 nodes are available: 3 Insufficient cpu".to_owned()),
        requests: texts(&[("cpu", "900m"), ("memory", "1Gi"), ("pods", "1")]),
        priority: 1000,
        constraints: [
            ("node", "kubernetes.io/arch In [amd64]"),
            ("toleration", "spot=true:NoSchedule"),
            ("host-port", "80/TCP"),
            ("spread", "pods with app=web over topology.kubernetes.io/zone, at most 1 more than where there are fewest"),
        ]
        .map(|(kind, text)| Constraint { kind: kind.to_owned(), text: text.to_owned() })
        .to_vec(),
        place: Some(place),
        existing_nodes: Some(ExistingNodes {
            asked: 24,
            taking: (0..12).map(|index| format!("ip-10-0-2-{index}.ec2.internal")).collect(),
            refusing: vec![
                Refusing {
                    code: "resources".to_owned(),
                    reason: "needs 0.9 cpu, at most 0.75 free".to_owned(),
                    nodes: 11,
                    example: "ip-10-0-3-1.ec2.internal".to_owned(),
                },
                Refusing {
                    code: "cordoned".to_owned(),
                    reason: "cordoned".to_owned(),
                    nodes: 1,
                    example: "ip-10-0-3-2.ec2.internal".to_owned(),
                },
            ],
        }),
        node_pools: vec![
            NodePoolAnswer {
                explanation: Explanation {
                    node_pool: "general".to_owned(),
                    types: 1_360,
                    steps: vec![Step {
                        constraint: "pod: kubernetes.io/arch In [amd64]".to_owned(),
                        removed: 412,
                        left: 948,
                    }],
                    left: 948,
                    nearest_miss: None,
                },
                cheapest: Some(choice("c6a.large", "0.0765")),
            },
            NodePoolAnswer {
                explanation: Explanation {
                    node_pool: "arm".to_owned(),
                    types: 2,
                    steps: vec![Step { constraint: "pod: 900m cpu".to_owned(), removed: 2, left: 0 }],
                    left: 0,
                    nearest_miss: Some("needs 0.9 cpu; the nearest allowed type, t4g.nano, has 0.5 for pods".to_owned()),
                },
                cheapest: None,
            },
        ],
        eviction: Some(Eviction {
            cost: 1.25,
            pdbs: names(&["shop/web"]),
            blocked: Some("PDB shop/web allows 0 evictions (minAvailable 3, 3 of 3 healthy)".to_owned()),
        }),
    }
}

fn new_place() -> Place {
    Place::NewNode(Box::new(NewPlace {
        node_pool: "general".to_owned(),
        instance_type: "c6a.large".to_owned(),
        zone: "us-east-1a".to_owned(),
        capacity_type: "on-demand".to_owned(),
        price_per_hour: usd("0.0765"),
        other_pods: 1,
        why: "cheapest of 143 types that hold its pods".to_owned(),
    }))
}

fn node() -> NodeExplanation {
    let pod = |name: &str, stays: bool, price: &str, blocked: Option<&str>| PodOnNode {
        pod: name.to_owned(),
        owner: (!stays).then(|| "StatefulSet db".to_owned()),
        requests: texts(&[("cpu", "1"), ("memory", "4Gi")]),
        price_per_hour: Some(usd(price)),
        stays,
        eviction_cost: 1.0,
        blocked: blocked.map(str::to_owned),
    };
    NodeExplanation {
        api_version: "supercargo.dev/v1".to_owned(),
        kind: "NodeExplanation".to_owned(),
        node: "ip-10-0-1-17.ec2.internal".to_owned(),
        message: "it has 2 pods; it stays: pod shop/db-0 is do-not-disrupt".to_owned(),
        node_claim: Some("general-x7k2p".to_owned()),
        node_pool: Some("general".to_owned()),
        instance_type: "m6a.xlarge".to_owned(),
        zone: "us-east-1a".to_owned(),
        capacity_type: "on-demand".to_owned(),
        state: NodeState::Ready,
        created: Some("2026-11-20T09:00:00Z".to_owned()),
        price_per_hour: Some(usd("0.1728")),
        price_per_month: Some(126.14),
        price: Some(PriceStamp::new(PriceKind::List, "2026-07-20".parse().unwrap())),
        allocatable: texts(&[("cpu", "3920m"), ("memory", "14162Mi"), ("pods", "58")]),
        requests: texts(&[("cpu", "2"), ("memory", "8Gi"), ("pods", "3")]),
        daemon_sets: texts(&[("cpu", "100m"), ("memory", "128Mi"), ("pods", "1")]),
        cpu_percent: 51.0,
        memory_percent: 57.8,
        sizing: Some(Sizing {
            text: "3 of 57 types that hold its pods are cheaper: on-demand r6a.large would cost $0.0594 less an hour"
                .to_owned(),
            holding: 57,
            cheaper: 3,
            cheapest: Some(choice("r6a.large", "0.1134")),
            fullest: "memory".to_owned(),
            fullest_percent: 57.8,
            launched_from: Some(60),
        }),
        split: Some(PriceSplit {
            shares: vec![
                Share { resource: "cpu".to_owned(), unit: "core".to_owned(), per_unit_hour: 0.0345, per_hour: usd("0.1352") },
                Share { resource: "memory".to_owned(), unit: "GiB".to_owned(), per_unit_hour: 0.0027, per_hour: usd("0.0376") },
            ],
            pods_per_hour: usd("0.0888"),
            daemon_sets_per_hour: usd("0.0038"),
            idle_per_hour: usd("0.0802"),
        }),
        pods: vec![
            pod("shop/db-0", false, "0.0453", Some("pod shop/db-0 is do-not-disrupt")),
            pod("shop/db-1", false, "0.0435", None),
            pod("kube-system/agent-x", true, "0.0038", None),
        ],
        going: Going {
            may_go: false,
            obstacles: vec![Obstacle {
                code: "pod-do-not-disrupt".to_owned(),
                text: "pod shop/db-0 is do-not-disrupt".to_owned(),
                unlock: "remove the annotation karpenter.sh/do-not-disrupt from pod shop/db-0".to_owned(),
            }],
            what_if: Some(WhatIf {
                feasible: true,
                text: "its pods would go to a new on-demand r6a.large and nodes that are there, which saves $0.0594 an hour"
                    .to_owned(),
                placements: vec![
                    PodMove {
                        pod: "shop/db-0".to_owned(),
                        from: "ip-10-0-1-17.ec2.internal".to_owned(),
                        to: "new-1".to_owned(),
                    },
                    PodMove {
                        pod: "shop/db-1".to_owned(),
                        from: "ip-10-0-1-17.ec2.internal".to_owned(),
                        to: "ip-10-0-1-18.ec2.internal".to_owned(),
                    },
                ],
                new_nodes: vec![NewNode {
                    name: "new-1".to_owned(),
                    node_pool: "general".to_owned(),
                    instance_type: "r6a.large".to_owned(),
                    zone: "us-east-1a".to_owned(),
                    capacity_type: "on-demand".to_owned(),
                    price_per_hour: usd("0.1134"),
                    instance_types: names(&["r6a.large", "r6i.large"]),
                    pods: 1,
                }],
                saved_per_hour: Some(usd("0.0594")),
            }),
            drift: Some("NodePoolDrifted: the template has changed".to_owned()),
            expires: Some("2026-12-20T09:00:00Z".to_owned()),
        },
    }
}

fn node_pool() -> NodePoolExplanation {
    NodePoolExplanation {
        api_version: "supercargo.dev/v1".to_owned(),
        kind: "NodePoolExplanation".to_owned(),
        node_pool: "general".to_owned(),
        node_class: "default".to_owned(),
        message: "it makes no nodes: the NodePool is not ready: no subnets".to_owned(),
        weight: 10,
        replicas: Some(3),
        problem: Some("the NodePool is not ready: no subnets".to_owned()),
        types: 1_360,
        steps: vec![
            PoolStep {
                requirement: "kubernetes.io/arch In [amd64]".to_owned(),
                removed: 412,
                left: 948,
                alone: 4,
            },
            PoolStep {
                requirement: "karpenter.k8s.aws/instance-family In [m7i]".to_owned(),
                removed: 939,
                left: 9,
                alone: 939,
            },
        ],
        left: 9,
        narrowest: Some("karpenter.k8s.aws/instance-family In [m7i]".to_owned()),
        flexibility: Some(Flexibility {
            types: 9,
            offerings: 36,
            types_by_capacity: [("on-demand".to_owned(), 9), ("spot".to_owned(), 8)].into(),
            families: names(&["m7i"]),
            generations: names(&["7"]),
            sizes: names(&["large", "xlarge"]),
            architectures: names(&["amd64"]),
            zones: names(&["us-east-1a", "us-east-1b"]),
            vcpus: (2, 192),
            memory_mib: (8_192, 786_432),
            cheapest: choice("m7i.large", "0.1008"),
            dearest: choice("m7i.48xlarge", "9.6768"),
        }),
        labels: texts(&[("team", "shop")]),
        taints: names(&["dedicated=shop:NoSchedule"]),
        limits: vec![LimitUse {
            resource: "cpu".to_owned(),
            limit: "100".to_owned(),
            used: "92".to_owned(),
            left: "8".to_owned(),
            percent: 92.0,
        }],
        disruption: DisruptionSettings {
            consolidation_policy: "Balanced".to_owned(),
            consolidate_after: "1m".to_owned(),
            expire_after: "720h".to_owned(),
            termination_grace_period: Some("1h".to_owned()),
            budgets: vec![
                BudgetNow {
                    nodes: "10%".to_owned(),
                    limit: 3,
                    reasons: Vec::new(),
                    active: true,
                    changes: None,
                    problem: None,
                },
                BudgetNow {
                    nodes: "0".to_owned(),
                    limit: 0,
                    reasons: names(&["Underutilized"]),
                    active: false,
                    changes: Some("2026-11-24T09:00:00Z".to_owned()),
                    problem: Some("its schedule never fires".to_owned()),
                },
            ],
            allowed_now: [("Empty".to_owned(), 3), ("Underutilized".to_owned(), 2)].into(),
        },
        nodes: NodesOfPool {
            nodes: 23,
            in_flight: 1,
            price_per_hour: usd("3.9744"),
            price_per_month: 2_901.31,
            pods: 230,
            cpu_percent: 71.2,
            memory_percent: 54.0,
            by_type: vec![TypeCount {
                instance_type: "m7i.xlarge".to_owned(),
                capacity_type: "on-demand".to_owned(),
                nodes: 23,
                price_per_hour: usd("3.9744"),
            }],
        },
        findings: [
            (Severity::Error, "not-ready"),
            (Severity::Warning, "one-family"),
            (Severity::Note, "no-limits"),
        ]
        .map(|(severity, code)| Finding {
            code: code.to_owned(),
            severity,
            field: "spec.template.spec.requirements".to_owned(),
            text: "one instance family only, m7i".to_owned(),
            advice: "allow another family".to_owned(),
        })
        .to_vec(),
    }
}

fn written(explained: &Explained, format: Format) -> String {
    render(explained, format, Paint::default()).unwrap()
}

#[test]
fn a_pod_in_words() {
    insta::assert_snapshot!(written(&Explained::Pod(Box::new(pod(new_place()))), Format::Text));
}

#[test]
fn a_node_in_words() {
    insta::assert_snapshot!(written(&Explained::Node(Box::new(node())), Format::Text));
}

#[test]
fn a_node_pool_in_words() {
    insta::assert_snapshot!(written(&Explained::NodePool(Box::new(node_pool())), Format::Text));
}

#[test]
fn a_pod_as_a_document() {
    let text = written(&Explained::Pod(Box::new(pod(new_place()))), Format::Json);
    assert_eq!(serde_json::from_str::<PodExplanation>(&text).unwrap(), pod(new_place()));
    insta::assert_snapshot!(text);
    for place in [Place::ExistingNode("ip-10-0-1-17".to_owned()), Place::None] {
        let yaml = written(&Explained::Pod(Box::new(pod(place.clone()))), Format::Yaml);
        assert_eq!(serde_saphyr::from_str::<PodExplanation>(&yaml).unwrap(), pod(place));
    }
}

#[test]
fn a_node_as_a_document() {
    let text = written(&Explained::Node(Box::new(node())), Format::Json);
    assert_eq!(serde_json::from_str::<NodeExplanation>(&text).unwrap(), node());
    insta::assert_snapshot!(text);
}

#[test]
fn a_node_pool_as_a_document() {
    let text = written(&Explained::NodePool(Box::new(node_pool())), Format::Json);
    assert_eq!(serde_json::from_str::<NodePoolExplanation>(&text).unwrap(), node_pool());
    insta::assert_snapshot!(text);
}

#[test]
fn names_cannot_drive_the_terminal() {
    let mut hostile = node();
    hostile.pods[0].pod = "shop/\u{1b}[31mred".to_owned();
    hostile.going.obstacles[0].text = "\u{7}".to_owned();
    let text = written(&Explained::Node(Box::new(hostile)), Format::Text);
    assert!(!text.contains(['\u{1b}', '\u{7}']));
}
