//! What a pod takes from a node: the scheduler's effective requests (reference section 2.2).
//!
//! Containers and sidecars run together; init containers run one after the other, each beside the sidecars started
//! before it. The pod's request is the larger of the two, plus overhead. Pod-level resources replace the sum where
//! given. An in-place resize counts with the larger of the old and the new value.

use k8s_openapi::api::core::v1::Container;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use supercargo_api::Pod;
use supercargo_api::quantity::{QuantityError, parse_milli, parse_value};

use crate::amounts::{Amounts, PODS, ResourceNames};

/// Why requests cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequestError {
    /// A quantity that is none.
    #[error("resource {resource}: {source}")]
    Quantity {
        /// The resource's name.
        resource: String,
        /// What is wrong with it.
        source: QuantityError,
    },
    /// A request below zero.
    #[error("resource {resource}: a request of {text} is below zero")]
    Negative {
        /// The resource's name.
        resource: String,
        /// The quantity as given.
        text: String,
    },
    /// More extended resources in one snapshot than can be told apart.
    #[error(
        "resource {resource}: too many different extended resources are requested by the pods of this cluster"
    )]
    TooManyResources {
        /// The first resource that found no place.
        resource: String,
    },
}

type Quantities = std::collections::BTreeMap<String, Quantity>;

fn amounts(quantities: Option<&Quantities>, names: &mut ResourceNames) -> Result<Amounts, RequestError> {
    let mut sum = Amounts::ZERO;
    for (resource, quantity) in quantities.into_iter().flatten() {
        let parsed = if resource == "cpu" { parse_milli(&quantity.0) } else { parse_value(&quantity.0) };
        let value = parsed.map_err(|source| RequestError::Quantity { resource: resource.clone(), source })?;
        if value < 0 {
            return Err(RequestError::Negative { resource: resource.clone(), text: quantity.0.clone() });
        }
        if value == 0 {
            continue;
        }
        let place = names
            .intern(resource)
            .ok_or_else(|| RequestError::TooManyResources { resource: resource.clone() })?;
        sum[place] = value;
    }
    Ok(sum)
}

fn container_requests(container: &Container, names: &mut ResourceNames) -> Result<Amounts, RequestError> {
    let Some(resources) = &container.resources else { return Ok(Amounts::ZERO) };
    let mut requests = amounts(resources.requests.as_ref(), names)?;
    // A limit without a request is a request, as the API server defaults it.
    if let Some(limits) = &resources.limits {
        let missing: Quantities = limits
            .iter()
            .filter(|(name, _)| resources.requests.as_ref().is_none_or(|given| !given.contains_key(*name)))
            .map(|(name, quantity)| (name.clone(), quantity.clone()))
            .collect();
        if !missing.is_empty() {
            requests.add(&amounts(Some(&missing), names)?);
        }
    }
    Ok(requests)
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// The effective requests of a pod, one pod included.
///
/// # Errors
/// When a quantity cannot be read or is negative, or too many different resources are in use.
pub fn effective_requests(pod: &Pod, names: &mut ResourceNames) -> Result<Amounts, RequestError> {
    let Some(spec) = pod.spec() else { return Ok(Amounts::ZERO) };
    let statuses =
        pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let mut running = Amounts::ZERO;
    for container in &spec.containers {
        let mut requests = container_requests(container, names)?;
        let allocated = statuses
            .iter()
            .find(|status| status.name == container.name)
            .and_then(|status| status.allocated_resources.as_ref());
        if allocated.is_some() {
            requests = requests.at_least(&amounts(allocated, names)?);
        }
        running.add(&requests);
    }
    let mut sidecars = Amounts::ZERO;
    let mut starting = Amounts::ZERO;
    for container in spec.init_containers.as_deref().unwrap_or_default() {
        let requests = container_requests(container, names)?;
        if is_sidecar(container) {
            sidecars.add(&requests);
            starting = starting.at_least(&sidecars);
        } else {
            starting = starting.at_least(&requests.plus(&sidecars));
        }
    }
    running.add(&sidecars);
    let mut total = running.at_least(&starting);
    if let Some(pod_level) = spec.resources.as_ref() {
        let requested = pod_level.requests.as_ref();
        let stated = amounts(requested, names)?;
        for (name, _) in requested.into_iter().flatten() {
            if let Some(place) = names.place(name) {
                total[place] = stated[place];
            }
        }
    }
    total.add(&amounts(spec.overhead.as_ref(), names)?);
    total[PODS] = 1;
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amounts::{CPU, MEMORY};

    fn pod(spec: serde_json::Value) -> Pod {
        serde_json::from_value(serde_json::json!({ "spec": spec })).unwrap()
    }

    fn cpu_and_memory(spec: serde_json::Value) -> (i64, i64) {
        let mut names = ResourceNames::default();
        let requests = effective_requests(&pod(spec), &mut names).unwrap();
        assert_eq!(requests[PODS], 1);
        (requests[CPU], requests[MEMORY])
    }

    #[test]
    fn containers_add_up() {
        let spec = serde_json::json!({"containers": [
            {"name": "a", "resources": {"requests": {"cpu": "250m", "memory": "1Ki"}}},
            {"name": "b", "resources": {"requests": {"cpu": "1"}}},
        ]});
        assert_eq!(cpu_and_memory(spec), (1250, 1024));
    }

    #[test]
    fn the_largest_init_container_counts_where_it_exceeds_the_sum() {
        let spec = serde_json::json!({
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "1", "memory": "10"}}}],
            "initContainers": [{"name": "i", "resources": {"requests": {"cpu": "3", "memory": "5"}}}],
        });
        assert_eq!(cpu_and_memory(spec), (3000, 10));
    }

    #[test]
    fn a_sidecar_runs_beside_the_init_containers_after_it_and_the_containers() {
        let spec = serde_json::json!({
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}],
            "initContainers": [
                {"name": "early", "resources": {"requests": {"cpu": "4"}}},
                {"name": "mesh", "restartPolicy": "Always", "resources": {"requests": {"cpu": "2"}}},
                {"name": "late", "resources": {"requests": {"cpu": "3"}}},
            ],
        });
        assert_eq!(cpu_and_memory(spec).0, 5000);
    }

    #[test]
    fn overhead_adds_and_pod_level_resources_replace() {
        let spec = serde_json::json!({
            "overhead": {"cpu": "100m"},
            "resources": {"requests": {"cpu": "2"}},
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "1", "memory": "7"}}}],
        });
        assert_eq!(cpu_and_memory(spec), (2100, 7));
    }

    #[test]
    fn a_limit_alone_is_a_request() {
        let spec = serde_json::json!({"containers": [
            {"name": "a", "resources": {"limits": {"cpu": "1", "memory": "7"}, "requests": {"cpu": "500m"}}},
        ]});
        assert_eq!(cpu_and_memory(spec), (500, 7));
    }

    #[test]
    fn a_resize_in_flight_counts_with_the_larger_value() {
        let mut resized = pod(serde_json::json!({"containers": [
            {"name": "a", "resources": {"requests": {"cpu": "1"}}},
        ]}));
        resized.status = serde_json::from_value(serde_json::json!({"containerStatuses": [
            {"name": "a", "image": "", "imageID": "", "ready": true, "restartCount": 0,
             "allocatedResources": {"cpu": "2"}},
        ]}))
        .unwrap();
        assert_eq!(effective_requests(&resized, &mut ResourceNames::default()).unwrap()[CPU], 2000);
    }

    #[test]
    fn a_negative_request_is_an_error_with_its_resource() {
        let bad =
            pod(serde_json::json!({"containers": [{"name": "a", "resources": {"requests": {"cpu": "-1"}}}]}));
        let error = effective_requests(&bad, &mut ResourceNames::default()).unwrap_err();
        assert_eq!(error.to_string(), "resource cpu: a request of -1 is below zero");
    }
}
