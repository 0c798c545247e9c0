//! Jobs: pods that end, until enough of them have ended well.
//!
//! Every pod carries a finalizer until its end is counted, so that none is counted twice or never: its uid goes to the
//! list of uncounted pods, its finalizer goes, and then the uid becomes part of a counter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus, UncountedTerminatedPods};
use k8s_openapi::api::core::v1::EnvVar;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use supercargo_api::Pod;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, State};

use super::job_indexes as indexes;
use super::job_policy::{Verdict, verdict};
use super::owned_pods::controllers_of_pod;
use super::pod_template::{name_draws, pod_from, suffixed};
use super::replica_set::{count, nonzero};
use super::victims::victims;
use crate::conditions::{is_active, is_finished, is_ready, phase};

/// The component that Events name.
const COMPONENT: &str = "job-controller";
/// The finalizer of pods whose end is not counted yet.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// Pods created at once.
const BURST: usize = 100;
/// The wait after a failed pod; it doubles with every further one.
const FIRST_BACKOFF: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);

/// The controller of Jobs.
#[derive(Debug, Default)]
pub struct Jobs;

impl Controller for Jobs {
    const NAME: &'static str = "jobs";
    const KINDS: &'static [Kind] = &[Kind::Job, Kind::Pod];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        match change.kind {
            Kind::Job => vec![change.key.clone()],
            Kind::Pod => controllers_of_pod::<Job>(change, "Job", Kind::Job, |_| Vec::new()),
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(job) = state.jobs.get(key) else { return Decision::nothing() };
        let uid = job.metadata.uid.as_deref().unwrap_or_default();
        let pods: Vec<(&Key, &Pod)> = state.pods_of(uid).collect();
        if job.metadata.deletion_timestamp.is_some() {
            return pods.iter().filter_map(|(_, pod)| release(pod)).collect::<Vec<_>>().into();
        }
        if let Some(finished) = finished_at(job) {
            return after_the_end(job, finished, &pods, now);
        }
        Look::new(job, pods, state, now).decide()
    }
}

/// A finished Job lets its pods go and goes itself when its time is up.
fn after_the_end(job: &Arc<Job>, finished: Timestamp, pods: &[(&Key, &Pod)], now: Timestamp) -> Decision {
    let mut decision = Decision::of(
        pods.iter().filter(|(_, pod)| is_finished(pod)).filter_map(|(_, pod)| release(pod)).collect(),
    );
    let ttl = job.spec.as_ref().and_then(|spec| spec.ttl_seconds_after_finished);
    if let Some(ttl) = ttl {
        let end = finished + Duration::from_secs(u64::try_from(ttl).unwrap_or(0));
        if end <= now {
            decision.actions.push(Action::delete(Kind::Job, &**job));
        } else {
            decision.look_again(end);
        }
    }
    decision
}

/// One look at a Job that goes on.
struct Look<'a> {
    job: &'a Arc<Job>,
    pods: Vec<(&'a Key, &'a Pod)>,
    state: &'a State,
    now: Timestamp,
    status: JobStatus,
    decision: Decision,
}

impl<'a> Look<'a> {
    fn new(job: &'a Arc<Job>, pods: Vec<(&'a Key, &'a Pod)>, state: &'a State, now: Timestamp) -> Self {
        let status = job.status.clone().unwrap_or_default();
        Self { job, pods, state, now, status, decision: Decision::nothing() }
    }

    fn decide(mut self) -> Decision {
        let spec = self.job.spec.clone().unwrap_or_default();
        let suspended = spec.suspend == Some(true);
        if self.status.start_time.is_none() && !suspended {
            self.status.start_time = Some(Time(self.now));
        }
        self.count_ends();
        let mut active: Vec<(&Key, &Pod)> =
            self.pods.iter().filter(|(_, pod)| is_active(pod)).copied().collect();
        let terminating = self
            .pods
            .iter()
            .filter(|(_, pod)| !is_finished(pod) && pod.metadata.deletion_timestamp.is_some())
            .count();
        let failure = self.failure(&active);
        let uncounted = self.uncounted();
        let succeeded =
            self.status.succeeded.unwrap_or(0) + count(uncounted.succeeded.iter().flatten().count());
        let completions = match (spec.completions, spec.parallelism) {
            (Some(completions), _) => Some(completions),
            (None, None) => Some(1),
            (None, Some(_)) => None,
        };
        let complete = match completions {
            Some(completions) => succeeded >= completions,
            // a Job that works off a queue is done when one pod found it empty and the others have ended
            None => succeeded > 0 && active.is_empty(),
        };
        if let Some((reason, message)) = failure {
            self.end_with("FailureTarget", "Failed", &reason, &message, &mut active, terminating);
        } else if complete {
            let message = "Reached expected number of succeeded pods";
            self.end_with(
                "SuccessCriteriaMet",
                "Complete",
                "CompletionsReached",
                message,
                &mut active,
                terminating,
            );
        } else if suspended {
            self.suspend(&mut active);
        } else {
            self.resume();
            self.manage(&mut active, completions, succeeded, terminating);
        }
        let ready = active.iter().filter(|(_, pod)| is_ready(pod)).count();
        self.status.active = nonzero(active.len());
        self.status.ready = Some(count(ready));
        self.status.terminating = Some(count(terminating));
        let mut changed = (**self.job).clone();
        changed.status = Some(self.status);
        // the status first: finalizers may only go once the pods' ends are written down
        if let Some(action) = Action::update_status(Kind::Job, &**self.job, &changed) {
            self.decision.actions.insert(0, action);
        }
        self.decision
    }

    fn is_indexed(&self) -> bool {
        self.job.spec.as_ref().and_then(|spec| spec.completion_mode.as_deref()) == Some("Indexed")
    }

    fn uncounted(&self) -> UncountedTerminatedPods {
        self.status.uncounted_terminated_pods.clone().unwrap_or_default()
    }

    /// Moves the ends of pods into the status, a step at a time.
    fn count_ends(&mut self) {
        let mut uncounted = self.uncounted();
        let written: BTreeSet<String> =
            uncounted.succeeded.iter().chain(&uncounted.failed).flatten().cloned().collect();
        let tracked: BTreeMap<&str, &Pod> = self
            .pods
            .iter()
            .filter(|(_, pod)| is_tracked(pod))
            .map(|(_, pod)| (pod.metadata.uid.as_deref().unwrap_or_default(), *pod))
            .collect();
        // those whose finalizer is gone become numbers
        let keep = |uids: &mut Option<Vec<String>>| {
            let mut counted = 0;
            if let Some(uids) = uids {
                uids.retain(|uid| {
                    let stays = tracked.contains_key(uid.as_str());
                    counted += i32::from(!stays);
                    stays
                });
            }
            *uids = uids.take().filter(|uids| !uids.is_empty());
            counted
        };
        let (succeeded, failed) = (keep(&mut uncounted.succeeded), keep(&mut uncounted.failed));
        self.status.succeeded =
            Some(self.status.succeeded.unwrap_or(0) + succeeded).filter(|count| *count > 0);
        self.status.failed = Some(self.status.failed.unwrap_or(0) + failed).filter(|count| *count > 0);
        // those that are written down lose their finalizer
        for uid in &written {
            if let Some(pod) = tracked.get(uid.as_str()) {
                self.decision.actions.extend(release(pod));
            }
        }
        // and those that ended now are written down
        let spec = self.job.spec.clone().unwrap_or_default();
        let completions = spec.completions.unwrap_or(0);
        let mut completed =
            indexes::read(self.status.completed_indexes.as_deref().unwrap_or_default(), completions);
        for (uid, pod) in &tracked {
            if written.contains(*uid) || !is_finished(pod) {
                continue;
            }
            if phase(pod) == "Succeeded" {
                if self.is_indexed() {
                    let index = index_of(pod).filter(|index| *index < completions);
                    if let Some(index) = index
                        && completed.insert(index)
                    {
                        uncounted.succeeded.get_or_insert_default().push((*uid).to_owned());
                    } else {
                        self.decision.actions.extend(release(pod));
                    }
                } else {
                    uncounted.succeeded.get_or_insert_default().push((*uid).to_owned());
                }
            } else if verdict(&spec, pod) == Verdict::Ignored {
                self.decision.actions.extend(release(pod));
            } else {
                uncounted.failed.get_or_insert_default().push((*uid).to_owned());
            }
        }
        if self.is_indexed() && !completed.is_empty() {
            self.status.completed_indexes = Some(indexes::write(&completed));
        }
        self.status.uncounted_terminated_pods = Some(uncounted);
    }

    /// Why the Job fails, if it does: reason and message.
    fn failure(&mut self, active: &[(&Key, &Pod)]) -> Option<(String, String)> {
        let known = condition(&self.status, "FailureTarget");
        if let Some(known) = known {
            return Some((
                known.reason.clone().unwrap_or_default(),
                known.message.clone().unwrap_or_default(),
            ));
        }
        let spec = self.job.spec.as_ref()?;
        for (_, pod) in self.pods.iter().filter(|(_, pod)| phase(pod) == "Failed") {
            if let Verdict::FailsJob(message) = verdict(spec, pod) {
                return Some(("PodFailurePolicy".to_owned(), message));
            }
        }
        let limit = spec.backoff_limit.unwrap_or(6);
        let failed =
            self.status.failed.unwrap_or(0) + count(self.uncounted().failed.iter().flatten().count());
        let restarts: i32 = if restarts_on_failure(spec) {
            let statuses = active.iter().filter_map(|(_, pod)| pod.status.as_ref());
            let statuses = statuses.flat_map(|status| {
                status.container_statuses.iter().chain(&status.init_container_statuses).flatten()
            });
            statuses.map(|status| status.restart_count).sum()
        } else {
            0
        };
        if failed > limit || (restarts > 0 && restarts + failed > limit) || (limit == 0 && restarts > 0) {
            let message = "Job has reached the specified backoff limit";
            return Some(("BackoffLimitExceeded".to_owned(), message.to_owned()));
        }
        if let (Some(seconds), Some(start), false) =
            (spec.active_deadline_seconds, &self.status.start_time, spec.suspend == Some(true))
        {
            let end = start.0 + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            if end <= self.now {
                let message = "Job was active longer than specified deadline";
                return Some(("DeadlineExceeded".to_owned(), message.to_owned()));
            }
            self.decision.look_again(end);
        }
        None
    }

    /// The Job ends: first the intention, then, when nothing of it runs any more, the end itself.
    fn end_with(
        &mut self,
        intention: &str,
        end: &str,
        reason: &str,
        message: &str,
        active: &mut Vec<(&Key, &Pod)>,
        terminating: usize,
    ) {
        set(&mut self.status, intention, true, reason, message, self.now);
        for (_, pod) in active.iter() {
            self.decision.actions.push(Action::delete(Kind::Pod, *pod));
        }
        let all_counted = self.uncounted() == UncountedTerminatedPods::default();
        if !active.is_empty() || terminating > 0 || !all_counted {
            active.clear();
            return;
        }
        set(&mut self.status, end, true, reason, message, self.now);
        if end == "Complete" {
            self.status.completion_time = Some(Time(self.now));
            let note = Action::note(&**self.job, COMPONENT, "Completed", "Job completed".to_owned());
            self.decision.actions.push(note);
        } else {
            let reason = match reason {
                "DeadlineExceeded" => "DeadlineExceeded",
                "PodFailurePolicy" => "PodFailurePolicy",
                _ => "BackoffLimitExceeded",
            };
            let note = Action::warn(&**self.job, COMPONENT, reason, message.to_owned());
            self.decision.actions.push(note);
        }
    }

    fn suspend(&mut self, active: &mut Vec<(&Key, &Pod)>) {
        for (_, pod) in active.drain(..) {
            self.decision.actions.push(Action::delete(Kind::Pod, pod));
        }
        if condition(&self.status, "Suspended").is_none() {
            set(&mut self.status, "Suspended", true, "JobSuspended", "Job suspended", self.now);
            self.decision.actions.push(Action::note(
                &**self.job,
                COMPONENT,
                "Suspended",
                "Job suspended".to_owned(),
            ));
        }
        self.status.start_time = None;
    }

    fn resume(&mut self) {
        if condition(&self.status, "Suspended").is_some() {
            set(&mut self.status, "Suspended", false, "JobResumed", "Job resumed", self.now);
            self.status.start_time = Some(Time(self.now));
            let note = Action::note(&**self.job, COMPONENT, "Resumed", "Job resumed".to_owned());
            self.decision.actions.push(note);
        }
    }

    /// Creates or deletes pods.
    fn manage(
        &mut self,
        active: &mut Vec<(&'a Key, &'a Pod)>,
        completions: Option<i32>,
        succeeded: i32,
        terminating: usize,
    ) {
        let spec = self.job.spec.clone().unwrap_or_default();
        let parallelism = spec.parallelism.unwrap_or(1);
        let wanted = match completions {
            Some(completions) => parallelism.min(completions - succeeded),
            None if succeeded > 0 => count(active.len()).min(parallelism),
            None => parallelism,
        };
        let wanted = usize::try_from(wanted).unwrap_or(0);
        if active.len() > wanted {
            let surplus = active.len() - wanted;
            for (key, pod) in victims(active, surplus, &BTreeMap::new(), self.now) {
                self.decision.actions.push(Action::delete(Kind::Pod, pod));
                active.retain(|(known, _)| *known != key);
            }
            return;
        }
        // until pods that go have gone they keep their places, if the Job wants it so
        let waits = spec.pod_replacement_policy.as_deref() == Some("Failed");
        let places = active.len() + if waits { terminating } else { 0 };
        let missing = wanted.saturating_sub(places).min(BURST);
        if missing == 0 {
            return;
        }
        if let Some(until) = self.backoff_end() {
            self.decision.look_again(until);
            return;
        }
        let mut draws = name_draws(&self.job.metadata, self.now);
        let namespace = self.job.metadata.namespace.clone().unwrap_or_default();
        let base = self.job.metadata.name.clone().unwrap_or_default();
        let state = self.state;
        let taken = |name: &str| state.pods.named(&namespace, name).is_some();
        let indexes =
            if self.is_indexed() { self.free_indexes(active, completions.unwrap_or(0)) } else { Vec::new() };
        for position in 0..missing {
            let index = match indexes.get(position) {
                Some(index) => Some(*index),
                None if self.is_indexed() => break,
                None => None,
            };
            let base = index.map_or_else(|| base.clone(), |index| format!("{base}-{index}"));
            let name = suffixed(&base, &mut draws, taken);
            let message = format!("Created pod: {name}");
            self.decision.actions.push(Action::create(self.pod(name, index)));
            self.decision.actions.push(Action::note(&**self.job, COMPONENT, "SuccessfulCreate", message));
        }
    }

    /// When the wait after failed pods ends, if it has not.
    fn backoff_end(&self) -> Option<Timestamp> {
        let ended = |pod: &Pod| {
            let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
            let ends = statuses.filter_map(|status| {
                Some(status.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref()?.0)
            });
            ends.max().or_else(|| pod.metadata.deletion_timestamp.as_ref().map(|time| time.0))
        };
        let of = |wanted: &'static str| self.pods.iter().filter(move |(_, pod)| phase(pod) == wanted);
        let last_success = of("Succeeded").filter_map(|(_, pod)| ended(pod)).max();
        let failures: Vec<Timestamp> = of("Failed")
            .filter_map(|(_, pod)| ended(pod))
            .filter(|at| last_success.is_none_or(|success| *at > success))
            .collect();
        let last = failures.iter().max()?;
        let exponent = u32::try_from(failures.len() - 1).unwrap_or(u32::MAX).min(8);
        let until = *last + FIRST_BACKOFF.saturating_mul(1 << exponent).min(LONGEST_BACKOFF);
        (until > self.now).then_some(until)
    }

    fn free_indexes(&self, active: &[(&Key, &Pod)], completions: i32) -> Vec<i32> {
        let mut taken =
            indexes::read(self.status.completed_indexes.as_deref().unwrap_or_default(), completions);
        taken.extend(active.iter().filter_map(|(_, pod)| index_of(pod)));
        (0..completions).filter(|index| !taken.contains(index)).take(BURST).collect()
    }

    fn pod(&self, name: String, index: Option<i32>) -> Pod {
        let spec = self.job.spec.clone().unwrap_or_default();
        let mut pod = pod_from(&spec.template, &**self.job, name);
        let job = self.job.metadata.name.clone().unwrap_or_default();
        let uid = self.job.metadata.uid.clone().unwrap_or_default();
        let metadata = &mut *pod.metadata;
        let labels = metadata.labels.get_or_insert_default();
        for prefix in ["batch.kubernetes.io/", ""] {
            labels.entry(format!("{prefix}job-name")).or_insert_with(|| job.clone());
            labels.entry(format!("{prefix}controller-uid")).or_insert_with(|| uid.clone());
        }
        metadata.finalizers.get_or_insert_default().push(TRACKING.to_owned());
        if let Some(index) = index {
            labels.insert(INDEX.to_owned(), index.to_string());
            metadata.annotations.get_or_insert_default().insert(INDEX.to_owned(), index.to_string());
            pod.change_spec(|pod_spec| {
                pod_spec.hostname = Some(format!("{job}-{index}"));
                let containers =
                    pod_spec.containers.iter_mut().chain(pod_spec.init_containers.iter_mut().flatten());
                for container in containers {
                    let variables = container.env.get_or_insert_default();
                    if variables.iter().all(|variable| variable.name != "JOB_COMPLETION_INDEX") {
                        variables.push(EnvVar {
                            name: "JOB_COMPLETION_INDEX".to_owned(),
                            value: Some(index.to_string()),
                            value_from: None,
                        });
                    }
                }
            });
        }
        pod
    }
}

fn is_tracked(pod: &Pod) -> bool {
    pod.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == TRACKING)
}

/// Takes the finalizer off a pod.
fn release(pod: &Pod) -> Option<Action> {
    if !is_tracked(pod) {
        return None;
    }
    let mut free = pod.clone();
    if let Some(finalizers) = &mut free.metadata.finalizers {
        finalizers.retain(|finalizer| finalizer != TRACKING);
    }
    Action::update(Kind::Pod, pod, &free)
}

fn index_of(pod: &Pod) -> Option<i32> {
    pod.metadata.annotations.as_ref()?.get(INDEX)?.parse().ok()
}

fn restarts_on_failure(spec: &k8s_openapi::api::batch::v1::JobSpec) -> bool {
    let pod = spec.template.spec.as_ref();
    pod.and_then(|pod| pod.restart_policy.as_deref()) == Some("OnFailure")
}

fn condition<'a>(status: &'a JobStatus, type_: &str) -> Option<&'a JobCondition> {
    let conditions = status.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_ && condition.status == "True")
}

/// When a Job finished, if it has.
pub(super) fn finished_at(job: &Job) -> Option<Timestamp> {
    let status = job.status.as_ref()?;
    let end = condition(status, "Complete").or_else(|| condition(status, "Failed"))?;
    end.last_transition_time.as_ref().map(|time| time.0)
}

fn set(status: &mut JobStatus, type_: &str, holds: bool, reason: &str, message: &str, now: Timestamp) {
    let conditions = status.conditions.get_or_insert_default();
    let value = if holds { "True" } else { "False" };
    if conditions.iter().any(|known| known.type_ == type_ && known.status == value) {
        return;
    }
    conditions.retain(|known| known.type_ != type_);
    conditions.push(JobCondition {
        type_: type_.to_owned(),
        status: value.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    });
}
