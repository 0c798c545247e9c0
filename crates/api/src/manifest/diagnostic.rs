//! One problem of the input, with its place and what would be right.

use std::fmt;

use crate::labels::excerpt;
use crate::validate::Severity;

/// One problem of the input.
///
/// `Display` writes it on one line, as compilers do:
/// `pool.yaml:12:9: error: NodePool general: .spec.weight: 101 is too high; at most 100`. A long rule is cut there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The name of the file.
    pub file: String,
    /// The line in the file, from 1.
    pub line: usize,
    /// The column in the line in characters, from 1.
    pub column: usize,
    /// The object as `Kind namespace/name`, or `Kind name` outside of namespaces; nothing when it has no name yet.
    pub object: Option<String>,
    /// The path of the field within the object, as in `.spec.template.spec.requirements[2].operator`; empty when the
    /// object as a whole is meant.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// The rule that is broken: a CEL expression of the definition, or where the rule comes from.
    pub rule: Option<String>,
    /// What would be right.
    pub right: Option<String>,
    /// Whether it stops the work.
    pub severity: Severity,
}

impl Diagnostic {
    /// Whether it stops the work.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, severity, .. } = self;
        write!(formatter, "{file}:{line}:{column}: {severity}: ")?;
        if let Some(object) = &self.object {
            write!(formatter, "{object}: ")?;
        }
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.problem)?;
        if let Some(right) = &self.right {
            write!(formatter, "; {right}")?;
        }
        if let Some(rule) = &self.rule {
            write!(formatter, " ({})", excerpt(rule))?;
        }
        Ok(())
    }
}
