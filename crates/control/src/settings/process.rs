//! The settings of the process around the loops.

use std::path::PathBuf;

/// Ports, logs, the lease and the client, with Karpenter's defaults (reference section 5.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSettings {
    /// The port of /metrics and /journal: `METRICS_PORT`.
    pub metrics_port: u16,
    /// The port of /healthz and /readyz: `HEALTH_PROBE_PORT`.
    pub health_probe_port: u16,
    /// Whether the lease is not asked for: `DISABLE_LEADER_ELECTION`.
    pub disable_leader_election: bool,
    /// The name of the lease: `LEADER_ELECTION_NAME`.
    pub leader_election_name: String,
    /// The namespace of the lease; nothing for that of the pod: `LEADER_ELECTION_NAMESPACE`.
    pub leader_election_namespace: Option<String>,
    /// Whether gauges of pods, nodes and NodePools are left out: `DISABLE_CLUSTER_STATE_OBSERVABILITY`.
    pub disable_cluster_state_observability: bool,
    /// Whether there are gauges of every single pod: `POD_METRICS`. Karpenter has no such setting, and always has them.
    pub pod_metrics: bool,
    /// Processor time that is asked for, in millicores; it decides how many requests are under way at once: `CPU_REQUESTS`.
    pub cpu_requests_millicores: u32,
    /// Requests to the API server in a second, in the long run; nothing for no limit: `KUBE_CLIENT_QPS`. Karpenter's is 200.
    pub kube_client_qps: Option<u32>,
    /// Requests at once where there is a limit for a second: `KUBE_CLIENT_BURST`.
    pub kube_client_burst: u32,
    /// Bytes of memory that the process should not come near to; nothing for no limit: `MEMORY_LIMIT`.
    pub memory_limit: Option<u64>,
    /// What is logged: `LOG_LEVEL`.
    pub log_level: LogLevel,
    /// How it is logged: `LOG_FORMAT`, which Karpenter does not have.
    pub log_format: LogFormat,
    /// Where it is logged to: `LOG_OUTPUT_PATHS`.
    pub log_output_paths: Vec<LogPath>,
    /// Where the journal is kept; nothing for memory only: `JOURNAL_FILE`, which Karpenter does not have.
    pub journal_file: Option<PathBuf>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What may be wrong.
    Warn,
    /// What was decided.
    Info,
    /// What was thought of.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, else as JSON.
    Auto,
    /// For people.
    Human,
    /// An object a line.
    Json,
}

/// Where it is logged to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPath {
    /// `stdout`.
    Stdout,
    /// `stderr`.
    Stderr,
    /// A file, which is appended to.
    File(PathBuf),
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            metrics_port: 8080,
            health_probe_port: 8081,
            disable_leader_election: false,
            leader_election_name: "karpenter-leader-election".to_owned(),
            leader_election_namespace: None,
            disable_cluster_state_observability: false,
            pod_metrics: false,
            cpu_requests_millicores: 1_000,
            kube_client_qps: None,
            kube_client_burst: 300,
            memory_limit: None,
            log_level: LogLevel::Info,
            log_format: LogFormat::Auto,
            log_output_paths: vec![LogPath::Stdout],
            journal_file: None,
        }
    }
}

impl ProcessSettings {
    /// Requests to the API server under way at once: 32 for a core, at least 16, at most 256.
    pub fn concurrency(&self) -> usize {
        (self.cpu_requests_millicores as usize * 32 / 1_000).clamp(16, 256)
    }
}
