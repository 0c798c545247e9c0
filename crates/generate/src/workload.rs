//! A workload while the cluster is made up: its template and what owns its pods.

use jiff::Timestamp;
use supercargo_api::Pod;

/// What makes the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Deployment,
    StatefulSet,
    Job,
}

/// A workload.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) kind: Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// What owns the pods: the ReplicaSet of a Deployment, else the workload itself.
    pub(crate) controller: String,
    pub(crate) controller_uid: String,
    /// What each pod is: labels, annotations, owner and spec.
    pub(crate) template: Pod,
    /// Size of the volume that each pod has, in GiB.
    pub(crate) volume_gib: Option<i64>,
    /// When it was made.
    pub(crate) born: Timestamp,
    /// How many of its pods were ever made: the next ordinal.
    pub(crate) made: u32,
    /// How many pods it had before churn.
    pub(crate) full: u32,
    /// In which arrival it came.
    pub(crate) arrival: usize,
    /// Part of the cluster itself, so never scaled.
    pub(crate) system: bool,
}

impl Kind {
    pub(crate) fn api_version(self) -> &'static str {
        match self {
            Kind::Deployment | Kind::StatefulSet => "apps/v1",
            Kind::Job => "batch/v1",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Deployment => "Deployment",
            Kind::StatefulSet => "StatefulSet",
            Kind::Job => "Job",
        }
    }

    /// The kind of what owns the pods.
    pub(crate) fn controller(self) -> &'static str {
        match self {
            Kind::Deployment => "ReplicaSet",
            Kind::StatefulSet | Kind::Job => self.name(),
        }
    }
}

impl Workload {
    /// Labels that select its pods and no others.
    pub(crate) fn selector(&self) -> serde_json::Value {
        serde_json::json!({ "app.kubernetes.io/name": self.name })
    }
}
