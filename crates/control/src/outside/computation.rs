//! Work that takes long.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use supercargo_reconcile::Answer;

/// Where computations are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Computing {
    /// At once, on the thread of the loops: repeatable.
    Inline,
    /// On a thread of their own, while the loops go on.
    Apart,
}

type Work = Box<dyn FnOnce() -> Answer + Send>;

/// Work that takes long: a plan for a big cluster. It is done once.
pub struct Computation {
    name: &'static str,
    work: Mutex<Option<Work>>,
}

impl Computation {
    /// Work under a name; what it returns is the answer.
    pub fn new<T: Send + 'static>(name: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Self {
        let work: Work = Box::new(move || Box::new(work()) as Answer);
        Self { name, work: Mutex::new(Some(work)) }
    }

    /// Does the work here and now. A second time there is nothing left to do.
    pub fn compute(&self) -> Answer {
        match self.take() {
            Some(work) => work(),
            None => Box::new(()),
        }
    }

    fn take(&self) -> Option<Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) async fn run(&self, computing: Computing) -> Answer {
        let Some(work) = self.take() else { return Box::new(()) };
        match computing {
            Computing::Inline => work(),
            // a computation that panicked has no answer
            Computing::Apart => tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Box::new(())),
        }
    }
}

impl fmt::Debug for Computation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Computation({})", self.name)
    }
}
