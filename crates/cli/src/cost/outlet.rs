//! Where an answer goes: standard output, or a file.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use super::arguments::{Arguments, Format};
use crate::exit::Failure;

/// Standard output, or a file. A reader of standard output that has seen enough is no error.
pub struct Outlet {
    to: Box<dyn Write + Send>,
    path: Option<PathBuf>,
    gone: bool,
}

impl Outlet {
    /// What the arguments name. A terminal gets no binary data.
    pub fn open(arguments: &Arguments) -> Result<Outlet, Failure> {
        let to: Box<dyn Write + Send> = match &arguments.out {
            Some(path) => Box::new(io::BufWriter::new(
                File::create(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?,
            )),
            None if arguments.output == Format::Parquet && io::stdout().is_terminal() => {
                let problem = "a parquet file is nothing for a terminal";
                return Err(Failure::new(problem).with_help("give --out FILE"));
            }
            None => Box::new(io::BufWriter::new(io::stdout())),
        };
        Ok(Outlet { to, path: arguments.out.clone(), gone: false })
    }

    /// Writes the rest.
    pub fn close(mut self) -> Result<(), Failure> {
        let ended = self.flush();
        ended.map_err(|error| self.failure(&error))
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.write_all(text.as_bytes());
        written.map_err(|error| self.failure(&error))
    }

    /// A failure that says what cannot be written.
    pub fn failure(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::new(match &self.path {
            Some(path) => format!("{}: {error}", path.display()),
            None => format!("standard output cannot be written: {error}"),
        })
    }

    fn unless_gone<T>(&mut self, done: io::Result<T>, instead: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.path.is_none() => {
                self.gone = true;
                Ok(instead)
            }
            done => done,
        }
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        let written = self.to.write(bytes);
        self.unless_gone(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gone {
            return Ok(());
        }
        let flushed = self.to.flush();
        self.unless_gone(flushed, ())
    }
}

/// Writes a whole answer.
pub fn deliver(arguments: &Arguments, text: &str) -> Result<(), Failure> {
    let mut outlet = Outlet::open(arguments)?;
    outlet.text(text)?;
    outlet.close()
}
