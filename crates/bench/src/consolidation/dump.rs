//! A cluster in a file, an object to a line, so that another process can read it without holding the text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::Deserialize;
use supercargo_api::Objects;
use supercargo_api::manifest::strip;
use supercargo_api::pod::Interner;
use supercargo_generate::write_json;

/// A file that cannot be written or read back.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The file system refuses.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A line is no object.
    #[error("line {line}: {error}")]
    Line {
        /// From 1.
        line: usize,
        /// Why.
        #[source]
        error: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct Head {
    kind: String,
}

/// Writes the cluster.
pub(super) fn write(objects: &Objects, path: &Path) -> Result<(), DumpError> {
    let failed = |error| DumpError::File { path: path.display().to_string(), error };
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    write_json(objects, &mut file).map_err(failed)?;
    file.flush().map_err(failed)
}

/// Reads it back, line by line, as `supercargo consolidate` reads a dump: without what decides nothing.
pub(super) fn read(path: &Path) -> Result<Objects, DumpError> {
    let failed = |error| DumpError::File { path: path.display().to_string(), error };
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let mut objects = Objects::default();
    let mut specs = Interner::default();
    for (index, line) in file.lines().enumerate() {
        let line = line.map_err(failed)?;
        let text = line.trim_end_matches(',');
        if !text.ends_with('}') || text.ends_with("]}") {
            continue;
        }
        add(&mut objects, &mut specs, text).map_err(|error| DumpError::Line { line: index + 1, error })?;
    }
    Ok(objects)
}

fn add(objects: &mut Objects, specs: &mut Interner, text: &str) -> Result<(), serde_json::Error> {
    let head: Head = serde_json::from_str(text)?;
    if head.kind == "Pod" {
        objects.pods.push(specs.read(text.as_bytes())?);
        return Ok(());
    }
    macro_rules! kinds {
        ($($kind:literal $list:ident)*) => {
            match head.kind.as_str() {
                $($kind => {
                    let mut object = serde_json::from_str(text)?;
                    strip(&mut object);
                    objects.$list.push(object);
                })*
                _ => {}
            }
        };
    }
    kinds!(
        "Namespace" namespaces "PriorityClass" priority_classes "StorageClass" storage_classes
        "EC2NodeClass" node_classes "NodePool" node_pools "DaemonSet" daemon_sets "Deployment" deployments
        "ReplicaSet" replica_sets "StatefulSet" stateful_sets "Job" jobs
        "PodDisruptionBudget" pod_disruption_budgets "PersistentVolume" persistent_volumes
        "PersistentVolumeClaim" persistent_volume_claims "CSINode" csi_nodes "Node" nodes "NodeClaim" node_claims
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use supercargo_generate::{ClusterOptions, cluster};

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let made = cluster(&ClusterOptions { nodes: 6, ..ClusterOptions::default() }).unwrap();
        let path = std::env::temp_dir().join(format!("supercargo-dump-{}.json", std::process::id()));
        write(&made, &path).unwrap();
        let once = read(&path).unwrap();
        write(&once, &path).unwrap();
        let twice = read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(once == twice);
        assert_eq!((once.pods.len(), once.nodes.len()), (made.pods.len(), made.nodes.len()));
        assert_eq!(once.pods[0].metadata, made.pods[0].metadata);
    }
}
