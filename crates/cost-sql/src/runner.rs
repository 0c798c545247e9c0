//! Where plans run.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::Result;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;

/// Where plans run.
#[async_trait]
pub trait Runner: Send + Sync {
    /// With what queries are planned. Tables have the texts that its `datafusion.execution.parquet.schema_force_view_types` asks for.
    fn session(&self) -> SessionState;

    /// Runs a plan.
    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream>;
}

/// Plans run in this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here;

#[async_trait]
impl Runner for Here {
    fn session(&self) -> SessionState {
        let config = SessionConfig::new().with_information_schema(true);
        SessionStateBuilder::new().with_default_features().with_config(config).build()
    }

    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        execute_stream(plan, task)
    }
}
