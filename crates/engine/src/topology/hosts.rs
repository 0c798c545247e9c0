//! How groups by host stand on one node.

use super::group::Count;

/// Counts on one node that is being filled, for groups by host.
#[derive(Clone, Debug, Default)]
pub struct HostCounts {
    counts: Vec<(u32, Count)>,
}

impl HostCounts {
    /// The count of a group; zero where none of its pods is here.
    pub fn count(&self, group: u32) -> Count {
        self.counts.iter().find(|(known, _)| *known == group).map(|(_, count)| *count).unwrap_or_default()
    }

    /// Adds to a group's count.
    pub fn record(&mut self, group: u32, matched: i64, owners: i64) {
        match self.counts.iter_mut().find(|(known, _)| *known == group) {
            Some((_, count)) => {
                count.matched += matched;
                count.owners += owners;
            }
            None => self.counts.push((group, Count { matched, owners })),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.clear();
    }
}
