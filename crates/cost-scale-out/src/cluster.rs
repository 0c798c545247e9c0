//! A cluster as the place where plans run.

use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::execution_plans::execute_physical_plan;
use ballista_core::extension::SessionConfigExt;
use ballista_core::optimizer::ballista_default_optimizer_rules;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::analyze::AnalyzeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::PhysicalPlanNode;
use supercargo_cost_sql::{PricedExec, Runner};

use crate::codec::LedgerCodec;
use crate::error::ScaleOutError;
use crate::service::{LARGEST_MESSAGE, answers, scheduler_url};

/// A scheduler and its executors, seen from where queries are asked.
#[derive(Clone, Debug)]
pub struct Cluster {
    url: String,
    parts: usize,
}

impl Cluster {
    /// The cluster whose scheduler listens at `HOST:PORT` (or `df://HOST:PORT`), with stages of at most so many tasks.
    pub fn at(scheduler: &str, parts: usize) -> Result<Cluster, ScaleOutError> {
        Ok(Cluster { url: scheduler_url(scheduler)?, parts: parts.max(1) })
    }
}

/// Whether a plan reads the ledger. What does not, such as the names of tables, is known here only; and what is to be timed
/// is timed here.
fn reads_the_ledger(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        if node.is::<AnalyzeExec>() {
            return Ok(TreeNodeRecursion::Stop);
        }
        found = node.is::<PricedExec>() || node.is::<DataSourceExec>();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

#[async_trait]
impl Runner for Cluster {
    fn session(&self) -> SessionState {
        let config = SessionConfig::new_with_ballista()
            .with_information_schema(true)
            .with_target_partitions(self.parts)
            .with_ballista_grpc_client_max_message_size(LARGEST_MESSAGE as usize);
        SessionStateBuilder::new()
            .with_default_features()
            .with_config(config)
            .with_optimizer_rules(ballista_default_optimizer_rules())
            .build()
    }

    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if !reads_the_ledger(&plan)? {
            return execute_stream(plan, task);
        }
        answers(&self.url).await.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let config = task.session_config().clone();
        execute_physical_plan::<PhysicalPlanNode>(
            self.url.clone(),
            &config.ballista_config(),
            plan,
            &LedgerCodec::default(),
            task.session_id(),
            config,
        )
        .await
        .map_err(|error| match error {
            DataFusionError::Execution(message) => DataFusionError::Execution(plain(&message)),
            other => other,
        })
    }
}

/// What failed, without what Ballista puts around it: `Job 7 failed: … error: DataFusionError(Execution("what failed"))`.
fn plain(message: &str) -> String {
    let Some((_, failure)) = message.split_once("error: ").filter(|_| message.starts_with("Job ")) else {
        return message.to_owned();
    };
    let quoted = failure.split_once("(\"").and_then(|(_, rest)| rest.rsplit_once("\")"));
    let Some((quoted, _)) = quoted.filter(|(quoted, _)| !quoted.is_empty()) else {
        // a name says it, such as DivideByZero
        let name = failure.trim_end_matches(')').rsplit('(').next();
        return name.filter(|name| !name.is_empty()).unwrap_or(failure).to_owned();
    };
    let mut text = String::with_capacity(quoted.len());
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => {}
            },
            (letter, false) => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_in_their_own_words() {
        let message = r#"Job 7 failed: stage 1 failed: error: DataFusionError(Shared(External(Execution("a \"b\" (c)\nd"))))"#;
        assert_eq!(plain(message), "a \"b\" (c)\nd");
        let message = "Job 7 failed: Task failed due to runtime execution error: DataFusionError(External(DivideByZero))";
        assert_eq!(plain(message), "DivideByZero");
        for message in ["Job 7 failed: nobody runs tasks", "", "Job 7 (\"", "other (\"a\")", "Job 7 (\"\")"] {
            assert_eq!(plain(message), message);
        }
    }
}
