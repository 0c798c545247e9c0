//! The mirrored cluster as an observation takes it.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::Pod;
use supercargo_cost::collector::{Owned, Seen, View};
use supercargo_reconcile::{Kind, State, Store};

use crate::gone::Gone;

/// What an observation is made of: whoever measures must be allowed to list and watch it.
pub const KINDS: &[Kind] = &[
    Kind::Namespace,
    Kind::Node,
    Kind::NodeClaim,
    Kind::Pod,
    Kind::PersistentVolume,
    Kind::StorageClass,
    Kind::Service,
    Kind::ReplicaSet,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Job,
    Kind::CronJob,
];

/// The cluster as it is, and what of it went.
pub(crate) fn view<'a>(state: &'a State, gone: &'a Gone) -> View<'a> {
    fn all<'a, T: kube::Resource>(store: &'a Store<T>, gone: &'a [(Arc<T>, i64)]) -> Vec<Seen<'a, T>> {
        let there = store.values().map(|object| Seen { object: &**object, gone: None });
        there.chain(gone.iter().map(|(object, at)| Seen { object: &**object, gone: Some(*at) })).collect()
    }
    fn owned<'a, T: kube::Resource>(kind: Kind, store: &'a Store<T>) -> impl Iterator<Item = Owned> + 'a {
        store.values().filter_map(move |object| Owned::of(kind.name(), metadata(&**object)))
    }
    fn metadata<T: kube::Resource>(object: &T) -> &ObjectMeta {
        object.meta()
    }
    let owners = owned(Kind::ReplicaSet, &state.replica_sets)
        .chain(owned(Kind::Deployment, &state.deployments))
        .chain(owned(Kind::StatefulSet, &state.stateful_sets))
        .chain(owned(Kind::DaemonSet, &state.daemon_sets))
        .chain(owned(Kind::Job, &state.jobs))
        .chain(owned(Kind::CronJob, &state.cron_jobs));
    View {
        nodes: all(&state.nodes, &gone.nodes),
        claims: all(&state.node_claims, &gone.claims),
        pods: all(&state.pods, &gone.pods),
        volumes: all(&state.volumes, &gone.volumes),
        services: all(&state.services, &gone.services),
        namespaces: state.namespaces.values().map(|namespace| &**namespace).collect(),
        storage_classes: state.storage_classes.values().map(|class| &**class).collect(),
        owners: gone.owners.iter().cloned().chain(owners).collect(),
    }
}

/// The nodes on which something runs: they have something to say.
pub(crate) fn busy_nodes(state: &State) -> Vec<Arc<str>> {
    let runs = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
    let nodes = state.nodes.iter().map(|(key, _)| key.name.as_str());
    nodes.filter(|node| state.pods_on(node).any(|(_, pod)| runs(pod))).map(Arc::from).collect()
}

/// A spot node's zone and type, if it is one and says both.
pub(crate) fn spot_offering(
    labels: Option<&std::collections::BTreeMap<String, String>>,
) -> Option<(String, String)> {
    let labels = labels?;
    let spot = labels.get("karpenter.sh/capacity-type").is_some_and(|kind| kind == "spot")
        || labels.get("eks.amazonaws.com/capacityType").is_some_and(|kind| kind == "SPOT");
    let zone = labels.get("topology.kubernetes.io/zone").filter(|_| spot)?;
    let instance_type = labels.get("node.kubernetes.io/instance-type")?;
    Some((zone.clone(), instance_type.clone()))
}
