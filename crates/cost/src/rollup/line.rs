//! Lines of a roll-up while it is made.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::allocation::{Basis, IdlePart, Line, divide_idle};
use crate::ledger::PricedHour;

/// A line with what it gets of idle, by every basis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RollLine {
    /// The line, without idle.
    pub line: Line,
    /// Its idle, in the order of [`Basis::ALL`].
    pub idle: [IdlePart; 4],
}

impl RollLine {
    fn of(line: Line) -> RollLine {
        RollLine { line, idle: [IdlePart::default(); 4] }
    }

    /// First by what a line is, then by workload: replicas come one after the other.
    fn order(&self, other: &RollLine) -> Ordering {
        let (mine, theirs) = (&self.line, &other.line);
        mine.role.cmp(&theirs.role).then_with(|| mine.workload.cmp(&theirs.workload))
    }

    fn add(&mut self, other: &RollLine) {
        self.line.measures.add(&other.line.measures);
        self.line.rows = self.line.rows.saturating_add(other.line.rows);
        for (mine, theirs) in self.idle.iter_mut().zip(&other.idle) {
            mine.add(theirs);
        }
    }

    /// Takes in a replica.
    fn group(&mut self, other: &RollLine) {
        let mine = &mut self.line;
        if mine.several || other.line.several || *mine.workload != *other.line.workload {
            mine.several = true;
            Arc::make_mut(&mut mine.workload).narrow(&other.line.workload, true);
        }
        self.add(other);
    }
}

/// The lines of an hour's containers, in order.
pub(crate) fn lines_of(document: &PricedHour) -> Vec<RollLine> {
    let mut lines: Vec<Line> = document.rows.iter().map(Line::of).collect();
    let divisions = Basis::ALL.map(|basis| divide_idle(&mut lines, basis));
    let mut out: Vec<RollLine> = lines.into_iter().map(RollLine::of).collect();
    for (index, division) in divisions.into_iter().enumerate() {
        for (line, part) in out.iter_mut().zip(division.parts) {
            line.idle[index] = part;
        }
        for (workload, part) in division.rest {
            let mut pool = RollLine::of(Line::pool(workload, IdlePart::default()));
            pool.idle[index] = part;
            out.push(pool);
        }
    }
    summed(out)
}

/// Lines in order, those of one workload added up.
fn summed(mut lines: Vec<RollLine>) -> Vec<RollLine> {
    lines.sort_by(RollLine::order);
    let mut out: Vec<RollLine> = Vec::with_capacity(lines.len());
    for line in lines {
        match out.last_mut() {
            Some(last) if last.order(&line) == Ordering::Equal => last.add(&line),
            _ => out.push(line),
        }
    }
    out
}

/// Lines of two stretches as one.
pub(crate) fn merged(one: Vec<RollLine>, other: Vec<RollLine>) -> Vec<RollLine> {
    let mut out = Vec::with_capacity(one.len().max(other.len()) + other.len() / 8);
    let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
    loop {
        let order = match (one.peek(), other.peek()) {
            (Some(left), Some(right)) => left.order(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return out,
        };
        match order {
            Ordering::Less => out.extend(one.next()),
            Ordering::Greater => out.extend(other.next()),
            Ordering::Equal => {
                let added = one.next().zip(other.next()).map(|(mut left, right)| {
                    left.add(&right);
                    left
                });
                out.extend(added);
            }
        }
    }
}

/// Lines of containers as lines of workloads: replicas are added up.
pub(crate) fn grouped(lines: &[RollLine]) -> Vec<RollLine> {
    let mut out: Vec<RollLine> = Vec::new();
    for line in lines {
        match out.last_mut() {
            Some(last)
                if last.line.role == line.line.role
                    && last.line.workload.is_replica_of(&line.line.workload) =>
            {
                last.group(line);
            }
            _ => out.push(line.clone()),
        }
    }
    out
}
