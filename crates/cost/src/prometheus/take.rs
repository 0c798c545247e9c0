//! Series into the table of their hour.

use std::sync::Arc;

use crate::prometheus::counters::Points;
use crate::prometheus::grid::{STEPS, moments};
use crate::prometheus::labels::{LabelSet, host, label, object_labels};
use crate::prometheus::metrics::Pace;
use crate::prometheus::table::{Amounts, HourTable, Name, NodeSeries, PodSeries, Traffic, UseSeries};
use crate::workload::Labels;

/// Seconds that a sample of a slow metric stands for.
pub(super) const SLOW: i64 = 300;

/// A series as far as this hour goes.
struct Taken<'a> {
    metric: &'a str,
    pace: Pace,
    labels: &'a LabelSet,
    points: Points,
}

impl HourTable {
    /// Takes a series: what of it is in this hour. `pace` tells for how long before its time a sample stands; samples of
    /// other hours are passed over.
    pub fn take(&mut self, metric: &str, pace: Pace, labels: &LabelSet, samples: &[(f64, f64)]) {
        let grid = self.grid;
        let mut points = Points::default();
        let held = if pace == Pace::Slow { (SLOW / grid.step()).max(1) as u32 } else { 1 };
        let mut last: Option<(u32, f64)> = None;
        // of several samples in a step the last counts
        let mut keep = |sample: Option<(u32, f64)>| {
            if let Some((moment, value)) = sample {
                let from = moment.saturating_sub(held - 1).max(moment.min(1));
                (from..=moment).for_each(|moment| points.note(moment, value));
            }
        };
        for (time, value) in samples {
            let Some(moment) = grid.moment(*time).filter(|_| value.is_finite()) else { continue };
            if last.is_some_and(|(before, _)| before != moment) {
                keep(last);
            }
            last = Some((moment, *value));
        }
        keep(last);
        if points.set() != 0 {
            let taken = Taken { metric, pace, labels, points };
            // a series without the labels it needs says nothing
            let _ = self.file(&taken);
        }
    }

    /// Puts a series where it belongs; none if it is of no use.
    fn file(&mut self, taken: &Taken<'_>) -> Option<()> {
        let metric = taken.metric;
        match metric {
            _ if metric.starts_with("kube_pod_") => self.pod_series(taken),
            "container_cpu_allocation" | "container_memory_allocation_bytes" | "container_gpu_allocation" => {
                self.allocation(taken)
            }
            "container_cpu_usage_seconds_total"
            | "container_memory_working_set_bytes"
            | "DCGM_FI_PROF_GR_ENGINE_ACTIVE" => self.container_use(taken),
            "container_network_transmit_bytes_total"
            | "container_network_receive_bytes_total"
            | "kubecost_pod_network_egress_bytes_total" => self.traffic(taken),
            "kube_namespace_labels" | "kube_namespace_annotations" => self.namespace(taken),
            "kube_replicaset_owner" => self.owner(taken, "ReplicaSet", "replicaset"),
            "kube_job_owner" => self.owner(taken, "Job", "job_name"),
            _ if metric.starts_with("kube_node_") => self.kube_node(taken),
            "node_total_hourly_cost" | "kubecost_node_is_spot" | "karpenter_nodes_allocatable" => {
                self.priced_node(taken)
            }
            "machine_cpu_cores"
            | "machine_memory_bytes"
            | "node_cpu_seconds_total"
            | "node_memory_MemTotal_bytes" => self.machine(taken),
            "kube_persistentvolume_capacity_bytes"
            | "kube_persistentvolume_info"
            | "kube_persistentvolume_created"
            | "kube_persistentvolumeclaim_info"
            | "kubecost_pv_info"
            | "kubelet_volume_stats_used_bytes"
            | "pod_pvc_allocation" => self.volume(taken),
            "kube_service_status_load_balancer_ingress"
            | "kube_service_created"
            | "kube_endpoint_address"
            | "service_selector_labels"
            | "kubecost_load_balancer_cost" => self.service(taken),
            _ => None,
        }
    }

    fn pod(&mut self, taken: &Taken<'_>) -> Option<&mut PodSeries> {
        let uid = taken.text("uid");
        Some(self.pods.entry(taken.name("pod")?).or_default().entry(uid).or_default())
    }

    fn pod_series(&mut self, taken: &Taken<'_>) -> Option<()> {
        let (set, told) = (taken.points.set(), taken.told());
        let pod = self.pod(taken)?;
        match taken.metric {
            "kube_pod_info" => {
                let node = taken.text("node");
                if !node.is_empty() {
                    pod.present |= told;
                    pod.place.note((node, taken.text("pod_ip")), told);
                }
            }
            "kube_pod_container_status_running" => pod.present |= told,
            "kube_pod_status_phase" => {
                if matches!(taken.plain("phase"), "Succeeded" | "Failed") {
                    pod.ended |= told;
                }
            }
            "kube_pod_status_scheduled_time" => pod.begun[0] = taken.time(pod.begun[0]),
            "kube_pod_start_time" => pod.begun[1] = taken.time(pod.begun[1]),
            "kube_pod_created" => pod.begun[2] = taken.time(pod.begun[2]),
            "kube_pod_completion_time" => pod.completed = taken.time(pod.completed),
            "kube_pod_owner" => {
                let kind = taken.plain("owner_kind");
                if !matches!(kind, "" | "<none>") && taken.plain("owner_is_controller") != "false" {
                    pod.owner.note((kind.into(), taken.plain("owner_name").into()), told);
                }
            }
            "kube_pod_labels" => pod.labels.note(object_labels(taken.labels, "label_"), set),
            "kube_pod_annotations" => pod.annotations.note(object_labels(taken.labels, "annotation_"), set),
            "kube_pod_spec_volumes_persistentvolumeclaims_info" => {
                pod.claims.insert(taken.some("persistentvolumeclaim")?);
            }
            "kube_pod_container_info" | "kube_pod_init_container_info" => {
                let plain_init = taken.metric == "kube_pod_init_container_info"
                    && taken.plain("restart_policy") != "Always";
                if !plain_init {
                    let container = taken.some("container")?;
                    pod.containers.entry(Arc::clone(&container)).or_default();
                    pod.listed.insert(container);
                }
            }
            metric => {
                let node = taken.text("node");
                if !node.is_empty() {
                    pod.place.note((node, "".into()), set);
                }
                let container = taken.some("container")?;
                let amounts =
                    container_amount(metric.trim_start_matches("kube_pod_"), taken.plain("resource"))?;
                if metric.starts_with("kube_pod_init_container") {
                    pod.init.insert(Arc::clone(&container));
                }
                let known = pod.containers.entry(container).or_default();
                merge(known.entry(amounts).or_default(), &taken.points);
            }
        }
        Some(())
    }

    /// OpenCost's own gauges: the greater of request and use.
    fn allocation(&mut self, taken: &Taken<'_>) -> Option<()> {
        let amounts = match taken.metric {
            "container_cpu_allocation" => Amounts::CpuAllocation,
            "container_memory_allocation_bytes" => Amounts::RamAllocation,
            _ => Amounts::GpuAllocation,
        };
        let container = taken.some("container")?;
        let node = taken.some("node").or_else(|| taken.some("instance"))?;
        let pod = self.pod(taken)?;
        pod.present |= taken.points.set();
        pod.place.note((node, "".into()), taken.points.set());
        merge(pod.containers.entry(container).or_default().entry(amounts).or_default(), &taken.points);
        Some(())
    }

    fn using(&mut self, taken: &Taken<'_>) -> Option<&mut UseSeries> {
        let series = self.uses.entry(taken.name("pod")?).or_default();
        let node =
            ["node", "kubernetes_io_hostname", "instance"].into_iter().find_map(|name| taken.some(name));
        if let Some(node) = node {
            series.node.note(host(&node).into(), taken.points.set());
        }
        Some(series)
    }

    fn container_use(&mut self, taken: &Taken<'_>) -> Option<()> {
        let container = taken.some("container").filter(|name| &**name != "POD")?;
        let series = self.using(taken)?;
        let points = match taken.metric {
            "container_cpu_usage_seconds_total" => {
                // per-core series of old kubelets add up to the one of all cores
                let part =
                    format!("{} {}", taken.plain("id"), taken.plain("cpu").trim_start_matches("total"));
                series.cpu.entry(container).or_default().entry(part.as_str().into()).or_default()
            }
            "container_memory_working_set_bytes" => series.ram.entry(container).or_default(),
            _ => {
                let device = taken.some("UUID").or_else(|| taken.some("gpu")).unwrap_or_else(|| "0".into());
                series.gpu.entry(container).or_default().entry(device).or_default()
            }
        };
        merge(points, &taken.points);
        Some(())
    }

    fn traffic(&mut self, taken: &Taken<'_>) -> Option<()> {
        let class = match taken.metric {
            "container_network_transmit_bytes_total" => Traffic::Sent,
            "container_network_receive_bytes_total" => Traffic::Received,
            _ if taken.plain("internet") == "true" => Traffic::Internet,
            _ if taken.plain("same_region") == "false" => Traffic::Region,
            _ if taken.plain("same_zone") == "false" => Traffic::Zone,
            // within a zone it is free
            _ => return Some(()),
        };
        // a counter of its own for every interface, sandbox and destination
        let part = ["interface", "id", "ip"].map(|name| taken.plain(name)).join(" ");
        let series = self.using(taken)?;
        merge(series.traffic.entry((class, part.as_str().into())).or_default(), &taken.points);
        Some(())
    }

    fn namespace(&mut self, taken: &Taken<'_>) -> Option<()> {
        let (labels, annotations) = self.namespaces.entry(taken.some("namespace")?).or_default();
        if taken.metric == "kube_namespace_labels" {
            labels.note(object_labels(taken.labels, "label_"), taken.points.set());
        } else {
            annotations.note(object_labels(taken.labels, "annotation_"), taken.points.set());
        }
        Some(())
    }

    fn owner(&mut self, taken: &Taken<'_>, kind: &'static str, label: &str) -> Option<()> {
        let owner = taken.plain("owner_kind");
        if !matches!(owner, "" | "<none>") {
            let key = (kind, taken.some("namespace")?, taken.some(label)?);
            let owner = (owner.into(), taken.plain("owner_name").into());
            self.owners.entry(key).or_default().note(owner, taken.told());
        }
        Some(())
    }

    fn kube_node(&mut self, taken: &Taken<'_>) -> Option<()> {
        let node = self.nodes.entry(taken.some("node")?).or_default();
        let set = taken.points.set();
        match taken.metric {
            "kube_node_info" => {
                node.present |= set;
                node.identity.note((taken.text("provider_id"), taken.text("internal_ip")), set);
            }
            "kube_node_labels" => node.labels.note(object_labels(taken.labels, "label_"), set),
            "kube_node_created" => node.created = taken.time(node.created),
            metric => {
                let amounts = node_amount(metric, taken.plain("resource"))?;
                merge(node.amounts.entry(amounts).or_default(), &taken.points);
            }
        }
        node.mention(taken);
        Some(())
    }

    /// Nodes as OpenCost and Karpenter know them.
    fn priced_node(&mut self, taken: &Taken<'_>) -> Option<()> {
        let name = taken.some("node").or_else(|| taken.some("instance"))?;
        let node: &mut NodeSeries = self.nodes.entry(name).or_default();
        let set = taken.points.set();
        node.mention(taken);
        if taken.metric == "kubecost_node_is_spot" {
            if taken.told() != 0 {
                node.known.note(known_labels(&[("karpenter.sh/capacity-type", "spot")]), taken.told());
            }
            return Some(());
        }
        let provider_id = taken.text("provider_id");
        if !provider_id.is_empty() {
            node.identity.note((provider_id, "".into()), set);
        }
        let labels = [
            ("node.kubernetes.io/instance-type", taken.plain("instance_type")),
            ("topology.kubernetes.io/region", taken.plain("region")),
            ("topology.kubernetes.io/zone", taken.plain("zone")),
            ("kubernetes.io/arch", taken.plain("arch")),
            ("karpenter.sh/capacity-type", taken.plain("capacity_type")),
            ("karpenter.sh/nodepool", taken.plain("nodepool")),
        ];
        node.known.note(known_labels(&labels), set);
        Some(())
    }

    fn machine(&mut self, taken: &Taken<'_>) -> Option<()> {
        let name = ["node", "nodename", "kubernetes_node", "instance"]
            .into_iter()
            .find_map(|name| taken.some(name))?;
        let machine = self.machines.entry(host(&name).into()).or_default();
        match taken.metric {
            "machine_cpu_cores" => merge(&mut machine.core_count, &taken.points),
            "node_cpu_seconds_total" => {
                machine.cores.insert(taken.some("cpu")?);
            }
            _ => merge(&mut machine.ram_bytes, &taken.points),
        }
        Some(())
    }

    fn volume(&mut self, taken: &Taken<'_>) -> Option<()> {
        let set = taken.points.set();
        match taken.metric {
            "kubelet_volume_stats_used_bytes" => {
                let claim = taken.name("persistentvolumeclaim")?;
                merge(self.claim_use.entry(claim).or_default(), &taken.points);
            }
            "pod_pvc_allocation" => {
                let claim = taken.some("persistentvolumeclaim")?;
                let volume = self.volumes.entry(taken.some("persistentvolume")?).or_default();
                volume.claim.note((taken.some("namespace")?, Arc::clone(&claim)), set);
                self.pod(taken)?.claims.insert(claim);
            }
            "kube_persistentvolumeclaim_info" => {
                let volume = self.volumes.entry(taken.some("volumename")?).or_default();
                volume.claim.note(taken.name("persistentvolumeclaim")?, set);
            }
            metric => {
                let volume = self.volumes.entry(taken.some("persistentvolume")?).or_default();
                match metric {
                    "kube_persistentvolume_capacity_bytes" => {
                        volume.present |= set;
                        merge(&mut volume.bytes, &taken.points);
                    }
                    "kube_persistentvolume_created" => volume.created = taken.time(volume.created),
                    _ => {
                        let handles = ["csi_volume_handle", "ebs_volume_id", "provider_id"]
                            .map(|name| taken.plain(name));
                        let handle =
                            handles.into_iter().find(|handle| !handle.is_empty()).unwrap_or_default();
                        volume.info.note((taken.text("storageclass"), handle.into()), set);
                    }
                }
            }
        }
        Some(())
    }

    fn service(&mut self, taken: &Taken<'_>) -> Option<()> {
        let set = taken.points.set();
        let name = match taken.metric {
            "kube_endpoint_address" => taken.name("endpoint")?,
            _ => taken.name("service")?,
        };
        let service = self.services.entry(name).or_default();
        match taken.metric {
            "kube_service_created" => service.created = taken.time(service.created),
            "kube_endpoint_address" => *service.endpoints.entry(taken.some("ip")?).or_default() |= set,
            "service_selector_labels" => service.selector.note(object_labels(taken.labels, "label_"), set),
            _ => {
                let address =
                    ["hostname", "ip", "ingress_ip"].into_iter().find_map(|name| taken.some(name))?;
                service.address.note(address, set);
                service.present |= set;
            }
        }
        Some(())
    }
}

impl NodeSeries {
    fn mention(&mut self, taken: &Taken<'_>) {
        let set = if taken.pace == Pace::Step { &mut self.mentioned } else { &mut self.rumoured };
        *set |= taken.points.set();
    }

    /// When it was there, by those who know best.
    pub(super) fn there(&self) -> u64 {
        let told = [self.present, self.mentioned, self.rumoured];
        told.into_iter().find(|set| set & STEPS != 0).unwrap_or(0)
    }
}

/// The greater of two series of the same counter: values of one are never below earlier values of the other.
fn merge(into: &mut Points, from: &Points) {
    from.iter().for_each(|(moment, value)| into.note(moment, value));
}

fn known_labels(pairs: &[(&str, &str)]) -> Labels {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    Arc::new(given.map(|(key, value)| (Arc::from(*key), Arc::from(*value))).collect())
}

/// What a series of a container's resources is about: `metric` without `kube_pod_`, in either generation of names.
fn container_amount(metric: &str, resource: &str) -> Option<Amounts> {
    let metric = metric.trim_start_matches("init_");
    let request = metric.starts_with("container_resource_requests");
    let cpu = metric.ends_with("_cpu_cores") || resource == "cpu";
    let memory = metric.ends_with("_memory_bytes") || resource == "memory";
    let gpu = matches!(resource, "nvidia_com_gpu" | "amd_com_gpu" | "nvidia.com/gpu" | "amd.com/gpu");
    if !request && !metric.starts_with("container_resource_limits") {
        return None;
    }
    match (request, cpu, memory, gpu) {
        (true, true, ..) => Some(Amounts::CpuRequest),
        (false, true, ..) => Some(Amounts::CpuLimit),
        (true, _, true, _) => Some(Amounts::RamRequest),
        (false, _, true, _) => Some(Amounts::RamLimit),
        // a limit of GPUs is a request
        (_, _, _, true) => Some(Amounts::GpuRequest),
        _ => None,
    }
}

/// What a series of a node's resources is about.
fn node_amount(metric: &str, resource: &str) -> Option<Amounts> {
    let rest = metric.strip_prefix("kube_node_status_")?;
    let capacity = rest.starts_with("capacity");
    if !capacity && !rest.starts_with("allocatable") {
        return None;
    }
    let pick = |whole, left| if capacity { whole } else { left };
    if rest.ends_with("_cpu_cores") || resource == "cpu" {
        Some(pick(Amounts::CpuCapacity, Amounts::CpuAllocatable))
    } else if rest.ends_with("_memory_bytes") || resource == "memory" {
        Some(pick(Amounts::RamCapacity, Amounts::RamAllocatable))
    } else {
        matches!(resource, "nvidia_com_gpu" | "amd_com_gpu")
            .then(|| pick(Amounts::GpuCapacity, Amounts::GpuAllocatable))
    }
}

impl Taken<'_> {
    /// A label as it is written in all configurations.
    fn plain(&self, name: &str) -> &str {
        // these name what they are about `pod_name` and `service_name`; the scraper's own `pod` is the exporter
        let named = if self.metric.starts_with("kubecost_") {
            self.labels.get(&format!("{name}_name")).map(String::as_str)
        } else {
            None
        };
        named.filter(|value| !value.is_empty()).unwrap_or_else(|| label(self.labels, name))
    }

    fn text(&self, name: &str) -> Arc<str> {
        self.plain(name).into()
    }

    /// A label that has to be there.
    fn some(&self, name: &str) -> Option<Arc<str>> {
        Some(self.plain(name)).filter(|value| !value.is_empty()).map(Arc::from)
    }

    /// The namespace, and a label that has to be there.
    fn name(&self, label: &str) -> Option<Name> {
        Some((self.some("namespace")?, self.some(label)?))
    }

    /// Moments at which it was true: series of things that are not so say 0.
    fn told(&self) -> u64 {
        let points = &self.points;
        moments(points.set())
            .filter(|moment| points.at(*moment).is_some_and(|value| value > 0.0))
            .fold(0, |set, moment| set | 1 << moment)
    }

    /// The earliest time it tells.
    fn time(&self, known: Option<i64>) -> Option<i64> {
        let told = self.points.iter().map(|(_, value)| value as i64).filter(|second| *second > 0);
        told.chain(known).min()
    }
}
