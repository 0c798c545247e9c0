//! DaemonSets, and their pods on each node.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm,
};
use serde_json::{Value, json};
use supercargo_api::Pod;
use supercargo_clock::Randomness;

use crate::builder::{Builder, DAEMON};
use crate::metadata::{before, metadata, owner, typed};
use crate::names::{nth_suffix, suffix, uid};
use crate::options::GenerateError;
use crate::pods::run;

/// Name, millicores, MiB.
const EVERYWHERE: [(&str, i64, i64); 5] = [
    ("aws-node", 50, 64),
    ("kube-proxy", 100, 64),
    ("ebs-csi-node", 30, 120),
    ("node-exporter", 50, 64),
    ("fluent-bit", 50, 100),
];
const DEVICE_PLUGIN: &str = "nvidia-device-plugin";

/// A DaemonSet while the cluster is made up.
#[derive(Clone, Debug)]
pub(crate) struct Daemon {
    pub(crate) name: &'static str,
    uid: String,
    template: Pod,
    only_gpu: bool,
    pub(crate) pods: i32,
}

/// The DaemonSets.
pub(crate) fn daemons(gpu: bool, randomness: &mut Randomness) -> Result<Vec<Daemon>, GenerateError> {
    let plugin = gpu.then_some((DEVICE_PLUGIN, 20, 64));
    EVERYWHERE
        .into_iter()
        .chain(plugin)
        .map(|(name, cpu, memory)| {
            let mut spec = json!({
                "containers": [{
                    "name": name,
                    "image": format!("registry.example.com/{name}:1.20.0"),
                    "resources": { "requests": { "cpu": format!("{cpu}m"), "memory": format!("{memory}Mi") } },
                }],
                "priorityClassName": "system-node-critical",
                "priority": 2_000_001_000,
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "tolerations": [{ "operator": "Exists" }],
            });
            if name == DEVICE_PLUGIN {
                let expression = json!({ "key": "karpenter.k8s.aws/instance-gpu-count", "operator": "Exists" });
                spec["affinity"] = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{ "matchExpressions": [expression] }],
                } } });
            }
            let uid = uid(randomness);
            let labels = json!({ "app.kubernetes.io/name": name, "controller-revision-hash": suffix(10, randomness) });
            let mut template: Pod =
                typed("Pod", json!({ "metadata": { "namespace": "kube-system", "labels": labels }, "spec": spec }))?;
            template.metadata.generate_name = Some(format!("{name}-"));
            template.metadata.owner_references = Some(vec![owner("apps/v1", "DaemonSet", name, &uid)]);
            Ok(Daemon { name, uid, template, only_gpu: name == DEVICE_PLUGIN, pods: 0 })
        })
        .collect()
}

impl Builder<'_> {
    /// Starts the pods of all DaemonSets that want one on the node.
    pub(crate) fn start_daemons(&mut self, node: &str, gpu: bool, moment: Timestamp) {
        for daemon in &mut self.daemons {
            if daemon.only_gpu && !gpu {
                continue;
            }
            daemon.pods += 1;
            let mut pod = daemon.template.clone();
            pod.metadata.name = Some(format!(
                "{}-{}",
                daemon.name,
                nth_suffix(5, u64::from(daemon.pods.unsigned_abs()), daemon.name)
            ));
            pod.metadata.uid = Some(uid(&mut self.naming));
            pod.change_spec(|spec| pin(spec.affinity.get_or_insert_default(), node));
            run(&mut pod, node, moment);
            self.objects.pods.push(pod);
            self.owners.push(DAEMON);
        }
    }

    /// The DaemonSets as they are at the end.
    pub(crate) fn daemon_sets(&mut self) -> Result<Vec<DaemonSet>, GenerateError> {
        let born = before(self.options.at, 190 * 86_400);
        let made = self.daemons.iter().map(|daemon| {
            let selector = json!({ "app.kubernetes.io/name": daemon.name });
            let mut template = serde_json::to_value(daemon.template.spec()).unwrap_or(Value::Null);
            if let Some(spec) = template.as_object_mut() {
                spec.remove("priority");
            }
            let mut set: DaemonSet = typed(
                "DaemonSet",
                json!({
                    "spec": {
                        "selector": { "matchLabels": selector },
                        "template": { "metadata": { "labels": selector }, "spec": template },
                    },
                    "status": {
                        "currentNumberScheduled": daemon.pods, "desiredNumberScheduled": daemon.pods,
                        "numberAvailable": daemon.pods, "numberMisscheduled": 0, "numberReady": daemon.pods,
                    },
                }),
            )?;
            set.metadata = metadata(Some("kube-system"), daemon.name, born, &mut self.naming);
            set.metadata.uid = Some(daemon.uid.clone());
            Ok(set)
        });
        made.collect()
    }
}

/// Ties the pod to the node by name, as the DaemonSet controller does.
fn pin(affinity: &mut Affinity, node: &str) {
    let field = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![node.to_owned()]),
    };
    let required = affinity
        .node_affinity
        .get_or_insert_with(NodeAffinity::default)
        .required_during_scheduling_ignored_during_execution
        .get_or_insert_with(NodeSelector::default);
    if required.node_selector_terms.is_empty() {
        required.node_selector_terms.push(NodeSelectorTerm::default());
    }
    for term in &mut required.node_selector_terms {
        term.match_fields = Some(vec![field.clone()]);
    }
}
