//! The table of an hour as facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::facts::{Gap, HourFacts, ManagementFact};
use crate::interval::Interval;
use crate::prometheus::balancers::balancer_facts;
use crate::prometheus::containers::container_facts;
use crate::prometheus::grid::{Grid, STEPS, first, last, moments};
use crate::prometheus::import::ImportSettings;
use crate::prometheus::machines::node_facts;
use crate::prometheus::pods::{Directory, complete, pods};
use crate::prometheus::table::HourTable;
use crate::prometheus::volumes::{Users, note_users, volume_facts};

/// Who was there at an end of an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub nodes: BTreeSet<Arc<str>>,
    /// Namespace, name and uid.
    pub pods: BTreeSet<(Arc<str>, Arc<str>, Arc<str>)>,
}

/// Who was there at the end of the hour before, and at the beginning of the next: who lived through a hole in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Neighbours {
    pub before: Seen,
    pub after: Seen,
}

/// When something was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// Its first and last moments.
    pub from: u32,
    pub to: u32,
    pub stretch: Interval,
}

impl Life {
    /// The part of the steps from one moment to another.
    pub fn part(&self, grid: Grid, from: u32, to: u32) -> Interval {
        Interval::new(grid.cell(from).start, grid.cell(to).end).overlap(self.stretch)
    }
}

/// The hour's steps, those at which anything of the cluster was told, and the hours around it.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub grid: Grid,
    pub seen: u64,
    pub around: &'a Neighbours,
}

impl Frame<'_> {
    /// When something was there that was told of at some moments, and began at a second if that is known. It is taken to
    /// have been there between its first and its last moment, and through a hole in which nothing of the cluster was told
    /// if it was there on both sides; `known` says whether a neighbour knows it.
    pub fn life(&self, present: u64, begun: Option<i64>, known: impl Fn(&Seen) -> bool) -> Option<Life> {
        let grid = self.grid;
        let steps = present & STEPS;
        let (told, mut to) = (first(steps)?, last(steps)?);
        let mut hole = told;
        while hole > 1 && self.seen >> (hole - 1) & 1 == 0 {
            hole -= 1;
        }
        let step_before = grid.cell(told).start - grid.step();
        let start = match begun.filter(|begun| *begun < grid.time(to)) {
            // after a hole its word is taken; else it would have been seen, but for the step it began in
            Some(begun) if hole < told => begun.max(grid.cell(hole).start),
            Some(begun) if begun >= step_before => begun.max(grid.hour()),
            None if hole == 1 && hole < told && known(&self.around.before) => grid.hour(),
            _ => grid.cell(told).start,
        };
        if self.seen >> to >> 1 == 0 && known(&self.around.after) {
            to = grid.last();
        }
        let stretch = Interval::new(start, grid.time(to));
        let from = grid.moment(start as f64 + 1.0)?.max(1);
        (!stretch.is_empty()).then_some(Life { from, to, stretch })
    }
}

impl HourTable {
    /// Who was there at a moment.
    fn at(&self, moment: u32) -> Seen {
        let there = |set: u64| set >> moment & 1 == 1;
        let nodes = self.nodes.iter().filter(|(_, node)| there(node.present | node.mentioned));
        let pods =
            self.pods.iter().flat_map(|(name, pods)| pods.iter().map(move |(uid, pod)| (name, uid, pod)));
        let pods = pods.filter(|(.., pod)| there(pod.present));
        Seen {
            nodes: nodes.map(|(name, _)| Arc::clone(name)).collect(),
            pods: pods.map(|(name, uid, _)| (name.0.clone(), name.1.clone(), Arc::clone(uid))).collect(),
        }
    }

    /// Who was there when the hour began to be told of.
    pub fn first_seen(&self) -> Seen {
        first(self.seen()).map(|moment| self.at(moment)).unwrap_or_default()
    }

    /// Who was there when it was last told of.
    pub fn last_seen(&self) -> Seen {
        last(self.seen()).map(|moment| self.at(moment)).unwrap_or_default()
    }

    /// Whether its last step was told of.
    pub fn ends_seen(&self) -> bool {
        self.seen() >> self.grid.last() & 1 == 1
    }
}

/// The facts of an hour.
pub(crate) fn assemble(mut table: HourTable, settings: &ImportSettings, around: &Neighbours) -> HourFacts {
    complete(&mut table);
    let table = &table;
    let grid = table.grid;
    let cluster: Arc<str> = settings.cluster.as_str().into();
    let mut facts = HourFacts { cluster: Arc::clone(&cluster), hour: grid.hour(), ..HourFacts::default() };
    let seen = table.seen();
    let frame = Frame { grid, seen, around };
    for (name, series) in &table.nodes {
        let known = |seen: &Seen| seen.nodes.contains(name);
        if let Some(life) = frame.life(series.there(), series.created, known) {
            facts.nodes.extend(node_facts(table, name, series, &life));
        }
    }
    let directory = Directory::new(table, &cluster);
    let owners = directory.owners();
    let mut users = Users::new();
    let mut measured = Measured::default();
    for pod in pods(table, &frame) {
        let (containers, moments) =
            container_facts(table, &directory, &owners, &pod, settings.longest_stretch);
        if let Some(fact) = containers.first() {
            measured.note(&fact.workload.node, pod.life.from, pod.life.to, moments);
        }
        let lives: Vec<_> =
            containers.iter().map(|fact| (Arc::clone(&fact.workload), fact.interval)).collect();
        note_users(&mut users, &pod, &lives);
        facts.containers.extend(containers);
    }
    facts.volumes = volume_facts(table, &users, &frame);
    facts.balancers = balancer_facts(table, &facts.containers, &frame);
    let interval = covered(&facts);
    if let Some(provisioner) = settings.provisioner.as_deref().filter(|_| !interval.is_empty()) {
        facts.management = Some(ManagementFact { provisioner: provisioner.into(), interval });
    }
    facts.gaps = gaps(table, seen, &measured);
    facts.sort();
    facts
}

/// From the first thing that was there to the last.
fn covered(facts: &HourFacts) -> Interval {
    let nodes = facts.nodes.iter().map(|node| node.interval);
    nodes.chain(facts.containers.iter().map(|fact| fact.interval)).fold(Interval::default(), Interval::hull)
}

/// Moments at which a node had pods, and at which the use of any was measured.
#[derive(Default)]
struct Measured(BTreeMap<Arc<str>, (u64, u64)>);

impl Measured {
    fn note(&mut self, node: &Arc<str>, from: u32, to: u32, measured: u64) {
        let (had, known) = self.0.entry(Arc::clone(node)).or_default();
        *had |= (from..=to).fold(0, |set, moment| set | 1 << moment);
        *known |= measured;
    }
}

/// What is not known: of the cluster, or of the use of a node's pods, or of all of them.
fn gaps(table: &HourTable, seen: u64, measured: &Measured) -> Vec<Gap> {
    let grid = table.grid;
    let mut gaps = stretches(grid, table.all_steps() & !seen, "cluster");
    let had = measured.0.values().fold(0, |all, (had, _)| all | had) & seen;
    let known = measured.0.values().fold(0, |all, (_, known)| all | known);
    gaps.extend(stretches(grid, had & !known, "use of everything"));
    for (node, (had, mine)) in &measured.0 {
        gaps.extend(stretches(grid, had & seen & known & !mine, &format!("use of node {node}")));
    }
    gaps
}

fn stretches(grid: Grid, set: u64, subject: &str) -> Vec<Gap> {
    let mut found: Vec<Gap> = Vec::new();
    for moment in moments(set & STEPS) {
        let cell = grid.cell(moment);
        match found.last_mut() {
            Some(gap) if gap.interval.end == cell.start => gap.interval.end = cell.end,
            _ => found.push(Gap { interval: cell, subject: subject.into() }),
        }
    }
    found
}
