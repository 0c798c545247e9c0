//! The market moves, the script happens.

use supercargo_clock::Randomness;

use crate::pools::PoolKey;
use crate::state::State;
use crate::timeline::Happening;
use crate::{Effect, Scope, ScriptEvent};

impl State {
    /// Depths are looked at as long as there are spot instances.
    pub(crate) fn keep_market_stepping(&mut self) {
        if !self.market_is_stepping {
            self.market_is_stepping = true;
            self.timeline.add(self.pools.next_step(self.now), Happening::MarketStep);
        }
    }

    /// Depths have changed.
    pub(crate) fn market_step(&mut self) {
        self.market_is_stepping = false;
        self.take_back_excess();
        if !self.pools.live_spot().is_empty() {
            self.keep_market_stepping();
        }
    }

    /// Pools that hold less than is in use take instances back, any of them.
    fn take_back_excess(&mut self) {
        let mut short: Vec<(PoolKey, u32)> = Vec::new();
        for pool in self.pools.live_spot() {
            let excess = self.pools.excess(pool, self.now, &self.shocks);
            if excess > 0 {
                short.push((pool, excess));
            }
        }
        for (pool, excess) in short {
            let candidates =
                self.records.values().filter(|record| record.pool == pool && record.can_be_reclaimed());
            let numbers: Vec<u64> = candidates.map(|record| record.number).collect();
            for number in self.drawn(numbers, excess as usize) {
                self.give_notice(number);
            }
        }
    }

    /// So many of the numbers, any of them.
    fn drawn(&mut self, mut numbers: Vec<u64>, count: usize) -> Vec<u64> {
        let mut randomness: Randomness =
            self.randomness.fork("drawn").fork(&self.now.as_nanosecond().to_string());
        randomness.shuffle(&mut numbers);
        numbers.truncate(count);
        numbers.sort_unstable();
        numbers
    }

    /// An event of the script begins or ends.
    pub(crate) fn script_edge(&mut self, now: jiff::Timestamp) {
        for event in self.shocks.beginning(now) {
            self.strike(&event);
        }
        self.take_back_excess();
        let edge = self.shocks.next_edge(now);
        let is_planned = self.next_edge.is_some_and(|planned| planned > now && Some(planned) <= edge);
        if let Some(edge) = edge.filter(|_| !is_planned) {
            self.timeline.add(edge, Happening::ScriptEdge);
            self.next_edge = Some(edge);
        }
    }

    /// What an event does in a moment.
    fn strike(&mut self, event: &ScriptEvent) {
        match event.effect {
            Effect::Interrupt(percent) => {
                self.strike_share(&event.scope, percent, true, State::give_notice);
            }
            Effect::Rebalance(percent) => {
                self.strike_share(&event.scope, percent, true, State::recommend_rebalance);
            }
            Effect::KillKubelets(percent) => {
                self.strike_share(&event.scope, percent, false, State::kill_kubelet);
            }
            Effect::ImpairHosts(percent) => {
                self.strike_share(&event.scope, percent, false, State::break_host)
            }
            Effect::Retire(percent) => {
                self.strike_share(&event.scope, percent, false, State::announce_retirement);
            }
            Effect::ReclaimReservations => self.reclaim_reservations(&event.scope),
            Effect::ReleaseImages => self.images.release(self.now),
            Effect::Depth(_)
            | Effect::DepthFactor(_)
            | Effect::PriceFactor(_)
            | Effect::ShiftZone
            | Effect::Fault { .. } => {}
        }
    }

    /// Does something to a share of the instances, at least one if there is any.
    fn strike_share(&mut self, scope: &Scope, percent: f64, only_spot: bool, strike: fn(&mut State, u64)) {
        let candidates = self.records.values().filter(|record| {
            let instance = &record.instance;
            record.is_alive()
                && (!only_spot || record.can_be_reclaimed())
                && scope.covers(&instance.instance_type, &instance.zone, instance.capacity_type)
        });
        let numbers: Vec<u64> = candidates.map(|record| record.number).collect();
        // a float-to-integer cast saturates
        let share = (numbers.len() as f64 * percent / 100.0).round() as usize;
        let count = if percent > 0.0 { share.max(1) } else { 0 };
        for number in self.drawn(numbers, count) {
            strike(self, number);
        }
    }

    /// Adds events while the region runs. Times of day and times after the beginning are counted from now.
    pub(crate) fn add_events(&mut self, events: Vec<ScriptEvent>) {
        self.shocks.add(events, self.now);
        self.script_edge_again();
    }

    /// Looks for what begins now, and puts the next edge on the timeline.
    fn script_edge_again(&mut self) {
        self.timeline.add(self.now, Happening::ScriptEdge);
        self.advance(self.now);
    }
}
