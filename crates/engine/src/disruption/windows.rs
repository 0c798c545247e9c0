//! When a budget counts: always, or for some time after each hit of its schedule (reference section 4.4).
//!
//! A budget counts now if its schedule, asked for the next hit after the moment that lies its duration back, names one
//! that is not in the future.

use jiff::{SignedDuration, Timestamp};
use supercargo_api::Budget;
use supercargo_api::schedule::Schedule;

/// Windows that meet are one window; so many are put together, and what goes on longer has no known end.
const LONGEST_CHAIN: usize = 400;

/// When a budget counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    Always,
    /// For this long after each hit.
    AfterHits {
        schedule: Schedule,
        length: SignedDuration,
    },
    /// The schedule has no duration, or none above zero.
    Never,
    /// It cannot be read, so it counts always and allows nothing.
    Broken(String),
}

/// Whether a budget counts at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WindowState {
    pub(crate) active: bool,
    /// When that changes; `None` if it does not, or not for long.
    pub(crate) changes: Option<Timestamp>,
    /// What the user should know.
    pub(crate) note: Option<String>,
}

impl Window {
    pub(crate) fn of(budget: &Budget) -> Window {
        let zone = budget.time_zone.as_deref();
        let Some(text) = &budget.schedule else {
            return match (&budget.duration, zone) {
                (None, None) => Window::Always,
                (Some(_), _) => Window::Broken("duration without schedule".to_owned()),
                (None, Some(_)) => Window::Broken("timeZone without schedule".to_owned()),
            };
        };
        let schedule = match Schedule::parse(text, zone) {
            Ok(schedule) => schedule,
            Err(error) => return Window::Broken(error.to_string()),
        };
        let nanos = budget.duration.as_ref().map_or(0, |duration| duration.as_nanos());
        if nanos <= 0 {
            Window::Never
        } else {
            Window::AfterHits { schedule, length: SignedDuration::from_nanos(nanos) }
        }
    }

    /// Why the budget counts as 0.
    pub(crate) fn problem(&self) -> Option<&str> {
        match self {
            Window::Broken(problem) => Some(problem),
            Window::Always | Window::AfterHits { .. } | Window::Never => None,
        }
    }

    pub(crate) fn at(&self, now: Timestamp) -> WindowState {
        let lasting = |active: bool, note: Option<&str>| WindowState {
            active,
            changes: None,
            note: note.map(str::to_owned),
        };
        let (schedule, length) = match self {
            Window::Always | Window::Broken(_) => return lasting(true, None),
            Window::Never => return lasting(false, Some("it never counts: its schedule has no duration")),
            Window::AfterHits { schedule, length } => (schedule, *length),
        };
        let back = now.checked_sub(length).unwrap_or(Timestamp::MIN);
        match schedule.next_after(back) {
            None => lasting(true, Some("its schedule never fires, so it counts always")),
            Some(hit) if hit > now => WindowState { active: false, changes: Some(hit), note: None },
            Some(hit) => WindowState { active: true, changes: end_of(schedule, length, hit), note: None },
        }
    }
}

/// When a window ends that has begun with this hit, the windows that join it included.
fn end_of(schedule: &Schedule, length: SignedDuration, mut hit: Timestamp) -> Option<Timestamp> {
    for _ in 0..LONGEST_CHAIN {
        let end = hit.checked_add(length).ok()?;
        match schedule.next_after(hit) {
            Some(next) if next <= end => hit = next,
            Some(_) | None => return Some(end),
        }
    }
    None
}
