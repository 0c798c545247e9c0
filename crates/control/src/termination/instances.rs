//! What EC2 says of instances that are to end. Many are asked about at once, each as often as is needed.
//!
//! ```text
//! wanted ──(100 ms)──> DescribeInstances ──running──> TerminateInstances ──┐
//!                          ^      └─ terminated, or twice not found ─> gone │
//!                          └───────────────── 5 s ─────────────────────────┘
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_cloud::{CloudError, Instance, InstanceQuery, InstanceState, StateChange};
use supercargo_reconcile::{Action, Key, Kind};

use super::verdict::{Found, Want};
use crate::outside::{CloudAnswer, CloudRequest};

/// How long others are waited for that are to be asked about at the same time (reference section 5.4).
const BATCH: Duration = Duration::from_millis(100);
/// How often an instance is asked about (reference section 3.5).
const PERIOD: Duration = Duration::from_secs(5);
/// Most instances in one call (reference section 5.4).
const MOST: usize = 500;

#[derive(Debug)]
struct Known {
    provider: String,
    want: Want,
    found: Option<Found>,
    /// How often EC2 did not know it, one after the other. A young instance may not be known everywhere yet.
    missing: u32,
    /// When it is asked about next; nothing while an answer is under way.
    next: Option<Timestamp>,
}

/// Instances that are to end, or that somebody wants to know about, by id.
#[derive(Debug, Default)]
pub(super) struct Instances {
    known: BTreeMap<String, Known>,
    /// Those under way, by ticket.
    asked: BTreeMap<u64, Vec<String>>,
    /// Those that are to be told to end now.
    doomed: Vec<String>,
    /// Calls that have to be made again in smaller parts.
    halves: Vec<Vec<String>>,
    tickets: u64,
}

impl Instances {
    /// Somebody wants this of an instance, which the cluster knows by its provider id.
    pub(super) fn want(&mut self, id: &str, provider: &str, want: Want, now: Timestamp) {
        let soon = now.checked_add(BATCH).unwrap_or(Timestamp::MAX);
        let provider = provider.to_owned();
        let fresh = Known { provider, want, found: None, missing: 0, next: Some(soon) };
        let known = self.known.entry(id.to_owned()).or_insert(fresh);
        if want > known.want {
            known.want = want;
            if known.found == Some(Found::There) && known.next.is_some() {
                known.next = Some(now);
            }
        }
    }

    /// What is known of an instance.
    pub(super) fn found(&self, id: &str) -> Option<Found> {
        self.known.get(id)?.found
    }

    /// Nobody wants to know any more.
    pub(super) fn forget(&mut self, id: &str) {
        self.known.remove(id);
    }

    /// When there is something to ask.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        if !self.doomed.is_empty() || !self.halves.is_empty() {
            return Some(Timestamp::MIN);
        }
        self.known
            .values()
            .filter(|known| known.found != Some(Found::Gone))
            .filter_map(|known| known.next)
            .min()
    }

    /// What is to be asked now.
    pub(super) fn step(&mut self, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        let doomed: Vec<String> = std::mem::take(&mut self.doomed);
        for ids in doomed.chunks(MOST) {
            actions.push(self.ask(ids.to_vec(), CloudRequest::TerminateInstances(ids.to_vec())));
        }
        for ids in std::mem::take(&mut self.halves) {
            let query = InstanceQuery::ids(&ids);
            actions.push(self.ask(ids, CloudRequest::DescribeInstances(query)));
        }
        let due: Vec<String> = self
            .known
            .iter_mut()
            .filter(|(_, known)| {
                known.found != Some(Found::Gone) && known.next.is_some_and(|next| next <= now)
            })
            .map(|(id, known)| {
                known.next = None;
                id.clone()
            })
            .collect();
        for ids in due.chunks(MOST) {
            actions.push(self.ask(ids.to_vec(), CloudRequest::DescribeInstances(InstanceQuery::ids(ids))));
        }
        actions
    }

    fn ask(&mut self, ids: Vec<String>, request: CloudRequest) -> Action {
        self.tickets += 1;
        let key = Key::cluster(ids.first().cloned().unwrap_or_default());
        self.asked.insert(self.tickets, ids);
        Action::ask(Kind::Node, key, self.tickets, request)
    }

    /// Takes in an answer. Returns the provider ids of which something else is known now, and the error if it failed.
    pub(super) fn answered(
        &mut self,
        ticket: u64,
        answer: CloudAnswer,
        now: Timestamp,
    ) -> (Vec<String>, Option<CloudError>) {
        let Some(ids) = self.asked.remove(&ticket) else { return (Vec::new(), None) };
        let later = now.checked_add(PERIOD).unwrap_or(Timestamp::MAX);
        match answer {
            CloudAnswer::Instances(Ok(instances)) => (self.described(&ids, &instances, later), None),
            CloudAnswer::Instances(Err(error)) if error.is_not_found() => match ids.len() {
                0 | 1 => (self.described(&ids, &[], later), None),
                several => {
                    // the call fails as a whole if one does not exist
                    let (left, right) = ids.split_at(several / 2);
                    self.halves.extend([left.to_vec(), right.to_vec()]);
                    (Vec::new(), None)
                }
            },
            CloudAnswer::Terminated(Ok(changes)) => (self.told(&ids, &changes, later), None),
            CloudAnswer::Terminated(Err(error)) if error.is_not_found() => {
                self.look(&ids, now);
                (Vec::new(), None)
            }
            CloudAnswer::Instances(Err(error)) | CloudAnswer::Terminated(Err(error)) => {
                self.look(&ids, later);
                (Vec::new(), Some(error))
            }
            _ => {
                self.look(&ids, later);
                (Vec::new(), None)
            }
        }
    }

    fn look(&mut self, ids: &[String], at: Timestamp) {
        for id in ids {
            if let Some(known) = self.known.get_mut(id) {
                known.next = Some(at);
            }
        }
    }

    fn described(&mut self, ids: &[String], instances: &[Instance], later: Timestamp) -> Vec<String> {
        let states: BTreeMap<&str, InstanceState> =
            instances.iter().map(|instance| (instance.id.as_str(), instance.state)).collect();
        let mut news = Vec::new();
        for id in ids {
            let Some(known) = self.known.get_mut(id) else { continue };
            known.next = Some(later);
            let found = match states.get(id.as_str()) {
                Some(InstanceState::Terminated) => Found::Gone,
                Some(InstanceState::ShuttingDown) => Found::Ending,
                Some(_) => Found::There,
                None => {
                    known.missing += 1;
                    if known.missing < 2 {
                        continue;
                    }
                    Found::Gone
                }
            };
            if found != Found::Gone {
                known.missing = 0;
            }
            if found == Found::There && known.want == Want::End {
                self.doomed.push(id.clone());
                known.next = None;
            }
            if known.found != Some(found) {
                known.found = Some(found);
                news.push(known.provider.clone());
            }
        }
        news
    }

    fn told(&mut self, ids: &[String], changes: &[StateChange], later: Timestamp) -> Vec<String> {
        self.look(ids, later);
        let mut news = Vec::new();
        for change in changes {
            let Some(known) = self.known.get_mut(&change.id) else { continue };
            let found = match change.current {
                InstanceState::Terminated => Found::Gone,
                InstanceState::ShuttingDown => Found::Ending,
                _ => continue,
            };
            if known.found != Some(found) {
                known.found = Some(found);
                news.push(known.provider.clone());
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;

    use supercargo_cloud::Action as Call;
    use supercargo_reconcile::Verb;

    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    /// What is asked, as tickets with the ids of descriptions and terminations.
    fn asked(actions: &[Action]) -> Vec<(u64, &'static str, Vec<String>)> {
        actions
            .iter()
            .map(|action| {
                let Verb::Outside { ticket, request } = &action.verb else { panic!("{action:?}") };
                let request: &dyn Any = (**request).as_any();
                match request.downcast_ref::<CloudRequest>() {
                    Some(CloudRequest::DescribeInstances(query)) => (*ticket, "describe", query.ids.clone()),
                    Some(CloudRequest::TerminateInstances(ids)) => (*ticket, "terminate", ids.clone()),
                    other => panic!("{other:?}"),
                }
            })
            .collect()
    }

    fn not_found() -> CloudAnswer {
        CloudAnswer::Instances(Err(CloudError::new(
            Call::DescribeInstances,
            "InvalidInstanceID.NotFound",
            "",
        )))
    }

    #[test]
    fn instances_that_are_to_end_at_the_same_time_are_asked_about_in_one_call() {
        let mut instances = Instances::default();
        instances.want("i-1", "i-1", Want::End, at(0));
        instances.want("i-2", "i-2", Want::End, at(60));
        assert_eq!(instances.wake(), Some(at(100)));
        assert!(instances.step(at(50)).is_empty());
        let calls = instances.step(at(160));
        assert_eq!(asked(&calls), [(1, "describe", vec!["i-1".to_owned(), "i-2".to_owned()])]);
        assert_eq!(instances.wake(), None);
    }

    #[test]
    fn an_instance_that_does_not_exist_is_gone_when_ec2_has_said_so_twice() {
        let mut instances = Instances::default();
        instances.want("i-1", "i-1", Want::Look, at(0));
        instances.want("i-2", "i-2", Want::Look, at(0));
        let calls = asked(&instances.step(at(100)));
        assert_eq!(instances.answered(calls[0].0, not_found(), at(200)).0, Vec::<String>::new());
        let halves = asked(&instances.step(at(200)));
        assert_eq!(halves.len(), 2);
        for (ticket, ..) in halves {
            instances.answered(ticket, not_found(), at(300));
        }
        assert_eq!(instances.found("i-1"), None);
        let calls = asked(&instances.step(at(5_300)));
        instances.answered(calls[0].0, not_found(), at(5_400));
        for (ticket, ..) in asked(&instances.step(at(5_400))) {
            instances.answered(ticket, not_found(), at(5_500));
        }
        assert_eq!((instances.found("i-1"), instances.found("i-2")), (Some(Found::Gone), Some(Found::Gone)));
        assert_eq!(instances.wake(), None);
    }

    #[test]
    fn a_failed_call_is_made_again_5_seconds_later() {
        let mut instances = Instances::default();
        instances.want("i-1", "i-1", Want::End, at(0));
        let calls = asked(&instances.step(at(100)));
        let throttled = CloudError::new(Call::DescribeInstances, "RequestLimitExceeded", "");
        let (news, error) = instances.answered(calls[0].0, CloudAnswer::Instances(Err(throttled)), at(200));
        assert_eq!((news.len(), error.is_some(), instances.wake()), (0, true, Some(at(5_200))));
    }
}
