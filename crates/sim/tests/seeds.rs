//! Fifty random scenarios with random faults, an hour of virtual time each.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::thread::available_parallelism;

use supercargo_sim::check_seeds;

#[test]
fn fifty_seeds_hold() {
    let threads = available_parallelism().map_or(1, usize::from);
    let mut held = Vec::new();
    check_seeds(1..51, threads, false, |seed, checked| {
        if let Some(failure) = checked.unwrap() {
            let (until, violations) = (failure.until.as_secs(), &failure.outcome.violations);
            panic!("seed {seed} fails with what happens in its first {until} seconds: {violations:#?}");
        }
        held.push(seed);
    });
    assert_eq!(held, (1..51).collect::<Vec<u64>>(), "told in order");
}
