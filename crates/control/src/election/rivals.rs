//! Who else buys nodes in this cluster.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;

use super::candidate::OWN_IDENTITY;

/// The names of the leases of autoscalers, with whose they are.
pub const LEASE_NAMES: [(&str, RivalKind); 2] = [
    ("cluster-autoscaler", RivalKind::ClusterAutoscaler),
    ("karpenter-leader-election", RivalKind::Karpenter),
];

/// A lease that was renewed within this time is held by somebody who works.
const FRESH: Duration = Duration::from_secs(60);

/// Which autoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RivalKind {
    /// The Kubernetes Cluster Autoscaler.
    ClusterAutoscaler,
    /// Karpenter.
    Karpenter,
}

impl RivalKind {
    /// Its reason in conditions and Events.
    pub fn reason(self) -> &'static str {
        match self {
            Self::ClusterAutoscaler => "ClusterAutoscalerRunning",
            Self::Karpenter => "KarpenterRunning",
        }
    }
}

impl fmt::Display for RivalKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ClusterAutoscaler => "Cluster Autoscaler",
            Self::Karpenter => "Karpenter",
        })
    }
}

/// Another autoscaler that works in this cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Which.
    pub kind: RivalKind,
    /// What was found, in words.
    pub found: String,
    /// How to remove it.
    pub removal: String,
    /// The object by which it was found.
    pub trace: Trace,
}

/// An object that tells of another autoscaler.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// A Deployment, by namespace and name.
    Deployment(String, String),
    /// A lease, by namespace and name.
    Lease(String, String),
}

impl fmt::Display for Rival {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is active: {}; to remove it: {}", self.kind, self.found, self.removal)
    }
}

/// The autoscalers that work among these Deployments and leases, in the order of their names. A Deployment without replicas does
/// not work, and neither does the holder of a lease that was not renewed for a minute.
pub fn rivals<'a>(
    deployments: impl IntoIterator<Item = &'a Deployment>,
    leases: impl IntoIterator<Item = &'a Lease>,
    now: Timestamp,
) -> Vec<Rival> {
    let mut found: Vec<Rival> = deployments.into_iter().filter_map(of_deployment).collect();
    let by_lease: Vec<Rival> = leases
        .into_iter()
        .filter_map(|lease| of_lease(lease, now))
        // a Deployment says more about it than its lease does
        .filter(|rival| found.iter().all(|known| known.kind != rival.kind))
        .collect();
    found.extend(by_lease);
    found.sort_by(|one, other| (one.kind, &one.found).cmp(&(other.kind, &other.found)));
    found
}

fn of_deployment(deployment: &Deployment) -> Option<Rival> {
    let kind = kind_of(deployment)?;
    let metadata = &deployment.metadata;
    let replicas = deployment.spec.replicas.unwrap_or(1);
    if replicas <= 0 || metadata.deletion_timestamp.is_some() {
        return None;
    }
    let name = metadata.name.clone().unwrap_or_default();
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let removal = match release_of(deployment) {
        Some((release, at)) => format!("helm -n {at} uninstall {release}"),
        None => format!("kubectl -n {namespace} scale deployment {name} --replicas=0"),
    };
    let found = format!(
        "Deployment {namespace}/{name} has {replicas} replica{}",
        if replicas == 1 { "" } else { "s" }
    );
    Some(Rival { kind, found, removal, trace: Trace::Deployment(namespace, name) })
}

/// Which autoscaler a Deployment is, by its images and labels.
fn kind_of(deployment: &Deployment) -> Option<RivalKind> {
    let pod = deployment.spec.template.spec.as_ref();
    let images: Vec<&str> = pod
        .iter()
        .flat_map(|pod| &pod.containers)
        .filter_map(|container| container.image.as_deref())
        .collect();
    let label = |key: &str| deployment.metadata.labels.as_ref()?.get(key).map(String::as_str);
    let names = [label("app.kubernetes.io/name"), label("k8s-app"), label("app")];
    let named = |word: &str| names.iter().flatten().any(|name| *name == word);
    let parts = |image: &str| -> Vec<String> {
        let path = image.split('@').next().unwrap_or_default();
        // what follows the last colon is a tag, unless it is a port
        let path = match path.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => path,
            _ => path,
        };
        path.split('/').map(str::to_owned).collect()
    };
    if images.iter().any(|image| parts(image).last().is_some_and(|last| last == "supercargo")) {
        return None;
    }
    let is_autoscaler = |image: &&str| {
        parts(image)
            .last()
            .is_some_and(|last| last == "cluster-autoscaler" || last.starts_with("cluster-autoscaler-"))
    };
    if images.iter().any(is_autoscaler)
        || names.iter().flatten().any(|name| name.ends_with("cluster-autoscaler"))
    {
        return Some(RivalKind::ClusterAutoscaler);
    }
    let is_karpenter = |image: &&str| {
        let parts = parts(image);
        parts.ends_with(&["karpenter".to_owned(), "controller".to_owned()])
    };
    (images.iter().any(is_karpenter) || named("karpenter")).then_some(RivalKind::Karpenter)
}

/// The Helm release that a Deployment belongs to, and its namespace.
fn release_of(deployment: &Deployment) -> Option<(&str, &str)> {
    let annotations = deployment.metadata.annotations.as_ref()?;
    let release = annotations.get("meta.helm.sh/release-name")?;
    let namespace = annotations
        .get("meta.helm.sh/release-namespace")
        .map_or_else(|| deployment.metadata.namespace.as_deref(), |namespace| Some(namespace.as_str()))?;
    Some((release, namespace))
}

fn of_lease(lease: &Lease, now: Timestamp) -> Option<Rival> {
    let name = lease.metadata.name.as_deref()?;
    let (_, kind) = LEASE_NAMES.into_iter().find(|(known, _)| *known == name)?;
    let spec = lease.spec.as_ref()?;
    let holder = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())?;
    if holder.starts_with(OWN_IDENTITY) {
        return None;
    }
    let renewed = spec.renew_time.as_ref()?.0;
    if now.duration_since(renewed).unsigned_abs() > FRESH {
        return None;
    }
    let namespace = lease.metadata.namespace.as_deref().unwrap_or_default();
    let holder: String = holder.chars().take(100).collect();
    Some(Rival {
        kind,
        found: format!("{holder} renewed the lease {namespace}/{name} within the last minute"),
        removal: format!("end the process {holder}, and delete its Deployment"),
        trace: Trace::Lease(namespace.to_owned(), name.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        "2026-03-02T09:00:00Z".parse().unwrap()
    }

    fn deployment(metadata: Value, replicas: Option<i32>, image: &str) -> Deployment {
        serde_json::from_value(json!({
            "metadata": metadata,
            "spec": {"replicas": replicas, "selector": {}, "template": {"spec": {"containers": [{"name": "c", "image": image}]}}},
        }))
        .unwrap()
    }

    fn lease(name: &str, holder: &str, renewed: &str) -> Lease {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "kube-system"},
            "spec": {"holderIdentity": holder, "renewTime": renewed},
        }))
        .unwrap()
    }

    #[rstest]
    #[case::by_image(
        "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0",
        Some(RivalKind::ClusterAutoscaler)
    )]
    #[case::by_image_of_a_processor(
        "example.com:5000/cluster-autoscaler-arm64",
        Some(RivalKind::ClusterAutoscaler)
    )]
    #[case::karpenter("public.ecr.aws/karpenter/controller:1.14.1@sha256:12", Some(RivalKind::Karpenter))]
    #[case::ourselves("ghcr.io/supercargo-dev/supercargo:0.1.0", None)]
    #[case::something_like_it("example.com/cluster-autoscaler/dashboard:1", None)]
    #[case::anything("nginx", None)]
    #[case::nothing("", None)]
    fn an_autoscaler_is_known_by_its_image(#[case] image: &str, #[case] kind: Option<RivalKind>) {
        let deployment = deployment(json!({"name": "x", "namespace": "y"}), None, image);
        assert_eq!(rivals([&deployment], [], now()).first().map(|rival| rival.kind), kind);
    }

    #[rstest]
    #[case("app.kubernetes.io/name", "aws-cluster-autoscaler", Some(RivalKind::ClusterAutoscaler))]
    #[case("k8s-app", "cluster-autoscaler", Some(RivalKind::ClusterAutoscaler))]
    #[case("app.kubernetes.io/name", "karpenter", Some(RivalKind::Karpenter))]
    #[case("team", "karpenter", None)]
    fn an_autoscaler_is_known_by_its_labels(
        #[case] key: &str,
        #[case] value: &str,
        #[case] kind: Option<RivalKind>,
    ) {
        let labels = json!({"name": "x", "namespace": "y", "labels": {key: value}});
        let deployment = deployment(labels, Some(2), "mirror/image");
        assert_eq!(rivals([&deployment], [], now()).first().map(|rival| rival.kind), kind);
    }

    #[test]
    fn what_was_found_is_told_with_how_to_remove_it() {
        let image = "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0";
        let plain =
            deployment(json!({"name": "cluster-autoscaler", "namespace": "kube-system"}), Some(1), image);
        let chart = deployment(
            json!({"name": "karpenter", "namespace": "kube-system", "labels": {"app.kubernetes.io/name": "karpenter"},
                "annotations": {"meta.helm.sh/release-name": "karpenter", "meta.helm.sh/release-namespace": "kube-system"}}),
            Some(2),
            "public.ecr.aws/karpenter/controller:1.14.1",
        );
        let words: Vec<String> =
            rivals([&chart, &plain], [], now()).iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "Cluster Autoscaler is active: Deployment kube-system/cluster-autoscaler has 1 replica; to remove it: kubectl -n kube-system scale deployment cluster-autoscaler --replicas=0",
                "Karpenter is active: Deployment kube-system/karpenter has 2 replicas; to remove it: helm -n kube-system uninstall karpenter",
            ]
        );
    }

    #[test]
    fn one_that_is_scaled_to_nothing_does_not_work() {
        let image = "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0";
        let deployment = deployment(json!({"name": "x", "namespace": "y"}), Some(0), image);
        assert_eq!(rivals([&deployment], [], now()), []);
    }

    #[rstest]
    #[case::fresh(lease("cluster-autoscaler", "ca-7d", "2026-03-02T08:59:30.000000Z"), true)]
    #[case::old(lease("cluster-autoscaler", "ca-7d", "2026-03-02T08:58:30.000000Z"), false)]
    #[case::given_back(lease("cluster-autoscaler", "", "2026-03-02T08:59:59.000000Z"), false)]
    #[case::karpenters(
        lease("karpenter-leader-election", "karpenter-5_8c", "2026-03-02T08:59:59.000000Z"),
        true
    )]
    #[case::our_own(
        lease("karpenter-leader-election", "supercargo_host_1", "2026-03-02T08:59:59.000000Z"),
        false
    )]
    #[case::of_something_else(lease("scheduler", "x", "2026-03-02T08:59:59.000000Z"), false)]
    fn a_lease_tells_while_it_is_fresh(#[case] lease: Lease, #[case] tells: bool) {
        assert_eq!(!rivals([], [&lease], now()).is_empty(), tells);
    }
}
