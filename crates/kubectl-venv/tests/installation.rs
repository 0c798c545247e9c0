//! What is installed works.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;
use std::process::Command;

fn shared() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

#[test]
fn all_tests_at_once_get_the_same_kubectl() {
    let found: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| supercargo_kubectl_venv::bin(shared()).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(found.iter().all(|bin| *bin == shared().join("kubectl-venv/bin")));
    let output = Command::new(found[0].join("kubectl")).args(["version", "--client"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("Client Version: v1.37."), "{text}");
}
