//! What messages say.

use jiff::Timestamp;

use crate::InstanceState;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// EventBridge's id for it; the same in each delivery.
    pub id: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// When it happened.
    pub time: Timestamp,
    /// What it says.
    pub kind: EventKind,
}

/// What EC2 is going to do to an interrupted instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterruptionAction {
    /// End it.
    #[default]
    Terminate,
    /// Stop it.
    Stop,
    /// Hibernate it.
    Hibernate,
}

impl InterruptionAction {
    /// EC2's word: `terminate`.
    pub const fn as_str(self) -> &'static str {
        match self {
            InterruptionAction::Terminate => "terminate",
            InterruptionAction::Stop => "stop",
            InterruptionAction::Hibernate => "hibernate",
        }
    }

    /// The action of a word; terminate for words that are not known.
    pub fn from_word(word: &str) -> InterruptionAction {
        match word {
            "stop" => InterruptionAction::Stop,
            "hibernate" => InterruptionAction::Hibernate,
            _ => InterruptionAction::Terminate,
        }
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A spot instance is taken back in two minutes.
    SpotInterruption {
        /// The instance.
        instance_id: String,
        /// What is done to it.
        action: InterruptionAction,
    },
    /// A spot instance is more likely than others to be taken back.
    RebalanceRecommendation {
        /// The instance.
        instance_id: String,
    },
    /// An instance is in another state.
    StateChange {
        /// The instance.
        instance_id: String,
        /// Its state now.
        state: InstanceState,
    },
    /// AWS is going to do something to instances.
    ScheduledChange {
        /// The instances.
        instance_ids: Vec<String>,
        /// `AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED`.
        code: String,
        /// When.
        starts_at: Option<Timestamp>,
    },
    /// An instance in a reservation that can be taken back is taken back in two minutes.
    ReservationInterruption {
        /// The instance.
        instance_id: String,
        /// When it ends.
        ends_at: Option<Timestamp>,
        /// `use1-az4`.
        zone_id: Option<String>,
    },
    /// Anything else: nothing is to be done.
    Other {
        /// What EventBridge calls it.
        detail_type: String,
    },
}

impl EventKind {
    /// What EventBridge calls it, as `detail-type`.
    pub fn detail_type(&self) -> &str {
        match self {
            EventKind::SpotInterruption { .. } => SPOT_INTERRUPTION,
            EventKind::RebalanceRecommendation { .. } => REBALANCE_RECOMMENDATION,
            EventKind::StateChange { .. } => STATE_CHANGE,
            EventKind::ScheduledChange { .. } => HEALTH,
            EventKind::ReservationInterruption { .. } => RESERVATION_INTERRUPTION,
            EventKind::Other { detail_type } => detail_type,
        }
    }

    /// The word for it in metrics (reference section 5.7).
    pub fn label(&self) -> &'static str {
        match self {
            EventKind::SpotInterruption { .. } => "spot_interrupted",
            EventKind::RebalanceRecommendation { .. } => "rebalance_recommendation",
            EventKind::StateChange { state, .. } => match state {
                InstanceState::Stopping | InstanceState::Stopped => "instance_stopped",
                InstanceState::ShuttingDown | InstanceState::Terminated => "instance_terminated",
                InstanceState::Pending | InstanceState::Running => "no_op",
            },
            EventKind::ScheduledChange { .. } => "scheduled_change",
            EventKind::ReservationInterruption { .. } => "capacity_reservation_interrupted",
            EventKind::Other { .. } => "no_op",
        }
    }

    /// The instances it is about.
    pub fn instance_ids(&self) -> &[String] {
        match self {
            EventKind::SpotInterruption { instance_id, .. }
            | EventKind::RebalanceRecommendation { instance_id }
            | EventKind::StateChange { instance_id, .. }
            | EventKind::ReservationInterruption { instance_id, .. } => std::slice::from_ref(instance_id),
            EventKind::ScheduledChange { instance_ids, .. } => instance_ids,
            EventKind::Other { .. } => &[],
        }
    }

    /// Whether the NodeClaims of its instances are to be deleted (reference section 5.7): for all but recommendations,
    /// new instances and what is not known.
    pub fn ends_instances(&self) -> bool {
        !matches!(self.label(), "no_op" | "rebalance_recommendation")
    }
}

pub(super) const SPOT_INTERRUPTION: &str = "EC2 Spot Instance Interruption Warning";
pub(super) const REBALANCE_RECOMMENDATION: &str = "EC2 Instance Rebalance Recommendation";
pub(super) const STATE_CHANGE: &str = "EC2 Instance State-change Notification";
pub(super) const HEALTH: &str = "AWS Health Event";
pub(super) const RESERVATION_INTERRUPTION: &str = "EC2 Capacity Reservation Instance Interruption Warning";
