//! Who a row of the ledger is about.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Labels or annotations, shared by the rows that have them.
pub type Labels = Arc<BTreeMap<Arc<str>, Arc<str>>>;

/// What sort of row it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// A container that ran.
    #[default]
    Container,
    /// A volume or a load balancer that nobody used (`__unmounted__`).
    Unmounted,
    /// What a node had left over (`__idle__`).
    Idle,
    /// What a node keeps for itself, and the fee for the control plane (`__overhead__`).
    Overhead,
    /// Shared costs with nobody to carry them (`__shared__`).
    Shared,
}

impl RowKind {
    /// The name of rows that are not of containers (reference section 1.5).
    pub const fn special_name(self) -> &'static str {
        match self {
            RowKind::Container => "",
            RowKind::Unmounted => UNMOUNTED,
            RowKind::Idle => IDLE,
            RowKind::Overhead => OVERHEAD,
            RowKind::Shared => SHARED,
        }
    }
}

/// Name of idle rows.
pub const IDLE: &str = "__idle__";
/// Name of what a property without a value aggregates to.
pub const UNALLOCATED: &str = "__unallocated__";
/// Name of volumes and load balancers that nobody uses.
pub const UNMOUNTED: &str = "__unmounted__";
/// Name of shared costs that nobody carries.
pub const SHARED: &str = "__shared__";
/// Name of what nodes keep for themselves and what the control plane costs.
pub const OVERHEAD: &str = "__overhead__";

/// A container with everything rows are aggregated and filtered by, as it was in the hour. Ordered by content, so
/// that the order of rows never depends on the order of insertion; replicas of one workload come one after the other
/// ([`Workload::is_replica_of`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Workload {
    /// Id of the cluster.
    pub cluster: Arc<str>,
    /// Name of the node.
    pub node: Arc<str>,
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name of the pod.
    pub pod: Arc<str>,
    /// The pod's uid: pods may reuse a name.
    pub pod_uid: Arc<str>,
    /// Name of the container.
    pub container: Arc<str>,
    /// What sort of row it is.
    pub kind: RowKind,
    /// Kind of the controller in small letters: `deployment`, `statefulset`, `daemonset`, `job`, `cronjob`, `replicaset`,
    /// or whatever owns the pod.
    pub controller_kind: Arc<str>,
    /// Name of the controller.
    pub controller: Arc<str>,
    /// Kind of the first owner of the chain, in small letters; the controller's own if nobody owns it.
    pub root_kind: Arc<str>,
    /// Name of the first owner of the chain.
    pub root: Arc<str>,
    /// The node's provider id.
    pub provider_id: Arc<str>,
    /// Services that select the pod, in order of names.
    pub services: Vec<Arc<str>>,
    /// Labels of the pod.
    pub labels: Labels,
    /// Annotations of the pod.
    pub annotations: Labels,
    /// Labels of the namespace.
    pub namespace_labels: Labels,
    /// Annotations of the namespace.
    pub namespace_annotations: Labels,
}

impl Ord for Workload {
    /// First by what replicas have in common, then by what tells them apart.
    fn cmp(&self, other: &Workload) -> Ordering {
        if std::ptr::eq(self, other) {
            return Ordering::Equal;
        }
        self.common_order(other)
            .then_with(|| text_order(&self.node, &other.node))
            .then_with(|| text_order(&self.provider_id, &other.provider_id))
            .then_with(|| text_order(&self.pod, &other.pod))
            .then_with(|| text_order(&self.pod_uid, &other.pod_uid))
    }
}

impl PartialOrd for Workload {
    fn partial_cmp(&self, other: &Workload) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Texts are mostly shared, and then equal without a look.
fn text_order(one: &Arc<str>, other: &Arc<str>) -> Ordering {
    if Arc::ptr_eq(one, other) { Ordering::Equal } else { one.cmp(other) }
}

/// So are maps.
fn labels_order(one: &Labels, other: &Labels) -> Ordering {
    if Arc::ptr_eq(one, other) { Ordering::Equal } else { one.cmp(other) }
}

impl Workload {
    /// The order by all that replicas of one workload have in common: everything but pod, node and what they are called.
    fn common_order(&self, other: &Workload) -> Ordering {
        text_order(&self.cluster, &other.cluster)
            .then_with(|| self.kind.cmp(&other.kind))
            .then_with(|| text_order(&self.namespace, &other.namespace))
            .then_with(|| text_order(&self.controller_kind, &other.controller_kind))
            .then_with(|| text_order(&self.controller, &other.controller))
            .then_with(|| text_order(&self.root_kind, &other.root_kind))
            .then_with(|| text_order(&self.root, &other.root))
            .then_with(|| text_order(&self.container, &other.container))
            .then_with(|| self.services.cmp(&other.services))
            .then_with(|| labels_order(&self.labels, &other.labels))
            .then_with(|| labels_order(&self.annotations, &other.annotations))
            .then_with(|| labels_order(&self.namespace_labels, &other.namespace_labels))
            .then_with(|| labels_order(&self.namespace_annotations, &other.namespace_annotations))
    }

    /// Whether the two differ at most in pod and node.
    pub fn is_replica_of(&self, other: &Workload) -> bool {
        self.common_order(other) == Ordering::Equal
    }

    /// A row without a container: idle, overhead, shared; `node` may be empty.
    pub fn special(kind: RowKind, cluster: &Arc<str>, node: &Arc<str>, provider_id: &Arc<str>) -> Workload {
        Workload {
            kind,
            cluster: Arc::clone(cluster),
            node: Arc::clone(node),
            provider_id: Arc::clone(provider_id),
            ..Workload::default()
        }
    }

    /// What a volume that nobody uses is booked on (reference section 1.2, item 9). Without a namespace it is the cluster's.
    pub fn unmounted(cluster: &Arc<str>, namespace: &str) -> Workload {
        let (namespace, pod) = match namespace {
            "" => (UNMOUNTED.into(), UNMOUNTED.into()),
            name => (name.into(), format!("{name}-unmounted-pvcs").into()),
        };
        let (cluster, container) = (Arc::clone(cluster), UNMOUNTED.into());
        Workload { cluster, namespace, pod, container, kind: RowKind::Unmounted, ..Workload::default() }
    }

    /// A label of the pod, or else of its namespace (reference section 1.2, item 10). The key may be written as it is or as
    /// Prometheus spells it (`app_kubernetes_io_name`).
    pub fn label(&self, key: &str) -> Option<&str> {
        find(&self.labels, key).or_else(|| find(&self.namespace_labels, key))
    }

    /// An annotation of the pod, or else of its namespace; keys as in [`Workload::label`].
    pub fn annotation(&self, key: &str) -> Option<&str> {
        find(&self.annotations, key).or_else(|| find(&self.namespace_annotations, key))
    }

    /// Labels of the namespace overlaid by those of the pod.
    pub fn effective_labels(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        overlaid(&self.namespace_labels, &self.labels)
    }

    /// Annotations of the namespace overlaid by those of the pod.
    pub fn effective_annotations(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        overlaid(&self.namespace_annotations, &self.annotations)
    }

    /// Whether it is a container's row, or one of something unused: what idle and shared costs are divided among.
    pub const fn is_allocation(&self) -> bool {
        matches!(self.kind, RowKind::Container | RowKind::Unmounted)
    }
}

fn overlaid(below: &Labels, above: &Labels) -> BTreeMap<Arc<str>, Arc<str>> {
    below.iter().chain(above.iter()).map(|(key, value)| (Arc::clone(key), Arc::clone(value))).collect()
}

fn find<'a>(labels: &'a Labels, key: &str) -> Option<&'a str> {
    if let Some(value) = labels.get(key) {
        return Some(value);
    }
    let same =
        |(name, _): &(&Arc<str>, &Arc<str>)| name.len() == key.len() && sanitized(name).eq(sanitized(key));
    labels.iter().find(same).map(|(_, value)| &**value)
}

/// A label key's bytes as Prometheus spells them: what is not a letter, a digit or an underscore becomes one.
fn sanitized(key: &str) -> impl Iterator<Item = u8> {
    key.bytes().map(|byte| if byte.is_ascii_alphanumeric() { byte } else { b'_' })
}

/// A label key as Prometheus spells it.
pub fn sanitized_key(key: &str) -> String {
    key.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Arc::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
    }

    /// Reference section 1.2, item 10.
    #[test]
    fn a_label_of_the_pod_wins_over_the_namespace_and_either_spelling_finds_it() {
        let workload = Workload {
            labels: labels(&[("app.kubernetes.io/name", "web"), ("team", "pod")]),
            namespace_labels: labels(&[("team", "namespace"), ("cost-center", "cc-1")]),
            ..Workload::default()
        };
        assert_eq!(workload.label("app_kubernetes_io_name"), Some("web"));
        assert_eq!(workload.label("app.kubernetes.io/name"), Some("web"));
        assert_eq!(workload.label("team"), Some("pod"));
        assert_eq!(workload.label("cost_center"), Some("cc-1"));
        assert_eq!(workload.label("missing"), None);
        assert_eq!(workload.effective_labels().len(), 3);
    }
}
