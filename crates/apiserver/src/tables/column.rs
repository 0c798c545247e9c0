//! Columns.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::custom::Definition;

/// What a cell shows of an object, at a time.
pub(crate) type Cell = fn(&Value, Timestamp) -> Value;

/// A column of a builtin kind: heading, type (`name` is a string that is the name), priority, cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub heading: &'static str,
    pub kind: &'static str,
    pub is_wide: bool,
    pub cell: Cell,
}

/// A column that is always shown.
pub(super) const fn col(heading: &'static str, kind: &'static str, cell: Cell) -> Column {
    Column { heading, kind, is_wide: false, cell }
}

/// A column that is shown with `-o wide`.
pub(super) const fn wide(heading: &'static str, kind: &'static str, cell: Cell) -> Column {
    Column { heading, kind, is_wide: true, cell }
}

/// The columns of a kind.
#[derive(Debug, Clone)]
pub(crate) enum Columns {
    /// Of a builtin kind.
    Builtin(&'static [Column]),
    /// Of a custom kind, in a version.
    Custom(Arc<Definition>, String),
}
