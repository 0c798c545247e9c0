//! PodDisruptionBudgets: which pods they select, and how many of those may be evicted at once (reference section 4.2).
//!
//! What the cluster says of a budget counts. Where it has not said anything yet, as in a manifest, the number is worked
//! out as the cluster would.

mod allowed;
mod matching;

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use supercargo_api::Objects;
use supercargo_api::selector::{Selector, WhenAbsent};

use crate::problems::ObjectProblem;

use allowed::Controllers;
pub(super) use matching::Matcher;

/// One PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq)]
pub struct Pdb {
    /// `namespace/name`.
    pub name: String,
    /// Namespace; it selects pods of its own only.
    pub namespace: String,
    /// Which pods it selects.
    pub selector: Selector,
    /// How many of them may be evicted now.
    pub allowed: u32,
    /// Whether pods that are not ready may always be evicted (`unhealthyPodEvictionPolicy: AlwaysAllow`).
    pub lets_unhealthy_go: bool,
    /// How it comes to its number: `minAvailable 3, 3 of 3 healthy`.
    pub why: String,
    /// Whether the number was worked out from the input, because the object has no status.
    pub computed: bool,
}

/// More pods would be evicted at once than a PodDisruptionBudget allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PDB {name} allows {allowed} evictions at once, {wanted} are wanted")]
pub struct PdbShort {
    /// The budget, by index.
    pub pdb: u32,
    /// Its name, `namespace/name`.
    pub name: String,
    /// How many of its pods would be evicted.
    pub wanted: u32,
    /// How many may be.
    pub allowed: u32,
}

/// All budgets, in the order of the input, and for each pod of the input those that select it.
pub(super) fn compile(objects: &Objects, problems: &mut Vec<ObjectProblem>) -> (Vec<Pdb>, Vec<Vec<u32>>) {
    let mut pdbs: Vec<Pdb> =
        objects.pod_disruption_budgets.iter().map(|object| without_numbers(object, problems)).collect();
    let matcher = Matcher::new(&pdbs, &objects.pod_disruption_budgets);
    let selecting: Vec<Vec<u32>> = objects.pods.iter().map(|pod| matcher.selecting(&pdbs, pod)).collect();

    let mut selected: Vec<Vec<u32>> = vec![Vec::new(); pdbs.len()];
    if pdbs.iter().any(|pdb| pdb.computed) {
        for (pod, by) in selecting.iter().enumerate() {
            for pdb in by {
                if pdbs[*pdb as usize].computed {
                    selected[*pdb as usize].push(u32::try_from(pod).unwrap_or(u32::MAX));
                }
            }
        }
    }
    let controllers = Controllers::new(objects, pdbs.iter().any(|pdb| pdb.computed));
    for ((pdb, object), pods) in pdbs.iter_mut().zip(&objects.pod_disruption_budgets).zip(selected) {
        if pdb.computed {
            match controllers.count(object, &pdb.namespace, &pods) {
                Ok(counted) => {
                    pdb.allowed = counted.allowed();
                    pdb.why = wording(object, counted.healthy, counted.expected);
                }
                Err(problem) => {
                    // As the cluster does when it cannot tell: nothing may be evicted.
                    pdb.allowed = 0;
                    pdb.why.clone_from(&problem);
                    problems.push(ObjectProblem {
                        kind: "PodDisruptionBudget".to_owned(),
                        name: pdb.name.clone(),
                        problem: format!("it allows no eviction: {problem}"),
                    });
                }
            }
        }
    }
    (pdbs, selecting)
}

/// A budget whose number is the one of its status, or still to be worked out.
fn without_numbers(object: &PodDisruptionBudget, problems: &mut Vec<ObjectProblem>) -> Pdb {
    let namespace = object.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let name = format!("{namespace}/{}", object.metadata.name.as_deref().unwrap_or_default());
    let spec = object.spec.as_ref();
    let selector = spec.and_then(|spec| spec.selector.as_ref());
    let selector = Selector::compile_optional(selector, WhenAbsent::SelectNothing).unwrap_or_else(|error| {
        problems.push(ObjectProblem {
            kind: "PodDisruptionBudget".to_owned(),
            name: name.clone(),
            problem: format!("it selects no pod: {error}"),
        });
        Selector::nothing()
    });
    let policy = spec.and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
    let mut pdb = Pdb {
        name,
        namespace,
        selector,
        allowed: 0,
        lets_unhealthy_go: policy == Some("AlwaysAllow"),
        why: String::new(),
        computed: true,
    };
    if let Some(status) = object.status.as_ref() {
        let numbers = [
            status.current_healthy,
            status.desired_healthy,
            status.disruptions_allowed,
            status.expected_pods,
        ];
        // Before the cluster has looked at a budget, its status is all zeros.
        if status.observed_generation.is_some() || numbers.iter().any(|number| number.unwrap_or(0) != 0) {
            pdb.computed = false;
            pdb.allowed = u32::try_from(status.disruptions_allowed.unwrap_or(0)).unwrap_or(0);
            let healthy = i64::from(status.current_healthy.unwrap_or(0));
            pdb.why = wording(object, healthy, i64::from(status.expected_pods.unwrap_or(0)));
        }
    }
    pdb
}

fn wording(object: &PodDisruptionBudget, healthy: i64, expected: i64) -> String {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    let spec = object.spec.as_ref();
    let text = |value: &IntOrString| match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.chars().take(40).collect(),
    };
    let rule = match (
        spec.and_then(|spec| spec.max_unavailable.as_ref()),
        spec.and_then(|spec| spec.min_available.as_ref()),
    ) {
        (Some(value), _) => format!("maxUnavailable {}", text(value)),
        (None, Some(value)) => format!("minAvailable {}", text(value)),
        (None, None) => "neither minAvailable nor maxUnavailable".to_owned(),
    };
    format!("{rule}, {healthy} of {expected} healthy")
}
