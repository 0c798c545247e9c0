//! Events and what they do.

use std::time::Duration;

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use supercargo_catalog::CapacityType;
use supercargo_cloud::Action;
use supercargo_cloud::selector::glob;

/// What happens to a market at what time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The events, in any order.
    pub events: Vec<ScriptEvent>,
}

/// When an event begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The first time it is so late of a day (UTC), the region's first moment included.
    TimeOfDay(Time),
    /// So long after the region's first moment.
    After(Duration),
    /// At this moment.
    At(Timestamp),
}

/// Which pools and machines an event is about. The default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The zone, or a pattern with `*`.
    pub zone: Option<String>,
    /// The capacity type.
    pub capacity_type: Option<CapacityType>,
    /// The instance types, by patterns with `*`; empty for all.
    pub types: Vec<String>,
}

/// What an event does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Pools hold so many instances.
    Depth(u32),
    /// Pools hold so many times what they would.
    DepthFactor(f64),
    /// Spot prices are so many times what they would be, on demand being the most.
    PriceFactor(f64),
    /// So many percent of the spot instances get a notice, at least one if there is any.
    Interrupt(f64),
    /// So many percent of the spot instances get a rebalance recommendation, at least one if there is any.
    Rebalance(f64),
    /// The kubelets of so many percent of the machines die, at least one if there is any.
    KillKubelets(f64),
    /// The hosts of so many percent of the machines are impaired, at least one if there is any.
    ImpairHosts(f64),
    /// Retirement is planned for so many percent of the machines, at least one if there is any.
    Retire(f64),
    /// Interruptible reservations are taken back.
    ReclaimReservations,
    /// The cluster is shifted away from the zones: ARC gives them no weight. What runs there goes on running.
    ShiftZone,
    /// Every family gets a new image.
    ReleaseImages,
    /// Calls fail: which (none for all), how often, with which code.
    Fault {
        /// The call; none for every one.
        action: Option<Action>,
        /// How often, 0 to 1.
        rate: f64,
        /// The code of the error.
        code: String,
    },
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptEvent {
    /// When it begins.
    pub at: When,
    /// It comes again after this time, and again.
    pub every: Option<Duration>,
    /// How long it lasts; none for ever. What happens in a moment has no length.
    pub lasts: Option<Duration>,
    /// What it is about.
    pub scope: Scope,
    /// What it does.
    pub effect: Effect,
}

impl Scope {
    /// Whether it is about this pool.
    pub fn covers(&self, instance_type: &str, zone: &str, capacity_type: CapacityType) -> bool {
        let is_meant = |pattern: &String| glob(pattern, instance_type);
        self.zone.as_deref().is_none_or(|pattern| glob(pattern, zone))
            && self.capacity_type.is_none_or(|wanted| wanted == capacity_type)
            && (self.types.is_empty() || self.types.iter().any(is_meant))
    }
}

impl Effect {
    /// Whether it holds for a while; otherwise it happens in a moment.
    pub fn lasts(&self) -> bool {
        matches!(
            self,
            Effect::Depth(_)
                | Effect::DepthFactor(_)
                | Effect::PriceFactor(_)
                | Effect::ShiftZone
                | Effect::Fault { .. }
        )
    }
}

impl ScriptEvent {
    /// When it begins for the first time in a region that began at `start`.
    pub fn first(&self, start: Timestamp) -> Timestamp {
        match self.at {
            When::At(moment) => moment,
            When::After(time) => start.checked_add(time).unwrap_or(Timestamp::MAX),
            When::TimeOfDay(time) => {
                let midnight = start.to_zoned(jiff::tz::TimeZone::UTC).date().to_datetime(time);
                let today = midnight.to_zoned(jiff::tz::TimeZone::UTC).map(|moment| moment.timestamp());
                match today {
                    Ok(today) if today >= start => today,
                    Ok(today) => today.checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX),
                    Err(_) => Timestamp::MAX,
                }
            }
        }
    }

    /// Whether it holds at a moment, given when it begins for the first time.
    pub fn holds(&self, first: Timestamp, now: Timestamp) -> bool {
        let Ok(since) = Duration::try_from(now.duration_since(first)) else { return false };
        let phase = match self.every {
            Some(every) if !every.is_zero() => {
                Duration::from_nanos((since.as_nanos() % every.as_nanos()) as u64)
            }
            _ => since,
        };
        self.lasts.is_none_or(|lasts| phase < lasts)
    }

    /// The next moment after `now` at which it begins or ends.
    pub fn next_edge(&self, first: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let Ok(since) = Duration::try_from(now.duration_since(first)) else { return Some(first) };
        let begun = match self.every {
            Some(every) if !every.is_zero() => {
                let rounds = since.as_nanos() / every.as_nanos();
                u64::try_from(rounds * every.as_nanos()).map(Duration::from_nanos).unwrap_or(Duration::MAX)
            }
            _ => Duration::ZERO,
        };
        let end = self.lasts.filter(|_| self.effect.lasts()).map(|lasts| begun.saturating_add(lasts));
        let again = self.every.filter(|every| !every.is_zero()).map(|every| begun.saturating_add(every));
        let edges = [end, again].into_iter().flatten().filter(|edge| *edge > since);
        edges.min().and_then(|edge| first.checked_add(edge).ok())
    }
}
