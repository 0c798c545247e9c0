//! What always holds, held by the answers as they are read from JSON: to the last of nine decimals.

use proptest::prelude::*;
use serde_json::Value;
use supercargo_cost::{Interval, Ledger};

use crate::asking::{data, query, service};
use crate::made_up::{ledger, turned_ledger};

/// Billionths of a dollar.
fn nanos(row: &Value) -> i128 {
    (row["totalCost"].as_f64().unwrap() * 1e9).round() as i128
}

fn total(rows: &Value) -> i128 {
    rows.as_object().unwrap().values().map(nanos).sum()
}

/// Asks once, on a runtime of its own.
fn ask(ledger: Ledger, paths: &[String]) -> Vec<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let router = service(ledger);
        let mut answers = Vec::new();
        for path in paths {
            answers.push(data(&router, path).await);
        }
        answers
    })
}

fn path(route: &str, window: Interval, more: &[(&str, &str)]) -> String {
    let text = format!("{}-{}", window.start, window.end);
    let mut pairs = vec![("window", text.as_str()), ("decimals", "9")];
    pairs.extend(more);
    format!("{route}?{}", query(&pairs))
}

/// Everything shown.
const SHOWN: [(&str, &str); 2] = [("includeIdle", "true"), ("includeOverhead", "true")];

fn windows() -> impl Strategy<Value = Interval> {
    (1i64..4 * 3_600, 1i64..4 * 3_600).prop_map(|(start, length)| Interval::new(start, start + length))
}

fn sharings() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let all = vec![
        ("shareIdle", "true"),
        ("idleByNode", "true"),
        ("sharelb", "true"),
        ("shareTenancyCosts", "true"),
        ("shareSplit", "even"),
        ("shareNamespaces", "kube-system,batch"),
        ("shareLabels", "team:platform"),
        ("includeSharedCostBreakdown", "true"),
    ];
    proptest::sample::subsequence(all, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn allocations_idle_and_overhead_are_what_assets_cost(seed in any::<u64>(), window in windows(), by in "namespace|team,pod|all|") {
        let mut shown = SHOWN.to_vec();
        shown.push(("aggregate", &by));
        let answers = ask(ledger(seed), &[path("/allocation", window, &shown), path("/assets", window, &[])]);
        prop_assert_eq!(total(&answers[0][0]), total(&answers[1]));
    }

    #[test]
    fn sharing_does_not_change_the_sum(seed in any::<u64>(), window in windows(), sharing in sharings()) {
        let mut shared = SHOWN.to_vec();
        shared.extend([("aggregate", "namespace")]);
        let plain = path("/allocation", window, &shared);
        shared.extend(sharing);
        let answers = ask(ledger(seed), &[plain, path("/allocation", window, &shared)]);
        prop_assert_eq!(total(&answers[0][0]), total(&answers[1][0]));
    }

    #[test]
    fn steps_and_groups_of_steps_are_the_window(seed in any::<u64>(), sharing in sharings(), step in "1h|2h|3h|hour") {
        let window = Interval::new(0, 4 * 3_600);
        let mut asked = SHOWN.to_vec();
        asked.push(("aggregate", "namespace,pod"));
        asked.extend(sharing);
        let whole = path("/allocation", window, &asked);
        asked.push(("step", &step));
        let steps = path("/allocation", window, &asked);
        asked.push(("accumulate", "true"));
        let answers = ask(ledger(seed), &[whole, steps, path("/allocation", window, &asked)]);
        prop_assert_eq!(total(&answers[2][0]), total(&answers[0][0]));
        for (key, row) in answers[0][0].as_object().unwrap() {
            let sets = answers[1].as_array().unwrap().iter();
            prop_assert_eq!(sets.filter_map(|set| set.get(key)).map(nanos).sum::<i128>(), nanos(row), "{}", key);
            prop_assert_eq!(nanos(&answers[2][0][key]), nanos(row), "{}", key);
        }
    }

    #[test]
    fn an_aggregate_of_aggregates_is_the_aggregate(seed in any::<u64>(), window in windows(), sharing in sharings()) {
        let sharing: Vec<_> = sharing.into_iter().filter(|(name, _)| *name != "shareSplit").collect();
        let mut fine = sharing.clone();
        fine.extend([("aggregate", "namespace,pod,container"), ("includeIdle", "true")]);
        let mut coarse = sharing;
        coarse.extend([("aggregate", "namespace"), ("includeIdle", "true")]);
        let answers = ask(ledger(seed), &[path("/allocation", window, &fine), path("/allocation", window, &coarse)]);
        for (key, row) in answers[1][0].as_object().unwrap() {
            let parts = answers[0][0].as_object().unwrap().iter();
            let sum: i128 = parts.filter(|(name, _)| name.split('/').next() == Some(key)).map(|(_, row)| nanos(row)).sum();
            prop_assert_eq!(sum, nanos(row), "{}", key);
        }
    }

    #[test]
    fn the_order_of_insertion_does_not_matter(seed in any::<u64>(), sharing in sharings()) {
        let turned = turned_ledger(seed);
        let mut asked = SHOWN.to_vec();
        asked.extend(sharing);
        let window = Interval::new(600, 13_000);
        let routes = ["/allocation", "/allocation/summary", "/assets", "/efficiency/clusters"];
        let paths: Vec<String> = routes.into_iter().map(|route| path(route, window, &asked)).collect();
        prop_assert_eq!(ask(ledger(seed), &paths), ask(turned, &paths));
    }

    /// Nothing is negative.
    #[test]
    fn no_number_is_below_zero(seed in any::<u64>(), window in windows(), sharing in sharings()) {
        let mut asked = SHOWN.to_vec();
        asked.extend(sharing);
        let paths = ["/allocation", "/allocation/summary", "/assets", "/efficiency/clusters"]
            .map(|route| path(route, window, &asked));
        for (answer, path) in ask(ledger(seed), &paths).iter().zip(&paths) {
            let below = negative(answer);
            prop_assert!(below.is_none(), "{:?} in {}", below, path);
        }
    }
}

/// The first field with a negative number.
fn negative(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| match value.as_f64() {
            Some(number) if number < 0.0 => Some(format!("{name}: {number}")),
            _ => negative(value),
        }),
        Value::Array(values) => values.iter().find_map(negative),
        _ => None,
    }
}
