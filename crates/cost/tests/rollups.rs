//! What is added up beforehand answers exactly as the hours would.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod made_up;
mod scratch;

use std::fs;

use made_up::CLUSTERS;
use proptest::prelude::*;
use scratch::Scratch;
use supercargo_catalog::Usd;
use supercargo_cost::allocation::{AllocationQuery, Split};
use supercargo_cost::facts::HourFacts;
use supercargo_cost::filter::{Filter, Vocabulary};
use supercargo_cost::prices::UnitPrices;
use supercargo_cost::{Aggregation, AllocationSet, Interval, Ledger, Money, Sharing};

const DAY: i64 = 86_400;

/// Hours of two days and the beginning of a third.
fn hours() -> Vec<i64> {
    [0, 1, 23, 24, 47, 48, 49].map(|hour| hour * 3_600).to_vec()
}

fn facts(seed: u64) -> Vec<HourFacts> {
    // the same pods in every hour, or there would be nothing to add up
    let of_hour = |hour: i64| {
        CLUSTERS.map(|cluster| {
            let mut facts = made_up::facts(seed, cluster, hour);
            if hour % DAY >= 7_200 {
                facts.nodes.iter_mut().for_each(|node| node.provider_id = "aws:///us-east-1a/i-new".into());
            }
            facts
        })
    };
    hours().into_iter().flat_map(of_hour).collect()
}

/// The same ledger twice: all in memory, and most of it on disk, days and hours.
fn both(seed: u64, scratch: &Scratch) -> (Ledger, Ledger) {
    let mut memory = Ledger::new(made_up::prices());
    let store = scratch.store();
    for facts in facts(seed) {
        memory.insert(facts.clone());
        if facts.hour < hours()[6] {
            store.commit(&facts).unwrap();
        }
    }
    let mut disk = Ledger::open(store, made_up::prices(), true).unwrap();
    disk.maintain(2 * DAY, None).unwrap();
    for facts in facts(seed) {
        if facts.hour >= hours()[6] {
            disk.insert(facts);
        }
    }
    assert!(disk.take_problems().is_empty());
    (memory, disk)
}

fn sharings() -> impl Strategy<Value = Sharing> {
    (any::<[bool; 9]>(), prop_oneof![3 => Just(0i64), 1 => 0i64..5_000], any::<[bool; 4]>()).prop_map(
        |(flags, monthly, shared)| Sharing {
            // its parts are rounded row by row
            breakdown: false,
            include_idle: flags[0],
            share_idle: flags[1],
            idle_by_node: flags[2],
            split_idle: flags[3],
            include_overhead: flags[4],
            balancers: flags[5] && shared[3],
            management: flags[6] && shared[3],
            charge_overcommit: flags[7] && flags[8] && shared[2],
            split: if flags[8] { Split::Even } else { Split::Weighted },
            namespaces: if shared[0] && shared[2] { vec!["kube-system".to_owned()] } else { Vec::new() },
            labels: if shared[1] && shared[2] {
                vec![("team".to_owned(), "platform".to_owned())]
            } else {
                Vec::new()
            },
            monthly: Money::from_dollars(monthly),
        },
    )
}

fn windows() -> impl Strategy<Value = Interval> {
    let bound =
        || prop_oneof![(0i64..51).prop_map(|hour| hour * 3_600), 0i64..51 * 3_600, Just(0), Just(2 * DAY)];
    (bound(), bound()).prop_map(|(one, other)| Interval::new(one.min(other), one.max(other) + 1_800))
}

const FILTERS: [&str; 9] = [
    "",
    "",
    "namespace:\"shop\"",
    "namespace!:\"shop\"",
    "label[team]:\"media\",\"payments\"",
    "controllerName~:\"app\"+cluster:\"east\"",
    "pod:\"pod-1\"",
    "node!:\"node-0\"",
    "(container:\"main\"|services:\"front\")+label[cost-center]:\"cc-1\"",
];

const BY: [&str; 9] = [
    "",
    "all",
    "namespace",
    "label:team",
    "cluster,controller",
    "node",
    "pod,container",
    "container,service",
    "namespace,label:cost-center,providerID",
];

fn queries() -> impl Strategy<Value = AllocationQuery> {
    let step = prop_oneof![Just(i64::MAX), Just(DAY), Just(3_600), Just(5_000)];
    (windows(), step, sharings(), 0..BY.len(), 0..FILTERS.len(), any::<[bool; 4]>()).prop_map(
        |(window, step, sharing, by, filter, flags)| {
            let starts = (0..).map(|index: i64| window.start.saturating_add(index.saturating_mul(step)));
            let cut = |start: i64| Interval::new(start, start.saturating_add(step).min(window.end));
            AllocationQuery {
                steps: starts.take_while(|start| *start < window.end).map(cut).collect(),
                aggregation: Aggregation::parse(BY[by], false).unwrap(),
                sharing,
                filter: Filter::parse(FILTERS[filter], Vocabulary::Allocations).unwrap(),
                keep_labels: flags[0],
                asset_shares: flags[1],
                per_step: flags[2] && flags[3],
                ..AllocationQuery::default()
            }
        },
    )
}

fn same(one: &[AllocationSet], other: &[AllocationSet]) {
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(other) {
        for (key, aggregate) in &one.aggregates {
            let found = other.aggregates.get(key).unwrap_or_else(|| panic!("{key} is missing"));
            assert_eq!(found, aggregate, "{key} in {:?}", one.window);
        }
        assert_eq!(one, other);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    /// Whatever is asked, the answer is the same to the last digit: sums, shares, idle, properties.
    #[test]
    fn an_answer_from_what_is_added_up_is_that_from_the_hours(
        seed in any::<u64>(),
        queries in proptest::collection::vec(queries(), 40),
    ) {
        let scratch = Scratch::new();
        let (memory, disk) = both(seed, &scratch);
        let reader = Ledger::open(scratch.store(), made_up::prices(), false).unwrap();
        for query in queries {
            same(&query.answer(&memory), &query.answer(&disk));
            let first_days = AllocationQuery { steps: vec![Interval::new(0, 2 * DAY)], ..query };
            same(&first_days.answer(&memory), &first_days.answer(&reader));
        }
        prop_assert!(disk.take_problems().is_empty());
        let all = Interval::new(0, 3 * DAY);
        prop_assert_eq!(memory.hours(all).collect::<Vec<_>>(), disk.hours(all).collect::<Vec<_>>());
        prop_assert_eq!(memory.covered(), disk.covered());
        prop_assert_eq!(memory.clusters(), disk.clusters());
        let facts = |ledger: &Ledger| ledger.facts(all).map(|facts| HourFacts::clone(&facts)).collect::<Vec<_>>();
        prop_assert_eq!(facts(&memory), facts(&disk));
    }

    /// Other prices, other sums, in either direction.
    #[test]
    fn new_prices_change_what_was_added_up(seed in any::<u64>(), query in queries()) {
        let scratch = Scratch::new();
        let (mut memory, mut disk) = both(seed, &scratch);
        let before = query.answer(&disk);
        let dear = UnitPrices { balancer: Usd::from_nanos(7_000_000_000), ..UnitPrices::default() };
        for ledger in [&mut memory, &mut disk] {
            let units = dear.clone();
            ledger.change_prices(|book| book.set_units(units));
        }
        same(&query.answer(&memory), &query.answer(&disk));
        disk.change_prices(|book| *book = made_up::prices());
        same(&before, &query.answer(&disk));
        // what a process with other prices wrote is not taken for this one's
        let reader = Ledger::open(scratch.store(), made_up::prices(), false).unwrap();
        let first_days = AllocationQuery { steps: vec![Interval::new(0, 2 * DAY)], ..query };
        same(&first_days.answer(&disk), &first_days.answer(&reader));
    }

    /// Whatever becomes of a roll-up's file, the answer comes from the facts then.
    #[test]
    fn damaged_roll_ups_are_made_anew(seed in any::<u64>(), file in any::<usize>(), place in 0.0f64..1.0, cut in any::<bool>()) {
        let scratch = Scratch::new();
        let (memory, disk) = both(seed, &scratch);
        drop(disk);
        let files: Vec<_> =
            scratch.files().into_iter().filter(|path| path.starts_with(scratch.0.join("rollups"))).collect();
        prop_assert!(files.len() >= 12, "{}", files.len());
        let path = &files[file % files.len()];
        let mut bytes = fs::read(path).unwrap();
        let at = ((bytes.len() - 1) as f64 * place) as usize;
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 }
        fs::write(path, bytes).unwrap();
        let reader = Ledger::open(scratch.store(), made_up::prices(), false).unwrap();
        for by in ["namespace", "pod"] {
            for steps in [vec![Interval::new(0, 2 * DAY)], vec![Interval::new(3_600, 2 * DAY)]] {
                let aggregation = Aggregation::parse(by, false).unwrap();
                let query = AllocationQuery { steps, aggregation, ..AllocationQuery::default() };
                same(&query.answer(&memory), &query.answer(&reader));
            }
        }
        prop_assert!(reader.take_problems().is_empty());
    }
}

/// The roll-ups outlive the facts: what was added up is still known, and the loss is told.
#[test]
fn a_day_whose_facts_are_lost_is_answered_from_its_roll_ups() {
    let scratch = Scratch::new();
    let (memory, disk) = both(3, &scratch);
    drop(disk);
    let day = scratch.0.join("containers/cluster=east/day=1970-01-01/day.parquet");
    let bytes = fs::read(&day).unwrap();
    fs::write(&day, &bytes[..bytes.len() / 2]).unwrap();
    let reader = Ledger::open(scratch.store(), made_up::prices(), false).unwrap();
    let problems: Vec<String> = reader.take_problems().iter().map(ToString::to_string).collect();
    assert!(problems.len() == 1 && problems[0].contains("day.parquet: damaged"), "{problems:?}");
    let query = AllocationQuery {
        steps: vec![Interval::new(0, 2 * DAY), Interval::new(3_600, 2 * DAY)],
        aggregation: Aggregation::parse("namespace", false).unwrap(),
        ..AllocationQuery::default()
    };
    same(&query.answer(&memory), &query.answer(&reader));
    let gaps = reader.gaps(Interval::new(0, DAY));
    assert!(
        gaps.iter().any(|(cluster, gap)| &**cluster == "east" && &*gap.subject == "stored hour, damaged")
    );
    // half an hour is not added up: it is missing, and that is all
    let half = AllocationQuery { steps: vec![Interval::new(0, 1_800)], ..query };
    let sets = half.answer(&reader);
    assert!(sets[0].total() < half.answer(&memory)[0].total());
}
