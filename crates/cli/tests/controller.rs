//! `supercargo controller` and `supercargo install` as processes: they refuse with reasons, work, answer, and end in order.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod process;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use process::Process;
use serde_json::Value;
use supercargo_kubectl_venv as venv;

const SUPERCARGO: &str = env!("CARGO_BIN_EXE_supercargo");

/// A cluster of its own, in a directory of its own.
struct Cluster {
    _up: Process,
    directory: PathBuf,
}

impl Cluster {
    /// Without controllers of its own.
    fn start(name: &str) -> Cluster {
        Cluster::with(name, &["--no-controllers"])
    }

    fn with(name: &str, arguments: &[&str]) -> Cluster {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let mut up = Process::start(
            Command::new(SUPERCARGO)
                .args(["up", "--port", "0", "--cost-port", "0", "--ui-port", "0", "--kubeconfig"])
                .arg(directory.join("kubeconfig"))
                .args(arguments)
                .current_dir(&directory),
        );
        up.until("Ctrl-C ends it.");
        Cluster { _up: up, directory }
    }

    fn supercargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SUPERCARGO);
        command
            .args(arguments)
            .env("KUBECONFIG", self.directory.join("kubeconfig"))
            .current_dir(&self.directory);
        // what the surroundings say must not decide
        for name in
            ["METRICS_PORT", "HEALTH_PROBE_PORT", "CLUSTER_NAME", "FEATURE_GATES", "LOG_LEVEL", "AWS_REGION"]
        {
            command.env_remove(name);
        }
        command
    }

    /// A controller whose ports are free ones, with the addresses of its metrics and its health.
    fn starting(&self, arguments: &[&str]) -> (Process, String, String) {
        let (metrics, health) = (free_port().to_string(), free_port().to_string());
        let process = Process::start(
            self.supercargo(&["controller", "--cloud", "sim", "--bind", "127.0.0.1"])
                .args(["--log-output-paths", "stderr", "--metrics-port", &metrics])
                .args(["--health-probe-port", &health])
                .args(arguments),
        );
        (process, format!("127.0.0.1:{metrics}"), format!("127.0.0.1:{health}"))
    }

    /// The same, once it leads.
    fn controller(&self, arguments: &[&str]) -> (Process, String, String) {
        let (mut process, metrics, health) = self.starting(arguments);
        process.until("\"message\":\"leading\"");
        (process, metrics, health)
    }

    fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        let bin = venv::bin(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
        let mut child = Command::new(bin.join("kubectl"))
            .args(arguments)
            .env("KUBECONFIG", self.directory.join("kubeconfig"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

/// A port that nobody listens on. Somebody else may take it before it is used, which is seldom.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The status and the body of an answer.
fn get(address: &str, path: &str) -> (u16, String) {
    ask(address, "GET", path)
}

fn ask(address: &str, verb: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{verb} {path} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn help_shows_the_defaults() {
    let output = Command::new(SUPERCARGO).args(["controller", "--help"]).output().unwrap();
    insta::assert_snapshot!(said(&output));
}

#[test]
fn settings_that_cannot_be_understood_are_told_by_name() {
    let output = Command::new(SUPERCARGO)
        .args(["controller", "--cloud", "sim", "--kubeconfig", "none"])
        .env("BATCH_MAX_DURATION", "10 seconds")
        .env("LOG_LEVEL", "loud")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(said(&output), @r#"
    error: BATCH_MAX_DURATION (--batch-max-duration) is "10 seconds": duration "10 seconds" has the unknown unit " seconds"; use ns, us, ms, s, m or h
    error: LOG_LEVEL (--log-level) is "loud": write error, warn, info, debug or trace
    "#);
}

#[test]
fn what_is_not_built_is_said() {
    let output = Command::new(SUPERCARGO)
        .args(["controller", "--cloud", "aws", "--kubeconfig", "none"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).starts_with("error: the cloud aws is not built yet\n"), "{}", said(&output));
}

#[test]
fn a_controller_needs_its_definitions_and_no_other_autoscaler_then_it_works_answers_and_ends_in_order() {
    let cluster = Cluster::start("controller-alone");
    let output = cluster.supercargo(&["controller", "--cloud", "sim"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("the cluster does not know the kind NodePool"), "{}", said(&output));

    let output = cluster.supercargo(&["install", "--only-definitions"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("customresourcedefinition/nodepools.karpenter.sh applied\n"));

    let autoscaler = r#"{"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "cluster-autoscaler", "namespace": "kube-system"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "ca"}}, "template": {"metadata": {"labels": {"app": "ca"}},
            "spec": {"containers": [{"name": "ca", "image": "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0"}]}}}}"#;
    let output = cluster.kubectl(&["apply", "-f", "-"], autoscaler);
    assert!(output.status.success(), "{}", said(&output));
    let output = cluster.supercargo(&["controller", "--cloud", "sim"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(said(&output), @"
    error: Cluster Autoscaler is active: Deployment kube-system/cluster-autoscaler has 1 replica
      help: to remove Cluster Autoscaler: kubectl -n kube-system scale deployment cluster-autoscaler --replicas=0
      help: two autoscalers in one cluster buy nodes for the same pods; to work beside it all the same: --beside-other-autoscalers
    ");
    let output = cluster
        .kubectl(&["-n", "kube-system", "scale", "deployment", "cluster-autoscaler", "--replicas=0"], "");
    assert!(output.status.success(), "{}", said(&output));

    let (process, metrics, health) = cluster.controller(&["--journal-file", "journal.jsonl"]);
    assert_eq!(get(&health, "/healthz"), (200, "ok".to_owned()));
    let (status, text) = get(&metrics, "/metrics");
    assert_eq!(status, 200);
    assert!(text.contains("karpenter_build_info{"), "{text}");
    assert!(text.contains("leader_election_master_status{name=\"karpenter-leader-election\"} 1\n"), "{text}");
    let (status, text) = get(&metrics, "/journal?limit=5");
    assert_eq!(status, 200);
    assert!(text.starts_with("{\"entries\":["), "{text}");
    assert_eq!(get(&metrics, "/journal?limit=many").0, 400);
    assert_eq!(get(&metrics, "/nothing").0, 404);

    let (code, rest) = process.end("-TERM");
    assert_eq!(code, Some(0), "{rest}");
    assert!(rest.contains("\"message\":\"ended\""), "{rest}");
    let output = cluster.kubectl(
        &[
            "-n",
            "kube-system",
            "get",
            "lease",
            "karpenter-leader-election",
            "-o",
            "jsonpath={.spec.holderIdentity}",
        ],
        "",
    );
    assert_eq!(said(&output), "", "the lease was given back");
}

#[test]
fn kubectl_applies_what_install_prints() {
    let cluster = Cluster::start("controller-install");
    let printed = Command::new(SUPERCARGO)
        .args(["install", "--dry-run", "--cloud", "sim", "--set", "CLUSTER_NAME=shop"])
        .output()
        .unwrap();
    assert_eq!(printed.status.code(), Some(0));
    let yaml = String::from_utf8(printed.stdout).unwrap();
    let output = cluster.kubectl(&["apply", "--server-side", "-f", "-"], &yaml);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output).lines().count(), 13, "{}", said(&output));
    let again = cluster.kubectl(&["diff", "--server-side", "-f", "-"], &yaml);
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    let output = cluster.kubectl(
        &[
            "-n",
            "kube-system",
            "get",
            "deployment",
            "supercargo",
            "-o",
            "jsonpath={.spec.template.spec.containers[0].args}",
        ],
        "",
    );
    assert_eq!(said(&output), r#"["controller","--cloud","sim"]"#);
}

#[test]
fn a_controller_waits_while_those_of_up_hold_the_lease() {
    let cluster = Cluster::with("controller-beside-up", &["--metrics-port", "0"]);
    let lease =
        ["-n", "kube-system", "wait", "--for=create", "lease/karpenter-leader-election", "--timeout=60s"];
    let output = cluster.kubectl(&lease, "");
    assert!(output.status.success(), "{}", said(&output));
    let (mut process, _metrics, health) = cluster.starting(&[]);
    process.until("\"message\":\"waiting for the lease\"");
    assert_eq!(get(&health, "/readyz"), (200, "waiting for the lease".to_owned()));
    let lease = ["-n", "kube-system", "get", "lease", "karpenter-leader-election"];
    let holder = cluster.kubectl(&[&lease[..], &["-o", "jsonpath={.spec.holderIdentity}"]].concat(), "");
    assert_eq!(said(&holder), "supercargo_up");
    assert_eq!(process.end("-TERM").0, Some(0));
}

/// What the cost API answers, as soon as it is what is waited for.
fn costs(address: &str, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    let mut answer = Value::Null;
    for _ in 0..600 {
        answer = serde_json::from_str(&get(address, path).1).unwrap();
        if is_there(&answer["data"]) {
            return answer["data"].take();
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{path}: {answer:#}");
}

/// A controller of its own measures the cluster, answers for its costs, writes the last second down when it ends, and goes on
/// from there.
#[test]
fn a_controller_keeps_the_ledger_of_its_cluster_over_its_end() {
    let cluster = Cluster::start("controller-costs");
    let output = cluster.supercargo(&["install", "--only-definitions"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let output = cluster.supercargo(&["local", "add-node", "--boot-seconds", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let output = cluster.kubectl(&["create", "deployment", "web", "--image=nginx", "--replicas=2"], "");
    assert!(output.status.success(), "{}", said(&output));
    let port = free_port().to_string();
    let arguments =
        ["--cost-port", &port, "--cost-store", "ledger", "--cost-interval", "1", "--team-label", "app"];
    let address = format!("127.0.0.1:{port}");
    let minutes = |row: &Value| row["deployment:web"]["minutes"].as_f64().unwrap_or(0.0);

    let (process, ..) = cluster.controller(&arguments);
    let window = "window=2d&aggregate=controller&includeIdle=true&accumulate=true";
    let first = costs(&address, &format!("/allocation?{window}"), |data| {
        minutes(&data[0]) > 0.02 && data[0]["__idle__"]["totalCost"].as_f64().is_some_and(|cost| cost > 0.0)
    });
    let by_team = costs(&address, "/allocation?window=2d&aggregate=team&accumulate=true", |data| {
        data[0]["web"].is_object()
    });
    assert_eq!(by_team[0]["web"]["name"], "web", "the label app is the team");
    // prices that are put beside the ledger count when they are asked for
    std::fs::create_dir_all(cluster.directory.join("ledger/prices")).unwrap();
    std::fs::write(cluster.directory.join("ledger/prices/0001-list.csv"), "node,price\nnode-1,7.5\n")
        .unwrap();
    assert_eq!(ask(&address, "POST", "/refreshPricing").0, 200);
    let assets: Value =
        serde_json::from_str(&get(&address, "/assets?window=2d&filter=name:%22node-1%22").1).unwrap();
    let node = assets["data"].as_object().unwrap().values().next().unwrap();
    assert_eq!(node["priceSource"], "custom", "{node:#}");
    std::fs::write(cluster.directory.join("ledger/prices/0002-list.csv"), "node,price\nnode-1,dear\n")
        .unwrap();
    let (status, body) = ask(&address, "POST", "/refreshPricing");
    assert!(status == 502 && body.contains("0002-list.csv:2: price"), "{status} {body}");
    std::fs::remove_file(cluster.directory.join("ledger/prices/0002-list.csv")).unwrap();
    let (code, rest) = process.end("-TERM");
    assert_eq!(code, Some(0), "{rest}");
    assert!(!rest.contains("\"level\":\"ERROR\""), "{rest}");

    // the files alone
    let shown = || -> Value {
        let asked =
            ["cost", "allocation", "--store", "ledger", "--window", "2d", "--by", "controller", "-o", "json"];
        let output = cluster.supercargo(&asked).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&output)))
    };
    let kept = shown();
    assert!(minutes(&kept[0]) >= minutes(&first[0]), "{kept:#} after {first:#}");

    let (process, ..) = cluster.controller(&arguments);
    let told = minutes(&kept[0]);
    let again = costs(&address, &format!("/allocation?{window}"), |data| minutes(&data[0]) > told + 0.02);
    assert_eq!(
        again[0]["deployment:web"]["start"], kept[0]["deployment:web"]["start"],
        "the same Deployment goes on"
    );
    assert_eq!(process.end("-TERM").0, Some(0));
    // what went on while nobody measured is charged by its requests, every second once
    let row = shown()[0]["deployment:web"].take();
    let seconds = |field: &str| row[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let wall = (seconds("end") - seconds("start")) as f64 / 60.0;
    assert!((minutes(&serde_json::json!({"deployment:web": row})) - wall).abs() < 1e-4, "{row:#}");
}

/// A real Prometheus, of the Debian package prometheus, scrapes a controller where it is installed.
#[test]
fn prometheus_scrapes_a_controller() {
    let cluster = Cluster::start("controller-prometheus");
    let output = cluster.supercargo(&["install", "--only-definitions"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (_process, metrics, _) = cluster.controller(&[]);
    let configuration = format!(
        "scrape_configs: [{{job_name: supercargo, scrape_interval: 1s, static_configs: [{{targets: [\"{metrics}\"]}}]}}]\n"
    );
    std::fs::write(cluster.directory.join("prometheus.yml"), configuration).unwrap();
    let own = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new("prometheus");
    command
        .args([
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            &format!("--web.listen-address={own}"),
        ])
        .current_dir(&cluster.directory)
        .stdout(Stdio::null());
    if Command::new("prometheus").arg("--version").output().is_err() {
        eprintln!("skipped: prometheus is not installed; to have it: apt install prometheus");
        return;
    }
    let mut prometheus = Process::start(&mut command);
    prometheus.until("Server is ready to receive web requests");
    // it scrapes within a second of its start; each question takes a while, too
    let mut answer = String::new();
    for _ in 0..50_000 {
        let (_, body) = get(&own, "/api/v1/query?query=karpenter_build_info");
        answer = body;
        if answer.contains("\"version\"") {
            break;
        }
    }
    assert!(answer.contains("\"__name__\":\"karpenter_build_info\""), "{answer}");
    let (_, targets) = get(&own, "/api/v1/targets");
    assert!(targets.contains("\"health\":\"up\""), "{targets}");
}
