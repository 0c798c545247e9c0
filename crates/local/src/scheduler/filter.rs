//! Whether a pod may go to a node, plugin by plugin in the order of the default profile.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;
use supercargo_api::taint::{NO_SCHEDULE, first_untolerated, tolerates};
use supercargo_reconcile::State;

use super::affinity::AffinityState;
use super::amounts::{Names, PODS_AT, at};
use super::class::{PodClass, Port};
use super::index::{Index, NodeInfo};
use super::node_terms;
use super::spread::SpreadState;
use super::volumes::VolumeState;

/// Why a pod does not go to a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    Unschedulable,
    Taint,
    NodeAffinity,
    Ports,
    /// The resource's position, and whether the node would be too small even if it were empty.
    Insufficient {
        position: usize,
        hopeless: bool,
    },
    TooManyPods {
        hopeless: bool,
    },
    VolumeLimit,
    VolumeBinding,
    VolumeNode,
    SpreadLabel,
    Spread,
    PodAffinity,
    AntiAffinity,
    ExistingAntiAffinity,
}

impl Reason {
    /// kube-scheduler's words for it.
    pub(super) fn words(&self, names: &Names) -> String {
        match self {
            Reason::Unschedulable => "node(s) were unschedulable".to_owned(),
            Reason::Taint => "node(s) had untolerated taint(s)".to_owned(),
            Reason::NodeAffinity => "node(s) didn't match Pod's node affinity/selector".to_owned(),
            Reason::Ports => "node(s) didn't have free ports for the requested pod ports".to_owned(),
            Reason::Insufficient { position, .. } => format!("Insufficient {}", names.name(*position)),
            Reason::TooManyPods { .. } => "Too many pods".to_owned(),
            Reason::VolumeLimit => "node(s) exceed max volume count".to_owned(),
            Reason::VolumeBinding => "node(s) didn't find available persistent volumes to bind".to_owned(),
            Reason::VolumeNode => "node(s) had volume node affinity conflict".to_owned(),
            Reason::SpreadLabel => {
                "node(s) didn't match pod topology spread constraints (missing required label)".to_owned()
            }
            Reason::Spread => "node(s) didn't match pod topology spread constraints".to_owned(),
            Reason::PodAffinity => "node(s) didn't match pod affinity rules".to_owned(),
            Reason::AntiAffinity => "node(s) didn't match pod anti-affinity rules".to_owned(),
            Reason::ExistingAntiAffinity => {
                "node(s) didn't satisfy existing pods anti-affinity rules".to_owned()
            }
        }
    }

    /// Whether it may be different once other pods have gone.
    pub(super) fn is_curable(&self) -> bool {
        match self {
            Reason::Insufficient { hopeless, .. } | Reason::TooManyPods { hopeless } => !hopeless,
            Reason::Ports
            | Reason::VolumeLimit
            | Reason::Spread
            | Reason::AntiAffinity
            | Reason::ExistingAntiAffinity => true,
            Reason::Unschedulable
            | Reason::Taint
            | Reason::NodeAffinity
            | Reason::VolumeBinding
            | Reason::VolumeNode
            | Reason::SpreadLabel
            | Reason::PodAffinity => false,
        }
    }

    /// What must change for it to be different.
    pub(super) fn cure(&self) -> Cure {
        match self {
            Reason::Unschedulable | Reason::Taint | Reason::NodeAffinity => Cure::NODE,
            Reason::Ports | Reason::Insufficient { .. } | Reason::TooManyPods { .. } => {
                Cure::NODE.and(Cure::POD_GONE)
            }
            Reason::VolumeLimit | Reason::VolumeBinding | Reason::VolumeNode => {
                Cure::NODE.and(Cure::VOLUME).and(Cure::POD_GONE)
            }
            Reason::SpreadLabel => Cure::NODE,
            Reason::Spread | Reason::PodAffinity | Reason::AntiAffinity | Reason::ExistingAntiAffinity => {
                Cure::NODE.and(Cure::POD_GONE).and(Cure::POD_PLACED)
            }
        }
    }
}

/// Kinds of changes that may let a pod be scheduled, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cure(u8);

impl Cure {
    /// A node came or changed.
    pub(super) const NODE: Cure = Cure(1);
    /// A pod left its node.
    pub(super) const POD_GONE: Cure = Cure(2);
    /// A pod was placed, or its labels changed.
    pub(super) const POD_PLACED: Cure = Cure(4);
    /// A claim, a volume or what describes them changed.
    pub(super) const VOLUME: Cure = Cure(8);

    /// Both.
    pub(super) fn and(self, other: Cure) -> Cure {
        Cure(self.0 | other.0)
    }

    /// Whether they have something in common.
    pub(super) fn meets(self, other: Cure) -> bool {
        self.0 & other.0 != 0
    }
}

/// What is asked of every node for one pod, worked out once.
pub(super) struct Question<'a> {
    pub(super) class: &'a PodClass,
    pub(super) spread: SpreadState,
    pub(super) affinity: AffinityState,
    pub(super) volumes: VolumeState,
    /// What pods that are nominated to a node, and no less important, will take there.
    pub(super) nominated: BTreeMap<usize, Vec<i64>>,
}

impl Question<'_> {
    /// Why the pod does not go to the node of a slot; empty if it may.
    pub(super) fn reasons(&self, index: &Index, slot: usize, state: &State) -> Vec<Reason> {
        let node = &index.nodes[slot];
        if let Some(reason) = static_reason(self.class, node) {
            return vec![reason];
        }
        self.changing_reasons(index, slot, state)
    }

    /// As [`reasons`](Self::reasons), where it is known that nothing speaks against the node as such.
    pub(super) fn changing_reasons(&self, index: &Index, slot: usize, state: &State) -> Vec<Reason> {
        let node = &index.nodes[slot];
        if !self.class.ports.iter().all(|port| is_free(node, port)) {
            return vec![Reason::Ports];
        }
        let short = self.shortages(node, self.nominated.get(&slot).map_or(&[], Vec::as_slice));
        if !short.is_empty() {
            return short;
        }
        let rest = [self.volumes.reason(node, state), self.spread.reason(node), self.affinity.reason(node)];
        rest.into_iter().flatten().take(1).collect()
    }

    fn shortages(&self, node: &NodeInfo, nominated: &[i64]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let pods = at(&node.allocatable, PODS_AT);
        if at(&node.requested, PODS_AT) + at(nominated, PODS_AT) + 1 > pods {
            reasons.push(Reason::TooManyPods { hopeless: pods < 1 });
        }
        for (position, requested) in self.class.requests.iter().enumerate() {
            if position == PODS_AT || *requested == 0 {
                continue;
            }
            let total = at(&node.allocatable, position);
            if requested + at(&node.requested, position) + at(nominated, position) > total {
                reasons.push(Reason::Insufficient { position, hopeless: *requested > total });
            }
        }
        reasons
    }
}

/// What speaks against a node as such, whatever is on it.
pub(super) fn static_reason(class: &PodClass, node: &NodeInfo) -> Option<Reason> {
    if node.unschedulable && !tolerates(&class.tolerations, &unschedulable_taint()) {
        return Some(Reason::Unschedulable);
    }
    if first_untolerated(&node.taints, &class.tolerations, false).is_some() {
        return Some(Reason::Taint);
    }
    (!matches_nodes(class, node)).then_some(Reason::NodeAffinity)
}

/// Whether the pod's selector and required affinity want the node.
pub(super) fn matches_nodes(class: &PodClass, node: &NodeInfo) -> bool {
    class.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
        && class
            .required_nodes
            .as_ref()
            .is_none_or(|selector| node_terms::matches(selector, &node.name, &node.labels))
}

fn unschedulable_taint() -> Taint {
    Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: NO_SCHEDULE.to_owned(),
        ..Taint::default()
    }
}

/// Whether a port is free: nobody has the same number and protocol on the same address, or on all.
fn is_free(node: &NodeInfo, port: &Port) -> bool {
    const ANY: &str = "0.0.0.0";
    let (address, protocol, number) = port;
    node.ports.keys().all(|(taken_address, taken_protocol, taken_number)| {
        taken_number != number
            || taken_protocol != protocol
            || (taken_address != address && taken_address != ANY && address != ANY)
    })
}
