//! Zones that the cluster is shifted away from, by somebody's order or by AWS's own (reference section 5.1): nothing is bought
//! there until the shift ends. What runs there is left alone.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Outcome, Part, State};

use crate::knowledge::Knowledge;
use crate::outside::{CloudAnswer, CloudRequest};

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(30);
/// Who says so in Events.
const COMPONENT: &str = "karpenter";

/// Asks which zones the cluster is shifted away from, if that is switched on.
#[derive(Debug)]
pub struct ZonalShift {
    knowledge: Arc<Knowledge>,
    /// When it is asked next; nothing while a call is under way, and if it is switched off.
    due: Option<Timestamp>,
    /// By name.
    shifted: BTreeSet<String>,
    notes: VecDeque<Action>,
}

impl ZonalShift {
    /// Asks as soon as it can.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        let due = knowledge.settings.enable_zonal_shift.then_some(Timestamp::MIN);
        Self { knowledge, due, shifted: BTreeSet::new(), notes: VecDeque::new() }
    }

    /// Takes in the zones that are shifted away from, by their ids.
    fn see(&mut self, zone_ids: &BTreeSet<String>, state: &State) {
        let subnets = self.knowledge.subnets();
        let is_shifted = |id: &String| zone_ids.contains(id);
        let zones: BTreeSet<String> = subnets
            .values()
            .filter(|subnet| is_shifted(&subnet.zone_id))
            .map(|subnet| subnet.zone.clone())
            .collect();
        drop(subnets);
        for zone in zones.difference(&self.shifted) {
            tracing::warn!(zone, "the cluster is shifted away from a zone");
            for pool in state.node_pools.values() {
                let message = format!("Zonal shift active in {zone}: no nodes are launched there");
                self.notes.push_back(Action::warn(&**pool, COMPONENT, "ZonalShiftActive", message));
            }
        }
        for zone in self.shifted.difference(&zones) {
            tracing::info!(zone, "the cluster is no longer shifted away from a zone");
            for pool in state.node_pools.values() {
                let message = format!("Zonal shift cleared in {zone}: nodes are launched there again");
                self.notes.push_back(Action::note(&**pool, COMPONENT, "ZonalShiftCleared", message));
            }
        }
        self.knowledge.unavailable().shift(zones.clone());
        self.shifted = zones;
    }
}

impl Part for ZonalShift {
    fn name(&self) -> &'static str {
        "zonal-shift"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::NodePool]
    }

    fn observe(&mut self, _: &Change, _: &State, _: Timestamp) {}

    fn step(&mut self, _: &State, now: Timestamp) -> Vec<Action> {
        let mut actions: Vec<Action> = self.notes.drain(..).collect();
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            let request = CloudRequest::GetManagedResource(self.knowledge.cluster.name.clone());
            actions.push(Action::ask(Kind::NodePool, Key::cluster("zonal-shift"), 0, request));
        }
        actions
    }

    fn done(&mut self, _: &Action, _: &Outcome, _: &State, _: Timestamp) {}

    fn answered(&mut self, _: u64, answer: Answer, state: &State, now: Timestamp) {
        match answer.downcast::<CloudAnswer>().ok().map(|answer| *answer) {
            Some(CloudAnswer::ZoneWeights(Ok(weights))) => {
                let away = weights.into_iter().filter(|(_, weight)| *weight <= 0.0).map(|(id, _)| id);
                self.see(&away.collect(), state);
            }
            // what was known stays so until the next answer
            Some(CloudAnswer::ZoneWeights(Err(error))) => {
                tracing::warn!(%error, "zonal shifts could not be asked for");
            }
            _ => tracing::warn!("zonal shifts were asked for and something else was answered"),
        }
        self.due = Some(now + EVERY);
    }

    fn wake(&self) -> Option<Timestamp> {
        if self.notes.is_empty() { self.due } else { Some(Timestamp::MIN) }
    }
}

#[cfg(test)]
mod tests {
    use supercargo_catalog::CapacityType;
    use supercargo_cloud_sim::Script;

    use super::*;
    use crate::settings::Settings;
    use crate::stage::{self, Stage};
    use crate::test_world;

    fn stage(enabled: bool) -> (Stage, Arc<Knowledge>) {
        let knowledge = stage::knowledge(Settings { enable_zonal_shift: enabled, ..Settings::default() });
        let mut stage = Stage::new(vec![Box::new(ZonalShift::new(Arc::clone(&knowledge)))]);
        stage.toy.create(Kind::NodePool, test_world::node_pool("general"));
        knowledge.see_subnets(&stage.region.describe_subnets(&[]).outcome.unwrap());
        let script: Script = "at: +1m, zone: us-east-1a, shiftZone: true, for: 5m".parse().unwrap();
        stage.region.schedule(script.events);
        (stage, knowledge)
    }

    fn is_aside(knowledge: &Knowledge, stage: &Stage, zone: &str) -> bool {
        knowledge.unavailable().contains(CapacityType::OnDemand, "m6i.large", zone, stage.toy.now)
    }

    #[test]
    fn section_5_1_nothing_is_bought_in_a_zone_from_the_shift_to_its_end() {
        let (mut stage, knowledge) = stage(true);
        stage.run(Duration::from_secs(50));
        assert!(!is_aside(&knowledge, &stage, "us-east-1a"));
        stage.run(Duration::from_secs(60));
        assert!(is_aside(&knowledge, &stage, "us-east-1a"));
        assert!(!is_aside(&knowledge, &stage, "us-east-1b"));
        stage.run(Duration::from_secs(300));
        assert!(!is_aside(&knowledge, &stage, "us-east-1a"));
        assert_eq!(stage.toy.said("general", "ZonalShiftActive").len(), 1);
        assert_eq!(stage.toy.said("general", "ZonalShiftCleared").len(), 1);
    }

    #[test]
    fn it_is_not_asked_unless_it_is_switched_on() {
        let (mut stage, knowledge) = stage(false);
        stage.run(Duration::from_secs(120));
        assert!(!is_aside(&knowledge, &stage, "us-east-1a"));
    }
}
