//! The last touches: workload objects for the pods that are left, volumes, what nodes last saw, limits.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Map, Value, json};
use supercargo_api::Resources;
use supercargo_api::labels as keys;
use supercargo_api::{Condition, ConditionStatus};

use crate::builder::Builder;
use crate::metadata::{before, metadata, owner, typed, whole};
use crate::node_pools::OLD_AMI;
use crate::options::GenerateError;
use crate::pods::number;
use crate::workload::{Kind, Workload};

/// Of the nodes, so many have drifted, must not be disrupted, or were busy just now.
const DRIFTED: f64 = 0.02;
const PROTECTED: f64 = 0.01;
const BUSY: f64 = 0.05;

impl Builder<'_> {
    /// Finishes the cluster.
    pub(crate) fn finish(&mut self) -> Result<(), GenerateError> {
        self.workload_objects()?;
        self.date_pods();
        self.objects.daemon_sets = self.daemon_sets()?;
        self.finish_nodes();
        self.finish_pools()
    }

    fn workload_objects(&mut self) -> Result<(), GenerateError> {
        self.objects.persistent_volume_claims.clear();
        let pods = self.pods_by_workload();
        for (index, pods) in pods.iter().enumerate() {
            let workload = self.workloads[index].clone();
            if workload.full == 0 {
                continue;
            }
            match workload.kind {
                Kind::Deployment => self.deployment(&workload, pods.len())?,
                Kind::StatefulSet => self.stateful_set(index, &workload, pods)?,
                Kind::Job if pods.is_empty() => {}
                Kind::Job => self.job(&workload, pods.len())?,
            }
        }
        Ok(())
    }

    fn deployment(&mut self, workload: &Workload, replicas: usize) -> Result<(), GenerateError> {
        let hash = workload.controller.rsplit('-').next().unwrap_or_default();
        let mut with_hash = workload.selector();
        with_hash["pod-template-hash"] = json!(hash);
        let mut deployment: k8s_openapi::api::apps::v1::Deployment = typed(
            "Deployment",
            json!({
                "spec": {
                    "replicas": replicas, "selector": { "matchLabels": workload.selector() },
                    "template": template(workload, false),
                },
                "status": {
                    "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
                    "updatedReplicas": replicas,
                },
            }),
        )?;
        deployment.metadata =
            metadata(Some(&workload.namespace), &workload.name, workload.born, &mut self.naming);
        deployment.metadata.uid = Some(workload.uid.clone());
        let mut set: k8s_openapi::api::apps::v1::ReplicaSet = typed(
            "ReplicaSet",
            json!({
                "spec": {
                    "replicas": replicas, "selector": { "matchLabels": with_hash },
                    "template": template(workload, true),
                },
                "status": { "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas },
            }),
        )?;
        set.metadata =
            metadata(Some(&workload.namespace), &workload.controller, workload.born, &mut self.naming);
        set.metadata.uid = Some(workload.controller_uid.clone());
        set.metadata.labels.clone_from(&workload.template.metadata.labels);
        set.metadata.annotations =
            Some([("deployment.kubernetes.io/revision".to_owned(), "1".to_owned())].into());
        set.metadata.owner_references =
            Some(vec![owner("apps/v1", "Deployment", &workload.name, &workload.uid)]);
        self.objects.deployments.push(deployment);
        self.objects.replica_sets.push(set);
        Ok(())
    }

    /// The set, its pods numbered without gaps, and their volumes where the pods are.
    fn stateful_set(
        &mut self,
        index: usize,
        workload: &Workload,
        pods: &[usize],
    ) -> Result<(), GenerateError> {
        for (ordinal, pod) in pods.iter().enumerate() {
            number(&mut self.objects.pods[*pod], workload, ordinal as u32);
            let node = self.objects.pods[*pod].node_name();
            let zone = node.and_then(|node| self.sites.get(node)).map(|site| site.zone.clone());
            if let Some(zone) = zone {
                self.bind_volume(index, ordinal as u32, &zone)?;
            }
        }
        let replicas = pods.len();
        let mut set: k8s_openapi::api::apps::v1::StatefulSet = typed(
            "StatefulSet",
            json!({
                "spec": {
                    "replicas": replicas, "serviceName": workload.name,
                    "selector": { "matchLabels": workload.selector() },
                    "template": template(workload, false),
                    "volumeClaimTemplates": [{
                        "metadata": { "name": "data" },
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "storageClassName": crate::workloads::STORAGE_CLASS,
                            "resources": { "requests": { "storage": format!("{}Gi", workload.volume_gib.unwrap_or(20)) } },
                        },
                    }],
                },
                "status": { "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas },
            }),
        )?;
        set.metadata = metadata(Some(&workload.namespace), &workload.name, workload.born, &mut self.naming);
        set.metadata.uid = Some(workload.uid.clone());
        self.objects.stateful_sets.push(set);
        Ok(())
    }

    fn job(&mut self, workload: &Workload, active: usize) -> Result<(), GenerateError> {
        let mut job: k8s_openapi::api::batch::v1::Job = typed(
            "Job",
            json!({
                "spec": {
                    "parallelism": active, "completions": workload.full as usize + active, "backoffLimit": 5,
                    "selector": { "matchLabels": { "batch.kubernetes.io/job-name": workload.name } },
                    "template": template(workload, true),
                },
                "status": { "active": active, "ready": active, "startTime": whole(workload.born) },
            }),
        )?;
        job.metadata = metadata(Some(&workload.namespace), &workload.name, workload.born, &mut self.naming);
        job.metadata.uid = Some(workload.uid.clone());
        self.objects.jobs.push(job);
        Ok(())
    }

    /// Pods are as old as their workload's last release, and not older than their node.
    fn date_pods(&mut self) {
        for (pod, owner) in self.objects.pods.iter_mut().zip(&self.owners) {
            let Some(workload) = self.workloads.get(*owner as usize) else { continue };
            let node = pod.node_name();
            let Some(site) = node.and_then(|node| self.sites.get(node)) else { continue };
            let ready = site.born.checked_add(SignedDuration::from_secs(60)).unwrap_or(site.born);
            let since = Some(Time(whole(workload.born.max(ready))));
            pod.metadata.creation_timestamp.clone_from(&since);
            if let Some(status) = &mut pod.status {
                status.start_time.clone_from(&since);
                for condition in status.conditions.iter_mut().flatten() {
                    condition.last_transition_time.clone_from(&since);
                }
            }
        }
    }

    /// What claims saw last, and what keeps some from going.
    fn finish_nodes(&mut self) {
        let at = self.options.at;
        for (claim, node) in
            self.objects.node_claims.iter_mut().zip(self.objects.nodes.iter_mut().filter(|node| {
                node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(keys::NODEPOOL))
            }))
        {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            let Some(site) = self.sites.get(name) else { continue };
            let (drift, protection, busy) = (self.events.f64(), self.events.f64(), self.events.f64());
            let mut last = site.last_event;
            if self.options.obstacles && busy < BUSY {
                last = last.max(before(at, self.events.below(60) as i64));
            }
            let Some(status) = &mut claim.status else { continue };
            status.last_pod_event_time = Some(Time(whole(last)));
            let conditions = status.conditions.get_or_insert_default();
            let holds = |type_: &str, reason: &str, since| Condition {
                type_: type_.to_owned(),
                status: ConditionStatus::True,
                reason: Some(reason.to_owned()),
                message: Some(String::new()),
                last_transition_time: Some(Time(whole(since))),
                observed_generation: None,
            };
            if last < before(at, SETTLED_SECONDS) {
                let since = last.checked_add(SignedDuration::from_secs(SETTLED_SECONDS)).unwrap_or(last);
                conditions.push(holds("Consolidatable", "Consolidatable", since));
            }
            if self.options.obstacles && drift < DRIFTED {
                status.image_id = Some(OLD_AMI.to_owned());
                conditions.push(holds("Drifted", "AMIDrift", before(at, 5_400)));
            }
            if self.options.obstacles && protection < PROTECTED {
                let annotations = node.metadata.annotations.get_or_insert_default();
                annotations.insert(keys::DO_NOT_DISRUPT.to_owned(), "true".to_owned());
            }
        }
        // The kubelet that reported last did so at the moment of the dump.
        let conditions = self.objects.nodes.first_mut().and_then(|node| node.status.as_mut());
        for condition in conditions.and_then(|status| status.conditions.as_mut()).into_iter().flatten() {
            condition.last_heartbeat_time = Some(Time(whole(at)));
        }
    }

    /// What NodePools have, and limits with some room above.
    fn finish_pools(&mut self) -> Result<(), GenerateError> {
        for pool in &mut self.objects.node_pools {
            let name = pool.metadata.name.clone().unwrap_or_default();
            let mut sum = Resources::new();
            let mut nodes = 0;
            for node in &self.objects.nodes {
                if node.metadata.labels.as_ref().and_then(|labels| labels.get(keys::NODEPOOL)) == Some(&name)
                {
                    let capacity = node.status.as_ref().and_then(|status| status.capacity.as_ref());
                    let read = capacity.map(Resources::from_quantities).transpose();
                    let shape = |error: supercargo_api::quantity::QuantityError| GenerateError::Shape {
                        kind: "Node",
                        problem: error.to_string(),
                    };
                    sum.add_assign(&read.map_err(shape)?.unwrap_or_default());
                    nodes += 1;
                }
            }
            let status = pool.status.get_or_insert_default();
            status.nodes = Some(nodes);
            let mut list = supercargo_api::ResourceList::default();
            list.extend(sum.to_quantities());
            status.resources = Some(list);
            if self.options.obstacles && matches!(name.as_str(), "general" | "spot") {
                let cores = (sum.get("cpu") / 1_000 * 13 / 10).max(16) / 8 * 8 + 8;
                let mut limits = supercargo_api::ResourceList::default();
                limits.extend([(
                    "cpu".to_owned(),
                    k8s_openapi::apimachinery::pkg::api::resource::Quantity(cores.to_string()),
                )]);
                pool.spec.limits = Some(limits);
            }
        }
        Ok(())
    }
}

/// The longest consolidateAfter of the NodePools.
const SETTLED_SECONDS: i64 = 600;

/// The pod template of a workload; of a Deployment and a StatefulSet without what their controllers add.
fn template(workload: &Workload, with_marks: bool) -> Value {
    let mut labels = workload.template.metadata.labels.clone().unwrap_or_default();
    if !with_marks {
        labels.remove("pod-template-hash");
        labels.remove("controller-revision-hash");
    }
    let mut spec =
        serde_json::to_value(workload.template.spec()).unwrap_or_else(|_| Value::Object(Map::new()));
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("priority");
        // Those that admission gives every pod.
        let given = |toleration: &Value| toleration["tolerationSeconds"] == json!(300);
        if let Some(tolerations) = fields.get_mut("tolerations").and_then(Value::as_array_mut) {
            tolerations.retain(|toleration| !given(toleration));
        }
    }
    let mut metadata = json!({ "labels": labels });
    if let Some(annotations) = &workload.template.metadata.annotations {
        metadata["annotations"] = json!(annotations);
    }
    json!({ "metadata": metadata, "spec": spec })
}
