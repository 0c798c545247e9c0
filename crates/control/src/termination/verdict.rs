//! What is to be done about a node or a claim that goes.

use jiff::Timestamp;
use supercargo_reconcile::{Action, Key};

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The actions, in order.
    pub(super) acts: Vec<Act>,
    /// When to look again though nothing changes.
    pub(super) again: Option<Timestamp>,
    /// What has to be known of its instance, or is to become of it.
    pub(super) want: Option<Want>,
}

/// What is wanted of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    /// To know whether it is there.
    Look,
    /// That it ends.
    End,
}

/// What is known of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It runs, or will.
    There,
    /// It is on its way out.
    Ending,
    /// It has ended.
    Gone,
}

/// An action, and what it means if it goes well.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) action: Action,
    pub(super) then: Then,
}

/// What an action means if it goes well.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Then {
    /// Nothing more.
    Nothing,
    /// A pod was asked to go, and why it had to.
    Evicted { pod: Key, uid: String, reason: String },
    /// A pod was told to go.
    Forced { pod: Key, uid: String, reason: String },
    /// The node's pods have all gone.
    Drained { pool: String },
    /// The node is gone.
    NodeGone(Gone),
    /// The claim is gone.
    ClaimGone(Gone),
}

/// What is counted when a node or claim is gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Gone {
    pub(super) pool: String,
    pub(super) zone: String,
    pub(super) capacity_type: String,
    /// When it was made.
    pub(super) created: Option<Timestamp>,
    /// When it was to go.
    pub(super) deleted: Option<Timestamp>,
    /// When its instance was told to end.
    pub(super) ended: Option<Timestamp>,
}

impl Verdict {
    /// One more thing to do.
    pub(super) fn act(&mut self, action: Action) {
        self.acts.push(Act { action, then: Then::Nothing });
    }

    /// One more thing to do that means something.
    pub(super) fn act_then(&mut self, action: Action, then: Then) {
        self.acts.push(Act { action, then });
    }

    /// Looks again at this moment, or earlier.
    pub(super) fn look_again(&mut self, at: Timestamp) {
        self.again = Some(self.again.map_or(at, |known| known.min(at)));
    }
}

impl Gone {
    /// What is counted of an object with these labels.
    pub(super) fn of(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Gone {
        use supercargo_api::labels::{CAPACITY_TYPE, NODEPOOL, ZONE};
        let label =
            |key: &str| metadata.labels.as_ref().and_then(|all| all.get(key)).cloned().unwrap_or_default();
        Gone {
            pool: label(NODEPOOL),
            zone: label(ZONE),
            capacity_type: label(CAPACITY_TYPE),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            deleted: metadata.deletion_timestamp.as_ref().map(|time| time.0),
            ended: None,
        }
    }
}
