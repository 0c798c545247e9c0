//! What a candidate does about the lease: client-go's rules, without IO.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

/// What the names of our replicas begin with, so that they are told from Karpenter's.
pub const OWN_IDENTITY: &str = "supercargo_";

/// How a leader is chosen. The spans are those of controller-runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElectionOptions {
    /// The name of the lease.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The name of this replica, unlike that of every other.
    pub identity: String,
    /// The others wait for this long after the leader's last sign.
    pub lease_duration: Duration,
    /// A leader that has not renewed the lease for this long is none any more.
    pub renew_deadline: Duration,
    /// How often the lease is renewed, and asked for.
    pub retry_period: Duration,
}

impl ElectionOptions {
    /// 15, 10 and 2 seconds.
    pub fn new(name: impl Into<String>, namespace: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: namespace.into(),
            identity: identity.into(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// What a candidate writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// There is no lease: this one.
    Create(Box<Lease>),
    /// The lease becomes this; its resource version is the one that was seen.
    Replace(Box<Lease>),
    /// Somebody else leads.
    Wait,
}

/// A candidate: it knows how the lease looked and since when it has looked so. Clocks of others are never compared with its own.
#[derive(Clone, Debug)]
pub struct Candidate {
    options: ElectionOptions,
    seen: Option<(LeaseSpec, Duration)>,
}

impl Candidate {
    /// A candidate that has seen nothing yet.
    pub fn new(options: ElectionOptions) -> Self {
        Self { options, seen: None }
    }

    /// How it is chosen.
    pub fn options(&self) -> &ElectionOptions {
        &self.options
    }

    /// What to do about the lease as it is. `elapsed` is a time that only grows, `now` is what is written down.
    pub fn decide(&mut self, lease: Option<&Lease>, now: Timestamp, elapsed: Duration) -> Move {
        let Some(lease) = lease else {
            self.seen = None;
            return Move::Create(Box::new(self.new_lease(now)));
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == spec => *since,
            _ => elapsed,
        };
        self.seen = Some((spec.clone(), since));
        if self.is_mine(&spec) {
            let renewed = LeaseSpec { renew_time: Some(MicroTime(now)), ..self.taken(now, &spec) };
            return self.replace(lease, renewed);
        }
        let is_held = spec.holder_identity.as_deref().is_some_and(|holder| !holder.is_empty());
        if is_held && elapsed < since.saturating_add(duration_of(&spec, &self.options)) {
            return Move::Wait;
        }
        let taken = LeaseSpec {
            acquire_time: Some(MicroTime(now)),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(spec.lease_transitions.unwrap_or(0).saturating_add(1)),
            ..self.taken(now, &spec)
        };
        self.replace(lease, taken)
    }

    /// When the lease of somebody else is over, if nobody renews it: a point of the time that only grows.
    pub fn free_at(&self) -> Option<Duration> {
        let (spec, since) = self.seen.as_ref()?;
        (!self.is_mine(spec)).then(|| since.saturating_add(duration_of(spec, &self.options)))
    }

    /// The lease as a leader leaves it that ends: free at once. Nothing if it is not its own.
    pub fn release(&self, lease: &Lease, now: Timestamp) -> Option<Lease> {
        let spec = lease.spec.clone().filter(|spec| self.is_mine(spec))?;
        let free = LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            acquire_time: Some(MicroTime(now)),
            renew_time: Some(MicroTime(now)),
            ..spec
        };
        Some(Lease { metadata: lease.metadata.clone(), spec: Some(free) })
    }

    fn is_mine(&self, spec: &LeaseSpec) -> bool {
        spec.holder_identity.as_deref() == Some(self.options.identity.as_str())
    }

    /// A lease of our own, as it comes out of the one that was there.
    fn taken(&self, now: Timestamp, before: &LeaseSpec) -> LeaseSpec {
        let seconds = i32::try_from(self.options.lease_duration.as_secs()).unwrap_or(i32::MAX).max(1);
        LeaseSpec {
            holder_identity: Some(self.options.identity.clone()),
            lease_duration_seconds: Some(seconds),
            acquire_time: before.acquire_time.clone().or(Some(MicroTime(now))),
            ..before.clone()
        }
    }

    fn replace(&self, lease: &Lease, spec: LeaseSpec) -> Move {
        Move::Replace(Box::new(Lease { metadata: lease.metadata.clone(), spec: Some(spec) }))
    }

    fn new_lease(&self, now: Timestamp) -> Lease {
        let metadata = ObjectMeta {
            name: Some(self.options.name.clone()),
            namespace: Some(self.options.namespace.clone()),
            ..ObjectMeta::default()
        };
        let spec = LeaseSpec {
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(0),
            ..self.taken(now, &LeaseSpec::default())
        };
        Lease { metadata, spec: Some(spec) }
    }
}

/// How long a lease holds after its last sign: what its holder wrote, or what we would.
fn duration_of(spec: &LeaseSpec, options: &ElectionOptions) -> Duration {
    let written = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    written.map_or(options.lease_duration, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(identity: &str) -> Candidate {
        Candidate::new(ElectionOptions::new("lease", "kube-system", identity))
    }

    fn now(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn written(step: Move) -> Lease {
        match step {
            Move::Create(lease) | Move::Replace(lease) => *lease,
            Move::Wait => panic!("it waits"),
        }
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn the_first_takes_the_lease_and_renews_it() {
        let mut first = candidate("a");
        let lease = written(first.decide(None, now(0), seconds(0)));
        let spec = lease.spec.clone().unwrap();
        assert_eq!(spec.holder_identity.as_deref(), Some("a"));
        assert_eq!((spec.lease_duration_seconds, spec.lease_transitions), (Some(15), Some(0)));
        let renewed = written(first.decide(Some(&lease), now(2), seconds(2))).spec.unwrap();
        assert_eq!(renewed.acquire_time, spec.acquire_time);
        assert_eq!(renewed.renew_time, Some(MicroTime(now(2))));
        assert_eq!(renewed.lease_transitions, Some(0));
    }

    #[test]
    fn another_waits_until_there_was_no_sign_for_as_long_as_the_lease_says_whatever_its_clock_shows() {
        let lease = written(candidate("a").decide(None, now(0), seconds(0)));
        let mut second = candidate("b");
        // its clock is a day ahead
        assert_eq!(second.decide(Some(&lease), now(86_400), seconds(100)), Move::Wait);
        assert_eq!(second.free_at(), Some(seconds(115)));
        assert_eq!(second.decide(Some(&lease), now(86_414), seconds(114)), Move::Wait);
        let taken = written(second.decide(Some(&lease), now(86_415), seconds(115))).spec.unwrap();
        assert_eq!(taken.holder_identity.as_deref(), Some("b"));
        assert_eq!(taken.lease_transitions, Some(1));
        assert_eq!(taken.acquire_time, Some(MicroTime(now(86_415))));
    }

    #[test]
    fn a_sign_of_the_leader_starts_the_wait_anew() {
        let mut first = candidate("a");
        let mut second = candidate("b");
        let lease = written(first.decide(None, now(0), seconds(0)));
        assert_eq!(second.decide(Some(&lease), now(0), seconds(0)), Move::Wait);
        let renewed = written(first.decide(Some(&lease), now(10), seconds(10)));
        assert_eq!(second.decide(Some(&renewed), now(14), seconds(14)), Move::Wait);
        assert_eq!(second.free_at(), Some(seconds(29)));
    }

    #[test]
    fn a_lease_that_was_given_back_is_taken_at_once() {
        let mut first = candidate("a");
        let lease = written(first.decide(None, now(0), seconds(0)));
        let free = first.release(&lease, now(5)).unwrap();
        assert!(candidate("b").release(&lease, now(5)).is_none());
        let taken = written(candidate("b").decide(Some(&free), now(5), seconds(50))).spec.unwrap();
        assert_eq!((taken.holder_identity.as_deref(), taken.lease_duration_seconds), (Some("b"), Some(15)));
    }

    #[test]
    fn a_lease_without_content_is_free() {
        let lease = Lease::default();
        assert!(matches!(candidate("a").decide(Some(&lease), now(0), seconds(0)), Move::Replace(_)));
    }
}
