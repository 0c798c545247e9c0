//! From JSON.

use jiff::Timestamp;
use serde_json::{Map, Value};
use thiserror::Error;

use super::kind::{
    Event, EventKind, HEALTH, InterruptionAction, REBALANCE_RECOMMENDATION, RESERVATION_INTERRUPTION,
    SPOT_INTERRUPTION, STATE_CHANGE,
};
use crate::InstanceState;

/// Why a message cannot be read. Such messages are deleted: they would come again for ever.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    /// It is not JSON.
    #[error("not a message of EventBridge: {reason}; expected a JSON object with detail-type and detail")]
    NotJson {
        /// What is wrong, and where.
        reason: String,
    },
    /// A field is missing or of another kind.
    #[error("{path}: expected {expected}")]
    Field {
        /// The field: `detail.instance-id`.
        path: &'static str,
        /// What would be right.
        expected: &'static str,
    },
}

impl Event {
    /// Reads a message. Messages of unknown kind are [`EventKind::Other`], not errors.
    pub fn parse(body: &str) -> Result<Event, EventError> {
        let value: Value =
            serde_json::from_str(body).map_err(|error| EventError::NotJson { reason: error.to_string() })?;
        let Value::Object(envelope) = value else {
            return Err(EventError::NotJson { reason: "not an object".to_owned() });
        };
        let detail_type = text(&envelope, "detail-type", "detail-type", "the kind of the message")?;
        let time = text(&envelope, "time", "time", A_TIME)?;
        let optional =
            |field: &str| envelope.get(field).and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
        Ok(Event {
            id: optional("id"),
            account: optional("account"),
            region: optional("region"),
            time: time.parse().map_err(|_| EventError::Field { path: "time", expected: A_TIME })?,
            kind: kind(detail_type, &optional("source"), &envelope)?,
        })
    }
}

const A_TIME: &str = "a time such as 2026-11-23T10:00:00Z";
const AN_INSTANCE: &str = "the id of an instance, such as i-0123456789abcdef0";

fn kind(detail_type: &str, source: &str, envelope: &Map<String, Value>) -> Result<EventKind, EventError> {
    let detail = || {
        let detail = envelope.get("detail").and_then(Value::as_object);
        detail.ok_or(EventError::Field { path: "detail", expected: "an object" })
    };
    let instance = |detail: &Map<String, Value>| {
        text(detail, "instance-id", "detail.instance-id", AN_INSTANCE).map(str::to_owned)
    };
    let other = || EventKind::Other { detail_type: detail_type.to_owned() };
    Ok(match (source, detail_type) {
        ("aws.ec2", SPOT_INTERRUPTION) => {
            let detail = detail()?;
            let action = detail.get("instance-action").and_then(Value::as_str).unwrap_or_default();
            EventKind::SpotInterruption {
                instance_id: instance(detail)?,
                action: InterruptionAction::from_word(action),
            }
        }
        ("aws.ec2", REBALANCE_RECOMMENDATION) => {
            EventKind::RebalanceRecommendation { instance_id: instance(detail()?)? }
        }
        ("aws.ec2", STATE_CHANGE) => {
            let detail = detail()?;
            let expected = "pending, running, shutting-down, terminated, stopping or stopped";
            let word = text(detail, "state", "detail.state", expected)?;
            let state =
                InstanceState::from_word(word).ok_or(EventError::Field { path: "detail.state", expected })?;
            EventKind::StateChange { instance_id: instance(detail)?, state }
        }
        ("aws.ec2", RESERVATION_INTERRUPTION) => {
            let detail = detail()?;
            let word = |field: &str| detail.get(field).and_then(Value::as_str);
            let ends_at = word("instance-termination-time").and_then(|time| time.parse().ok());
            let zone_id = word("azId").or_else(|| word("availability-zone-id")).map(str::to_owned);
            EventKind::ReservationInterruption { instance_id: instance(detail)?, ends_at, zone_id }
        }
        ("aws.health", HEALTH) => scheduled_change(detail()?)?.unwrap_or_else(other),
        _ => other(),
    })
}

/// None if it is about another service or of another category (reference section 5.7).
fn scheduled_change(detail: &Map<String, Value>) -> Result<Option<EventKind>, EventError> {
    let word = |field: &str| detail.get(field).and_then(Value::as_str);
    if word("service") != Some("EC2") || word("eventTypeCategory") != Some("scheduledChange") {
        return Ok(None);
    }
    let expected = "a list of objects with an entityValue each";
    let path = "detail.affectedEntities";
    let entities = detail
        .get("affectedEntities")
        .and_then(Value::as_array)
        .ok_or(EventError::Field { path, expected })?;
    let id_of = |entity: &Value| entity.get("entityValue").and_then(Value::as_str).map(str::to_owned);
    let instance_ids = entities.iter().map(id_of).collect::<Option<Vec<String>>>();
    Ok(Some(EventKind::ScheduledChange {
        instance_ids: instance_ids.ok_or(EventError::Field { path, expected })?,
        code: word("eventTypeCode").unwrap_or_default().to_owned(),
        starts_at: word("startTime").and_then(health_time),
    }))
}

/// AWS Health writes times as in mail; RFC 3339 is accepted too.
fn health_time(text: &str) -> Option<Timestamp> {
    let mail = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    mail.parse_timestamp(text).ok().or_else(|| text.parse().ok())
}

fn text<'v>(
    object: &'v Map<String, Value>,
    field: &str,
    path: &'static str,
    expected: &'static str,
) -> Result<&'v str, EventError> {
    let found = object.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.ok_or(EventError::Field { path, expected })
}
