//! Limits that are reached, nearly reached, or missing.

use supercargo_api::resources;

use super::lint::{Lint, Severity};
use super::node_pool::Case;

/// A limit is nearly reached from here on, in percent.
const NEARLY: i128 = 90;

pub(super) fn lint(case: &Case<'_>, lints: &mut Vec<Lint>) {
    let pool = case.pool;
    if pool.limits.is_empty() && pool.replicas.is_none() {
        let right = "set spec.limits to what you are ready to pay for";
        lints.push(Lint::new(
            Severity::Note,
            "no-limits",
            "spec.limits",
            "no limits: it may grow without end",
            right,
        ));
    }
    for (resource, limit) in &pool.limits {
        let used = limit.set.saturating_sub(limit.left);
        let text = |amount: i64| resources::quantity(resource, amount).to_string();
        let said = format!("{} of {} {resource} in use", text(used), text(limit.set));
        let least = case.reach.as_ref().and_then(|reach| {
            let has = |index: usize| match resource.as_str() {
                "nodes" => 1,
                _ => reach.table.types[index].capacity.get(resource),
            };
            reach.types.ones().map(has).min()
        });
        let field = format!("spec.limits.{resource}");
        let right = "raise it, or let another NodePool take over";
        if limit.left <= 0 {
            lints.push(Lint::new(Severity::Error, "limit-reached", field, said, right));
        } else if let Some(least) = least.filter(|least| *least > limit.left) {
            let what =
                format!("{said}: its smallest type has {}, and {} is left", text(least), text(limit.left));
            lints.push(Lint::new(Severity::Error, "limit-reached", field, what, right));
        } else if i128::from(used) * 100 >= i128::from(limit.set) * NEARLY {
            lints.push(Lint::new(Severity::Warning, "limit-nearly-reached", field, said, right));
        }
    }
}
