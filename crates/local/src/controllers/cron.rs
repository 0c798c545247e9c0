//! CronJobs: Jobs by the clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{CronJob, CronJobStatus, Job};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use supercargo_reconcile::{
    Action, Change, Controller, Decision, Key, Kind, State, controller_of, reference,
};

use super::cron_schedule::Schedule;
use super::job::finished_at;
use super::pod_template::owner_reference;

/// The component that Events name.
const COMPONENT: &str = "cronjob-controller";
/// More missed times than this are not counted one by one.
const MANY: usize = 100;

/// The controller of CronJobs.
#[derive(Debug, Default)]
pub struct CronJobs;

impl Controller for CronJobs {
    const NAME: &'static str = "cronjobs";
    const KINDS: &'static [Kind] = &[Kind::CronJob, Kind::Job];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        match change.kind {
            Kind::CronJob => vec![change.key.clone()],
            Kind::Job => {
                let object = change.new.as_ref().or(change.old.as_ref());
                let owner = object.and_then(|job| controller_of(job.metadata()));
                let owner = owner.filter(|owner| owner.kind == "CronJob");
                owner
                    .map(|owner| Key::new(change.key.namespace.clone(), owner.name.clone()))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(cron) = state.cron_jobs.get(key) else { return Decision::nothing() };
        if cron.metadata.deletion_timestamp.is_some() {
            return Decision::nothing();
        }
        let uid = cron.metadata.uid.as_deref().unwrap_or_default();
        let jobs: Vec<&Arc<Job>> =
            state.owned(Kind::Job, uid).filter_map(|key| state.jobs.get(key)).collect();
        let mut decision = Decision::nothing();
        let mut status = cron.status.clone().unwrap_or_default();
        clean_up(cron, &jobs, &mut status, &mut decision);
        let active: Vec<&&Arc<Job>> = jobs.iter().filter(|job| finished_at(job).is_none()).collect();
        status.active = (!active.is_empty()).then(|| active.iter().map(|job| reference(&****job)).collect());
        if cron.spec.suspend != Some(true) {
            match Schedule::parse(&cron.spec.schedule, cron.spec.time_zone.as_deref()) {
                Some(schedule) => start(cron, &schedule, &active, &mut status, &mut decision, state, now),
                None => {
                    let message = format!("unparseable schedule: {:?}", cron.spec.schedule);
                    decision.actions.push(Action::warn(&**cron, COMPONENT, "UnparseableSchedule", message));
                }
            }
        }
        let mut changed = (**cron).clone();
        changed.status = Some(status);
        decision.actions.extend(Action::update_status(Kind::CronJob, &**cron, &changed));
        decision
    }
}

/// Keeps as many ended Jobs as the history may have.
fn clean_up(cron: &CronJob, jobs: &[&Arc<Job>], status: &mut CronJobStatus, decision: &mut Decision) {
    let succeeded = |job: &Job| {
        let conditions =
            job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        conditions.iter().any(|known| known.type_ == "Complete" && known.status == "True")
    };
    for (well, limit) in [
        (true, cron.spec.successful_jobs_history_limit.unwrap_or(3)),
        (false, cron.spec.failed_jobs_history_limit.unwrap_or(1)),
    ] {
        let mut ended: Vec<&&Arc<Job>> = jobs
            .iter()
            .filter(|job| finished_at(job).is_some() && succeeded(job) == well)
            .filter(|job| job.metadata.deletion_timestamp.is_none())
            .collect();
        ended.sort_by_key(|job| {
            (job.metadata.creation_timestamp.as_ref().map(|time| time.0), job.metadata.name.clone())
        });
        if well {
            let last = ended.iter().filter_map(|job| job.status.as_ref()?.completion_time.clone()).max();
            status.last_successful_time = status.last_successful_time.take().max(last);
        }
        let surplus = ended.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        for job in ended.into_iter().take(surplus) {
            decision.actions.push(Action::delete(Kind::Job, &***job));
        }
    }
}

/// Starts the Job of the last time that has come, if it is not too late and others do not stand in the way.
fn start(
    cron: &CronJob,
    schedule: &Schedule,
    active: &[&&Arc<Job>],
    status: &mut CronJobStatus,
    decision: &mut Decision,
    state: &State,
    now: Timestamp,
) {
    let created = cron.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    let mut since = status.last_schedule_time.as_ref().map_or(created, |time| time.0);
    let deadline = cron.spec.starting_deadline_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    if let Some(deadline) = deadline {
        since = since.max(now - Duration::from_secs(deadline));
    }
    let mut due = None;
    let mut next = schedule.next(since);
    let mut missed = 0;
    while let Some(time) = next.filter(|time| *time <= now) {
        due = Some(time);
        missed += 1;
        if missed > MANY {
            // far behind: only the last time matters
            next = schedule
                .next(now - Duration::from_secs(61))
                .filter(|time| *time > now)
                .or_else(|| schedule.next(now));
            break;
        }
        next = schedule.next(time);
    }
    if let Some(next) = next {
        decision.look_again(next);
    }
    let Some(due) = due else { return };
    match cron.spec.concurrency_policy.as_deref() {
        Some("Forbid") if !active.is_empty() => {
            let message =
                "Not starting job because prior execution is running and concurrency policy is Forbid";
            decision.actions.push(Action::note(cron, COMPONENT, "JobAlreadyActive", message.to_owned()));
            return;
        }
        Some("Replace") => {
            for job in active {
                decision.actions.push(Action::delete(Kind::Job, &****job));
                let message = format!("Deleted job {}", job.metadata.name.as_deref().unwrap_or_default());
                decision.actions.push(Action::note(cron, COMPONENT, "SuccessfulDelete", message));
            }
        }
        _ => {}
    }
    let namespace = cron.metadata.namespace.clone().unwrap_or_default();
    let name = format!("{}-{}", cron.metadata.name.as_deref().unwrap_or_default(), due.as_second() / 60);
    status.last_schedule_time = Some(Time(due));
    if state.jobs.named(&namespace, &name).is_some() {
        return;
    }
    let template = cron.spec.job_template.clone();
    let metadata = template.metadata.unwrap_or_default();
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.insert("batch.kubernetes.io/cronjob-scheduled-timestamp".to_owned(), due.to_string());
    decision.actions.push(Action::create(Job {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(namespace),
            labels: metadata.labels,
            annotations: Some(annotations),
            owner_references: Some(vec![owner_reference(cron)]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }));
    decision.actions.push(Action::note(cron, COMPONENT, "SuccessfulCreate", format!("Created job {name}")));
}
