//! Services become EndpointSlices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ObjectReference, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use supercargo_api::Pod;
use supercargo_api::labels::ZONE;
use supercargo_api::selector::Selector;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State, node_of};

use super::pod_template::{name_draws, owner_reference, suffixed};
use crate::conditions::{is_finished, is_ready};

/// Endpoints in a slice.
const SLICE: usize = 100;
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";

/// The controller of EndpointSlices.
#[derive(Debug, Default)]
pub struct EndpointSlices;

impl Controller for EndpointSlices {
    const NAME: &'static str = "endpoints";
    const KINDS: &'static [Kind] = &[Kind::Service, Kind::Pod, Kind::EndpointSlice, Kind::Node];

    fn concerned(&self, change: &Change, state: &State) -> Vec<Key> {
        match change.kind {
            Kind::Service => vec![change.key.clone()],
            Kind::EndpointSlice => {
                let object = change.new.as_ref().or(change.old.as_ref());
                let labels = object.and_then(|slice| slice.metadata().labels.as_ref());
                let service = labels.and_then(|labels| labels.get(SERVICE_NAME));
                service.map(|name| Key::new(change.key.namespace.clone(), name.clone())).into_iter().collect()
            }
            Kind::Pod => {
                let pods: Vec<&Arc<Pod>> = [&change.old, &change.new]
                    .into_iter()
                    .flatten()
                    .filter_map(|object| match object {
                        Object::Pod(pod) => Some(pod),
                        _ => None,
                    })
                    .collect();
                if let [old, new] = pods.as_slice()
                    && is_same_endpoint(old, new)
                {
                    return Vec::new();
                }
                let services = state.services.of_namespace(&change.key.namespace);
                services
                    .filter(|(_, service)| {
                        let selector = selector_of(service);
                        selector.is_some_and(|selector| {
                            pods.iter().any(|pod| selector.matches_optional(pod.metadata.labels.as_ref()))
                        })
                    })
                    .map(|(key, _)| key.clone())
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(service) = state.services.get(key) else { return Decision::nothing() };
        let Some(selector) = selector_of(service) else { return Decision::nothing() };
        if service.metadata.deletion_timestamp.is_some() {
            return Decision::nothing();
        }
        let pods = state.pods.of_namespace(&key.namespace).map(|(_, pod)| &**pod);
        let pods =
            pods.filter(|pod| selector.matches_optional(pod.metadata.labels.as_ref()) && has_address(pod));
        // pods may have different numbers for a named port, and each combination is a slice of its own
        let mut wanted: BTreeMap<String, (Vec<EndpointPort>, BTreeMap<String, Endpoint>)> = BTreeMap::new();
        let by_name = has_named_targets(service);
        let mut last: Option<(String, Vec<EndpointPort>)> = None;
        for pod in pods {
            let (text, ports) = match &last {
                Some(same) if !by_name => same.clone(),
                _ => {
                    let ports = ports(service, pod);
                    let found = (serde_json::to_string(&ports).unwrap_or_default(), ports);
                    last = Some(found.clone());
                    found
                }
            };
            let entry = wanted.entry(text).or_insert_with(|| (ports, BTreeMap::new()));
            entry.1.insert(pod.metadata.name.clone().unwrap_or_default(), endpoint(service, pod, state));
        }
        let slices: Vec<&Arc<EndpointSlice>> = state
            .endpoint_slices
            .of_namespace(&key.namespace)
            .map(|(_, slice)| slice)
            .filter(|slice| {
                let labels = slice.metadata.labels.as_ref();
                let label = |name| labels.and_then(|labels| labels.get(name)).map(String::as_str);
                label(SERVICE_NAME) == Some(key.name.as_str()) && label(MANAGED_BY) == Some(MANAGER)
            })
            .collect();
        reconcile(service, wanted, &slices, state, now).into()
    }
}

/// Keeps endpoints in the slices they are in, fills slices that have room, and makes new ones for the rest.
fn reconcile(
    service: &Arc<Service>,
    mut wanted: BTreeMap<String, (Vec<EndpointPort>, BTreeMap<String, Endpoint>)>,
    slices: &[&Arc<EndpointSlice>],
    state: &State,
    now: Timestamp,
) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut kept: Vec<(&Arc<EndpointSlice>, String, Vec<Endpoint>)> = Vec::new();
    for slice in slices {
        let ports = serde_json::to_string(slice.ports.as_deref().unwrap_or_default()).unwrap_or_default();
        let mut endpoints = Vec::new();
        if let Some((_, group)) = wanted.get_mut(&ports) {
            for known in slice.endpoints.iter().flatten() {
                let name =
                    known.target_ref.as_ref().and_then(|target| target.name.clone()).unwrap_or_default();
                endpoints.extend(group.remove(&name));
            }
        }
        kept.push((slice, ports, endpoints));
    }
    let mut draws = name_draws(&service.metadata, now);
    let namespace = service.metadata.namespace.clone().unwrap_or_default();
    let base = service.metadata.name.clone().unwrap_or_default();
    let mut named = BTreeSet::new();
    for (text, (ports, group)) in wanted {
        let mut rest = group.into_values();
        for (_, _, endpoints) in kept.iter_mut().filter(|(_, ports, _)| *ports == text) {
            let room = SLICE.saturating_sub(endpoints.len());
            endpoints.extend(rest.by_ref().take(room));
        }
        loop {
            let endpoints: Vec<Endpoint> = rest.by_ref().take(SLICE).collect();
            if endpoints.is_empty() {
                break;
            }
            let name = suffixed(&base, &mut draws, |name| {
                named.contains(name) || state.endpoint_slices.named(&namespace, name).is_some()
            });
            named.insert(name.clone());
            actions.push(Action::create(slice(service, name, ports.clone(), endpoints)));
        }
    }
    for (known, _, endpoints) in kept {
        if endpoints.is_empty() {
            actions.push(Action::delete(Kind::EndpointSlice, &**known));
        } else {
            let mut changed = (**known).clone();
            changed.endpoints = Some(endpoints);
            actions.extend(Action::update(Kind::EndpointSlice, &**known, &changed));
        }
    }
    actions
}

fn slice(
    service: &Service,
    name: String,
    ports: Vec<EndpointPort>,
    endpoints: Vec<Endpoint>,
) -> EndpointSlice {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), service.metadata.name.clone().unwrap_or_default());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    let headless = service.spec.as_ref().is_some_and(|spec| spec.cluster_ip.as_deref() == Some("None"));
    if headless {
        labels.insert("service.kubernetes.io/headless".to_owned(), String::new());
    }
    EndpointSlice {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: service.metadata.namespace.clone(),
            labels: Some(labels),
            owner_references: Some(vec![owner_reference(service)]),
            ..ObjectMeta::default()
        },
        address_type: "IPv4".to_owned(),
        endpoints: Some(endpoints),
        ports: Some(ports),
    }
}

fn endpoint(service: &Service, pod: &Pod, state: &State) -> Endpoint {
    let terminating = pod.metadata.deletion_timestamp.is_some();
    let publishes = service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true);
    let serving = is_ready(pod) || publishes;
    let node = node_of(pod);
    let zone = node
        .and_then(|node| state.nodes.get(&Key::cluster(node))?.metadata.labels.as_ref()?.get(ZONE).cloned());
    let spec = pod.spec();
    let same_name = spec.and_then(|spec| spec.subdomain.as_ref()) == service.metadata.name.as_ref();
    Endpoint {
        addresses: pod.status.as_ref().and_then(|status| status.pod_ip.clone()).into_iter().collect(),
        conditions: Some(EndpointConditions {
            ready: Some(serving && !terminating),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        hostname: spec.and_then(|spec| spec.hostname.clone()).filter(|_| same_name),
        node_name: node.map(str::to_owned),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: pod.metadata.namespace.clone(),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
        zone,
        ..Endpoint::default()
    }
}

fn ports(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    ports
        .map(|port| EndpointPort {
            name: Some(port.name.clone().unwrap_or_default()),
            port: number(port, pod),
            protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
            app_protocol: port.app_protocol.clone(),
        })
        .collect()
}

/// Whether ports are found by name in each pod.
fn has_named_targets(service: &Service) -> bool {
    let mut ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    ports.any(|port| matches!(port.target_port, Some(IntOrString::String(_))))
}

fn number(port: &ServicePort, pod: &Pod) -> Option<i32> {
    match &port.target_port {
        None => Some(port.port),
        Some(IntOrString::Int(0)) => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => {
            let containers = pod.spec().into_iter().flat_map(|spec| &spec.containers);
            let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
            ports.find(|known| known.name.as_ref() == Some(name)).map(|known| known.container_port)
        }
    }
}

/// Whether nothing changed that an endpoint shows.
fn is_same_endpoint(old: &Pod, new: &Pod) -> bool {
    is_ready(old) == is_ready(new)
        && has_address(old) == has_address(new)
        && node_of(old) == node_of(new)
        && old.metadata.deletion_timestamp.is_some() == new.metadata.deletion_timestamp.is_some()
        && old.metadata.labels == new.metadata.labels
}

fn has_address(pod: &Pod) -> bool {
    !is_finished(pod) && pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some())
}

fn selector_of(service: &Service) -> Option<Selector> {
    let selector = service.spec.as_ref()?.selector.as_ref().filter(|selector| !selector.is_empty())?;
    Some(Selector::of_labels(selector))
}
