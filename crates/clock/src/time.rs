//! Time that can be waited for, on tokio's timers.
//!
//! ```text
//! real     the system's clock                          sleep(1 s) takes a second
//! paced    start + (time since the make) x speed       sleep(1 s) takes 1/speed of a second
//! paused   start + (tokio's own time since the make)   sleep(1 s) takes none, once every task waits
//! ```
//!
//! Of each there is one that can be corrected, for who has to agree with a clock elsewhere.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::real::RealClock;

/// The longest single wait. Tokio refuses timers that lie too far ahead, and the system's clock may be set meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// A clock that can be waited for. Clones share it.
///
/// Paced and paused time are bound to the tokio runtime they were made in: make and use them there.
#[derive(Clone)]
pub struct Time {
    source: Arc<Source>,
    /// By how many seconds the source is ahead of what is to be shown.
    ahead: Option<Arc<AtomicI64>>,
}

enum Source {
    Real(RealClock),
    /// `speed` is 1 for paused time: tokio itself leaps from timer to timer.
    Scaled {
        start: Timestamp,
        origin: Instant,
        speed: f64,
        paused: bool,
    },
}

impl Time {
    /// The system's time.
    pub fn real() -> Self {
        Self::of(Source::Real(RealClock::new()))
    }

    /// Time that starts at `start` and passes `speed` times as fast as the system's. A speed that is not a positive
    /// number counts as 1.
    pub fn paced(speed: f64, start: Timestamp) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self::of(Source::Scaled { start, origin: Instant::now(), speed, paused: false })
    }

    /// Time that starts at `start` and follows tokio's own, for a runtime of one thread whose time is paused: it leaps to
    /// the next timer whenever every task waits. To be called inside that runtime.
    pub fn paused(start: Timestamp) -> Self {
        Self::of(Source::Scaled { start, origin: Instant::now(), speed: 1.0, paused: true })
    }

    fn of(source: Source) -> Self {
        Self { source: Arc::new(source), ahead: None }
    }

    /// The same time, of which it can be said later that it is wrong. Clones of it are corrected together, this one is not.
    pub fn correctable(&self) -> Self {
        Self { source: Arc::clone(&self.source), ahead: Some(Arc::new(AtomicI64::new(self.correction()))) }
    }

    /// Whether it can be said to be wrong.
    pub fn is_correctable(&self) -> bool {
        self.ahead.is_some()
    }

    /// From now on its date is taken to be ahead of the right one by so many seconds, or behind it. Durations stay what they
    /// are. Of a time that cannot be corrected it does nothing.
    pub fn correct(&self, ahead: i64) {
        if let Some(known) = &self.ahead {
            known.store(ahead, Ordering::Relaxed);
        }
    }

    /// By how many seconds the clock below is taken to be ahead.
    pub fn correction(&self) -> i64 {
        self.ahead.as_ref().map_or(0, |ahead| ahead.load(Ordering::Relaxed))
    }

    /// How many of its seconds pass in a second of the system's time; paused time has no such figure and says 1.
    pub fn speed(&self) -> f64 {
        match &*self.source {
            Source::Real(_) => 1.0,
            Source::Scaled { speed, .. } => *speed,
        }
    }

    /// Waits for this long, in its own seconds.
    pub async fn sleep(&self, duration: Duration) {
        let end = self.elapsed().saturating_add(duration);
        loop {
            let left = end.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(self.outside(left)).await;
        }
    }

    /// Waits until it is this late; not at all if it is already.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        loop {
            // a span into the past has no unsigned duration
            let left = Duration::try_from(deadline.duration_since(self.now())).unwrap_or(Duration::ZERO);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(self.outside(left)).await;
        }
    }

    /// How long a span is for tokio's timers, rounded up to a step they have.
    fn outside(&self, span: Duration) -> Duration {
        let seconds = span.min(LONGEST_WAIT.mul_f64(self.speed().max(1.0))).as_secs_f64() / self.speed();
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        wait.max(Duration::from_micros(1))
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        let now = match &*self.source {
            Source::Real(clock) => clock.now(),
            Source::Scaled { start, .. } => start.checked_add(self.elapsed()).unwrap_or(Timestamp::MAX),
        };
        match self.correction() {
            0 => now,
            ahead => now.checked_sub(SignedDuration::from_secs(ahead)).unwrap_or(now),
        }
    }

    fn elapsed(&self) -> Duration {
        match &*self.source {
            Source::Real(clock) => clock.elapsed(),
            Source::Scaled { origin, paused: true, .. } => origin.elapsed(),
            Source::Scaled { origin, speed, .. } => {
                let seconds = origin.elapsed().as_secs_f64() * speed;
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &*self.source {
            Source::Real(_) => "real",
            Source::Scaled { paused: true, .. } => "paused",
            Source::Scaled { .. } => "paced",
        };
        out.debug_struct("Time").field("kind", &kind).field("speed", &self.speed()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn paused_time_leaps_to_the_next_timer() {
        let time = Time::paused(start());
        let (slow, fast) = (time.clone(), time.clone());
        let slow = tokio::spawn(async move {
            slow.sleep(Duration::from_secs(86_400)).await;
            slow.now()
        });
        let fast = tokio::spawn(async move {
            fast.sleep_until(start() + Duration::from_secs(5)).await;
            fast.now()
        });
        assert_eq!(fast.await.unwrap(), start() + Duration::from_secs(5));
        assert_eq!(slow.await.unwrap(), start() + Duration::from_secs(86_400));
        assert_eq!(time.elapsed(), Duration::from_secs(86_400));
    }

    #[tokio::test(start_paused = true)]
    async fn paced_time_passes_faster_than_the_time_below_it() {
        let time = Time::paced(100.0, start());
        time.sleep(Duration::from_secs(100)).await;
        assert!(time.now() >= start() + Duration::from_secs(100));
        // tokio's timers have steps of a millisecond, which are 100 of ours
        assert!(time.now() <= start() + Duration::from_millis(100_200), "{}", time.now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_has_passed_is_not_waited_for() {
        let time = Time::paused(start());
        time.sleep_until(start() - Duration::from_secs(1)).await;
        time.sleep(Duration::ZERO).await;
        assert_eq!(time.now(), start());
    }

    #[tokio::test(start_paused = true)]
    async fn who_hears_that_a_clock_is_wrong_has_the_right_date_and_waits_until_then() {
        let wrong = Time::paused(start() + Duration::from_secs(47));
        let right = wrong.correctable();
        let clone = right.clone();
        right.correct(47);
        assert_eq!((wrong.now(), clone.now()), (start() + Duration::from_secs(47), start()));
        clone.sleep_until(start() + Duration::from_secs(60)).await;
        assert_eq!(
            (clone.now(), clone.elapsed()),
            (start() + Duration::from_secs(60), Duration::from_secs(60))
        );
        wrong.correct(5);
        assert_eq!((wrong.correction(), wrong.is_correctable(), right.correction()), (0, false, 47));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_longer_than_a_timer_may_be_end_in_time() {
        let time = Time::paused(start());
        time.sleep(Duration::from_secs(40 * 86_400)).await;
        assert_eq!(time.now(), start() + Duration::from_secs(40 * 86_400));
    }
}
