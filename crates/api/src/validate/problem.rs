//! A problem within one object, before its place in a file is known.

use std::fmt;

use super::path::{At, FieldPath};

/// Whether a problem stops the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input cannot be used as it is.
    Error,
    /// The input can be used, but probably does not mean what its author wanted.
    Warning,
}

/// One problem within an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The field.
    pub(crate) path: FieldPath,
    /// Whether the name of the field is wrong, not its value.
    pub(crate) on_key: bool,
    /// What is wrong.
    pub(crate) text: String,
    /// Which rule is broken.
    pub(crate) rule: Option<String>,
    /// What would be right.
    pub(crate) right: Option<String>,
    /// Whether it stops the work.
    pub(crate) severity: Severity,
}

impl Problem {
    /// A problem at a path.
    pub(crate) fn at(path: FieldPath, text: String, severity: Severity) -> Self {
        Self { path, on_key: false, text, rule: None, right: None, severity }
    }

    /// A problem with a field of the object itself.
    pub(crate) fn at_field(field: &str, text: String, severity: Severity) -> Self {
        Self::at(At::ROOT.key(field).path(), text, severity)
    }

    /// Names the rule that is broken.
    pub(crate) fn rule(&mut self, rule: impl Into<String>) -> &mut Self {
        self.rule = Some(rule.into());
        self
    }

    /// Says what would be right.
    pub(crate) fn right(&mut self, right: impl Into<String>) -> &mut Self {
        self.right = Some(right.into());
        self
    }

    /// Marks the name of the field instead of its value.
    pub(crate) fn on_key(&mut self) -> &mut Self {
        self.on_key = true;
        self
    }
}

/// More problems of one object than this are not kept: nobody reads them, and an object can have millions.
pub(crate) const MOST_PROBLEMS: usize = 1001;

/// The problems found so far in one object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// Adds a problem that stops the work.
    pub(crate) fn error(&mut self, at: &At<'_>, text: impl Into<String>) -> &mut Problem {
        self.push(at.path(), text.into(), Severity::Error)
    }

    /// Adds a problem that does not stop the work.
    pub(crate) fn warning(&mut self, at: &At<'_>, text: impl Into<String>) -> &mut Problem {
        self.push(at.path(), text.into(), Severity::Warning)
    }

    /// Adds a problem at a path. When there are enough already it takes the place of the last one.
    pub(crate) fn push(&mut self, path: FieldPath, text: String, severity: Severity) -> &mut Problem {
        if self.is_full() {
            self.0.pop();
        }
        self.0.push(Problem::at(path, text, severity));
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Whether there are so many problems that more of them mean nothing.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MOST_PROBLEMS
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}
