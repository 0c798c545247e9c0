//! From the arguments to a cluster that runs.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use supercargo_apiserver::{ServeOptions, Server, ServerError, ServerOptions};
use supercargo_catalog::Catalog;
use supercargo_clock::{Clock, RealClock, Time};
use supercargo_cloud_sim::{Region, RegionOptions};
use supercargo_control::installation;
use supercargo_control::journal::JournalFile;
use supercargo_local::{Cluster, PartOptions};
use tokio::sync::watch;

use super::Arguments;
use super::controllers::{Working, controllers};
use super::costs::costs;
use super::files::{Kubeconfig, read_time, write_time};
use crate::console::Console;
use crate::controller::{keep_journal, listen};
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
    if !arguments.no_controllers {
        let installed = installation::apply(&server.client(), None, true, |_| ()).await;
        installed.map_err(|error| Failure::new(error.to_string()))?;
    }
    let region = Region::new(RegionOptions {
        region: arguments.region.clone(),
        cluster_name: arguments.cluster.clone(),
        ..RegionOptions::new(clock, region_seed(arguments))
    });
    let pace = f64::from(arguments.speed.times());
    let parts = PartOptions {
        seed: arguments.seed,
        pace,
        region: Some(region.clone()),
        events: true,
        readings: None,
    };
    let cluster = Cluster::start(server.clone(), time.clone(), parts)
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    let addr = SocketAddr::from(([127, 0, 0, 1], arguments.port));
    let serving = server.serve(ServeOptions { addr }).await.map_err(failure)?;
    let mut working = None;
    if !arguments.no_controllers {
        working = Some(controllers(arguments, &server, &serving, &region, &time)?);
    }
    let (ended, end) = watch::channel(false);
    let end_of_costs = end.clone();
    if let Some(working) = &working {
        answer(arguments, working, end, console).await;
    }
    let costs = costs(arguments, &server, &region, &time, &end_of_costs, console).await;
    let journal = working.as_mut().and_then(|working| working.journal.take());
    let keep = arguments.data_dir.is_some();
    let kubeconfig = Kubeconfig::write(&arguments.kubeconfig, &serving.kubeconfig(), keep)?;
    // who reads how to end it may do so at once
    let interrupted = interruption();
    console.note(next_steps(arguments, serving.addr()));
    let noted = arguments.data_dir.clone();
    tokio::select! {
        biased;
        () = interrupted => {}
        () = note_time(noted.as_deref(), &time) => {}
        () = keep_decisions(journal, working.as_ref()) => {}
    }
    console.note("shutting down");
    // who listened is gone already if it is not heard
    let _ = ended.send(true);
    if let Some(costs) = costs {
        costs.end().await;
    }
    if let Some(working) = working {
        working.end().await;
    }
    serving.shutdown().await;
    drop(cluster);
    if let Some(data_dir) = &arguments.data_dir {
        write_time(data_dir, time.now())
            .map_err(|error| Failure::new(format!("{}: {error}", data_dir.display())))?;
    }
    drop(kubeconfig);
    Ok(Exit::Success)
}

/// Answers for the controllers, if the port can be had: a cluster is worth having without, too.
async fn answer(arguments: &Arguments, working: &Working, end: watch::Receiver<bool>, console: &Console) {
    if arguments.metrics_port == 0 {
        return;
    }
    let address = SocketAddr::from(([127, 0, 0, 1], arguments.metrics_port));
    if let Err(error) = listen(address, working.endpoints.metrics_router(), end).await {
        let port = arguments.metrics_port;
        console.note(format_args!(
            "metrics and journal are not answered: port {port} cannot be opened: {error}; --metrics-port takes another"
        ));
    }
}

async fn keep_decisions(journal: Option<JournalFile>, working: Option<&Working>) {
    match working {
        Some(working) => keep_journal(journal, &working.knowledge).await,
        None => std::future::pending().await,
    }
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

/// The region of a kept cluster begins anew with every start, and must not give its instances the names of those before.
fn region_seed(arguments: &Arguments) -> u64 {
    let kept = arguments.data_dir.as_deref().and_then(read_time);
    kept.map_or(arguments.seed, |kept| arguments.seed ^ kept.as_second().unsigned_abs())
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
#[cfg(feature = "scale-out")]
pub(crate) async fn interrupted() {
    interruption().await;
}

/// Ctrl-C, or that the system asks for the end, heard from now on, not only once it is waited for. To be called within a runtime.
pub(crate) fn interruption() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let [mut ctrl_c, mut asked] = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        let heard = async |signal: &mut std::io::Result<tokio::signal::unix::Signal>| match signal {
            Ok(signal) => {
                signal.recv().await;
            }
            // without a handler it ends the process as it does by default
            Err(_) => std::future::pending::<()>().await,
        };
        async move {
            tokio::select! {
                biased;
                () = heard(&mut ctrl_c) => {}
                () = heard(&mut asked) => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
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
    let costs = match arguments.cost_port {
        0 => String::new(),
        crate::cost::PORT => "\n  supercargo cost --window 1h".to_owned(),
        port => format!("\n  supercargo cost --window 1h --from http://127.0.0.1:{port}"),
    };
    format!(
        "A cluster in {region} is up at https://{addr}{speed}, {kept}.\n\n  \
         export KUBECONFIG={kubeconfig}\n  \
         supercargo local add-node --type m7i.xlarge --zone {region}a --count 3\n  \
         kubectl create deployment web --image=nginx --replicas=3\n  \
         kubectl get pods -o wide --watch{costs}\n\n\
         Ctrl-C ends it.",
        region = arguments.region,
        kubeconfig = kubeconfig.display(),
    )
}

fn failure(error: ServerError) -> Failure {
    Failure::new(error.to_string())
}
