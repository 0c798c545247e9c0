//! The scenarios of the repository hold what they promise. Figures in virtual time are the same on every machine.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::Path;

use rstest::rstest;
use supercargo_sim::scenario::{Scenario, read};
use supercargo_sim::{RunOptions, run};

fn scenario(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let open = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
    read(&open(&format!("{name}.yaml")).unwrap(), open).unwrap()
}

#[rstest]
#[case::ice_storm("ice-storm")]
fn a_scenario_holds_what_it_promises(#[case] name: &str) {
    let outcome = run(&scenario(name), &RunOptions::default()).unwrap();
    assert_eq!(outcome.violations, []);
}
