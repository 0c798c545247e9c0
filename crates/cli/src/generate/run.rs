//! The command itself.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use supercargo_generate::{ClusterOptions, cluster, write_json, write_yaml};

use super::arguments::{Arguments, ClusterSettings, Format, What};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::figures::count;
use crate::progress::Progress;

/// Makes up what was asked for and writes it.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let What::Cluster(settings) = &arguments.what;
    let options = ClusterOptions {
        nodes: settings.nodes,
        seed: settings.seed,
        churn: settings.churn,
        pods_per_node: settings.pods_per_node,
        pools: settings.pools,
        at: settings.at.unwrap_or_else(|| ClusterOptions::default().at),
        region: settings.region.clone(),
        pdbs: !settings.no_pdbs,
        obstacles: !settings.no_obstacles,
        gpu: settings.gpu,
    };
    let progress = Progress::new(console);
    progress.stage("making up a cluster");
    let objects = cluster(&options).map_err(|error| Failure::new(error.to_string()))?;
    progress.stage("writing it");
    let write = |out: &mut dyn Write| match settings.format() {
        Format::Json => write_json(&objects, out),
        Format::Yaml => write_yaml(&objects, out),
    };
    let written = written(settings, write);
    drop(progress);
    written?;
    let (nodes, pods) = (count(objects.nodes.len(), "node"), count(objects.pods.len(), "pod"));
    console.note(format_args!("{nodes}, {pods}, {} in all", count(objects.len(), "object")));
    Ok(Exit::Success)
}

fn written(
    settings: &ClusterSettings,
    write: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let Some(path) = &settings.out else {
        let mut stdout = BufWriter::new(io::stdout().lock());
        return match write(&mut stdout).and_then(|()| stdout.flush()) {
            // a reader that has seen enough is no error
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("standard output cannot be written: {error}")))
            }
            _ => Ok(()),
        };
    };
    let into_file = || {
        let mut file = BufWriter::new(File::create(path)?);
        write(&mut file).and_then(|()| file.flush())
    };
    into_file().map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))
}
