//! HorizontalPodAutoscalers on what pods use.
//!
//! Its memory: what was recommended and done lately, for stabilisation windows and policies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};
use serde_json::json;
use supercargo_api::Pod;
use supercargo_api::resources::{CPU, base_units};
use supercargo_api::selector::Selector;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, State};

use super::horizontal_math::{Step, ceiling, floor};
use super::horizontal_metrics::{Measured, Unmeasured};
use crate::conditions::is_active;

/// The component that Events name.
const COMPONENT: &str = "horizontal-pod-autoscaler";
/// Between two looks.
const PERIOD: Duration = Duration::from_secs(15);
/// Shrinking looks back this far unless told otherwise.
const SHRINK_WINDOW: i32 = 300;
/// What is remembered at most.
const MEMORY: Duration = Duration::from_secs(3_600);

/// An annotation of autoscalers: the cores that the pods of the target use together, `540` or `1500m`. It stands for the load
/// that comes from outside, however many pods share it.
const LOAD: &str = "local.supercargo.dev/load";

/// The controller of HorizontalPodAutoscalers.
#[derive(Debug)]
pub struct Autoscalers {
    /// The seed of simulated usage.
    seed: u64,
    memory: BTreeMap<Key, Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    last_look: Option<Timestamp>,
    recommended: Vec<(Timestamp, i64)>,
    steps: Vec<Step>,
}

/// What an autoscaler scales.
struct Scaled {
    kind: Kind,
    key: Key,
    replicas: i64,
    selector: LabelSelector,
}

impl Autoscalers {
    /// A controller that measures pods by the simulated usage of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, memory: BTreeMap::new() }
    }
}

impl Controller for Autoscalers {
    const NAME: &'static str = "autoscalers";
    const KINDS: &'static [Kind] =
        &[Kind::HorizontalPodAutoscaler, Kind::Deployment, Kind::ReplicaSet, Kind::StatefulSet, Kind::Pod];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        if change.kind == Kind::HorizontalPodAutoscaler { vec![change.key.clone()] } else { Vec::new() }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(autoscaler) = state.autoscalers.get(key) else {
            self.memory.remove(key);
            return Decision::nothing();
        };
        let memory = self.memory.entry(key.clone()).or_default();
        // a look at every change would be too many: the clock decides
        if let Some(last) = memory.last_look
            && last + PERIOD > now
        {
            return Decision { actions: Vec::new(), again: Some(last + PERIOD) };
        }
        memory.last_look = Some(now);
        let mut look = Look {
            autoscaler,
            memory,
            seed: self.seed,
            now,
            actions: Vec::new(),
            conditions: conditions_of(autoscaler),
        };
        let status = look.status(state);
        let mut changed = (**autoscaler).clone();
        changed.status = Some(status);
        let mut actions = look.actions;
        actions.extend(Action::update_status(Kind::HorizontalPodAutoscaler, &**autoscaler, &changed));
        Decision { actions, again: Some(now + PERIOD) }
    }
}

struct Look<'a> {
    autoscaler: &'a Arc<HorizontalPodAutoscaler>,
    memory: &'a mut Memory,
    seed: u64,
    now: Timestamp,
    actions: Vec<Action>,
    conditions: Vec<HorizontalPodAutoscalerCondition>,
}

impl Look<'_> {
    fn status(&mut self, state: &State) -> HorizontalPodAutoscalerStatus {
        let known = self.autoscaler.status.clone().unwrap_or_default();
        let mut status = HorizontalPodAutoscalerStatus {
            observed_generation: self.autoscaler.metadata.generation,
            ..known
        };
        let Some(scaled) = target(self.autoscaler, state) else {
            let wanted = &self.autoscaler.spec.scale_target_ref;
            let message = format!(
                "the HPA controller was unable to get the target's current scale: {} \"{}\" not found",
                wanted.kind, wanted.name
            );
            self.say("AbleToScale", false, "FailedGetScale", message.clone());
            self.actions.push(Action::warn(&**self.autoscaler, COMPONENT, "FailedGetScale", message));
            status.conditions = Some(self.conditions.clone());
            return status;
        };
        let message = "the HPA controller was able to get the target's current scale".to_owned();
        self.say("AbleToScale", true, "SucceededGetScale", message);
        let desired = self.desired(&scaled, &mut status, state);
        if let Some(desired) = desired
            && desired != scaled.replicas
        {
            self.rescale(&scaled, desired);
            status.last_scale_time = Some(Time(self.now));
        }
        status.current_replicas = i32::try_from(scaled.replicas).ok();
        status.desired_replicas = i32::try_from(desired.unwrap_or(scaled.replicas)).unwrap_or(i32::MAX);
        status.conditions = Some(self.conditions.clone());
        status
    }

    fn desired(
        &mut self,
        scaled: &Scaled,
        status: &mut HorizontalPodAutoscalerStatus,
        state: &State,
    ) -> Option<i64> {
        let spec = &self.autoscaler.spec;
        let (least, most) = (i64::from(spec.min_replicas.unwrap_or(1)), i64::from(spec.max_replicas));
        if scaled.replicas == 0 && least != 0 {
            let message = "scaling is disabled since the replica count of the target is zero".to_owned();
            self.say("ScalingActive", false, "ScalingDisabled", message);
            return None;
        }
        if scaled.replicas > most {
            return Some(most);
        }
        if scaled.replicas < least {
            return Some(least);
        }
        let selector = Selector::compile(&scaled.selector).unwrap_or(Selector::nothing());
        let pods: Vec<&Pod> = state
            .pods
            .of_namespace(&scaled.key.namespace)
            .map(|(_, pod)| &**pod)
            .filter(|pod| is_active(pod) && selector.matches_optional(pod.metadata.labels.as_ref()))
            .collect();
        let load = load_of(self.autoscaler);
        let measured =
            Measured { pods: &pods, replicas: scaled.replicas, seed: self.seed, now: self.now, load };
        let mut proposed: Option<(i64, String)> = None;
        let mut failed: Option<Unmeasured> = None;
        let mut statuses = Vec::new();
        for metric in spec.metrics.iter().flatten() {
            match measured.measure(metric) {
                Ok(wish) => {
                    statuses.push(wish.status);
                    if proposed.as_ref().is_none_or(|(known, _)| wish.replicas > *known) {
                        proposed = Some((wish.replicas, wish.name));
                    }
                }
                Err(unmeasured) => {
                    failed.get_or_insert(unmeasured);
                }
            }
        }
        status.current_metrics = (!statuses.is_empty()).then_some(statuses);
        let Some((proposed, name)) = proposed else {
            let Unmeasured { reason, message } = failed.unwrap_or_else(|| Unmeasured {
                reason: "FailedGetResourceMetric",
                message: "the autoscaler has no metrics".to_owned(),
            });
            let said = format!("the HPA was unable to compute the replica count: {message}");
            self.say("ScalingActive", false, reason, said);
            self.actions.push(Action::warn(&**self.autoscaler, COMPONENT, reason, message));
            return None;
        };
        // what could not be measured speaks against shrinking
        let proposed = if failed.is_some() { proposed.max(scaled.replicas) } else { proposed };
        let message = format!("the HPA was able to successfully calculate a replica count from {name}");
        self.say("ScalingActive", true, "ValidMetricFound", message);
        Some(self.held_back(proposed, scaled.replicas, least, most))
    }

    /// What stabilisation windows and policies leave of a proposal.
    fn held_back(&mut self, proposed: i64, current: i64, least: i64, most: i64) -> i64 {
        let now = self.now;
        let spec = &self.autoscaler.spec;
        let behavior = spec.behavior.as_ref();
        let (up, down) = (
            behavior.and_then(|behavior| behavior.scale_up.as_ref()),
            behavior.and_then(|behavior| behavior.scale_down.as_ref()),
        );
        self.memory.recommended.retain(|(at, _)| *at + MEMORY > now);
        self.memory.steps.retain(|step| step.at + MEMORY > now);
        self.memory.recommended.push((now, proposed));
        let window = |seconds: Option<i32>, default: i32| {
            Duration::from_secs(u64::try_from(seconds.unwrap_or(default)).unwrap_or(0))
        };
        let up_window = window(up.and_then(|rules| rules.stabilization_window_seconds), 0);
        let down_window = window(down.and_then(|rules| rules.stabilization_window_seconds), SHRINK_WINDOW);
        let of = |window: Duration| {
            let recommended = self.memory.recommended.iter();
            recommended.filter(move |(at, _)| *at + window >= now).map(|(_, replicas)| *replicas)
        };
        let (lowest, highest) =
            (of(up_window).min().unwrap_or(proposed), of(down_window).max().unwrap_or(proposed));
        let stabilized = current.max(lowest).min(highest.max(lowest));
        if stabilized != proposed {
            let (reason, which) = if stabilized > proposed {
                (
                    "ScaleDownStabilized",
                    "recent recommendations were higher than current one, applying the highest recent recommendation",
                )
            } else {
                (
                    "ScaleUpStabilized",
                    "recent recommendations were lower than current one, applying the lowest recent recommendation",
                )
            };
            self.say("AbleToScale", true, reason, which.to_owned());
        } else {
            let message = "recommended size matches current size".to_owned();
            self.say("AbleToScale", true, "ReadyForNewScale", message);
        }
        let allowed = if stabilized > current {
            stabilized.min(ceiling(up, current, &self.memory.steps, now))
        } else if stabilized < current {
            stabilized.max(floor(down, current, &self.memory.steps, now))
        } else {
            stabilized
        };
        let bounded = allowed.clamp(least, most.max(least));
        let (limited, reason, message) = if stabilized > most {
            (true, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
        } else if stabilized < least {
            (true, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
        } else if allowed != stabilized {
            (true, "ScaleUpLimit", "the desired replica count is changing faster than the policies allow")
        } else {
            (false, "DesiredWithinRange", "the desired count is within the acceptable range")
        };
        self.say("ScalingLimited", limited, reason, message.to_owned());
        bounded
    }

    fn rescale(&mut self, scaled: &Scaled, desired: i64) {
        self.memory.steps.push(Step { at: self.now, change: desired - scaled.replicas });
        let body = json!({"spec": {"replicas": desired}});
        self.actions.push(Action::patch(scaled.kind, scaled.key.clone(), Some("scale"), body));
        let why = if desired > scaled.replicas {
            "resource utilization above target"
        } else {
            "All metrics below target"
        };
        let message = format!("New size: {desired}; reason: {why}");
        self.actions.push(Action::note(&**self.autoscaler, COMPONENT, "SuccessfulRescale", message));
        let message = format!("the HPA controller was able to update the target scale to {desired}");
        self.say("AbleToScale", true, "SucceededRescale", message);
    }

    fn say(&mut self, type_: &str, holds: bool, reason: &str, message: String) {
        let value = if holds { "True" } else { "False" };
        let known = self.conditions.iter().position(|known| known.type_ == type_);
        let since = known
            .map(|index| &self.conditions[index])
            .filter(|known| known.status == value)
            .and_then(|known| known.last_transition_time.clone());
        let condition = HorizontalPodAutoscalerCondition {
            type_: type_.to_owned(),
            status: value.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: Some(since.unwrap_or(Time(self.now))),
            observed_generation: self.autoscaler.metadata.generation,
        };
        match known {
            Some(index) => self.conditions[index] = condition,
            None => self.conditions.push(condition),
        }
    }
}

fn conditions_of(autoscaler: &HorizontalPodAutoscaler) -> Vec<HorizontalPodAutoscalerCondition> {
    autoscaler.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default()
}

/// Millicores of work that an annotation gives to the pods of the target, to share.
fn load_of(autoscaler: &HorizontalPodAutoscaler) -> Option<i64> {
    let annotations = autoscaler.metadata.annotations.as_ref()?;
    base_units(CPU, annotations.get(LOAD)?.trim()).ok().filter(|load| *load >= 0)
}

fn target(autoscaler: &HorizontalPodAutoscaler, state: &State) -> Option<Scaled> {
    let namespace = autoscaler.metadata.namespace.as_deref().unwrap_or_default();
    let target = &autoscaler.spec.scale_target_ref;
    let key = Key::new(namespace, target.name.clone());
    let (kind, replicas, selector) = match target.kind.as_str() {
        "Deployment" => {
            let object = state.deployments.get(&key)?;
            (Kind::Deployment, object.spec.replicas, object.spec.selector.clone())
        }
        "ReplicaSet" => {
            let object = state.replica_sets.get(&key)?;
            (Kind::ReplicaSet, object.spec.replicas, object.spec.selector.clone())
        }
        "StatefulSet" => {
            let object = state.stateful_sets.get(&key)?;
            (Kind::StatefulSet, object.spec.replicas, object.spec.selector.clone())
        }
        _ => return None,
    };
    Some(Scaled { kind, key, replicas: i64::from(replicas.unwrap_or(1)), selector })
}
