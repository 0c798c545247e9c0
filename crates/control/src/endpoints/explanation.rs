//! One object explained, out of the running cluster.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use supercargo_engine::disruption::{Disruption, DisruptionOptions};
use supercargo_engine::explain::{
    NodeExplanation, NodePoolExplanation, PodExplanation, explain_node, explain_node_pool, explain_pod,
};
use supercargo_engine::snapshot::SnapshotOptions;
use supercargo_engine::solve::SolveOptions;

use crate::cluster::Inputs;
use crate::journal::{Entry, Journal, JournalQuery};

/// Decisions that are told with an explanation.
const DECISIONS: usize = 20;

/// Which object is to be explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplanationQuery {
    /// What it is.
    pub kind: ExplainedKind,
    /// Its name; of a pod, `NAMESPACE/NAME`.
    pub name: String,
}

/// What can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExplainedKind {
    /// Why it waits, or where it could go.
    Pod,
    /// Why it has its type, what runs on it, whether it could go.
    Node,
    /// What it allows.
    NodePool,
}

/// What there is to say about one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplanationDocument {
    /// How it stands now; nothing if there is no such object any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// What was decided about it lately, oldest first.
    pub journal: Vec<Entry>,
}

/// How an object stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Explanation {
    /// A pod.
    Pod(Box<PodExplanation>),
    /// A node, or a NodeClaim on its way to one.
    Node(Box<NodeExplanation>),
    /// A NodePool.
    NodePool(Box<NodePoolExplanation>),
}

impl ExplanationDocument {
    /// Explains an object as the cluster is now. In a big cluster it takes seconds.
    pub fn of(query: &ExplanationQuery, inputs: &Inputs, journal: &Journal, now: Timestamp) -> Self {
        let (objects, snapshot) = inputs.snapshot(&SnapshotOptions::default());
        let disruption = Disruption::build(&objects, &snapshot, &DisruptionOptions::at(now));
        let explanation = match query.kind {
            ExplainedKind::Pod => {
                let position = objects.pods.iter().position(|pod| {
                    let (namespace, name) = query.name.split_once('/').unwrap_or(("default", &query.name));
                    pod.metadata.namespace.as_deref() == Some(namespace)
                        && pod.metadata.name.as_deref() == Some(name)
                });
                position
                    .and_then(|position| {
                        explain_pod(&objects, &snapshot, &disruption, position, SolveOptions::default())
                    })
                    .map(|pod| Explanation::Pod(Box::new(pod)))
            }
            ExplainedKind::Node => explain_node(&objects, &snapshot, &disruption, &query.name)
                .map(|node| Explanation::Node(Box::new(node))),
            ExplainedKind::NodePool => explain_node_pool(&objects, &snapshot, &disruption, &query.name)
                .map(|pool| Explanation::NodePool(Box::new(pool))),
        };
        let subject = match query.kind {
            ExplainedKind::Pod if !query.name.contains('/') => format!("pod/default/{}", query.name),
            ExplainedKind::Pod => format!("pod/{}", query.name),
            // of a node and of its claim
            ExplainedKind::Node => query.name.clone(),
            ExplainedKind::NodePool => format!("nodepool/{}", query.name),
        };
        let found = journal.query(&JournalQuery { limit: Some(DECISIONS), ..JournalQuery::about(subject) });
        Self { explanation, journal: found.iter().map(|entry| Entry::clone(entry)).collect() }
    }
}

/// A query with what it takes to answer it, away from the loops.
pub(super) struct Question {
    pub(super) query: ExplanationQuery,
    pub(super) inputs: Inputs,
    pub(super) knowledge: Arc<crate::knowledge::Knowledge>,
    pub(super) now: Timestamp,
}

impl Question {
    /// Answers it.
    pub(super) fn answer(&self) -> ExplanationDocument {
        ExplanationDocument::of(&self.query, &self.inputs, &self.knowledge.journal, self.now)
    }
}
