//! A scenario as it is written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Span;

/// A scenario: a cluster, what happens to it, and what must come of it.
///
/// All times are spans after its start. Everything that happens by chance is decided by the seed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// When it begins.
    #[serde(default = "default_start")]
    pub start: Timestamp,
    /// How long things happen.
    pub duration: Span,
    /// How long the system is left alone afterwards, before it must have come to rest.
    #[serde(default = "default_settle")]
    pub settle: Span,
    /// Decides everything that happens by chance.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// The region.
    #[serde(default = "default_region")]
    pub region: String,
    /// The name of the cluster, which subnets and security groups are tagged with.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// Feature gates of the controllers: `SpotToSpotConsolidation=true`.
    #[serde(default)]
    pub feature_gates: String,
    /// Multiplies how often spot instances are taken back; 1 is what the catalogue says.
    #[serde(default = "one")]
    pub spot_hazard: f64,
    /// Multiplies how long machines take to boot.
    #[serde(default = "one")]
    pub boot_factor: f64,
    /// What the cost is compared with: a second run of the same.
    #[serde(default)]
    pub baseline: Option<Baseline>,
    /// Files of objects that are there from the beginning, relative to the scenario.
    #[serde(default)]
    pub manifests: Vec<String>,
    /// More objects that are there from the beginning.
    #[serde(default)]
    pub objects: Vec<Value>,
    /// Deployments whose size changes over time.
    #[serde(default)]
    pub workloads: Vec<Workload>,
    /// Objects that come, change and go.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// What happens to the market and the machines, in the words of region scripts, a line each.
    #[serde(default)]
    pub market: String,
    /// What happens to the controllers and their connection.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What must come of it, beside the invariants that always hold.
    #[serde(default)]
    pub assertions: Assertions,
}

/// What the cost is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Baseline {
    /// The same run with every NodePool, and every pod that asks for spot, on demand.
    OnDemand,
}

/// A Deployment whose size changes over time.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Its namespace, which is made if it is not there.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Replicas at the beginning.
    pub replicas: u32,
    /// A HorizontalPodAutoscaler that follows the load. Steps and the wave of the day say `load` then, not `replicas`.
    #[serde(default)]
    pub autoscale: Option<Autoscale>,
    /// The cores that the pods use together at the beginning, shared evenly by those that are ready; for autoscaled workloads.
    #[serde(default)]
    pub load: Option<f64>,
    /// The cores that a pod asks for: `500m`.
    pub cpu: String,
    /// The memory that a pod asks for: `1Gi`.
    pub memory: String,
    /// Labels of its pods, besides `app`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations of its pods.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// More of the pod's spec, merged into it.
    #[serde(default)]
    pub pod: Value,
    /// A PodDisruptionBudget that keeps so many: `90%`, `3`.
    #[serde(default)]
    pub min_available: Option<String>,
    /// How its size changes.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// A wave of the day that goes on top: between `low` and `high` replicas, or cores of load, highest at `peak`.
    #[serde(default)]
    pub daily: Option<Daily>,
}

/// A HorizontalPodAutoscaler on cores.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Autoscale {
    /// Replicas at least.
    pub min: u32,
    /// Replicas at most.
    pub max: u32,
    /// The usage that it keeps, in percent of what pods ask for.
    #[serde(default = "sixty")]
    pub cpu_percent: u32,
}

/// A change of a workload.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// When it begins.
    pub at: Span,
    /// The replicas it comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// The cores of load it comes to, for autoscaled workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
    /// How long it takes to come there, evenly; at once without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Span>,
    /// A new image: every pod is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// The wave of a day.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Daily {
    /// Replicas, or cores of load, at the quietest hour.
    pub low: u32,
    /// Replicas, or cores of load, at the busiest hour.
    pub high: u32,
    /// The busiest hour of the day (UTC), 0 to 23.
    pub peak: u8,
}

/// An object that comes, changes or goes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// When.
    pub at: Span,
    /// An object that is made, or changed to be like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<Value>,
    /// Fields of an object that change: apiVersion, kind and name say which object, the rest is a merge patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Value>,
    /// An object that is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<ObjectName>,
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectName {
    /// `karpenter.sh/v1`.
    pub api_version: String,
    /// `NodePool`.
    pub kind: String,
    /// Its namespace, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Something that goes wrong with the controllers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "WrittenFault", into = "WrittenFault")]
pub struct Fault {
    /// When it begins.
    pub at: Span,
    /// How long it lasts.
    pub lasts: Span,
    /// What it is.
    pub kind: FaultKind,
}

/// A fault as it is written: one field says what it is.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenFault {
    at: Span,
    #[serde(default, rename = "for")]
    lasts: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crash: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_errors: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drop_watches: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock_ahead: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock_behind: Option<Span>,
}

impl TryFrom<WrittenFault> for Fault {
    type Error = String;

    fn try_from(written: WrittenFault) -> Result<Self, String> {
        let kinds = [
            written.crash.filter(|crash| *crash).map(|_| FaultKind::Crash),
            written.api_errors.map(FaultKind::ApiErrors),
            written.drop_watches.filter(|drop| *drop).map(|_| FaultKind::DropWatches),
            written.clock_ahead.map(FaultKind::ClockAhead),
            written.clock_behind.map(FaultKind::ClockBehind),
        ];
        let mut kinds = kinds.into_iter().flatten();
        match (kinds.next(), kinds.next()) {
            (Some(kind), None) => Ok(Self { at: written.at, lasts: written.lasts, kind }),
            _ => Err("expected exactly one of crash, apiErrors, dropWatches, clockAhead and clockBehind"
                .to_owned()),
        }
    }
}

impl From<Fault> for WrittenFault {
    fn from(fault: Fault) -> Self {
        let mut written = Self { at: fault.at, lasts: fault.lasts, ..Self::default() };
        match fault.kind {
            FaultKind::Crash => written.crash = Some(true),
            FaultKind::ApiErrors(percent) => written.api_errors = Some(percent),
            FaultKind::DropWatches => written.drop_watches = Some(true),
            FaultKind::ClockAhead(span) => written.clock_ahead = Some(span),
            FaultKind::ClockBehind(span) => written.clock_behind = Some(span),
        }
        written
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// The controllers are killed, and start again when it is over.
    Crash,
    /// The API server refuses so many percent of the controllers' requests, or does what they ask and loses the answer.
    ApiErrors(f64),
    /// All watches of the controllers break off.
    DropWatches,
    /// The controllers' clock is ahead by this; they are started again with it.
    ClockAhead(Span),
    /// The controllers' clock is behind by this; they are started again with it.
    ClockBehind(Span),
}

/// What must come of a scenario. What is not said is not asked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assertions {
    /// The longest time from a pod's creation to its running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_to_running_last: Option<Span>,
    /// The same for 99 of 100 pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_to_running_p99: Option<Span>,
    /// The cost in percent of the baseline's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_percent_of_baseline: Option<f64>,
    /// Nodes at the end, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes_at_end: Option<usize>,
    /// How long after the last step of a workload the nodes must be down to `nodesAtEnd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled_in_within: Option<Span>,
    /// Pods that are pending at the end, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_at_end: Option<usize>,
    /// Nodes made during the whole time, at most: fleets must not churn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes_made: Option<usize>,
}

fn default_start() -> Timestamp {
    // a Monday morning; the number is in range
    Timestamp::from_second(1_772_442_000).unwrap_or_default()
}

fn default_settle() -> Span {
    Span::seconds(900)
}

fn default_seed() -> u64 {
    1
}

fn default_region() -> String {
    "us-east-1".to_owned()
}

fn default_cluster() -> String {
    "simulated".to_owned()
}

fn default_namespace() -> String {
    "default".to_owned()
}

fn sixty() -> u32 {
    60
}

fn one() -> f64 {
    1.0
}
