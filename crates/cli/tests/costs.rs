//! The ledger of `supercargo up` as others see it: it answers, it is kept, and it survives the end of its process, however
//! that comes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod process;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use process::Process;
use serde_json::Value;

const SUPERCARGO: &str = env!("CARGO_BIN_EXE_supercargo");

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// A cluster in a directory, at speed, that answers for its costs on a port.
fn up(directory: &Path, port: u16, wanted: &str) -> Process {
    let mut process = Process::start(
        Command::new(SUPERCARGO)
            .args(["up", "--port", "0", "--metrics-port", "0", "--ui-port", "0", "--speed", "100"])
            .args(["--cost-port", &port.to_string(), "--kubeconfig", "kubeconfig", "--data-dir", "data"])
            .current_dir(directory),
    );
    process.until(wanted);
    process
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn supercargo(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(SUPERCARGO).args(arguments).current_dir(directory).output().unwrap()
}

fn ask(port: u16, path: &str) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// The node as an asset, once it has been there for so many minutes.
fn node(port: u16, minutes: f64) -> Value {
    for _ in 0..600 {
        let assets = ask(port, "/assets?window=2d&filter=name:%22node-1%22");
        let found = assets["data"].as_object().and_then(|assets| assets.values().next().cloned());
        if let Some(node) = found.filter(|node| node["minutes"].as_f64().unwrap() >= minutes) {
            return node;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the node was never there for {minutes} minutes: {}", ask(port, "/assets?window=2d"));
}

fn seconds(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

/// Killed without a word, the ledger goes on where it was: what was told stays, no second counts twice, and what was not
/// measured is a gap.
#[test]
fn a_ledger_survives_a_kill() {
    let directory = directory("costs-kill");
    let (port, mut told) = (free_port(), 0.0);
    for round in 0..3 {
        let process = up(&directory, port, "Ctrl-C ends it.");
        if round == 0 {
            let added = supercargo(&directory, &["local", "add-node", "--kubeconfig", "kubeconfig"]);
            assert_eq!(String::from_utf8_lossy(&added.stdout), "node/node-1 added\n");
        }
        let node = node(port, told + 20.0);
        let minutes = node["minutes"].as_f64().unwrap();
        let span = seconds(&node["end"]) - seconds(&node["start"]);
        let gaps = ask(port, "/gaps?window=2d");
        let gaps = gaps["data"].as_array().unwrap().iter();
        let away: i64 = gaps
            .filter(|gap| gap["subject"] == "everything")
            .map(|gap| gap["seconds"].as_i64().unwrap())
            .sum();
        let counted = (minutes * 60.0).round() as i64;
        // the gap may begin before the node, never after what was told
        assert!(counted + away >= span && counted <= span, "{counted} s and gaps of {away} s in {span} s");
        assert!(minutes >= told, "{minutes} minutes, {told} were told before");
        told = minutes;
        // dropped without a word: SIGKILL
        drop(process);
    }
    // and the same from the files alone
    let mut query = vec!["cost", "assets", "--store", "data/ledger", "--window", "2d", "-o", "json"];
    let clock = std::fs::read_to_string(directory.join("data/clock")).unwrap();
    query.extend(["--at", clock.trim()]);
    let output = supercargo(&directory, &query);
    let assets: Value = serde_json::from_slice(&output.stdout).unwrap();
    let node = assets.as_object().unwrap().values().find(|asset| asset["type"] == "Node").unwrap();
    assert!(node["minutes"].as_f64().unwrap() >= told, "{node:#}");
}

/// Ended between two looks, an hour apart: what went on until then is looked at once more.
#[test]
fn a_cluster_that_is_ended_writes_down_what_went_on_since_the_last_look() {
    let directory = directory("costs-end");
    let mut process = Process::start(
        Command::new(SUPERCARGO)
            .args(["up", "--port", "0", "--metrics-port", "0", "--ui-port", "0", "--speed", "100"])
            .args(["--cost-port", &free_port().to_string(), "--cost-interval", "3600"])
            .args(["--kubeconfig", "kubeconfig", "--data-dir", "data"])
            .current_dir(&directory),
    );
    process.until("Ctrl-C ends it.");
    let added =
        supercargo(&directory, &["local", "add-node", "--boot-seconds", "0", "--kubeconfig", "kubeconfig"]);
    assert_eq!(String::from_utf8_lossy(&added.stdout), "node/node-1 added\n");
    // the cluster's clock, as it is noted now and then, has to have moved on
    let clock = || std::fs::read_to_string(directory.join("data/clock")).unwrap().trim().to_owned();
    let (then, mut tries) = (seconds(&clock().into()), 0);
    while seconds(&clock().into()) < then + 120 {
        tries += 1;
        assert!(tries < 600, "the clock stands still");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(process.end("-INT"), (Some(0), "shutting down\n".to_owned()));
    let clock = clock();
    let asked = ["cost", "assets", "--store", "data/ledger", "--window", "2d", "-o", "json", "--at", &clock];
    let output = supercargo(&directory, &asked);
    let assets: Value = serde_json::from_slice(&output.stdout).unwrap();
    let node = assets.as_object().unwrap().values().find(|asset| asset["type"] == "Node").unwrap();
    assert!(node["minutes"].as_f64().unwrap() > 0.5 && node["totalCost"].as_f64().unwrap() > 0.0, "{node:#}");
}

#[test]
fn a_port_that_is_taken_is_said_and_the_cluster_goes_on() {
    let directory = directory("costs-port");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut process =
        up(&directory, port, &format!("costs are not answered on port {port}, which cannot be opened"));
    process.until("Ctrl-C ends it.");
    assert_eq!(process.end("-INT").0, Some(0));
}

/// Every subcommand on the live cluster.
#[test]
fn every_subcommand_asks_a_running_cluster() {
    let directory = directory("costs-live");
    let port = free_port();
    let process = up(&directory, port, "Ctrl-C ends it.");
    supercargo(&directory, &["local", "add-node", "--kubeconfig", "kubeconfig"]);
    node(port, 2.0);
    let from = format!("http://127.0.0.1:{port}");
    for (what, wanted) in [
        ("report", "(idle)"),
        ("allocation", "(idle)"),
        ("assets", "ClusterManagement"),
        ("idle", "eks-production/node-1/(idle)"),
        ("efficiency", "NAME"),
    ] {
        let output = supercargo(&directory, &["cost", what, "--window", "1d", "--from", &from]);
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(shown.contains(wanted), "{what}: {shown}{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(process.end("-INT").0, Some(0));
}
