//! Numbers that may be percentages, and the roll-outs that are told in them.

use serde_json::Value;

use crate::builtin::read::{Errors, has, int, text};
use crate::field_error::{FieldError, Path};

/// Checks that a number of a field, if there, is not negative.
pub(crate) fn check_not_negative(object: &Value, field: &str, at: &Path<'_>, errors: &mut Errors) {
    if let Some(number) = int(object, field).filter(|number| *number < 0) {
        errors.push(FieldError::invalid(at.field(field), number, "must be greater than or equal to 0"));
    }
}

/// Checks a value that is a number or a percentage; `None` in `most` lets percentages be above 100.
pub(crate) fn check_count_or_percent(value: &Value, at: &Path<'_>, errors: &mut Errors) {
    match value {
        Value::Number(number) if number.as_i64().is_some_and(|number| number < 0) => {
            errors.push(FieldError::invalid(at, value.clone(), "must be greater than or equal to 0"));
        }
        Value::String(text) if percent(text).is_none() => {
            let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
                          '93%', regex used for validation is '[0-9]+%')";
            errors.push(FieldError::invalid(at, text.as_str(), detail));
        }
        _ => {}
    }
}

/// The number before the `%`.
pub(crate) fn percent(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('%')?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Checks that a percentage is not above 100.
pub(crate) fn check_at_most_all(value: &Value, at: &Path<'_>, errors: &mut Errors) {
    if value.as_str().and_then(percent).is_some_and(|percent| percent > 100) {
        errors.push(FieldError::invalid(at, value.clone(), "must not be greater than 100%"));
    }
}

/// Whether a number or percentage is nothing.
pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => percent(text) == Some(0),
        _ => false,
    }
}

/// Checks the strategy of a Deployment.
pub(crate) fn check_strategy(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.field("strategy");
    let strategy = &spec["strategy"];
    match text(strategy, "type") {
        "Recreate" => {
            if has(strategy, "rollingUpdate") {
                let detail = "may not be specified when strategy `type` is 'Recreate'";
                errors.push(FieldError::forbidden(at.field("rollingUpdate"), detail));
            }
        }
        "RollingUpdate" => {
            if has(strategy, "rollingUpdate") {
                check_rolling_update(&strategy["rollingUpdate"], &at.field("rollingUpdate"), errors);
            } else {
                let detail = "this should be defaulted and never be nil";
                errors.push(FieldError::required(at.field("rollingUpdate"), detail));
            }
        }
        other => {
            errors.push(FieldError::not_supported(at.field("type"), other, &["Recreate", "RollingUpdate"]))
        }
    }
}

/// Checks `maxUnavailable` and `maxSurge`: not both zero.
pub(crate) fn check_rolling_update(update: &Value, at: &Path<'_>, errors: &mut Errors) {
    let (unavailable, surge) = (&update["maxUnavailable"], &update["maxSurge"]);
    let at_unavailable = at.field("maxUnavailable");
    check_count_or_percent(unavailable, &at_unavailable, errors);
    check_count_or_percent(surge, &at.field("maxSurge"), errors);
    if is_zero(unavailable) && is_zero(surge) {
        let shown = if unavailable.is_null() { Value::from(0) } else { unavailable.clone() };
        errors.push(FieldError::invalid(at_unavailable, shown, "may not be 0 when `maxSurge` is 0"));
    }
    check_at_most_all(unavailable, &at_unavailable, errors);
}

/// Checks the update strategy of a DaemonSet.
pub(crate) fn check_daemon_strategy(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.field("updateStrategy");
    let strategy = &spec["updateStrategy"];
    match text(strategy, "type") {
        "OnDelete" => {}
        "RollingUpdate" => {
            let update = &strategy["rollingUpdate"];
            let at = at.field("rollingUpdate");
            if update.is_null() {
                errors.push(FieldError::required(at, ""));
                return;
            }
            let (unavailable, surge) = (&update["maxUnavailable"], &update["maxSurge"]);
            check_count_or_percent(unavailable, &at.field("maxUnavailable"), errors);
            check_count_or_percent(surge, &at.field("maxSurge"), errors);
            check_at_most_all(unavailable, &at.field("maxUnavailable"), errors);
            check_at_most_all(surge, &at.field("maxSurge"), errors);
            if !is_zero(surge) && !is_zero(unavailable) {
                let detail = "may not be set when maxUnavailable is non-zero";
                errors.push(FieldError::invalid(at.field("maxSurge"), surge.clone(), detail));
            } else if is_zero(surge) && is_zero(unavailable) {
                let detail = "cannot be 0 when maxSurge is 0";
                errors.push(FieldError::invalid(at.field("maxUnavailable"), unavailable.clone(), detail));
            }
        }
        other => {
            errors.push(FieldError::not_supported(at.field("type"), other, &["OnDelete", "RollingUpdate"]))
        }
    }
}
