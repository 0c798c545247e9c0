//! What can be wrong with a file.

use std::fmt;

use thiserror::Error;

/// A file with more problems than this is not read further.
const MOST: usize = 50;

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// Line, from 1 on.
    pub line: usize,
    /// Field or column; empty if it is about the line.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

/// What is wrong with a file, in order of lines, at most fifty problems.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct FileProblems {
    /// The file.
    pub file: String,
    /// At least one.
    pub problems: Vec<FileProblem>,
}

impl fmt::Display for FileProblems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, each) in self.problems.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            let field = if each.field.is_empty() { String::new() } else { format!(" {}:", each.field) };
            let (line, problem, expected) = (each.line, &each.problem, &each.expected);
            write!(out, "{end}{}:{line}:{field} {problem}; expected {expected}", self.file)?;
        }
        Ok(())
    }
}

impl FileProblems {
    /// No problems yet.
    pub(super) fn of(file: &str) -> FileProblems {
        FileProblems { file: file.to_owned(), problems: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MOST
    }

    /// Notes a problem, shortened if it quotes much.
    pub(super) fn note(&mut self, line: usize, field: &str, problem: impl Into<String>, expected: &str) {
        if self.is_full() {
            return;
        }
        let shorten = |text: &str| -> String {
            let mut short: String = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
            if short.len() < text.len() {
                short.push('…');
            }
            short
        };
        self.problems.push(FileProblem {
            line,
            field: shorten(field),
            problem: shorten(&problem.into()),
            expected: expected.to_owned(),
        });
    }

    /// The problems, or what was read if there are none.
    pub(super) fn or<T>(self, read: T) -> Result<T, FileProblems> {
        if self.is_empty() { Ok(read) } else { Err(self) }
    }
}
