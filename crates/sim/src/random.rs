//! Random scenarios with random faults.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use supercargo_clock::Randomness;

use crate::scenario::{Assertions, Change, Fault, FaultKind, ObjectName, Scenario, Span, Step, Workload};

/// Seconds in which things happen: with the time to settle a scenario lasts an hour.
const BUSY: u64 = 2_400;
/// Seconds for everything to come to rest.
const SETTLE: u64 = 1_200;

/// The scenario of a seed: a few NodePools, workloads that grow and shrink, and faults of every kind.
pub fn random_scenario(seed: u64) -> Scenario {
    let mut draws = Randomness::from_seed(seed).fork("scenario");
    let pools = node_pools(&mut draws);
    let workloads = (0..1 + draws.below(4)).map(|number| workload(number, &mut draws)).collect();
    Scenario {
        name: format!("random-{seed}"),
        description: String::new(),
        start: jiff::Timestamp::from_second(1_772_442_000).unwrap_or_default(),
        duration: Span::seconds(BUSY),
        settle: Span::seconds(SETTLE),
        seed,
        region: "us-east-1".to_owned(),
        cluster: "simulated".to_owned(),
        feature_gates: if draws.chance(0.5) {
            "SpotToSpotConsolidation=true".to_owned()
        } else {
            String::new()
        },
        spot_hazard: if draws.chance(0.3) { 200.0 } else { 1.0 },
        boot_factor: if draws.chance(0.2) { 3.0 } else { 1.0 },
        baseline: None,
        manifests: Vec::new(),
        objects: pools.into_iter().chain([node_class()]).collect(),
        workloads,
        changes: changes(&mut draws),
        market: market(&mut draws),
        faults: faults(&mut draws),
        assertions: Assertions::default(),
    }
}

fn node_class() -> Value {
    json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {
            "role": "nodes",
            "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "simulated"}}],
            "securityGroupSelectorTerms": [{"tags": {"karpenter.sh/discovery": "simulated"}}],
        },
    })
}

fn node_pools(draws: &mut Randomness) -> Vec<Value> {
    let count = 1 + draws.below(3);
    (0..count)
        .map(|number| {
            let capacity: &[&str] = match draws.below(3) {
                0 => &["on-demand"],
                1 => &["spot", "on-demand"],
                // the last NodePool takes everything, so that what is dry elsewhere can still run
                _ if number + 1 < count => &["spot"],
                _ => &["spot", "on-demand"],
            };
            let policy = if draws.chance(0.7) { "WhenEmptyOrUnderutilized" } else { "WhenEmpty" };
            let after = ["0s", "30s", "2m"][draws.below(3) as usize];
            let budget = ["10%", "20%", "50%", "1", "3", "100%"];
            let budget = draws.choose(&budget).copied().unwrap_or("10%");
            let mut pool = json!({
                "apiVersion": "karpenter.sh/v1", "kind": "NodePool",
                "metadata": {"name": format!("pool-{number}")},
                "spec": {
                    "weight": 1 + draws.below(100),
                    "template": {
                        "metadata": {"labels": {"generation": "1"}},
                        "spec": {
                            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                            "expireAfter": if draws.chance(0.1) { "20m" } else { "720h" },
                            "requirements": [
                                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": capacity},
                                {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"]},
                                {"key": "karpenter.k8s.aws/instance-generation", "operator": "Gt", "values": ["4"]},
                                {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                            ],
                        },
                    },
                    "disruption": {
                        "consolidationPolicy": policy,
                        "consolidateAfter": after,
                        "budgets": [{"nodes": budget}],
                    },
                },
            });
            if number + 1 < count && draws.chance(0.4) {
                pool["spec"]["limits"] = json!({"cpu": (16 + draws.below(100)).to_string()});
            }
            if draws.chance(0.3) {
                pool["spec"]["template"]["spec"]["terminationGracePeriod"] = json!("5m");
            }
            pool
        })
        .collect()
}

fn workload(number: u64, draws: &mut Randomness) -> Workload {
    let most = 2 + draws.below(60) as u32;
    let mut replicas = || draws.below(u64::from(most)) as u32;
    let (first, sizes) = (replicas(), [replicas(), replicas(), replicas(), replicas()]);
    let mut steps: Vec<Step> = Vec::new();
    for size in sizes.into_iter().take(1 + draws.below(4) as usize) {
        let is_deploy = draws.chance(0.2);
        steps.push(Step {
            at: Span::seconds(draws.below(BUSY - 300)),
            replicas: (!is_deploy).then_some(size),
            load: None,
            over: draws.chance(0.4).then(|| Span::seconds(60 + draws.below(240))),
            image: is_deploy.then(|| format!("{}", 2 + draws.below(9))),
        });
    }
    steps.sort_by_key(|step| step.at);
    let mut annotations = BTreeMap::new();
    if draws.chance(0.1) {
        annotations.insert("karpenter.sh/do-not-disrupt".to_owned(), "true".to_owned());
    }
    let spread = json!([{
        "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": format!("app-{number}")}},
    }]);
    let mut pod = json!({"terminationGracePeriodSeconds": 5 + draws.below(60)});
    if draws.chance(0.4) {
        pod["topologySpreadConstraints"] = spread;
    }
    Workload {
        name: format!("app-{number}"),
        namespace: "default".to_owned(),
        replicas: first,
        autoscale: None,
        load: None,
        cpu: ["100m", "250m", "500m", "1", "2", "3500m"][draws.below(6) as usize].to_owned(),
        memory: ["128Mi", "512Mi", "1Gi", "3Gi", "8Gi"][draws.below(5) as usize].to_owned(),
        labels: BTreeMap::new(),
        annotations,
        pod,
        min_available: draws.chance(0.5).then(|| ["50%", "80%", "1"][draws.below(3) as usize].to_owned()),
        steps,
        daily: None,
    }
}

fn changes(draws: &mut Randomness) -> Vec<Change> {
    let mut changes = Vec::new();
    if draws.chance(0.3) {
        // a label of the template: every node of the NodePool drifts
        let object = json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "pool-0"},
            "spec": {"template": {"metadata": {"labels": {"generation": "2"}}}},
        });
        let at = Span::seconds(300 + draws.below(BUSY - 600));
        changes.push(Change { at, apply: None, patch: Some(object), delete: None });
    }
    if draws.chance(0.1) {
        let name = ObjectName {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("default".to_owned()),
            name: "app-0".to_owned(),
        };
        // after the last step, which may still change it
        let at = Span::seconds(BUSY);
        changes.push(Change { at, apply: None, patch: None, delete: Some(name) });
    }
    changes
}

fn market(draws: &mut Randomness) -> String {
    let mut lines = Vec::new();
    let at = |draws: &mut Randomness| format!("+{}s", 60 + draws.below(BUSY - 360));
    let zones = ["us-east-1a", "us-east-1b", "us-east-1c"];
    for _ in 0..draws.below(4) {
        let zone = zones[draws.below(3) as usize];
        let moment = at(draws);
        lines.push(match draws.below(7) {
            0 => format!("at: {moment}, zone: {zone}, depth: 0, for: 10m"),
            1 => format!("at: {moment}, capacityType: spot, types: \"m*\", depth: 0, for: 10m"),
            2 => format!("at: {moment}, capacityType: spot, interrupt: 30%"),
            3 => format!("at: {moment}, killKubelets: 10%"),
            4 => format!("at: {moment}, fault: RequestLimitExceeded, rate: 0.5, for: 3m"),
            5 => format!("at: {moment}, capacityType: spot, priceFactor: 3, for: 15m"),
            _ => format!("at: {moment}, releaseImages: true"),
        });
    }
    lines.join("\n")
}

fn faults(draws: &mut Randomness) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..draws.below(4) {
        let kind = match draws.below(5) {
            0 | 1 => FaultKind::Crash,
            2 => FaultKind::ApiErrors(5.0 + draws.below(40) as f64),
            3 => FaultKind::DropWatches,
            _ => FaultKind::ClockAhead(Span::seconds(draws.below(20))),
        };
        let at = Span::seconds(draws.below(BUSY - 600));
        faults.push(Fault { at, lasts: Span::seconds(1 + draws.below(180)), kind });
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}
