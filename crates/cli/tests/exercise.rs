//! The exercise of `examples/eks-production` with a real kubectl, ten seconds in one: a class and two NodePools, a Job on spot
//! nodes, a Cluster Autoscaler that is not worked beside, what it all cost, and an end that leaves no node behind.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod process;

use std::path::{Path, PathBuf};
use std::process::Command;

use process::Process;

const SUPERCARGO: &str = env!("CARGO_BIN_EXE_supercargo");

/// A cluster that runs until this is dropped.
struct Up {
    _process: Process,
    kubeconfig: PathBuf,
    /// The port of the costs, and that of their user interface.
    costs: u16,
    interface: u16,
}

impl Up {
    fn start() -> Up {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercise");
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let kubeconfig = directory.join("kubeconfig");
        let (costs, interface) = (free_port(), free_port());
        let mut process = Process::start(
            Command::new(SUPERCARGO)
                .args(["up", "--port", "0", "--speed", "10", "--metrics-port", "0", "--kubeconfig"])
                .arg(&kubeconfig)
                .args(["--cost-port", &costs.to_string(), "--ui-port", &interface.to_string()])
                .current_dir(&directory),
        );
        process.until("Ctrl-C ends it.");
        process.let_talk();
        Up { _process: process, kubeconfig, costs, interface }
    }
}

/// A port that nobody listens on just now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_exercise_works_as_it_is_written() {
    let bin = supercargo_kubectl_venv::bin(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let up = Up::start();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .arg(here.join("tests/exercise/story.sh"))
        .arg(here.join("../../examples/eks-production"))
        .env("PATH", path)
        .env("KUBECONFIG", &up.kubeconfig)
        .env("SUPERCARGO", SUPERCARGO)
        .env("COST_PORT", up.costs.to_string())
        .env("UI_PORT", up.interface.to_string())
        .output()
        .unwrap();
    let told =
        format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
}
