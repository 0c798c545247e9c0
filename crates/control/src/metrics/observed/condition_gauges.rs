//! How conditions stand and how long objects have been going, as operatorpkg shows it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Observed, age};
use crate::metrics::exposition::{Exposition, MetricType};
use crate::metrics::standing::Stand;

/// A condition with the object it is of.
type Of<'a> = (&'a ObjectMeta, Stand<'a>);

impl Observed {
    /// Writes the gauges of conditions.
    pub(super) fn conditions(&self, now: Timestamp, out: &mut Exposition) {
        macro_rules! of {
            ($objects:expr) => {
                $objects.iter().flat_map(|object| {
                    let status = object.status.as_ref();
                    let conditions =
                        status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
                    conditions.iter().map(|condition| (&object.metadata, Stand::from(condition)))
                })
            };
        }
        write("nodeclaim", of!(self.claims), now, out);
        write("nodepool", of!(self.node_pools), now, out);
        write("ec2nodeclass", of!(self.node_classes), now, out);
        write("node", of!(self.nodes), now, out);
        write("capacitybuffer", of!(self.buffers), now, out);
        terminating("nodeclaim", self.claims.iter().map(|object| &object.metadata), now, out);
        terminating("nodepool", self.node_pools.iter().map(|object| &object.metadata), now, out);
        terminating("ec2nodeclass", self.node_classes.iter().map(|object| &object.metadata), now, out);
        terminating("node", self.nodes.iter().map(|object| &object.metadata), now, out);
        terminating("capacitybuffer", self.buffers.iter().map(|object| &object.metadata), now, out);
    }
}

fn write<'a>(kind: &str, stands: impl Iterator<Item = Of<'a>> + Clone, now: Timestamp, out: &mut Exposition) {
    if stands.clone().next().is_none() {
        return;
    }
    let count = format!("operator_{kind}_status_condition_count");
    out.family(&count, MetricType::Gauge, "The number of a condition for a given object, type and status");
    for stand in stands.clone() {
        out.sample(&count, "", labels(&stand), 1.0);
    }
    let current = format!("operator_{kind}_status_condition_current_status_seconds");
    let help = "The current amount of time in seconds that a status condition has been in a specific state";
    out.family(&current, MetricType::Gauge, help);
    for stand in stands {
        if let Some(since) = stand.1.since {
            out.sample(&current, "", labels(&stand), age(since, now));
        }
    }
}

fn labels<'a>((metadata, stand): &Of<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let all = [
        ("name", metadata.name.as_deref().unwrap_or_default()),
        ("namespace", metadata.namespace.as_deref().unwrap_or_default()),
        ("reason", stand.reason),
        ("status", stand.status),
        ("type", stand.condition),
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
