//! Nodes that never go: no expiry, no consolidation.

use supercargo_api::ConsolidationPolicy;

use super::lint::{Lint, Severity};
use super::node_pool::Case;

pub(super) fn lint(case: &Case<'_>, lints: &mut Vec<Lint>) {
    let spec = &case.manifest.spec;
    if spec.template.spec.expire_after().is_never() {
        lints.push(Lint::new(
            Severity::Warning,
            "never-expires",
            "spec.template.spec.expireAfter",
            "expireAfter Never: its nodes keep their machine image and their kubelet for ever",
            "set a duration, or leave it out for 720h",
        ));
    }
    if spec.is_static() {
        return;
    }
    let disruption = spec.disruption();
    if disruption.consolidate_after.is_never() {
        lints.push(Lint::new(
            Severity::Warning,
            "never-consolidates",
            "spec.disruption.consolidateAfter",
            "consolidateAfter Never: not even empty nodes are removed",
            "set a duration such as 1m",
        ));
    } else if disruption.consolidation_policy() == ConsolidationPolicy::WhenEmpty {
        lints.push(Lint::new(
            Severity::Note,
            "only-when-empty",
            "spec.disruption.consolidationPolicy",
            "consolidationPolicy WhenEmpty: nodes that are hardly used stay",
            "fine for batch work; otherwise use WhenEmptyOrUnderutilized or Balanced",
        ));
    }
}
