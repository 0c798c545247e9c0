//! Taints and the tolerations that match them, as the Kubernetes scheduler matches them.

use k8s_openapi::api::core::v1::{Taint, Toleration};

use crate::labels::{
    CLOUD_PROVIDER_UNINITIALIZED_TAINT, DISRUPTED_TAINT, NOT_READY_TAINT, READINESS_TAINT_PREFIX,
    UNREACHABLE_TAINT, UNREGISTERED_TAINT,
};

/// New pods are not scheduled on the node.
pub const NO_SCHEDULE: &str = "NoSchedule";
/// New pods are scheduled on the node only if there is no other.
pub const PREFER_NO_SCHEDULE: &str = "PreferNoSchedule";
/// New pods are not scheduled on the node and running pods are evicted.
pub const NO_EXECUTE: &str = "NoExecute";

/// Whether any of the tolerations tolerates the taint.
pub fn tolerates(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| matches_taint(toleration, taint))
}

/// The first taint that none of the tolerations tolerates. PreferNoSchedule counts only if asked for: the scheduler
/// treats it as a wish, Karpenter as a demand that it may relax (reference section 2.6).
pub fn first_untolerated<'a>(
    taints: &'a [Taint],
    tolerations: &[Toleration],
    include_prefer_no_schedule: bool,
) -> Option<&'a Taint> {
    taints
        .iter()
        .filter(|taint| include_prefer_no_schedule || taint.effect != PREFER_NO_SCHEDULE)
        .find(|taint| !tolerates(tolerations, taint))
}

/// Whether one toleration tolerates the taint. An empty effect matches every effect, an empty key every key; the
/// operators `Lt` and `Gt` compare the taint's value with the toleration's, both canonical decimal integers.
pub fn matches_taint(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = text(&toleration.effect);
    let key = text(&toleration.key);
    if !effect.is_empty() && effect != taint.effect {
        return false;
    }
    if !key.is_empty() && key != taint.key {
        return false;
    }
    let (tolerated, found) = (text(&toleration.value), text(&taint.value));
    match text(&toleration.operator) {
        "" | "Equal" => tolerated == found,
        "Exists" => true,
        "Lt" => compare(found, tolerated, |found, limit| found < limit),
        "Gt" => compare(found, tolerated, |found, limit| found > limit),
        _ => false,
    }
}

fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or("")
}

fn compare(found: &str, limit: &str, holds: fn(i64, i64) -> bool) -> bool {
    match (canonical_integer(found), canonical_integer(limit)) {
        (Some(found), Some(limit)) => holds(found, limit),
        _ => false,
    }
}

/// A decimal integer of 64 bits without leading zeros or a plus sign.
fn canonical_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    if canonical { text.parse().ok() } else { None }
}

/// The taint on a node that is being disrupted (reference section 1.6).
pub fn disrupted() -> Taint {
    taint(DISRUPTED_TAINT, None, NO_SCHEDULE)
}

/// The taint on a node until it has registered (reference section 1.6).
pub fn unregistered() -> Taint {
    taint(UNREGISTERED_TAINT, None, NO_EXECUTE)
}

/// Whether a taint is expected on a node that is still starting and goes away by itself (reference section 1.6).
pub fn is_known_ephemeral(taint: &Taint) -> bool {
    match (taint.key.as_str(), taint.effect.as_str()) {
        (NOT_READY_TAINT, NO_SCHEDULE | NO_EXECUTE) => true,
        (UNREACHABLE_TAINT, NO_SCHEDULE) => true,
        (CLOUD_PROVIDER_UNINITIALIZED_TAINT, NO_SCHEDULE) => text(&taint.value) == "true",
        (UNREGISTERED_TAINT, NO_EXECUTE) => true,
        (key, _) => key.starts_with(READINESS_TAINT_PREFIX),
    }
}

/// A taint as people write it: `key=value:Effect`, or `key:Effect` without a value.
pub fn describe(taint: &Taint) -> String {
    match text(&taint.value) {
        "" => format!("{}:{}", taint.key, taint.effect),
        value => format!("{}={}:{}", taint.key, value, taint.effect),
    }
}

fn taint(key: &str, value: Option<&str>, effect: &str) -> Taint {
    Taint {
        key: key.to_owned(),
        value: value.map(str::to_owned),
        effect: effect.to_owned(),
        ..Taint::default()
    }
}
