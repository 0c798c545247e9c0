//! Parts that run in the background.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::mirror::State;
use crate::part::Part;
use crate::shell::{Driver, DriverOptions};

/// Parts that run against an API server, wherever it is, until this is dropped.
pub struct Running {
    task: JoinHandle<()>,
    state: Arc<Mutex<State>>,
    signals: Arc<Signals>,
}

/// What can be seen of running parts, and goes on to be there when they have ended. Clones see the same.
#[derive(Clone)]
pub struct View {
    state: Arc<Mutex<State>>,
    signals: Arc<Signals>,
}

impl View {
    /// Asks the mirrored state a question.
    pub fn ask<T>(&self, question: impl FnOnce(&State) -> T) -> T {
        // a change is taken in whole or not at all, so a poisoned state is still one
        question(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether everything that the parts must see has been listed.
    pub fn is_filled(&self) -> bool {
        self.signals.filled.load(Ordering::Acquire)
    }
}

/// What the parts are told from outside, and say to it.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    ending: AtomicBool,
    woken: Notify,
    filled: AtomicBool,
}

impl Signals {
    /// Whether the end was asked for.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Waits until the end is asked for.
    pub(crate) async fn ending(&self) {
        while !self.is_ending() {
            self.woken.notified().await;
        }
    }

    /// The state is complete.
    pub(crate) fn fill(&self) {
        self.filled.store(true, Ordering::Release);
    }

    fn end(&self) {
        self.ending.store(true, Ordering::Release);
        // one waits at most, and a permit is kept for it
        self.woken.notify_one();
    }
}

impl Running {
    /// Starts parts. With one request at a time the whole is repeatable; over a network more are faster. To be called within
    /// a tokio runtime.
    pub fn start(options: DriverOptions, parts: Vec<Box<dyn Part>>) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let signals = Arc::new(Signals::default());
        let driver = Driver::new(options, parts, Arc::clone(&state)).with_signals(Arc::clone(&signals));
        Self { task: tokio::spawn(driver.run()), state, signals }
    }

    /// The mirrored state.
    pub fn state(&self) -> &Arc<Mutex<State>> {
        &self.state
    }

    /// What can be seen of the parts.
    pub fn view(&self) -> View {
        View { state: Arc::clone(&self.state), signals: Arc::clone(&self.signals) }
    }

    /// Asks the mirrored state a question.
    pub fn ask<T>(&self, question: impl FnOnce(&State) -> T) -> T {
        self.view().ask(question)
    }

    /// Whether everything that the parts must see has been listed.
    pub fn is_filled(&self) -> bool {
        self.view().is_filled()
    }

    /// Ends the parts in order: requests under way are answered, what the outside was asked for is waited for, for ten seconds
    /// at most, and written down; nothing new is asked of it.
    pub async fn end(mut self) {
        self.signals.end();
        self.ended().await;
    }

    /// Waits until the parts have ended, which they do only if the watches cannot go on.
    pub async fn ended(&mut self) {
        // a task that is aborted has ended too
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
