//! Where words go: data to stdout, everything else to stderr.
//!
//! A reader that has seen enough (`| head`) is no error: writing stops, the exit code stays what it would have been.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use crate::exit::Failure;

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams of the program.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    stdout_colors: bool,
    stderr_colors: bool,
    quiet: bool,
    progress: bool,
}

impl Console {
    /// The console of this process. Progress is shown on a terminal, elsewhere only if it is asked for.
    pub fn new(choice: ColorChoice, quiet: bool, progress: bool) -> Console {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        let colors = |is_terminal: bool| match choice {
            ColorChoice::Auto => wanted && is_terminal,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Console {
            stdout_colors: colors(io::stdout().is_terminal()),
            stderr_colors: colors(io::stderr().is_terminal()),
            quiet,
            progress: !quiet && (progress || io::stderr().is_terminal()),
        }
    }

    /// Whether to say on stderr what takes long.
    pub fn shows_progress(&self) -> bool {
        self.progress
    }

    /// How text on stdout is painted.
    pub fn paint(&self) -> Paint {
        Paint { colors: self.stdout_colors }
    }

    /// How text on stderr is painted.
    pub fn error_paint(&self) -> Paint {
        Paint { colors: self.stderr_colors }
    }

    /// Writes data to stdout, as it is.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("standard output cannot be written: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Writes a remark to stderr, unless told to be quiet.
    pub fn note(&self, text: impl fmt::Display) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// Writes to stderr whatever was asked.
    pub fn error(&self, text: impl fmt::Display) {
        // there is nowhere left to say that stderr is gone
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Writes a failure and its advice to stderr.
    pub fn failure(&self, failure: &Failure) {
        let paint = self.error_paint();
        for line in failure.problem.lines() {
            self.error(format_args!("{} {}", paint.problem("error:"), printable(line)));
        }
        for line in failure.help.iter().flat_map(|help| help.lines()) {
            self.error(format_args!("  {} {}", paint.faint("help:"), printable(line)));
        }
    }
}

/// The few styles there are. Without colours all text is plain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paint {
    colors: bool,
}

impl Paint {
    /// With or without colours.
    pub const fn new(colors: bool) -> Paint {
        Paint { colors }
    }

    /// Whether there are colours.
    pub const fn has_colors(self) -> bool {
        self.colors
    }

    /// A headline.
    pub fn strong(self, text: impl fmt::Display) -> String {
        self.wrap("1", text)
    }

    /// What is less important.
    pub fn faint(self, text: impl fmt::Display) -> String {
        self.wrap("2", text)
    }

    /// What is wrong.
    pub fn problem(self, text: impl fmt::Display) -> String {
        self.wrap("1;31", text)
    }

    /// What deserves attention.
    pub fn warning(self, text: impl fmt::Display) -> String {
        self.wrap("1;33", text)
    }

    fn wrap(self, code: &str, text: impl fmt::Display) -> String {
        if self.colors { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

/// The text with control characters made visible: names in the input must not drive the terminal.
pub fn printable(text: &str) -> String {
    if !text.contains(|letter: char| letter.is_control() && letter != '\n') {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && letter != '\n' {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(printable("a\u{1b}[31mb\u{7}\nc"), "a\\u{1b}[31mb\\u{7}\nc");
        assert_eq!(printable("plain ümlaut"), "plain ümlaut");
    }

    #[test]
    fn without_colours_paint_leaves_text_alone() {
        assert_eq!(Paint::new(false).problem("x"), "x");
        assert_eq!(Paint::new(true).problem("x"), "\u{1b}[1;31mx\u{1b}[0m");
    }
}
