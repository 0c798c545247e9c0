//! Notes become Events: the first of its kind is created, the next ones are counted on it.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::action::Note;

/// Events that are remembered, so that the next of their kind is counted.
const REMEMBERED: usize = 8_192;
/// Events that are kept at most: beyond them the oldest go before their time.
const KEPT: usize = 50_000;
/// A note is a new Event if the last of its kind is older than this, as Events live for an hour.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// A request that writes an Event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EventRequest {
    /// `POST` or `PATCH`.
    pub(crate) method: &'static str,
    /// Where to.
    pub(crate) path: String,
    /// The Event, or what changes on it.
    pub(crate) body: Value,
}

/// What notes that are counted on one Event have in common, as a hash.
type Kind = u64;

#[derive(Debug)]
struct Remembered {
    name: String,
    count: u64,
    last: Timestamp,
}

/// Counts notes of a kind.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    known: BTreeMap<Kind, Remembered>,
    order: VecDeque<Kind>,
    written: u64,
    /// When Events may go, with their paths and kinds.
    ends: VecDeque<(Timestamp, String, Kind)>,
}

impl Recorder {
    /// The paths of Events, so many at most, that have lived for an hour since they last happened, or are too many.
    pub(crate) fn expired(&mut self, now: Timestamp, most: usize) -> Vec<String> {
        let mut expired = Vec::new();
        while expired.len() < most && self.next_end().is_some_and(|end| end <= now) {
            let too_many = self.ends.len() > KEPT;
            let Some((_, path, kind)) = self.ends.pop_front() else { break };
            let known = self.known.get(&kind).filter(|known| path.ends_with(&known.name));
            match known.map(|known| known.last + LIFETIME).filter(|end| *end > now && !too_many) {
                Some(later) => self.ends.push_back((later, path, kind)),
                None => {
                    // one that is counted on must not be looked for any more
                    if known.is_some() {
                        self.known.remove(&kind);
                    }
                    expired.push(path);
                }
            }
        }
        expired
    }

    /// When the next Event may go.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        if self.ends.len() > KEPT {
            return Some(Timestamp::MIN);
        }
        self.ends.front().map(|(end, _, _)| *end)
    }

    /// The request that records a note now.
    pub(crate) fn record(&mut self, note: &Note, now: Timestamp) -> EventRequest {
        let namespace = note
            .about
            .namespace
            .clone()
            .filter(|namespace| !namespace.is_empty())
            .unwrap_or_else(|| "default".into());
        let collection = format!("/api/v1/namespaces/{namespace}/events");
        let about = &note.about;
        let mut hasher = DefaultHasher::new();
        let subject = (&about.kind, &namespace, &about.name, &about.uid);
        (subject, note.component, note.reason, &note.message).hash(&mut hasher);
        let kind = hasher.finish();
        let timestamp = seconds(now);
        if let Some(known) = self.known.get_mut(&kind)
            && now.duration_since(known.last).unsigned_abs() < LIFETIME
        {
            known.count += 1;
            known.last = now;
            return EventRequest {
                method: "PATCH",
                path: format!("{collection}/{}", known.name),
                body: json!({"count": known.count, "lastTimestamp": timestamp}),
            };
        }
        self.written += 1;
        let subject = about.name.as_deref().unwrap_or("object");
        // the number keeps two Events of one moment apart
        let name = format!("{subject}.{:x}", now.as_nanosecond() + i128::from(self.written));
        let mut source = json!({"component": note.component});
        if let Some(host) = &note.host {
            source["host"] = json!(host);
        }
        let body = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": about,
            "reason": note.reason,
            "message": note.message,
            "type": if note.warning { "Warning" } else { "Normal" },
            "source": source,
            "firstTimestamp": timestamp,
            "lastTimestamp": timestamp,
            "count": 1,
            "reportingComponent": note.component,
            "reportingInstance": note.host.clone().unwrap_or_default(),
        });
        self.ends.push_back((now + LIFETIME, format!("{collection}/{name}"), kind));
        self.remember(kind, Remembered { name, count: 1, last: now });
        EventRequest { method: "POST", path: collection, body }
    }

    /// Forgets an Event that turned out not to be there any more.
    pub(crate) fn forget(&mut self, name: &str) {
        self.known.retain(|_, known| known.name != name);
    }

    fn remember(&mut self, kind: Kind, event: Remembered) {
        if self.known.insert(kind, event).is_none() {
            self.order.push_back(kind);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

/// A moment as Kubernetes writes it, in whole seconds.
fn seconds(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ObjectReference;

    use super::*;

    fn note(message: &str) -> Note {
        Note {
            about: ObjectReference {
                kind: Some("Pod".into()),
                namespace: Some("shop".into()),
                name: Some("web-1".into()),
                ..ObjectReference::default()
            },
            warning: true,
            reason: "FailedScheduling",
            message: message.to_owned(),
            component: "default-scheduler",
            host: None,
        }
    }

    #[test]
    fn the_same_note_is_counted_and_another_is_an_event_of_its_own() {
        let mut recorder = Recorder::default();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let first = recorder.record(&note("no room"), now);
        assert_eq!(first.method, "POST");
        assert_eq!(first.path, "/api/v1/namespaces/shop/events");
        assert_eq!(first.body["type"], "Warning");
        let second = recorder.record(&note("no room"), now + Duration::from_secs(5));
        assert_eq!(second.method, "PATCH");
        assert_eq!(second.body, json!({"count": 2, "lastTimestamp": "2027-01-15T08:00:05Z"}));
        assert_eq!(recorder.record(&note("other"), now).method, "POST");
        let late = recorder.record(&note("no room"), now + Duration::from_secs(7_200));
        assert_eq!(late.method, "POST");
    }

    #[test]
    fn events_go_after_an_hour_or_when_there_are_too_many() {
        let mut recorder = Recorder::default();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for number in 0..KEPT + 2 {
            recorder.record(&note(&format!("room {number}")), now);
        }
        assert_eq!(recorder.next_end(), Some(Timestamp::MIN));
        assert_eq!(recorder.expired(now, 100).len(), 2);
        assert_eq!(recorder.next_end(), Some(now + LIFETIME));
        // what is counted again lives on
        recorder.record(&note(&format!("room {}", KEPT + 1)), now + LIFETIME / 2);
        assert_eq!(recorder.expired(now + LIFETIME, usize::MAX).len(), KEPT - 1);
        assert_eq!(recorder.next_end(), Some(now + LIFETIME + LIFETIME / 2));
    }
}
