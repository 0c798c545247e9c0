//! What runs tasks.

use std::fmt::{self, Debug, Formatter};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::BALLISTA_PROTOCOL_VERSION;
use ballista_core::error::BallistaError;
use ballista_core::extension::SessionConfigExt;
use ballista_core::ids::{JobId, new_instance_id};
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{ExecutorRegistration, ExecutorStoppedParams};
use ballista_core::serde::scheduler::{ExecutorOperatingSystemSpecification, ExecutorSpecification};
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_core::utils::{
    GrpcClientConfig, GrpcServerConfig, create_grpc_client_endpoint, create_grpc_server,
    default_config_producer,
};
use ballista_executor::execution_engine::QueryStageExecutor;
use ballista_executor::execution_loop::poll_loop;
use ballista_executor::executor::Executor as Tasks;
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::health::ExecutorHealth;
use ballista_executor::metrics::ExecutorMetricsCollector;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use supercargo_cost_sql::label_function;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;

use crate::codec::LedgerCodec;
use crate::error::ScaleOutError;
use crate::service::{LARGEST_MESSAGE, Threads, answers, listen, scheduler_url};
use crate::stages::Stages;

/// A task that is over, whether it has succeeded or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskOver {
    /// The query it was a part of.
    pub job: String,
    /// The stage of the query, from 1 on.
    pub stage: usize,
    /// The number of the task in the query.
    pub task: usize,
}

/// Hears of tasks that are over, on the threads that have run them.
pub type TaskHook = Arc<dyn Fn(&TaskOver) + Send + Sync>;

/// How an executor runs.
pub struct ExecutorSettings {
    /// Where the scheduler listens: `HOST:PORT`.
    pub scheduler: String,
    /// Where this executor hands out what its tasks have made; with port 0, at any port that is free.
    pub listen: SocketAddr,
    /// The name by which others reach it [default: the address at which it listens, or from which it comes].
    pub host: Option<String>,
    /// How many tasks run at the same time.
    pub tasks: usize,
    /// The directory for what is between stages. Each executor makes one of its own in it and removes it in the end.
    pub work: PathBuf,
    /// Hears of tasks.
    pub hook: Option<TaskHook>,
}

impl Debug for ExecutorSettings {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let ExecutorSettings { scheduler, listen, host, tasks, work, hook: _ } = self;
        write!(
            out,
            "{tasks} tasks of {scheduler}, handed out at {listen} as {host:?} from {}",
            work.display()
        )
    }
}

struct Told(Option<TaskHook>);

impl ExecutorMetricsCollector for Told {
    fn record_stage(&self, job: &JobId, stage: usize, task: usize, _: Arc<dyn QueryStageExecutor>) {
        if let Some(hook) = &self.0 {
            hook(&TaskOver { job: job.as_str().to_owned(), stage, task });
        }
    }
}

/// What asks a scheduler for tasks and runs them. It ends when it is dropped.
#[derive(Debug)]
pub struct Executor {
    id: String,
    address: SocketAddr,
    url: String,
    directory: PathBuf,
    services: JoinSet<Result<(), BallistaError>>,
    threads: Threads,
}

fn functions() -> BallistaFunctionRegistry {
    let mut functions = BallistaFunctionRegistry::default();
    let label = label_function();
    functions.scalar_functions.insert(label.name().to_owned(), Arc::new(label));
    functions
}

/// The tasks' side: where they work, with what, and how much of it. They run on the threads of whoever calls.
fn tasks(
    settings: &ExecutorSettings,
    id: &str,
    address: SocketAddr,
    directory: &str,
) -> Result<Tasks, ScaleOutError> {
    let stopped = |error: datafusion::error::DataFusionError| ScaleOutError::Stopped(error.to_string());
    let environment = RuntimeEnvBuilder::new().with_temp_file_path(directory).build_arc().map_err(stopped)?;
    let own = (!address.ip().is_unspecified()).then(|| address.ip().to_string());
    let tasks = settings.tasks.clamp(1, 1_024);
    let registration = ExecutorRegistration {
        id: id.to_owned(),
        host: settings.host.clone().or(own),
        port: u32::from(address.port()),
        // tasks are asked for, so nobody calls
        grpc_port: 0,
        specification: Some(ExecutorSpecification::default().with_vcores(tasks as u32).into()),
        os_info: Some(ExecutorOperatingSystemSpecification::default().into()),
        ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
    };
    Ok(Tasks::new(
        registration,
        directory,
        Arc::new(move |_| Ok(Arc::clone(&environment))),
        Arc::new(default_config_producer),
        Arc::new(functions()),
        Arc::new(Told(settings.hook.clone())),
        tasks,
        Arc::new(Stages::on(Handle::current())),
    ))
}

/// Tells a scheduler that an executor is gone, so that it does not wait for it.
async fn say_goodbye(url: String, id: String) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = GrpcClientConfig::from(&default_config_producer().ballista_config());
    let endpoint = create_grpc_client_endpoint(url, Some(&config))?;
    let mut scheduler = SchedulerGrpcClient::new(endpoint.connect().await?);
    scheduler
        .executor_stopped(ExecutorStoppedParams { executor_id: id, reason: "it was stopped".to_owned() })
        .await?;
    Ok(())
}

impl Executor {
    /// An executor of a scheduler that is there.
    pub fn start(settings: &ExecutorSettings) -> Result<Executor, ScaleOutError> {
        let url = scheduler_url(&settings.scheduler)?;
        let id = new_instance_id();
        let directory = settings.work.join(&id);
        let made = std::fs::create_dir_all(&directory);
        made.map_err(|source| ScaleOutError::Directory { path: directory.clone(), source })?;
        let threads = Threads::new()?;
        let started = threads.run(Executor::serving(settings, &url, &id, &directory));
        let (address, services) = started.unwrap_or_else(|| Err(ScaleOutError::Stopped(String::new())))?;
        Ok(Executor { id, address, url, directory, services, threads })
    }

    async fn serving(
        settings: &ExecutorSettings,
        url: &str,
        id: &str,
        directory: &Path,
    ) -> Result<(SocketAddr, JoinSet<Result<(), BallistaError>>), ScaleOutError> {
        answers(url).await?;
        let unreachable =
            |why: String| ScaleOutError::Unreachable { address: settings.scheduler.clone(), why };
        let config = GrpcClientConfig::from(&default_config_producer().ballista_config());
        let endpoint = create_grpc_client_endpoint(url.to_owned(), Some(&config));
        let endpoint = endpoint.map_err(|error| unreachable(error.to_string()))?;
        let channel = endpoint.connect().await.map_err(|error| unreachable(causes(&error)))?;
        let scheduler = SchedulerGrpcClient::new(channel)
            .max_encoding_message_size(LARGEST_MESSAGE as usize)
            .max_decoding_message_size(LARGEST_MESSAGE as usize);

        let (listener, address) = listen(settings.listen).await?;
        let work = directory.to_str().ok_or_else(|| ScaleOutError::Directory {
            path: directory.to_owned(),
            source: std::io::Error::other("its name is no text"),
        })?;
        let flight = FlightServiceServer::new(BallistaFlightService::new(work.to_owned()))
            .max_encoding_message_size(LARGEST_MESSAGE as usize)
            .max_decoding_message_size(LARGEST_MESSAGE as usize);
        let codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode> = BallistaCodec::new(
            Arc::new(BallistaLogicalExtensionCodec::default()),
            Arc::new(LedgerCodec::default()),
        );
        let tasks = Arc::new(tasks(settings, id, address, work)?);
        let mut services = JoinSet::new();
        services.spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            let server = create_grpc_server(&GrpcServerConfig::default()).add_service(flight);
            server.serve_with_incoming(incoming).await.map_err(BallistaError::TonicError)
        });
        services.spawn(poll_loop(scheduler, tasks, codec, None, None, ExecutorHealth::new()));
        Ok((address, services))
    }

    /// Where it hands out what its tasks have made.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs tasks until it cannot, or until something else is over.
    pub fn serve(&mut self, until: impl Future<Output = ()>) -> Result<(), ScaleOutError> {
        let Executor { services, threads, .. } = self;
        let ended = threads.run(async {
            tokio::select! {
                ended = services.join_next() => Err(ScaleOutError::Stopped(format!("{ended:?}"))),
                () = until => Ok(()),
            }
        });
        ended.unwrap_or(Ok(()))
    }
}

impl Drop for Executor {
    /// No more tasks are asked for; the scheduler hears of it, and what is between stages is removed.
    fn drop(&mut self) {
        self.services.abort_all();
        // a scheduler that is gone needs not know
        let _ = self.threads.run(say_goodbye(self.url.clone(), self.id.clone()));
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
