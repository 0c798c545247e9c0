//! From the arguments to controllers that run, and to their end.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use supercargo_clock::{Clock, Time};
use supercargo_cloud::{CloudProvider, Cluster};
use supercargo_control::election::{ElectionOptions, OWN_IDENTITY};
use supercargo_control::endpoints::{Endpoints, EndpointsOptions};
use supercargo_control::metrics::BuildInfo;
use supercargo_control::node_class::service_range;
use supercargo_control::outside::{Computing, limited};
use supercargo_control::settings::{ProcessSettings, Read, Settings};
use supercargo_control::{ControllerOptions, Controllers, Knowledge, start_knowing};
use supercargo_meter::{MeterOptions, Metering};
use tokio::sync::watch;

use super::arguments::Arguments;
use super::cloud::Cloud;
use super::kept::{keep_journal, open_journal};
use super::leading::{Ended, Leadership};
use super::listen::listen;
use super::memory::watch_memory;
use super::{logs, preconditions};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::ledger::{Account, Measuring, keep};
use crate::local::cluster_client;
use crate::up::interruption;

/// Where the namespace of a pod stands.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The name of a cluster that nobody named.
const UNNAMED: &str = "supercargo";

/// Makes a cloud, for a cluster and in this time.
type Maker<'a> = &'a dyn Fn(&Cluster, &Time) -> Arc<dyn CloudProvider>;

/// Runs the controllers until they are asked to end.
pub fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    Cloud::check(arguments)?;
    run_on(arguments, console, None)
}

/// Runs the controllers until they are asked to end, on another cloud than those that arguments can name.
///
/// # Errors
///
/// As the command's: the input is wrong, or the cluster does not answer.
pub fn run_on_cloud(arguments: &Arguments, console: &Console, made: Maker<'_>) -> Result<Exit, Failure> {
    run_on(arguments, console, Some(made))
}

fn run_on(arguments: &Arguments, console: &Console, made: Option<Maker<'_>>) -> Result<Exit, Failure> {
    let Read { settings, process, warnings } =
        arguments.settings.read().map_err(|error| Failure::new(error.to_string()))?;
    let time = Time::real();
    logs::start(&process, time.clone())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("threads cannot be started: {error}")))?;
    let process = Process { arguments, settings, process, time, made };
    let result = runtime.block_on(process.serve(console));
    // requests under way have been answered or cut off; nothing else is worth waiting for
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Everything that the process was told.
struct Process<'a> {
    arguments: &'a Arguments,
    settings: Settings,
    process: ProcessSettings,
    time: Time,
    /// Makes the cloud, in place of that of the arguments.
    made: Option<Maker<'a>>,
}

impl Process<'_> {
    async fn serve(self, console: &Console) -> Result<Exit, Failure> {
        let client = cluster_client(self.arguments.kubeconfig.as_deref()).await?;
        let version = client.apiserver_version().await.map_err(|error| preconditions::failure(&error))?;
        preconditions::definitions(&client).await?;
        if !self.settings.beside_other_autoscalers {
            preconditions::alone(&client, self.time.now()).await?;
        }
        let cluster = Cluster {
            name: self.settings.cluster_name.clone().unwrap_or_else(|| UNNAMED.to_owned()),
            endpoint: self.settings.cluster_endpoint.clone().unwrap_or_default(),
            ca_bundle: self.settings.cluster_ca_bundle.clone(),
            service_cidr: service_range(&client).await,
            kubernetes_version: minor_version(&version.major, &version.minor),
            ..Cluster::default()
        };
        let cloud = match self.made {
            Some(made) => Cloud::of(made(&cluster, &self.time)),
            None => Cloud::new(self.arguments, &cluster, &self.time)?,
        };
        let region = cloud.provider.region().to_owned();
        let knowledge = Arc::new(Knowledge::new(self.settings.clone(), cluster.clone(), region));
        knowledge.metrics.built(build_info());
        let journal = self.process.journal_file.as_deref();
        let journal = journal.map(|path| open_journal(path, &knowledge)).transpose()?;
        let options = EndpointsOptions {
            cluster_state: !self.process.disable_cluster_state_observability,
            every_pod: self.process.pod_metrics,
        };
        let endpoints = Endpoints::new(Arc::clone(&knowledge), self.time.clone(), options);
        let (ended, end) = watch::channel(false);
        self.listen(self.process.metrics_port, endpoints.metrics_router(), end.clone()).await?;
        self.listen(self.process.health_probe_port, endpoints.health_router(), end.clone()).await?;
        let account = self.account(&cluster.name, cloud.provider.region());
        if let Some(account) = &account {
            let router = supercargo_cost::http::router(account.service.clone());
            self.listen(self.arguments.cost_port, router, end).await?;
        }
        let unlimited = client.clone();
        let client = match self.process.kube_client_qps {
            Some(rate) => limited(client, self.time.clone(), rate, self.process.kube_client_burst),
            None => client,
        };
        let machines = cloud.machines(unlimited.clone(), self.time.clone(), self.arguments.seed);
        console
            .note(format_args!("running against Kubernetes {}; Ctrl-C ends it", cluster.kubernetes_version));
        let work = Work {
            process: &self,
            client,
            unlimited,
            cluster,
            provider: Arc::clone(&cloud.provider),
            knowledge: Arc::clone(&knowledge),
            endpoints,
            account,
        };
        let exit = tokio::select! {
            biased;
            exit = work.lead() => exit,
            () = keep_journal(journal, &knowledge) => Exit::Success,
            () = watch_memory(self.process.memory_limit) => Exit::Success,
        };
        let _ = ended.send(true);
        drop(machines);
        Ok(exit)
    }

    /// The ledger, if costs are to be answered or kept.
    fn account(&self, cluster: &str, region: &str) -> Option<Account> {
        let wanted = self.arguments.cost_port != 0 || self.arguments.cost_store.is_some();
        wanted.then(|| Account::new(cluster, region, &self.time, self.arguments.labels.aliases()))
    }

    /// Answers on a port, if there is to be one, until the end.
    async fn listen(&self, port: u16, router: Router, end: watch::Receiver<bool>) -> Result<(), Failure> {
        if port == 0 {
            return Ok(());
        }
        let address = SocketAddr::new(self.arguments.bind, port);
        listen(address, router, end).await.map_err(|error| {
            Failure::new(format!("port {port} cannot be opened: {error}")).with_help(
                "choose others with --metrics-port, --health-probe-port and --cost-port; 0 is none",
            )
        })?;
        Ok(())
    }
}

/// The way to the lease and back.
struct Work<'a> {
    process: &'a Process<'a>,
    /// For the controllers, at the rate that they were told.
    client: kube::Client,
    /// For the lease, which must not wait for them.
    unlimited: kube::Client,
    cluster: Cluster,
    provider: Arc<dyn CloudProvider>,
    knowledge: Arc<Knowledge>,
    endpoints: Arc<Endpoints>,
    /// The ledger, if there is one.
    account: Option<Account>,
}

impl Work<'_> {
    /// Waits for the lease, works as long as it is held, and gives it back.
    async fn lead(&self) -> Exit {
        let leadership = Leadership {
            client: self.unlimited.clone(),
            time: self.process.time.clone(),
            lease: (!self.process.process.disable_leader_election).then(|| self.election()),
            in_order: true,
            metrics: &self.knowledge.metrics,
        };
        let interrupted = interruption();
        let measuring = RefCell::new(None);
        let start = || {
            measuring.replace(self.measure());
            self.start()
        };
        let asked = async {
            interrupted.await;
            // before the lease is given back: the next leader opens the same books
            let measuring = measuring.take();
            if let Some(measuring) = measuring {
                measuring.end().await;
            }
        };
        match leadership.work(start, asked).await {
            Ended::Asked => Exit::Success,
            Ended::Lost(why) => {
                tracing::error!("ending: {why}");
                Exit::Incomplete
            }
        }
    }

    /// Measures what the cluster uses, if anybody wants to know what it costs. Only who leads does, so that a ledger that
    /// replicas share has one writer.
    fn measure(&self) -> Option<Metering> {
        let interval = Duration::from_secs(self.process.arguments.cost_interval);
        let measuring = Measuring {
            client: self.client.clone(),
            market: Some(Arc::clone(&self.provider)),
            directory: self.process.arguments.cost_store.as_deref(),
            told: Arc::new(|text| tracing::warn!("{text}")),
            options: MeterOptions {
                interval,
                longest_stretch: (interval * 5).as_secs().max(MeterOptions::LONGEST_STRETCH),
                ..MeterOptions::new(&self.cluster.name)
            },
        };
        match keep(self.account.as_ref()?, measuring) {
            Ok(running) => Some(running),
            Err(failure) => {
                tracing::error!("{failure}");
                None
            }
        }
    }

    fn start(&self) -> Controllers {
        let options = ControllerOptions {
            client: self.client.clone(),
            time: self.process.time.clone(),
            provider: Arc::clone(&self.provider),
            settings: self.process.settings.clone(),
            cluster: self.cluster.clone(),
            seed: self.process.arguments.seed,
            concurrency: self.process.process.concurrency(),
            computing: Computing::Apart,
            readings: None,
        };
        let controllers = start_knowing(options, Arc::clone(&self.knowledge));
        self.endpoints.lead(&controllers);
        controllers
    }

    fn election(&self) -> ElectionOptions {
        let process = &self.process.process;
        let namespace = process.leader_election_namespace.clone().unwrap_or_else(|| {
            let own = std::fs::read_to_string(NAMESPACE_FILE).ok();
            let own = own.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            own.unwrap_or_else(|| "kube-system".to_owned())
        });
        let host = std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| "local".to_owned());
        // two processes of one host differ in their numbers, two of one number in the moment they began
        let moment = self.process.time.now().as_nanosecond();
        let identity = format!("{OWN_IDENTITY}{host}_{}-{moment:x}", std::process::id());
        ElectionOptions::new(process.leader_election_name.clone(), namespace, identity)
    }
}

/// `1.36` of `1` and `36+`.
fn minor_version(major: &str, minor: &str) -> String {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    format!("{}.{}", digits(major), digits(minor))
}

fn build_info() -> BuildInfo {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    BuildInfo { version: env!("CARGO_PKG_VERSION"), compiler: "rust", architecture, commit: logs::COMMIT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_managed_cluster_is_read_too() {
        assert_eq!(minor_version("1", "36+"), "1.36");
    }
}
