//! The exercise of `examples/eks-production` with a real kubectl, ten seconds in one: a class and two NodePools, a Job on spot
//! nodes, a Cluster Autoscaler that is not worked beside, and an end that leaves no node behind.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SUPERCARGO: &str = env!("CARGO_BIN_EXE_supercargo");

/// A cluster that runs until this is dropped.
struct Up {
    process: Child,
    kubeconfig: PathBuf,
}

impl Up {
    fn start() -> Up {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercise");
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let kubeconfig = directory.join("kubeconfig");
        let mut process = Command::new(SUPERCARGO)
            .args(["up", "--port", "0", "--speed", "10", "--metrics-port", "0", "--kubeconfig"])
            .arg(&kubeconfig)
            .current_dir(&directory)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut words = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Ctrl-C ends it.") {
            line.clear();
            assert!(words.read_line(&mut line).unwrap() > 0, "the cluster did not come up");
        }
        // what it says later must not stop it
        std::thread::spawn(move || std::io::copy(&mut words, &mut std::io::stderr()));
        Up { process, kubeconfig }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // it has ended already if something went wrong
        let _ = self.process.kill();
        let _ = self.process.wait();
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
