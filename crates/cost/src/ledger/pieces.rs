//! What an answer is added up from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allocation::Basis;
use crate::facts::HourFacts;
use crate::interval::Interval;
use crate::ledger::archive::{Stored, StoredKey, has_twins};
use crate::ledger::book_keeping::Ledger;
use crate::ledger::pricing::PricedHour;
use crate::rollup::{HourRoll, RollUp};

/// How fine lines have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grain {
    /// Replicas of a workload may be added up.
    Groups,
    /// Hours of a container may be added up.
    Containers,
    /// Every container in every hour.
    Rows,
}

/// A part of a window.
#[derive(Clone)]
pub(crate) enum Piece {
    /// All of a commit.
    Whole(Arc<Stored>),
    /// An hour of a commit.
    Stored(Arc<Stored>, i64),
    /// An hour of a cluster in memory.
    Running(Arc<HourFacts>),
}

/// What is needed of a window.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    /// How fine lines have to be.
    pub grain: Grain,
    /// By which basis idle is needed, if it is.
    pub basis: Option<Basis>,
    /// Whether nodes of one name have to be told apart.
    pub nodes: bool,
}

/// Lines by hour of the commits that are being looked at, so that they are read once.
#[derive(Default)]
pub(crate) struct Held {
    hours: BTreeMap<StoredKey, Arc<Vec<HourRoll>>>,
}

/// What a piece is worth.
pub(crate) enum Worth {
    /// Sums, and what is known of the time if it is an hour.
    Rolled(Arc<RollUp>, Interval),
    /// Rows of an hour.
    Rows(Arc<PricedHour>),
}

impl Piece {
    /// The start of its hour, or of its stretch.
    pub fn hour(&self) -> i64 {
        match self {
            Piece::Whole(stored) => stored.commit.header.stretch.start,
            Piece::Stored(_, hour) => *hour,
            Piece::Running(facts) => facts.hour,
        }
    }
}

impl Ledger {
    /// The pieces of a window, by hour if hours must not be added up.
    pub(crate) fn pieces(&self, window: Interval, grain: Grain, hourly: bool) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let running = |hour: i64, stored: &Stored| {
            let cluster = &stored.commit.header.cluster;
            self.hours.get(&hour).is_some_and(|clusters| clusters.contains_key(cluster))
        };
        for stored in self.archive.iter().flat_map(|archive| archive.touching(window)) {
            let inside = |hour: i64| window.overlap(Interval::hour(hour)) == Interval::hour(hour);
            let whole = stored.hours().all(|hour| inside(hour) && !running(hour, stored));
            if whole && !hourly && grain != Grain::Rows {
                pieces.push(Piece::Whole(Arc::clone(stored)));
                continue;
            }
            for hour in stored.hours() {
                if !Interval::hour(hour).overlap(window).is_empty() && !running(hour, stored) {
                    pieces.push(Piece::Stored(Arc::clone(stored), hour));
                }
            }
        }
        let range = crate::interval::hour_of(window.start)..window.end.max(window.start);
        if !window.is_empty() {
            let facts = self.hours.range(range).flat_map(|(_, clusters)| clusters.values());
            pieces.extend(facts.map(|facts| Piece::Running(Arc::clone(facts))));
        }
        pieces
    }

    /// What a piece is worth in a window, as sums where there are some.
    pub(crate) fn worth(&self, piece: &Piece, window: Interval, need: Need, held: &mut Held) -> Vec<Worth> {
        let Some(archive) = &self.archive else { return self.rows(piece, window) };
        match piece {
            Piece::Whole(stored) if need.grain == Grain::Groups => {
                let lines = archive.groups(stored, self.prices(), need.basis);
                vec![Worth::Rolled(lines, Interval::default())]
            }
            Piece::Whole(stored) => {
                let rolls = archive.containers(stored, self.prices(), need.basis);
                let Some(roll) = rolls.first() else { return Vec::new() };
                if need.nodes && has_twins(&roll.lines) {
                    let hours = stored.hours().map(|hour| Piece::Stored(Arc::clone(stored), hour));
                    return hours.flat_map(|hour| self.rows(&hour, window)).collect();
                }
                vec![Worth::Rolled(Arc::clone(&roll.lines), roll.covered)]
            }
            Piece::Stored(stored, hour)
                if need.grain == Grain::Groups
                    && window.overlap(Interval::hour(*hour)) == Interval::hour(*hour) =>
            {
                let read = || archive.hours(stored, self.prices(), need.basis);
                let hours = held.hours.entry(stored.key()).or_insert_with(read);
                match hours.iter().find(|roll| roll.hour == *hour) {
                    Some(roll) => vec![Worth::Rolled(Arc::clone(&roll.lines), roll.covered)],
                    None => self.rows(piece, window),
                }
            }
            Piece::Stored(..) | Piece::Running(_) => self.rows(piece, window),
        }
    }

    fn rows(&self, piece: &Piece, window: Interval) -> Vec<Worth> {
        let facts = match (piece, &self.archive) {
            (Piece::Running(facts), _) => Arc::clone(facts),
            (Piece::Stored(stored, hour), Some(archive)) => archive.facts(stored, *hour),
            _ => return Vec::new(),
        };
        vec![Worth::Rows(self.priced_facts(&facts, window, None))]
    }
}
