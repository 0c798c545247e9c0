//! Pods and what makes pods: Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs, PodTemplates.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};
use k8s_openapi::api::core::v1::{PodTemplate, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::pod::Pod;

use super::check::Check;
use super::cron::{check_job_schedule, check_time_zone};
use super::metadata::check_selector;
use super::path::At;
use super::pod::{check_pod_spec, check_template};
use super::problem::Problems;
use super::volumes::check_claim_spec;

/// More pods than this are no plan for a cluster, and would not fit into memory as objects.
pub(crate) const MOST_PODS: usize = 1_000_000;

impl Check for Pod {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        if let Some(spec) = self.spec() {
            check_pod_spec(&at.key("spec"), spec, problems);
        }
    }
}

impl Check for PodTemplate {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        if let Some(template) = &self.template {
            check_template(&at.key("template"), template, problems);
        }
    }
}

impl Check for Deployment {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let spec = &self.spec;
        let at = at.key("spec");
        check_count(&at, "replicas", spec.replicas, problems);
        check_template(&at.key("template"), &spec.template, problems);
        check_selected(&at, &spec.selector, Some(&spec.template), problems);
    }
}

impl Check for ReplicaSet {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let spec = &self.spec;
        let at = at.key("spec");
        check_count(&at, "replicas", spec.replicas, problems);
        if let Some(template) = &spec.template {
            check_template(&at.key("template"), template, problems);
        }
        check_selected(&at, &spec.selector, spec.template.as_ref(), problems);
    }
}

impl Check for StatefulSet {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let spec = &self.spec;
        let at = at.key("spec");
        check_count(&at, "replicas", spec.replicas, problems);
        check_template(&at.key("template"), &spec.template, problems);
        check_selected(&at, &spec.selector, Some(&spec.template), problems);
        let at_claims = at.key("volumeClaimTemplates");
        for (index, claim) in spec.volume_claim_templates.iter().flatten().enumerate() {
            let at = at_claims.index(index);
            if claim.metadata.name.as_deref().is_none_or(str::is_empty) {
                let at = at.key("metadata");
                problems.error(&at.key("name"), "the field is missing").right("give the template a name");
            }
            if let Some(spec) = &claim.spec {
                check_claim_spec(&at.key("spec"), spec, problems);
            }
        }
    }
}

impl Check for DaemonSet {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let spec = &self.spec;
        let at = at.key("spec");
        check_template(&at.key("template"), &spec.template, problems);
        check_selected(&at, &spec.selector, Some(&spec.template), problems);
    }
}

impl Check for Job {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        if let Some(spec) = &self.spec {
            check_job_spec(&at.key("spec"), spec, problems);
        }
    }
}

impl Check for CronJob {
    fn check(&self, at: &At<'_>, problems: &mut Problems) {
        let spec = &self.spec;
        let at = at.key("spec");
        if let Err(error) = check_job_schedule(&spec.schedule) {
            problems
                .error(&at.key("schedule"), error)
                .right("write five fields such as 0 3 * * *, or @daily");
        }
        if let Some(Err(error)) = spec.time_zone.as_deref().map(check_time_zone) {
            problems.error(&at.key("timeZone"), error.to_string());
        }
        if let Some(job) = &spec.job_template.spec {
            let at = at.key("jobTemplate");
            check_job_spec(&at.key("spec"), job, problems);
        }
    }
}

fn check_job_spec(at: &At<'_>, spec: &JobSpec, problems: &mut Problems) {
    check_count(at, "parallelism", spec.parallelism, problems);
    check_count(at, "completions", spec.completions, problems);
    check_template(&at.key("template"), &spec.template, problems);
    if let Some(pod) = &spec.template.spec {
        let policy = pod.restart_policy.as_deref().unwrap_or("Always");
        if !matches!(policy, "OnFailure" | "Never") {
            let at = at.key("template");
            let at = at.key("spec");
            problems
                .error(
                    &at.key("restartPolicy"),
                    format!("the pods of a job cannot have restartPolicy {policy}"),
                )
                .right("write OnFailure or Never");
        }
    }
}

fn check_count(at: &At<'_>, field: &str, count: Option<i32>, problems: &mut Problems) {
    let Some(count) = count else { return };
    if count < 0 {
        problems.error(&at.key(field), format!("{count} is too low")).right("at least 0");
    } else if usize::try_from(count).is_ok_and(|count| count > MOST_PODS) {
        problems.error(&at.key(field), format!("{count} is too high")).right(format!("at most {MOST_PODS}"));
    }
}

/// The selector of a workload must select its own pods, and not everything.
fn check_selected(
    at: &At<'_>,
    selector: &LabelSelector,
    template: Option<&PodTemplateSpec>,
    problems: &mut Problems,
) {
    let at = at.key("selector");
    let Some(compiled) = check_selector(&at, selector, problems) else { return };
    if compiled.selects_everything() {
        problems.error(&at, "an empty selector is not possible here").right("give labels of the template");
        return;
    }
    let labels = template
        .and_then(|template| template.metadata.as_ref())
        .and_then(|metadata| metadata.labels.as_ref());
    if template.is_some() && !compiled.matches_optional(labels) {
        problems
            .error(&at, "the selector does not select the pods of the template")
            .right("give the template the labels that the selector asks for");
    }
}
