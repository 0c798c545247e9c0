//! Every single pod: many series in a big cluster, so they are only written on request.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use supercargo_api::Pod;
use supercargo_api::labels::keys;
use supercargo_reconcile::{controller_of, node_of};

use super::{Observed, age, created};
use crate::metrics::exposition::{Exposition, MetricType};
use crate::metrics::registry::Metrics;

/// A gauge of pods that wait for something: name, help, and since when.
type Waiting<'a> = (&'static str, &'static str, &'a dyn Fn(&Pod) -> Option<Timestamp>);

impl Observed {
    /// Writes the gauges of pods.
    pub(super) fn pods(&self, metrics: &Metrics, now: Timestamp, out: &mut Exposition) {
        if self.pods.is_empty() {
            return;
        }
        let nodes: BTreeMap<&str, &Node> =
            self.nodes.iter().filter_map(|node| Some((node.metadata.name.as_deref()?, &**node))).collect();
        let name = "karpenter_pods_state";
        out.family(name, MetricType::Gauge, "Pod state is the current state of pods");
        for pod in &self.pods {
            let node = node_of(pod).and_then(|node| nodes.get(node).copied());
            out.sample(name, "", state(pod, node), 1.0);
        }
        let times = metrics.pod_times();
        let uid = |pod: &Pod| pod.metadata.uid.clone().unwrap_or_default();
        let waiting: [Waiting<'_>; 5] = [
            (
                "karpenter_pods_unstarted_time_seconds",
                "The time from pod creation until the pod is running, as long as it is not",
                &|pod| created(&pod.metadata).filter(|_| phase(pod) == "Pending"),
            ),
            (
                "karpenter_pods_unbound_time_seconds",
                "The time from pod creation until the pod is bound, as long as it is not",
                &|pod| created(&pod.metadata).filter(|_| node_of(pod).is_none()),
            ),
            (
                "karpenter_pods_provisioning_unstarted_time_seconds",
                "The time from when a place for the pod is first planned until it is running, as long as it is not",
                &|pod| times.planned(&uid(pod)).filter(|_| phase(pod) == "Pending"),
            ),
            (
                "karpenter_pods_provisioning_unbound_time_seconds",
                "The time from when a place for the pod is first planned until it is bound, as long as it is not",
                &|pod| times.planned(&uid(pod)).filter(|_| node_of(pod).is_none()),
            ),
            (
                "karpenter_pods_provisioning_scheduling_undecided_time_seconds",
                "The time from when the pod is first seen until there is a decision about it, as long as there is none",
                &|pod| times.undecided(&uid(pod)).filter(|_| node_of(pod).is_none()),
            ),
        ];
        for (name, help, since) in waiting {
            let mut is_begun = false;
            for pod in &self.pods {
                let Some(since) = since(pod) else { continue };
                if !is_begun {
                    out.family(name, MetricType::Gauge, help);
                    is_begun = true;
                }
                let labels = [
                    ("name", pod.metadata.name.as_deref().unwrap_or_default()),
                    ("namespace", pod.metadata.namespace.as_deref().unwrap_or_default()),
                ];
                out.sample(name, "", labels, age(since, now));
            }
        }
    }
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

fn state<'a>(pod: &'a Pod, node: Option<&'a Node>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let label = |key: &str| -> &'a str {
        node.and_then(|node| node.metadata.labels.as_ref()?.get(key)).map_or("", String::as_str)
    };
    let truth = |it: bool| if it { "true" } else { "false" };
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let all = [
        ("arch", label(keys::ARCH)),
        ("capacity_type", label(keys::CAPACITY_TYPE)),
        ("instance_type", label(keys::INSTANCE_TYPE)),
        ("managed", truth(!label(keys::NODEPOOL).is_empty())),
        ("name", pod.metadata.name.as_deref().unwrap_or_default()),
        ("namespace", pod.metadata.namespace.as_deref().unwrap_or_default()),
        ("node", node_of(pod).unwrap_or_default()),
        ("nodepool", label(keys::NODEPOOL)),
        ("owner", controller_of(&pod.metadata).map_or("", |owner| owner.name.as_str())),
        ("phase", phase(pod)),
        ("ready", truth(ready)),
        ("scheduled", truth(node_of(pod).is_some())),
        ("zone", label(keys::ZONE)),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty())
}
