//! What a pod takes of a node, read from its object.

use k8s_openapi::api::core::v1::Container;
use supercargo_api::Pod;
use supercargo_api::Resources;

/// Resources that a pod requests, and one pod.
pub(super) fn requests_of(pod: &Pod) -> Resources {
    let mut total = Resources::new();
    let Some(spec) = pod.spec() else { return total };
    for container in &spec.containers {
        total.add_assign(&of_container(container));
    }
    let mut beside = Resources::new();
    let mut starting = Resources::new();
    for container in spec.init_containers.iter().flatten() {
        let requests = of_container(container);
        if container.restart_policy.as_deref() == Some("Always") {
            beside.add_assign(&requests);
            starting = starting.greatest(&beside);
        } else {
            let mut together = requests;
            together.add_assign(&beside);
            starting = starting.greatest(&together);
        }
    }
    total.add_assign(&beside);
    total = total.greatest(&starting);
    if let Some(overhead) = spec.overhead.as_ref().and_then(|list| Resources::from_quantities(list).ok()) {
        total.add_assign(&overhead);
    }
    total.set("pods", 1);
    total
}

fn of_container(container: &Container) -> Resources {
    let resources = container.resources.as_ref();
    let read =
        |list: Option<&_>| list.and_then(|list| Resources::from_quantities(list).ok()).unwrap_or_default();
    let mut requests = read(resources.and_then(|resources| resources.requests.as_ref()));
    let limits = read(resources.and_then(|resources| resources.limits.as_ref()));
    for (name, amount) in limits.iter() {
        if !requests.contains(name) {
            requests.set(name, amount);
        }
    }
    requests
}

/// Host ports: protocol, address, number.
pub(super) fn ports_of(pod: &Pod) -> Vec<(String, String, i32)> {
    let containers = pod.spec().into_iter().flat_map(|spec| &spec.containers);
    containers
        .flat_map(|container| container.ports.iter().flatten())
        .filter_map(|port| {
            let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
            let address = port.host_ip.clone().unwrap_or_default();
            Some((protocol, address, port.host_port.filter(|number| *number > 0)?))
        })
        .collect()
}

/// Whether two host ports cannot both be in use.
pub(super) fn clash(one: &(String, String, i32), other: &(String, String, i32)) -> bool {
    let any = |address: &str| address.is_empty() || address == "0.0.0.0" || address == "::";
    one.0 == other.0 && one.2 == other.2 && (one.1 == other.1 || any(&one.1) || any(&other.1))
}
