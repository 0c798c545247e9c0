//! The queue that EventBridge puts messages about instances into.

use std::time::Duration;

/// How messages are taken (reference section 5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveRequest {
    /// Messages at most, 1 to 10.
    pub max_messages: u32,
    /// How long others do not see them.
    pub visibility_timeout: Duration,
    /// How long to wait for a first one.
    pub wait: Duration,
}

impl Default for ReceiveRequest {
    /// Ten messages, 20 s each.
    fn default() -> ReceiveRequest {
        ReceiveRequest {
            max_messages: 10,
            visibility_timeout: Duration::from_secs(20),
            wait: Duration::from_secs(20),
        }
    }
}

/// A message that was taken and has to be deleted once it is dealt with; otherwise it comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMessage {
    /// The queue's id for it.
    pub message_id: String,
    /// What [`delete_message`](crate::CloudProvider::delete_message) wants.
    pub receipt: String,
    /// The event as JSON; [`Event::parse`](crate::event::Event::parse) reads it.
    pub body: String,
    /// How often it has been taken, this time included.
    pub receive_count: u32,
}
