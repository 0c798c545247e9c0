//! What has changed since somebody looked.

use std::collections::BTreeMap;

use crate::Machine;
use crate::state::State;

/// Machines that have changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineChanges {
    /// What to ask with next time.
    pub version: u64,
    /// Machines that are new or different.
    pub machines: Vec<Machine>,
    /// Ids of machines that EC2 has forgotten.
    pub forgotten: Vec<String>,
}

/// The last change of every instance, by version.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    version: u64,
    /// Numbers of instances that are still listed.
    last: BTreeMap<u64, u64>,
    /// Ids of those that are not.
    forgotten: BTreeMap<u64, String>,
}

impl Changes {
    /// An instance is no longer listed; its last change was that of a version.
    pub(crate) fn forget(&mut self, changed: u64, id: String) {
        self.version += 1;
        self.last.remove(&changed);
        self.forgotten.insert(self.version, id);
    }
}

impl State {
    /// An instance has changed.
    pub(crate) fn touch(&mut self, number: u64) {
        let Some(record) = self.records.get_mut(&number) else { return };
        self.changes.version += 1;
        self.changes.last.remove(&record.changed);
        record.changed = self.changes.version;
        self.changes.last.insert(record.changed, number);
    }

    pub(crate) fn machine_changes(&self, since: u64) -> MachineChanges {
        let after = since.saturating_add(1)..;
        let numbers = self.changes.last.range(after.clone()).map(|(_, number)| number);
        MachineChanges {
            version: self.changes.version,
            machines: numbers
                .filter_map(|number| self.records.get(number))
                .map(|record| record.machine())
                .collect(),
            forgotten: self.changes.forgotten.range(after).map(|(_, id)| id.clone()).collect(),
        }
    }
}
