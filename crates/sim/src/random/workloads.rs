//! Deployments of a random scenario.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use supercargo_clock::Randomness;

use super::scenario::BUSY;
use crate::scenario::{Span, Step, Workload};

/// A Deployment, and how it grows, shrinks and is replaced.
pub(super) fn workload(number: u64, draws: &mut Randomness) -> Workload {
    let most = 2 + draws.below(60) as u32;
    let mut replicas = || draws.below(u64::from(most)) as u32;
    let (first, sizes) = (replicas(), [replicas(), replicas(), replicas(), replicas()]);
    let mut annotations = BTreeMap::new();
    if draws.chance(0.12) {
        annotations.insert("karpenter.sh/do-not-disrupt".to_owned(), "true".to_owned());
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
        pod: pod(number, most, draws),
        min_available: draws
            .chance(0.5)
            .then(|| ["50%", "80%", "1", "90%"][draws.below(4) as usize].to_owned()),
        steps: steps(&sizes, draws),
        daily: None,
    }
}

/// New sizes, at once or over some minutes, and new images.
fn steps(sizes: &[u32], draws: &mut Randomness) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for size in sizes.iter().take(1 + draws.below(4) as usize) {
        let is_deploy = draws.chance(0.2);
        steps.push(Step {
            at: Span::seconds(draws.below(BUSY - 300)),
            load: None,
            // a scale-in to nothing now and then
            replicas: (!is_deploy).then_some(if draws.chance(0.1) { 0 } else { *size }),
            over: draws.chance(0.4).then(|| Span::seconds(60 + draws.below(240))),
            image: is_deploy.then(|| format!("{}", 2 + draws.below(9))),
        });
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// What its pods ask for beside cores and memory.
fn pod(number: u64, most: u32, draws: &mut Randomness) -> Value {
    let selector = json!({"matchLabels": {"app": format!("app-{number}")}});
    let mut pod = json!({"terminationGracePeriodSeconds": 5 + draws.below(60)});
    if draws.chance(0.4) {
        let strictly = ["ScheduleAnyway", "ScheduleAnyway", "DoNotSchedule"][draws.below(3) as usize];
        pod["topologySpreadConstraints"] = json!([{
            "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": strictly,
            "labelSelector": selector,
        }]);
    }
    // a node for each pod: only where there are few
    if most < 15 && draws.chance(0.3) {
        pod["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": "kubernetes.io/hostname", "labelSelector": selector,
        }]}});
    }
    pod
}
