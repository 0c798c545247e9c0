//! What `supercargo cost` prints.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod ledger;

use serde_json::json;
use supercargo_cli::cost::{asset_rows, assets, cost_rows, costs, efficiency, report};

/// The worked example of a cost report: 2,130, 5,550, 2,090, 1,100, idle 4,100, in all 14,970.
fn example() -> serde_json::Value {
    let row = |cpu: f64, ram: f64, efficiency: f64| {
        json!({
            "cpuCost": cpu, "cpuCostAdjustment": 0, "ramCost": ram, "ramCostAdjustment": 0, "totalCost": cpu + ram,
            "cpuEfficiency": efficiency, "ramEfficiency": 0.5, "totalEfficiency": (efficiency + 0.5) / 2.0,
        })
    };
    json!([{
        "payments/payments": row(1_240.0, 890.0, 0.25),
        "search/search": row(3_100.0, 2_450.0, 0.75),
        "data/data-pipeline": row(890.0, 1_200.0, 1.5),
        "__unallocated__/platform": row(420.0, 680.0, 0.0),
        "__idle__": row(1_800.0, 2_300.0, 0.0),
    }])
}

#[test]
fn the_report_is_the_table_of_the_worked_example() {
    let by = ["team".to_owned(), "namespace".to_owned()];
    let text = report(&cost_rows(&example()), &by);
    assert!(text.lines().last().unwrap().ends_with("14,970.00"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn costs_have_their_parts() {
    insta::assert_snapshot!(costs(&cost_rows(&example()), true));
}

#[test]
fn waste_comes_first() {
    insta::assert_snapshot!(efficiency(&cost_rows(&example())));
}

#[test]
fn assets_say_where_their_prices_come_from() {
    let data = json!({
        "a": {"type": "Node", "properties": {"cluster": "east", "name": "n1"}, "nodeType": "m5.large", "minutes": 90,
              "totalCost": 0.144, "priceSource": "list"},
        "b": {"type": "Disk", "properties": {"cluster": "east", "name": "pv-1\u{1b}[31m"}, "storageClass": "gp3", "minutes": 60,
              "totalCost": 12.5, "priceSource": "default"},
    });
    insta::assert_snapshot!(assets(&asset_rows(&data)));
}

#[test]
fn nonsense_has_no_rows() {
    for data in [json!(null), json!("x"), json!([null, 1, []]), json!({"a": 1})] {
        assert!(cost_rows(&data).is_empty());
        assert!(asset_rows(&data).len() <= 1);
    }
}
