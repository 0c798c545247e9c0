//! How much memory a snapshot takes.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use supercargo_engine::snapshot::{Snapshot, SnapshotOptions};

use crate::workloads::Workload;

/// Memory that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// No such file outside Linux.
    #[error("cannot read /proc/self/status: {0}")]
    Status(#[source] io::Error),
    /// The file has no such line.
    #[error("/proc/self/status has no line VmRSS or VmHWM in kB")]
    NoResidentSize,
    /// The measuring process did not start or did not answer.
    #[error("cannot measure memory in a process of its own: {0}")]
    Process(String),
}

/// Memory this process has in use, in bytes.
///
/// # Errors
/// When the system does not tell.
pub fn resident_bytes() -> Result<u64, MemoryError> {
    status_bytes("VmRSS:")
}

/// The most memory this process ever had in use, in bytes.
///
/// # Errors
/// When the system does not tell.
pub fn peak_bytes() -> Result<u64, MemoryError> {
    status_bytes("VmHWM:")
}

fn status_bytes(name: &str) -> Result<u64, MemoryError> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(MemoryError::Status)?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or(MemoryError::NoResidentSize)?;
    let kib = line.trim().trim_end_matches(" kB").trim().parse::<u64>();
    kib.map(|kib| kib * 1024).map_err(|_| MemoryError::NoResidentSize)
}

/// By how many bytes a snapshot makes this process grow, its objects being there already.
///
/// The first snapshot may fill holes that making the objects left behind, so three are built and kept, and the
/// largest growth counts.
///
/// # Errors
/// When the system does not tell how much memory is in use.
pub fn snapshot_bytes(workload: &Workload) -> Result<u64, MemoryError> {
    let mut kept = Vec::new();
    let mut most = 0;
    for _ in 0..3 {
        let before = resident_bytes()?;
        kept.push(Snapshot::build(&workload.objects, &workload.market, &SnapshotOptions::default()));
        most = most.max(resident_bytes()?.saturating_sub(before));
    }
    // Kept alive until all are measured.
    drop(kept);
    Ok(most)
}

/// The same for the incremental workload in a process of its own, where nothing else ran before.
///
/// # Errors
/// When the process cannot be started or fails.
pub fn snapshot_bytes_of_incremental() -> Result<u64, MemoryError> {
    let program: PathBuf =
        std::env::current_exe().map_err(|error| MemoryError::Process(error.to_string()))?;
    let output = Command::new(program)
        .args(["--snapshot-memory", "incremental"])
        .output()
        .map_err(|error| MemoryError::Process(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .map_err(|_| MemoryError::Process(String::from_utf8_lossy(&output.stderr).into_owned()))
}
