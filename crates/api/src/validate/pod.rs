//! Whether a pod, or the template of one, can be scheduled at all.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};

use super::affinity::{check_affinity, check_spread, check_tolerations};
use super::metadata::check_labels;
use super::path::At;
use super::problem::Problems;
use super::quantities::{check_list, check_resources};

/// Checks a pod's spec.
pub(crate) fn check_pod_spec(at: &At<'_>, spec: &PodSpec, problems: &mut Problems) {
    if spec.containers.is_empty() {
        problems
            .error(&at.key("containers"), "a pod without containers")
            .right("give at least one container");
    }
    check_containers(&at.key("containers"), &spec.containers, problems);
    check_containers(
        &at.key("initContainers"),
        spec.init_containers.as_deref().unwrap_or_default(),
        problems,
    );
    if let Some(resources) = &spec.resources {
        check_resources(&at.key("resources"), resources, problems);
    }
    if let Some(overhead) = &spec.overhead {
        check_list(&at.key("overhead"), overhead, problems);
    }
    if let Some(labels) = &spec.node_selector {
        check_labels(&at.key("nodeSelector"), labels, problems);
    }
    if let Some(affinity) = &spec.affinity {
        check_affinity(&at.key("affinity"), affinity, problems);
    }
    if let Some(tolerations) = &spec.tolerations {
        check_tolerations(&at.key("tolerations"), tolerations, problems);
    }
    if let Some(constraints) = &spec.topology_spread_constraints {
        check_spread(&at.key("topologySpreadConstraints"), constraints, problems);
    }
}

fn check_containers(at: &At<'_>, containers: &[Container], problems: &mut Problems) {
    for (index, container) in containers.iter().enumerate() {
        let at = at.index(index);
        if let Some(resources) = &container.resources {
            check_resources(&at.key("resources"), resources, problems);
        }
        let at_ports = at.key("ports");
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let at = at_ports.index(index);
            if let Some(port) = port.host_port.filter(|port| !(0..=65535).contains(port)) {
                problems
                    .error(&at.key("hostPort"), format!("port {port} does not exist"))
                    .right("1 to 65535");
            }
        }
    }
}

/// Checks the template of a workload.
pub(crate) fn check_template(at: &At<'_>, template: &PodTemplateSpec, problems: &mut Problems) {
    if let Some(labels) = template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref()) {
        let at = at.key("metadata");
        check_labels(&at.key("labels"), labels, problems);
    }
    match &template.spec {
        Some(spec) => check_pod_spec(&at.key("spec"), spec, problems),
        None => {
            problems.error(&at.key("spec"), "the field is missing").right("say what its pods look like");
        }
    }
}
