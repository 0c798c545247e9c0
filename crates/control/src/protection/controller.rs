//! Says until when a pod must not be disrupted, when that time is over, and what is wrong with an annotation that is ignored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use supercargo_api::Pod;
use supercargo_api::duration::GoDuration;
use supercargo_api::labels::DO_NOT_DISRUPT;
use supercargo_engine::disruption::protected_until;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State};

/// Who says so in Events.
const COMPONENT: &str = "karpenter";

/// What was said last about a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    /// Its annotation, which is ignored.
    Invalid(String),
    /// When its time is over.
    Until(Timestamp),
    /// That its time is over.
    Elapsed,
}

/// Says what the annotation of pods comes to.
#[derive(Debug, Default)]
pub struct Protections {
    /// What was said last, with the uid of the pod; of pods without such an annotation nothing is remembered.
    told: BTreeMap<Key, (String, Told)>,
}

/// What is to be said about a pod now, and when to look again; nothing if its annotation needs no words.
fn standing(pod: &Pod, now: Timestamp) -> Option<Told> {
    let annotations = pod.metadata.annotations.as_ref();
    let text = annotations?.get(DO_NOT_DISRUPT)?;
    if matches!(text.as_str(), "" | "true" | "false") {
        return None;
    }
    if !text.parse::<GoDuration>().is_ok_and(|length| length.as_nanos() > 0) {
        return Some(Told::Invalid(text.clone()));
    }
    let status = pod.status.as_ref()?;
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return None;
    }
    // the time of a pod that has not started has not begun
    let started = status.start_time.as_ref()?.0;
    Some(protected_until(annotations, Some(started), now).map_or(Told::Elapsed, Told::Until))
}

/// A text out of somebody's manifest, cut to a readable length.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

impl Controller for Protections {
    const NAME: &'static str = "protection";
    const KINDS: &'static [Kind] = &[Kind::Pod];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        let speaks = |object: &Option<Object>| match object {
            Some(Object::Pod(pod)) => {
                pod.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(DO_NOT_DISRUPT))
            }
            _ => false,
        };
        if speaks(&change.old) || speaks(&change.new) { vec![change.key.clone()] } else { Vec::new() }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(pod) = state.pods.get(key) else {
            self.told.remove(key);
            return Decision::nothing();
        };
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let Some(standing) = standing(pod, now) else {
            self.told.remove(key);
            return Decision::nothing();
        };
        let mut decision = Decision::nothing();
        if let Told::Until(until) = standing {
            decision.look_again(until);
        }
        let before = self.told.insert(key.clone(), (uid.clone(), standing.clone()));
        let before = before.filter(|(known, _)| *known == uid).map(|(_, told)| told);
        if before.as_ref() == Some(&standing) {
            return decision;
        }
        let pod = &**pod;
        decision.actions.extend(match &standing {
            Told::Invalid(text) => Some(Action::warn(
                pod,
                COMPONENT,
                "InvalidDoNotDisruptAnnotation",
                format!(
                    "{DO_NOT_DISRUPT} is {:?}, which is ignored: write true, or a duration such as 30m",
                    short(text)
                ),
            )),
            Told::Until(until) => Some(Action::note(
                pod,
                COMPONENT,
                "DoNotDisruptUntil",
                format!("Pod must not be disrupted until {}", until.strftime("%Y-%m-%dT%H:%M:%SZ")),
            )),
            // of a time that was over before anybody looked there is nothing to say
            Told::Elapsed => matches!(before, Some(Told::Until(_))).then(|| {
                let message = "The time in which the pod must not be disrupted is over".to_owned();
                Action::note(pod, COMPONENT, "DoNotDisruptGracePeriodElapsed", message)
            }),
        });
        decision
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use serde_json::{Value, json};
    use supercargo_reconcile::Keyed;
    use supercargo_reconcile::toy::Toy;

    use super::*;

    fn toy(annotation: &str) -> Toy {
        let mut toy = Toy::new(vec![Box::new(Keyed::new(Protections::default()))]);
        let started = toy.now.to_string();
        toy.create(Kind::Pod, pod(annotation, json!(started)));
        toy.run(Duration::from_secs(1));
        toy
    }

    fn pod(annotation: &str, started: Value) -> Value {
        json!({
            "metadata": {"name": "web", "namespace": "shop", "annotations": {"karpenter.sh/do-not-disrupt": annotation}},
            "spec": {"nodeName": "n", "containers": []}, "status": {"phase": "Running", "startTime": started},
        })
    }

    #[test]
    fn the_time_of_a_pod_is_told_when_it_begins_and_when_it_is_over_section_6_2() {
        let mut toy = toy("30m");
        let said = toy.said("web", "DoNotDisruptUntil");
        assert_eq!(said, ["Pod must not be disrupted until 2026-03-02T09:30:00Z"]);
        toy.run(Duration::from_secs(1_700));
        assert!(toy.said("web", "DoNotDisruptGracePeriodElapsed").is_empty());
        toy.run(Duration::from_secs(3_600));
        assert_eq!(toy.said("web", "DoNotDisruptGracePeriodElapsed").len(), 1);
        assert_eq!(toy.notes.len(), 2);
    }

    #[test]
    fn another_time_is_news() {
        let mut toy = toy("30m");
        let body = json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "1h"}}});
        toy.patch(Kind::Pod, &Key::new("shop", "web"), body);
        toy.run(Duration::from_secs(1_900));
        assert_eq!(toy.said("web", "DoNotDisruptUntil").len(), 2);
        assert!(toy.said("web", "DoNotDisruptGracePeriodElapsed").is_empty());
    }

    #[rstest]
    #[case::no_duration("soon", 1)]
    #[case::below_zero("-5m", 1)]
    #[case::yes("true", 0)]
    #[case::no("false", 0)]
    #[case::nothing("", 0)]
    fn what_is_ignored_is_said(#[case] annotation: &str, #[case] said: usize) {
        let mut toy = toy(annotation);
        toy.run(Duration::from_secs(600));
        assert_eq!(toy.said("web", "InvalidDoNotDisruptAnnotation").len(), said);
        assert_eq!(toy.notes.len(), said);
    }

    #[test]
    fn a_time_that_is_over_already_needs_no_words() {
        let mut toy = Toy::new(vec![Box::new(Keyed::new(Protections::default()))]);
        toy.create(Kind::Pod, pod("30m", json!("2026-03-01T09:00:00Z")));
        toy.create(
            Kind::Pod,
            json!({"metadata": {"name": "quiet", "namespace": "shop"}, "spec": {"containers": []}}),
        );
        toy.run(Duration::from_secs(600));
        assert!(toy.notes.is_empty());
    }
}
