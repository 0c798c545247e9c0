//! What is being done, said on stderr while it takes longer than a second.
//!
//! A terminal has one line that is written over and taken away at the end; anything else gets a line now and then, and
//! only if it was asked for.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::console::{Console, printable};

/// Nothing is said about what takes less.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a terminal's line is written.
const ON_TERMINALS: Duration = Duration::from_millis(100);
/// How often anything else gets a line.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// The work of one command. Dropping it takes the line away.
#[derive(Debug, Default)]
pub struct Progress {
    teller: Option<Teller>,
}

#[derive(Debug)]
struct Teller {
    stage: Arc<Mutex<String>>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts waiting.
    pub fn new(console: &Console) -> Progress {
        if !console.shows_progress() {
            return Progress::default();
        }
        let is_terminal = io::stderr().is_terminal();
        let stage = Arc::new(Mutex::new(String::new()));
        let (stop, stopped) = mpsc::channel();
        let seen = Arc::clone(&stage);
        let tell = move || {
            let mut pause = PATIENCE;
            let mut told = false;
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(pause) {
                pause = if is_terminal { ON_TERMINALS } else { ELSEWHERE };
                let text = printable(&seen.lock().unwrap_or_else(PoisonError::into_inner));
                told |= !text.is_empty();
                say(&text, is_terminal);
            }
            if told && is_terminal {
                say("", is_terminal);
            }
        };
        // a command that cannot have a thread goes without
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(tell).ok();
        Progress { teller: Some(Teller { stage, stop, thread }) }
    }

    /// What is being done from now on.
    pub fn stage(&self, text: impl Into<String>) {
        if let Some(teller) = &self.teller {
            *teller.stage.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(teller) = &mut self.teller else { return };
        // the thread may have ended by itself
        let _ = teller.stop.send(());
        if let Some(thread) = teller.thread.take() {
            let _ = thread.join();
        }
    }
}

fn say(text: &str, is_terminal: bool) {
    let mut stderr = io::stderr().lock();
    // there is nowhere left to say that stderr is gone
    let _ = if is_terminal {
        write!(stderr, "\r\u{1b}[2K{text}").and_then(|()| stderr.flush())
    } else if text.is_empty() {
        Ok(())
    } else {
        writeln!(stderr, "{text}")
    };
}
