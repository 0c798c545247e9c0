//! The scenario of a seed.

use supercargo_clock::Randomness;

use super::{pools, troubles, workloads};
use crate::scenario::{Assertions, Scenario, Span};

/// Seconds in which things happen: with the time to settle a scenario lasts an hour.
pub(super) const BUSY: u64 = 2_400;
/// Seconds for everything to come to rest.
const SETTLE: u64 = 1_200;
/// A Monday morning.
const START: i64 = 1_772_442_000;

/// The scenario of a seed: a few NodePools, workloads that grow and shrink, and faults of every kind. Clusters are small, so
/// that many of them can be run.
pub fn random_scenario(seed: u64) -> Scenario {
    let mut draws = Randomness::from_seed(seed).fork("scenario");
    let pools = pools::node_pools(&mut draws);
    let workloads: Vec<_> =
        (0..1 + draws.below(4)).map(|number| workloads::workload(number, &mut draws)).collect();
    let mut gates = Vec::new();
    if draws.chance(0.5) {
        gates.push("SpotToSpotConsolidation=true");
    }
    if draws.chance(0.3) {
        gates.push("NodeRepair=true");
    }
    Scenario {
        name: format!("random-{seed}"),
        description: String::new(),
        start: jiff::Timestamp::from_second(START).unwrap_or_default(),
        duration: Span::seconds(BUSY),
        settle: Span::seconds(SETTLE),
        seed,
        region: "us-east-1".to_owned(),
        cluster: "simulated".to_owned(),
        feature_gates: gates.join(","),
        spot_hazard: if draws.chance(0.3) { 200.0 } else { 1.0 },
        boot_factor: if draws.chance(0.2) { 3.0 } else { 1.0 },
        baseline: None,
        manifests: Vec::new(),
        changes: troubles::changes(&mut draws, pools.len(), &workloads),
        market: troubles::market(&mut draws),
        faults: troubles::faults(&mut draws),
        objects: pools.into_iter().chain([pools::node_class()]).collect(),
        workloads,
        assertions: Assertions::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use supercargo_cloud_sim::Script;

    use super::*;
    use crate::scenario::FaultKind;

    /// Words for what a scenario has.
    fn features(scenario: &Scenario) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let text = serde_json::to_string(scenario).unwrap();
        let words = [
            "priceFactor",
            "interrupt",
            "killKubelets",
            "impairHosts",
            "retire",
            "rebalance",
            "releaseImages",
            "RequestLimitExceeded",
            "minAvailable\":\"",
            "do-not-disrupt",
            "limits",
            "budgets",
            "reasons",
            "terminationGracePeriod\"",
            "podAntiAffinity",
            "DoNotSchedule",
            "\"delete\":{",
            "image\":\"",
            "bootFactor\":3",
            "spotHazard\":200",
            "generation\":\"2",
            "NodeRepair",
            "zone: us-east-1",
            "expireAfter\":\"2",
            "detailedMonitoring",
        ];
        found.extend(words.iter().filter(|word| text.contains(*word)).map(|word| (*word).to_owned()));
        for fault in &scenario.faults {
            let kind = match fault.kind {
                FaultKind::Crash => "crash",
                FaultKind::ApiErrors(_) => "errors",
                FaultKind::DropWatches => "watches",
                FaultKind::ClockAhead(_) => "ahead",
                FaultKind::ClockBehind(_) => "behind",
            };
            found.insert(kind.to_owned());
        }
        found
    }

    #[test]
    fn a_hundred_seeds_have_all_that_can_happen_and_every_one_can_be_read() {
        let mut found = BTreeSet::new();
        for seed in 1..=100 {
            let scenario = random_scenario(seed);
            scenario.market.parse::<Script>().unwrap();
            assert_eq!(scenario.duration.0 + scenario.settle.0, Duration::from_secs(3_600));
            let last = scenario.faults.iter().map(|fault| fault.at.0 + fault.lasts.0).max();
            assert!(last.is_none_or(|last| last <= scenario.duration.0), "seed {seed}: {last:?}");
            found.extend(features(&scenario));
        }
        assert_eq!(found.len(), 30, "{found:?}");
    }

    #[test]
    fn a_seed_has_one_scenario() {
        assert_eq!(random_scenario(7), random_scenario(7));
        assert_ne!(random_scenario(7).workloads, random_scenario(8).workloads);
    }
}
