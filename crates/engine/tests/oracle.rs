//! The engine against brute force, on random small clusters.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::sync::Mutex;

use supercargo_catalog::Usd;
use supercargo_engine::invariants::check;
use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};
use supercargo_engine::solve::{SolveOptions, solve};

use support::instance::Instance;
use support::objects::{market, objects};
use support::oracle::cheapest;

/// Instances that are drawn; enough for ten thousand of them to be priced.
const INSTANCES: u64 = 14_000;
/// Instances that must be priced against the oracle.
const LEAST_PRICED: u64 = 10_000;
/// Of those, how many must cost exactly as little as possible.
const LEAST_EQUAL_PERCENT: f64 = 95.0;
/// How far any may be above.
const MOST_ABOVE_PERCENT: f64 = 15.0;

/// What a run over many instances found.
#[derive(Debug, Default)]
struct Tally {
    priced: u64,
    equal: u64,
    impossible: u64,
    worst: Option<(f64, u64)>,
    above: Vec<(u64, f64)>,
    broken: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.priced += other.priced;
        self.equal += other.equal;
        self.impossible += other.impossible;
        self.above.extend(other.above);
        self.broken.extend(other.broken);
        self.worst = match (self.worst, other.worst) {
            (Some(one), Some(two)) => Some(if one.0 >= two.0 { one } else { two }),
            (one, two) => one.or(two),
        };
    }

    fn judge(&mut self, seed: u64) {
        let instance = Instance::draw(seed);
        // Which is first, the heavier NodePool or the emptier zone, is a matter of taste: no prices are compared then.
        let is_ambiguous = instance.has_weights() && instance.has_zone_spread();
        let optimum = cheapest(&instance, !is_ambiguous);
        let snapshot = Snapshot::build(&objects(&instance), &market(&instance), &SnapshotOptions::default());
        let outcome = solve(&snapshot, SolveOptions::default());
        let violations = check(&snapshot, &outcome);
        for violation in violations {
            self.broken.push(format!("seed {seed}: {violation}"));
        }
        let unplaced: usize = outcome.unplaced.iter().map(|unplaced| unplaced.pods.len()).sum();
        let Some(optimum) = optimum else {
            self.impossible += 1;
            if unplaced == 0 {
                self.broken
                    .push(format!("seed {seed}: everything is placed, which the oracle thinks impossible"));
            }
            return;
        };
        if unplaced > 0 {
            self.broken.push(format!("seed {seed}: {unplaced} pods are refused, but all can be placed"));
            return;
        }
        if is_ambiguous {
            return;
        }
        let (price, optimum) = (outcome.price(), Usd::from_nanos(optimum));
        if price < optimum {
            self.broken.push(format!("seed {seed}: {price} beats the optimum {optimum}"));
        }
        if outcome.lower_bound > optimum {
            self.broken
                .push(format!("seed {seed}: bound {} above the optimum {optimum}", outcome.lower_bound));
        }
        self.priced += 1;
        if price == optimum {
            self.equal += 1;
            return;
        }
        let above = (price.as_f64() / optimum.as_f64() - 1.0) * 100.0;
        self.above.push((seed, above));
        if self.worst.is_none_or(|(worst, _)| above > worst) {
            self.worst = Some((above, seed));
        }
    }
}

#[test]
fn plans_of_small_clusters_are_the_cheapest_there_are() {
    let total = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let total = &total;
            scope.spawn(move || {
                let mut tally = Tally::default();
                for seed in (0..INSTANCES).filter(|seed| seed % threads == thread) {
                    tally.judge(seed);
                }
                total.lock().unwrap().add(tally);
            });
        }
    });
    let mut tally = total.into_inner().unwrap();
    tally.above.sort_by(|left, right| right.1.total_cmp(&left.1));
    let equal_percent = tally.equal as f64 / tally.priced as f64 * 100.0;
    let summary = format!(
        "{} priced, {} impossible; {equal_percent:.2} % cheapest; worst {:?}; furthest above {:?}; {} broken {:#?}",
        tally.priced,
        tally.impossible,
        tally.worst,
        &tally.above[..tally.above.len().min(10)],
        tally.broken.len(),
        &tally.broken[..tally.broken.len().min(40)],
    );
    println!("{summary}");
    assert!(tally.broken.is_empty(), "{summary}");
    assert!(tally.priced >= LEAST_PRICED, "{summary}");
    assert!(equal_percent >= LEAST_EQUAL_PERCENT, "{summary}");
    assert!(tally.worst.is_none_or(|(worst, _)| worst <= MOST_ABOVE_PERCENT), "{summary}");
}

/// What the engine made of one instance, beside the oracle's price.
#[test]
#[ignore = "shows one instance: SEED=12 cargo test -p supercargo-engine --test oracle -- --ignored --nocapture"]
fn show_one_instance() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_default();
    let instance = Instance::draw(seed);
    let snapshot = Snapshot::build(&objects(&instance), &market(&instance), &SnapshotOptions::default());
    let outcome = solve(&snapshot, SolveOptions::default());
    println!("{instance:#?}");
    for node in &outcome.nodes {
        let variant = &outcome.variants[node.variant as usize];
        let pool = &snapshot.pools[variant.pool as usize];
        let table = pool.table.as_ref().unwrap();
        let pods: Vec<String> = node.pods.iter().map(|pod| snapshot.pod_name(*pod)).collect();
        let key = &snapshot.market.keys[node.offer as usize];
        let name = &table.types[node.chosen as usize].name;
        println!("{} {name} {} {} {} {pods:?}", pool.name, key.zone, key.capacity_type, node.price);
    }
    for unplaced in &outcome.unplaced {
        println!("refused: {:?}", unplaced.pods);
    }
    println!("price {}, bound {}", outcome.price(), outcome.lower_bound);
    println!("optimum {:?}", cheapest(&instance, true).map(Usd::from_nanos));
    for violation in check(&snapshot, &outcome) {
        println!("{violation}");
    }
}
