//! Planned nodes become Nodes with their NodeClaims.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use supercargo_api::NodeClaim;
use supercargo_api::labels::{self as keys};
use supercargo_catalog::InstanceType;
use supercargo_engine::market::OFFERING_LABELS;
use supercargo_engine::planned::PlannedNode;
use supercargo_engine::pools::Variant;
use supercargo_engine::snapshot::Snapshot;

use crate::builder::{Builder, Site};
use crate::metadata::{Labels, before, owner, typed, whole};
use crate::names::{hexadecimal, nth_suffix, uid};
use crate::node_pools::{AMIS, NODE_CLASS_HASH, condition, pool_hash};
use crate::options::GenerateError;

/// Of the types that would have done, so many are listed in a claim.
const TYPES_LISTED: usize = 15;

impl Builder<'_> {
    /// Launches a planned node; its name.
    pub(crate) fn launch(
        &mut self,
        snapshot: &Snapshot,
        variant: &Variant,
        planned: &PlannedNode,
        moment: Timestamp,
    ) -> Result<Option<String>, GenerateError> {
        let pool = &snapshot.pools[variant.pool as usize];
        let Some(table) = &pool.table else { return Ok(None) };
        let instance_type = &table.types[planned.chosen as usize];
        let offer = &snapshot.market.keys[planned.offer as usize];
        let name = self.host_name();
        let mut labels: Labels = instance_type.labels.clone();
        labels.extend(variant.labels.clone());
        for key in OFFERING_LABELS {
            labels.extend(offer.label(key).map(|value| (key.to_owned(), value.to_owned())));
        }
        labels.remove(keys::REGISTERED);
        labels.remove(keys::INITIALIZED);
        let mut listed: Vec<&str> =
            planned.types.ones().map(|index| table.types[index].name.as_str()).collect();
        listed.sort_by_key(|listed| *listed != instance_type.name);
        listed.truncate(TYPES_LISTED);
        listed.sort_unstable();

        let claim_name = format!("{}-{}", pool.name, nth_suffix(5, self.bought, &pool.name));
        self.bought += 1;
        let claim = self.claim_object(&claim_name, &name, &labels, instance_type, &listed, moment)?;
        labels.insert(keys::HOSTNAME.to_owned(), name.clone());
        labels.insert(keys::REGISTERED.to_owned(), "true".to_owned());
        labels.insert(keys::INITIALIZED.to_owned(), "true".to_owned());
        let mut node = self.node_object(&name, labels, instance_type, &offer.zone, moment)?;
        let provider_id = claim.status.as_ref().and_then(|status| status.provider_id.clone());
        let spec = node.spec.get_or_insert_default();
        spec.provider_id = provider_id;
        spec.taints = (!pool.taints.is_empty()).then(|| pool.taints.clone());
        let claim_uid = claim.metadata.uid.clone().unwrap_or_default();
        let mut owned = owner("karpenter.sh/v1", "NodeClaim", &claim_name, &claim_uid);
        owned.controller = None;
        node.metadata.owner_references = Some(vec![owned]);
        node.metadata.finalizers = Some(vec![keys::TERMINATION_FINALIZER.to_owned()]);
        let gpu = instance_type.labels.contains_key("karpenter.k8s.aws/instance-gpu-count");
        self.objects.node_claims.push(claim);
        self.objects.nodes.push(node);
        self.csi_node(&name, instance_type.volume_attachments, moment)?;
        self.start_daemons(&name, gpu, moment);
        let site = Site { born: moment, last_event: moment, zone: offer.zone.clone() };
        self.sites.insert(name.clone(), site);
        Ok(Some(name))
    }

    /// The next private host name that is not taken.
    pub(crate) fn host_name(&mut self) -> String {
        let domain = match self.options.region.as_str() {
            "us-east-1" => "ec2.internal".to_owned(),
            region => format!("{region}.compute.internal"),
        };
        loop {
            let number = self.naming.below(1 << 22);
            let name = format!("ip-10-{}-{}-{}.{domain}", number >> 16, number >> 8 & 255, number & 255);
            if !self.sites.contains_key(&name) {
                return name;
            }
        }
    }

    /// A Node that is ready.
    pub(crate) fn node_object(
        &mut self,
        name: &str,
        labels: Labels,
        instance_type: &InstanceType,
        zone: &str,
        moment: Timestamp,
    ) -> Result<Node, GenerateError> {
        let born = whole(moment);
        let heartbeat = whole(before(self.options.at, self.events.below(280) as i64));
        let is = |type_: &str, status: &str, reason: &str| {
            json!({
                "type": type_, "status": status, "reason": reason, "message": "",
                "lastHeartbeatTime": heartbeat, "lastTransitionTime": born,
            })
        };
        let address = name.split('.').next().unwrap_or(name).trim_start_matches("ip-").replace('-', ".");
        typed(
            "Node",
            json!({
                "metadata": {
                    "name": name, "uid": uid(&mut self.naming), "creationTimestamp": born, "labels": labels,
                    "annotations": { "node.alpha.kubernetes.io/ttl": "15" },
                },
                "spec": { "providerID": provider_id(zone, &mut self.naming) },
                "status": {
                    "addresses": [
                        { "type": "InternalIP", "address": address }, { "type": "Hostname", "address": name },
                    ],
                    "capacity": instance_type.capacity.to_quantities(),
                    "allocatable": instance_type.allocatable.to_quantities(),
                    "conditions": [
                        is("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                        is("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                        is("PIDPressure", "False", "KubeletHasSufficientPID"),
                        is("Ready", "True", "KubeletReady"),
                    ],
                },
            }),
        )
    }

    fn claim_object(
        &mut self,
        name: &str,
        node: &str,
        labels: &Labels,
        instance_type: &InstanceType,
        listed: &[&str],
        moment: Timestamp,
    ) -> Result<NodeClaim, GenerateError> {
        let later =
            |seconds: i64| whole(moment.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(moment));
        let pool_name = labels.get(keys::NODEPOOL).cloned().unwrap_or_default();
        let pool =
            self.objects.node_pools.iter().find(|pool| pool.metadata.name.as_ref() == Some(&pool_name));
        let template = pool.map(|pool| pool.spec.template.spec.clone()).unwrap_or_default();
        let pool_uid = pool.and_then(|pool| pool.metadata.uid.clone()).unwrap_or_default();
        let mut requirements: Vec<Value> = template
            .requirements
            .iter()
            .map(|term| serde_json::to_value(term).unwrap_or(Value::Null))
            .collect();
        requirements.push(json!({ "key": keys::NODEPOOL, "operator": "In", "values": [pool_name] }));
        requirements.push(json!({ "key": keys::INSTANCE_TYPE, "operator": "In", "values": listed }));
        let arch = labels.get(keys::ARCH).map(String::as_str).unwrap_or_default();
        let gpu = labels.contains_key("karpenter.k8s.aws/instance-gpu-count");
        let image = AMIS.iter().find(|(_, known, with)| *known == arch && *with == gpu).map(|(id, _, _)| *id);
        let zone = labels.get(keys::ZONE).map(String::as_str).unwrap_or_default();
        let mut conditions: Vec<Value> =
            [("Launched", 3), ("Registered", 28), ("Initialized", 41), ("Ready", 41)]
                .map(|(type_, seconds)| condition(type_, later(seconds)))
                .into();
        conditions.push(condition("ConsistentStateFound", later(60)));
        let mut owned = owner("karpenter.sh/v1", "NodePool", &pool_name, &pool_uid);
        owned.controller = None;
        typed(
            "NodeClaim",
            json!({
                "metadata": {
                    "name": name, "uid": uid(&mut self.naming), "creationTimestamp": whole(moment),
                    "generateName": format!("{pool_name}-"), "labels": labels,
                    "finalizers": [keys::TERMINATION_FINALIZER],
                    "ownerReferences": [owned],
                    "annotations": {
                        "karpenter.sh/nodepool-hash": pool_hash(&pool_name),
                        "karpenter.sh/nodepool-hash-version": "v3",
                        "karpenter.k8s.aws/ec2nodeclass-hash": NODE_CLASS_HASH,
                        "karpenter.k8s.aws/ec2nodeclass-hash-version": "v4",
                    },
                },
                "spec": {
                    "nodeClassRef": template.node_class_ref,
                    "requirements": requirements,
                    "taints": template.taints,
                    "expireAfter": template.expire_after,
                },
                "status": {
                    "capacity": instance_type.capacity.to_quantities(),
                    "allocatable": instance_type.allocatable.to_quantities(),
                    "imageID": image,
                    "nodeName": node,
                    "providerID": provider_id(zone, &mut self.naming),
                    "conditions": conditions,
                },
            }),
        )
    }
}

fn provider_id(zone: &str, naming: &mut supercargo_clock::Randomness) -> String {
    format!("aws:///{zone}/i-0{}", hexadecimal(16, naming))
}
