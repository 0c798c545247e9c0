//! What is there before any workload: namespaces, priorities, storage, and the nodes the controllers run on.

use serde_json::{Value, json};
use supercargo_catalog::{Catalog, NodeClassModel};

use crate::builder::{Builder, Site};
use crate::metadata::{before, owner, typed, whole};
use crate::names::{TEAMS, suffix, uid};
use crate::options::GenerateError;
use crate::pods::{next_pod, run};
use crate::workload::{Kind, Workload};
use crate::workloads::STORAGE_CLASS;

/// Nodes of the node group that runs what everything else needs.
const SYSTEM_NODES: u32 = 2;
/// There is such a node group from this size on.
const WITH_SYSTEM_NODES: u32 = 10;
const SYSTEM_TYPE: &str = "m6i.large";
/// Name, replicas, millicores, MiB.
const SYSTEM_WORKLOADS: [(&str, u32, i64, i64); 3] =
    [("coredns", 2, 100, 70), ("karpenter", 2, 1_000, 1_024), ("metrics-server", 2, 100, 200)];
const DAY: i64 = 86_400;

impl Builder<'_> {
    /// Founds the cluster.
    pub(crate) fn found(&mut self) -> Result<(), GenerateError> {
        let born = whole(before(self.options.at, 200 * DAY));
        for name in ["default", "kube-system"].into_iter().chain(TEAMS) {
            let labels = json!({ "kubernetes.io/metadata.name": name });
            self.objects.namespaces.push(typed(
                "Namespace",
                json!({
                    "metadata": { "name": name, "uid": uid(&mut self.naming), "creationTimestamp": born, "labels": labels },
                    "status": { "phase": "Active" },
                }),
            )?);
        }
        for (name, value) in [
            ("business-critical", 1_000_000),
            ("system-cluster-critical", 2_000_000_000),
            ("system-node-critical", 2_000_001_000),
            ("whenever", -1_000_000),
        ] {
            self.objects.priority_classes.push(typed(
                "PriorityClass",
                json!({
                    "metadata": { "name": name, "uid": uid(&mut self.naming), "creationTimestamp": born },
                    "value": value,
                }),
            )?);
        }
        self.objects.storage_classes.push(typed(
            "StorageClass",
            json!({
                "metadata": {
                    "name": STORAGE_CLASS, "uid": uid(&mut self.naming), "creationTimestamp": born,
                    "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
                },
                "provisioner": "ebs.csi.aws.com",
                "parameters": { "type": "gp3", "encrypted": "true" },
                "volumeBindingMode": "WaitForFirstConsumer",
                "reclaimPolicy": "Delete",
                "allowVolumeExpansion": true,
            }),
        )?);
        if self.options.obstacles && self.options.nodes >= WITH_SYSTEM_NODES {
            self.system_nodes()?;
        }
        Ok(())
    }

    /// A managed node group that is not Karpenter's, with Karpenter on it.
    fn system_nodes(&mut self) -> Result<(), GenerateError> {
        let catalog = Catalog::embedded();
        let model = NodeClassModel::default();
        let Some(instance_type) = catalog.instance_type(&self.options.region, SYSTEM_TYPE, &model) else {
            return Ok(());
        };
        let zones: Vec<String> =
            catalog.zones(&self.options.region).iter().take(3).map(|zone| zone.name.clone()).collect();
        let born = before(self.options.at, 60 * DAY);
        let mut names = Vec::new();
        for number in 0..SYSTEM_NODES as usize {
            let zone = &zones[number % zones.len()];
            let name = self.host_name();
            let mut labels = instance_type.labels.clone();
            labels.retain(|key, _| !key.starts_with("karpenter"));
            labels.insert("topology.kubernetes.io/zone".to_owned(), zone.clone());
            labels.insert("kubernetes.io/hostname".to_owned(), name.clone());
            labels.insert("eks.amazonaws.com/nodegroup".to_owned(), "system".to_owned());
            labels.insert("eks.amazonaws.com/capacityType".to_owned(), "ON_DEMAND".to_owned());
            let node = self.node_object(&name, labels, &instance_type, zone, born)?;
            self.objects.nodes.push(node);
            self.csi_node(&name, instance_type.volume_attachments, born)?;
            self.start_daemons(&name, false, born);
            let site = Site { born, last_event: born, zone: zone.clone() };
            self.sites.insert(name.clone(), site);
            names.push(name);
        }
        for (name, replicas, cpu, memory) in SYSTEM_WORKLOADS {
            let workload = self.system_workload(name, cpu, memory)?;
            let index = self.workloads.len() as u32;
            self.workloads.push(workload);
            for replica in 0..replicas as usize {
                let workload = &mut self.workloads[index as usize];
                workload.full += 1;
                let mut pod = next_pod(workload, born, &mut self.naming);
                run(&mut pod, &names[replica % names.len()], born);
                self.objects.pods.push(pod);
                self.owners.push(index);
            }
        }
        Ok(())
    }

    fn system_workload(&mut self, name: &str, cpu: i64, memory: i64) -> Result<Workload, GenerateError> {
        let (own, controller_uid) = (uid(&mut self.naming), uid(&mut self.naming));
        let hash = suffix(9, &mut self.naming);
        let controller = format!("{name}-{hash}");
        let requests = json!({ "cpu": format!("{cpu}m"), "memory": format!("{memory}Mi") });
        let spec: Value = json!({
            "containers": [{
                "name": "main", "image": format!("registry.example.com/{name}:1.0.0"), "resources": { "requests": requests },
            }],
            "nodeSelector": { "eks.amazonaws.com/nodegroup": "system" },
            "priorityClassName": "system-cluster-critical",
            "priority": 2_000_000_000,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
        });
        let labels = json!({ "app.kubernetes.io/name": name, "pod-template-hash": hash });
        let mut template: supercargo_api::Pod = typed(
            "Pod",
            json!({ "metadata": { "namespace": "kube-system", "labels": labels }, "spec": spec }),
        )?;
        template.metadata.generate_name = Some(format!("{controller}-"));
        template.metadata.owner_references =
            Some(vec![owner("apps/v1", "ReplicaSet", &controller, &controller_uid)]);
        self.taken.insert(format!("kube-system/{name}"));
        Ok(Workload {
            kind: Kind::Deployment,
            namespace: "kube-system".to_owned(),
            name: name.to_owned(),
            uid: own,
            controller,
            controller_uid,
            template,
            volume_gib: None,
            born: before(self.options.at, 60 * DAY),
            made: 0,
            full: 0,
            arrival: 0,
            system: true,
        })
    }
}
