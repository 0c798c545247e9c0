//! Pods of an hour: who they are, as far as series tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::collector::{Owned, Owners};
use crate::interval::Interval;
use crate::prometheus::grid::{Grid, STEPS};
use crate::prometheus::hour::{Frame, Life, Seen};
use crate::prometheus::machines::provider_ids;
use crate::prometheus::table::{HourTable, Name, PodSeries};
use crate::workload::{Labels, Workload};

/// A pod with its life in the hour.
pub(super) struct Pod<'a> {
    pub name: &'a Name,
    pub uid: Arc<str>,
    pub series: &'a PodSeries,
    pub life: Life,
}

/// Completes pods: what was told without a uid is told of all pods of the name; pods that only their use tells of.
pub(super) fn complete(table: &mut HourTable) {
    for pods in table.pods.values_mut() {
        if pods.len() > 1
            && let Some(nameless) = pods.remove("")
        {
            pods.values_mut().for_each(|pod| pod.complete(&nameless));
        }
    }
    let mut told = table.pods.values().flat_map(BTreeMap::values);
    if told.any(|pod| pod.present & STEPS != 0) {
        return;
    }
    for (name, uses) in &table.uses {
        let pod = table.pods.entry(name.clone()).or_default().entry("".into()).or_default();
        for (container, points) in &uses.ram {
            pod.present |= points.set();
            pod.containers.entry(Arc::clone(container)).or_default();
        }
        for node in uses.node.values() {
            pod.place.note((Arc::clone(node), "".into()), pod.present);
        }
    }
}

impl PodSeries {
    fn complete(&mut self, other: &PodSeries) {
        if self.present == 0 {
            self.present = other.present;
        }
        if self.place.is_empty() {
            self.place = other.place.clone();
        }
        if self.owner.is_empty() {
            self.owner = other.owner.clone();
        }
        if self.labels.is_empty() {
            self.labels = other.labels.clone();
        }
        if self.annotations.is_empty() {
            self.annotations = other.annotations.clone();
        }
        for (mine, theirs) in self.begun.iter_mut().zip(other.begun) {
            *mine = mine.or(theirs);
        }
        self.completed = self.completed.or(other.completed);
        self.claims.extend(other.claims.iter().cloned());
        self.listed.extend(other.listed.iter().cloned());
        self.init.extend(other.init.iter().cloned());
        for (container, amounts) in &other.containers {
            let mine = self.containers.entry(Arc::clone(container)).or_default();
            for (amount, points) in amounts {
                mine.entry(*amount).or_default().fill(points);
            }
        }
    }

    /// Names of containers that have a row, in order.
    pub fn rows(&self) -> Vec<&Arc<str>> {
        if self.listed.is_empty() {
            self.containers.keys().filter(|name| !self.init.contains(*name)).collect()
        } else {
            self.listed.iter().collect()
        }
    }
}

/// All pods that were bound to a node in the hour, in order.
pub(super) fn pods<'a>(table: &'a HourTable, frame: &Frame<'_>) -> Vec<Pod<'a>> {
    let mut found = Vec::new();
    for (name, of_name) in &table.pods {
        for (uid, series) in of_name {
            let known = |seen: &Seen| {
                seen.pods.contains(&(Arc::clone(&name.0), Arc::clone(&name.1), Arc::clone(uid)))
            };
            // one that has ended is no longer there
            let looked = frame.life(series.present & !series.ended, series.begun(), known);
            let life = match looked {
                Some(life) => Some(series.completed_in(life, frame.grid)),
                None => series.brief(frame.grid),
            };
            if let Some(life) = life.filter(|life| !life.stretch.is_empty()) {
                found.push(Pod { name, uid: Arc::clone(uid), series, life });
            }
        }
    }
    found
}

impl PodSeries {
    /// When it was bound, or else the nearest to that.
    fn begun(&self) -> Option<i64> {
        self.begun.into_iter().flatten().next()
    }

    /// A life with the end that the pod tells to the second: up to a step after it was last seen alive.
    fn completed_in(&self, life: Life, grid: Grid) -> Life {
        let ended = self.ended & STEPS != 0;
        match self.completed {
            Some(end) if end > life.stretch.start && (ended || end < life.stretch.end) => {
                let latest = life.stretch.end.saturating_add(grid.step()).min(grid.time(grid.last()));
                let stretch = Interval::new(life.stretch.start, end.min(latest));
                let to = grid.moment(stretch.end as f64).unwrap_or(life.to).max(life.from);
                Life { stretch, to, ..life }
            }
            _ => life,
        }
    }

    /// The life of a pod that came and ended between two looks, by its own times.
    fn brief(&self, grid: Grid) -> Option<Life> {
        let stretch = Interval::new(self.begun()?, self.completed?).overlap(Interval::hour(grid.hour()));
        if stretch.is_empty() || self.present & STEPS == 0 {
            return None;
        }
        let from = grid.moment(stretch.start as f64 + 1.0)?.max(1);
        Some(Life { from, to: grid.moment(stretch.end as f64)?.max(from), stretch })
    }
}

/// What pods are looked up in.
pub(super) struct Directory<'a> {
    table: &'a HourTable,
    cluster: Arc<str>,
    owned: Vec<Owned>,
    provider_ids: BTreeMap<Arc<str>, Arc<str>>,
    /// Names of services by address of an endpoint.
    endpoints: BTreeMap<Name, Vec<Arc<str>>>,
}

impl<'a> Directory<'a> {
    pub fn new(table: &'a HourTable, cluster: &Arc<str>) -> Directory<'a> {
        let last = table.grid.last();
        let owned = table.owners.iter().filter_map(|((kind, namespace, name), told)| {
            Some(Owned {
                kind: (*kind).into(),
                namespace: Arc::clone(namespace),
                name: Arc::clone(name),
                owner: told.at(last)?.clone(),
            })
        });
        let mut endpoints: BTreeMap<Name, Vec<Arc<str>>> = BTreeMap::new();
        for ((namespace, service), series) in &table.services {
            for address in series.endpoints.keys() {
                endpoints
                    .entry((Arc::clone(namespace), Arc::clone(address)))
                    .or_default()
                    .push(Arc::clone(service));
            }
        }
        Directory {
            table,
            cluster: Arc::clone(cluster),
            owned: owned.collect(),
            provider_ids: provider_ids(table),
            endpoints,
        }
    }

    pub fn owners(&self) -> Owners<'_> {
        Owners::new(&self.owned)
    }

    /// The pod as a workload at a moment, without a container.
    pub fn workload(&self, pod: &Pod<'_>, owners: &Owners<'_>, moment: u32) -> Workload {
        let (namespace, name) = pod.name;
        let (node, address) = pod.series.place.at(moment).cloned().unwrap_or_default();
        let told = self.table.namespaces.get(namespace);
        let labels = pod.series.labels.at(moment).cloned().unwrap_or_default();
        let ((controller_kind, controller), (root_kind, root)) =
            owners.of_pod(&metadata(pod, &labels, moment)).unwrap_or_default();
        Workload {
            cluster: Arc::clone(&self.cluster),
            namespace: Arc::clone(namespace),
            pod: Arc::clone(name),
            pod_uid: Arc::clone(&pod.uid),
            controller_kind,
            controller,
            root_kind,
            root,
            provider_id: self.provider_ids.get(&node).cloned().unwrap_or_default(),
            services: self.services(namespace, &labels, &address),
            annotations: pod.series.annotations.at(moment).cloned().unwrap_or_default(),
            namespace_labels: told.and_then(|told| told.0.at(moment)).cloned().unwrap_or_default(),
            namespace_annotations: told.and_then(|told| told.1.at(moment)).cloned().unwrap_or_default(),
            labels,
            node,
            ..Workload::default()
        }
    }

    /// Whether it is the same all the hour.
    pub fn is_constant(&self, pod: &Pod<'_>) -> bool {
        let told = self.table.namespaces.get(&pod.name.0);
        pod.series.place.is_constant()
            && pod.series.owner.is_constant()
            && pod.series.labels.is_constant()
            && pod.series.annotations.is_constant()
            && told.is_none_or(|(labels, annotations)| labels.is_constant() && annotations.is_constant())
    }

    /// Services that select the pod, or have its address among their endpoints.
    fn services(&self, namespace: &Arc<str>, labels: &Labels, address: &Arc<str>) -> Vec<Arc<str>> {
        let by_address = (!address.is_empty())
            .then(|| self.endpoints.get(&(Arc::clone(namespace), Arc::clone(address))))
            .flatten();
        let mut names: Vec<Arc<str>> = by_address.into_iter().flatten().cloned().collect();
        let from: Name = (Arc::clone(namespace), "".into());
        let here = self.table.services.range(from..).take_while(|(name, _)| name.0 == *namespace);
        let selecting = here.filter(|(_, series)| {
            let selectors = series.selector.values();
            selectors
                .filter(|selector| !selector.is_empty())
                .any(|selector| selector.iter().all(|(key, value)| labels.get(key) == Some(value)))
        });
        names.extend(selecting.map(|((_, service), _)| Arc::clone(service)));
        names.sort();
        names.dedup();
        names
    }
}

/// What the pod's metadata would say about its owner.
fn metadata(pod: &Pod<'_>, labels: &Labels, moment: u32) -> ObjectMeta {
    let owner = pod.series.owner.at(moment);
    let owner = owner.map(|(kind, name)| OwnerReference {
        kind: kind.to_string(),
        name: name.to_string(),
        controller: Some(true),
        ..OwnerReference::default()
    });
    let hash = labels.get("pod_template_hash").or_else(|| labels.get("pod-template-hash"));
    let hash = hash.map(|hash| [("pod-template-hash".to_owned(), hash.to_string())].into());
    ObjectMeta {
        namespace: Some(pod.name.0.to_string()),
        labels: hash,
        owner_references: Some(owner.into_iter().collect()),
        ..ObjectMeta::default()
    }
}
