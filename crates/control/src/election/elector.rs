//! Keeps the lease on an API server.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, PostParams, WatchParams};
use supercargo_clock::{Clock, Randomness, Time};

use super::candidate::{Candidate, ElectionOptions, Move};

/// A replica that wants to lead.
///
/// ```text
/// acquire ──leads──> hold ──(lost)──> stop working, acquire again or end
///                      └──(asked to end)──> stop working, then release
/// ```
pub struct Elector {
    leases: Api<Lease>,
    time: Time,
    candidate: Candidate,
    randomness: Randomness,
    /// The lease as it was last seen.
    lease: Option<Lease>,
    /// When it was last written by us: before the request was sent, so that nobody can count from earlier.
    renewed: Duration,
}

impl Elector {
    /// A replica that does not lead yet. The seed decides how candidates get out of each other's way.
    pub fn new(client: Client, time: Time, options: ElectionOptions, seed: u64) -> Self {
        let leases = Api::namespaced(client, &options.namespace);
        let renewed = time.elapsed();
        let candidate = Candidate::new(options);
        Self { leases, time, candidate, randomness: Randomness::from_seed(seed), lease: None, renewed }
    }

    /// Waits until this replica leads.
    pub async fn acquire(&mut self) {
        let mut answering = true;
        loop {
            match self.attempt().await {
                Ok(true) => return,
                Ok(false) => answering = true,
                Err(error) => {
                    if answering {
                        tracing::warn!(%error, "the lease cannot be asked for");
                    }
                    answering = false;
                }
            }
            self.wait().await;
        }
    }

    /// Keeps the lease for as long as it can; returns when this replica leads no more. Whoever called must then stop working at
    /// once: others may begin five seconds later.
    pub async fn hold(&mut self) {
        let options = self.candidate.options().clone();
        loop {
            let deadline = self.renewed.saturating_add(options.renew_deadline);
            let time = self.time.clone();
            let expired = time.sleep(deadline.saturating_sub(time.elapsed()));
            tokio::select! {
                biased;
                kept = self.renew(options.retry_period) => if !kept {
                    tracing::error!(lease = options.name, "another replica leads");
                    return;
                },
                () = expired => {
                    tracing::error!(lease = options.name, "the lease could not be renewed in time");
                    return;
                }
            }
        }
    }

    /// Gives the lease back, so that another replica takes over at once. All work must have ended before.
    pub async fn release(self) {
        let Some(free) = self.lease.as_ref().and_then(|lease| self.candidate.release(lease, self.time.now()))
        else {
            return;
        };
        if let Err(error) =
            self.leases.replace(&self.candidate.options().name, &PostParams::default(), &free).await
        {
            tracing::warn!(%error, "the lease could not be given back; another replica takes over when it is over");
        }
    }

    /// Renews the lease after a while; tries again for as long as the API server does not answer. Returns whether it is kept.
    async fn renew(&mut self, period: Duration) -> bool {
        self.time.sleep(period).await;
        loop {
            match self.attempt().await {
                Ok(kept) => return kept,
                Err(error) => tracing::warn!(%error, "the lease is not renewed yet"),
            }
            self.time.sleep(period).await;
        }
    }

    /// Asks for the lease once, or renews it. Returns whether it is ours.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let name = self.candidate.options().name.clone();
        if self.lease.is_none() || self.candidate.free_at().is_some() {
            self.lease = self.leases.get_opt(&name).await?;
        }
        let started = self.time.elapsed();
        let step = self.candidate.decide(self.lease.as_ref(), self.time.now(), started);
        let answer = match step {
            Move::Wait => return Ok(false),
            Move::Create(lease) => self.leases.create(&PostParams::default(), &lease).await,
            Move::Replace(lease) => self.leases.replace(&name, &PostParams::default(), &lease).await,
        };
        match answer {
            Ok(written) => {
                self.candidate.decide(Some(&written), self.time.now(), started);
                self.lease = Some(written);
                self.renewed = started;
                Ok(true)
            }
            Err(error) => {
                // somebody else may have written; what is there must be read again
                self.lease = None;
                match &error {
                    kube::Error::Api(status) if status.code == 409 || status.code == 404 => {
                        self.reread(&name).await
                    }
                    _ => Err(error),
                }
            }
        }
    }

    /// Reads the lease again after somebody else wrote it; says whether it is ours nevertheless.
    async fn reread(&mut self, name: &str) -> Result<bool, kube::Error> {
        self.lease = self.leases.get_opt(name).await?;
        let holder = self.lease.as_ref().and_then(|lease| lease.spec.as_ref()?.holder_identity.as_deref());
        if holder == Some(self.candidate.options().identity.as_str()) {
            return Err(kube::Error::Api(Box::new(kube::core::Status::failure(
                "the lease was touched",
                "Conflict",
            ))));
        }
        let (now, elapsed) = (self.time.now(), self.time.elapsed());
        self.candidate.decide(self.lease.as_ref(), now, elapsed);
        Ok(false)
    }

    /// Waits until it is worth asking again: the lease changed, is over, or a while has passed.
    async fn wait(&mut self) {
        // up to 1.2 periods more, as client-go has it, so that candidates do not ask in step
        let period = self.candidate.options().retry_period;
        let period = period.mul_f64(1.0 + 1.2 * self.randomness.f64());
        let mut until = self.time.elapsed().saturating_add(period);
        if let Some(free) = self.candidate.free_at() {
            until = until.min(free.max(self.time.elapsed()));
        }
        let time = self.time.clone();
        let over = time.sleep(until.saturating_sub(time.elapsed()));
        tokio::select! {
            biased;
            () = self.changed() => {}
            () = over => {}
        }
    }

    /// Waits until the lease is another than the one last seen. Where it cannot be watched that never happens.
    async fn changed(&self) {
        let version = self.lease.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        if let Some(version) = version {
            let only = format!("metadata.name={}", self.candidate.options().name);
            let parameters = WatchParams::default().fields(&only).timeout(60);
            if let Ok(stream) = self.leases.watch(&parameters, &version).await {
                let mut stream = std::pin::pin!(stream);
                while let Some(Ok(event)) = stream.next().await {
                    use kube::core::WatchEvent::{Added, Deleted, Modified};
                    if matches!(event, Added(_) | Modified(_) | Deleted(_)) {
                        return;
                    }
                }
            }
        }
        std::future::pending::<()>().await;
    }
}
