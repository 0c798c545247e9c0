//! The series of kube-state-metrics that a cost model reads, in the names of its version 1 (reference section 3.1), as far
//! as the ledger knows. They are written only if asked for: where a kube-state-metrics runs, too, everything would be there
//! twice (#1465).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::{ContainerFact, HourFacts, MICROCORES, MILLI_GPUS, NodeFact, VolumeFact};
use crate::http::exposition::Page;
use crate::interval::Interval;
use crate::workload::{Labels, Workload, sanitized_key};

/// Adds what is alive.
pub fn write(facts: &HourFacts, alive: impl Fn(Interval) -> bool, page: &mut Page) {
    for node in facts.nodes.iter().filter(|node| alive(node.interval)) {
        write_node(node, page);
    }
    let containers: Vec<&ContainerFact> =
        facts.containers.iter().filter(|fact| alive(fact.interval)).collect();
    let mut pods: BTreeMap<(&str, &str, &str), &Workload> = BTreeMap::new();
    let mut namespaces: BTreeMap<&str, &Workload> = BTreeMap::new();
    for fact in &containers {
        write_container(fact, page);
        let row = &*fact.workload;
        pods.entry((&row.namespace, &row.pod, &row.pod_uid)).or_insert(row);
        namespaces.entry(&row.namespace).or_insert(row);
    }
    for pod in pods.values() {
        write_pod(pod, page);
    }
    for (name, row) in namespaces {
        let own = [("namespace", name)];
        let help = "always 1";
        put_pairs(page, "kube_namespace_labels", help, &own, "label_", &row.namespace_labels);
        put_pairs(page, "kube_namespace_annotations", help, &own, "annotation_", &row.namespace_annotations);
    }
    for volume in facts.volumes.iter().filter(|volume| alive(volume.interval)) {
        write_volume(volume, page);
    }
}

fn write_node(node: &NodeFact, page: &mut Page) {
    let labels = [("node", &*node.name)];
    for (capacity, name, help) in [
        (&node.capacity.millicores, "kube_node_status_capacity_cpu_cores", "cores the machine has"),
        (&node.allocatable.millicores, "kube_node_status_allocatable_cpu_cores", "cores left to pods"),
    ] {
        page.put(name, help, &labels, *capacity as f64 / 1_000.0);
    }
    for (capacity, name, help) in [
        (&node.capacity.ram_bytes, "kube_node_status_capacity_memory_bytes", "bytes the machine has"),
        (&node.allocatable.ram_bytes, "kube_node_status_allocatable_memory_bytes", "bytes left to pods"),
    ] {
        page.put(name, help, &labels, *capacity as f64);
    }
}

fn write_container(fact: &ContainerFact, page: &mut Page) {
    let row = &fact.workload;
    let own = [
        ("namespace", &*row.namespace),
        ("pod", &*row.pod),
        ("uid", &*row.pod_uid),
        ("container", &*row.container),
        ("node", &*row.node),
    ];
    let seconds = fact.interval.seconds().max(1) as f64;
    let average = |amount: u64, unit: u64| amount as f64 / seconds / unit as f64;
    let mut request = |resource: &'static str, unit: &'static str, value: f64| {
        if value > 0.0 {
            let labels: Vec<_> = own.into_iter().chain([("resource", resource), ("unit", unit)]).collect();
            page.put("kube_pod_container_resource_requests", "what is asked for", &labels, value);
        }
    };
    request("cpu", "core", average(fact.cpu.requested, MICROCORES));
    request("memory", "byte", average(fact.ram.requested, 1));
    request("nvidia_com_gpu", "integer", average(fact.gpu.requested, MILLI_GPUS));
    let (cores, bytes) = (average(fact.cpu_limit, MICROCORES), average(fact.ram_limit, 1));
    if cores > 0.0 {
        page.put("kube_pod_container_resource_limits_cpu_cores", "cores at most", &own, cores);
    }
    if bytes > 0.0 {
        page.put("kube_pod_container_resource_limits_memory_bytes", "bytes at most", &own, bytes);
    }
    page.put("kube_pod_container_status_running", "1 if it runs", &own, 1.0);
}

fn write_pod(row: &Workload, page: &mut Page) {
    let own = [("namespace", &*row.namespace), ("pod", &*row.pod), ("uid", &*row.pod_uid)];
    put_pairs(page, "kube_pod_labels", "always 1", &own, "label_", &row.labels);
    put_pairs(page, "kube_pod_annotations", "always 1", &own, "annotation_", &row.annotations);
    if !row.controller.is_empty() {
        let owner = [("owner_kind", &*row.controller_kind), ("owner_name", &*row.controller)];
        let labels: Vec<_> = own.into_iter().chain(owner).collect();
        page.put("kube_pod_owner", "always 1; the controller", &labels, 1.0);
    }
}

fn write_volume(fact: &VolumeFact, page: &mut Page) {
    let own = [("persistentvolume", &*fact.name), ("storageclass", &*fact.storage_class)];
    page.put("kube_persistentvolume_capacity_bytes", "size of the volume", &own, fact.bytes as f64);
    if fact.claim.is_empty() {
        return;
    }
    let claim = [("namespace", &*fact.claim_namespace), ("persistentvolumeclaim", &*fact.claim)];
    let name = "kube_persistentvolumeclaim_resource_requests_storage_bytes";
    page.put(name, "size that is asked for", &claim, fact.bytes as f64);
    let info: Vec<_> = claim
        .into_iter()
        .chain([("storageclass", &*fact.storage_class), ("volumename", &*fact.name)])
        .collect();
    page.put("kube_persistentvolumeclaim_info", "always 1", &info, 1.0);
}

/// A series with a label for every pair; none without pairs. Keys that are spelt alike are there once.
fn put_pairs(
    page: &mut Page,
    name: &'static str,
    help: &'static str,
    own: &[(&str, &str)],
    prefix: &str,
    pairs: &Labels,
) {
    if pairs.is_empty() {
        return;
    }
    let spelt: BTreeMap<String, &Arc<str>> =
        pairs.iter().map(|(key, value)| (format!("{prefix}{}", sanitized_key(key)), value)).collect();
    let labels: Vec<(&str, &str)> =
        own.iter().copied().chain(spelt.iter().map(|(key, value)| (key.as_str(), &***value))).collect();
    page.put(name, help, &labels, 1.0);
}
