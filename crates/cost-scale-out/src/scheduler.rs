//! What cuts plans into tasks.

use std::net::SocketAddr;
use std::sync::Arc;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::utils::default_session_builder;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion::execution::FunctionRegistry;
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use supercargo_cost_sql::label_function;
use tokio::task::JoinHandle;

use crate::codec::LedgerCodec;
use crate::error::ScaleOutError;
use crate::service::{LARGEST_MESSAGE, Threads, listen};

/// How long nothing is heard of an executor, in seconds, until its tasks are given to others; and how long a query waits for
/// a first executor.
const PATIENCE: u64 = 30;

/// What cuts plans into tasks and hands them to executors that ask. It ends when it is dropped.
#[derive(Debug)]
pub struct Scheduler {
    address: SocketAddr,
    served: JoinHandle<ballista_core::error::Result<()>>,
    threads: Threads,
}

fn config(address: SocketAddr) -> SchedulerConfig {
    let config = SchedulerConfig {
        override_physical_codec: Some(Arc::new(LedgerCodec::default())),
        override_session_builder: Some(Arc::new(|config: SessionConfig| {
            let mut state = default_session_builder(config)?;
            state.register_udf(Arc::new(label_function()))?;
            Ok(state)
        })),
        grpc_server_max_decoding_message_size: LARGEST_MESSAGE,
        grpc_server_max_encoding_message_size: LARGEST_MESSAGE,
        executor_timeout_seconds: PATIENCE,
        expire_dead_executor_interval_seconds: 5,
        no_executors_grace_period_seconds: PATIENCE,
        ..SchedulerConfig::default()
    };
    config
        .with_scheduler_policy(TaskSchedulingPolicy::PullStaged)
        .with_hostname(address.ip().to_string())
        .with_port(address.port())
}

impl Scheduler {
    /// A scheduler that listens at an address; with port 0, at any port that is free.
    pub fn start(address: SocketAddr) -> Result<Scheduler, ScaleOutError> {
        let threads = Threads::new()?;
        let started = threads.run(async {
            let (listener, address) = listen(address).await?;
            let stopped =
                |error: ballista_core::error::BallistaError| ScaleOutError::Stopped(error.to_string());
            let config = config(address);
            let cluster = BallistaCluster::new_from_config(&config).await.map_err(stopped)?;
            let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config))
                .await
                .map_err(stopped)?;
            let served = tokio::spawn(start_grpc_service_with_listener(listener, scheduler));
            Ok::<_, ScaleOutError>((address, served))
        });
        let (address, served) = started.unwrap_or_else(|| Err(ScaleOutError::Stopped(String::new())))?;
        Ok(Scheduler { address, served, threads })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it cannot, or until something else is over.
    pub fn serve(&mut self, until: impl Future<Output = ()>) -> Result<(), ScaleOutError> {
        let Scheduler { served, threads, .. } = self;
        let ended = threads.run(async {
            tokio::select! {
                ended = served => Err(ScaleOutError::Stopped(format!("{ended:?}"))),
                () = until => Ok(()),
            }
        });
        ended.unwrap_or(Ok(()))
    }
}
