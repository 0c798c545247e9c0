//! How many pods Jobs and CronJobs want to run at this moment.

use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};

/// How many pods of a Job should be running: as many as it may run side by side, and no more than are still to
/// succeed. `succeeded` of its pods have, as far as the input shows.
pub(super) fn job_pods(job: &Job, succeeded: usize) -> usize {
    let Some(spec) = &job.spec else { return 0 };
    if spec.suspend == Some(true) || is_finished(job) {
        return 0;
    }
    let counted =
        job.status.as_ref().and_then(|status| status.succeeded).and_then(|count| usize::try_from(count).ok());
    let succeeded = succeeded.max(counted.unwrap_or(0));
    let parallelism = non_negative(spec.parallelism.unwrap_or(1));
    match completions(spec) {
        Some(completions) => parallelism.min(completions.saturating_sub(succeeded)),
        // A Job that works off a queue starts no pods once one has found the queue empty.
        None if succeeded > 0 => 0,
        None => parallelism,
    }
}

/// How many pods the next Job of a CronJob starts with.
pub(super) fn next_job_pods(cron_job: &CronJob) -> usize {
    let spec = &cron_job.spec;
    let Some(job) = spec.job_template.spec.as_ref().filter(|job| job.suspend != Some(true)) else { return 0 };
    if spec.suspend == Some(true) {
        return 0;
    }
    let parallelism = non_negative(job.parallelism.unwrap_or(1));
    completions(job).map_or(parallelism, |completions| parallelism.min(completions))
}

/// How many pods must succeed; nothing when a queue decides, which is when only parallelism is given.
fn completions(spec: &JobSpec) -> Option<usize> {
    match (spec.completions, spec.parallelism) {
        (Some(completions), _) => Some(non_negative(completions)),
        (None, None) => Some(1),
        (None, Some(_)) => None,
    }
}

fn is_finished(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed" | "SuccessCriteriaMet" | "FailureTarget")
            && condition.status == "True"
    })
}

fn non_negative(count: i32) -> usize {
    usize::try_from(count).unwrap_or(0)
}
