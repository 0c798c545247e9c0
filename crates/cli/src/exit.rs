//! How a command ends: three exit codes, and the message of the worst.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything asked for was found or placed.
    Success,
    /// 1: an answer was given, and it is that not everything can be.
    Incomplete,
    /// 2: the input or the arguments are wrong; there is no answer.
    BadInput,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        match exit {
            Exit::Success => ExitCode::SUCCESS,
            Exit::Incomplete => ExitCode::from(1),
            Exit::BadInput => ExitCode::from(2),
        }
    }
}

/// Why there is no answer: what was wrong and, where known, what would be right. It ends the command with
/// [`Exit::BadInput`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Failure {
    /// What was wrong, lower case, without a full stop; a line for each problem if there are several.
    pub problem: String,
    /// What to do about it; may have several lines.
    pub help: Option<String>,
}

impl Failure {
    /// A failure without advice.
    pub fn new(problem: impl Into<String>) -> Failure {
        Failure { problem: problem.into(), help: None }
    }

    /// The same with advice.
    pub fn with_help(self, help: impl Into<String>) -> Failure {
        Failure { help: Some(help.into()), ..self }
    }
}
