//! The flags and environment variables.

use clap::Args;

/// Every setting as text, from its flag, else its environment variable, else its default. [`read`](Self::read) understands them.
///
/// They are all texts here, so that everything that is wrong can be told at once and by name, and an empty variable, as charts
/// set them, means the default.
#[derive(Clone, Debug, Args)]
pub struct SettingsArguments {
    /// Plan a batch of pending pods after this long at the latest
    #[arg(
        long,
        env = "BATCH_MAX_DURATION",
        hide_env_values = true,
        value_name = "DURATION",
        default_value = "10s",
        help_heading = "Planning"
    )]
    pub batch_max_duration: String,
    /// Plan a batch of pending pods when no new one came for this long
    #[arg(
        long,
        env = "BATCH_IDLE_DURATION",
        hide_env_values = true,
        value_name = "DURATION",
        default_value = "1s",
        help_heading = "Planning"
    )]
    pub batch_idle_duration: String,
    /// Respect or Ignore what pods merely prefer
    #[arg(
        long,
        env = "PREFERENCE_POLICY",
        hide_env_values = true,
        value_name = "POLICY",
        default_value = "Respect",
        help_heading = "Planning"
    )]
    pub preference_policy: String,
    /// Strict, or BestEffort to give up minValues that cannot be met
    #[arg(
        long,
        env = "MIN_VALUES_POLICY",
        hide_env_values = true,
        value_name = "POLICY",
        default_value = "Strict",
        help_heading = "Planning"
    )]
    pub min_values_policy: String,
    /// Leave pods with resource claims alone
    #[arg(long, env = "IGNORE_DRA_REQUESTS", hide_env_values = true, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Planning")]
    pub ignore_dra_requests: String,
    /// Gates to switch, as NodeRepair=true,SpotToSpotConsolidation=true; the others keep their defaults: ReservedCapacity=true, NodeRepair, SpotToSpotConsolidation, NodeOverlay, StaticCapacity and CapacityBuffer=false
    #[arg(
        long,
        env = "FEATURE_GATES",
        hide_env_values = true,
        value_name = "GATES",
        default_value = "",
        hide_default_value = true,
        help_heading = "Planning"
    )]
    pub feature_gates: String,
    /// Name of the cluster, which is in tags
    #[arg(
        long,
        env = "CLUSTER_NAME",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        help_heading = "Cluster and cloud"
    )]
    pub cluster_name: String,
    /// Address of the API server that machines join [default: that of the kubeconfig]
    #[arg(
        long,
        env = "CLUSTER_ENDPOINT",
        hide_env_values = true,
        value_name = "URL",
        default_value = "",
        hide_default_value = true,
        help_heading = "Cluster and cloud"
    )]
    pub cluster_endpoint: String,
    /// Certificate authority of the API server [default: that of the kubeconfig]
    #[arg(
        long,
        env = "CLUSTER_CA_BUNDLE",
        hide_env_values = true,
        value_name = "BASE64",
        default_value = "",
        hide_default_value = true,
        help_heading = "Cluster and cloud"
    )]
    pub cluster_ca_bundle: String,
    /// Queue that EC2 announces interruptions on [default: none]
    #[arg(
        long,
        env = "INTERRUPTION_QUEUE",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        help_heading = "Cluster and cloud"
    )]
    pub interruption_queue: String,
    /// Share of a machine's memory that is lost to the hypervisor
    #[arg(
        long,
        env = "VM_MEMORY_OVERHEAD_PERCENT",
        hide_env_values = true,
        value_name = "SHARE",
        default_value = "0.075",
        help_heading = "Cluster and cloud"
    )]
    pub vm_memory_overhead_percent: String,
    /// Network interfaces that pods cannot use
    #[arg(
        long,
        env = "RESERVED_ENIS",
        hide_env_values = true,
        value_name = "COUNT",
        default_value = "0",
        help_heading = "Cluster and cloud"
    )]
    pub reserved_enis: String,
    /// There is no way to the price list
    #[arg(long, env = "ISOLATED_VPC", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Cluster and cloud")]
    pub isolated_vpc: String,
    /// The control plane is EKS
    #[arg(long, env = "EKS_CONTROL_PLANE", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Cluster and cloud")]
    pub eks_control_plane: String,
    /// Do not try out the permissions of an EC2NodeClass
    #[arg(long, env = "DISABLE_DRY_RUN", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Cluster and cloud")]
    pub disable_dry_run: String,
    /// Avoid zones that are shifted away from
    #[arg(long, env = "ENABLE_ZONAL_SHIFT", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Cluster and cloud")]
    pub enable_zonal_shift: String,
    /// How often images are looked for
    #[arg(
        long,
        env = "AMI_REFRESH_INTERVAL",
        hide_env_values = true,
        value_name = "DURATION",
        default_value = "1m",
        help_heading = "Cluster and cloud"
    )]
    pub ami_refresh_interval: String,
    /// How often subnets are looked for
    #[arg(
        long,
        env = "SUBNET_REFRESH_INTERVAL",
        hide_env_values = true,
        value_name = "DURATION",
        default_value = "1m",
        help_heading = "Cluster and cloud"
    )]
    pub subnet_refresh_interval: String,
    /// Work without a lease: only safe with one replica
    #[arg(long, env = "DISABLE_LEADER_ELECTION", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Several replicas")]
    pub disable_leader_election: String,
    /// Name of the lease
    #[arg(
        long,
        env = "LEADER_ELECTION_NAME",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "karpenter-leader-election",
        help_heading = "Several replicas"
    )]
    pub leader_election_name: String,
    /// Namespace of the lease [default: the pod's, else kube-system]
    #[arg(
        long,
        env = "LEADER_ELECTION_NAMESPACE",
        hide_env_values = true,
        value_name = "NAMESPACE",
        default_value = "",
        hide_default_value = true,
        help_heading = "Several replicas"
    )]
    pub leader_election_namespace: String,
    /// Replace expired nodes as drifted ones are: one after the other, within disruption budgets, with their replacement up
    /// before. Without it they are deleted when their time is over
    #[arg(long, env = "EXPIRE_UNDER_BUDGETS", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Planning")]
    pub expire_under_budgets: String,
    /// Drain a spot node when EC2 recommends to leave it, before it is interrupted
    #[arg(long, env = "DRAIN_ON_REBALANCE", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Cluster and cloud")]
    pub drain_on_rebalance: String,
    /// Work beside a running Cluster Autoscaler or Karpenter
    #[arg(long, env = "BESIDE_OTHER_AUTOSCALERS", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Several replicas")]
    pub beside_other_autoscalers: String,
    /// Port of /metrics and /journal; 0 for none
    #[arg(
        long,
        env = "METRICS_PORT",
        hide_env_values = true,
        value_name = "PORT",
        default_value = "8080",
        help_heading = "Watching it"
    )]
    pub metrics_port: String,
    /// Port of /healthz and /readyz; 0 for none
    #[arg(
        long,
        env = "HEALTH_PROBE_PORT",
        hide_env_values = true,
        value_name = "PORT",
        default_value = "8081",
        help_heading = "Watching it"
    )]
    pub health_probe_port: String,
    /// Leave out the gauges of pods, nodes and NodePools
    #[arg(long, env = "DISABLE_CLUSTER_STATE_OBSERVABILITY", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Watching it")]
    pub disable_cluster_state_observability: String,
    /// Have gauges of every single pod; in big clusters they are many
    #[arg(long, env = "POD_METRICS", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Watching it")]
    pub pod_metrics: String,
    /// Keep the journal of decisions here, as JSON lines [default: in memory only]
    #[arg(
        long,
        env = "JOURNAL_FILE",
        hide_env_values = true,
        value_name = "FILE",
        default_value = "",
        hide_default_value = true,
        help_heading = "Watching it"
    )]
    pub journal_file: String,
    /// error, warn, info, debug or trace
    #[arg(
        long,
        env = "LOG_LEVEL",
        hide_env_values = true,
        value_name = "LEVEL",
        default_value = "info",
        help_heading = "Watching it"
    )]
    pub log_level: String,
    /// human, json, or auto: human on a terminal
    #[arg(
        long,
        env = "LOG_FORMAT",
        hide_env_values = true,
        value_name = "FORMAT",
        default_value = "auto",
        help_heading = "Watching it"
    )]
    pub log_format: String,
    /// Where to log to: stdout, stderr, files; separated by commas
    #[arg(
        long,
        env = "LOG_OUTPUT_PATHS",
        hide_env_values = true,
        value_name = "PATHS",
        default_value = "stdout",
        help_heading = "Watching it"
    )]
    pub log_output_paths: String,
    /// Processor time there is, in millicores; it decides how many requests are under way at once
    #[arg(
        long,
        env = "CPU_REQUESTS",
        hide_env_values = true,
        value_name = "MILLICORES",
        default_value = "1000",
        help_heading = "Watching it"
    )]
    pub cpu_requests: String,
    /// Requests to the API server in a second, in the long run [default: no limit, the API server's own fairness decides]
    #[arg(
        long,
        env = "KUBE_CLIENT_QPS",
        hide_env_values = true,
        value_name = "NUMBER",
        default_value = "",
        hide_default_value = true,
        help_heading = "Watching it"
    )]
    pub kube_client_qps: String,
    /// Requests at once where there is a limit for a second
    #[arg(
        long,
        env = "KUBE_CLIENT_BURST",
        hide_env_values = true,
        value_name = "NUMBER",
        default_value = "300",
        help_heading = "Watching it"
    )]
    pub kube_client_burst: String,
    /// Warn when the process takes nine tenths of so many bytes of memory; -1 for never
    #[arg(
        long,
        env = "MEMORY_LIMIT",
        hide_env_values = true,
        value_name = "BYTES",
        default_value = "-1",
        help_heading = "Watching it"
    )]
    pub memory_limit: String,
    /// Name of the Service
    #[arg(
        long,
        env = "KARPENTER_SERVICE",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        help_heading = "Accepted, without effect here"
    )]
    pub karpenter_service: String,
    /// Serve Go profiles: there are none
    #[arg(long, env = "ENABLE_PROFILING", hide_env_values = true, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Accepted, without effect here")]
    pub enable_profiling: String,
    /// Waiting replicas do not watch
    #[arg(long, env = "DISABLE_CONTROLLER_WARMUP", hide_env_values = true, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Accepted, without effect here")]
    pub disable_controller_warmup: String,
    /// Where problems of the logger go
    #[arg(
        long,
        env = "LOG_ERROR_OUTPUT_PATHS",
        hide_env_values = true,
        value_name = "PATHS",
        default_value = "stderr",
        help_heading = "Accepted, without effect here"
    )]
    pub log_error_output_paths: String,
    /// Gates of Karpenter's AWS provider
    #[arg(
        long,
        env = "AWS_FEATURE_GATES",
        hide_env_values = true,
        value_name = "GATES",
        default_value = "NodeClassCEL=false",
        help_heading = "Accepted, without effect here"
    )]
    pub aws_feature_gates: String,
}
