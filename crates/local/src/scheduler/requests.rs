//! What a pod takes of a node, as the scheduler counts it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use supercargo_api::Resources;
use supercargo_api::resources::{CPU, MEMORY, PODS};

/// cpu in millicores that a container without a request counts for in scores.
const UNSAID_CPU: i64 = 100;
/// Memory in bytes that a container without a request counts for in scores.
const UNSAID_MEMORY: i64 = 200 * 1024 * 1024;

/// What a pod requests: the greater of what its containers and sidecars take together and of what its init containers
/// take one after the other beside the sidecars started before them; requests of the pod itself instead, where it has
/// them; and its overhead. One pod is counted too. Quantities that cannot be read count as zero.
pub fn pod_requests(spec: &PodSpec) -> Resources {
    requests_with(spec, |container| resources(container.resources.as_ref()))
}

/// As [`pod_requests`], with an amount for containers that do not say what they take: for scores.
pub(super) fn pod_requests_for_scores(spec: &PodSpec) -> Resources {
    requests_with(spec, |container| {
        let mut requests = resources(container.resources.as_ref());
        for (name, amount) in [(CPU, UNSAID_CPU), (MEMORY, UNSAID_MEMORY)] {
            if !requests.contains(name) {
                requests.set(name, amount);
            }
        }
        requests
    })
}

fn requests_with(spec: &PodSpec, of: impl Fn(&Container) -> Resources) -> Resources {
    let mut running = Resources::new();
    for container in &spec.containers {
        running.add_assign(&of(container));
    }
    let mut sidecars = Resources::new();
    let mut starting = Resources::new();
    for container in spec.init_containers.iter().flatten() {
        let requests = of(container);
        if is_sidecar(container) {
            running.add_assign(&requests);
            sidecars.add_assign(&requests);
            starting = starting.greatest(&sidecars);
        } else {
            let mut beside = sidecars.clone();
            beside.add_assign(&requests);
            starting = starting.greatest(&beside);
        }
    }
    let mut total = running.greatest(&starting);
    for (name, amount) in resources(spec.resources.as_ref()).iter() {
        total.set(name, amount);
    }
    total.add_assign(&quantities(spec.overhead.as_ref()));
    total.set(PODS, 1);
    total
}

/// Whether an init container keeps running beside the others.
pub(crate) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// The requests of a container; a limit without a request is a request.
fn resources(requirements: Option<&ResourceRequirements>) -> Resources {
    let Some(requirements) = requirements else { return Resources::new() };
    let mut requests = quantities(requirements.requests.as_ref());
    for (name, amount) in quantities(requirements.limits.as_ref()).iter() {
        if !requests.contains(name) {
            requests.set(name, amount);
        }
    }
    requests
}

/// Quantities in base units; what cannot be read is zero.
pub(crate) fn quantities(quantities: Option<&BTreeMap<String, Quantity>>) -> Resources {
    let amounts = quantities.into_iter().flatten().map(|(name, quantity)| {
        (name.clone(), supercargo_api::resources::base_units(name, quantity.0.trim()).unwrap_or(0))
    });
    amounts.collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn container(cpu: &str) -> Value {
        json!({"name": "c", "resources": {"requests": {"cpu": cpu}}})
    }

    fn sidecar(cpu: &str) -> Value {
        json!({"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
    }

    #[rstest]
    #[case::containers_add_up(json!({"containers": [container("1"), container("500m")]}), 1500)]
    #[case::the_greatest_init_container_counts(
        json!({"containers": [container("1")], "initContainers": [container("2"), container("3")]}), 3000)]
    #[case::a_sidecar_runs_beside_the_containers(
        json!({"containers": [container("1")], "initContainers": [sidecar("1")]}), 2000)]
    #[case::an_init_container_runs_beside_the_sidecars_before_it(
        json!({"containers": [container("1")], "initContainers": [sidecar("1"), container("3")]}), 4000)]
    #[case::and_not_beside_those_after_it(
        json!({"containers": [container("1")], "initContainers": [container("3"), sidecar("1")]}), 3000)]
    #[case::overhead_comes_on_top(json!({"containers": [container("1")], "overhead": {"cpu": "250m"}}), 1250)]
    #[case::requests_of_the_pod_count_instead(
        json!({"containers": [container("1")], "resources": {"requests": {"cpu": "3"}}}), 3000)]
    #[case::a_limit_without_a_request_is_one(
        json!({"containers": [{"name": "c", "resources": {"limits": {"cpu": "2"}}}]}), 2000)]
    fn cpu_requests(#[case] spec: Value, #[case] expected: i64) {
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        assert_eq!(pod_requests(&spec).get(CPU), expected);
        assert_eq!(pod_requests(&spec).get(PODS), 1);
    }

    #[test]
    fn containers_that_do_not_say_what_they_take_count_in_scores() {
        let spec: PodSpec =
            serde_json::from_value(json!({"containers": [{"name": "a"}, container("1")]})).unwrap();
        let requests = pod_requests_for_scores(&spec);
        assert_eq!((requests.get(CPU), requests.get(MEMORY)), (1100, 2 * UNSAID_MEMORY));
    }
}
