//! When a batch is planned (reference rows S1 and S2).

use std::time::Duration;

use jiff::Timestamp;

/// The time in which pods are waited for. It begins with the first trigger and ends when none came for a while, or when
/// enough time has gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    first: Timestamp,
    last: Timestamp,
}

impl Window {
    /// A window that begins now.
    pub fn open(now: Timestamp) -> Self {
        Self { first: now, last: now }
    }

    /// Something new came.
    pub fn extend(&mut self, now: Timestamp) {
        self.last = self.last.max(now);
    }

    /// When it closes if nothing else comes.
    pub fn closes(&self, idle: Duration, most: Duration) -> Timestamp {
        let after = |start: Timestamp, wait: Duration| start.checked_add(wait).unwrap_or(Timestamp::MAX);
        after(self.last, idle).min(after(self.first, most))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::s2_one_pod_waits_for_the_idle_time(&[0], 1_000)]
    #[case::s2_another_pod_extends_it(&[0, 900, 1_800], 2_800)]
    #[case::s2_but_not_beyond_the_most(&[0, 900, 1_800, 2_700, 3_600, 4_500, 5_400, 6_300, 7_200, 8_100, 9_000, 9_900], 10_000)]
    fn a_window_closes(#[case] triggers: &[i64], #[case] expected: i64) {
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        let mut window = Window::open(at(triggers[0]));
        for trigger in &triggers[1..] {
            window.extend(at(*trigger));
        }
        let closes = window.closes(Duration::from_secs(1), Duration::from_secs(10));
        assert_eq!(closes, at(expected));
    }
}
