//! Pods as workloads, with their lives and what they ask for.
//!
//! A pod is paid for from the moment it is bound to a node, whether its images are there or not: it holds its requests from
//! then on (reference section 1.2, item 12, #2960). It is paid for until its last container has ended. Its containers share
//! its life (item 3); plain init containers have no row, what they ask for is not more than the pod holds anyway.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Namespace, PodSpec, ResourceRequirements, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use rustc_hash::FxHashMap;
use supercargo_api::Pod;

use crate::collector::known::{Identity, KnownContainer, KnownPod, SharedTexts, is_still};
use crate::collector::nodes::{GPU_RESOURCES, milli, whole};
use crate::collector::owners::{Named, Owners};
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

/// A pod that was there in the stretch.
pub(super) struct LivePod<'a> {
    pub pod: &'a Pod,
    /// What of its life lies in the stretch.
    pub life: Interval,
    /// As in [`running`].
    pub containers: &'a [KnownContainer],
}

/// What pods are looked up in.
pub(super) struct Surroundings<'a> {
    cluster: Arc<str>,
    namespaces: FxHashMap<&'a str, (Labels, Labels)>,
    /// Services by namespace and one label of their selector.
    services: FxHashMap<(&'a str, &'a str, &'a str), Vec<&'a Service>>,
    owners: Owners<'a>,
    provider_ids: FxHashMap<&'a str, Arc<str>>,
    shared: SharedTexts,
}

impl<'a> Surroundings<'a> {
    pub fn new(
        cluster: &Arc<str>,
        namespaces: &[&'a Namespace],
        services: &[Seen<'a, Service>],
        owners: Owners<'a>,
        provider_ids: FxHashMap<&'a str, Arc<str>>,
        shared: SharedTexts,
    ) -> Surroundings<'a> {
        let named = namespaces.iter().copied().map(|namespace| {
            let metadata = &namespace.metadata;
            let both = (shared.map(metadata.labels.as_ref()), shared.map(metadata.annotations.as_ref()));
            (metadata.name.as_deref().unwrap_or_default(), both)
        });
        let mut by_label: FxHashMap<_, Vec<&Service>> = FxHashMap::default();
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
            shared,
        }
    }

    /// Gives back texts and maps.
    pub fn into_shared(self) -> SharedTexts {
        self.shared
    }

    /// Whether a pod is who it was, and whether nothing at all has to be noted of it.
    pub fn still(&self, pod: &Pod, known: &KnownPod) -> (bool, bool) {
        let Some(spec) = pod.shared_spec() else { return (false, true) };
        let before = &known.identity;
        let version = pod.metadata.resource_version.as_deref().unwrap_or_default();
        // an object of one version is one object
        let same_object = !version.is_empty() && *before.version == *version;
        let first = before.containers.first().map(|first| &*first.workload);
        let still = first
            .is_some_and(|first| (same_object || is_same_pod(first, pod)) && self.surround_still(first, pod));
        let same_spec = before.spec.as_ref().is_some_and(|before| Arc::ptr_eq(before, spec));
        (still, still && same_spec && (same_object || before.version.is_empty() && version.is_empty()))
    }

    /// Who a pod is. Containers that are known stay the same if it is `still` who it was.
    pub fn identity(&self, pod: &Pod, known: &KnownPod, still: bool) -> Option<Identity> {
        let spec = pod.shared_spec()?;
        let before = &known.identity;
        let version = pod.metadata.resource_version.as_deref().unwrap_or_default();
        let mut template: Option<Workload> = None;
        let mut containers = Vec::with_capacity(spec.containers.len());
        for container in running(spec) {
            let known = before.containers.iter().find(|known| *known.workload.container == *container.name);
            let workload = match known {
                Some(known) if still => Arc::clone(&known.workload),
                _ => {
                    let template = template.get_or_insert_with(|| self.workload(pod));
                    let container = self.shared.text(&container.name);
                    Arc::new(Workload { container, ..template.clone() })
                }
            };
            containers.push(KnownContainer { workload, asked: asked(container) });
        }
        Some(Identity { version: version.into(), spec: Some(Arc::clone(spec)), containers })
    }

    /// Whether a workload's surroundings are what [`Surroundings::workload`] would say of its pod.
    fn surround_still(&self, known: &Workload, pod: &Pod) -> bool {
        let metadata = &pod.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let node = pod.node_name().unwrap_or_default();
        let same = |known: &Labels, labels: Option<&Labels>| match labels {
            Some(labels) => Arc::ptr_eq(known, labels) || known == labels,
            None => known.is_empty(),
        };
        let of_namespace = self.namespaces.get(namespace);
        same(&known.namespace_labels, of_namespace.map(|(labels, _)| labels))
            && same(&known.namespace_annotations, of_namespace.map(|(_, annotations)| annotations))
            && *known.provider_id == *self.provider_ids.get(node).map_or("", |id| &**id)
            && (self.services.is_empty() && known.services.is_empty()
                || known.services.iter().map(|name| &**name).eq(self.services_of(namespace, metadata)))
            && {
                let (controller, root) = self.owners.names_of(metadata).unwrap_or_default();
                let same = |kind: &str, name: &str, (found_kind, found_name): Named<'_>| {
                    *name == *found_name
                        && found_kind.bytes().map(|byte| byte.to_ascii_lowercase()).eq(kind.bytes())
                };
                same(&known.controller_kind, &known.controller, controller)
                    && same(&known.root_kind, &known.root, root)
            }
    }

    fn workload(&self, pod: &Pod) -> Workload {
        let metadata = &pod.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let node = pod.node_name().unwrap_or_default();
        let (namespace_labels, namespace_annotations) =
            self.namespaces.get(namespace).cloned().unwrap_or_default();
        let (controller, root) = self.owners.names_of(metadata).unwrap_or_default();
        let text = |text: &str| self.shared.text(text);
        Workload {
            cluster: Arc::clone(&self.cluster),
            node: text(node),
            namespace: text(namespace),
            pod: metadata.name.as_deref().unwrap_or_default().into(),
            pod_uid: metadata.uid.as_deref().unwrap_or_default().into(),
            controller_kind: text(&controller.0.to_ascii_lowercase()),
            controller: text(controller.1),
            root_kind: text(&root.0.to_ascii_lowercase()),
            root: text(root.1),
            provider_id: self.provider_ids.get(node).cloned().unwrap_or_default(),
            services: self.services_of(namespace, metadata).into_iter().map(text).collect(),
            labels: self.shared.map(metadata.labels.as_ref()),
            annotations: self.shared.map(metadata.annotations.as_ref()),
            namespace_labels,
            namespace_annotations,
            ..Workload::default()
        }
    }

    fn services_of(&self, namespace: &str, pod: &ObjectMeta) -> Vec<&'a str> {
        let labels = pod.labels.iter().flatten();
        let candidates =
            labels.filter_map(|(key, value)| self.services.get(&(namespace, key.as_str(), value.as_str())));
        let selecting = candidates.flatten().filter(|service| selects(service, pod));
        let mut names: Vec<&str> =
            selecting.map(|service| service.metadata.name.as_deref().unwrap_or_default()).collect();
        names.sort_unstable();
        names
    }
}

/// The containers of a pod that have rows: all that run for as long as the pod does.
pub(super) fn running(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    let starting = spec.init_containers.iter().flatten();
    let sidecars = starting.filter(|each| each.restart_policy.as_deref() == Some("Always"));
    spec.containers.iter().chain(sidecars)
}

/// Whether a workload is of a pod as it is, but for what is around it.
fn is_same_pod(known: &Workload, pod: &Pod) -> bool {
    let metadata = &pod.metadata;
    *known.pod == *metadata.name.as_deref().unwrap_or_default()
        && *known.namespace == *metadata.namespace.as_deref().unwrap_or_default()
        && *known.node == *pod.node_name().unwrap_or_default()
        && is_still(&known.labels, metadata.labels.as_ref())
        && is_still(&known.annotations, metadata.annotations.as_ref())
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
