//! The ledger's files and the exported ones, read by a program that knows nothing of us: DuckDB finds the same totals as
//! the API.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod made_up;
mod scratch;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, RwLock};

use serde_json::Value;
use supercargo_clock::VirtualClock;
use supercargo_cost::export::{SheetWriter, allocation_sheet, asset_sheet};
use supercargo_cost::http::{CostService, ServiceSettings, allocation_data};
use supercargo_cost::ledger::PricedHour;
use supercargo_cost::query::Parameters;
use supercargo_cost::{Interval, Ledger};
use supercargo_kubectl_venv::READER;

use scratch::Scratch;

const ALL: Interval = Interval::new(0, 4 * 3_600);
const SEED: u64 = 5;

/// Rows of DuckDB's answer.
fn duckdb(sql: &str) -> Vec<Vec<Value>> {
    let bin = READER.bin(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
    let script =
        "import duckdb, json, sys; print(json.dumps(duckdb.sql(sys.argv[1]).fetchall(), default=str))";
    let output = Command::new(bin.join("python")).args(["-c", script, sql]).output().unwrap();
    assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The first two columns of an answer, the second as a number.
fn totals(rows: Vec<Vec<Value>>) -> BTreeMap<String, f64> {
    rows.iter().map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_f64().unwrap())).collect()
}

/// A field of the API's answer by namespace, over the whole window.
fn answered(ledger: Ledger, field: &str) -> BTreeMap<String, f64> {
    let clock = Arc::new(VirtualClock::new(jiff::Timestamp::from_second(ALL.end).unwrap()));
    let service = CostService::new(Arc::new(RwLock::new(ledger)), clock, ServiceSettings::default());
    let query = "window=1970-01-01T00:00:00Z,1970-01-01T04:00:00Z&aggregate=namespace&accumulate=true&includeIdle=true&decimals=9";
    let (data, _) = allocation_data(&service, &Parameters::read(query, &[])).unwrap();
    let rows = data[0].as_object().unwrap();
    rows.iter().map(|(name, row)| (name.clone(), row[field].as_f64().unwrap())).collect()
}

fn assert_same(found: &BTreeMap<String, f64>, expected: &BTreeMap<String, f64>, what: &str) {
    let keys = |map: &BTreeMap<String, f64>| map.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(found), keys(expected), "{what}");
    for (name, value) in found {
        let other = expected[name];
        assert!(
            (value - other).abs() <= 1e-9 * value.abs().max(1.0),
            "{what} of {name}: {value}, API {other}"
        );
    }
}

/// The example of docs/ledger.md, for a directory.
fn example(directory: &Path) -> String {
    let page = include_str!("../../../docs/ledger.md");
    let example = page.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    example.trim().trim_end_matches(';').replace("DIR", directory.to_str().unwrap())
}

#[test]
fn duckdb_finds_the_same_usage_in_the_ledger_as_the_api() {
    let scratch = Scratch::new();
    let store = made_up::store(&scratch.0, SEED);
    let of_containers = |map: BTreeMap<String, f64>| {
        map.into_iter().filter(|(name, _)| !name.starts_with("__")).collect::<BTreeMap<_, _>>()
    };
    let expected = of_containers(answered(made_up::ledger(SEED), "cpuCoreHours"));
    assert!(expected.len() > 2, "{expected:?}");
    let sql = example(&scratch.0);
    assert_same(&totals(duckdb(&sql)), &expected, "core hours");
    store.compact(86_400).unwrap();
    assert_same(&totals(duckdb(&sql)), &expected, "core hours of a compacted day");
    let by_cluster = format!(
        "select namespace, sum(ram_charged) / 3600 from read_parquet('{}/containers/*/*/*.parquet', hive_partitioning = true) \
         where cluster in ('east', 'west') and day = '1970-01-01' group by namespace",
        scratch.0.display()
    );
    let expected = of_containers(answered(made_up::ledger(SEED), "ramByteHours"));
    assert_same(&totals(duckdb(&by_cluster)), &expected, "byte hours");
}

fn export(path: &Path, sheet: fn(i64, &PricedHour) -> supercargo_cost::export::Sheet) {
    let ledger = made_up::ledger(SEED);
    let file = fs::File::create(path).unwrap();
    let mut writer = SheetWriter::new(file, &sheet(0, &PricedHour::default())).unwrap();
    for hour in ledger.hours(ALL) {
        for document in ledger.priced(hour, ALL, None) {
            writer.write(&sheet(hour, &document)).unwrap();
        }
    }
    writer.close().unwrap();
}

#[test]
fn duckdb_finds_the_same_costs_in_the_export_as_the_api() {
    let scratch = Scratch::new();
    let (rows, assets) = (scratch.0.join("rows.parquet"), scratch.0.join("assets.parquet"));
    export(&rows, allocation_sheet);
    export(&assets, asset_sheet);
    let by_namespace = |amount: &str| {
        let name = "case kind when 'idle' then '__idle__' when 'overhead' then '__idle__' else namespace end";
        // the control plane is nobody's but the cluster's, and only shared when asked for
        let of_nodes = "kind <> 'overhead' or node <> ''";
        format!(
            "select {name} as name, sum({amount}) from '{}' where {of_nodes} group by name",
            rows.display()
        )
    };
    let expected = answered(made_up::ledger(SEED), "totalCost");
    assert!(expected.contains_key("__idle__"), "{expected:?}");
    assert_same(&totals(duckdb(&by_namespace("total_cost"))), &expected, "cost");
    let nanos = |total: f64| (total * 1e9).round() as i128;
    for (name, total) in totals(duckdb(&by_namespace("total_nanos"))) {
        assert_eq!(total as i128, nanos(expected[&name]), "{name}");
    }
    // reference section 1.2: nothing is lost between what is paid for and who carries it
    let sum = |path: &Path| duckdb(&format!("select sum(total_nanos) from '{}'", path.display()));
    assert_eq!(sum(&rows), sum(&assets));
    let parts = ["cpu", "ram", "gpu", "volume", "network", "load_balancer", "shared"];
    let parts = parts.map(|part| format!("{part}_nanos")).join(" + ");
    let wrong = format!("select count(*) from '{}' where {parts} <> total_nanos", rows.display());
    assert_eq!(duckdb(&wrong), [[Value::from(0)]]);
}

/// The names of the columns in the table below a heading of docs/ledger.md.
fn documented(heading: &str) -> BTreeSet<String> {
    let page = include_str!("../../../docs/ledger.md");
    let section = page.split(&format!("## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let cells =
        section.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').nth(1).unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn every_column_is_documented() {
    let scratch = Scratch::new();
    made_up::store(&scratch.0, SEED);
    let (rows, assets) = (scratch.0.join("rows.parquet"), scratch.0.join("assets.parquet"));
    export(&rows, allocation_sheet);
    export(&assets, asset_sheet);
    let containers = scratch.0.join("containers/cluster=east/day=1970-01-01/00.parquet");
    for (heading, path) in [("`containers`", &containers), ("Hourly rows", &rows), ("Hourly assets", &assets)]
    {
        let sql =
            format!("describe select * from read_parquet('{}', hive_partitioning = false)", path.display());
        let found: BTreeSet<String> =
            duckdb(&sql).iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
        assert_eq!(found, documented(heading), "{heading}");
    }
}
