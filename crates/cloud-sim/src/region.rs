//! The door to a region.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use supercargo_cloud::{CloudError, QueueMessage, ReceiveRequest};

use crate::{Machine, RegionOptions};

/// What a call came to, and how long it takes: whoever asked has to wait that long for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// How long the call takes.
    pub latency: Duration,
    /// What it came to.
    pub outcome: Result<T, CloudError>,
}

/// A simulated region. Clones are the same region.
#[derive(Clone, Debug)]
pub struct Region {
    options: Arc<RegionOptions>,
    machines: Arc<Mutex<Vec<Machine>>>,
}

impl Region {
    /// A region that begins at the clock's time.
    pub fn new(options: RegionOptions) -> Region {
        Region { options: Arc::new(options), machines: Arc::default() }
    }

    /// The region's name.
    pub fn name(&self) -> &str {
        &self.options.region
    }

    /// All machines that EC2 still knows of, in order of their launch.
    pub fn machines(&self) -> Vec<Machine> {
        self.machines.lock().map(|machines| machines.clone()).unwrap_or_default()
    }

    /// When machines or messages change next by themselves.
    pub fn next_change(&self) -> Option<Timestamp> {
        None
    }

    /// Takes messages from the interruption queue.
    pub fn receive_messages(&self, _request: ReceiveRequest) -> Answer<Vec<QueueMessage>> {
        Answer { latency: Duration::ZERO, outcome: Ok(Vec::new()) }
    }

    /// Removes a message that has been dealt with.
    pub fn delete_message(&self, _receipt: &str) -> Answer<()> {
        Answer { latency: Duration::ZERO, outcome: Ok(()) }
    }
}
