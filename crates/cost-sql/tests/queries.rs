//! Queries over made-up ledgers: they find what the API finds, and change nothing.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../../cost/tests/made_up/mod.rs"]
mod made_up;
#[path = "../../cost/tests/scratch/mod.rs"]
mod scratch;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rstest::rstest;
use supercargo_cost::collector::Observation;
use supercargo_cost::facts::HourFacts;
use supercargo_cost::{Interval, Store};
use supercargo_cost_sql::{Format, Rows, SqlError, SqlLedger};

use scratch::Scratch;

const SEED: u64 = 5;
const ALL: Interval = Interval::new(0, 4 * 3_600);

fn open(directory: &Path) -> SqlLedger {
    SqlLedger::open(Store::open(directory).unwrap(), made_up::prices()).unwrap()
}

/// A made-up ledger in a directory, opened.
fn made_up_ledger() -> (Scratch, SqlLedger) {
    let scratch = Scratch::new();
    made_up::store(&scratch.0, SEED);
    let ledger = open(&scratch.0);
    (scratch, ledger)
}

fn rows(ledger: &SqlLedger, sql: &str) -> Vec<Vec<String>> {
    ledger.rows(sql, 1_000_000).unwrap_or_else(|error| panic!("{sql}\n{error}")).rows
}

fn one(ledger: &SqlLedger, sql: &str) -> String {
    rows(ledger, sql).remove(0).remove(0)
}

/// Total costs by namespace in 10⁻⁹ dollars, of containers and what nobody uses, as the crate itself adds them up.
fn expected() -> BTreeMap<String, i128> {
    let ledger = made_up::ledger(SEED);
    let mut totals = BTreeMap::new();
    for hour in ledger.hours(ALL) {
        for document in ledger.priced(hour, ALL, None) {
            for (who, row) in document.rows.iter().filter(|(who, _)| who.is_allocation()) {
                *totals.entry(who.namespace.to_string()).or_default() += row.total().nanos();
            }
        }
    }
    totals
}

const BY_NAMESPACE: &str = "select namespace, sum(total_nanos), sum(total_cost) from allocations \
                            where kind in ('container', 'unmounted') group by namespace order by namespace";

fn by_namespace(ledger: &SqlLedger) -> BTreeMap<String, i128> {
    let rows = rows(ledger, BY_NAMESPACE);
    for row in &rows {
        // dollars are exact, with all their decimals
        assert_eq!(row[2].replace('.', "").parse::<i128>().unwrap(), row[1].parse::<i128>().unwrap());
    }
    rows.iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

#[test]
fn costs_by_namespace_are_those_of_the_ledger() {
    let (scratch, ledger) = made_up_ledger();
    assert_eq!(by_namespace(&ledger), expected());
    Store::open(&scratch.0).unwrap().compact(86_400).unwrap();
    assert_eq!(by_namespace(&open(&scratch.0)), expected(), "of a compacted day");
    let sum = |table: &str| one(&ledger, &format!("select sum(total_nanos) from {table}"));
    assert_eq!(sum("allocations"), sum("assets"));
}

#[test]
fn the_hour_that_is_not_over_is_there_too() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.0).unwrap();
    let observe = |hour: i64, end: i64| {
        let facts = made_up::facts(SEED, "east", hour);
        let stretch = Interval::new(hour, end);
        let mut cut = HourFacts::new("east", hour);
        cut.containers = facts.containers.iter().filter_map(|fact| fact.part(stretch)).collect();
        cut.nodes = facts.nodes;
        store.append(&Observation { stretch, hours: vec![cut.clone()] }).unwrap();
        cut.containers.iter().map(|fact| fact.cpu.charged).sum::<u64>()
    };
    let charged = observe(0, 3_600) + observe(3_600, 5_400);
    let ledger = open(&scratch.0);
    assert_eq!(one(&ledger, "select sum(cpu_charged) from containers"), charged.to_string());
    assert_eq!(one(&ledger, "select count(distinct cluster || day) from containers"), "1");
    assert_eq!(one(&ledger, "select count(distinct hour) from allocations"), "2");
    // a word that may begin a clause is a column after a comma, too
    assert_eq!(one(&ledger, "select count(*) > 0 from (select node, cluster from containers)"), "true");
    assert!(ledger.problems().is_empty(), "{:?}", ledger.problems());
}

#[rstest]
#[case::by_hour("hour >= timestamp '1970-01-01T02:00:00Z'", "hour >= 7200")]
#[case::by_start("start < '1970-01-01T01:00:00Z'", "start < 3600")]
#[case::by_end("\"end\" <= '1970-01-01T01:00:00Z'", "end <= 3600")]
#[case::by_cluster("cluster = 'west'", "cluster = west")]
#[case::by_both("cluster = 'west' and hour = '1970-01-01T03:00:00Z'", "cluster = west and hour = 10800")]
#[case::by_neither("cluster = 'north'", "none")]
#[case::by_either("cluster = 'east' or hour = '1970-01-01T03:00:00Z'", "cluster = east or hour = 10800")]
fn filters_leave_out_hours_and_no_row(#[case] filter: &str, #[case] same: &str) {
    let (_scratch, ledger) = made_up_ledger();
    let all = rows(
        &ledger,
        "select cluster, to_unixtime(hour), to_unixtime(start), to_unixtime(\"end\") from allocations",
    );
    let passes = |row: &&Vec<String>| {
        let [hour, start, end] = [1, 2, 3].map(|place: usize| row[place].parse::<i64>().unwrap());
        match same {
            "hour >= 7200" => hour >= 7_200,
            "start < 3600" => start < 3_600,
            "end <= 3600" => end <= 3_600,
            "cluster = west" => row[0] == "west",
            "cluster = west and hour = 10800" => row[0] == "west" && hour == 10_800,
            "cluster = east or hour = 10800" => row[0] == "east" || hour == 10_800,
            _ => false,
        }
    };
    let expected = all.iter().filter(passes).count();
    assert_eq!(
        one(&ledger, &format!("select count(*) from allocations where {filter}")),
        expected.to_string()
    );
    assert!(expected < all.len());
}

#[test]
fn a_filter_on_clusters_and_days_is_one_on_files() {
    let (_scratch, ledger) = made_up_ledger();
    let count = |filter: &str| {
        one(&ledger, &format!("select count(*) from nodes where {filter}")).parse::<u64>().unwrap()
    };
    assert_eq!(count("cluster = 'east'") + count("cluster = 'west'"), count("true"));
    assert_eq!(count("day = '1970-01-01'"), count("true"));
    assert_eq!(count("day > '1970-01-01'"), 0);
}

#[test]
fn usage_is_in_hours_and_gibibytes() {
    let (_scratch, ledger) = made_up_ledger();
    let sql = "select abs(sum(u.core_hours) - (select sum(core_hours) from allocations where kind = 'container')) < 1e-6, \
               abs(sum(u.gib_hours) - (select sum(gib_hours) from allocations where kind = 'container')) < 1e-6 from usage u";
    assert_eq!(rows(&ledger, sql), [["true", "true"]]);
    let sql = "select count(*) from usage where hour <> date_trunc('hour', start) or seconds <= 0 or seconds > 3600";
    assert_eq!(one(&ledger, sql), "0");
}

#[test]
fn labels_can_be_asked_for() {
    let (_scratch, ledger) = made_up_ledger();
    let sql =
        "select distinct label(labels, 'team') as team from allocations where kind = 'container' order by 1";
    assert_eq!(rows(&ledger, sql), [["media"], ["payments"], ["platform"], [""]]);
    // labels of the namespace count where the pod has none
    let sql = "select distinct label(labels, 'cost-center') from allocations where kind = 'container'";
    assert_eq!(rows(&ledger, sql), [["cc-1"]]);
    for nonsense in ["'{'", "'[]'", "'{\"a\": 1}'", "null", "''"] {
        assert_eq!(one(&ledger, &format!("select label({nonsense}, 'a') is null")), "true", "{nonsense}");
    }
}

#[rstest]
#[case::create("create table t as select 1")]
#[case::view("create view v as select 1")]
#[case::external("create external table t stored as parquet location '/tmp/x'")]
#[case::drop("drop table containers")]
#[case::insert("insert into containers select * from containers")]
#[case::delete("delete from containers")]
#[case::update("update nodes set spot = 1")]
#[case::copy("copy (select 1) to '/tmp/supercargo-sql-copied.csv'")]
#[case::explained_copy("explain analyze copy (select 1) to '/tmp/supercargo-sql-copied.csv'")]
#[case::setting("set datafusion.execution.batch_size = 1")]
#[case::prepared("prepare p as select 1")]
#[case::transaction("begin")]
fn what_is_no_query_is_refused(#[case] sql: &str) {
    let (_scratch, ledger) = made_up_ledger();
    let error = ledger.rows(sql, 10).unwrap_err();
    assert!(matches!(error, SqlError::NotAQuery(_) | SqlError::Query(_)), "{error:?}");
    assert!(!Path::new("/tmp/supercargo-sql-copied.csv").exists());
}

#[test]
fn errors_say_what_is_wrong() {
    let (_scratch, ledger) = made_up_ledger();
    let mut said = String::new();
    for sql in [
        "",
        "select",
        "selct 1",
        "select 1; select 2",
        "select * from nothing",
        "select nothing from nodes",
        "select nosuch(1)",
        "select sum(labels) from containers",
        "select cast('x' as int)",
        "copy nodes to 'x.csv'",
        "select * from '/etc/passwd'",
        "select label(1)",
    ] {
        let error = ledger.rows(sql, 10).unwrap_err();
        said.push_str(&format!("{sql}\n    {error}\n"));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn tables_and_columns_can_be_shown() {
    let (_scratch, ledger) = made_up_ledger();
    let shown = rows(
        &ledger,
        "select table_name from information_schema.tables where table_schema = 'public' order by 1",
    );
    let mut names: Vec<Vec<String>> = ledger.tables().into_iter().map(|name| vec![name.to_owned()]).collect();
    names.sort();
    assert_eq!(shown, names);
    let mut text = String::new();
    for name in ["allocations", "assets", "usage", "containers"] {
        text.push_str(&format!("{name}\n"));
        for row in rows(&ledger, &format!("describe {name}")) {
            text.push_str(&format!("    {} {}\n", row[0], row[1]));
        }
    }
    insta::assert_snapshot!(text);
}

fn written(ledger: &SqlLedger, sql: &str, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    ledger.write(sql, format, &mut out).unwrap();
    out
}

#[test]
fn answers_are_csv_json_or_parquet() {
    let (_scratch, ledger) = made_up_ledger();
    let sql = "select min(hour) as first, kind, count(*) as number, sum(total_cost) as cost, max(bytes_sent) is null as unknown \
               from allocations group by kind order by kind";
    let text = |format| String::from_utf8(written(&ledger, sql, format)).unwrap();
    let shown: Rows = ledger.rows(sql, 2).unwrap();
    assert!(shown.more && shown.rows.len() == 2);
    insta::assert_snapshot!(format!("{}\n{}\n{shown:#?}", text(Format::Csv), text(Format::Json)));
    let parquet = written(&ledger, sql, Format::Parquet);
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}

#[test]
fn an_answer_without_rows_still_has_columns() {
    let scratch = Scratch::new();
    let ledger = open(&scratch.0);
    for table in ledger.tables() {
        assert_eq!(one(&ledger, &format!("select count(*) from {table}")), "0", "{table}");
    }
    let sql = "select namespace, total_cost from allocations";
    assert_eq!(written(&ledger, sql, Format::Csv), b"namespace,total_cost\n");
    assert_eq!(written(&ledger, sql, Format::Json), b"[]\n");
    assert_eq!(ledger.rows(sql, 10).unwrap().columns.len(), 2);
}

#[test]
fn a_damaged_file_is_told_and_the_others_are_read() {
    let scratch = Scratch::new();
    made_up::store(&scratch.0, SEED);
    let damaged = scratch.0.join("nodes/cluster=east/day=1970-01-01/01.parquet");
    let bytes = fs::read(&damaged).unwrap();
    let all: u64 = one(&open(&scratch.0), "select count(*) from nodes").parse().unwrap();
    fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    let ledger = open(&scratch.0);
    let left: u64 = one(&ledger, "select count(*) from nodes").parse().unwrap();
    assert!(left > 0 && left < all, "{left} of {all}");
    assert!(
        ledger.problems().iter().any(|problem| problem.contains("01.parquet")),
        "{:?}",
        ledger.problems()
    );
    // as long as before, and nonsense
    fs::write(&damaged, vec![7; bytes.len()]).unwrap();
    let ledger = open(&scratch.0);
    let error = ledger.rows("select count(zone) from nodes", 1).unwrap_err().to_string();
    assert!(error.starts_with("the query failed:"), "{error}");
    assert_eq!(one(&ledger, "select count(distinct hour) from allocations where cluster = 'east'"), "3");
    assert!(ledger.problems().iter().any(|problem| problem.contains("damaged")), "{:?}", ledger.problems());
}

#[test]
fn a_cluster_may_have_any_name() {
    let scratch = Scratch::new();
    let name = "arn:aws:eks:us-east-1:1:cluster/ü x%20y";
    let mut facts = made_up::facts(SEED, "east", 0);
    facts.cluster = name.into();
    Store::open(&scratch.0).unwrap().commit(&facts).unwrap();
    let ledger = open(&scratch.0);
    assert_eq!(rows(&ledger, "select distinct cluster from nodes"), [[name]]);
    assert_eq!(rows(&ledger, "select distinct cluster from assets"), [[name]]);
}

/// A query that is as deep as it is long.
fn deep(kind: &str, times: usize) -> String {
    let again = |text: &str| text.repeat(times);
    match kind {
        "or" => format!("select count(*) from nodes where spot = 1{}", again(" or spot = 2")),
        "plus" => format!("select 1{}", again(" + 1")),
        "concat" => format!("select 'a'{}", again(" || 'b'")),
        "union" => format!("select 1{}", again(" union all select 1")),
        "cast" => format!("select 1{}", again("::int")),
        "is null" => format!("select 1{}", again(" is null")),
        "brackets" => format!("select {}1{}", again("("), again(")")),
        "minus" => format!("select {}1", again("- ")),
        "index" => format!("select 1{}", again("[1]")),
        _ => format!("select count(*) from nodes where spot in (1{})", again(",2")),
    }
}

#[rstest]
fn deep_and_long_queries_have_an_answer(
    #[values("or", "plus", "concat", "union", "cast", "is null", "brackets", "minus", "index", "list")] kind: &str,
    #[values(40, 600, 50_000)] times: usize,
) {
    let scratch = Scratch::new();
    let ledger = open(&scratch.0);
    match ledger.rows(&deep(kind, times), 1) {
        Ok(_) => assert!(times < 1_000 || kind == "list", "{kind}"),
        Err(SqlError::TooLong { found, .. }) => assert!(found > times && times > 1_000, "{kind}: {found}"),
        Err(SqlError::Query(text)) => {
            assert!(["brackets", "minus", "index"].contains(&kind), "{kind}: {text}")
        }
        Err(other) => panic!("{kind}: {other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_a_panic(words in proptest::collection::vec(
        prop_oneof![
            Just("select".to_owned()), Just("from".to_owned()), Just("nodes".to_owned()), Just("allocations".to_owned()),
            Just("where".to_owned()), Just("(".to_owned()), Just(")".to_owned()), Just("*".to_owned()), Just("label".to_owned()),
            Just("sum".to_owned()), Just(",".to_owned()), Just("hour".to_owned()), Just("=".to_owned()), Just("'x'".to_owned()),
            "\\PC{0,12}",
        ], 0..16)) {
        thread_local!(static LEDGER: (Scratch, SqlLedger) = made_up_ledger());
        let sql = words.join(" ");
        LEDGER.with(|(_, ledger)| {
            let _ = ledger.rows(&sql, 10);
        });
    }
}
