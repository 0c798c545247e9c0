//! From a Prometheus server, or a dump, to facts. (Reference sections 3.2 and 7.)

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod fleet;

use std::io::Read;
use std::path::{Path, PathBuf};

use fleet::{GIB, Made, NOON, fleet, minute};
use rstest::rstest;
use serde_json::{Value, json};
use supercargo_cost::Interval;
use supercargo_cost::dump::{DumpReport, read_dumps};
use supercargo_cost::facts::{ContainerFact, HourFacts};
use supercargo_cost::prometheus::{AskError, ImportSettings, Importer, MetricServer, Retry};

/// A server with the answers of a list of series, which fails now and then.
struct Fake {
    series: Vec<Made>,
    /// Every so manieth answer breaks off, and the one after it is refused.
    torn: usize,
    asked: usize,
    waited: Vec<u64>,
}

impl Fake {
    fn new(series: Vec<Made>) -> Fake {
        Fake { series, torn: usize::MAX, asked: 0, waited: Vec::new() }
    }

    fn answer(&self, path: &str) -> Value {
        if path.contains("__name__") {
            let names: Vec<&str> = self.series.iter().map(|made| made.name).collect();
            return json!({"status": "success", "data": names});
        }
        let query: Vec<(String, String)> =
            form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let get = |key: &str| query.iter().find(|(name, _)| name == key).unwrap().1.clone();
        let number = |key: &str| get(key).parse::<i64>().unwrap();
        let text = get("query");
        let count = text.contains("count_over_time");
        let inner = text.rsplit_once('(').unwrap().1.trim_end_matches(')');
        let (selector, range) = inner.trim_end_matches(']').split_once('[').unwrap();
        let (name, matchers) = selector.split_once('{').unwrap_or((selector, "}"));
        let matchers = matchers.trim_end_matches('}');
        let range = match range.split_once('s') {
            Some((seconds, _)) => seconds.parse::<i64>().unwrap() + 1,
            None => 3_600,
        };
        let (start, end, step) = (number("start"), number("end"), number("step"));
        let mut result = Vec::new();
        for made in self.series.iter().filter(|made| made.name == name && matches(made, matchers)) {
            let mut values = Vec::new();
            for time in (start..=end).step_by(step as usize) {
                let mut inside = made.samples.iter().filter(|(at, _)| *at > time - range && *at <= time);
                let value = if count {
                    Some(inside.count() as f64)
                } else {
                    inside.next_back().map(|(_, value)| *value)
                };
                if let Some(value) = value.filter(|value| !count || *value > 0.0) {
                    values.push(json!([time, value.to_string()]));
                }
            }
            if !values.is_empty() {
                result.push(json!({"metric": labels(made), "values": values}));
            }
        }
        json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
    }
}

fn labels(made: &Made) -> Value {
    let pairs = made.labels.iter().map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str())));
    Value::Object(pairs.collect())
}

fn matches(made: &Made, matchers: &str) -> bool {
    // a comma between matchers follows a quote
    matchers.split("\",").filter(|text| !text.is_empty()).all(|matcher| {
        let (key, rest) = matcher.split_at(matcher.find(['=', '!']).unwrap());
        let (operator, value) = rest.split_once('"').unwrap();
        let value = value.trim_end_matches('"');
        let found = made.labels.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value.as_str());
        match operator {
            "=" => found == value,
            "!=" => found != value,
            "=~" => value.split('|').any(|one| one == found),
            other => panic!("{other}"),
        }
    })
}

impl MetricServer for Fake {
    fn ask(&mut self, path: &str) -> Result<Box<dyn Read + '_>, AskError> {
        self.asked += 1;
        let mut text = self.answer(path).to_string();
        match self.asked % self.torn {
            0 => text.truncate(text.len() - 3),
            1 if self.asked > self.torn => {
                let problem = "503 Service Unavailable".to_owned();
                return Err(AskError { problem, retry: Retry::After(Some(7)) });
            }
            _ => {}
        }
        Ok(Box::new(std::io::Cursor::new(text.into_bytes())))
    }

    fn wait(&mut self, seconds: u64) {
        self.waited.push(seconds);
    }
}

fn import(server: &mut Fake) -> Vec<HourFacts> {
    let mut importer = Importer::new(server, ImportSettings::new("east")).unwrap();
    let window = Interval::new(NOON, NOON + 7_200);
    importer.look(window).unwrap();
    assert_eq!(importer.learn_step(window).unwrap(), 60);
    let mut found = Vec::new();
    for hour in window.hours() {
        found.extend(importer.hour(hour).unwrap());
    }
    found.extend(importer.finish());
    found
}

fn of(series: Vec<Made>) -> Vec<HourFacts> {
    import(&mut Fake::new(series))
}

fn container<'a>(facts: &'a HourFacts, pod: &str) -> &'a ContainerFact {
    let mut found = facts.containers.iter().filter(|fact| &*fact.workload.pod == pod);
    let first = found.next().unwrap();
    assert!(found.next().is_none(), "{pod} is there twice");
    first
}

const CORE: u64 = 1_000_000;

#[rstest]
#[case::names_of_today(false)]
#[case::names_of_kube_state_metrics_1(true)]
fn a_fleet_whose_amounts_are_known(#[case] old: bool) {
    let hours = of(fleet(|_| true, old));
    assert_eq!(hours.iter().map(|facts| facts.hour).collect::<Vec<_>>(), [NOON, NOON + 3_600]);
    let gib = GIB as u64;
    for (facts, web_used, web_charged, batch, batch_from, batch_to) in [
        (&hours[0], 3_600, 4_500, 3_000, minute(35), minute(60)),
        (&hours[1], 1_800, 3_600, 2_400, minute(60), minute(80)),
    ] {
        let web = container(facts, "web-1");
        assert_eq!(web.interval, facts.interval());
        assert_eq!(
            (web.cpu.requested, web.cpu.used, web.cpu.charged),
            (3_600 * CORE, web_used * CORE, web_charged * CORE)
        );
        assert_eq!(
            (web.ram.requested, web.ram.used, web.ram.charged),
            (7_200 * gib, 3_600 * gib, 7_200 * gib)
        );
        assert_eq!(web.measured, 3_600);
        let bytes = web.network.unwrap();
        assert_eq!((bytes.transmitted, bytes.received, bytes.internet), (360_000, 36_000, 0));
        let row = &web.workload;
        assert_eq!((&*row.node, &*row.controller_kind, &*row.controller), ("n1", "statefulset", "web"));
        assert_eq!((row.label("team"), row.label("cost-center")), (Some("payments"), Some("cc-1")));
        assert_eq!((&*row.pod_uid, &*row.provider_id), ("uid-web", "aws:///us-east-1a/i-0001"));
        let done = container(facts, "batch-1");
        assert_eq!(done.interval, Interval::new(batch_from, batch_to));
        assert_eq!((done.cpu.requested, done.cpu.used, done.cpu.charged), (0, batch * CORE, batch * CORE));
        assert_eq!(done.ram.charged, 3 * gib * (batch_to - batch_from) as u64);
        assert_eq!((&*done.workload.controller_kind, &*done.workload.controller), ("cronjob", "batch"));
        assert!(facts.gaps.is_empty(), "{:?}", facts.gaps);
        assert_eq!(facts.management.as_ref().unwrap().interval, facts.interval());
    }
    let n2 = &hours[0].nodes[1];
    assert_eq!((&*n2.name, n2.interval), ("n2", Interval::new(minute(30), minute(60))));
    assert_eq!(
        (&*n2.instance_type, &*n2.region, &*n2.zone, n2.spot),
        ("c5.large", "us-east-1", "us-east-1b", true)
    );
    assert_eq!((n2.capacity.millicores, n2.capacity.ram_bytes), (2_000, 4 * gib));
    assert_eq!(hours[1].nodes[1].interval, Interval::new(minute(60), minute(90)));
    assert_eq!(container(&hours[0], "web-1").cpu_peak, 1_500_000);
}

#[test]
fn a_server_that_fails_now_and_then_gives_the_same_facts() {
    let mut flaky = Fake { torn: 7, ..Fake::new(fleet(|_| true, false)) };
    assert_eq!(import(&mut flaky), of(fleet(|_| true, false)));
    assert!(flaky.waited.contains(&1) && flaky.waited.contains(&7));
}

#[test]
fn a_server_that_does_not_come_back_ends_the_import_with_what_was_asked() {
    struct Dead(u32);
    impl MetricServer for Dead {
        fn ask(&mut self, _: &str) -> Result<Box<dyn Read + '_>, AskError> {
            self.0 += 1;
            Err(AskError { problem: "connection refused".to_owned(), retry: Retry::After(None) })
        }
        fn wait(&mut self, _: u64) {}
    }
    let mut dead = Dead(0);
    let mut importer = Importer::new(&mut dead, ImportSettings::new("east")).unwrap();
    let error = importer.hour(NOON).unwrap_err().to_string();
    assert_eq!(error, "kube_pod_info of the hour from 2026-03-30T12:00:00Z: connection refused (6 attempts)");
    assert_eq!(dead.0, 6);
}

/// Reference section 7, double counting: the same exporter scraped by two jobs, in any order.
#[test]
fn series_that_come_twice_count_once_in_any_order() {
    let mut twice = fleet(|_| true, false);
    let mut again = fleet(|at| at % 3 == 0, false);
    again.iter_mut().for_each(|made| made.labels.push(("job", "another".to_owned())));
    twice.extend(again);
    twice.reverse();
    assert_eq!(of(twice), of(fleet(|_| true, false)));
}

#[test]
fn a_missed_scrape_is_a_gap_and_not_a_zero() {
    let hours = of(fleet(|at| !(40..=42).contains(&at), false));
    let facts = &hours[0];
    let gaps: Vec<_> = facts.gaps.iter().map(|gap| (gap.interval, &*gap.subject)).collect();
    assert_eq!(gaps, [(Interval::new(minute(39), minute(42)), "cluster")]);
    let web = container(facts, "web-1");
    // the counter knows what was used in between; memory does not
    assert_eq!((web.cpu.used, web.cpu.charged), (3_600 * CORE, 4_500 * CORE));
    assert_eq!((web.ram.used, web.ram.charged), (3_420 * GIB as u64, 7_200 * GIB as u64));
    assert_eq!((web.interval, web.measured), (facts.interval(), 3_420));
    assert_eq!(facts.nodes[0].interval, facts.interval());
}

#[test]
fn a_hole_over_the_end_of_an_hour_is_lived_through_by_those_on_both_sides() {
    let hours = of(fleet(|at| !(51..=69).contains(&at), false));
    for facts in &hours {
        assert_eq!(facts.nodes[0].interval, facts.interval());
        let web = container(facts, "web-1");
        assert_eq!((web.interval, web.cpu.requested), (facts.interval(), 3_600 * CORE));
        assert_eq!(facts.gaps.iter().filter(|gap| &*gap.subject == "cluster").count(), 1);
    }
    // 19 minutes are more than a counter's growth is spread over
    assert_eq!(container(&hours[0], "web-1").cpu.used, (2_700 + 600) * CORE);
}

#[test]
fn use_that_was_not_scraped_is_a_gap_of_its_node() {
    let mut series = fleet(|_| true, false);
    for made in &mut series {
        let of_web = made.labels.iter().any(|(_, value)| value == "web-1");
        if made.name.starts_with("container_") && of_web {
            made.samples.retain(|(at, _)| !(minute(10)..minute(40)).contains(at));
        }
    }
    let facts = &of(series)[0];
    let gaps: Vec<_> = facts.gaps.iter().map(|gap| (gap.interval, &*gap.subject)).collect();
    // n2 runs something measured from 12:35 on
    let expected = [
        (Interval::new(minute(9), minute(35)), "use of everything"),
        (Interval::new(minute(35), minute(39)), "use of node n1"),
    ];
    // its counter is told again at 12:40, so the step to it is a gap, too
    assert_eq!(gaps[0], expected[0]);
    assert_eq!(gaps[1].1, expected[1].1);
    let web = container(facts, "web-1");
    assert_eq!(web.cpu.requested, 3_600 * CORE);
    assert!(web.measured < 1_860);
}

#[test]
fn pods_that_reuse_a_name_are_two_rows() {
    let mut series = fleet(|_| true, false);
    for made in &mut series {
        if made.labels.iter().any(|(_, value)| value == "uid-web") {
            made.samples.retain(|(at, _)| *at <= minute(20));
        }
    }
    let mut later = fleet(|at| at > 20, false);
    later.retain(|made| made.labels.iter().any(|(_, value)| value == "uid-web"));
    for made in &mut later {
        made.labels
            .iter_mut()
            .filter(|(key, _)| *key == "uid")
            .for_each(|(_, value)| *value = "uid-new".to_owned());
        if made.name == "kube_pod_start_time" {
            made.samples.iter_mut().for_each(|(_, value)| *value = minute(20) as f64);
        }
    }
    series.extend(later);
    let facts = &of(series)[0];
    let mut lives: Vec<_> = facts
        .containers
        .iter()
        .filter(|fact| &*fact.workload.pod == "web-1")
        .map(|fact| (fact.workload.pod_uid.to_string(), fact.interval, fact.cpu.charged / CORE))
        .collect();
    lives.sort();
    assert_eq!(
        lives,
        [
            ("uid-new".to_owned(), Interval::new(minute(20), minute(60)), 900 + 1_800),
            ("uid-web".to_owned(), Interval::new(minute(0), minute(20)), 1_800),
        ]
    );
}

/// OpenCost's own series alone: no kube-state-metrics, no cAdvisor.
#[test]
fn what_opencost_exports_is_enough_for_costs() {
    let key = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        more.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
    };
    let made = |name, labels, value: f64| Made {
        name,
        labels,
        samples: (-10..=130).map(|at| (minute(at), value)).collect(),
    };
    let pod =
        [("namespace", "shop"), ("pod", "web-1"), ("container", "main"), ("node", "n1"), ("instance", "n1")];
    let node = [
        ("node", "n1"),
        ("instance", "n1"),
        ("instance_type", "m5.xlarge"),
        ("region", "us-east-1"),
        ("provider_id", "i-1"),
        ("arch", "amd64"),
    ];
    let hours = of(vec![
        made("container_cpu_allocation", key(&pod), 1.25),
        made("container_memory_allocation_bytes", key(&pod), GIB),
        made("node_total_hourly_cost", key(&node), 0.192),
    ]);
    let web = container(&hours[0], "web-1");
    assert_eq!((web.interval, web.cpu.charged), (hours[0].interval(), 4_500 * CORE));
    assert_eq!((web.ram.charged, web.measured), (3_600 * GIB as u64, 0));
    assert_eq!((&*hours[0].nodes[0].instance_type, &*hours[0].nodes[0].region), ("m5.xlarge", "us-east-1"));
    assert_eq!(&*hours[0].gaps[0].subject, "use of everything");
}

fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn dumped(files: &[PathBuf]) -> Result<(Vec<HourFacts>, DumpReport), String> {
    let mut hours = Vec::new();
    let report = read_dumps(files, &ImportSettings::new("east"), &mut |facts| {
        hours.push(facts);
        Ok(())
    });
    report.map(|report| (hours, report)).map_err(|error| error.to_string())
}

#[test]
fn a_dump_of_answers_gives_the_facts_that_the_server_gives() {
    let directory = scratch("dump-of-answers");
    let series = fleet(|_| true, false);
    let mut files = Vec::new();
    // one file for each metric, and a stranger
    let mut names: Vec<&str> = series.iter().map(|made| made.name).chain(["up"]).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let of_name = series.iter().filter(|made| made.name == name);
        let mut result: Vec<Value> = of_name
            .map(|made| {
                let mut metric = labels(made);
                metric["__name__"] = name.into();
                let inside = made.samples.iter().filter(|(at, _)| (NOON..=NOON + 7_200).contains(at));
                json!({"metric": metric, "values": inside.map(|(at, value)| json!([at, value.to_string()])).collect::<Vec<_>>()})
            })
            .collect();
        if name == "up" {
            result.push(json!({"metric": {"__name__": "up"}, "values": [[NOON, "1"]]}));
        }
        let file = directory.join(format!("{name}.json"));
        let answer = json!({"status": "success", "data": {"resultType": "matrix", "result": result}});
        std::fs::write(&file, answer.to_string()).unwrap();
        files.push(file);
    }
    let (mut hours, report) = dumped(&files).unwrap();
    assert_eq!(report.unused, [("up".to_owned(), 1)].into());
    // samples at noon sharp are the end of the hour before
    hours.retain(|facts| facts.hour >= NOON);
    assert_eq!(hours, of(fleet(|_| true, false)));
}

#[rstest]
#[case::no_answer(
    "<html>",
    "dump.json: line 1: column 1: expected value; expected one of {\"recording\": …}"
)]
#[case::no_result(r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1,"x"]]}]}}"#, "dump.json: line 1, column 104: \"x\" is no number")]
#[case::nameless(
    r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"job":"a"},"values":[]}]}}"#,
    "dump.json: series 1 has no label __name__"
)]
#[case::empty("", "dump.json: line 1: the recording is empty; expected {\"recording\"")]
#[case::no_head(
    "{\"silent\":\"n1\"}",
    "dump.json: line 1: the first line does not say what the recording is of"
)]
#[case::unknown_field(
    "{\"recording\":{\"cluster\":\"a\"}}\n{\"used\":{\"namespace\":\"a\",\"cores\":1}}",
    "dump.json: line 2: column 32: unknown field `cores`, expected one of `namespace`, `pod`"
)]
#[case::bad_pod(
    "{\"recording\":{\"cluster\":\"a\"}}\n{\"set\":{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":7}}",
    "dump.json: line 2: the Pod cannot be read: invalid type: integer `7`"
)]
#[case::no_kind(
    "{\"recording\":{\"cluster\":\"a\"}}\n{\"set\":{\"metadata\":{\"name\":\"p\"}}}",
    "dump.json: line 2: the object has no kind"
)]
#[case::backwards(
    "{\"recording\":{\"cluster\":\"a\"}}\n{\"observe\":\"2026-01-01T00:01:00Z\"}\n{\"observe\":\"2026-01-01T00:00:00Z\"}",
    "dump.json: line 3: an observation at"
)]
#[case::never_there(
    "{\"recording\":{\"cluster\":\"a\"}}\n{\"gone\":{\"kind\":\"Pod\",\"name\":\"p\"}}",
    "dump.json: line 2: Pod /p is gone but was never there"
)]
fn a_bad_dump_is_answered_with_file_line_and_field(#[case] text: &str, #[case] problem: &str) {
    let name: String = problem.bytes().chain(text.bytes()).map(|byte| format!("{byte:x}")).collect();
    let file = scratch(&name[name.len() - 60..]).join("dump.json");
    std::fs::write(&file, text).unwrap();
    let error = dumped(&[file]).unwrap_err();
    assert!(error.contains(problem), "{error}");
}

#[test]
fn a_recording_gives_the_facts_of_the_live_collector() {
    let recording = r#"{"recording":{"cluster":"east","provisioner":"EKS"}}
{"set":{"kind":"Node","metadata":{"name":"n1","labels":{"node.kubernetes.io/instance-type":"m5.large"}},"spec":{"providerID":"aws:///us-east-1a/i-1"},"status":{"capacity":{"cpu":"2","memory":"8Gi"}}}}
{"set":{"kind":"Deployment","metadata":{"name":"web","namespace":"shop"}}}
{"set":{"kind":"ReplicaSet","metadata":{"name":"web-7d9","namespace":"shop","ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"1","controller":true}]}}}
{"set":{"kind":"Pod","metadata":{"name":"web-1","namespace":"shop","uid":"u1","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-7d9","uid":"2","controller":true}]},"spec":{"nodeName":"n1","containers":[{"name":"main","resources":{"requests":{"cpu":"500m","memory":"1Gi"}}}]},"status":{"phase":"Running","startTime":"2026-03-30T10:00:00Z"}}}
{"observe":"2026-03-30T12:58:00Z"}
{"used":{"namespace":"shop","pod":"web-1","container":"main","microcores":800000,"ramBytes":536870912}}
{"observe":"2026-03-30T12:59:00Z"}

{"silent":"n1"}
{"observe":"2026-03-30T13:00:00Z"}
{"gone":{"kind":"Pod","namespace":"shop","name":"web-1"}}
{"observe":"2026-03-30T13:01:00Z"}
"#;
    let file = scratch("recording").join("east.jsonl");
    std::fs::write(&file, recording).unwrap();
    let (hours, report) = dumped(&[file]).unwrap();
    assert_eq!((report.observations, hours.len()), (4, 2));
    let web = container(&hours[0], "web-1");
    // 0.8 cores for a minute, then half a core asked for
    assert_eq!((web.cpu.charged, web.measured), (78 * CORE, 60));
    assert_eq!((&*web.workload.controller_kind, &*web.workload.controller), ("deployment", "web"));
    assert_eq!(&*hours[0].gaps[0].subject, "use of node n1");
    assert!(hours[1].containers.is_empty());
    assert_eq!(hours[1].nodes.len(), 1);
}
