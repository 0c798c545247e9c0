//! The end of a meter, in order: what went on since the last look is looked at once more and written down.
//!
//! ```text
//! Metering::end ──wanted──> World (Order::AwaitEnd) ──> Meter: last look, last entry
//!       ^                                                        │
//!       └──────────────────────── done <──────── World (Order::Close)
//! ```

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use supercargo_clock::Time;
use supercargo_reconcile::Running;
use tokio::sync::watch;

/// What a meter and whoever ends it tell each other.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    wanted: Arc<watch::Sender<bool>>,
    done: Arc<watch::Sender<bool>>,
}

impl Ending {
    pub fn new() -> Self {
        let signal = || Arc::new(watch::channel(false).0);
        Self { wanted: signal(), done: signal() }
    }

    /// Waits until the end is wanted.
    pub async fn wanted(&self) {
        heard(&self.wanted).await;
    }

    /// Everything is written down, or cannot be.
    pub fn close(&self) {
        self.done.send_replace(true);
    }
}

/// Waits for a signal.
async fn heard(signal: &watch::Sender<bool>) {
    if signal.subscribe().wait_for(|said| *said).await.is_err() {
        // it lives as long as whoever asks
        pending::<()>().await;
    }
}

/// A meter at work, until this is dropped or ended.
pub struct Metering {
    pub(crate) running: Running,
    pub(crate) ending: Ending,
    pub(crate) time: Time,
    pub(crate) patience: Duration,
    pub(crate) is_kept: bool,
}

impl Metering {
    /// Ends it in order: what went on until now is written down, if anything is. Kubelets and the disk together are waited for
    /// as long as one of them is at other times.
    pub async fn end(self) {
        // what is kept nowhere, and what never began, has nothing to write down
        if !self.is_kept || !self.running.is_filled() {
            return;
        }
        self.ending.wanted.send_replace(true);
        let Metering { mut running, ending, time, patience, .. } = self;
        tokio::select! {
            biased;
            () = heard(&ending.done) => {}
            () = running.ended() => {}
            () = time.sleep(patience) => tracing::warn!("ending: the last costs are not written down: nobody answered in time"),
        }
        // what it asked for is answered, and the books are let go of
        running.end().await;
    }
}
