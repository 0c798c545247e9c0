//! The files of a cluster: its kubeconfig, and the time it had come to.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::exit::Failure;

/// What a kubeconfig of ours has in it.
const MARK: &str = "- name: supercargo";

/// A kubeconfig that this process wrote. It goes with the cluster, unless it is kept.
#[derive(Debug)]
pub(super) struct Kubeconfig {
    path: PathBuf,
    keep: bool,
}

impl Kubeconfig {
    /// Writes it, readable for the user only. A file that is there is overwritten only if a cluster of ours wrote it.
    pub(super) fn write(path: &Path, text: &str, keep: bool) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(format!("{}: the kubeconfig cannot be written: {error}", path.display()))
        };
        if let Ok(known) = fs::read_to_string(path)
            && !known.trim().is_empty()
            && !known.contains(MARK)
        {
            let problem =
                format!("{}: the kubeconfig of another cluster would be overwritten", path.display());
            return Err(Failure::new(problem).with_help("name another file with --kubeconfig"));
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        fs::rename(&beside, path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), keep })
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        if !self.keep {
            // a file that is gone already is as good
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The time a kept cluster had come to: at speed its clock is ahead of the one on the wall.
pub(super) fn read_time(data_dir: &Path) -> Option<Timestamp> {
    fs::read_to_string(data_dir.join("clock")).ok()?.trim().parse().ok()
}

/// Notes the time a cluster has come to.
pub(super) fn write_time(data_dir: &Path, now: Timestamp) -> std::io::Result<()> {
    let beside = data_dir.join("clock.new");
    fs::write(&beside, format!("{now}\n"))?;
    fs::rename(beside, data_dir.join("clock"))
}
