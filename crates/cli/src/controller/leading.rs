//! The way to the lease and back: one process works, the others wait.

use std::pin::pin;

use kube::Client;
use supercargo_clock::Time;
use supercargo_control::Controllers;
use supercargo_control::election::{ElectionOptions, Elector};
use supercargo_control::metrics::Metrics;

/// Why a process works no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was asked to end, and has ended in order.
    Asked,
    /// It stopped at once, for this reason.
    Lost(&'static str),
}

/// A process that wants to work.
pub(crate) struct Leadership<'a> {
    /// The API server that has the lease.
    pub(crate) client: Client,
    /// The time that the lease is kept in.
    pub(crate) time: Time,
    /// The lease; nothing to work without one.
    pub(crate) lease: Option<ElectionOptions>,
    /// Whether what is under way is finished before the end.
    pub(crate) in_order: bool,
    /// Where it is counted who leads.
    pub(crate) metrics: &'a Metrics,
}

impl Leadership<'_> {
    /// Waits for the lease, works for as long as it is held, and gives it back when the process is asked to end.
    pub(crate) async fn work(
        &self,
        start: impl Fn() -> Controllers,
        asked: impl Future<Output = ()>,
    ) -> Ended {
        let mut asked = pin!(asked);
        let Some(options) = self.lease.clone() else {
            let mut controllers = start();
            tokio::select! {
                biased;
                () = &mut asked => {}
                () = controllers.ended() => return Ended::Lost("the watches ended"),
            }
            self.finish(controllers).await;
            return Ended::Asked;
        };
        let name = options.name.clone();
        self.metrics.leads(&name, false);
        tracing::info!(lease = name, identity = options.identity, "waiting for the lease");
        let seed = seed_of(&options.identity);
        let mut elector = Elector::new(self.client.clone(), self.time.clone(), options, seed);
        tokio::select! {
            biased;
            () = &mut asked => return Ended::Asked,
            () = elector.acquire() => {}
        }
        self.metrics.leads(&name, true);
        tracing::info!(lease = name, "leading");
        let mut controllers = start();
        tokio::select! {
            biased;
            () = &mut asked => {}
            () = elector.hold() => {
                // others may begin soon: nothing more may be written, not even what is half done
                drop(controllers);
                self.metrics.leads(&name, false);
                return Ended::Lost("the lease was lost");
            }
            () = controllers.ended() => {
                elector.release().await;
                self.metrics.leads(&name, false);
                return Ended::Lost("the watches ended");
            }
        }
        tokio::select! {
            biased;
            () = self.finish(controllers) => {}
            () = elector.hold() => return Ended::Lost("the lease was lost"),
        }
        elector.release().await;
        self.metrics.leads(&name, false);
        Ended::Asked
    }

    async fn finish(&self, controllers: Controllers) {
        if self.in_order {
            tracing::info!("ending: what is under way is finished first");
            controllers.end().await;
        } else {
            drop(controllers);
        }
        tracing::info!("ended");
    }
}

/// A number out of a name: candidates with different names do not ask in step.
fn seed_of(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
