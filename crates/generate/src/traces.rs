//! How large pods are, how many there are of one kind and how long they live: quantiles of two production traces.
//!
//! | what | trace | rows |
//! |---|---|---|
//! | requests of services | openb, all pods | 8,152 pods |
//! | requests and lifetimes of batch work | openb, pods of the class BE (best effort) | 3,398 pods |
//! | requests of stateful work, lifetimes of services | DLRM, instances of the role CN (CPU nodes) | 16,485 instances |
//! | replicas of a workload | DLRM, instances per application | 156 applications |
//!
//! Both are published by Alibaba (<https://github.com/alibaba/clusterdata>: cluster-trace-gpu-v2023 and
//! cluster-trace-gpu-v2025). Their machines have 96 to 192 cores, those here mostly 4 to 16; so cpu is divided by the
//! numbers below, which keeps the share of a node that a pod takes, and memory keeps its proportion to cpu. Drawing
//! interpolates between the quantiles, with nothing but additions and multiplications: the same on every platform.

use supercargo_clock::Randomness;

/// The shares of the distribution that the quantiles below stand at.
pub const SHARES: [f64; 11] = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];

/// Values at [`SHARES`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles(pub [f64; 11]);

/// How pods of one sort are sized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Millicores, in the trace.
    pub cpu_milli: Quantiles,
    /// MiB per core.
    pub mib_per_core: Quantiles,
    /// What the cpu of the trace is divided by.
    pub cpu_divisor: f64,
}

/// Requests of services: openb, all pods.
pub const SERVICE: Shape = Shape {
    cpu_milli: Quantiles([
        1_000.0, 3_152.0, 3_152.0, 3_152.0, 4_000.0, 11_300.0, 12_000.0, 16_400.0, 24_200.0, 32_000.0,
        120_200.0,
    ]),
    mib_per_core: Quantiles([
        976.0, 1_280.0, 1_536.0, 1_776.0, 1_776.0, 3_814.0, 4_236.0, 4_587.0, 6_144.0, 7_680.0, 10_922.0,
    ]),
    cpu_divisor: 60.0,
};

/// Requests of batch work: openb, best effort.
pub const BATCH: Shape = Shape {
    cpu_milli: Quantiles([
        1_000.0, 3_152.0, 3_152.0, 3_152.0, 3_152.0, 4_000.0, 8_000.0, 11_908.0, 32_000.0, 32_000.0, 32_000.0,
    ]),
    mib_per_core: Quantiles([
        1_536.0, 1_536.0, 1_536.0, 1_776.0, 1_776.0, 1_776.0, 3_814.0, 3_955.0, 5_722.0, 7_629.0, 7_629.0,
    ]),
    cpu_divisor: 24.0,
};

/// Requests of stateful work: DLRM, CPU nodes.
pub const STATEFUL: Shape = Shape {
    cpu_milli: Quantiles([
        24_000.0, 48_000.0, 48_000.0, 48_000.0, 48_000.0, 64_000.0, 96_000.0, 96_000.0, 96_000.0, 192_000.0,
        192_000.0,
    ]),
    mib_per_core: Quantiles([
        3_413.0, 4_266.0, 4_266.0, 5_120.0, 5_120.0, 5_120.0, 5_120.0, 5_120.0, 6_400.0, 7_680.0, 10_240.0,
    ]),
    cpu_divisor: 80.0,
};

/// What the replicas of the trace are divided by: it is 156 large applications of one kind, where a cluster of that size
/// runs several hundred workloads of all kinds.
pub const REPLICAS_DIVISOR: f64 = 5.0;

/// Instances per application: DLRM.
pub const REPLICAS: Quantiles =
    Quantiles([3.0, 5.0, 6.0, 9.0, 17.0, 43.0, 170.0, 437.0, 612.0, 1_817.0, 2_551.0]);

/// Minutes that an instance lives: DLRM, CPU nodes.
pub const SERVICE_LIFE_MINUTES: Quantiles =
    Quantiles([0.0, 0.0, 2.0, 2.0, 45.0, 161.0, 1_278.0, 4_954.0, 10_766.0, 23_446.0, 41_040.0]);

/// Minutes that a pod lives: openb, best effort.
pub const BATCH_LIFE_MINUTES: Quantiles =
    Quantiles([0.0, 0.0, 0.0, 1.0, 2.0, 4.0, 18.0, 134.0, 307.0, 895.0, 8_694.0]);

impl Quantiles {
    /// The value at a share of the distribution, interpolated.
    pub fn at(&self, share: f64) -> f64 {
        let above = SHARES.iter().position(|known| *known >= share).unwrap_or(SHARES.len() - 1).max(1);
        let (low, high) = (SHARES[above - 1], SHARES[above]);
        let part = ((share - low) / (high - low)).clamp(0.0, 1.0);
        self.0[above - 1] + part * (self.0[above] - self.0[above - 1])
    }

    /// A draw.
    pub fn draw(&self, randomness: &mut Randomness) -> f64 {
        self.at(randomness.f64())
    }
}

impl Shape {
    /// Millicores and MiB that one pod requests, scaled, in the round numbers that people write.
    pub fn draw(&self, scale: f64, randomness: &mut Randomness) -> (i64, i64) {
        let cpu = self.cpu_milli.draw(randomness) / self.cpu_divisor * scale;
        let memory = cpu / 1_000.0 * self.mib_per_core.draw(randomness);
        (
            rounded(cpu, &[(1_000.0, 25.0), (4_000.0, 100.0)], 500.0),
            rounded(memory, &[(1_024.0, 32.0), (8_192.0, 128.0)], 512.0),
        )
    }
}

/// The nearest multiple of the step of the first range that the amount is below, one step at least.
fn rounded(amount: f64, ranges: &[(f64, f64)], beyond: f64) -> i64 {
    let step = ranges.iter().find(|(below, _)| amount < *below).map_or(beyond, |(_, step)| *step);
    ((amount / step).round().max(1.0) * step) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_met_where_they_stand_and_interpolated_between() {
        assert_eq!(REPLICAS.at(0.5), 43.0);
        assert_eq!(REPLICAS.at(0.0), 3.0);
        assert_eq!(REPLICAS.at(1.0), 2_551.0);
        assert_eq!(REPLICAS.at(0.625), 106.5);
    }

    #[test]
    fn draws_follow_the_trace() {
        let mut randomness = Randomness::from_seed(1);
        let mut drawn: Vec<(i64, i64)> = (0..10_001).map(|_| SERVICE.draw(1.0, &mut randomness)).collect();
        drawn.sort_unstable();
        let median = drawn[5_000].0 as f64;
        let expected = SERVICE.cpu_milli.at(0.5) / SERVICE.cpu_divisor;
        assert!((median / expected - 1.0).abs() < 0.1, "{median} against {expected}");
        assert!(drawn.iter().all(|(cpu, memory)| *cpu >= 25 && *memory >= 32));
    }

    #[test]
    fn amounts_are_round() {
        assert_eq!(rounded(131.3, &[(1_000.0, 25.0)], 500.0), 125);
        assert_eq!(rounded(3.0, &[(1_000.0, 25.0)], 500.0), 25);
        assert_eq!(rounded(1_300.0, &[(1_000.0, 25.0)], 500.0), 1_500);
    }
}
