//! Conditions of an object's status: what is found goes in, and Ready is what they come to.
//!
//! The time of a condition moves only with its status, so that who waits for it can count from there.

use jiff::Timestamp;
use supercargo_api::condition_types::READY;
use supercargo_api::{Condition, ConditionStatus, find_condition, set_condition};

/// Messages longer than this are cut (reference section 1.2).
const LONGEST_MESSAGE: usize = 300;

/// What is found about one aspect of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word; empty for the name of the condition.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
}

impl Finding {
    /// It holds.
    pub fn holds() -> Self {
        Self { status: ConditionStatus::True, reason: String::new(), message: String::new() }
    }

    /// It holds, for this reason.
    pub fn holds_because(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status: ConditionStatus::True, reason: reason.into(), message: message.into() }
    }

    /// It does not hold.
    pub fn fails(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status: ConditionStatus::False, reason: reason.into(), message: message.into() }
    }

    /// Nobody knows yet.
    pub fn unknown(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status: ConditionStatus::Unknown, reason: reason.into(), message: message.into() }
    }

    /// Nobody has looked yet.
    pub fn awaited() -> Self {
        Self::unknown("AwaitingReconciliation", "object is awaiting reconciliation")
    }
}

/// Notes what was found, of this generation of the object.
pub fn set(
    conditions: &mut Option<Vec<Condition>>,
    type_: &str,
    finding: &Finding,
    generation: Option<i64>,
    now: Timestamp,
) {
    let all = conditions.get_or_insert_default();
    let message: String = finding.message.chars().take(LONGEST_MESSAGE).collect();
    set_condition(all, type_, finding.status, &finding.reason, &message, whole_second(now));
    if let Some(known) = all.iter_mut().find(|known| known.type_ == type_) {
        known.observed_generation = generation;
    }
}

/// Notes that nobody has looked yet, if nobody has.
pub fn set_if_missing(
    conditions: &mut Option<Vec<Condition>>,
    types: &[&str],
    generation: Option<i64>,
    now: Timestamp,
) {
    for type_ in types {
        if find_condition(conditions.as_deref().unwrap_or_default(), type_).is_none() {
            set(conditions, type_, &Finding::awaited(), generation, now);
        }
    }
}

/// Takes a condition away.
pub fn clear(conditions: &mut Option<Vec<Condition>>, type_: &str) {
    if let Some(all) = conditions {
        all.retain(|known| known.type_ != type_);
    }
}

/// Sets Ready from the conditions it is made of: false as soon as one is false of this very generation, true if all are
/// true of it, else not known yet.
pub fn sum_up(
    conditions: &mut Option<Vec<Condition>>,
    roots: &[&str],
    generation: Option<i64>,
    now: Timestamp,
) {
    set_if_missing(conditions, roots, generation, now);
    let all = conditions.as_deref().unwrap_or_default();
    let mut unwell: Vec<&Condition> = roots
        .iter()
        .filter_map(|root| find_condition(all, root))
        .filter(|known| known.status != ConditionStatus::True || !is_of(known, generation))
        .collect();
    unwell.sort_by_key(|known| std::cmp::Reverse(known.last_transition_time.as_ref().map(|time| time.0)));
    let finding = if unwell.is_empty() {
        Finding::holds()
    } else {
        let told = |known: &&Condition| format!("{}={:?}", known.type_, known.status);
        let message = unwell.iter().map(told).collect::<Vec<_>>().join(", ");
        let fails = |known: &&Condition| known.status == ConditionStatus::False && is_of(known, generation);
        if unwell.iter().any(fails) {
            Finding::fails("UnhealthyDependents", message)
        } else {
            Finding::unknown("ReconcilingDependents", message)
        }
    };
    set(conditions, READY, &finding, generation, now);
}

/// Whether a condition speaks of this generation. One that does not say is taken to.
fn is_of(condition: &Condition, generation: Option<i64>) -> bool {
    condition.observed_generation.is_none_or(|observed| Some(observed) == generation)
}

/// What Ready has come to, told in words, if it is another status than before.
pub fn readiness_change(before: Option<&[Condition]>, after: Option<&[Condition]>) -> Option<String> {
    let status = |all: Option<&[Condition]>| {
        find_condition(all.unwrap_or_default(), READY).map_or(ConditionStatus::Unknown, |ready| ready.status)
    };
    let (old, new) = (status(before), status(after));
    if old == new {
        return None;
    }
    let why = |all: &[Condition]| {
        let fails = |known: &&Condition| known.status != ConditionStatus::True && known.type_ != READY;
        let told = |known: &Condition| {
            let reason = known.reason.clone().unwrap_or_default();
            let message = known.message.clone().unwrap_or_default();
            if message.is_empty() { reason } else { format!("{reason}: {message}") }
        };
        all.iter().filter(fails).map(told).collect::<Vec<_>>().join("; ")
    };
    Some(match new {
        ConditionStatus::True => "it is ready".to_owned(),
        ConditionStatus::False => format!("it is not ready: {}", why(after.unwrap_or_default())),
        ConditionStatus::Unknown => {
            format!("whether it is ready is not known: {}", why(after.unwrap_or_default()))
        }
    })
}

/// Since when a condition has its status.
pub fn since(conditions: &[Condition], type_: &str) -> Option<Timestamp> {
    find_condition(conditions, type_)?.last_transition_time.as_ref().map(|time| time.0)
}

/// Times lose their fractions on the wire.
pub fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_of_a_condition_moves_only_with_its_status() {
        let mut all = None;
        set(&mut all, "A", &Finding::unknown("Wait", "not yet"), Some(1), at(10));
        set(&mut all, "A", &Finding::unknown("Wait", "still not"), Some(1), at(20));
        assert_eq!(since(all.as_deref().unwrap(), "A"), Some(at(10)));
        set(&mut all, "A", &Finding::holds(), Some(1), at(30));
        assert_eq!(since(all.as_deref().unwrap(), "A"), Some(at(30)));
        assert_eq!(all.unwrap()[0].reason.as_deref(), Some("A"));
    }

    #[test]
    fn long_messages_are_cut_at_300_characters() {
        let mut all = None;
        set(&mut all, "A", &Finding::fails("No", "ö".repeat(1_000)), None, at(0));
        assert_eq!(all.unwrap()[0].message.as_ref().unwrap().chars().count(), 300);
    }

    #[test]
    fn ready_follows_from_its_roots_of_the_same_generation() {
        let mut all = None;
        let roots = ["A", "B"];
        let ready = |all: &Option<Vec<Condition>>| {
            let found = find_condition(all.as_deref().unwrap(), READY).unwrap();
            (found.status, found.reason.clone().unwrap(), found.message.clone().unwrap())
        };
        set(&mut all, "A", &Finding::holds(), Some(1), at(1));
        sum_up(&mut all, &roots, Some(1), at(1));
        let told = ready(&all);
        assert_eq!(
            (told.0, told.1.as_str(), told.2.as_str()),
            (ConditionStatus::Unknown, "ReconcilingDependents", "B=Unknown")
        );
        set(&mut all, "B", &Finding::fails("No", "no"), Some(1), at(2));
        sum_up(&mut all, &roots, Some(1), at(2));
        assert_eq!(ready(&all).1, "UnhealthyDependents");
        set(&mut all, "B", &Finding::holds(), Some(1), at(3));
        sum_up(&mut all, &roots, Some(1), at(3));
        assert_eq!(ready(&all).0, ConditionStatus::True);
        set(&mut all, "A", &Finding::holds(), Some(2), at(4));
        sum_up(&mut all, &roots, Some(2), at(4));
        assert_eq!(ready(&all).0, ConditionStatus::Unknown, "B was not looked at since the change");
    }

    #[test]
    fn a_change_of_readiness_is_told_with_its_reasons() {
        let mut before = None;
        set(&mut before, "A", &Finding::fails("SubnetsNotFound", "nothing matches"), None, at(1));
        sum_up(&mut before, &["A"], None, at(1));
        let told = readiness_change(None, before.as_deref());
        assert_eq!(told.as_deref(), Some("it is not ready: SubnetsNotFound: nothing matches"));
        assert_eq!(readiness_change(before.as_deref(), before.as_deref()), None);
        let mut after = before.clone();
        set(&mut after, "A", &Finding::holds(), None, at(2));
        sum_up(&mut after, &["A"], None, at(2));
        assert_eq!(readiness_change(before.as_deref(), after.as_deref()).as_deref(), Some("it is ready"));
    }
}
