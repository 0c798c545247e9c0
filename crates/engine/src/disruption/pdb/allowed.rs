//! How many evictions a PodDisruptionBudget allows, worked out as the cluster's disruption controller does.
//!
//! Healthy are pods that are ready and not on their way out. A percentage is one of the replicas that the pods'
//! controllers ask for, and rounds up; so is what `maxUnavailable` is taken from.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use supercargo_api::Objects;
use supercargo_api::Pod;

/// Kinds whose pods cannot be counted by scale.
const WITHOUT_SCALE: [&str; 4] = ["Job", "DaemonSet", "CronJob", "Node"];

/// Who asks for how many pods, by namespace, kind and name.
pub(super) struct Controllers<'a> {
    pods: &'a [Pod],
    replicas: BTreeMap<(&'a str, &'a str, &'a str), i64>,
    /// The Deployment of a ReplicaSet.
    deployments: BTreeMap<(&'a str, &'a str), &'a str>,
}

/// The numbers behind a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) healthy: i64,
    pub(super) desired: i64,
    pub(super) expected: i64,
}

impl Counted {
    pub(super) fn allowed(&self) -> u32 {
        if self.expected <= 0 {
            return 0;
        }
        u32::try_from((self.healthy - self.desired).max(0)).unwrap_or(u32::MAX)
    }
}

fn place(meta: &ObjectMeta) -> (&str, &str) {
    (meta.namespace.as_deref().unwrap_or("default"), meta.name.as_deref().unwrap_or_default())
}

fn controller(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

impl<'a> Controllers<'a> {
    /// Reads the workloads, if anybody is going to ask.
    pub(super) fn new(objects: &'a Objects, needed: bool) -> Controllers<'a> {
        let mut controllers =
            Controllers { pods: &objects.pods, replicas: BTreeMap::new(), deployments: BTreeMap::new() };
        if !needed {
            return controllers;
        }
        let mut note = |kind: &'a str, meta: &'a ObjectMeta, replicas: Option<i32>| {
            let (namespace, name) = place(meta);
            controllers.replicas.insert((namespace, kind, name), i64::from(replicas.unwrap_or(1)));
        };
        for one in &objects.deployments {
            note("Deployment", &one.metadata, one.spec.replicas);
        }
        for one in &objects.stateful_sets {
            note("StatefulSet", &one.metadata, one.spec.replicas);
        }
        for one in &objects.replica_sets {
            note("ReplicaSet", &one.metadata, one.spec.replicas);
            if let Some(owner) = controller(&one.metadata).filter(|owner| owner.kind == "Deployment") {
                controllers.deployments.insert(place(&one.metadata), &owner.name);
            }
        }
        controllers
    }

    /// The numbers of a budget that selects these pods of the input; why there are none otherwise.
    pub(super) fn count(
        &self,
        object: &PodDisruptionBudget,
        namespace: &str,
        selected: &[u32],
    ) -> Result<Counted, String> {
        let pods: Vec<&Pod> = selected.iter().map(|pod| &self.pods[*pod as usize]).collect();
        let healthy = pods.iter().filter(|pod| is_healthy(pod)).count() as i64;
        let spec = object.spec.as_ref();
        let most = spec.and_then(|spec| spec.max_unavailable.as_ref());
        let least = spec.and_then(|spec| spec.min_available.as_ref());
        let (desired, expected) = match (most, least) {
            (Some(most), _) => {
                let expected = self.expected(namespace, &pods)?;
                ((expected - scaled(most, expected)?).max(0), expected)
            }
            (None, Some(IntOrString::Int(least))) => (i64::from(*least), pods.len() as i64),
            (None, Some(share)) => {
                let expected = self.expected(namespace, &pods)?;
                (scaled(share, expected)?, expected)
            }
            (None, None) => (0, 0),
        };
        Ok(Counted { healthy, desired, expected })
    }

    /// How many pods the controllers of these pods ask for together. Controllers that are not in the input are taken to
    /// ask for those of their pods that are; pods without a controller do not count.
    fn expected(&self, namespace: &str, pods: &[&Pod]) -> Result<i64, String> {
        let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut expected: i64 = 0;
        for pod in pods {
            let Some(owner) = controller(&pod.metadata) else { continue };
            if WITHOUT_SCALE.contains(&owner.kind.as_str()) {
                return Err(format!(
                    "it selects pods of {} {}, which has no number of replicas; use minAvailable with a number",
                    owner.kind, owner.name
                ));
            }
            let deployment = self.deployments.get(&(namespace, owner.name.as_str()));
            let (kind, name) = match deployment {
                Some(deployment)
                    if owner.kind == "ReplicaSet"
                        && self.replicas.contains_key(&(namespace, "Deployment", *deployment)) =>
                {
                    ("Deployment", *deployment)
                }
                _ => (owner.kind.as_str(), owner.name.as_str()),
            };
            match self.replicas.get(&(namespace, kind, name)) {
                Some(replicas) if seen.insert((kind, name)) => expected = expected.saturating_add(*replicas),
                Some(_) => {}
                None => expected = expected.saturating_add(1),
            }
        }
        Ok(expected)
    }
}

fn is_healthy(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    pod.metadata.deletion_timestamp.is_none()
        && conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// A number, or a percentage of the whole, rounded up.
fn scaled(value: &IntOrString, whole: i64) -> Result<i64, String> {
    match value {
        IntOrString::Int(number) => Ok(i64::from(*number)),
        IntOrString::String(text) => {
            let digits =
                text.strip_suffix('%').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let percent =
                digits.and_then(|digits| digits.parse::<i64>().ok()).filter(|percent| *percent <= 100);
            let shown: String = text.chars().take(40).collect();
            let percent = percent.ok_or_else(|| format!("{shown:?} is no percentage such as 50%"))?;
            Ok((percent * whole.max(0) + 99).div_euclid(100))
        }
    }
}
