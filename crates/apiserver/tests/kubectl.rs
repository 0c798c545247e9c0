//! Real kubectl, and the Python client, against the server over HTTPS.
//!
//! `tests/kubectl/*.txt` are transcripts: lines that begin with `$ ` are commands, what follows is what they print. They are
//! run one after the other by bash, each file against a server of its own. What differs from run to run (times, ages,
//! uids, revisions, ports) is written as `<time>`, `<age>` and so on.
//!
//! The clients come from PyPI and are installed below the target directory, which needs Python 3 and, once, the network.
//! With `UPDATE_TRANSCRIPTS=1` the files are written anew; look at what changed before it is kept.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use rstest::rstest;
use serde_json::json;
use supercargo_apiserver::{LogLine, MountedResource, PodLog, ServeOptions, Server, ServerOptions, Serving};
use supercargo_clock::RealClock;

/// The directory with `kubectl` and `python`.
fn peers() -> PathBuf {
    supercargo_kubectl_venv::bin(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

/// A server with what the transcripts need from others: usage of nodes and pods.
async fn server() -> (Server, Serving) {
    let server = Server::new(ServerOptions::new(Arc::new(RealClock::new()), 7)).unwrap();
    let resource = |plural: &str, kind: &str, is_namespaced| MountedResource {
        plural: plural.to_owned(),
        singular: String::new(),
        kind: kind.to_owned(),
        is_namespaced,
        short_names: Vec::new(),
        verbs: vec!["get".to_owned(), "list".to_owned()],
    };
    let usage = json!({ "cpu": "250m", "memory": "512Mi" });
    let nodes = json!({
        "kind": "NodeMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {},
        "items": [{ "metadata": { "name": "node-a" }, "timestamp": "2026-01-01T00:00:00Z", "window": "20s", "usage": usage }],
    });
    let pods = json!({
        "kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {},
        "items": [{
            "metadata": { "name": "web-1", "namespace": "default" }, "timestamp": "2026-01-01T00:00:00Z",
            "window": "20s", "containers": [{ "name": "web", "usage": usage }],
        }],
    });
    let answer = |value: serde_json::Value| axum::routing::get(move || async move { axum::Json(value) });
    let router = axum::Router::new()
        .route("/apis/metrics.k8s.io/v1beta1/nodes", answer(nodes))
        .route("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods", answer(pods));
    server.mount(
        "metrics.k8s.io/v1beta1",
        vec![resource("nodes", "NodeMetrics", false), resource("pods", "PodMetrics", true)],
        router,
    );
    server.mount_pod_logs(|request| {
        let line = |seconds: i64, text: String| LogLine {
            time: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds),
            text,
        };
        let lines = vec![line(1, format!("{} begins", request.container)), line(2, "listening".to_owned())];
        PodLog { lines, following: None }
    });
    let serving = server.serve(ServeOptions::default()).await.unwrap();
    (server, serving)
}

/// A place for the files of one run.
fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kubectl-{name}"));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn bash(command: &str, scratch: &Path) -> Command {
    let mut bash = Command::new("timeout");
    let path = format!("{}:{}", peers().display(), std::env::var("PATH").unwrap());
    bash.args(["60", "bash", "-c", command])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl"))
        .env("PATH", path)
        .env("HOME", scratch)
        .env("TMP", scratch)
        .env("KUBECONFIG", scratch.join("kubeconfig"));
    bash
}

/// Takes out what differs from run to run.
fn normalised(text: &str, serving: &Serving, scratch: &Path) -> String {
    let text = text
        .replace(&serving.addr().to_string(), "<server>")
        .replace(serving.token(), "<token>")
        .replace(&scratch.display().to_string(), "<scratch>");
    let rules = [
        (r"(?m)^(\s+Resource Version:\s+)\d+$", "${1}<revision>"),
        (r"10\.100\.\d+\.\d+", "<address>"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
        (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z", "<time>"),
        (r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}", "<date>"),
        (r#"(resourceVersion"?: )"\d+""#, r#"${1}"<revision>""#),
        (r"(?m)(^|[ (=:])(?:\d+s|\d+m\d+s|[23]m)( |\)|$)", "${1}<age>${2}"),
        (r"eyJ[A-Za-z0-9_.-]+", "<token>"),
        (r"(?m)^[EWI]\d{4} [0-9:.]+ +\d+ ", "<log> "),
        // Columns are as wide as what is in them.
        (r"(\S) {2,}", "$1  "),
        (r"(?m)[ \t]+$", ""),
    ];
    rules.iter().fold(text, |text, (pattern, with)| {
        Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

#[rstest]
#[case::getting("getting")]
#[case::creating("creating")]
#[case::applying("applying")]
#[case::changing("changing")]
#[case::deleting("deleting")]
#[case::nodes("nodes")]
#[case::custom_resources("custom_resources")]
#[case::refusals("refusals")]
#[case::questions("questions")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_says_what_it_says_of_any_cluster(#[case] name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/kubectl/{name}.txt"));
    let expected = std::fs::read_to_string(&path).unwrap();
    let (_server, serving) = server().await;
    let scratch = scratch(name);
    std::fs::write(scratch.join("kubeconfig"), serving.kubeconfig()).unwrap();
    let mut found = String::new();
    let mut is_output = false;
    for line in expected.lines() {
        let Some(command) = line.strip_prefix("$ ") else {
            // Text before the first command is for the reader.
            if !is_output {
                found.push_str(line);
                found.push('\n');
            }
            continue;
        };
        is_output = true;
        let command = command.to_owned();
        let mut bash = bash(&format!("exec 2>&1; {command}"), &scratch);
        let output = tokio::task::spawn_blocking(move || bash.output().unwrap()).await.unwrap();
        let text = normalised(&String::from_utf8_lossy(&output.stdout), &serving, &scratch);
        found.push_str(&format!("$ {command}\n{text}"));
        if !found.ends_with('\n') {
            found.push('\n');
        }
        if let Some(code) = output.status.code().filter(|code| *code != 0) {
            found.push_str(&format!("[exit {code}]\n"));
        }
    }
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, &found).unwrap();
    } else {
        assert_eq!(found, expected, "{}", path.display());
    }
    serving.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_client_is_a_second_witness() {
    let (_server, serving) = server().await;
    let scratch = scratch("python");
    std::fs::write(scratch.join("kubeconfig"), serving.kubeconfig()).unwrap();
    let mut command = bash("exec python witness.py", &scratch);
    let output = tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap();
    assert!(output.contains("all is well"), "{output}");
    serving.shutdown().await;
}
