//! What is to be done about one claim (rows L1 to L4).

use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::labels::keys;
use supercargo_api::{NodeClaim, condition_types, find_condition, is_true};

/// How long a launch may take in all before the claim is given up (row L4).
pub const LAUNCH_TIMEOUT: Duration = Duration::from_secs(300);

/// What the loop remembers of a claim's launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was tried.
    New,
    /// A call is under way.
    UnderWay,
    /// It waits until other launches on the same offerings have ended.
    Parked,
    /// It failed, and is tried again then. The condition says why, or has still to.
    Failed {
        /// When.
        retry_at: Timestamp,
        /// Whether the condition has to be written.
        is_untold: bool,
    },
    /// It failed for good: the claim goes.
    Hopeless,
    /// There is an instance.
    Launched {
        /// Whether the claim has the labels of the instance.
        has_labels: bool,
    },
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Look again then.
    Wait(Timestamp),
    /// Hold the claim until its instance is gone (row L1).
    AddFinalizer,
    /// Launch.
    Launch,
    /// Write down why the launch failed.
    TellFailure,
    /// Write the labels of the instance.
    WriteLabels,
    /// Write which instance it is.
    WriteStatus,
    /// Delete the claim, because no launch can succeed (row L2).
    GiveUp,
    /// Delete the claim, because it took too long (row L4).
    TimeOut,
}

/// What is to be done about a claim.
pub fn decide(claim: &NodeClaim, standing: Standing, now: Timestamp) -> Step {
    let status = claim.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_known = status.and_then(|status| status.provider_id.as_deref()).is_some_and(|id| !id.is_empty());
    if is_known && is_true(conditions, condition_types::LAUNCHED) {
        return Step::Rest;
    }
    // written also while the claim goes: who ends the instance must know it
    match standing {
        Standing::Launched { has_labels: true } => return Step::WriteStatus,
        Standing::Launched { has_labels: false } => return Step::WriteLabels,
        Standing::UnderWay => return Step::Rest,
        _ => {}
    }
    if claim.metadata.deletion_timestamp.is_some() {
        return Step::Rest;
    }
    if standing == Standing::Hopeless {
        return Step::GiveUp;
    }
    let gives_up_at = gives_up_at(claim, now);
    if gives_up_at <= now {
        return Step::TimeOut;
    }
    match standing {
        Standing::Failed { is_untold: true, .. } => Step::TellFailure,
        Standing::Failed { retry_at, .. } if retry_at > now => Step::Wait(retry_at.min(gives_up_at)),
        Standing::Parked => Step::Wait(gives_up_at),
        _ if !has_finalizer(claim) => Step::AddFinalizer,
        _ => Step::Launch,
    }
}

/// When a claim that is not launched is given up: so long after the condition Launched moved last, or after its creation.
fn gives_up_at(claim: &NodeClaim, now: Timestamp) -> Timestamp {
    let conditions =
        claim.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let moved = find_condition(conditions, condition_types::LAUNCHED)
        .and_then(|condition| condition.last_transition_time.as_ref());
    let since = moved.or(claim.metadata.creation_timestamp.as_ref()).map_or(now, |time| time.0);
    since.checked_add(LAUNCH_TIMEOUT).unwrap_or(Timestamp::MAX)
}

fn has_finalizer(claim: &NodeClaim) -> bool {
    claim.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == keys::TERMINATION_FINALIZER)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn claim(change: Value) -> NodeClaim {
        let mut value = json!({
            "metadata": {
                "name": "general-1",
                "creationTimestamp": at(0).to_string(),
                "finalizers": ["karpenter.sh/termination"],
            },
            "spec": {"nodeClassRef": {"group": "g", "kind": "k", "name": "n"}, "requirements": []},
        });
        for (path, new) in change.as_object().unwrap() {
            let (first, second) = path.split_once('.').unwrap();
            value[first][second] = new.clone();
        }
        serde_json::from_value(value).unwrap()
    }

    fn launched(status: &str, second: i64) -> Value {
        json!([{"type": "Launched", "status": status, "lastTransitionTime": at(second).to_string()}])
    }

    const FAILED: Standing = Standing::Failed { retry_at: Timestamp::MAX, is_untold: false };

    #[rstest]
    #[case::l1_a_finalizer_comes_first(json!({"metadata.finalizers": null}), Standing::New, 0, Step::AddFinalizer)]
    #[case::l1_then_it_is_launched(json!({}), Standing::New, 0, Step::Launch)]
    #[case::no_second_launch_while_one_is_under_way(json!({}), Standing::UnderWay, 299, Step::Rest)]
    #[case::l3_labels_are_written_first(json!({}), Standing::Launched { has_labels: false }, 1, Step::WriteLabels)]
    #[case::l3_then_the_instance(json!({}), Standing::Launched { has_labels: true }, 1, Step::WriteStatus)]
    #[case::l3_a_late_answer_counts(json!({}), Standing::Launched { has_labels: true }, 900, Step::WriteStatus)]
    #[case::l3_also_for_a_claim_that_goes(
        json!({"metadata.deletionTimestamp": at(5).to_string()}),
        Standing::Launched { has_labels: true }, 9, Step::WriteStatus
    )]
    #[case::l3_written_is_written(
        json!({"status.providerID": "aws:///a/i-1", "status.conditions": launched("True", 3)}),
        Standing::Launched { has_labels: true }, 9, Step::Rest
    )]
    #[case::a_claim_that_goes_is_not_launched(
        json!({"metadata.deletionTimestamp": at(5).to_string()}), Standing::New, 9, Step::Rest
    )]
    #[case::l2_without_capacity_it_goes(json!({}), Standing::Hopeless, 1, Step::GiveUp)]
    #[case::l2_other_errors_are_told(
        json!({}), Standing::Failed { retry_at: at(2), is_untold: true }, 1, Step::TellFailure
    )]
    #[case::l2_and_it_is_tried_again_later(
        json!({}), Standing::Failed { retry_at: at(2), is_untold: false }, 1, Step::Wait(at(2))
    )]
    #[case::l2_later_is_now(json!({}), Standing::Failed { retry_at: at(2), is_untold: false }, 2, Step::Launch)]
    #[case::l4_after_five_minutes_it_is_given_up(json!({}), FAILED, 300, Step::TimeOut)]
    #[case::l4_not_a_second_before(json!({}), FAILED, 299, Step::Wait(at(300)))]
    #[case::l4_from_the_last_move_of_the_condition(
        json!({"status.conditions": launched("Unknown", 100)}), FAILED, 300, Step::Wait(at(400))
    )]
    #[case::parked_until_it_is_given_up(json!({}), Standing::Parked, 10, Step::Wait(at(300)))]
    fn a_claim(
        #[case] change: Value,
        #[case] standing: Standing,
        #[case] second: i64,
        #[case] expected: Step,
    ) {
        assert_eq!(decide(&claim(change), standing, at(second)), expected);
    }
}
