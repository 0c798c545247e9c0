//! What evicting a pod costs, and what forbids it (reference sections 1.6, 4.2, 4.3).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Toleration;
use supercargo_api::Pod;
use supercargo_api::duration::GoDuration;
use supercargo_api::{labels, taint};

use crate::eligibility::{Standing, daemon_set_name, display_name};
use crate::problems::ObjectProblem;

use super::pdb::Pdb;

const LEAST_COST: f64 = -10.0;
const GREATEST_COST: f64 = 10.0;
const DELETION_COSTS_PER_UNIT: f64 = (1_u64 << 27) as f64;
const PRIORITIES_PER_UNIT: f64 = (1_u64 << 25) as f64;

/// One pod of the snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct PodStanding {
    /// What its eviction costs, from -10 to 10: 1 plus its deletion cost over 2^27 plus its priority over 2^25.
    pub eviction_cost: f64,
    /// What becomes of it when its node goes.
    pub moves: PodMove,
    /// Whether it leaves by eviction when its node is drained. Pods that tolerate the taint of a node on its way out,
    /// mirror pods and pods that end anyway do not.
    pub evicted: bool,
    /// The PodDisruptionBudgets that select it, by index in [`Disruption::pdbs`](super::Disruption::pdbs).
    pub pdbs: Vec<u32>,
    /// It is not ready, and its PodDisruptionBudget always lets such pods go.
    pub exempt_from_pdb: bool,
    /// Why it keeps its node from being disrupted.
    pub blocks: Option<PodBlock>,
}

/// What becomes of a pod when its node goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodMove {
    /// Its controller makes another one, which needs a place. A pod of a StatefulSet does even while it is ending.
    Reschedulable,
    /// It belongs to the node: a daemon or mirror pod.
    LeavesWithNode,
    /// It is on its way out.
    Terminating,
}

/// Why a pod keeps its node from being disrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodBlock {
    /// Its annotation `karpenter.sh/do-not-disrupt`.
    DoNotDisrupt {
        /// When a duration given there is over; `None` for `true`.
        until: Option<Timestamp>,
    },
    /// More than one PodDisruptionBudget selects it, so the eviction API refuses.
    SeveralPdbs,
    /// Its PodDisruptionBudget allows no eviction now; by index.
    Pdb(u32),
}

impl PodStanding {
    /// What the pod's own object tells. Its PodDisruptionBudgets are added later.
    pub(super) fn of(
        pod: &Pod,
        daemon: bool,
        priority: i32,
        now: Timestamp,
        problems: &mut Vec<ObjectProblem>,
    ) -> PodStanding {
        let standing = Standing::of(pod);
        let terminating = pod.metadata.deletion_timestamp.is_some();
        let active = !terminating && standing != Standing::Finished;
        let of_node = daemon || standing == Standing::Mirror || daemon_set_name(pod).is_some();
        let moves = if of_node {
            PodMove::LeavesWithNode
        } else if terminating && !is_of_a_stateful_set(pod) {
            PodMove::Terminating
        } else {
            PodMove::Reschedulable
        };
        let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0);
        let mut ignored = |text: &str| {
            let start: String = text.chars().take(40).collect();
            problems.push(ObjectProblem {
                kind: "Pod".to_owned(),
                name: display_name(pod),
                problem: format!(
                    "annotation {}: {start:?} is ignored; write \"true\", or a duration such as 30m",
                    labels::DO_NOT_DISRUPT,
                ),
            });
        };
        let annotations = pod.metadata.annotations.as_ref().filter(|_| active);
        let blocks = protection(annotations, started, now, &mut ignored);
        let tolerations = pod.spec().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
        PodStanding {
            eviction_cost: eviction_cost(pod, priority),
            moves,
            evicted: active && standing != Standing::Mirror && !stays_on_leaving_nodes(tolerations),
            pdbs: Vec::new(),
            exempt_from_pdb: false,
            blocks,
        }
    }
}

impl PodStanding {
    /// A stand-in of a CapacityBuffer: it has no object, nobody evicts it, but it wants a place.
    pub(super) const fn of_a_buffer() -> PodStanding {
        PodStanding {
            eviction_cost: LEAST_COST,
            moves: PodMove::Reschedulable,
            evicted: false,
            pdbs: Vec::new(),
            exempt_from_pdb: false,
            blocks: None,
        }
    }

    /// Adds the PodDisruptionBudgets that select the pod.
    pub(super) fn select(&mut self, selecting: &[u32], pod: &Pod, pdbs: &[Pdb]) {
        self.pdbs = selecting.to_vec();
        let always = |pdb: &u32| pdbs[*pdb as usize].lets_unhealthy_go;
        self.exempt_from_pdb = !self.pdbs.is_empty() && is_unhealthy(pod) && self.pdbs.iter().all(always);
        if !self.evicted || self.blocks.is_some() {
            return;
        }
        self.blocks = match self.pdbs[..] {
            [] => None,
            [_, _, ..] => Some(PodBlock::SeveralPdbs),
            [pdb] if pdbs[pdb as usize].allowed == 0 && !self.exempt_from_pdb => Some(PodBlock::Pdb(pdb)),
            [_] => None,
        };
    }
}

/// Until when a pod with these annotations, which started then, must not be disrupted; the end of time where they say
/// `true`. Nothing if it may be.
pub fn protected_until(
    annotations: Option<&BTreeMap<String, String>>,
    started: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    match protection(annotations, started, now, &mut |_| {})? {
        PodBlock::DoNotDisrupt { until } => Some(until.unwrap_or(Timestamp::MAX)),
        PodBlock::SeveralPdbs | PodBlock::Pdb(_) => None,
    }
}

/// Whether draining a node passes over a pod with these tolerations (reference section 3.5).
pub fn stays_on_leaving_nodes(tolerations: &[Toleration]) -> bool {
    !tolerations.is_empty() && taint::tolerates(tolerations, &taint::disrupted())
}

/// Not ready, and somebody says so.
fn is_unhealthy(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status != "True")
}

/// Reference section 4.3. A deletion cost that cannot be read counts as none, as it does for the controllers.
fn eviction_cost(pod: &Pod, priority: i32) -> f64 {
    let annotations = pod.metadata.annotations.as_ref();
    let deletion_cost = annotations
        .and_then(|annotations| annotations.get(labels::POD_DELETION_COST))
        .and_then(|text| text.parse::<i32>().ok())
        .unwrap_or(0);
    let cost =
        1.0 + f64::from(deletion_cost) / DELETION_COSTS_PER_UNIT + f64::from(priority) / PRIORITIES_PER_UNIT;
    cost.clamp(LEAST_COST, GREATEST_COST)
}

fn is_of_a_stateful_set(pod: &Pod) -> bool {
    pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "StatefulSet")
}

/// Whether do-not-disrupt holds: `true`, or a duration since the pod started that is not over. Anything else is ignored, and
/// told as it is written.
fn protection(
    annotations: Option<&BTreeMap<String, String>>,
    started: Option<Timestamp>,
    now: Timestamp,
    ignored: &mut dyn FnMut(&str),
) -> Option<PodBlock> {
    let text = annotations?.get(labels::DO_NOT_DISRUPT)?;
    if text == "true" {
        return Some(PodBlock::DoNotDisrupt { until: None });
    }
    if text.is_empty() || text == "false" {
        return None;
    }
    let length = match text.parse::<GoDuration>() {
        Ok(length) if length.as_nanos() > 0 => length,
        _ => {
            ignored(text);
            return None;
        }
    };
    // A pod that has not started has all of its time before it.
    let started = started.unwrap_or(now);
    let until = started.checked_add(SignedDuration::from_nanos(length.as_nanos())).unwrap_or(Timestamp::MAX);
    (until > now).then_some(PodBlock::DoNotDisrupt { until: Some(until) })
}
