//! What is read of a server (reference section 3.2).

/// How often a metric is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At every step.
    Step,
    /// Every five minutes, the last sample of each: for what seldom changes.
    Slow,
}

/// A metric that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How often.
    pub pace: Pace,
    /// Matchers; may be empty.
    pub matchers: &'static str,
    /// It is not read if the server has one of these, which tell more.
    pub unless: &'static [&'static str],
}

const fn step(name: &'static str, matchers: &'static str) -> Metric {
    Metric { name, pace: Pace::Step, matchers, unless: &[] }
}

const fn slow(name: &'static str, matchers: &'static str) -> Metric {
    Metric { name, pace: Pace::Slow, matchers, unless: &[] }
}

impl Metric {
    const fn unless(self, unless: &'static [&'static str]) -> Metric {
        Metric { unless, ..self }
    }
}

const CONTAINERS: &str = r#"container!="",container!="POD""#;
const OLD_CONTAINERS: &str = r#"container="",container_name!="",container_name!="POD""#;
const AMOUNTS: &str = r#"resource=~"cpu|memory|nvidia_com_gpu|amd_com_gpu""#;
const REQUESTS: [&str; 2] =
    ["kube_pod_container_resource_requests", "kube_pod_container_resource_requests_cpu_cores"];
const CAPACITIES: [&str; 2] = ["kube_node_status_capacity", "kube_node_status_capacity_cpu_cores"];

/// Everything that is read, of those that the server has. Where kube-state-metrics changed its names, both are there.
pub const METRICS: &[Metric] = &[
    // pods
    step("kube_pod_info", ""),
    step("kube_pod_container_status_running", "").unless(&["kube_pod_info"]),
    step("kube_pod_status_phase", r#"phase=~"Succeeded|Failed""#),
    slow("kube_pod_status_scheduled_time", ""),
    slow("kube_pod_start_time", ""),
    slow("kube_pod_created", ""),
    slow("kube_pod_completion_time", ""),
    slow("kube_pod_owner", ""),
    slow("kube_replicaset_owner", ""),
    slow("kube_job_owner", ""),
    slow("kube_pod_labels", ""),
    slow("kube_pod_annotations", ""),
    slow("kube_namespace_labels", ""),
    slow("kube_namespace_annotations", ""),
    slow("kube_pod_container_info", ""),
    slow("kube_pod_init_container_info", r#"restart_policy="Always""#),
    // what containers ask for
    slow("kube_pod_container_resource_requests", AMOUNTS),
    slow("kube_pod_container_resource_limits", AMOUNTS),
    slow("kube_pod_init_container_resource_requests", AMOUNTS),
    slow("kube_pod_init_container_resource_limits", AMOUNTS),
    slow("kube_pod_container_resource_requests_cpu_cores", ""),
    slow("kube_pod_container_resource_requests_memory_bytes", ""),
    slow("kube_pod_container_resource_limits_cpu_cores", ""),
    slow("kube_pod_container_resource_limits_memory_bytes", ""),
    step("container_cpu_allocation", "").unless(&REQUESTS),
    step("container_memory_allocation_bytes", "").unless(&REQUESTS),
    step("container_gpu_allocation", "").unless(&REQUESTS),
    // what containers use
    step("container_cpu_usage_seconds_total", CONTAINERS),
    step("container_cpu_usage_seconds_total", OLD_CONTAINERS),
    step("container_memory_working_set_bytes", CONTAINERS),
    step("container_memory_working_set_bytes", OLD_CONTAINERS),
    step("DCGM_FI_PROF_GR_ENGINE_ACTIVE", ""),
    step("container_network_transmit_bytes_total", ""),
    step("container_network_receive_bytes_total", ""),
    step("kubecost_pod_network_egress_bytes_total", ""),
    // nodes
    step("kube_node_info", ""),
    step("node_total_hourly_cost", ""),
    step("kubecost_node_is_spot", ""),
    slow("kube_node_labels", ""),
    slow("kube_node_created", ""),
    slow("kube_node_status_capacity", AMOUNTS),
    slow("kube_node_status_allocatable", AMOUNTS),
    slow("kube_node_status_capacity_cpu_cores", ""),
    slow("kube_node_status_capacity_memory_bytes", ""),
    slow("kube_node_status_allocatable_cpu_cores", ""),
    slow("kube_node_status_allocatable_memory_bytes", ""),
    slow("karpenter_nodes_allocatable", r#"resource_type="cpu""#),
    slow("machine_cpu_cores", "").unless(&CAPACITIES),
    slow("machine_memory_bytes", "").unless(&CAPACITIES),
    slow("node_cpu_seconds_total", r#"mode="idle""#).unless(&CAPACITIES),
    slow("node_memory_MemTotal_bytes", "").unless(&CAPACITIES),
    // volumes
    slow("kube_persistentvolume_capacity_bytes", ""),
    slow("kube_persistentvolume_info", ""),
    slow("kube_persistentvolume_created", ""),
    slow("kube_persistentvolumeclaim_info", ""),
    slow("kube_pod_spec_volumes_persistentvolumeclaims_info", ""),
    slow("pod_pvc_allocation", "").unless(&["kube_pod_spec_volumes_persistentvolumeclaims_info"]),
    slow("kubecost_pv_info", ""),
    step("kubelet_volume_stats_used_bytes", ""),
    // load balancers
    slow("kube_service_status_load_balancer_ingress", ""),
    slow("kube_service_created", ""),
    slow("kube_endpoint_address", ""),
    slow("service_selector_labels", ""),
    slow("kubecost_load_balancer_cost", "").unless(&["kube_service_status_load_balancer_ingress"]),
];
