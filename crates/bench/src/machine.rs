//! Where and of what a record was made.

use std::process::Command;

use serde::Serialize;

/// The machine, the compiler and the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Model of the processor.
    pub cpu: String,
    /// Threads that run at once.
    pub cores: usize,
    /// Compiler.
    pub rustc: &'static str,
    /// Commit the program was built from, as far as git knows.
    pub commit: String,
    /// Whether the tree had changes beyond the commit.
    pub changed: bool,
}

impl Machine {
    /// This machine, now.
    pub fn here() -> Machine {
        let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
        let cpu = model.map_or("unknown", |model| model.trim_start_matches([' ', '\t', ':'])).to_owned();
        Machine {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            rustc: env!("BENCH_RUSTC"),
            commit: git(&["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".to_owned()),
            changed: git(&["status", "--porcelain", "--untracked-files=no"])
                .is_some_and(|changes| !changes.is_empty()),
        }
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
