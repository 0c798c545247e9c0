//! A ledger from a real Prometheus server: a made-up fleet is put into its blocks, and costs what it has to.
//!
//! Needs `prometheus` and `promtool`. Where they are missing and the test runs as root on Debian or Ubuntu, it installs
//! their package; elsewhere it says so and does nothing.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../../cost/tests/fleet/mod.rs"]
mod fleet;
mod process;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fleet::{GIB, fleet, open_metrics};
use process::Process;
use serde_json::Value;

const SUPERCARGO: &str = env!("CARGO_BIN_EXE_supercargo");
const WINDOW: &str = "2026-03-30T12:00:00Z,2026-03-30T14:00:00Z";

fn runs(program: &str) -> bool {
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet(Command::new(program).arg("--version")).is_ok_and(|status| status.success())
}

/// Whether Prometheus is there, or can be had.
fn have_prometheus() -> bool {
    let there = || runs("prometheus") && runs("promtool");
    if there() {
        return true;
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if root && runs("apt-get") {
        eprintln!("prometheus is not installed: apt-get install prometheus");
        let arguments = ["install", "-y", "--no-install-recommends", "prometheus"];
        let installed =
            Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status();
        if installed.is_ok_and(|status| status.success()) && there() {
            return true;
        }
    }
    eprintln!("skipped: prometheus is not installed; to have it: apt install prometheus");
    false
}

fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A server with the fleet in it, and its address.
fn serve(directory: &Path) -> (Process, String) {
    let metrics = directory.join("fleet.txt");
    std::fs::write(&metrics, open_metrics(&fleet(|at| !(101..=103).contains(&at), false))).unwrap();
    let data = directory.join("data");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&metrics, &data])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let configuration = directory.join("prometheus.yml");
    std::fs::write(&configuration, "global: {scrape_interval: 1m}\n").unwrap();
    // a port that was free a moment ago
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut server = Process::start(
        Command::new("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--storage.tsdb.retention.time=36500d", "--web.external-url=http://localhost/prometheus"]),
    );
    server.until("Server is ready to receive web requests");
    server.let_talk();
    (server, format!("http://{address}/prometheus"))
}

fn supercargo(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(SUPERCARGO).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(arguments: &[&str]) -> Value {
    let (code, out, err) = supercargo(arguments);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

fn near(value: &Value, expected: f64) {
    let found = value.as_f64().unwrap();
    assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{found} instead of {expected}");
}

#[test]
fn a_fleet_in_a_real_prometheus_costs_what_it_has_to() {
    if !have_prometheus() {
        return;
    }
    let directory = scratch("real-prometheus");
    let (_server, url) = serve(&directory);
    let store = directory.join("ledger");
    let store = store.to_str().unwrap();
    let import =
        ["cost", "import", "--prometheus", &url, "--window", WINDOW, "--store", store, "--cluster", "east"];
    let (code, _, said) = supercargo(&import);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 hours written"), "{said}");
    assert!(said.contains("1 gap"), "{said}");
    let (code, _, said) = supercargo(&import);
    assert!(code == 0 && said.contains("0 hours written, 2 were there already"), "{said}");

    // one question after the other, or many at once: the same files to the byte
    let files = |store: &Path| {
        let mut found: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        let mut directories = vec![store.to_owned()];
        while let Some(path) = directories.pop() {
            for entry in std::fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    found.insert(path.strip_prefix(store).unwrap().to_owned(), std::fs::read(&path).unwrap());
                }
            }
        }
        found
    };
    for at_once in ["1", "64"] {
        let other = directory.join(format!("ledger-{at_once}"));
        let mut import = import.to_vec();
        import[7] = other.to_str().unwrap();
        import.extend(["--max-query-concurrency", at_once]);
        let (code, _, said) = supercargo(&import);
        assert_eq!(code, 0, "{said}");
        assert!(files(&other) == files(Path::new(store)), "{at_once} at once is something else");
    }

    let shown = |what: &'static str, by: &'static str| {
        json(&["cost", what, "--store", store, "--window", WINDOW, "--by", by, "-o", "json"])
    };
    let assets = json(&["cost", "assets", "--store", store, "--window", WINDOW, "-o", "json"]);
    let node = |name: &str| {
        let found = assets.as_object().unwrap().values().find(|asset| asset["properties"]["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {assets:#}")).clone()
    };
    // m5.xlarge at $0.192, two hours; three scrapes that were missed change nothing
    let n1 = node("n1");
    near(&n1["totalCost"], 0.384);
    assert_eq!(n1["priceSource"], "list");
    let n2 = node("n2");
    near(&n2["minutes"], 60.0);
    assert_eq!((&n2["nodeType"], &n2["preemptible"]), (&Value::from("c5.large"), &Value::from(1)));

    let pods = &shown("allocation", "pod")[0];
    let web = &pods["web-1"];
    // 1.5 cores for half an hour, then the one it asks for: 2.25 of n1's 8 core-hours; 4 of its 32 GiB-hours
    near(&web["cpuCoreHours"], 2.25);
    near(&web["cpuCost"], n1["cpuCost"].as_f64().unwrap() * 2.25 / 8.0);
    near(&web["ramByteHours"], 4.0 * GIB);
    near(&web["ramCost"], n1["ramCost"].as_f64().unwrap() * 4.0 / 32.0);
    // 2 cores for 45 minutes of the node's 2 core-hours; 3 GiB of its 4
    let batch = &pods["batch-1"];
    near(&batch["cpuCoreHours"], 1.5);
    near(&batch["cpuCost"], n2["cpuCost"].as_f64().unwrap() * 1.5 / 2.0);
    near(&batch["ramCost"], n2["ramCost"].as_f64().unwrap() * 2.25 / 4.0);
    assert_eq!(batch["properties"]["controller"], "batch");
    // everything that is paid for is somebody's, or idle
    let sum: f64 = pods.as_object().unwrap().values().map(|row| row["totalCost"].as_f64().unwrap()).sum();
    let assets = assets.as_object().unwrap().values().filter(|asset| asset["type"] != "ClusterManagement");
    let paid: f64 = assets.map(|row| row["totalCost"].as_f64().unwrap()).sum();
    assert!((sum - paid).abs() < 1e-6, "{sum} is not {paid}");
}

#[test]
fn a_server_that_is_not_there_or_refuses_is_told_in_words() {
    let store = scratch("no-prometheus");
    let store = store.to_str().unwrap();
    let import = |url: &'static str| {
        let (code, _, said) =
            supercargo(&["cost", "import", "--prometheus", url, "--window", WINDOW, "--store", store]);
        assert_eq!(code, 2);
        said
    };
    assert!(import("localhost").contains("localhost: not a URL"));
    let (code, _, said) = supercargo(&[
        "cost",
        "import",
        "--prometheus",
        "http://localhost:1",
        "--window",
        "10m",
        "--at",
        "2026-03-30T12:20:00Z",
        "--store",
        store,
    ]);
    assert!(code == 2 && said.contains("hours are imported when they are over"), "{said}");
    let (code, _, said) = supercargo(&[
        "cost",
        "import",
        "--prometheus",
        "https://localhost:1",
        "--store",
        store,
        "--window",
        WINDOW,
        "--ca-file",
        "Cargo.toml",
    ]);
    assert!(
        code == 2 && said.contains("Cargo.toml: no certificates; expected -----BEGIN CERTIFICATE-----"),
        "{said}"
    );
    let (code, _, said) = supercargo(&["cost", "import", "--store", store]);
    assert!(code == 2 && said.contains("--prometheus"), "{said}");
}
