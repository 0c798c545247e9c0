//! What a row measures: integrals and money. Rows are added up without loss.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::{Amount, ContainerFact, NetworkBytes};
use crate::interval::Interval;
use crate::money::Money;
use crate::prices::PriceSources;

/// One of cpu, memory, GPU: integrals in the units of the facts, and money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// What was asked for.
    pub requested: u128,
    /// What was used, as far as it was measured.
    pub used: u128,
    /// Of what was asked for, the part while use was measured: what use is compared with.
    pub compared: u128,
    /// What is paid for.
    pub charged: u128,
    /// What it costs, idle of others included.
    pub cost: Money,
    /// Of the cost, the part that is idle of the nodes, handed on.
    pub idle: Money,
    /// What it would cost more, had the node been as big as all its containers used at once. Not part of any total.
    pub overcommit: Money,
}

impl Resource {
    /// A container's, whose use was measured for so many of its seconds.
    fn of(amount: Amount, measured: u64, seconds: u64) -> Resource {
        let requested = u128::from(amount.requested);
        Resource {
            requested,
            used: amount.used.into(),
            compared: match measured {
                0 => 0,
                measured if measured >= seconds => requested,
                measured => requested * u128::from(measured) / u128::from(seconds),
            },
            charged: amount.charged.into(),
            ..Resource::default()
        }
    }

    fn add(&mut self, other: &Resource) {
        self.requested = self.requested.saturating_add(other.requested);
        self.used = self.used.saturating_add(other.used);
        self.compared = self.compared.saturating_add(other.compared);
        self.charged = self.charged.saturating_add(other.charged);
        self.cost += other.cost;
        self.idle += other.idle;
        self.overcommit += other.overcommit;
    }
}

/// Traffic and what it costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Bytes sent.
    pub transmitted: u128,
    /// Bytes received.
    pub received: u128,
    /// Bytes to other zones, to other regions and to the internet.
    pub classes: [u128; 3],
    /// Cost of traffic to other zones.
    pub zone_cost: Money,
    /// Cost of traffic to other regions.
    pub region_cost: Money,
    /// Cost of traffic to the internet.
    pub internet_cost: Money,
    /// Whether any of it was measured.
    pub measured: bool,
}

impl Network {
    fn of(bytes: NetworkBytes) -> Network {
        Network {
            transmitted: bytes.transmitted.into(),
            received: bytes.received.into(),
            classes: [bytes.zone.into(), bytes.region.into(), bytes.internet.into()],
            measured: true,
            ..Network::default()
        }
    }

    /// All of it.
    pub fn cost(&self) -> Money {
        self.zone_cost + self.region_cost + self.internet_cost
    }

    fn add(&mut self, other: &Network) {
        self.transmitted += other.transmitted;
        self.received += other.received;
        for (mine, theirs) in self.classes.iter_mut().zip(other.classes) {
            *mine += theirs;
        }
        self.zone_cost += other.zone_cost;
        self.region_cost += other.region_cost;
        self.internet_cost += other.internet_cost;
        self.measured |= other.measured;
    }
}

/// A row's part of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumePart {
    /// Volume handle.
    pub provider_id: Arc<str>,
    /// Size times time.
    pub byte_seconds: u128,
    /// Its cost.
    pub cost: Money,
}

/// A row's part of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalancerPart {
    /// Namespace and name of the Service.
    pub service: Arc<str>,
    /// Address.
    pub address: Arc<str>,
    /// Whether it is not reachable from the internet.
    pub private: bool,
    /// For how long both were there.
    pub seconds: u128,
    /// Its cost.
    pub cost: Money,
}

/// Costs that were handed on, by what they were for: cores, memory, GPUs, volumes, traffic, load balancers, and others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostParts(pub [Money; 7]);

impl CostParts {
    /// A row's costs.
    pub fn of(row: &Measures) -> CostParts {
        CostParts([
            row.cpu.cost,
            row.ram.cost,
            row.gpu.cost,
            row.volume_cost(),
            row.network.cost(),
            row.balancer_cost(),
            row.shared + row.external,
        ])
    }

    /// Costs of nodes alone: cores, memory, GPUs.
    pub fn of_nodes([cpu, ram, gpu]: [Money; 3]) -> CostParts {
        let nothing = Money::ZERO;
        CostParts([cpu, ram, gpu, nothing, nothing, nothing, nothing])
    }

    /// A row's load balancers alone.
    pub fn of_balancers(row: &Measures) -> CostParts {
        let mut parts = CostParts::default();
        parts.0[5] = row.balancer_cost();
        parts
    }

    /// Costs of something else.
    pub fn other(cost: Money) -> CostParts {
        let mut parts = CostParts::default();
        parts.0[6] = cost;
        parts
    }

    /// All of it.
    pub fn total(&self) -> Money {
        self.0.iter().copied().sum()
    }

    /// Adds others.
    pub fn add(&mut self, other: &CostParts) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// What a row measures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// From the first second to the last.
    pub span: Interval,
    /// In microcore-seconds.
    pub cpu: Resource,
    /// In byte-seconds.
    pub ram: Resource,
    /// In thousandth-GPU-seconds.
    pub gpu: Resource,
    /// Cpu limits, in microcore-seconds.
    pub cpu_limit: u128,
    /// Memory limits, in byte-seconds.
    pub ram_limit: u128,
    /// The most microcores one container used at once.
    pub cpu_peak: u64,
    /// The most bytes one container used at once.
    pub ram_peak: u64,
    /// Container-seconds that ran.
    pub seconds: u128,
    /// Of those, the ones whose use was measured.
    pub measured: u128,
    /// Traffic.
    pub network: Network,
    /// Volumes, by cluster and name.
    pub volumes: BTreeMap<(Arc<str>, Arc<str>), VolumePart>,
    /// Load balancers, by `cluster/namespace/service`.
    pub balancers: BTreeMap<Arc<str>, BalancerPart>,
    /// Costs of others, handed on.
    pub shared: Money,
    /// Whose costs those are; empty unless asked for.
    pub shared_by: BTreeMap<Arc<str>, CostParts>,
    /// Costs from outside the cluster.
    pub external: Money,
    /// Where the prices come from.
    pub sources: PriceSources,
}

impl Measures {
    /// A container's, without any cost yet.
    pub fn of(fact: &ContainerFact) -> Measures {
        let resource = |amount: Amount| Resource::of(amount, fact.measured, fact.interval.seconds());
        Measures {
            span: fact.interval,
            cpu: resource(fact.cpu),
            ram: resource(fact.ram),
            gpu: resource(fact.gpu),
            cpu_limit: fact.cpu_limit.into(),
            ram_limit: fact.ram_limit.into(),
            cpu_peak: fact.cpu_peak,
            ram_peak: fact.ram_peak,
            seconds: fact.interval.seconds().into(),
            measured: fact.measured.into(),
            network: fact.network.map(Network::of).unwrap_or_default(),
            ..Measures::default()
        }
    }

    /// Cost of volumes.
    pub fn volume_cost(&self) -> Money {
        self.volumes.values().map(|part| part.cost).sum()
    }

    /// Volumes' size times time.
    pub fn volume_byte_seconds(&self) -> u128 {
        self.volumes.values().map(|part| part.byte_seconds).sum()
    }

    /// Cost of load balancers.
    pub fn balancer_cost(&self) -> Money {
        self.balancers.values().map(|part| part.cost).sum()
    }

    /// All costs (reference section 2.6: cpu, gpu, ram, volumes, network, load balancers, shared, external).
    pub fn total(&self) -> Money {
        self.cpu.cost
            + self.ram.cost
            + self.gpu.cost
            + self.volume_cost()
            + self.network.cost()
            + self.balancer_cost()
            + self.shared
            + self.external
    }

    /// Adds another row.
    pub fn add(&mut self, other: &Measures) {
        self.span = self.span.hull(other.span);
        self.sources = self.sources.with(other.sources);
        self.cpu.add(&other.cpu);
        self.ram.add(&other.ram);
        self.gpu.add(&other.gpu);
        self.cpu_limit = self.cpu_limit.saturating_add(other.cpu_limit);
        self.ram_limit = self.ram_limit.saturating_add(other.ram_limit);
        self.cpu_peak = self.cpu_peak.max(other.cpu_peak);
        self.ram_peak = self.ram_peak.max(other.ram_peak);
        self.seconds = self.seconds.saturating_add(other.seconds);
        self.measured = self.measured.saturating_add(other.measured);
        self.network.add(&other.network);
        for (name, part) in &other.volumes {
            let mine = self.volumes.entry(name.clone()).or_default();
            // of several handles the same one, in whatever order they come
            if part.provider_id > mine.provider_id {
                mine.provider_id = Arc::clone(&part.provider_id);
            }
            mine.byte_seconds += part.byte_seconds;
            mine.cost += part.cost;
        }
        for (name, part) in &other.balancers {
            let mine = self.balancers.entry(Arc::clone(name)).or_insert_with(|| BalancerPart {
                seconds: 0,
                cost: Money::ZERO,
                ..part.clone()
            });
            if (&part.address, part.private) > (&mine.address, mine.private) {
                (mine.address, mine.private) = (Arc::clone(&part.address), part.private);
            }
            mine.seconds += part.seconds;
            mine.cost += part.cost;
        }
        self.shared += other.shared;
        for (name, parts) in &other.shared_by {
            self.shared_by.entry(Arc::clone(name)).or_default().add(parts);
        }
        self.external += other.external;
    }

    /// Use over request of the cores, while use was measured (reference section 1.6): without a request 1 if anything was
    /// used, else 0. Not a number if it was never measured.
    pub fn cpu_efficiency(&self) -> f64 {
        efficiency(&self.cpu)
    }

    /// Use over request of the memory.
    pub fn ram_efficiency(&self) -> f64 {
        efficiency(&self.ram)
    }

    /// Use over request of the GPUs.
    pub fn gpu_efficiency(&self) -> f64 {
        efficiency(&self.gpu)
    }

    /// Efficiencies of cores and memory, weighted by their costs without idle; of one alone if the other is not known.
    pub fn total_efficiency(&self) -> f64 {
        let (cpu, ram) = ((self.cpu.cost - self.cpu.idle).as_f64(), (self.ram.cost - self.ram.idle).as_f64());
        let parts = [(self.cpu_efficiency(), cpu), (self.ram_efficiency(), ram)];
        if cpu + ram <= 0.0 {
            return 0.0;
        }
        let known = parts.into_iter().filter(|(efficiency, _)| !efficiency.is_nan());
        let (sum, cost) =
            known.fold((0.0, 0.0), |(sum, all), (efficiency, cost)| (sum + efficiency * cost, all + cost));
        if cost > 0.0 { sum / cost } else { f64::NAN }
    }
}

fn efficiency(resource: &Resource) -> f64 {
    match (resource.requested, resource.used) {
        (0, 0) => 0.0,
        (0, _) => f64::from(u8::from(!resource.cost.is_zero())),
        (_, used) if resource.compared > 0 => used as f64 / resource.compared as f64,
        (_, 0) => f64::NAN,
        // used by those who did not ask
        (requested, used) => used as f64 / requested as f64,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Reference section 1.6; values above 1 are legal (#2430).
    #[rstest]
    #[case(0, 0, 1, 0.0)]
    #[case(0, 5, 0, 0.0)]
    #[case(0, 5, 1, 1.0)]
    #[case(10, 5, 1, 0.5)]
    #[case(1, 180, 1, 180.0)]
    fn efficiency_is_use_over_request(
        #[case] requested: u128,
        #[case] used: u128,
        #[case] cost: i128,
        #[case] expected: f64,
    ) {
        let resource = Resource { requested, used, cost: Money::from_nanos(cost), ..Resource::default() };
        assert_eq!(efficiency(&resource), expected);
    }

    /// A missed scrape is not a zero: a Job of seconds between two looks is not idle.
    #[test]
    fn efficiency_is_of_the_time_that_was_measured() {
        let fact = |cores: u64, seconds: i64, measured: u64| ContainerFact {
            interval: Interval::new(0, seconds),
            cpu: Amount {
                requested: cores * seconds.unsigned_abs(),
                used: cores * measured / 2,
                charged: cores * seconds.unsigned_abs(),
            },
            measured,
            ..ContainerFact::default()
        };
        let (service, job) = (Measures::of(&fact(1, 3_600, 3_600)), Measures::of(&fact(10, 600, 0)));
        assert_eq!(service.cpu_efficiency(), 0.5);
        assert!(job.cpu_efficiency().is_nan());
        let mut both = service;
        both.add(&job);
        assert_eq!(both.cpu_efficiency(), 0.5);
        assert_eq!(Measures::of(&fact(4, 600, 150)).cpu_efficiency(), 0.5);
        let paid = |mut row: Measures| {
            row.cpu.cost = Money::from_dollars(1);
            row
        };
        assert_eq!(paid(both).total_efficiency(), 0.5);
        assert!(paid(job).total_efficiency().is_nan());
    }

    #[test]
    fn total_efficiency_is_weighted_by_cost_without_idle() {
        let resource = |requested, used, cost, idle| Resource {
            requested,
            used,
            cost: Money::from_dollars(cost),
            idle: Money::from_dollars(idle),
            ..Resource::default()
        };
        let measures =
            Measures { cpu: resource(10, 5, 4, 1), ram: resource(10, 10, 1, 0), ..Measures::default() };
        assert_eq!(measures.total_efficiency(), (0.5 * 3.0 + 1.0) / 4.0);
    }
}
