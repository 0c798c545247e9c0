//! Probes and life cycle hooks of a container.

use serde_json::Value;

use crate::builtin::read::{Errors, has, int, items, text};
use crate::field_error::{FieldError, Path};
use crate::names::{port_name, port_number};

use super::container::Role;
use super::spec::check_word;

/// Checks the probes and hooks of a container.
pub(crate) fn check_probes(container: &Value, role: Role, at: &Path<'_>, errors: &mut Errors) {
    let restarts = text(container, "restartPolicy") == "Always";
    for field in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if !has(container, field) {
            continue;
        }
        let at_probe = at.field(field);
        if role == Role::Init && !restarts {
            let detail = "may not be set for init containers without restartPolicy=Always";
            errors.push(FieldError::forbidden(at_probe, detail));
            continue;
        }
        let probe = &container[field];
        check_handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], &at_probe, errors);
        for number in
            ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
        {
            if let Some(value) = int(probe, number).filter(|value| *value < 0) {
                let detail = "must be greater than or equal to 0";
                errors.push(FieldError::invalid(at_probe.field(number), value, detail));
            }
        }
        let successes = int(probe, "successThreshold").unwrap_or(1);
        if field != "readinessProbe" && successes != 1 {
            errors.push(FieldError::invalid(at_probe.field("successThreshold"), successes, "must be 1"));
        }
        if let Some(grace) = int(probe, "terminationGracePeriodSeconds") {
            let at_grace = at_probe.field("terminationGracePeriodSeconds");
            if field == "readinessProbe" {
                errors.push(FieldError::invalid(at_grace, grace, "must not be set for readinessProbes"));
            } else if grace <= 0 {
                errors.push(FieldError::invalid(at_grace, grace, "must be greater than 0"));
            }
        }
    }
    if !has(container, "lifecycle") {
        return;
    }
    let at_lifecycle = at.field("lifecycle");
    if role == Role::Init && !restarts {
        let detail = "may not be set for init containers without restartPolicy=Always";
        errors.push(FieldError::forbidden(at_lifecycle, detail));
        return;
    }
    for moment in ["postStart", "preStop"] {
        let hook = &container["lifecycle"][moment];
        if !hook.is_null() {
            check_handler(
                hook,
                &["exec", "httpGet", "tcpSocket", "sleep"],
                &at_lifecycle.field(moment),
                errors,
            );
        }
    }
}

/// One handler must be given, and be complete.
fn check_handler(handler: &Value, kinds: &[&str], at: &Path<'_>, errors: &mut Errors) {
    let mut given = 0;
    for kind in kinds {
        if !has(handler, kind) {
            continue;
        }
        given += 1;
        let at = at.field(kind);
        if given > 1 {
            errors.push(FieldError::forbidden(at, "may not specify more than 1 handler type"));
            continue;
        }
        let action = &handler[*kind];
        match *kind {
            "exec" => {
                if items(action, "command").is_empty() {
                    errors.push(FieldError::required(at.field("command"), ""));
                }
            }
            "httpGet" => {
                if text(action, "path").is_empty() {
                    errors.push(FieldError::required(at.field("path"), ""));
                }
                check_port_or_name(&action["port"], &at.field("port"), errors);
                check_word(action, "scheme", &["HTTP", "HTTPS"], &at, errors);
            }
            "tcpSocket" => check_port_or_name(&action["port"], &at.field("port"), errors),
            "grpc" => check_port_or_name(&action["port"], &at.field("port"), errors),
            _ => {
                if int(action, "seconds").is_none_or(|seconds| seconds < 0) {
                    let detail = "must be non-negative and less than terminationGracePeriodSeconds";
                    errors.push(FieldError::invalid(at, action["seconds"].clone(), detail));
                }
            }
        }
    }
    if given == 0 {
        errors.push(FieldError::required(at, "must specify a handler type"));
    }
}

/// Checks a port that may be a number or the name of one.
pub(crate) fn check_port_or_name(port: &Value, at: &Path<'_>, errors: &mut Errors) {
    match port {
        Value::String(name) => errors.invalid_text(at, name, port_name(name)),
        _ => {
            let number = port.as_i64().unwrap_or_default();
            if let Some(detail) = port_number(number) {
                errors.push(FieldError::invalid(at, number, detail));
            }
        }
    }
}
