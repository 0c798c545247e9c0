//! How machines start, how they are taken back, and what breaks.

use std::time::Duration;

use crate::Spread;

/// How long machines take to start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BootOptions {
    /// From launch to EC2's state running.
    pub running: Spread,
    /// From launch to the start of the kubelet. A node registers and gets ready some 6 s later, so that the default of 24
    /// to 38 s makes nodes ready 30 to 45 s after their launch. A slow tail is set with [`Spread::with_tail`].
    pub kubelet: Spread,
    /// The kubelet of bare metal starts this much later.
    pub metal_extra: Duration,
    /// From the order to end to EC2's state terminated.
    pub termination: Spread,
}

impl Default for BootOptions {
    fn default() -> BootOptions {
        let seconds = Duration::from_secs;
        BootOptions {
            running: Spread::between(seconds(4), seconds(12)),
            kubelet: Spread::between(seconds(24), seconds(38)),
            metal_extra: Duration::from_secs(240),
            termination: Spread::between(seconds(20), seconds(50)),
        }
    }
}

/// How spot instances are taken back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InterruptionOptions {
    /// Multiplies the hazard that the published monthly frequency of a type stands for; zero for none.
    pub hazard: f64,
    /// How often a rebalance recommendation comes ahead of the notice and not with it, 0 to 1.
    pub rebalance_ahead: f64,
    /// How far ahead of the notice it comes then.
    pub rebalance_lead: Spread,
    /// From the notice to the end; two minutes at EC2.
    pub notice: Duration,
}

impl Default for InterruptionOptions {
    fn default() -> InterruptionOptions {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        InterruptionOptions {
            hazard: 1.0,
            rebalance_ahead: 0.7,
            rebalance_lead: Spread::between(minutes(2), minutes(20)),
            notice: minutes(2),
        }
    }
}

/// What breaks. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FailureOptions {
    /// Share of launches that end by themselves while pending.
    pub launch_fails: f64,
    /// Share of machines whose kubelet never starts.
    pub never_boots: f64,
    /// Share of machines whose kubelet dies within a month.
    pub kubelet_dies_monthly: f64,
    /// Share of machines whose host is impaired within a month.
    pub host_impaired_monthly: f64,
    /// Share of machines that maintenance is planned for within a month.
    pub maintenance_monthly: f64,
}

impl FailureOptions {
    /// About what a large fleet sees. The figures are ours; AWS publishes none.
    pub const REALISTIC: FailureOptions = FailureOptions {
        launch_fails: 0.0005,
        never_boots: 0.001,
        kubelet_dies_monthly: 0.002,
        host_impaired_monthly: 0.002,
        maintenance_monthly: 0.005,
    };
}
