//! Pods go only as far as their budgets and their wishes allow.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodCondition;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use supercargo_api::Pod;
use supercargo_api::labels::keys;
use supercargo_api::selector::Selector;
use supercargo_reconcile::{Change, Key, Object, State, node_of};

use super::{Checks, Invariant};
use crate::world::Audit;

/// A pod that was lost in this time before an eviction explains why fewer are healthy than a budget wants.
const LATELY: Duration = Duration::from_secs(120);
/// A forced deletion may come this much before the last moment at which a pod still has its whole grace.
const AHEAD: Duration = Duration::from_secs(2);

/// Remembers that a pod stopped being ready without having been evicted.
pub(super) fn note_loss(checks: &mut Checks, change: &Change, now: Timestamp) {
    let Some(Object::Pod(old)) = &change.old else { return };
    let stays = matches!(&change.new, Some(Object::Pod(new)) if is_healthy(new));
    if !is_healthy(old) || stays {
        return;
    }
    let uid = old.metadata.uid.clone().unwrap_or_default();
    if !checks.evicted.contains_key(&uid) {
        checks.lost.insert(change.key.namespace.clone(), now);
    }
}

/// Checks a write that may be an eviction or a deletion of a pod.
pub(super) fn check(checks: &mut Checks, audit: &Audit, state: &State) {
    note_end(checks, audit);
    let Some(rest) = audit.path.strip_prefix("/api/v1/namespaces/") else { return };
    let parts: Vec<&str> = rest.split('/').collect();
    match (parts.as_slice(), &audit.method) {
        ([namespace, "pods", name, "eviction"], &Method::POST) => {
            let key = Key::new(*namespace, *name);
            if let Some(pod) = state.pods.get(&key) {
                evicted(checks, &key, pod, state, audit.at);
            }
        }
        ([namespace, "pods", name], &Method::DELETE) => {
            let key = Key::new(*namespace, *name);
            if let Some(pod) = state.pods.get(&key) {
                deleted(checks, &key, pod, state, audit.at);
            }
        }
        _ => {}
    }
}

/// Remembers the end of a node, and a claim's deadline.
fn note_end(checks: &mut Checks, audit: &Audit) {
    if let (Some(node), &Method::DELETE) = (audit.path.strip_prefix("/api/v1/nodes/"), &audit.method) {
        checks.ended.insert(node.to_owned());
    }
    if let Some(claim) = audit.path.strip_prefix("/apis/karpenter.sh/v1/nodeclaims/") {
        let deadline = audit.body["metadata"]["annotations"][keys::TERMINATION_TIMESTAMP].as_str();
        if let Some(deadline) = deadline.and_then(|deadline| deadline.parse().ok()) {
            checks.deadlines.insert(claim.to_owned(), deadline);
        }
    }
}

fn evicted(checks: &mut Checks, key: &Key, pod: &Pod, state: &State, now: Timestamp) {
    if wants_peace(pod) && is_healthy(pod) {
        checks.violated(now, Invariant::DoNotDisrupt, format!("pod {key} was evicted"));
    }
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let was_healthy = is_healthy(pod) && !checks.evicted.contains_key(&uid);
    checks.evicted.insert(uid, now);
    if !was_healthy {
        return;
    }
    let lost = checks.lost.get(&key.namespace);
    if lost.is_some_and(|lost| now.duration_since(*lost).unsigned_abs() < LATELY) {
        return;
    }
    for (budget_key, budget) in state.budgets.of_namespace(&key.namespace) {
        if !covers(budget, pod) {
            continue;
        }
        let healthy = state.pods.of_namespace(&key.namespace).filter(|(_, pod)| {
            let uid = pod.metadata.uid.as_deref().unwrap_or_default();
            covers(budget, pod) && is_healthy(pod) && !checks.evicted.contains_key(uid)
        });
        let healthy = healthy.count();
        let desired = budget.status.as_ref().and_then(|status| status.desired_healthy).unwrap_or(0);
        if (healthy as i64) < i64::from(desired) {
            let what = format!("{key} was evicted: {budget_key} wants {desired} healthy, {healthy} are left");
            checks.violated(now, Invariant::DisruptionBudget, what);
        }
    }
}

/// A pod that is deleted past its budgets must be on a node whose time is up.
fn deleted(checks: &mut Checks, key: &Key, pod: &Pod, state: &State, now: Timestamp) {
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    checks.evicted.insert(uid, now);
    let Some(node) = node_of(pod) else { return };
    let stays = state.nodes.named("", node).is_some_and(|node| node.metadata.deletion_timestamp.is_none());
    if stays && !checks.ended.contains(node) {
        checks.violated(
            now,
            Invariant::DisruptionBudget,
            format!("{key} was deleted on {node}, which stays"),
        );
        return;
    }
    let claim = state
        .node_claims
        .values()
        .find(|claim| claim.status.as_ref().and_then(|status| status.node_name.as_deref()) == Some(node));
    let deadline: Option<Timestamp> = claim.and_then(|claim| {
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        let annotations = claim.metadata.annotations.as_ref();
        let seen = annotations.and_then(|all| all.get(keys::TERMINATION_TIMESTAMP)?.parse().ok());
        let noted = checks.deadlines.get(name).copied();
        seen.into_iter().chain(noted).min()
    });
    let grace = pod.spec().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(30);
    let earliest = deadline.map(|deadline| deadline - Duration::from_secs(grace.unsigned_abs()) - AHEAD);
    if pod.metadata.deletion_timestamp.is_none() && earliest.is_none_or(|earliest| now < earliest) {
        let what = match deadline {
            Some(deadline) => format!("{key} was deleted, {node} had time until {deadline}"),
            None => format!("{key} was deleted, {node} has no deadline"),
        };
        checks.violated(now, Invariant::DisruptionBudget, what);
    }
}

/// Whether a pod says that it is not to be disrupted.
pub(super) fn wants_peace(pod: &Pod) -> bool {
    let annotations = pod.metadata.annotations.as_ref();
    annotations.and_then(|all| all.get(keys::DO_NOT_DISRUPT)).is_some_and(|wish| wish == "true")
}

/// Whether a budget is about a pod of its namespace.
pub(super) fn covers(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let selector = selector.and_then(|selector| Selector::compile(selector).ok());
    selector.is_some_and(|selector| selector.matches_optional(pod.metadata.labels.as_ref()))
}

pub(super) fn is_healthy(pod: &Pod) -> bool {
    ready(pod).is_some() && pod.metadata.deletion_timestamp.is_none()
}

/// The condition that says that a pod is ready, if it is.
pub(super) fn ready(pod: &Pod) -> Option<&PodCondition> {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions?.iter().find(|condition| condition.type_ == "Ready" && condition.status == "True")
}
