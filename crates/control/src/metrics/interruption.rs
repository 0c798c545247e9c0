//! Messages of the interruption queue.

use std::time::Duration;

use super::Metrics;
use super::buckets::DURATION;
use super::family::families;

families! {
    /// Families about interruptions.
    InterruptionFamilies {
        received: Counters<1>("karpenter_interruption_received_messages_total", ["message_type"],
            "Count of messages received from the interruption queue, by message type"),
        deleted: Counters<0>("karpenter_interruption_deleted_messages_total", [],
            "Count of messages deleted from the interruption queue"),
        waited: Histograms<0>("karpenter_interruption_message_queue_duration_seconds", [],
            "Amount of time an interruption message is on the queue before it is processed, in seconds", DURATION),
        unhealthy: Counters<1>("karpenter_interruption_instance_status_unhealthy_total", ["category"],
            "Count of instances with a failed status check, by category"),
    }
}

impl Metrics {
    /// A message of this type came, this long after it was sent.
    pub fn interruption_received(&self, message_type: &str, waited: Duration) {
        self.interruption.received.count([message_type]);
        self.interruption.waited.took([], waited);
    }

    /// A message was dealt with.
    pub fn interruption_deleted(&self) {
        self.interruption.deleted.count([]);
    }

    /// An instance failed a status check of this category.
    pub fn instance_unhealthy(&self, category: &str) {
        self.interruption.unhealthy.count([category]);
    }
}
