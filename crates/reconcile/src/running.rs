//! Parts that run in the background.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use crate::mirror::State;
use crate::part::Part;
use crate::shell::{Driver, DriverOptions};

/// Parts that run against an API server, wherever it is, until this is dropped.
pub struct Running {
    task: JoinHandle<()>,
    state: Arc<Mutex<State>>,
}

impl Running {
    /// Starts parts. With one request at a time the whole is repeatable; over a network more are faster. To be called within
    /// a tokio runtime.
    pub fn start(options: DriverOptions, parts: Vec<Box<dyn Part>>) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let driver = Driver::new(options, parts, Arc::clone(&state));
        Self { task: tokio::spawn(driver.run()), state }
    }

    /// The mirrored state.
    pub fn state(&self) -> &Arc<Mutex<State>> {
        &self.state
    }

    /// Asks the mirrored state a question.
    pub fn ask<T>(&self, question: impl FnOnce(&State) -> T) -> T {
        // a change is taken in whole or not at all, so a poisoned state is still one
        question(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
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
