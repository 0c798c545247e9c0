//! Tasks on threads with room for plans as deep as queries are long: those that Ballista has for them have not.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::serde::protobuf::{
    RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport,
};
use ballista_executor::execution_engine::{DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::prelude::SessionConfig;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Runs tasks as Ballista does, on threads of one's own.
pub struct Stages {
    ballista: DefaultExecutionEngine,
    threads: Handle,
}

impl Stages {
    pub fn on(threads: Handle) -> Stages {
        Stages { ballista: DefaultExecutionEngine::new(), threads }
    }
}

impl ExecutionEngine for Stages {
    fn create_query_stage_exec(
        &self,
        job: JobId,
        stage: usize,
        task: usize,
        partitions: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        directory: &str,
        config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        let ballista =
            self.ballista.create_query_stage_exec(job, stage, task, partitions, plan, directory, config)?;
        Ok(Arc::new(Stage { ballista, threads: self.threads.clone() }))
    }
}

#[derive(Debug)]
struct Stage {
    ballista: Arc<dyn QueryStageExecutor>,
    threads: Handle,
}

impl Display for Stage {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.ballista.fmt(out)
    }
}

#[async_trait]
impl QueryStageExecutor for Stage {
    async fn execute_query_stage(
        &self,
        task: usize,
        context: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        let ballista = Arc::clone(&self.ballista);
        // what runs ends with the set when nobody waits for it any more
        let mut running = JoinSet::new();
        running.spawn_on(async move { ballista.execute_query_stage(task, context).await }, &self.threads);
        match running.join_next().await {
            Some(Ok(made)) => made,
            ended => Err(DataFusionError::Execution(format!("the task ended without a result: {ended:?}"))),
        }
    }

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        self.ballista.collect_plan_metrics()
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.ballista.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> Result<Vec<WindowStateReport>> {
        self.ballista.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.ballista.collect_column_stats()
    }
}
