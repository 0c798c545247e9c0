//! The scenarios of the repository hold what they promise. Figures in virtual time are the same on every machine.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::Path;

use rstest::rstest;
use supercargo_sim::scenario::{Scenario, Span, read};
use supercargo_sim::{RunOptions, run};

fn scenario(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let open = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
    read(&open(&format!("{name}.yaml")).unwrap(), open).unwrap()
}

/// A tenth of a launch: a tenth of the load on a tenth of the pods, and nothing after the growth.
fn a_tenth_of_viral_launch() -> Scenario {
    let mut scenario = scenario("viral-launch");
    for workload in &mut scenario.workloads {
        workload.replicas /= 10;
        workload.load = workload.load.map(|load| load / 10.0);
        if let Some(autoscale) = &mut workload.autoscale {
            (autoscale.min, autoscale.max) = (autoscale.min / 10, autoscale.max / 10);
        }
        workload.steps.truncate(1);
        for step in &mut workload.steps {
            step.load = step.load.map(|load| load / 10.0);
        }
    }
    scenario.duration = Span::seconds(2_400);
    scenario.settle = Span::seconds(300);
    scenario
}

/// Nine times as many pods, the last of them runs 90 seconds after it was made, for 40 % of what it costs on demand.
#[test]
fn a_launch_is_fast_and_cheap() {
    let outcome = run(&a_tenth_of_viral_launch(), &RunOptions::default()).unwrap();
    assert_eq!(outcome.violations, []);
    let running = outcome.samples.iter().map(|sample| sample.running).max().unwrap();
    assert!((170..=180).contains(&running), "{running}");
    assert!(outcome.latencies.last <= 90.0, "{:?}", outcome.latencies);
    let percent = outcome.percent_of_baseline().unwrap();
    assert!(percent <= 40.0, "{percent}");
}

#[rstest]
#[case::ice_storm("ice-storm")]
fn a_scenario_holds_what_it_promises(#[case] name: &str) {
    let outcome = run(&scenario(name), &RunOptions::default()).unwrap();
    assert_eq!(outcome.violations, []);
}
