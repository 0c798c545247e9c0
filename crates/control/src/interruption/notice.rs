//! What a message or a status means for a claim.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use supercargo_api::NodeClaim;
use supercargo_api::labels::{CAPACITY_RESERVATION_ID, CAPACITY_TYPE, INSTANCE_TYPE, NODEPOOL, ZONE};
use supercargo_catalog::CapacityType;
use supercargo_cloud::event::EventKind;
use supercargo_cloud::{CheckStatus, InstanceState, InstanceStatus, ProviderId};
use supercargo_reconcile::{Action, Key, State};

use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::said::{COMPONENT, Said, WINDOW};

/// A check that fails for so long is not going to pass again.
const IMPAIRED: SignedDuration = SignedDuration::from_secs(120);

/// What becomes of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// The word in metrics: `spot_interrupted`.
    pub(super) label: &'static str,
    /// The reason of the Event, and whether it is a warning.
    pub(super) reason: Option<(&'static str, bool)>,
    /// A sentence.
    pub(super) message: String,
    /// What is done.
    pub(super) end: End,
}

/// How a claim ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// Not at all.
    Not,
    /// It is deleted and drained.
    Drained,
    /// It is deleted, its pods go by force.
    Forced,
}

/// What a message means for the claims of its instances; with `drains`, instances that EC2 recommends to leave are left.
pub(super) fn of_message(kind: &EventKind, drains: bool) -> Notice {
    let is_left = drains && matches!(kind, EventKind::RebalanceRecommendation { .. });
    let end = if is_left || kind.ends_instances() { End::Drained } else { End::Not };
    let (reason, message): (Option<(&'static str, bool)>, &str) = match kind {
        EventKind::SpotInterruption { .. } => {
            (Some(("SpotInterrupted", true)), "Spot interruption warning was triggered")
        }
        EventKind::RebalanceRecommendation { .. } => {
            (Some(("SpotRebalanceRecommendation", false)), "Spot rebalance recommendation was triggered")
        }
        EventKind::ReservationInterruption { .. } => (
            Some(("CapacityReservationInstanceInterrupted", true)),
            "Capacity reservation interruption warning was triggered",
        ),
        EventKind::StateChange { state: InstanceState::Stopping | InstanceState::Stopped, .. } => {
            (Some(("InstanceStopping", true)), "Instance is stopping")
        }
        EventKind::StateChange { state: InstanceState::ShuttingDown | InstanceState::Terminated, .. } => {
            (Some(("InstanceTerminating", true)), "Instance is terminating")
        }
        EventKind::ScheduledChange { .. } => (None, "AWS is going to do something to the instance"),
        EventKind::StateChange { .. } | EventKind::Other { .. } => (None, ""),
    };
    Notice { label: kind.label(), reason, message: message.to_owned(), end }
}

/// What the status of an instance means for its claim; nothing if it is well.
pub(super) fn of_status(status: &InstanceStatus, now: Timestamp) -> Option<Notice> {
    let failed = |check: CheckStatus| match check {
        CheckStatus::Impaired { since } => now.duration_since(since) >= IMPAIRED,
        CheckStatus::Ok | CheckStatus::Initializing => false,
    };
    let forced = |label: &'static str, what: &str| {
        Some(Notice {
            label,
            reason: Some(("InstanceUnhealthy", true)),
            message: format!("The {what} status check of the instance has failed for two minutes"),
            end: End::Forced,
        })
    };
    if failed(status.instance_status) {
        return forced("instance_status", "instance");
    }
    if failed(status.system_status) {
        return forced("system_status", "system");
    }
    let event = status.events.first()?;
    Some(Notice {
        label: "event_status",
        reason: Some(("InstanceUnhealthy", true)),
        message: format!("EC2 has scheduled {} for {}", event.code, event.not_before),
        end: End::Drained,
    })
}

/// Claims by the id of their instance.
pub(super) fn claims_by_instance(state: &State) -> BTreeMap<String, Key> {
    let claims = state.node_claims.iter().filter_map(|(key, claim)| {
        let provider = claim.status.as_ref()?.provider_id.as_deref()?;
        Some((provider.parse::<ProviderId>().ok()?.instance_id, key.clone()))
    });
    claims.collect()
}

/// Puts aside what the message says is being taken back; where that is recommended to be left and is left, so that what comes
/// instead is not in the same place.
pub(super) fn put_aside(knowledge: &Knowledge, kind: &EventKind, claim: &NodeClaim, now: Timestamp) {
    let mut unavailable = knowledge.unavailable();
    if knowledge.settings.drain_on_rebalance && matches!(kind, EventKind::RebalanceRecommendation { .. }) {
        unavailable.mark(CapacityType::Spot, label(claim, INSTANCE_TYPE), label(claim, ZONE), now);
    }
    unavailable.mark_event(kind, label(claim, INSTANCE_TYPE), label(claim, ZONE), now);
    let reservation = label(claim, CAPACITY_RESERVATION_ID);
    if matches!(kind, EventKind::ReservationInterruption { .. }) && !reservation.is_empty() {
        unavailable.mark_reservation(reservation, now);
    }
}

/// Says it of the claim and its node, and writes it down. Returns the Events.
pub(super) fn announce(
    knowledge: &Knowledge,
    said: &mut Said,
    state: &State,
    claim: &NodeClaim,
    notice: &Notice,
    now: Timestamp,
) -> Vec<Action> {
    let node = claim.status.as_ref().and_then(|status| status.node_name.as_deref());
    let node = node.and_then(|node| state.nodes.get(&Key::cluster(node)));
    let uid = claim.metadata.uid.as_deref().unwrap_or_default();
    let mut notes = Vec::new();
    let mut say = |reason: &'static str, warning: bool, message: &str| {
        if !said.is_news(reason, uid, WINDOW, now) {
            return;
        }
        let mut about_both = |note: Action| notes.push(note);
        if warning {
            about_both(Action::warn(claim, COMPONENT, reason, message.to_owned()));
            node.into_iter()
                .for_each(|node| about_both(Action::warn(&**node, COMPONENT, reason, message.to_owned())));
        } else {
            about_both(Action::note(claim, COMPONENT, reason, message.to_owned()));
            node.into_iter()
                .for_each(|node| about_both(Action::note(&**node, COMPONENT, reason, message.to_owned())));
        }
    };
    if let Some((reason, warning)) = notice.reason {
        say(reason, warning, &notice.message);
    }
    if notice.end == End::Not || claim.metadata.deletion_timestamp.is_some() {
        return notes;
    }
    say("TerminatingOnInterruption", true, "Interruption triggered termination");
    let decision = match notice.end {
        End::Forced => "ended by force",
        _ => "deleted, its pods are given other nodes",
    };
    let entry = Entry::new(now, EntryKind::Interruption, Subject::of(claim), decision)
        .because(format!("{}: {}", notice.label, notice.message))
        .given("instanceType", label(claim, INSTANCE_TYPE))
        .given("zone", label(claim, ZONE))
        .given("capacityType", label(claim, CAPACITY_TYPE));
    knowledge.journal.record(entry.touching(node.map(|node| Subject::of(&**node))));
    notes
}

/// Counts a claim that goes.
pub(super) fn count(knowledge: &Knowledge, claim: &NodeClaim, word: &'static str) {
    knowledge.metrics.node_claim_disrupted(label(claim, NODEPOOL), label(claim, CAPACITY_TYPE), word);
}

pub(super) fn label<'c>(claim: &'c NodeClaim, key: &str) -> &'c str {
    claim.metadata.labels.as_ref().and_then(|all| all.get(key)).map(String::as_str).unwrap_or_default()
}

/// How long ago; nothing for what is still to come.
pub(super) fn since(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(moment)).unwrap_or_default()
}
