//! Pods as workloads, with their lives and what they ask for.
//!
//! A pod is paid for from the moment it is bound to a node, whether its images are there or not: it holds its requests from
//! then on (reference section 1.2, item 12, #2960). It is paid for until its last container has ended. Its containers share
//! its life (item 3); plain init containers have no row, what they ask for is not more than the pod holds anyway.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Namespace, ResourceRequirements, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use supercargo_api::Pod;

use crate::collector::known::{KnownPods, SharedMaps, is_still};
use crate::collector::nodes::{GPU_RESOURCES, milli, whole};
use crate::collector::owners::Owners;
use crate::collector::view::Seen;
use crate::interval::Interval;
use crate::workload::{Labels, Workload};

/// A container's requests and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub millicores: u64,
    pub ram_bytes: u64,
    pub milli_gpus: u64,
    pub limit_millicores: u64,
    pub limit_ram_bytes: u64,
}

/// A container of a pod that was there in the stretch.
pub(super) struct LiveContainer {
    pub workload: Arc<Workload>,
    pub asked: Asked,
    /// Names of the pod's volumes that it mounts.
    pub mounts: Vec<String>,
}

/// A pod that was there in the stretch.
pub(super) struct LivePod<'a> {
    pub pod: &'a Pod,
    /// All of its life.
    pub whole: Interval,
    /// What of it lies in the stretch.
    pub life: Interval,
    pub containers: Vec<LiveContainer>,
}

/// What pods are looked up in.
pub(super) struct Surroundings<'a> {
    cluster: Arc<str>,
    namespaces: BTreeMap<&'a str, (Labels, Labels)>,
    /// Services by namespace and one label of their selector.
    services: BTreeMap<(&'a str, &'a str, &'a str), Vec<&'a Service>>,
    owners: Owners<'a>,
    provider_ids: BTreeMap<&'a str, Arc<str>>,
    maps: SharedMaps,
}

impl<'a> Surroundings<'a> {
    pub fn new(
        cluster: &Arc<str>,
        namespaces: &[&'a Namespace],
        services: &[Seen<'a, Service>],
        owners: Owners<'a>,
        provider_ids: BTreeMap<&'a str, Arc<str>>,
        maps: SharedMaps,
    ) -> Surroundings<'a> {
        let named = namespaces.iter().copied().map(|namespace| {
            let metadata = &namespace.metadata;
            let both = (maps.get(metadata.labels.as_ref()), maps.get(metadata.annotations.as_ref()));
            (metadata.name.as_deref().unwrap_or_default(), both)
        });
        let mut by_label: BTreeMap<_, Vec<&Service>> = BTreeMap::new();
        for service in services.iter().map(|seen| seen.object) {
            let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
            if let Some((key, value)) = selector(service).and_then(|selector| selector.iter().next()) {
                by_label.entry((namespace, key.as_str(), value.as_str())).or_default().push(service);
            }
        }
        Surroundings {
            cluster: Arc::clone(cluster),
            namespaces: named.collect(),
            services: by_label,
            owners,
            provider_ids,
            maps,
        }
    }

    /// Gives back the maps.
    pub fn into_maps(self) -> SharedMaps {
        self.maps
    }

    /// A pod in the stretch; none if it was not bound in it. Who is known from before and has not changed stays the same.
    pub fn live(&self, seen: Seen<'a, Pod>, stretch: Interval, known: &KnownPods) -> Option<LivePod<'a>> {
        let pod = seen.object;
        let whole = life(seen)?;
        let life = whole.overlap(stretch);
        if life.is_empty() {
            return None;
        }
        let known = known.of(pod.metadata.uid.as_deref().unwrap_or_default());
        let known = if known.first().is_some_and(|first| self.is_still(first, pod)) { known } else { &[] };
        let fresh = OnceCell::new();
        let who = |name: &str| match known.iter().find(|workload| *workload.container == *name) {
            Some(workload) => Arc::clone(workload),
            None => {
                let template: &Workload = fresh.get_or_init(|| self.workload(pod));
                Arc::new(Workload { container: name.into(), ..template.clone() })
            }
        };
        let spec = pod.spec()?;
        let sidecars = spec
            .init_containers
            .iter()
            .flatten()
            .filter(|each| each.restart_policy.as_deref() == Some("Always"));
        let containers = spec.containers.iter().chain(sidecars).map(|container| LiveContainer {
            workload: who(&container.name),
            asked: asked(container),
            mounts: container.volume_mounts.iter().flatten().map(|mount| mount.name.clone()).collect(),
        });
        Some(LivePod { pod, whole, life, containers: containers.collect() })
    }

    /// Whether a workload is what [`Surroundings::workload`] would say of a pod, but for the container.
    fn is_still(&self, known: &Workload, pod: &Pod) -> bool {
        let metadata = &pod.metadata;
        let (name, namespace) = (metadata.name.as_deref(), metadata.namespace.as_deref().unwrap_or_default());
        let node = pod.node_name().unwrap_or_default();
        let (labels, annotations) = match self.namespaces.get(namespace) {
            Some((labels, annotations)) => (Arc::clone(labels), Arc::clone(annotations)),
            None => Default::default(),
        };
        let of_namespace = |known: &Labels, labels: &Labels| Arc::ptr_eq(known, labels) || known == labels;
        *known.pod == *name.unwrap_or_default()
            && *known.namespace == *namespace
            && *known.node == *node
            && is_still(&known.labels, metadata.labels.as_ref())
            && is_still(&known.annotations, metadata.annotations.as_ref())
            && of_namespace(&known.namespace_labels, &labels)
            && of_namespace(&known.namespace_annotations, &annotations)
            && *known.provider_id == *self.provider_ids.get(node).map_or("", |id| &**id)
            && known.services == self.services_of(namespace, metadata)
            && {
                let ((kind, controller), (root_kind, root)) =
                    self.owners.of_pod(metadata).unwrap_or_default();
                (&known.controller_kind, &known.controller) == (&kind, &controller)
                    && (&known.root_kind, &known.root) == (&root_kind, &root)
            }
    }

    fn workload(&self, pod: &Pod) -> Workload {
        let metadata = &pod.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let node = pod.node_name().unwrap_or_default();
        let (namespace_labels, namespace_annotations) =
            self.namespaces.get(namespace).cloned().unwrap_or_default();
        let ((controller_kind, controller), (root_kind, root)) =
            self.owners.of_pod(metadata).unwrap_or_default();
        Workload {
            cluster: Arc::clone(&self.cluster),
            node: node.into(),
            namespace: namespace.into(),
            pod: metadata.name.as_deref().unwrap_or_default().into(),
            pod_uid: metadata.uid.as_deref().unwrap_or_default().into(),
            controller_kind,
            controller,
            root_kind,
            root,
            provider_id: self.provider_ids.get(node).cloned().unwrap_or_default(),
            services: self.services_of(namespace, metadata),
            labels: self.maps.get(metadata.labels.as_ref()),
            annotations: self.maps.get(metadata.annotations.as_ref()),
            namespace_labels,
            namespace_annotations,
            ..Workload::default()
        }
    }

    fn services_of(&self, namespace: &str, pod: &ObjectMeta) -> Vec<Arc<str>> {
        let labels = pod.labels.iter().flatten();
        let candidates =
            labels.filter_map(|(key, value)| self.services.get(&(namespace, key.as_str(), value.as_str())));
        let selecting = candidates.flatten().filter(|service| selects(service, pod));
        let mut names: Vec<Arc<str>> =
            selecting.map(|service| service.metadata.name.as_deref().unwrap_or_default().into()).collect();
        names.sort();
        names
    }
}

fn selector(service: &Service) -> Option<&BTreeMap<String, String>> {
    service.spec.as_ref()?.selector.as_ref().filter(|selector| !selector.is_empty())
}

/// Whether a Service of the same namespace selects a pod.
pub(super) fn selects(service: &Service, pod: &ObjectMeta) -> bool {
    let Some(selector) = selector(service) else { return false };
    let labels = pod.labels.as_ref();
    selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

fn second(time: &Time) -> i64 {
    time.0.as_second()
}

/// From being bound to the end of the last container; a pod that has not ended lives on until it is gone.
pub(super) fn life(seen: Seen<'_, Pod>) -> Option<Interval> {
    let pod = seen.object;
    let status = pod.status.as_ref();
    pod.node_name().filter(|node| !node.is_empty())?;
    let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    let turned = |kind: &str, value: &str| {
        let condition = conditions.clone().find(|each| each.type_ == kind && each.status == value);
        condition.and_then(|condition| condition.last_transition_time.as_ref())
    };
    let started = status.and_then(|status| status.start_time.as_ref());
    let bound = turned("PodScheduled", "True").or(started);
    let start = bound.or(pod.metadata.creation_timestamp.as_ref()).map_or(i64::MIN, second);
    let ended = matches!(status.and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed"));
    if !ended {
        return Some(seen.since(start));
    }
    let statuses = status.and_then(|status| status.container_statuses.as_ref()).into_iter().flatten();
    let finished = statuses.filter_map(|each| {
        let state = each.state.as_ref()?.terminated.as_ref()?;
        state.finished_at.as_ref().map(second)
    });
    // a pod that was thrown out may have nothing left to say about its containers; one that does not say at all when it
    // ended is not paid for
    finished.max().or_else(|| turned("Ready", "False").map(second)).map(|end| Interval::new(start, end))
}

fn asked(container: &Container) -> Asked {
    let empty = ResourceRequirements::default();
    let resources = container.resources.as_ref().unwrap_or(&empty);
    let request = |name: &str| {
        let limit = || resources.limits.as_ref().and_then(|limits| limits.get(name));
        resources.requests.as_ref().and_then(|requests| requests.get(name)).or_else(limit)
    };
    let limit = |name: &str| resources.limits.as_ref().and_then(|limits| limits.get(name));
    Asked {
        millicores: milli(request("cpu")),
        ram_bytes: whole(request("memory")),
        milli_gpus: GPU_RESOURCES.iter().map(|name| whole(request(name)).saturating_mul(1_000)).sum(),
        limit_millicores: milli(limit("cpu")),
        limit_ram_bytes: whole(limit("memory")),
    }
}
