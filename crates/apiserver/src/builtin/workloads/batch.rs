//! Jobs and CronJobs.

use serde_json::{Value, json};

use crate::builtin::pod::defaults::template;
use crate::builtin::pod::spec::{check_pod_template, check_word};
use crate::builtin::read::{
    Errors, at_mut, ensure_object, has, has_content, int, items, items_mut, remove, same, set, set_default,
    set_default_text, text, truth,
};
use crate::builtin::selectors::{check_selector, compiled, label_map};
use crate::field_error::{FieldError, Path};

use super::rolling::check_not_negative;

/// Longest name of a CronJob: eleven bytes are kept for the names of its Jobs.
pub(crate) const LONGEST_CRON_JOB_NAME: usize = 52;

/// Labels that tie the pods of a Job to it.
const JOB_LABELS: [(&str, bool); 4] = [
    ("batch.kubernetes.io/controller-uid", true),
    ("batch.kubernetes.io/job-name", false),
    ("controller-uid", true),
    ("job-name", false),
];

/// Largest number of parallel pods of an indexed Job.
const MOST_INDEXED: i64 = 100_000;

/// Defaults of a Job.
pub(crate) fn default_job(job: &mut Value) {
    let labels = job["spec"]["template"]["metadata"]["labels"].clone();
    if labels.as_object().is_some_and(|labels| !labels.is_empty())
        && let Some(metadata) = ensure_object(job, "metadata")
        && !has_content(metadata, "labels")
    {
        set(metadata, "labels", labels);
    }
    let Some(spec) = ensure_object(job, "spec") else { return };
    if !has(spec, "completions") && !has(spec, "parallelism") {
        set(spec, "completions", 1);
    }
    set_default(spec, "parallelism", 1);
    let limit = if has(spec, "backoffLimitPerIndex") { i64::from(i32::MAX) } else { 6 };
    set_default(spec, "backoffLimit", limit);
    set_default_text(spec, "completionMode", "NonIndexed");
    set_default(spec, "suspend", false);
    let replacement = if has(spec, "podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    set_default_text(spec, "podReplacementPolicy", replacement);
    if let Some(policy) = spec.get_mut("podFailurePolicy") {
        for rule in items_mut(policy, "rules") {
            for condition in items_mut(rule, "onPodConditions") {
                set_default_text(condition, "status", "True");
            }
        }
    }
    template(spec);
}

/// Defaults of a CronJob.
pub(crate) fn default_cron_job(cron_job: &mut Value) {
    let Some(spec) = ensure_object(cron_job, "spec") else { return };
    set_default_text(spec, "concurrencyPolicy", "Allow");
    set_default(spec, "suspend", false);
    set_default(spec, "successfulJobsHistoryLimit", 3);
    set_default(spec, "failedJobsHistoryLimit", 1);
    if let Some(template) = ensure_object(spec, "jobTemplate")
        && let Some(spec) = ensure_object(template, "spec")
    {
        self::template(spec);
    }
}

/// Ties the pods of a new Job to it by its uid, unless its selector is written by hand.
pub(crate) fn generate_selector(job: &mut Value) {
    if truth(&job["spec"], "manualSelector") {
        return;
    }
    let uid = text(&job["metadata"], "uid").to_owned();
    let name = text(&job["metadata"], "name").to_owned();
    if let Some(metadata) = at_mut(job, &["spec"])
        .and_then(|spec| ensure_object(spec, "template"))
        .and_then(|template| ensure_object(template, "metadata"))
        .and_then(|metadata| ensure_object(metadata, "labels"))
    {
        for (label, is_uid) in JOB_LABELS {
            set(metadata, label, if is_uid { uid.as_str() } else { name.as_str() });
        }
    }
    if let Some(labels) = at_mut(job, &["spec"])
        .and_then(|spec| ensure_object(spec, "selector"))
        .and_then(|selector| ensure_object(selector, "matchLabels"))
    {
        set(labels, "batch.kubernetes.io/controller-uid", uid);
    }
}

/// Checks a Job.
pub(crate) fn check_job(job: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &job["spec"];
    check_job_spec(spec, &at, errors);
    if has(spec, "selector") {
        check_selector(&spec["selector"], &at.field("selector"), errors);
        let labels = &spec["template"]["metadata"]["labels"];
        if let Some(selector) = compiled(&spec["selector"])
            && !selector.matches(&label_map(labels))
        {
            let at = at.field("template");
            let at = at.field("metadata");
            let detail = "`selector` does not match template `labels`";
            errors.push(FieldError::invalid(at.field("labels"), labels.clone(), detail));
        }
    } else {
        errors.push(FieldError::required(at.field("selector"), ""));
    }
}

fn check_job_spec(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    for field in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        check_not_negative(spec, field, at, errors);
    }
    check_word(spec, "completionMode", &["Indexed", "NonIndexed"], at, errors);
    let is_indexed = text(spec, "completionMode") == "Indexed";
    if is_indexed {
        if !has(spec, "completions") {
            let detail = "when completion mode is Indexed";
            errors.push(FieldError::required(at.field("completions"), detail));
        }
        if let Some(parallelism) = int(spec, "parallelism").filter(|parallelism| *parallelism > MOST_INDEXED)
        {
            let detail =
                format!("must be less than or equal to {MOST_INDEXED} when completion mode is Indexed");
            errors.push(FieldError::invalid(at.field("parallelism"), parallelism, detail));
        }
    } else {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
            if has(spec, field) {
                let detail = "requires indexed completion mode";
                errors.push(FieldError::invalid(at.field(field), spec[field].clone(), detail));
            }
        }
    }
    check_word(spec, "podReplacementPolicy", &["Failed", "TerminatingOrFailed"], at, errors);
    check_failure_policy(spec, at, errors);
    let at_template = at.field("template");
    check_pod_template(&spec["template"], &at_template, None, errors);
    let at_spec = at_template.field("spec");
    let policy = text(&spec["template"]["spec"], "restartPolicy");
    match policy {
        "" | "Always" => {
            let detail = "valid values: \"OnFailure\", \"Never\"";
            errors.push(FieldError::required(at_spec.field("restartPolicy"), detail));
        }
        "OnFailure" if has(spec, "podFailurePolicy") => {
            let detail = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.push(FieldError::invalid(at_spec.field("restartPolicy"), policy, detail));
        }
        _ => {}
    }
}

fn check_failure_policy(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.field("podFailurePolicy");
    let at_rules = at.field("rules");
    for (index, rule) in items(&spec["podFailurePolicy"], "rules").iter().enumerate() {
        let at = at_rules.index(index);
        let actions = ["Count", "FailIndex", "FailJob", "Ignore"];
        if text(rule, "action").is_empty() {
            let supported = "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]";
            errors.push(FieldError::required(at.field("action"), supported));
        }
        check_word(rule, "action", &actions, &at, errors);
        let by_code = has(rule, "onExitCodes");
        let by_condition = has_content(rule, "onPodConditions");
        if by_code && by_condition {
            let detail = "specifying both OnExitCodes and OnPodConditions is not supported";
            errors.push(FieldError::invalid(at, rule.clone(), detail));
        } else if !by_code && !by_condition {
            let detail = "specifying one of OnExitCodes and OnPodConditions is required";
            errors.push(FieldError::invalid(at, rule.clone(), detail));
        }
        if by_code {
            let at = at.field("onExitCodes");
            let codes = &rule["onExitCodes"];
            check_word(codes, "operator", &["In", "NotIn"], &at, errors);
            let values = items(codes, "values");
            if values.is_empty() {
                errors.push(FieldError::invalid(
                    at.field("values"),
                    json!([]),
                    "at least one value is required",
                ));
            }
            if text(codes, "operator") == "In" && values.iter().any(|value| value.as_i64() == Some(0)) {
                let detail = "must not be 0 for the In operator";
                errors.push(FieldError::invalid(at.field("values"), codes["values"].clone(), detail));
            }
        }
    }
}

/// Checks an update of a Job. While it is suspended and has not started, where its pods run may still change.
pub(crate) fn check_job_update(new: &Value, old: &Value, errors: &mut Errors) {
    let (new_spec, old_spec) = (&new["spec"], &old["spec"]);
    let mut immutable = |field: &str, new: &Value, old: &Value| {
        if !same(new, old) {
            errors.push(FieldError::invalid(format!("spec.{field}"), new.clone(), "field is immutable"));
        }
    };
    let is_elastic = text(new_spec, "completionMode") == "Indexed"
        && int(new_spec, "completions") == int(new_spec, "parallelism")
        && has(new_spec, "completions");
    for field in [
        "completions",
        "selector",
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
        "manualSelector",
    ] {
        if field == "completions" && is_elastic {
            continue;
        }
        immutable(field, &new_spec[field], &old_spec[field]);
    }
    let is_mutable = truth(old_spec, "suspend") && !has(&old["status"], "startTime");
    let mut expected = new_spec["template"].clone();
    if is_mutable {
        let before = &old_spec["template"];
        for field in ["nodeSelector", "tolerations", "schedulingGates", "affinity"] {
            if let Some(spec) = at_mut(&mut expected, &["spec"]) {
                restore(spec, &before["spec"], field);
            }
        }
        if let Some(spec) = at_mut(&mut expected, &["spec"]) {
            for list in ["containers", "initContainers"] {
                for (container, before) in items_mut(spec, list).zip(items(&before["spec"], list)) {
                    restore(container, before, "resources");
                }
            }
        }
        if let Some(metadata) = at_mut(&mut expected, &["metadata"]) {
            restore(metadata, &before["metadata"], "annotations");
            restore(metadata, &before["metadata"], "labels");
        }
    }
    if !same(&expected, &old_spec["template"]) {
        errors.push(FieldError::invalid("spec.template", new_spec["template"].clone(), "field is immutable"));
    }
}

fn restore(new: &mut Value, old: &Value, field: &str) {
    match old.get(field) {
        Some(value) => set(new, field, value.clone()),
        None => {
            remove(new, field);
        }
    }
}

/// Checks a CronJob.
pub(crate) fn check_cron_job(cron_job: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &cron_job["spec"];
    let schedule = text(spec, "schedule");
    let at_schedule = at.field("schedule");
    if schedule.is_empty() {
        errors.push(FieldError::required(at_schedule, ""));
    } else if let Err(error) = super::batch::check_schedule(schedule) {
        errors.push(FieldError::invalid(at_schedule, schedule, error));
    } else if schedule.contains("TZ") {
        let detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        errors.push(FieldError::invalid(at_schedule, schedule, detail));
    }
    check_not_negative(spec, "startingDeadlineSeconds", &at, errors);
    check_not_negative(spec, "successfulJobsHistoryLimit", &at, errors);
    check_not_negative(spec, "failedJobsHistoryLimit", &at, errors);
    let policies = ["Allow", "Forbid", "Replace"];
    if text(spec, "concurrencyPolicy").is_empty() {
        errors.push(FieldError::required(at.field("concurrencyPolicy"), ""));
    }
    check_word(spec, "concurrencyPolicy", &policies, &at, errors);
    if has(spec, "timeZone") {
        let zone = text(spec, "timeZone");
        if zone.is_empty() || zone.eq_ignore_ascii_case("local") || jiff::tz::TimeZone::get(zone).is_err() {
            errors.push(FieldError::invalid(at.field("timeZone"), zone, format!("unknown time zone {zone}")));
        }
    }
    let at_template = at.field("jobTemplate");
    let job = &spec["jobTemplate"]["spec"];
    let at_job = at_template.field("spec");
    check_job_spec(job, &at_job, errors);
    if truth(job, "manualSelector") {
        let supported: [&str; 2] = ["nil", "false"];
        errors.push(FieldError::not_supported(at_job.field("manualSelector"), true, &supported));
    }
}

/// Checks a schedule: five fields, or a word such as `@daily`.
pub(crate) fn check_schedule(schedule: &str) -> Result<(), String> {
    const WORDS: [&str; 7] =
        ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
        ("minute", 0, 59, &[]),
        ("hour", 0, 23, &[]),
        ("day of month", 1, 31, &[]),
        (
            "month",
            1,
            12,
            &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        ),
        ("day of week", 0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ];
    let mut text = schedule.trim();
    if let Some(rest) = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) {
        text = rest.split_once(' ').map(|(_, rest)| rest.trim()).unwrap_or_default();
    }
    if text.starts_with('@') {
        let is_known = WORDS.contains(&text) || text.starts_with("@every ");
        return if is_known { Ok(()) } else { Err(format!("unrecognized descriptor: {text}")) };
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        let found = parts.len();
        let shown: Vec<&str> = parts.into_iter().take(10).collect();
        return Err(format!("expected exactly 5 fields, found {found}: {shown:?}"));
    }
    for (part, (_, lowest, highest, names)) in parts.iter().zip(FIELDS) {
        for range in part.split(',') {
            check_range(range, lowest, highest, names)?;
        }
    }
    Ok(())
}

fn check_range(range: &str, lowest: u32, highest: u32, names: &[&str]) -> Result<(), String> {
    let (range, step) = match range.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (range, None),
    };
    let number = |text: &str| -> Result<u32, String> {
        let lower = text.to_lowercase();
        if let Some(index) = names.iter().position(|name| **name == lower) {
            return u32::try_from(index).map(|index| index + lowest).map_err(|error| error.to_string());
        }
        text.parse().map_err(|_| {
            format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")
        })
    };
    if !matches!(range, "*" | "?") {
        let (start, end) = match range.split_once('-') {
            Some((start, end)) => (number(start)?, number(end)?),
            None => {
                let start = number(range)?;
                (start, start)
            }
        };
        if start < lowest {
            return Err(format!("beginning of range ({start}) below minimum ({lowest}): {range}"));
        }
        if end > highest {
            return Err(format!("end of range ({end}) above maximum ({highest}): {range}"));
        }
        if start > end {
            return Err(format!("beginning of range ({start}) beyond end of range ({end}): {range}"));
        }
    }
    match step.map(number) {
        Some(Ok(0)) => Err(format!("step of range should be a positive number: {range}")),
        Some(Err(error)) => Err(error),
        _ => Ok(()),
    }
}
