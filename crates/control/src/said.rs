//! What was said lately, so that Events do not repeat themselves (reference section 6.2).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

/// The component that Events name.
pub(crate) const COMPONENT: &str = "karpenter";
/// How long an Event is not repeated if nothing else is said.
pub(crate) const WINDOW: Duration = Duration::from_secs(120);

/// What was said lately: by reason, and by what it was about.
#[derive(Debug, Default)]
pub(crate) struct Said {
    until: BTreeMap<(&'static str, String), Timestamp>,
    sweep_at: usize,
}

impl Said {
    /// Whether this is to be said now; then it is not again within the window. What it is about is the uid of an object, with
    /// the text where another text is news.
    pub(crate) fn is_news(
        &mut self,
        reason: &'static str,
        about: &str,
        window: Duration,
        now: Timestamp,
    ) -> bool {
        if self.until.len() > self.sweep_at {
            self.until.retain(|_, until| *until > now);
            self.sweep_at = (2 * self.until.len()).max(1_024);
        }
        let until = self.until.entry((reason, about.to_owned())).or_insert(Timestamp::MIN);
        let is_news = *until <= now;
        if is_news {
            *until = now.checked_add(window).unwrap_or(Timestamp::MAX);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_again_when_its_window_is_over_and_something_else_at_once() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut said = Said::default();
        assert!(said.is_news("Evicted", "a", WINDOW, at(0)));
        assert!(!said.is_news("Evicted", "a", WINDOW, at(119)));
        assert!(said.is_news("Evicted", "b", WINDOW, at(119)));
        assert!(said.is_news("FailedDraining", "a", WINDOW, at(119)));
        assert!(said.is_news("Evicted", "a", WINDOW, at(120)));
    }
}
