//! One finding.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// No node can be launched, or none goes, until it is right.
    Error,
    /// It works, and it will hurt.
    Warning,
    /// Fine if it is meant.
    Note,
}

/// Something unwise about a NodePool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lint {
    /// How bad it is.
    pub severity: Severity,
    /// Its name in kebab case, the same for every NodePool that has it.
    pub code: &'static str,
    /// Where in the manifest: `spec.disruption.budgets[0].schedule`.
    pub field: String,
    /// What is wrong, without a full stop.
    pub what: String,
    /// What would be right, without a full stop.
    pub right: String,
}

impl Lint {
    pub(super) fn new(
        severity: Severity,
        code: &'static str,
        field: impl Into<String>,
        what: impl Into<String>,
        right: impl Into<String>,
    ) -> Lint {
        Lint { severity, code, field: field.into(), what: what.into(), right: right.into() }
    }
}
