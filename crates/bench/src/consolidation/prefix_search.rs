//! The baseline: consolidation as Karpenter searches (reference sections 4.5 and 4.9 to 4.12), over the same what-if.
//!
//! One command a pass, and passes until one finds nothing: all empty nodes; else the longest prefix of one global order
//! that binary search finds, for at most one new node; else the first node in that order, round robin over NodePools,
//! that can go for at most one new node. There is no clock in it: where Karpenter gives up after one or three minutes,
//! this goes on, which is to the baseline's advantage.

use std::collections::{BTreeMap, VecDeque};

use supercargo_api::DisruptionReason;
use supercargo_catalog::{CapacityType, Usd};
use supercargo_engine::consolidate::layout;
use supercargo_engine::disruption::Disruption;
use supercargo_engine::snapshot::Snapshot;
use supercargo_engine::whatif::{Ask, Board, Relocation, SpotRule};

/// Most nodes of one multi-node command (reference section 4.10).
const MOST_NODES: usize = 100;
/// Spot replaces a single spot node only if so many types would be cheaper (reference section 4.12).
const FLEXIBLE: usize = 15;

/// What a prefix search comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrefixOutcome {
    /// Dollars per hour saved.
    pub saved: Usd,
    /// Commands: one a pass.
    pub commands: usize,
    /// Nodes that went.
    pub removed: usize,
    /// Nodes that came.
    pub launched: usize,
    /// Pods that moved.
    pub pods_moved: usize,
    /// Simulations.
    pub questions: u64,
}

/// Searches as Karpenter does, until there is nothing more to find.
pub fn prefix_search(snapshot: &Snapshot, disruption: &Disruption) -> PrefixOutcome {
    let layout = layout(snapshot, disruption);
    let board = Board::new(&layout);
    let mut search = Search { snapshot, disruption, board, outcome: PrefixOutcome::default() };
    while search.empty() || search.several() || search.single() {}
    search.outcome
}

struct Search<'s> {
    snapshot: &'s Snapshot,
    disruption: &'s Disruption,
    board: Board<'s>,
    outcome: PrefixOutcome,
}

impl Search<'_> {
    fn price(&self, room: u32) -> Usd {
        self.disruption.rooms[room as usize].price.unwrap_or(Usd::ZERO)
    }

    fn prices(&self, rooms: &[u32]) -> Usd {
        rooms.iter().fold(Usd::ZERO, |sum, room| sum + self.price(*room))
    }

    /// Rescheduling disruption cost (reference section 4.3).
    fn cost(&self, room: u32) -> f64 {
        let pods = self.board.residents(room).iter();
        1.0 + pods.map(|pod| self.disruption.pods[*pod as usize].eviction_cost.max(0.0)).sum::<f64>()
    }

    /// Nodes that are there, and of these those that pass the filter, in the order in which Karpenter looks at them: price
    /// for each unit of disruption, the highest first (reference section 4.3).
    fn candidates(&self, passes: impl Fn(usize) -> bool) -> Vec<u32> {
        let rooms = 0..self.snapshot.rooms.len();
        let known = |room: &usize| {
            !self.board.is_gone(*room as u32) && self.disruption.rooms[*room].price.is_some() && passes(*room)
        };
        let mut found: Vec<(f64, u32)> = rooms
            .filter(known)
            .map(|room| (self.price(room as u32).as_f64() / self.cost(room as u32), room as u32))
            .collect();
        found.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        found.into_iter().map(|(_, room)| room).collect()
    }

    /// Those of the rooms, in order, that the budgets of their NodePools let go in one command.
    fn within_budgets(&self, rooms: Vec<u32>, reason: DisruptionReason) -> Vec<u32> {
        let mut taken: BTreeMap<u32, u32> = BTreeMap::new();
        let lets_go = |room: &u32| {
            let Some(pool) = self.snapshot.rooms[*room as usize].pool else { return false };
            let taken = taken.entry(pool).or_default();
            let lets = *taken < self.disruption.budgets[pool as usize].allowed(reason).nodes;
            *taken += u32::from(lets);
            lets
        };
        rooms.into_iter().filter(lets_go).collect()
    }

    fn command(&mut self, rooms: &[u32], relocation: &Relocation) {
        self.outcome.saved += self.prices(rooms) - relocation.price();
        self.outcome.commands += 1;
        self.outcome.removed += rooms.len();
        self.outcome.launched += relocation.new_nodes.len();
        self.outcome.pods_moved += relocation.placements.len();
        self.board.apply(rooms, relocation);
    }

    fn ask(&mut self, rooms: &[u32], several: bool) -> Option<Relocation> {
        let is_spot =
            |room: &u32| self.disruption.rooms[*room as usize].capacity_type == Some(CapacityType::Spot);
        let spot = match (rooms.iter().all(is_spot), self.disruption.spot_to_spot) {
            (false, _) => SpotRule::Free,
            (true, false) => SpotRule::Forbidden,
            (true, true) if several => SpotRule::Free,
            (true, true) => SpotRule::Flexible(FLEXIBLE),
        };
        self.outcome.questions += 1;
        let ask = Ask { max_new_nodes: 1, below: Some(self.prices(rooms)), use_rooms: true, spot };
        self.board.what_if(rooms, &ask).ok()
    }

    /// All empty nodes at once, without a simulation.
    fn empty(&mut self) -> bool {
        let passes = |room: usize| {
            self.disruption.rooms[room].empty_candidate.is_ok()
                && self.board.residents(room as u32).is_empty()
        };
        let rooms = self.within_budgets(self.candidates(passes), DisruptionReason::Empty);
        if rooms.is_empty() {
            return false;
        }
        self.command(&rooms, &Relocation::default());
        true
    }

    fn underutilized(&self) -> Vec<u32> {
        let passes = |room: usize| {
            self.disruption.rooms[room].candidate.is_ok() && !self.board.residents(room as u32).is_empty()
        };
        self.candidates(passes)
    }

    /// The longest prefix that binary search finds.
    fn several(&mut self) -> bool {
        let mut rooms = self.within_budgets(self.underutilized(), DisruptionReason::Underutilized);
        rooms.truncate(MOST_NODES);
        let (mut low, mut high) = (2, rooms.len());
        let mut best: Option<(usize, Relocation)> = None;
        while low <= high {
            let middle = (low + high) / 2;
            let prefix = &rooms[..middle];
            match self.ask(prefix, true).filter(|found| self.is_no_swap(prefix, found)) {
                Some(found) => {
                    best = Some((middle, found));
                    low = middle + 1;
                }
                None => high = middle - 1,
            }
        }
        let Some((length, relocation)) = best else { return false };
        self.command(&rooms[..length], &relocation);
        true
    }

    /// A new node must cost less than the cheapest of its own type that goes: else that one could have stayed.
    fn is_no_swap(&self, rooms: &[u32], relocation: &Relocation) -> bool {
        let Some(node) = relocation.new_nodes.first() else { return true };
        let same = rooms.iter().filter(|room| {
            self.disruption.rooms[**room as usize]
                .instance_type
                .is_some_and(|index| node.types.contains(index as usize))
        });
        same.map(|room| self.price(*room)).min().is_none_or(|cheapest| node.price < cheapest)
    }

    /// The first node that can go by itself, NodePools taking turns.
    fn single(&mut self) -> bool {
        let rooms = self.within_budgets(self.underutilized(), DisruptionReason::Underutilized);
        let mut by_pool: BTreeMap<Option<u32>, VecDeque<u32>> = BTreeMap::new();
        for room in rooms {
            by_pool.entry(self.snapshot.rooms[room as usize].pool).or_default().push_back(room);
        }
        while by_pool.values().any(|line| !line.is_empty()) {
            let turn: Vec<u32> = by_pool.values_mut().filter_map(VecDeque::pop_front).collect();
            for room in turn {
                if let Some(relocation) = self.ask(&[room], false) {
                    self.command(&[room], &relocation);
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::Case;
    use super::*;

    #[test]
    fn it_finds_something_and_then_nothing_more() {
        let case = Case::make(Case::free(20, 3, 20, 0.6, 1)).unwrap();
        let (snapshot, disruption) = case.read(true);
        let outcome = prefix_search(&snapshot, &disruption);
        assert!(outcome.saved > Usd::ZERO);
        assert!(outcome.removed > outcome.launched);
        assert!(outcome.launched <= outcome.commands, "at most one new node a command");
        let now = disruption.rooms.iter().filter_map(|room| room.price).fold(Usd::ZERO, |sum, one| sum + one);
        assert!(outcome.saved < now);
    }
}
