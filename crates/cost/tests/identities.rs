//! What always holds: rows add up to assets, steps to windows, aggregates to aggregates, and sharing moves costs without
//! changing their sum.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod made_up;

use made_up::{ledger, turned_ledger};
use proptest::prelude::*;
use supercargo_cost::allocation::{AllocationQuery, Split};
use supercargo_cost::asset::Asset;
use supercargo_cost::filter::{Filter, Vocabulary};
use supercargo_cost::workload::RowKind;
use supercargo_cost::{Aggregation, AllocationSet, Interval, Ledger, Money, Sharing};

fn query(window: Interval, by: &str, sharing: Sharing) -> AllocationQuery {
    AllocationQuery {
        steps: vec![window],
        aggregation: Aggregation::parse(by, false).unwrap(),
        sharing,
        ..AllocationQuery::default()
    }
}

fn one(query: &AllocationQuery, ledger: &Ledger) -> AllocationSet {
    query.answer(ledger).into_iter().next().unwrap()
}

fn assets(ledger: &Ledger, window: Interval) -> Vec<Asset> {
    let documents = ledger.hours(window).flat_map(|hour| ledger.priced(hour, window, None));
    documents.flat_map(|document| document.assets.clone()).collect()
}

/// Everything shown: idle, overhead, the control plane.
fn everything() -> Sharing {
    Sharing { include_idle: true, include_overhead: true, ..Sharing::default() }
}

fn sharings() -> impl Strategy<Value = Sharing> {
    (any::<[bool; 6]>(), 0i64..5_000, any::<[bool; 2]>()).prop_map(|(flags, monthly, shared)| Sharing {
        share_idle: flags[0],
        idle_by_node: flags[1],
        include_overhead: flags[2],
        balancers: flags[3],
        management: flags[4],
        split: if flags[5] { Split::Even } else { Split::Weighted },
        include_idle: true,
        namespaces: if shared[0] { vec!["kube-system".to_owned()] } else { Vec::new() },
        labels: if shared[1] { vec![("team".to_owned(), "platform".to_owned())] } else { Vec::new() },
        monthly: Money::from_dollars(monthly),
        ..Sharing::default()
    })
}

fn windows() -> impl Strategy<Value = Interval> {
    (0i64..4 * 3_600, 1i64..4 * 3_600).prop_map(|(start, length)| Interval::new(start, start + length))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Allocations + idle + overhead = assets, exactly, in any window.
    #[test]
    fn rows_add_up_to_assets(seed in any::<u64>(), window in windows()) {
        let ledger = ledger(seed);
        let set = one(&query(window, "", everything()), &ledger);
        let paid: Money = assets(&ledger, window).iter().map(|asset| asset.cost).sum();
        prop_assert_eq!(set.total(), paid);
        for (name, aggregate) in &set.aggregates {
            let row = &aggregate.measures;
            for cost in [row.cpu.cost, row.ram.cost, row.gpu.cost, row.cpu.overcommit, row.shared, row.total()] {
                prop_assert!(cost >= Money::ZERO, "{name} has {cost}");
            }
        }
    }

    #[test]
    fn a_nodes_parts_are_allocated_kept_or_idle(seed in any::<u64>(), window in windows()) {
        for asset in assets(&ledger(seed), window) {
            if let supercargo_cost::asset::AssetKind::Node(node) = &asset.kind {
                prop_assert_eq!(node.parts.total(), asset.cost);
                let idle = node.idle();
                prop_assert!(idle.cpu >= Money::ZERO && idle.ram >= Money::ZERO && idle.gpu >= Money::ZERO);
                prop_assert_eq!(node.allocated.total() + node.overhead.total() + idle.total(), asset.cost);
            }
        }
    }

    /// Hours of any sharing add up to the window, key by key.
    #[test]
    fn steps_add_up_to_the_window(seed in any::<u64>(), sharing in sharings(), by in "namespace|team|pod,container|") {
        let ledger = ledger(seed);
        let window = Interval::new(0, 4 * 3_600);
        let whole = one(&query(window, &by, sharing.clone()), &ledger);
        let mut steps = query(window, &by, sharing);
        steps.steps = window.hours().map(Interval::hour).collect();
        let mut sum = AllocationSet::default();
        for set in steps.answer(&ledger) {
            sum.merge(set, false);
        }
        prop_assert_eq!(sum.aggregates.len(), whole.aggregates.len());
        for (key, aggregate) in &whole.aggregates {
            prop_assert_eq!(&sum.aggregates[key].measures, &aggregate.measures, "{}", key);
        }
    }

    /// Sharing moves costs; what is shown is all there is, and what comes from outside.
    #[test]
    fn sharing_does_not_change_the_sum(seed in any::<u64>(), sharing in sharings(), window in windows()) {
        let ledger = ledger(seed);
        let plain = one(&query(window, "namespace", everything()), &ledger).total();
        let mut shown = sharing.clone();
        // the control plane is shown, or shared, or left out
        shown.include_overhead = true;
        let outside: Money = ledger
            .hours(window)
            .map(|hour| {
                let documents = ledger.priced(hour, window, None);
                let seconds = documents.iter().fold(Interval::default(), |all, one| all.hull(one.covered)).seconds();
                sharing.monthly.share(u128::from(seconds), 730 * 3_600)
            })
            .sum();
        let moved = one(&query(window, "namespace", shown), &ledger).total();
        prop_assert_eq!(moved, plain + outside);
    }

    /// By namespace and then by nothing is as by nothing at once.
    #[test]
    fn an_aggregate_of_aggregates_is_the_aggregate(seed in any::<u64>(), sharing in sharings()) {
        let ledger = ledger(seed);
        let window = Interval::new(0, 4 * 3_600);
        let sharing = Sharing { split: Split::Weighted, ..sharing };
        let fine = one(&query(window, "namespace,pod,container", sharing.clone()), &ledger);
        let coarse = one(&query(window, "namespace", sharing), &ledger);
        for (key, aggregate) in &coarse.aggregates {
            let parts = fine.aggregates.iter().filter(|(name, _)| name.split('/').next() == Some(key));
            let sum: Money = parts.map(|(_, part)| part.measures.total()).sum();
            prop_assert_eq!(sum, aggregate.measures.total(), "{}", key);
        }
    }

    #[test]
    fn the_order_of_insertion_does_not_matter(seed in any::<u64>(), sharing in sharings()) {
        let straight = ledger(seed);
        let turned = turned_ledger(seed);
        let query = query(Interval::new(600, 4 * 3_600 - 600), "team", sharing);
        prop_assert_eq!(query.answer(&straight), query.answer(&turned));
    }

    /// A filter and its opposite see everything once.
    #[test]
    fn a_filter_and_its_negation_add_up(seed in any::<u64>(), sharing in sharings(), window in windows()) {
        let ledger = ledger(seed);
        let filtered = |text: &str| {
            let filter = Filter::parse(text, Vocabulary::Allocations).unwrap();
            let set = one(&AllocationQuery { filter, ..query(window, "namespace", sharing.clone()) }, &ledger);
            let own = set.aggregates.iter().filter(|(key, _)| !key.starts_with("__"));
            own.map(|(_, aggregate)| aggregate.measures.total()).sum::<Money>()
        };
        let all = filtered("");
        prop_assert_eq!(filtered("namespace:\"shop\"") + filtered("namespace!:\"shop\""), all);
    }
}

/// Later prices change the past, and only by asking again.
#[test]
fn a_late_bill_prices_the_past_anew() {
    use supercargo_catalog::Usd;
    use supercargo_cost::prices::{NodePrice, NodePriceKey, PriceSource};
    let mut ledger = ledger(1);
    let window = Interval::new(0, 3_600);
    let total = |ledger: &Ledger| one(&query(window, "all", everything()), ledger).total();
    let before = total(&ledger);
    let known = |asset: &Asset| asset.type_name() == "Node" && !asset.provider_id.is_empty();
    let node = assets(&ledger, window).into_iter().find(known).unwrap();
    let id = node.provider_id.rsplit('/').next().unwrap().into();
    let price = Usd::from_nanos(5_000_000_000);
    ledger.change_prices(|book| {
        let valid = Interval::new(0, i64::MAX);
        book.add_node_prices([(
            NodePriceKey::Instance(id),
            NodePrice { price, source: PriceSource::Bill, valid, day: None, without_gpus: false },
        )]);
    });
    let after = total(&ledger);
    let again = assets(&ledger, window)
        .into_iter()
        .find(|asset| known(asset) && asset.provider_id == node.provider_id)
        .unwrap();
    assert_eq!(again.source, PriceSource::Bill);
    assert_eq!(after - before, again.cost - node.cost);
}

#[test]
fn overcommit_is_shown_apart_and_charged_only_to_follow_upstream() {
    let window = Interval::new(0, 4 * 3_600);
    let mut seen = 0;
    for seed in 0..20 {
        let ledger = ledger(seed);
        let set = one(&query(window, "", everything()), &ledger);
        let rows = || set.aggregates.values().map(|aggregate| &aggregate.measures);
        let overcommit: Money =
            rows().map(|row| row.cpu.overcommit + row.ram.overcommit + row.gpu.overcommit).sum();
        let charged = Sharing { charge_overcommit: true, ..everything() };
        assert_eq!(one(&query(window, "", charged), &ledger).total(), set.total() + overcommit);
        assert!(set.aggregates.values().all(|one| one.properties.get().kind != RowKind::Shared));
        seen += usize::from(overcommit > Money::ZERO);
    }
    assert!(seen > 0, "some of the made-up nodes are overcommitted");
}
