//! The interruption queue: at least once, in no certain order, unseen while somebody deals with it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_clock::Randomness;
use supercargo_cloud::{QueueMessage, ReceiveRequest};

use crate::QueueOptions;
use crate::timeline::later;

/// A message in the queue.
#[derive(Clone, Debug)]
struct Waiting {
    message_id: String,
    body: String,
    sent_at: Timestamp,
    receive_count: u32,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    options: QueueOptions,
    randomness: Randomness,
    /// By when each is seen, then by number.
    messages: BTreeMap<(Timestamp, u64), Waiting>,
    /// When each is seen, by number.
    seen_at: BTreeMap<u64, Timestamp>,
    next_number: u64,
}

impl Queue {
    pub(crate) fn new(options: QueueOptions, randomness: &Randomness) -> Queue {
        Queue {
            options,
            randomness: randomness.fork("queue"),
            messages: BTreeMap::new(),
            seen_at: BTreeMap::new(),
            next_number: 0,
        }
    }

    /// Sends a message, now and then twice.
    pub(crate) fn send(&mut self, body: &str, now: Timestamp) {
        self.drop_old(now);
        let twice = self.options.duplicates > 0.0 && self.randomness.chance(self.options.duplicates);
        for _ in 0..if twice { 2 } else { 1 } {
            let seen_at = later(now, self.options.delivery.draw(&mut self.randomness));
            let message_id = uuid(&mut self.randomness);
            let waiting = Waiting { message_id, body: body.to_owned(), sent_at: now, receive_count: 0 };
            self.put(self.next_number, seen_at, waiting);
            self.next_number += 1;
        }
    }

    fn put(&mut self, number: u64, seen_at: Timestamp, waiting: Waiting) {
        self.seen_at.insert(number, seen_at);
        self.messages.insert((seen_at, number), waiting);
    }

    /// Takes messages that can be seen.
    pub(crate) fn receive(&mut self, request: ReceiveRequest, now: Timestamp) -> Vec<QueueMessage> {
        let most = request.max_messages.clamp(1, 10) as usize;
        let mut received = Vec::new();
        while received.len() < most {
            let Some(entry) = self.messages.first_entry().filter(|entry| entry.key().0 <= now) else { break };
            let ((_, number), mut waiting) = entry.remove_entry();
            self.seen_at.remove(&number);
            if self.is_over(&waiting, now) {
                continue;
            }
            waiting.receive_count += 1;
            received.push(QueueMessage {
                message_id: waiting.message_id.clone(),
                receipt: format!("{number}/{}/{}", waiting.receive_count, waiting.message_id),
                body: waiting.body.clone(),
                receive_count: waiting.receive_count,
            });
            // a timeout of zero leaves it in sight, but not within the same call
            let unseen = request.visibility_timeout.max(Duration::from_millis(1));
            self.put(number, later(now, unseen), waiting);
        }
        received
    }

    /// Messages that nobody has taken for too long go, so that a queue without readers does not grow.
    fn drop_old(&mut self, now: Timestamp) {
        while let Some(entry) = self.messages.first_entry() {
            if later(entry.get().sent_at, self.options.retention) > now {
                return;
            }
            let ((_, number), _) = entry.remove_entry();
            self.seen_at.remove(&number);
        }
    }

    fn is_over(&self, waiting: &Waiting, now: Timestamp) -> bool {
        later(waiting.sent_at, self.options.retention) <= now
    }

    /// Removes a message by the receipt of any of its deliveries. What is gone already is no error; a receipt that never
    /// was one is.
    pub(crate) fn delete(&mut self, receipt: &str) -> bool {
        let mut parts = receipt.splitn(3, '/');
        let number = parts.next().and_then(|number| number.parse::<u64>().ok());
        let is_receipt = parts.next().is_some_and(|count| count.parse::<u32>().is_ok());
        let Some(number) = number.filter(|number| is_receipt && *number < self.next_number) else {
            return false;
        };
        let Some(message_id) = parts.next() else { return false };
        if let Some(seen_at) = self.seen_at.get(&number).copied() {
            let key = (seen_at, number);
            if self.messages.get(&key).is_some_and(|waiting| waiting.message_id != message_id) {
                return false;
            }
            self.messages.remove(&key);
            self.seen_at.remove(&number);
        }
        true
    }

    /// When the next message comes into sight; a moment of the past if one is in sight.
    pub(crate) fn next_seen(&self) -> Option<Timestamp> {
        self.messages.keys().next().map(|(seen_at, _)| *seen_at)
    }

    /// Messages that are waiting, seen or not.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }
}

/// Random bits in the form of a UUID of version 4.
pub(crate) fn uuid(randomness: &mut Randomness) -> String {
    let (high, low) = (randomness.u64(), randomness.u64());
    let text = format!("{:016x}{:016x}", high & !0xf000 | 0x4000, low & !(0b11 << 62) | (0b10 << 62));
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}
