//! Termination on a toy cluster, in virtual time.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use supercargo_api::condition_types::{DRAINED, INSTANCE_TERMINATING, VOLUMES_DETACHED};
use supercargo_catalog::{Arch, CapacityType, Tenancy};
use supercargo_cloud::{Action as Call, CloudError, Cluster, Instance, InstanceState, StateChange};
use supercargo_reconcile::toy::Toy;
use supercargo_reconcile::{Key, Kind};

use super::Termination;
use super::node::says;
use crate::Knowledge;
use crate::outside::{CloudAnswer, CloudRequest};
use crate::settings::Settings;

const INSTANCE: &str = "i-0123456789abcdef0";
const PROVIDER: &str = "aws:///us-east-1a/i-0123456789abcdef0";

struct Case {
    toy: Toy,
    knowledge: Arc<Knowledge>,
    state: InstanceState,
    terminations: usize,
}

impl Case {
    fn new() -> Case {
        let knowledge = Arc::new(Knowledge::new(Settings::default(), Cluster::default(), "us-east-1"));
        let toy = Toy::new(vec![Box::new(Termination::new(Arc::clone(&knowledge)))]);
        Case { toy, knowledge, state: InstanceState::Running, terminations: 0 }
    }

    fn claim(&mut self, period: Option<&str>, registered: bool) {
        let mut claim = json!({
            "metadata": {"name": "web-1", "finalizers": ["karpenter.sh/termination"], "labels": {"karpenter.sh/nodepool": "web"}},
            "spec": {"requirements": [], "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}},
            "status": {"providerID": PROVIDER, "nodeName": "node-1", "conditions": []},
        });
        if let Some(period) = period {
            claim["spec"]["terminationGracePeriod"] = json!(period);
        }
        if registered {
            claim["status"]["conditions"] = json!([{"type": "Registered", "status": "True"}]);
        }
        self.toy.create(Kind::NodeClaim, claim);
    }

    fn node(&mut self, ready: &str) {
        self.toy.create(
            Kind::Node,
            json!({
                "metadata": {"name": "node-1", "finalizers": ["karpenter.sh/termination"], "labels": {"karpenter.sh/nodepool": "web"}},
                "spec": {"providerID": PROVIDER},
                "status": {"conditions": [{"type": "Ready", "status": ready}]},
            }),
        );
    }

    fn pod(&mut self, name: &str, annotations: Value) {
        self.toy.create(
            Kind::Pod,
            json!({
                "metadata": {"name": name, "namespace": "shop", "annotations": annotations},
                "spec": {"nodeName": "node-1", "containers": [{"name": "c"}], "terminationGracePeriodSeconds": 20},
                "status": {"phase": "Running"},
            }),
        );
    }

    /// Lets time pass; EC2 answers at once, and an instance takes 20 s to end.
    fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.toy.run(Duration::from_secs(1));
            while let Some((_, ticket, request)) = self.toy.asked.first().cloned() {
                let request: &dyn Any = (*request).as_any();
                let answer = match request.downcast_ref::<CloudRequest>() {
                    Some(CloudRequest::DescribeInstances(_)) => {
                        CloudAnswer::Instances(Ok(vec![self.instance()]))
                    }
                    Some(CloudRequest::TerminateInstances(ids)) => {
                        self.terminations += 1;
                        let change = |id: &String| StateChange {
                            id: id.clone(),
                            previous: self.state,
                            current: InstanceState::ShuttingDown,
                        };
                        let changes = ids.iter().map(change).collect();
                        self.state = InstanceState::ShuttingDown;
                        CloudAnswer::Terminated(Ok(changes))
                    }
                    other => panic!("{other:?}"),
                };
                self.toy.answer(ticket, Box::new(answer));
            }
        }
    }

    fn instance(&self) -> Instance {
        Instance {
            id: INSTANCE.to_owned(),
            instance_type: "m5.large".to_owned(),
            zone: "us-east-1a".to_owned(),
            zone_id: "use1-az1".to_owned(),
            capacity_type: CapacityType::OnDemand,
            reservation_id: None,
            tenancy: Tenancy::Default,
            state: self.state,
            state_reason: None,
            launched_at: self.toy.now,
            image_id: String::new(),
            architecture: Arch::Amd64,
            subnet_id: String::new(),
            security_group_ids: Vec::new(),
            private_ip: None,
            private_dns_name: String::new(),
            instance_profile: None,
            placement_group: None,
            placement_partition: None,
            launch_template: None,
            tags: supercargo_cloud::Tags::default(),
        }
    }

    fn has_claim(&self) -> bool {
        self.toy.state.node_claims.get(&Key::cluster("web-1")).is_some()
    }

    fn has_node(&self) -> bool {
        self.toy.state.nodes.get(&Key::cluster("node-1")).is_some()
    }

    fn claim_says(&self, type_: &str) -> bool {
        says(self.toy.state.node_claims.get(&Key::cluster("web-1")).unwrap(), type_)
    }

    fn has_pod(&self, name: &str) -> bool {
        self.toy.state.pods.named("shop", name).is_some()
    }

    fn delete_claim(&mut self) {
        self.toy.delete(Kind::NodeClaim, &Key::cluster("web-1"));
    }
}

#[test]
fn a_deleted_claim_takes_its_node_pods_and_instance_with_it_section_3_5() {
    let mut case = Case::new();
    case.claim(None, true);
    case.node("True");
    case.pod("web", json!({}));
    case.delete_claim();
    case.run(1);
    let node = case.toy.state.nodes.get(&Key::cluster("node-1")).unwrap();
    let taints = node.spec.as_ref().unwrap().taints.as_ref().unwrap();
    assert_eq!(taints[0].key, "karpenter.sh/disrupted");
    assert_eq!(
        node.metadata.labels.as_ref().unwrap()["node.kubernetes.io/exclude-from-external-load-balancers"],
        "karpenter"
    );
    assert!(case.toy.state.pods.named("shop", "web").unwrap().metadata.deletion_timestamp.is_some());
    assert_eq!(case.toy.said("web", "Evicted"), ["Evicted pod: Terminating"]);
    assert_eq!(case.terminations, 0);
    // the kubelet ends the pod
    case.toy.patch(
        Kind::Pod,
        &Key::new("shop", "web"),
        json!({"metadata": {"deletionGracePeriodSeconds": 0}}),
    );
    case.run(6);
    assert!(case.claim_says(DRAINED) && case.claim_says(VOLUMES_DETACHED));
    case.run(2);
    assert!(case.claim_says(INSTANCE_TERMINATING) && case.has_node());
    case.state = InstanceState::Terminated;
    case.run(6);
    assert_eq!((case.has_node(), case.has_claim(), case.terminations), (false, false, 1));
}

#[test]
fn an_empty_node_is_drained_for_at_least_5_seconds() {
    let mut case = Case::new();
    case.claim(None, true);
    case.node("True");
    case.delete_claim();
    case.run(4);
    assert!(!case.claim_says(DRAINED));
    case.run(2);
    assert!(case.claim_says(DRAINED));
}

#[test]
fn a_claim_that_never_registered_loses_its_instance_without_a_drain() {
    let mut case = Case::new();
    case.claim(None, false);
    case.delete_claim();
    case.run(2);
    assert_eq!(case.terminations, 1);
    case.state = InstanceState::Terminated;
    case.run(6);
    assert!(!case.has_claim());
}

#[test]
fn a_node_that_is_deleted_by_hand_takes_its_claim_with_it() {
    let mut case = Case::new();
    case.claim(None, true);
    case.node("True");
    case.toy.delete(Kind::Node, &Key::cluster("node-1"));
    case.run(10);
    case.state = InstanceState::Terminated;
    case.run(6);
    assert_eq!((case.has_node(), case.has_claim()), (false, false));
}

#[rstest]
#[case::a_node_that_is_not_ready_goes_at_once("Unknown", false)]
#[case::a_ready_one_is_drained_whatever_ec2_says("True", true)]
fn an_instance_that_is_gone_needs_no_drain(#[case] ready: &str, #[case] waits: bool) {
    let mut case = Case::new();
    case.claim(None, true);
    case.node(ready);
    case.pod("web", json!({"karpenter.sh/do-not-disrupt": "true"}));
    case.state = InstanceState::Terminated;
    case.delete_claim();
    case.run(3);
    assert_eq!(case.has_node(), waits);
    assert_eq!(case.has_claim(), waits);
}

#[test]
fn a_protected_pod_is_waited_for_until_the_deadline_and_then_has_its_whole_grace() {
    let mut case = Case::new();
    case.claim(Some("2m"), true);
    case.node("True");
    case.pod("web", json!({"karpenter.sh/do-not-disrupt": "true"}));
    case.delete_claim();
    case.run(1);
    let claim = case.toy.state.node_claims.get(&Key::cluster("web-1")).unwrap();
    let deadline =
        &claim.metadata.annotations.as_ref().unwrap()["karpenter.sh/nodeclaim-termination-timestamp"];
    assert_eq!(deadline, "2026-03-02T09:02:00Z");
    case.run(98);
    assert!(case.toy.state.pods.named("shop", "web").unwrap().metadata.deletion_timestamp.is_none());
    case.run(2);
    let pod = case.toy.state.pods.named("shop", "web").unwrap();
    assert_eq!(pod.metadata.deletion_grace_period_seconds, Some(20));
    assert_eq!(case.toy.said("web", "Disrupted").len(), 1);
    // nobody ends the pod, so after a minute more it is not waited for
    case.run(90);
    assert!(case.claim_says(DRAINED) && case.has_pod("web"));
    case.state = InstanceState::Terminated;
    case.run(6);
    assert!(!case.has_claim());
}

#[test]
fn attached_volumes_are_waited_for() {
    let mut case = Case::new();
    case.claim(None, true);
    case.node("True");
    case.toy.create(
        Kind::VolumeAttachment,
        json!({
            "metadata": {"name": "csi-1"},
            "spec": {"attacher": "ebs.csi.aws.com", "nodeName": "node-1", "source": {"persistentVolumeName": "pv-1"}},
        }),
    );
    case.delete_claim();
    case.run(60);
    assert!(case.claim_says(DRAINED) && !case.claim_says(VOLUMES_DETACHED));
    assert_eq!(
        case.toy.said("node-1", "AwaitingVolumeDetachment"),
        ["Waiting until volumes are detached: csi-1"]
    );
    assert_eq!(case.terminations, 0);
    case.toy.delete(Kind::VolumeAttachment, &Key::cluster("csi-1"));
    case.run(2);
    assert_eq!(case.terminations, 1);
}

#[test]
fn calls_that_fail_are_made_again() {
    let mut case = Case::new();
    case.claim(None, false);
    case.delete_claim();
    case.toy.run(Duration::from_secs(1));
    let (_, ticket, _) = case.toy.asked.first().cloned().unwrap();
    let error = CloudError::new(Call::DescribeInstances, "RequestLimitExceeded", "slow down");
    case.toy.answer(ticket, Box::new(CloudAnswer::Instances(Err(error))));
    case.run(4);
    assert_eq!(case.terminations, 0);
    case.run(3);
    assert_eq!(case.terminations, 1);
}

#[test]
fn a_claim_whose_launch_is_under_way_waits_for_its_instance() {
    let mut case = Case::new();
    case.claim(None, false);
    case.toy.patch(Kind::NodeClaim, &Key::cluster("web-1"), json!({"status": null}));
    let key = Key::cluster("web-1");
    let mut claim = case.toy.state.node_claims.get(&key).unwrap().as_ref().clone();
    claim.status = None;
    let uid = claim.metadata.uid.clone().unwrap();
    let toy = Toy::new(vec![Box::new(Termination::new(Arc::clone(&case.knowledge)))]);
    case.toy = toy;
    case.knowledge.launches().insert(uid);
    case.toy.create(Kind::NodeClaim, serde_json::to_value(&claim).unwrap());
    case.delete_claim();
    case.run(10);
    assert!(case.has_claim());
    case.knowledge.launches().clear();
    case.run(2);
    assert!(!case.has_claim());
}
