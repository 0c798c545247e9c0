//! A scheduler and two executors on this machine: queries over a made-up ledger find what they find in one process.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../../cost/tests/made_up/mod.rs"]
mod made_up;
#[path = "../../cost/tests/scratch/mod.rs"]
mod scratch;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;

use rstest::rstest;
use supercargo_cost::Store;
use supercargo_cost::collector::Observation;
use supercargo_cost::facts::HourFacts;
use supercargo_cost::interval::Interval;
use supercargo_cost_scale_out::{Cluster, Executor, ExecutorSettings, ScaleOutError, Scheduler, TaskOver};
use supercargo_cost_sql::{Format, Rows, SqlLedger};

use scratch::Scratch;

const SEED: u64 = 5;

/// Days of the ledger, two hours each. The first is compacted; after the last there is an hour that is not over.
const DAYS: i64 = 6;
const DAY: i64 = 86_400;

/// Where only a port that is free is asked for.
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Writes a ledger of two clusters.
fn make_ledger(directory: &Path) {
    let store = Store::open(directory).unwrap();
    for day in 0..DAYS {
        for hour in [day * DAY, day * DAY + 3_600] {
            for cluster in made_up::CLUSTERS {
                store.commit(&made_up::facts(SEED, cluster, hour)).unwrap();
            }
        }
        if day == 1 {
            store.compact(day * DAY).unwrap();
        }
    }
    let hour = DAYS * DAY;
    let facts = made_up::facts(SEED, "east", hour);
    let stretch = Interval::new(hour, hour + 1_800);
    let mut cut = HourFacts::new("east", hour);
    cut.containers = facts.containers.iter().filter_map(|fact| fact.part(stretch)).collect();
    cut.nodes = facts.nodes;
    store.append(&Observation { stretch, hours: vec![cut] }).unwrap();
}

/// Job, stage and number of tasks.
type Tasks = BTreeSet<(String, usize, usize)>;

/// Tasks by executor. If there is a gate, nobody goes on before every executor has had a task.
struct Done {
    gate: bool,
    tasks: Mutex<BTreeMap<usize, Tasks>>,
    more: Condvar,
}

impl Done {
    fn take(&self, executor: usize, over: &TaskOver) {
        let mut tasks = self.tasks.lock().unwrap();
        tasks.entry(executor).or_default().insert((over.job.clone(), over.stage, over.task));
        self.more.notify_all();
        // an executor that never comes is told by the assertions
        let patience = Duration::from_secs(60);
        drop(self.more.wait_timeout_while(tasks, patience, |tasks| self.gate && tasks.len() < 2).unwrap());
    }
}

/// A scheduler with two executors, and a ledger that all of them see. What needs others ends before them.
struct Everything {
    _executors: Vec<Executor>,
    scheduler: Scheduler,
    done: Arc<Done>,
    ledger: PathBuf,
    _scratch: Scratch,
}

impl Everything {
    fn start(gate: bool) -> Everything {
        let scratch = Scratch::new();
        let ledger = scratch.0.join("ledger");
        make_ledger(&ledger);
        let scheduler = Scheduler::start(ANYWHERE).unwrap();
        let done = Arc::new(Done { gate, tasks: Mutex::default(), more: Condvar::new() });
        let executors = (0..2).map(|number| {
            let done = Arc::clone(&done);
            let settings = ExecutorSettings {
                scheduler: scheduler.address().to_string(),
                listen: ANYWHERE,
                host: None,
                tasks: 1,
                work: scratch.0.join("work"),
                hook: Some(Arc::new(move |over| done.take(number, over))),
            };
            Executor::start(&settings).unwrap()
        });
        Everything { _executors: executors.collect(), scheduler, done, ledger, _scratch: scratch }
    }

    /// One for all tests that run at the same time.
    fn running() -> Arc<Everything> {
        static RUNNING: Mutex<Weak<Everything>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap();
        running.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Everything::start(false));
            *running = Arc::downgrade(&started);
            started
        })
    }

    /// The ledger, with queries that run on the executors.
    fn there(&self) -> SqlLedger {
        let cluster = Cluster::at(&self.scheduler.address().to_string(), 8).unwrap();
        let store = Store::open(&self.ledger).unwrap();
        SqlLedger::open_on(store, made_up::prices(), Box::new(cluster)).unwrap()
    }

    /// The ledger, with queries that run here.
    fn here(&self) -> SqlLedger {
        SqlLedger::open(Store::open(&self.ledger).unwrap(), made_up::prices()).unwrap()
    }
}

fn rows(ledger: &SqlLedger, sql: &str) -> Rows {
    ledger.rows(sql, 1_000_000).unwrap_or_else(|error| panic!("{sql}\n{error}"))
}

/// The queries of docs/scale-out.md and of docs/sql.md, and one of every sort besides.
#[rstest]
#[case::costs_by_namespace(
    "select namespace, sum(total_nanos) as nanos, sum(total_cost) as cost from allocations \
     where kind in ('container', 'unmounted') group by namespace order by namespace"
)]
#[case::costs_by_label(
    "select label(labels, 'team') as team, count(*) as number, sum(total_cost) as cost from allocations \
     where kind = 'container' group by 1 order by cost desc, team"
)]
#[case::costs_by_day_and_cluster(
    "select cluster, date_trunc('day', hour) as day, kind, sum(total_cost) from allocations group by 1, 2, 3 order by 1, 2, 3"
)]
#[case::all_costs("select sum(total_nanos), sum(total_cost), count(*) from allocations")]
#[case::the_dearest(
    "select cluster, namespace, pod, hour, total_cost from allocations order by total_nanos desc, 1, 2, 3, 4 limit 20"
)]
#[case::some_hours(
    "select namespace, sum(total_cost) from allocations where hour >= '1970-01-03' and hour < '1970-01-05' group by 1 order by 1"
)]
#[case::one_cluster("select count(*), count(distinct pod) from allocations where cluster = 'west'")]
#[case::no_column("select count(*) from assets")]
#[case::assets(
    "select type, provider_id, cluster, sum(total_cost) from assets group by 1, 2, 3 order by 1, 2, 3"
)]
#[case::usage(
    "select namespace, round(sum(core_hours), 6), round(sum(gib_hours), 6), max(cores_peak) from usage group by 1 order by 1"
)]
#[case::facts(
    "select cluster, day, count(*), sum(cpu_charged), sum(ram_used) from containers group by 1, 2 order by 1, 2"
)]
#[case::every_fact(
    "select cluster, node, namespace, pod, container, start, \"end\", labels, cpu_used from containers order by 1, 2, 3, 4, 5, 6, 7, 8, 9"
)]
#[case::a_join(
    "select n.instance_type, count(*), sum(c.cpu_charged) from containers c join nodes n \
     on n.cluster = c.cluster and n.day = c.day and n.node = c.node and n.start <= c.start and c.start < n.\"end\" \
     group by 1 order by 1"
)]
#[case::facts_and_costs(
    "select u.namespace, round(sum(u.core_hours), 6), (select sum(total_cost) from allocations) from usage u \
     where u.namespace in (select namespace from allocations where total_nanos > 0) group by 1 order by 1"
)]
#[case::a_window(
    "select namespace, day, sum(cost) over (partition by namespace order by day) from (select namespace, \
     date_trunc('day', hour) as day, sum(total_cost) as cost from allocations group by 1, 2) order by 1, 2"
)]
#[case::a_union("select node from nodes union select node from containers order by 1")]
#[case::with(
    "with t as (select kind, sum(total_nanos) as n from allocations group by 1) select kind, n from t where n > 0 order by n, 1"
)]
#[case::nothing("select namespace, sum(total_cost) from allocations where hour > '2020-01-01' group by 1")]
#[case::hours_that_are_not_over("select count(*), sum(cpu_charged) from containers where day = '1970-01-07'")]
#[case::neither_table("select 1 + 1 as two")]
#[case::tables("select table_name from information_schema.tables where table_schema = 'public' order by 1")]
fn rows_are_those_of_one_process(#[case] sql: &str) {
    let everything = Everything::running();
    let (here, there) = (rows(&everything.here(), sql), rows(&everything.there(), sql));
    assert_eq!(here, there, "{sql}");
    assert!(!here.columns.is_empty());
}

#[test]
fn both_executors_have_run_tasks_of_the_query() {
    let everything = Everything::start(true);
    let there = everything.there();
    let sql = "select namespace, sum(total_cost) from allocations group by namespace order by namespace";
    assert_eq!(rows(&everything.here(), sql), rows(&there, sql));
    let tasks = everything.done.tasks.lock().unwrap();
    assert_eq!(tasks.len(), 2, "{tasks:?}");
    let all: Vec<_> = tasks.values().flatten().collect();
    let jobs: BTreeSet<&str> = all.iter().map(|(job, ..)| job.as_str()).collect();
    assert_eq!(jobs.len(), 1, "one query: {tasks:?}");
    // each day is priced once, by one of the two: no task has run twice
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    let first = all.iter().map(|(_, stage, _)| *stage).min().unwrap();
    let priced = all.iter().filter(|(_, stage, _)| *stage == first).count();
    assert_eq!(priced as i64, DAYS + 1, "{tasks:?}");
    for (executor, tasks) in tasks.iter() {
        assert!(tasks.iter().any(|(_, stage, _)| *stage == first), "executor {executor}: {tasks:?}");
    }
}

#[test]
fn answers_are_the_same_files() {
    let everything = Everything::running();
    let sql = "select namespace, hour, sum(total_cost) as cost, label(min(labels), 'team') as team from allocations \
               group by 1, 2 order by 1, 2";
    for format in [Format::Csv, Format::Json] {
        let written = |ledger: SqlLedger| {
            let mut out = Vec::new();
            ledger.write(sql, format, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(everything.here()), written(everything.there()));
    }
}

#[test]
fn plans_and_their_times_are_shown() {
    let everything = Everything::running();
    let ledger = everything.there();
    let plan = |sql: &str| rows(&ledger, sql).rows.concat().join("\n");
    let sql = "select sum(total_cost) from allocations where hour < '1970-01-02'";
    assert!(plan(&format!("explain {sql}")).contains("PricedExec: table=allocations"));
    assert!(plan(&format!("explain analyze {sql}")).contains("output_rows"));
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let everything = Everything::running();
    let scratch = Scratch::new();
    make_ledger(&scratch.0);
    let damaged = scratch.0.join("nodes/cluster=east/day=1970-01-03/01.parquet");
    let length = fs::read(&damaged).unwrap().len();
    fs::write(&damaged, vec![7; length]).unwrap();
    let cluster = Cluster::at(&everything.scheduler.address().to_string(), 8).unwrap();
    let store = Store::open(&scratch.0).unwrap();
    let ledger = SqlLedger::open_on(store, made_up::prices(), Box::new(cluster)).unwrap();
    let error = ledger.rows("select sum(total_cost) from allocations", 1).unwrap_err().to_string();
    let commit = scratch.0.join("commits/cluster=east/day=1970-01-03/01.json");
    let said = format!("the query failed: {}: damaged: the checksum of table nodes", commit.display());
    assert!(error.starts_with(&said), "{error}");
}

#[test]
fn a_ledger_that_executors_do_not_see_is_an_error() {
    let everything = Everything::running();
    let scratch = Scratch::new();
    let (seen, unseen) = (scratch.0.join("seen"), scratch.0.join("unseen"));
    make_ledger(&seen);
    let cluster = Cluster::at(&everything.scheduler.address().to_string(), 8).unwrap();
    let ledger =
        SqlLedger::open_on(Store::open(&seen).unwrap(), made_up::prices(), Box::new(cluster)).unwrap();
    fs::rename(&seen, &unseen).unwrap();
    let error = ledger.rows("select sum(total_cost) from allocations", 1).unwrap_err().to_string();
    assert!(
        error.contains("seen is no directory of an executor; expected the ledger at the same"),
        "{error}"
    );
    let error = ledger.rows("select sum(cpu_charged) from containers", 1).unwrap_err().to_string();
    assert!(error.starts_with("the query failed:") && error.contains(".parquet"), "{error}");
    assert!(!seen.exists(), "nobody makes a ledger where there is none");
}

#[test]
fn what_changes_something_is_refused_before_it_is_sent() {
    let everything = Everything::running();
    let ledger = everything.there();
    for sql in ["copy (select 1) to '/tmp/supercargo-scaled.csv'", "create table t as select 1", "set x = 1"]
    {
        assert!(ledger.rows(sql, 1).is_err(), "{sql}");
    }
    assert!(!Path::new("/tmp/supercargo-scaled.csv").exists());
}

/// A query that is as deep as it is long has an answer or is refused: nobody dies of it.
#[rstest]
#[case::or("or", 600)]
#[case::plus("plus", 300)]
#[case::is_null("is null", 600)]
fn deep_queries_harm_nobody(#[case] kind: &str, #[case] times: usize) {
    let everything = Everything::running();
    let ledger = everything.there();
    let sql = match kind {
        "or" => format!("select count(*) from nodes where spot = 1{}", " or spot = 2".repeat(times)),
        "plus" => format!("select count(*) from nodes where spot{} > 7", " + spot".repeat(times)),
        _ => format!("select count(*) from nodes where spot{}", " is null".repeat(times)),
    };
    let _ = ledger.rows(&sql, 1);
    assert_eq!(rows(&ledger, "select count(*) > 0 from nodes").rows, [["true"]]);
}

#[test]
fn without_a_scheduler_it_is_said() {
    let free = Scheduler::start(ANYWHERE).unwrap().address();
    let everything = Everything::running();
    let store = Store::open(&everything.ledger).unwrap();
    let cluster = Cluster::at(&free.to_string(), 2).unwrap();
    let ledger = SqlLedger::open_on(store, made_up::prices(), Box::new(cluster)).unwrap();
    let error = ledger.rows("select count(*) from nodes", 1).unwrap_err().to_string();
    let said = format!("the query failed: the scheduler at {free} does not answer: ");
    assert!(error.starts_with(&said), "{error}");
    let scratch = Scratch::new();
    let settings = ExecutorSettings {
        scheduler: free.to_string(),
        listen: ANYWHERE,
        host: None,
        tasks: 1,
        work: scratch.0.clone(),
        hook: None,
    };
    let error = Executor::start(&settings).unwrap_err();
    assert!(matches!(error, ScaleOutError::Unreachable { .. }), "{error}");
    assert!(matches!(Cluster::at("nowhere", 1), Err(ScaleOutError::Address(_))));
}
