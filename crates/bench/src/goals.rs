//! What each workload promises, and whether it was kept.

use serde::Serialize;

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Relation {
    /// Less is better.
    AtMost,
    /// More is better.
    AtLeast,
}

/// A promise and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Goal {
    /// What is measured: `time`, `gap`.
    pub what: &'static str,
    /// `ms`, `%`, `pods`.
    pub unit: &'static str,
    /// Which way is good.
    pub relation: Relation,
    /// The promise.
    pub goal: f64,
    /// What it was.
    pub measured: f64,
    /// Whether the promise was kept.
    pub met: bool,
}

impl Goal {
    /// No more than so much.
    pub fn at_most(what: &'static str, unit: &'static str, goal: f64, measured: f64) -> Goal {
        Goal { what, unit, relation: Relation::AtMost, goal, measured, met: measured <= goal }
    }

    /// No less than so much.
    pub fn at_least(what: &'static str, unit: &'static str, goal: f64, measured: f64) -> Goal {
        Goal { what, unit, relation: Relation::AtLeast, goal, measured, met: measured >= goal }
    }

    /// By how much the goal was missed, in percent of the goal; nothing when it was met.
    pub fn missed_by_percent(&self) -> Option<f64> {
        (!self.met).then(|| ((self.measured / self.goal - 1.0) * 100.0).abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_know_how_far_they_were_missed() {
        assert_eq!(Goal::at_most("time", "ms", 10.0, 10.0).missed_by_percent(), None);
        assert_eq!(Goal::at_most("time", "ms", 10.0, 15.0).missed_by_percent(), Some(50.0));
        assert_eq!(Goal::at_least("placed", "pods", 100.0, 75.0).missed_by_percent(), Some(25.0));
    }
}
