//! A client that does not ask more often than it may.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use supercargo_clock::{Clock, Time};
use tower::Service;

/// A client that asks so often a second in the long run, and so often at once: `KUBE_CLIENT_QPS`, `KUBE_CLIENT_BURST` (reference
/// section 5.10). A watch counts once. What comes too early waits for its turn, in the order in which it came.
pub fn limited(client: Client, time: Time, per_second: u32, at_once: u32) -> Client {
    let namespace = client.default_namespace().to_owned();
    let bucket = Bucket::new(per_second, at_once, time.elapsed());
    Client::new(Limited { client, time, bucket: Arc::new(Mutex::new(bucket)) }, namespace)
}

/// What is left of the permission to ask.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    most: f64,
    left: f64,
    at: Duration,
}

impl Bucket {
    fn new(per_second: u32, at_once: u32, now: Duration) -> Self {
        let most = f64::from(at_once.max(1));
        Self { per_second: f64::from(per_second.max(1)), most, left: most, at: now }
    }

    /// Takes one; says how long to wait for it.
    fn take(&mut self, now: Duration) -> Duration {
        let gained = now.saturating_sub(self.at).as_secs_f64() * self.per_second;
        self.at = self.at.max(now);
        self.left = (self.left + gained).min(self.most) - 1.0;
        if self.left >= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(-self.left / self.per_second)
    }
}

/// A client behind a bucket.
#[derive(Clone)]
struct Limited {
    client: Client,
    time: Time,
    bucket: Arc<Mutex<Bucket>>,
}

impl Service<Request<Body>> for Limited {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, kube::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), kube::Error>> {
        // it is the call that waits
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let wait = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(self.time.elapsed());
        let (client, time) = (self.client.clone(), self.time.clone());
        Box::pin(async move {
            time.sleep(wait).await;
            client.send(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(count: f64) -> Duration {
        Duration::from_secs_f64(count)
    }

    #[test]
    fn so_many_go_at_once_and_the_others_one_after_the_other() {
        let mut bucket = Bucket::new(10, 3, seconds(5.0));
        let waits: Vec<Duration> = (0..5).map(|_| bucket.take(seconds(5.0))).collect();
        assert_eq!(waits[..3], [Duration::ZERO; 3]);
        assert_eq!(waits[3], seconds(0.1));
        assert_eq!(waits[4], seconds(0.2));
        assert_eq!(bucket.take(seconds(5.2)), seconds(0.1));
        assert_eq!(bucket.take(seconds(60.0)), Duration::ZERO);
        assert_eq!(bucket.take(seconds(60.0)), Duration::ZERO);
        assert_eq!(bucket.take(seconds(60.0)), Duration::ZERO);
        assert_eq!(bucket.take(seconds(60.0)), seconds(0.1));
    }

    proptest! {
        #[test]
        fn no_second_has_more_than_it_may(gaps in prop::collection::vec(0_u64..400, 1..200), rate in 1_u32..50, most in 1_u32..20) {
            let mut bucket = Bucket::new(rate, most, Duration::ZERO);
            let mut now = Duration::ZERO;
            let mut sent: Vec<f64> = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                sent.push((now + bucket.take(now)).as_secs_f64());
            }
            for (first, at) in sent.iter().enumerate() {
                let within = sent[first..].iter().filter(|other| **other <= at + 1.0).count();
                prop_assert!(within as f64 <= f64::from(rate) + f64::from(most) + 1.0);
            }
        }
    }
}
