//! What nodes can attach, claims of StatefulSets, and the volumes behind them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::builder::Builder;
use crate::metadata::{typed, whole};
use crate::names::{hexadecimal, uid};
use crate::options::GenerateError;
use crate::pods::claim_name;
use crate::workloads::STORAGE_CLASS;

impl Builder<'_> {
    /// Says how many volumes the node may have attached.
    pub(crate) fn csi_node(&mut self, node: &str, count: u32, born: Timestamp) -> Result<(), GenerateError> {
        self.objects.csi_nodes.push(typed(
            "CSINode",
            json!({
                "metadata": { "name": node, "uid": uid(&mut self.naming), "creationTimestamp": whole(born) },
                "spec": { "drivers": [{
                    "name": "ebs.csi.aws.com", "nodeID": format!("i-0{}", hexadecimal(16, &mut self.naming)),
                    "allocatable": { "count": count },
                    "topologyKeys": ["kubernetes.io/os", "topology.kubernetes.io/zone"],
                }] },
            }),
        )?);
        Ok(())
    }

    /// Claims the volume of a StatefulSet's pod, to be made where the pod goes.
    pub(crate) fn claim_volume(&mut self, workload: usize, ordinal: u32) -> Result<(), GenerateError> {
        let claim = self.volume_claim(workload, ordinal, None)?;
        self.objects.persistent_volume_claims.push(typed("PersistentVolumeClaim", claim)?);
        Ok(())
    }

    /// Claims the volume of a StatefulSet's pod, and makes it, in a zone.
    pub(crate) fn bind_volume(
        &mut self,
        workload: usize,
        ordinal: u32,
        zone: &str,
    ) -> Result<(), GenerateError> {
        let volume = format!("pvc-{}", uid(&mut self.naming));
        let claim = self.volume_claim(workload, ordinal, Some(&volume))?;
        let set = &self.workloads[workload];
        self.objects.persistent_volumes.push(typed(
            "PersistentVolume",
            json!({
                "metadata": {
                    "name": volume, "uid": uid(&mut self.naming), "creationTimestamp": whole(set.born),
                    "annotations": { "pv.kubernetes.io/provisioned-by": "ebs.csi.aws.com" },
                },
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "capacity": { "storage": format!("{}Gi", set.volume_gib.unwrap_or(20)) },
                    "claimRef": {
                        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": set.namespace,
                        "name": claim["metadata"]["name"], "uid": claim["metadata"]["uid"],
                    },
                    "csi": {
                        "driver": "ebs.csi.aws.com", "fsType": "ext4",
                        "volumeHandle": format!("vol-0{}", hexadecimal(16, &mut self.naming)),
                    },
                    "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                        { "key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone] },
                    ] }] } },
                    "persistentVolumeReclaimPolicy": "Delete",
                    "storageClassName": STORAGE_CLASS,
                    "volumeMode": "Filesystem",
                },
                "status": { "phase": "Bound" },
            }),
        )?);
        self.objects.persistent_volume_claims.push(typed("PersistentVolumeClaim", claim)?);
        Ok(())
    }

    fn volume_claim(
        &mut self,
        workload: usize,
        ordinal: u32,
        volume: Option<&str>,
    ) -> Result<Value, GenerateError> {
        let set = &self.workloads[workload];
        let storage = json!({ "storage": format!("{}Gi", set.volume_gib.unwrap_or(20)) });
        let mut claim = json!({
            "metadata": {
                "namespace": set.namespace, "name": claim_name(set, ordinal), "uid": uid(&mut self.naming),
                "creationTimestamp": whole(set.born), "labels": set.selector(),
            },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": storage },
                "storageClassName": STORAGE_CLASS,
                "volumeMode": "Filesystem",
            },
            "status": { "phase": "Pending" },
        });
        if let Some(volume) = volume {
            claim["metadata"]["annotations"] = json!({ "pv.kubernetes.io/bind-completed": "yes" });
            claim["spec"]["volumeName"] = json!(volume);
            claim["status"] =
                json!({ "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": storage });
        }
        Ok(claim)
    }
}
