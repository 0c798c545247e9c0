//! PodDisruptionBudgets, with the status their controller would give them.

use serde_json::{Value, json};

use crate::builder::Builder;
use crate::metadata::{typed, whole};
use crate::names::uid;
use crate::options::GenerateError;
use crate::workload::Kind;

/// Of the workloads with more than one replica, so many have a budget.
const GUARDED: f64 = 0.6;
/// Of the workloads with one replica, so many have one that lets nothing go.
const GUARDED_SINGLE: f64 = 0.08;

impl Builder<'_> {
    /// Makes the budgets, for the pods there are now.
    pub(crate) fn guard(&mut self) -> Result<(), GenerateError> {
        let pods = self.pods_by_workload();
        for (index, pods) in pods.iter().enumerate() {
            let workload = &self.workloads[index];
            let (draw, choice) = (self.events.f64(), self.events.f64());
            let share = if workload.full > 1 { GUARDED } else { GUARDED_SINGLE };
            if !self.options.pdbs || workload.kind == Kind::Job || workload.full == 0 || draw >= share {
                continue;
            }
            let healthy = pods.len() as i64;
            let (rule, wanted) = rule(choice, i64::from(workload.full), healthy);
            let mut spec = json!({ "selector": { "matchLabels": workload.selector() } });
            spec[rule.0] = rule.1;
            if choice < 0.3 {
                spec["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
            }
            let allowed = if healthy == 0 { 0 } else { (healthy - wanted).max(0) };
            self.objects.pod_disruption_budgets.push(typed(
                "PodDisruptionBudget",
                json!({
                    "metadata": {
                        "namespace": workload.namespace, "name": workload.name, "uid": uid(&mut self.naming),
                        "creationTimestamp": whole(workload.born), "generation": 1,
                    },
                    "spec": spec,
                    "status": {
                        "observedGeneration": 1, "expectedPods": healthy, "currentHealthy": healthy,
                        "desiredHealthy": wanted, "disruptionsAllowed": allowed,
                    },
                }),
            )?);
        }
        Ok(())
    }
}

/// The field and value of the budget, and how many pods must stay healthy under it.
fn rule(choice: f64, full: i64, now: i64) -> ((&'static str, Value), i64) {
    let percent = |share: i64| (now * share + 99) / 100;
    if full == 1 {
        (("minAvailable", json!(1)), 1)
    } else if choice < 0.40 {
        (("maxUnavailable", json!(1)), (now - 1).max(0))
    } else if choice < 0.65 {
        (("maxUnavailable", json!("25%")), (now - percent(25)).max(0))
    } else if choice < 0.85 {
        (("minAvailable", json!("50%")), percent(50))
    } else if choice < 0.93 {
        (("minAvailable", json!("80%")), percent(80))
    } else if choice < 0.97 {
        // Written when the workload was as large as it ever was.
        let least = (full * 3 / 4).max(1);
        (("minAvailable", json!(least)), least)
    } else {
        (("maxUnavailable", json!(0)), now)
    }
}
