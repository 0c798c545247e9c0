//! What the command says of a made-up ledger on disk.

#[path = "../../../cost/tests/made_up/mod.rs"]
mod made_up;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rstest::rstest;
use supercargo_cost::Store;

/// A directory with a ledger in it, removed at the end.
struct Ledger(PathBuf);

impl Ledger {
    fn new() -> Ledger {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("supercargo-cli-cost-{}-{count}", std::process::id()));
        let store = Store::open(path.join("ledger")).unwrap();
        for hour in made_up::hours() {
            for cluster in made_up::CLUSTERS {
                store.commit(&made_up::facts(5, cluster, hour)).unwrap();
            }
        }
        Ledger(path)
    }

    /// Exit code, standard output and error of `supercargo cost`, asked at the end of the ledger.
    fn cost(&self, arguments: &[&str]) -> (i32, Vec<u8>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supercargo"));
        command.current_dir(&self.0).arg("cost").args(arguments);
        command.args(["--store", "ledger", "--window", "1d", "--at", "1970-01-01T04:00:00Z"]);
        let output = command.output().unwrap();
        (output.status.code().unwrap(), output.stdout, String::from_utf8(output.stderr).unwrap())
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[rstest]
#[case::report(&[])]
#[case::allocation(&["allocation", "--by", "namespace"])]
#[case::assets(&["assets"])]
#[case::idle(&["idle"])]
#[case::efficiency(&["efficiency"])]
#[case::rows(&["rows"])]
fn everything_can_be_a_parquet_file(#[case] what: &[&str]) {
    let ledger = Ledger::new();
    let (code, out, said) = ledger.cost(&[what, &["-o", "parquet"]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(out.starts_with(b"PAR1") && out.ends_with(b"PAR1"));
    let (code, nothing, said) = ledger.cost(&[what, &["-o", "parquet", "--out", "costs.parquet"]].concat());
    assert_eq!((code, nothing), (0, Vec::new()), "{said}");
    assert_eq!(fs::read(ledger.0.join("costs.parquet")).unwrap(), out);
}

/// A word stands for the label that it is told to stand for.
#[test]
fn a_team_is_known_by_any_label() {
    let ledger = Ledger::new();
    let values = |arguments: &[&str]| {
        let (code, out, said) = ledger.cost(&[&["allocation", "-o", "csv"], arguments].concat());
        assert_eq!(code, 0, "{said}");
        String::from_utf8(out).unwrap()
    };
    let by_label = values(&["--by", "label:app"]);
    assert!(by_label.lines().count() > 2, "{by_label}");
    assert_eq!(values(&["--by", "team", "--team-label", "app"]), by_label);
    assert_ne!(values(&["--by", "team"]), by_label);
}

#[test]
fn hourly_rows_add_up_to_the_report() {
    let ledger = Ledger::new();
    let (code, rows, said) = ledger.cost(&["rows", "-o", "csv"]);
    assert_eq!(code, 0, "{said}");
    let rows = String::from_utf8(rows).unwrap();
    let mut lines = rows.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = header.len() - header.iter().position(|name| *name == "total_nanos").unwrap();
    // the columns after it are numbers; before it are texts with commas
    let nanos: i128 =
        lines.map(|line| line.rsplit(',').nth(place - 1).unwrap().parse::<i128>().unwrap()).sum();
    let (_, assets, _) = ledger.cost(&["assets", "-o", "csv"]);
    let assets = String::from_utf8(assets).unwrap();
    let dollars: f64 =
        assets.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap()).sum();
    assert!((nanos as f64 / 1e9 - dollars).abs() < 1e-6, "{nanos} {dollars}");
}

#[test]
fn an_answer_can_go_into_a_file() {
    let ledger = Ledger::new();
    for format in ["table", "json", "csv", "focus"] {
        let (code, out, _) = ledger.cost(&["allocation", "-o", format]);
        assert_eq!((code, out.is_empty()), (0, false), "{format}");
        let (code, nothing, _) = ledger.cost(&["allocation", "-o", format, "--out", "answer"]);
        assert_eq!((code, nothing.is_empty()), (0, true), "{format}");
        assert_eq!(fs::read(ledger.0.join("answer")).unwrap(), out, "{format}");
    }
}

#[rstest]
#[case::no_format(&["rows"])]
#[case::a_table_of_rows(&["rows", "-o", "wide"])]
#[case::no_directory(&["rows", "-o", "csv", "--out", "nowhere/rows.csv"])]
#[case::no_query(&["sql"])]
#[case::a_query_of_nothing(&["assets", "select 1"])]
#[case::no_bucket(&["upload"])]
fn errors_say_what_is_wrong(#[case] arguments: &[&str]) {
    let (code, out, said) = Ledger::new().cost(arguments);
    assert_eq!((code, out.len()), (2, 0));
    insta::assert_snapshot!(arguments.join("_").replace([' ', '/'], "_"), said);
}

#[cfg(not(feature = "sql"))]
#[test]
fn without_sql_it_says_how_to_have_it() {
    let (code, out, said) = Ledger::new().cost(&["sql", "select 1"]);
    assert_eq!((code, out.len()), (2, 0));
    insta::assert_snapshot!(said);
}

#[cfg(not(feature = "scale-out"))]
#[rstest]
#[case::scheduler(&["scheduler"])]
#[case::executor(&["executor", "--scheduler", "127.0.0.1:1"])]
fn without_scale_out_it_says_how_to_have_it(#[case] arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_supercargo")).arg("cost").args(arguments).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("built without scale-out") && said.contains("--features scale-out"), "{said}");
}

#[cfg(not(feature = "object-store"))]
#[test]
fn without_object_stores_it_says_how_to_have_them() {
    let (code, out, said) = Ledger::new().cost(&["upload", "--to", "s3://costs"]);
    assert_eq!((code, out.len()), (2, 0));
    insta::assert_snapshot!(said);
}

#[cfg(feature = "sql")]
mod with_sql {
    use super::*;

    #[test]
    fn a_query_is_answered() {
        let ledger = Ledger::new();
        let sql = "select kind, count(*) as number, sum(total_cost) as cost from allocations group by kind order by kind";
        let mut said = String::new();
        for format in ["table", "csv", "json"] {
            let (code, out, notes) = ledger.cost(&["sql", sql, "-o", format]);
            assert_eq!((code, notes.as_str()), (0, ""));
            said.push_str(&String::from_utf8(out).unwrap());
        }
        insta::assert_snapshot!(said);
        let (code, _, _) = ledger.cost(&["sql", sql, "-o", "parquet", "--out", "answer.parquet"]);
        assert_eq!(code, 0);
        assert!(fs::read(ledger.0.join("answer.parquet")).unwrap().starts_with(b"PAR1"));
    }

    const RECORDING: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/cost/one-morning.jsonl");

    fn of_the_recording(arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supercargo"));
        command.arg("cost").args(arguments).args(["--store", RECORDING]);
        let output =
            command.args(["--window", "2026-03-02T00:00:00Z,2026-03-03T00:00:00Z"]).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    #[test]
    fn a_recording_can_be_asked_like_a_ledger() {
        let sum = |text: &str, skip: usize| -> f64 {
            let cells = text.lines().skip(skip).map(|line| line.rsplit(',').next().unwrap());
            cells.map(|cell| cell.parse::<f64>().unwrap()).sum()
        };
        let (code, assets, said) = of_the_recording(&["assets", "-o", "csv"]);
        assert_eq!(code, 0, "{said}");
        for table in ["assets", "allocations"] {
            let sql = format!("select sum(total_cost) as cost from {table}");
            let (code, answer, said) = of_the_recording(&["sql", &sql, "-o", "csv"]);
            assert_eq!((code, said.as_str()), (0, ""));
            assert!((sum(&answer, 1) - sum(&assets, 1)).abs() < 1e-6, "{table}: {answer}{assets}");
        }
        let sql = "select namespace, count(*) as hours, sum(total_cost) as cost from allocations where kind = 'container' \
                   group by namespace order by cost desc";
        insta::assert_snapshot!(of_the_recording(&["sql", sql]).1);
    }

    #[test]
    fn what_is_no_recording_is_explained() {
        let scratch = Ledger::new();
        fs::write(scratch.0.join("nonsense"), "{\"recording\":{\"cluster\":\"east\"}}\n{\"set\":7}\n")
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_supercargo"));
        command.current_dir(&scratch.0).args(["cost", "sql", "select 1", "--store", "nonsense"]);
        let output = command.output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("nonsense: line 2"), "{said}");
    }

    #[rstest]
    #[case::unknown("select * from nothing")]
    #[case::refused("copy nodes to 'nodes.csv'")]
    fn a_query_that_is_none_is_explained(#[case] sql: &str) {
        let (code, out, said) = Ledger::new().cost(&["sql", sql]);
        assert_eq!((code, out.len()), (2, 0));
        insta::assert_snapshot!(sql.replace([' ', '\'', '*', '.'], "_"), said);
    }
}

#[cfg(feature = "scale-out")]
mod with_scale_out {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Stdio};

    use super::*;

    /// A process that has said where it listens, killed at the end.
    struct Service(Child, String);

    impl Service {
        fn start(arguments: &[&str]) -> Service {
            let mut command = Command::new(env!("CARGO_BIN_EXE_supercargo"));
            command.arg("cost").args(arguments).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
            let address = line.split(';').next().unwrap().rsplit(' ').next().unwrap().to_owned();
            Service(child, address)
        }
    }

    impl Drop for Service {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_query_is_answered_by_other_processes_as_by_one() {
        let ledger = Ledger::new();
        let work = ledger.0.join("work");
        let scheduler = Service::start(&["scheduler", "--listen", "127.0.0.1:0"]);
        let executor =
            ["executor", "--scheduler", &scheduler.1, "--tasks", "1", "--work", work.to_str().unwrap()];
        let _executors = [Service::start(&executor), Service::start(&executor)];
        for sql in [
            "select namespace, sum(total_cost) as cost from allocations group by namespace order by namespace",
            "select label(labels, 'team') as team, sum(cpu_charged) from containers group by 1 order by 1",
        ] {
            let (code, here, said) = ledger.cost(&["sql", sql, "-o", "csv"]);
            assert_eq!(code, 0, "{said}");
            let (code, there, said) =
                ledger.cost(&["sql", sql, "-o", "csv", "--scheduler", &scheduler.1, "--parts", "4"]);
            assert_eq!(code, 0, "{said}");
            assert_eq!(String::from_utf8(there).unwrap(), String::from_utf8(here).unwrap());
        }
    }

    #[test]
    fn an_address_that_is_none_is_explained() {
        let (code, _, said) = Ledger::new().cost(&["sql", "select 1", "--scheduler", "nowhere"]);
        assert_eq!(code, 2);
        assert!(said.contains("nowhere is no scheduler's address; expected HOST:PORT"), "{said}");
    }
}
