//! Budgets that never count, always count, or never let anything go (reference section 4.4).

use jiff::Timestamp;
use supercargo_api::{Budget, DisruptionReason};

use crate::disruption::BudgetOverride;
use crate::disruption::windows::Window;

use super::lint::{Lint, Severity};
use super::node_pool::Case;

const FIELD: &str = "spec.disruption.budgets";
const REASONS: [DisruptionReason; 3] =
    [DisruptionReason::Underutilized, DisruptionReason::Empty, DisruptionReason::Drifted];
/// Closed windows are followed so far; whoever is never open by then is never open.
const MOST_WINDOWS: usize = 1_000;

pub(super) fn lint(case: &Case<'_>, lints: &mut Vec<Lint>) {
    let disruption = case.manifest.spec.disruption();
    let budgets = disruption.budgets();
    let windows: Vec<Window> = budgets.iter().map(Window::of).collect();
    let now = case.disruption.now;
    for (index, (budget, window)) in budgets.iter().zip(&windows).enumerate() {
        one(index, budget, window, now, lints);
    }
    let closed: Vec<DisruptionReason> =
        REASONS.into_iter().filter(|reason| !opens(*reason, &budgets, &windows, now)).collect();
    if !closed.is_empty() {
        let what = if closed.len() == REASONS.len() {
            "its budgets let no node go at any time, for any reason".to_owned()
        } else {
            let names: Vec<String> = closed.iter().map(|reason| format!("{reason:?}")).collect();
            format!("its budgets let no node go at any time for the reason {}", names.join(" or "))
        };
        let right = "allow at least one node, or limit the budget to a schedule";
        lints.push(Lint::new(Severity::Warning, "budget-zero", FIELD, what, right));
    }
}

fn one(index: usize, budget: &Budget, window: &Window, now: Timestamp, lints: &mut Vec<Lint>) {
    let at = |field: &str| format!("{FIELD}[{index}].{field}");
    let mut warn = |field: &str, what: String, right: &str| {
        lints.push(Lint::new(Severity::Warning, "budget-problem", at(field), what, right));
    };
    if let Err(error) = budget.nodes().parse::<BudgetOverride>() {
        warn("nodes", format!("{error}; it counts as 0"), "write a number or a percentage");
    }
    match window {
        Window::Always => {}
        Window::Broken(problem) => {
            let right = "give schedule and duration together, such as 0 9 * * mon-fri and 8h";
            warn("schedule", format!("{problem}: it counts as 0, at all times"), right);
        }
        Window::Never => {
            let what = "it never counts: its schedule has no duration".to_owned();
            warn("duration", what, "say how long it counts after each hit of the schedule, such as 8h");
        }
        Window::AfterHits { .. } => {
            let state = window.at(now);
            if state.note.is_some() {
                let what = "its schedule never fires; it counts at all times".to_owned();
                warn("schedule", what, "name a day that exists");
            } else if state.active && state.changes.is_none() {
                let what = "its window never ends: the next one begins before".to_owned();
                lints.push(Lint::new(
                    Severity::Note,
                    "budget-always",
                    at("duration"),
                    what,
                    "leave schedule and duration out if it is meant to count always",
                ));
            }
        }
    }
}

/// Whether there is a time at which no budget for this reason says zero.
fn opens(reason: DisruptionReason, budgets: &[Budget], windows: &[Window], now: Timestamp) -> bool {
    let says_zero =
        |budget: &Budget| budget.nodes().parse::<BudgetOverride>().is_ok_and(|one| one.of(1) == 0);
    let closing: Vec<&Window> = budgets
        .iter()
        .zip(windows)
        .filter(|(budget, window)| {
            let concerned = budget.reasons.as_ref().is_none_or(|reasons| reasons.contains(&reason));
            let unreadable = budget.nodes().parse::<BudgetOverride>().is_err();
            concerned && (says_zero(budget) || unreadable || window.problem().is_some())
        })
        .map(|(_, window)| window)
        .collect();
    let mut moment = now;
    for _ in 0..MOST_WINDOWS {
        let Some(state) = closing.iter().map(|window| window.at(moment)).find(|state| state.active) else {
            return true;
        };
        match state.changes {
            Some(end) if end > moment => moment = end,
            Some(_) | None => return false,
        }
    }
    false
}
