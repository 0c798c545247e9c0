//! Which program this is, and whether it works or waits.

use super::Metrics;
use super::family::families;

families! {
    /// Families about the process.
    BuildFamilies {
        info: Gauges<4>("karpenter_build_info", ["version", "goversion", "goarch", "commit"],
            "A metric with a constant 1, labeled by what the program was built from. goversion names the Rust compiler"),
        leader: Gauges<1>("leader_election_master_status", ["name"],
            "Whether this replica holds the lease: 1 the leader, 0 waiting"),
    }
}

/// What the program was built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// Its version.
    pub version: &'static str,
    /// Its compiler.
    pub compiler: &'static str,
    /// The processor it runs on, as Go calls it.
    pub architecture: &'static str,
    /// The commit.
    pub commit: &'static str,
}

impl Metrics {
    /// The program is this one.
    pub fn built(&self, info: BuildInfo) {
        self.build.info.set([info.version, info.compiler, info.architecture, info.commit], 1.0);
    }

    /// This replica leads under the lease of this name, or does not.
    pub fn leads(&self, lease: &str, leads: bool) {
        self.build.leader.set([lease], f64::from(u8::from(leads)));
    }
}
