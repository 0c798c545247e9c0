//! How conditions stand and how long objects have been going, as operatorpkg shows it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_api::{Condition, ConditionStatus};

use super::{Observed, age};
use crate::metrics::exposition::{Exposition, MetricType};

/// A condition of an object.
struct Stand<'a> {
    metadata: &'a ObjectMeta,
    condition: String,
    status: &'static str,
    reason: String,
    since: Option<Timestamp>,
}

impl Observed {
    /// Writes the gauges of conditions.
    pub(super) fn conditions(&self, now: Timestamp, out: &mut Exposition) {
        macro_rules! of {
            ($objects:expr) => {
                $objects.iter().flat_map(|object| {
                    let status = object.status.as_ref();
                    let conditions =
                        status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
                    conditions.iter().map(|condition| stand(&object.metadata, condition))
                })
            };
        }
        let nodes = self.nodes.iter().flat_map(|node| {
            let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref());
            conditions.unwrap_or_default().iter().map(|condition| Stand {
                metadata: &node.metadata,
                condition: condition.type_.clone(),
                status: match condition.status.as_str() {
                    "True" => "True",
                    "False" => "False",
                    _ => "Unknown",
                },
                reason: condition.reason.clone().unwrap_or_default(),
                since: condition.last_transition_time.as_ref().map(|time| time.0),
            })
        });
        write("nodeclaim", &of!(self.claims).collect::<Vec<_>>(), now, out);
        write("nodepool", &of!(self.node_pools).collect::<Vec<_>>(), now, out);
        write("ec2nodeclass", &of!(self.node_classes).collect::<Vec<_>>(), now, out);
        write("node", &nodes.collect::<Vec<_>>(), now, out);
        write("capacitybuffer", &of!(self.buffers).collect::<Vec<_>>(), now, out);
        terminating("nodeclaim", self.claims.iter().map(|object| &object.metadata), now, out);
        terminating("nodepool", self.node_pools.iter().map(|object| &object.metadata), now, out);
        terminating("ec2nodeclass", self.node_classes.iter().map(|object| &object.metadata), now, out);
        terminating("node", self.nodes.iter().map(|object| &object.metadata), now, out);
        terminating("capacitybuffer", self.buffers.iter().map(|object| &object.metadata), now, out);
    }
}

fn stand<'a>(metadata: &'a ObjectMeta, condition: &Condition) -> Stand<'a> {
    Stand {
        metadata,
        condition: condition.type_.clone(),
        status: match condition.status {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        },
        reason: condition.reason.clone().unwrap_or_default(),
        since: condition.last_transition_time.as_ref().map(|time| time.0),
    }
}

fn write(kind: &str, stands: &[Stand<'_>], now: Timestamp, out: &mut Exposition) {
    if stands.is_empty() {
        return;
    }
    let count = format!("operator_{kind}_status_condition_count");
    out.family(&count, MetricType::Gauge, "The number of a condition for a given object, type and status");
    for stand in stands {
        out.sample(&count, "", labels(stand), 1.0);
    }
    let current = format!("operator_{kind}_status_condition_current_status_seconds");
    let help = "The current amount of time in seconds that a status condition has been in a specific state";
    out.family(&current, MetricType::Gauge, help);
    for stand in stands {
        if let Some(since) = stand.since {
            out.sample(&current, "", labels(stand), age(since, now));
        }
    }
}

fn labels<'a>(stand: &'a Stand<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let all = [
        ("name", stand.metadata.name.as_deref().unwrap_or_default()),
        ("namespace", stand.metadata.namespace.as_deref().unwrap_or_default()),
        ("reason", stand.reason.as_str()),
        ("status", stand.status),
        ("type", stand.condition.as_str()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty())
}

fn terminating<'a>(
    kind: &str,
    objects: impl Iterator<Item = &'a ObjectMeta>,
    now: Timestamp,
    out: &mut Exposition,
) {
    let name = format!("operator_{kind}_termination_current_time_seconds");
    let mut is_begun = false;
    for metadata in objects {
        let Some(since) = &metadata.deletion_timestamp else { continue };
        if !is_begun {
            let help = "The current amount of time in seconds that an object has been in terminating state";
            out.family(&name, MetricType::Gauge, help);
            is_begun = true;
        }
        let labels = [
            ("name", metadata.name.as_deref().unwrap_or_default()),
            ("namespace", metadata.namespace.as_deref().unwrap_or_default()),
        ];
        out.sample(&name, "", labels.into_iter().filter(|(_, value)| !value.is_empty()), age(since.0, now));
    }
}
