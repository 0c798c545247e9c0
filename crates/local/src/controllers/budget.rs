//! PodDisruptionBudgets: how many pods may go now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use supercargo_api::Pod;
use supercargo_api::selector::Selector;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State, controller_of};

use super::COUNTING;
use super::census::{Census, Count, Sort};
use super::proportions::resolve;
use crate::conditions::{is_active, is_finished, is_ready};

/// An eviction that was granted counts for this long, if the pod does not go.
const GRANTED_FOR: Duration = Duration::from_secs(120);

/// The controller of PodDisruptionBudgets. It remembers how many pods there are.
#[derive(Debug, Default)]
pub struct Budgets {
    census: Census,
}

impl Controller for Budgets {
    const NAME: &'static str = "budgets";
    const KINDS: &'static [Kind] =
        &[Kind::PodDisruptionBudget, Kind::Pod, Kind::Deployment, Kind::ReplicaSet, Kind::StatefulSet];

    fn observe(&mut self, change: &Change) {
        self.census.observe(change);
    }

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match change.kind {
            Kind::PodDisruptionBudget => vec![change.key.clone()],
            Kind::Pod => {
                let pods: Vec<&Pod> = [&change.old, &change.new]
                    .into_iter()
                    .flatten()
                    .filter_map(|object| match object {
                        Object::Pod(pod) => Some(&**pod),
                        _ => None,
                    })
                    .collect();
                if let [old, new] = pods.as_slice()
                    && is_ready(old) == is_ready(new)
                    && is_finished(old) == is_finished(new)
                    && old.metadata.deletion_timestamp == new.metadata.deletion_timestamp
                    && old.metadata.labels == new.metadata.labels
                {
                    return Vec::new();
                }
                let budgets = state.budgets.of_namespace(&change.key.namespace);
                budgets
                    .filter(|(_, budget)| {
                        let selector = selector_of(budget);
                        pods.iter().any(|pod| selector.matches_optional(pod.metadata.labels.as_ref()))
                    })
                    .map(|(key, _)| key.clone())
                    .collect()
            }
            // a controller's size is what percentages are of
            _ => {
                let replicas = |object: &Option<Object>| match object {
                    Some(Object::Deployment(object)) => object.spec.replicas,
                    Some(Object::ReplicaSet(object)) => object.spec.replicas,
                    Some(Object::StatefulSet(object)) => object.spec.replicas,
                    _ => None,
                };
                if replicas(&change.old) == replicas(&change.new) {
                    return Vec::new();
                }
                state.budgets.of_namespace(&change.key.namespace).map(|(key, _)| key.clone()).collect()
            }
        }
    }

    fn patience(&self, change: &Change) -> Duration {
        match (&change.old, &change.new) {
            // what allows more evictions may wait, what allows fewer may not
            (Some(Object::Pod(_)), Some(Object::Pod(pod)))
                if is_ready(pod) && pod.metadata.deletion_timestamp.is_none() =>
            {
                COUNTING
            }
            _ => Duration::ZERO,
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(budget) = state.budgets.get(key) else { return Decision::nothing() };
        let selector = selector_of(budget);
        let sorts: Vec<(&Sort, &Count)> = self
            .census
            .of_namespace(&key.namespace)
            .filter(|(sort, count)| count.present > 0 && selector.matches(&sort.labels))
            .collect();
        let mut decision = Decision::nothing();
        let known = budget.status.clone().unwrap_or_default();
        let meant = |name: &str| {
            let pod = state.pods.named(&key.namespace, name);
            pod.filter(|pod| is_active(pod) && selector.matches_optional(pod.metadata.labels.as_ref()))
        };
        let granted = still_granted(&known, meant, now, &mut decision);
        let going = granted.keys().filter(|name| meant(name).is_some_and(|pod| is_ready(pod))).count();
        let ready: usize = sorts.iter().map(|(_, count)| count.ready).sum();
        let healthy = i64::try_from(ready.saturating_sub(going)).unwrap_or(i64::MAX);
        let (expected, desired, countable) = match expectations(budget, &sorts, state) {
            Some((expected, desired)) => (expected, desired, true),
            None => (0, 0, false),
        };
        let allowed = if expected > 0 && countable { (healthy - desired).max(0) } else { 0 };
        let mut changed = (**budget).clone();
        let narrow = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
        let mut status = PodDisruptionBudgetStatus {
            current_healthy: Some(narrow(healthy)),
            desired_healthy: Some(narrow(desired)),
            expected_pods: Some(narrow(expected)),
            disruptions_allowed: Some(narrow(allowed)),
            disrupted_pods: (!granted.is_empty()).then_some(granted),
            observed_generation: budget.metadata.generation,
            ..known
        };
        let reason = match (countable, allowed) {
            (false, _) => "SyncFailed",
            (true, 0) => "InsufficientPods",
            (true, _) => "SufficientPods",
        };
        set_condition(&mut status, allowed > 0, reason, budget, now);
        changed.status = Some(status);
        decision.actions.extend(Action::update_status(Kind::PodDisruptionBudget, &**budget, &changed));
        decision
    }
}

/// Evictions that were granted and whose pods are still there, for as long as that counts.
fn still_granted<'a>(
    known: &PodDisruptionBudgetStatus,
    active: impl Fn(&str) -> Option<&'a Arc<Pod>>,
    now: Timestamp,
    decision: &mut Decision,
) -> BTreeMap<String, Time> {
    let mut granted = BTreeMap::new();
    for (name, since) in known.disrupted_pods.iter().flatten() {
        let end = since.0 + GRANTED_FOR;
        if end > now && active(name).is_some() {
            decision.look_again(end);
            granted.insert(name.clone(), since.clone());
        }
    }
    granted
}

/// How many pods there should be and how many must be healthy; nothing if that cannot be told.
fn expectations(budget: &PodDisruptionBudget, pods: &[(&Sort, &Count)], state: &State) -> Option<(i64, i64)> {
    let spec = budget.spec.as_ref()?;
    let present = pods.iter().map(|(_, count)| count.present).sum::<usize>();
    let present = i64::try_from(present).unwrap_or(i64::MAX);
    if let Some(most) = &spec.max_unavailable {
        let expected = sum_of_controllers(pods, state)?;
        return Some((expected, (expected - resolve(most, expected, true)).max(0)));
    }
    match spec.min_available.as_ref() {
        Some(IntOrString::Int(least)) => Some((present, i64::from(*least))),
        Some(share) => {
            let expected = sum_of_controllers(pods, state)?;
            Some((expected, resolve(share, expected, true)))
        }
        None => Some((present, present)),
    }
}

/// The sizes of all controllers of the pods together; nothing if a pod has a controller without a size. Pods without any
/// do not count.
fn sum_of_controllers(pods: &[(&Sort, &Count)], state: &State) -> Option<i64> {
    let mut sizes: BTreeMap<String, i64> = BTreeMap::new();
    for (sort, _) in pods {
        let (kind, name, uid) = &sort.owner;
        if uid.is_empty() {
            continue;
        }
        let namespace = sort.namespace.as_str();
        let (uid, size) = match kind.as_str() {
            "ReplicaSet" => {
                let set = state.replica_sets.named(namespace, name)?;
                let deployment = controller_of(&set.metadata).filter(|owner| owner.kind == "Deployment");
                match deployment.and_then(|owner| {
                    Some((owner.uid.clone(), state.deployments.named(namespace, &owner.name)?))
                }) {
                    Some((uid, deployment)) => (uid, deployment.spec.replicas),
                    None => (uid.clone(), set.spec.replicas),
                }
            }
            "StatefulSet" => (uid.clone(), state.stateful_sets.named(namespace, name)?.spec.replicas),
            _ => return None,
        };
        sizes.insert(uid, i64::from(size.unwrap_or(1)));
    }
    Some(sizes.values().sum())
}

fn selector_of(budget: &PodDisruptionBudget) -> Selector {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.and_then(|selector| Selector::compile(selector).ok()).unwrap_or(Selector::nothing())
}

fn set_condition(
    status: &mut PodDisruptionBudgetStatus,
    holds: bool,
    reason: &str,
    budget: &Arc<PodDisruptionBudget>,
    now: Timestamp,
) {
    let value = if holds { "True" } else { "False" };
    let conditions = status.conditions.get_or_insert_default();
    let known = conditions.iter().position(|known| known.type_ == "DisruptionAllowed");
    let since = known
        .map(|index| &conditions[index])
        .filter(|known| known.status == value)
        .map_or(Time(now), |known| known.last_transition_time.clone());
    let condition = Condition {
        type_: "DisruptionAllowed".to_owned(),
        status: value.to_owned(),
        reason: reason.to_owned(),
        message: String::new(),
        last_transition_time: since,
        observed_generation: budget.metadata.generation,
    };
    match known {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
}
