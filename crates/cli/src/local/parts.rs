//! Parts of the control plane against any API server.

use kube::Client;
use supercargo_clock::Time;
use supercargo_local::{PART_NAMES, PartOptions, driver_options, part};
use supercargo_reconcile::Running;

use super::arguments::Parts;
use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Runs parts until Ctrl-C.
pub(super) async fn run(arguments: &Parts, client: Client, console: &Console) -> Result<Exit, Failure> {
    let options = PartOptions { seed: arguments.seed, pace: 1.0, region: None, events: true, readings: None };
    let mut parts = Vec::new();
    for name in &arguments.parts {
        let part = part(name, &options).ok_or_else(|| {
            Failure::new(format!("there is no part {name:?} that runs alone"))
                .with_help(format!("parts: {}", runnable().join(", ")))
        })?;
        parts.push(part);
    }
    client
        .apiserver_version()
        .await
        .map_err(|error| Failure::new(format!("the cluster does not answer: {error}")))?;
    let options = driver_options(client, Time::real(), usize::from(arguments.concurrency));
    let mut plane = Running::start(options, parts);
    console.note(format_args!("running {}; Ctrl-C ends it", arguments.parts.join(", ")));
    tokio::select! {
        biased;
        result = tokio::signal::ctrl_c() => {
            result.map_err(|error| Failure::new(format!("Ctrl-C cannot be heard: {error}")))?;
        }
        () = plane.ended() => return Err(Failure::new("the watches ended")),
    }
    Ok(Exit::Success)
}

/// The parts that need no region.
fn runnable() -> Vec<&'static str> {
    PART_NAMES.into_iter().filter(|name| !matches!(*name, "cloud-nodes" | "load-balancers")).collect()
}
