//! `/efficiency` (reference sections 1.6 and 2.2).

use serde_json::Value;

use crate::asking::{WINDOW, data, fields, service};
use crate::made_up;

#[tokio::test]
async fn what_was_used_is_told_with_what_requests_would_do() {
    let router = service(made_up::ledger(5));
    let answer = data(&router, &format!("/efficiency?window={WINDOW}&limit=3")).await;
    let rows = answer["efficiencies"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "the dearest namespaces");
    insta::assert_snapshot!(fields(&rows[0]));
    for row in rows {
        let number = |field: &str| row[field].as_f64().unwrap();
        assert!((number("recommendedCpuRequest") - 1.2 * number("cpuCoresUsed")).abs() < 1e-4);
        assert!(
            (number("currentTotalCost") - number("recommendedCost") - number("costSavings")).abs() < 1e-4
        );
    }
    let pods = data(&router, &format!("/efficiency?window={WINDOW}&aggregate=pod&buffer=1")).await;
    let rows = pods["efficiencies"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["resultingCpuEfficiency"] == 1 || row["cpuCoresUsed"] == 0));
}

#[tokio::test]
async fn a_clusters_cost_is_used_asked_for_or_nobodys() {
    let router = service(made_up::ledger(5));
    let by_type = data(&router, &format!("/assets?window={WINDOW}&aggregate=type")).await;
    for path in ["/efficiency/clusters", "/efficiency/clusters/summary"] {
        let answer = data(&router, &format!("{path}?window={WINDOW}")).await;
        let set = &answer["sets"][0];
        let clusters = set["clusters"].as_object().unwrap();
        assert_eq!(clusters.keys().collect::<Vec<_>>(), ["east", "west"]);
        let number = |row: &Value, field: &str| row[field].as_f64().unwrap();
        for row in clusters.values().chain([&set["summary"]]) {
            let parts =
                ["totalUsageCost", "workloadIdleCost", "infraIdleCost"].map(|field| number(row, field));
            assert!((parts.iter().sum::<f64>() - number(row, "totalAllocationCost")).abs() < 1e-4);
            assert!((0.0..=1.0).contains(&number(row, "efficiency")));
        }
        // all of the nodes' cost is somebody's or nobody's
        let nodes = number(&by_type["Node"], "totalCost");
        assert!((number(&set["summary"], "totalAllocationCost") - nodes).abs() < 1e-4);
    }
}
