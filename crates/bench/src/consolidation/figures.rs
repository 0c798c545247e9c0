//! Rows of figures, as they are kept.

use serde::Serialize;

use crate::goals::Goal;

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// How much it was.
    pub value: f64,
    /// `ms`, `%`, `nodes`, `$/h`.
    pub unit: &'static str,
}

impl Figure {
    /// A figure.
    pub fn new(name: &'static str, value: f64, unit: &'static str) -> Figure {
        Figure { name, value, unit }
    }
}

/// One measured piece of work.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FigureRow {
    /// What was done.
    pub work: &'static str,
    /// To what.
    pub variant: String,
    /// What it took and what came of it.
    pub figures: Vec<Figure>,
    /// What was broken: nothing, or the engine is wrong.
    pub violations: Vec<String>,
    /// What was promised.
    pub goals: Vec<Goal>,
}
