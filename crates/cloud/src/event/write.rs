//! To JSON, as EventBridge writes it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::{Event, EventKind};

impl Event {
    /// The message as JSON. `zone` is the zone of the instance, which the ARN of a spot interruption names instead of
    /// the region.
    pub fn to_json(&self, zone: &str) -> String {
        let arn = |id: &String| format!("arn:aws:ec2:{}:{}:instance/{id}", self.region, self.account);
        let (source, resources, detail) = match &self.kind {
            EventKind::SpotInterruption { instance_id, action } => (
                "aws.ec2",
                vec![format!("arn:aws:ec2:{zone}:instance/{instance_id}")],
                json!({"instance-id": instance_id, "instance-action": action.as_str()}),
            ),
            EventKind::RebalanceRecommendation { instance_id } => {
                ("aws.ec2", vec![arn(instance_id)], json!({"instance-id": instance_id}))
            }
            EventKind::StateChange { instance_id, state } => (
                "aws.ec2",
                vec![arn(instance_id)],
                json!({"instance-id": instance_id, "state": state.as_str()}),
            ),
            EventKind::ReservationInterruption { instance_id, ends_at, zone_id } => {
                let mut detail = json!({"instance-id": instance_id, "instance-action": "terminate"});
                if let Some(ends_at) = ends_at {
                    detail["instance-termination-time"] = Value::String(to_the_second(*ends_at));
                }
                if let Some(zone_id) = zone_id {
                    detail["azId"] = Value::String(zone_id.clone());
                }
                ("aws.ec2", vec![arn(instance_id)], detail)
            }
            EventKind::ScheduledChange { instance_ids, code, starts_at } => {
                ("aws.health", instance_ids.clone(), self.health_detail(instance_ids, code, *starts_at))
            }
            EventKind::Other { .. } => ("aws.ec2", Vec::new(), json!({})),
        };
        let envelope = json!({
            "version": "0",
            "id": self.id,
            "detail-type": self.kind.detail_type(),
            "source": source,
            "account": self.account,
            "time": to_the_second(self.time),
            "region": self.region,
            "resources": resources,
            "detail": detail,
        });
        envelope.to_string()
    }

    fn health_detail(&self, instance_ids: &[String], code: &str, starts_at: Option<Timestamp>) -> Value {
        let mut detail = json!({
            "eventArn": format!("arn:aws:health:{}::event/EC2/{code}/{code}_{}", self.region, self.id),
            "service": "EC2",
            "eventTypeCode": code,
            "eventTypeCategory": "scheduledChange",
            "eventScopeCode": "ACCOUNT_SPECIFIC",
            "communicationId": format!("{}-1", self.id),
            "statusCode": "upcoming",
            "eventRegion": self.region,
            "eventDescription": [{
                "language": "en_US",
                "latestDescription": "A change of the underlying hardware is planned.",
            }],
            "affectedEntities":
                instance_ids.iter().map(|id| json!({"entityValue": id, "status": "PENDING"})).collect::<Vec<_>>(),
            "page": "1",
            "totalPages": "1",
            "affectedAccount": self.account,
        });
        if let Some(starts_at) = starts_at {
            detail["startTime"] = Value::String(as_in_mail(starts_at));
        }
        detail
    }
}

/// `2026-11-23T10:00:00Z`.
fn to_the_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `Mon, 23 Nov 2026 10:00:00 GMT`.
fn as_in_mail(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
