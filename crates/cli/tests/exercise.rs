//! The exercise of `examples/eks-production` with a real kubectl, ten seconds in one: a class and two NodePools, a Job on spot
//! nodes, a Cluster Autoscaler that is not worked beside, and an end that leaves no node behind.

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
}

impl Up {
    fn start() -> Up {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercise");
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let kubeconfig = directory.join("kubeconfig");
        let mut process = Process::start(
            Command::new(SUPERCARGO)
                .args([
                    "up",
                    "--port",
                    "0",
                    "--speed",
                    "10",
                    "--metrics-port",
                    "0",
                    "--cost-port",
                    "0",
                    "--ui-port",
                    "0",
                    "--kubeconfig",
                ])
                .arg(&kubeconfig)
                .current_dir(&directory),
        );
        process.until("Ctrl-C ends it.");
        process.let_talk();
        Up { _process: process, kubeconfig }
    }
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
        .output()
        .unwrap();
    let told =
        format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
}
