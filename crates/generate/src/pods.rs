//! Pods of workloads: made, waiting, running.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{PersistentVolumeClaimVolumeSource, PodCondition, PodStatus, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use supercargo_api::Pod;
use supercargo_api::pod::Shared;
use supercargo_clock::Randomness;

use crate::metadata::whole;
use crate::names::{nth_suffix, uid};
use crate::workload::{Kind, Workload};

/// The next pod of a workload, waiting for a node.
pub(crate) fn next_pod(workload: &mut Workload, moment: Timestamp, randomness: &mut Randomness) -> Pod {
    let mut pod = workload.template.clone();
    pod.metadata.uid = Some(uid(randomness));
    pod.metadata.creation_timestamp = Some(Time(whole(moment)));
    if workload.kind == Kind::StatefulSet {
        number(&mut pod, workload, workload.made);
    } else {
        let suffix = nth_suffix(5, workload.made.into(), &workload.controller);
        pod.metadata.name = Some(format!("{}-{suffix}", workload.controller));
    }
    pod.status = Some(Shared::from(PodStatus { phase: Some("Pending".to_owned()), ..PodStatus::default() }));
    workload.made += 1;
    pod
}

/// Makes it the pod of this number in its StatefulSet, with the volume of that number.
pub(crate) fn number(pod: &mut Pod, workload: &Workload, ordinal: u32) {
    let name = format!("{}-{ordinal}", workload.name);
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), name.clone());
    labels.insert("apps.kubernetes.io/pod-index".to_owned(), ordinal.to_string());
    pod.metadata.generate_name = Some(format!("{}-", workload.name));
    pod.metadata.name = Some(name);
    if workload.volume_gib.is_some() {
        let source =
            PersistentVolumeClaimVolumeSource { claim_name: claim_name(workload, ordinal), read_only: None };
        let volume =
            Volume { name: "data".to_owned(), persistent_volume_claim: Some(source), ..Volume::default() };
        pod.change_spec(|spec| spec.volumes = Some(vec![volume]));
    }
}

/// The claim that a StatefulSet makes for its pod of this number.
pub(crate) fn claim_name(workload: &Workload, ordinal: u32) -> String {
    format!("data-{}-{ordinal}", workload.name)
}

/// Puts the pod on a node, where it runs since a moment.
pub(crate) fn run(pod: &mut Pod, node: &str, moment: Timestamp) {
    let since = Some(Time(whole(moment)));
    pod.metadata.creation_timestamp.clone_from(&since);
    pod.set_node_name(Some(node));
    let condition = |type_: &str| PodCondition {
        type_: type_.to_owned(),
        status: "True".to_owned(),
        last_transition_time: since.clone(),
        ..PodCondition::default()
    };
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
    pod.status = Some(Shared::from(PodStatus {
        phase: Some("Running".to_owned()),
        start_time: since.clone(),
        conditions: Some(conditions.map(condition).into()),
        ..PodStatus::default()
    }));
}
