//! From the arguments to a cluster that runs.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use supercargo_apiserver::{ServeOptions, Server, ServerError, ServerOptions};
use supercargo_catalog::Catalog;
use supercargo_clock::{Clock, RealClock, Time};
use supercargo_cloud_sim::{Region, RegionOptions};
use supercargo_local::{Cluster, PartOptions};

use super::controllers::controllers;
use super::files::{Kubeconfig, read_time, write_time};
use super::{Arguments, definitions};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::place;

/// How often the time of a kept cluster is noted, by the clock on the wall.
const NOTED_EVERY: Duration = Duration::from_secs(2);

/// Runs a cluster until Ctrl-C.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    place::check_region(&arguments.region, Catalog::embedded())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("threads cannot be started: {error}")))?;
    let result = runtime.block_on(serve(arguments, console));
    // requests under way have been answered or cut off; nothing else is worth waiting for
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn serve(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let time = time_of(arguments);
    let clock: Arc<dyn Clock> = Arc::new(time.clone());
    let options = ServerOptions {
        data_dir: arguments.data_dir.clone(),
        ..ServerOptions::new(Arc::clone(&clock), arguments.seed)
    };
    let server = Server::new(options).map_err(failure)?;
    definitions::install(&server.client()).await?;
    let region = Region::new(RegionOptions {
        region: arguments.region.clone(),
        cluster_name: arguments.cluster.clone(),
        ..RegionOptions::new(clock, arguments.seed)
    });
    let pace = f64::from(arguments.speed.times());
    let parts = PartOptions { seed: arguments.seed, pace, region: Some(region.clone()) };
    let cluster = Cluster::start(server.clone(), time.clone(), parts)
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    let addr = SocketAddr::from(([127, 0, 0, 1], arguments.port));
    let serving = server.serve(ServeOptions { addr }).await.map_err(failure)?;
    let controllers = controllers(arguments, &server, &serving, &region, &time);
    let keep = arguments.data_dir.is_some();
    let kubeconfig = Kubeconfig::write(&arguments.kubeconfig, &serving.kubeconfig(), keep)?;
    console.note(next_steps(arguments, serving.addr()));
    let noted = arguments.data_dir.clone();
    tokio::select! {
        biased;
        () = interrupted() => {}
        () = note_time(noted.as_deref(), &time) => {}
    }
    console.note("shutting down");
    drop(controllers);
    serving.shutdown().await;
    drop(cluster);
    if let Some(data_dir) = &arguments.data_dir {
        write_time(data_dir, time.now())
            .map_err(|error| Failure::new(format!("{}: {error}", data_dir.display())))?;
    }
    drop(kubeconfig);
    Ok(Exit::Success)
}

/// The time of the cluster: that of the wall to begin with, or where a kept cluster was if that is later.
fn time_of(arguments: &Arguments) -> Time {
    let now = RealClock::new().now();
    let kept = arguments.data_dir.as_deref().and_then(read_time).filter(|kept| *kept > now);
    match (arguments.speed.times(), kept) {
        (1, None) => Time::real(),
        (speed, kept) => Time::paced(f64::from(speed), kept.unwrap_or(now)),
    }
}

async fn note_time(data_dir: Option<&Path>, time: &Time) {
    let Some(data_dir) = data_dir else { return std::future::pending().await };
    loop {
        // what cannot be noted now is noted at the end, or said then
        let _ = write_time(data_dir, time.now());
        tokio::time::sleep(NOTED_EVERY).await;
    }
}

/// Waits for Ctrl-C, or for the system to ask for the end.
pub(crate) async fn interrupted() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let asked = async {
            match signal(SignalKind::terminate()) {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                Err(_) => std::future::pending::<()>().await,
            }
        };
        tokio::select! {
            biased;
            () = ctrl_c => {}
            () = asked => {}
        }
    }
    #[cfg(not(unix))]
    ctrl_c.await;
}

fn next_steps(arguments: &Arguments, addr: SocketAddr) -> String {
    let kubeconfig =
        std::path::absolute(&arguments.kubeconfig).unwrap_or_else(|_| arguments.kubeconfig.clone());
    let speed = match arguments.speed.times() {
        1 => String::new(),
        speed => format!(", {speed} times faster than the clock on the wall"),
    };
    let kept = match &arguments.data_dir {
        Some(directory) => format!("kept in {}", directory.display()),
        None => "only in memory".to_owned(),
    };
    format!(
        "A cluster in {region} is up at https://{addr}{speed}, {kept}.\n\n  \
         export KUBECONFIG={kubeconfig}\n  \
         supercargo local add-node --type m7i.xlarge --zone {region}a --count 3\n  \
         kubectl create deployment web --image=nginx --replicas=3\n  \
         kubectl get pods -o wide --watch\n\n\
         Ctrl-C ends it.",
        region = arguments.region,
        kubeconfig = kubeconfig.display(),
    )
}

fn failure(error: ServerError) -> Failure {
    Failure::new(error.to_string())
}
