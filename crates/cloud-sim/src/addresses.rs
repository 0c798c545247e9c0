//! Subnets and their addresses. Every address is either free or with one instance.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use supercargo_clock::Randomness;
use supercargo_cloud::{SecurityGroup, Subnet};

use crate::RegionOptions;
use crate::pools::{Zone, discovery_tags};

/// Addresses of every subnet that AWS keeps: the first four and the last.
const KEPT: u32 = 5;

/// A subnet and who has its addresses.
#[derive(Debug)]
struct Addresses {
    subnet: Subnet,
    /// First address.
    base: u32,
    /// Addresses after the kept ones that have never been given out begin here.
    fresh: u32,
    /// Addresses that are usable.
    usable: u32,
    /// Addresses that came back, lowest first.
    returned: BTreeSet<u32>,
}

/// The network of a region.
#[derive(Debug)]
pub(crate) struct Network {
    subnets: Vec<Addresses>,
    pub security_groups: Vec<SecurityGroup>,
}

impl Network {
    pub(crate) fn new(options: &RegionOptions, zones: &[Zone], randomness: &Randomness) -> Network {
        let mut ids = randomness.fork("network");
        let vpc_id = format!("vpc-0{:016x}", ids.u64());
        let tags = discovery_tags(options);
        let prefix = options.network.prefix.clamp(16, 28);
        let size = 1u32 << (32 - prefix);
        let mut subnets = Vec::new();
        for zone in zones {
            for number in 0..options.network.subnets_per_zone {
                let base =
                    u32::from(options.network.base).wrapping_add(size.wrapping_mul(subnets.len() as u32));
                let mut tags = tags.clone();
                tags.insert(
                    "Name".to_owned(),
                    format!("{}-private-{}-{number}", options.cluster_name, zone.name),
                );
                let subnet = Subnet {
                    id: format!("subnet-0{:016x}", ids.u64()),
                    zone: zone.name.clone(),
                    zone_id: zone.zone_id.clone(),
                    cidr: format!("{}/{prefix}", Ipv4Addr::from(base)),
                    free_ips: size - KEPT,
                    vpc_id: vpc_id.clone(),
                    tags,
                };
                let usable = size - KEPT;
                subnets.push(Addresses { subnet, base, fresh: 0, usable, returned: BTreeSet::new() });
            }
        }
        let group = SecurityGroup {
            id: format!("sg-0{:016x}", ids.u64()),
            name: format!("eks-cluster-sg-{}", options.cluster_name),
            vpc_id,
            tags,
        };
        Network { subnets, security_groups: vec![group] }
    }

    pub(crate) fn subnets(&self) -> impl Iterator<Item = &Subnet> {
        self.subnets.iter().map(|addresses| &addresses.subnet)
    }

    pub(crate) fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets().find(|subnet| subnet.id == id)
    }

    /// So many addresses of a subnet; none if it has not so many left.
    pub(crate) fn take(&mut self, subnet_id: &str, count: u32) -> Option<Vec<Ipv4Addr>> {
        let addresses = self.subnets.iter_mut().find(|addresses| addresses.subnet.id == subnet_id)?;
        if addresses.subnet.free_ips < count {
            return None;
        }
        addresses.subnet.free_ips -= count;
        let mut taken = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let offset = match addresses.returned.pop_first() {
                Some(offset) => offset,
                None => {
                    addresses.fresh += 1;
                    addresses.fresh - 1
                }
            };
            debug_assert!(offset < addresses.usable);
            taken.push(Ipv4Addr::from(addresses.base.wrapping_add(4 + offset)));
        }
        Some(taken)
    }

    /// Takes addresses back.
    pub(crate) fn give_back(&mut self, subnet_id: &str, returned: &[Ipv4Addr]) {
        let found = self.subnets.iter_mut().find(|addresses| addresses.subnet.id == subnet_id);
        let Some(addresses) = found else { return };
        for address in returned {
            let offset = u32::from(*address).wrapping_sub(addresses.base).wrapping_sub(4);
            if offset < addresses.fresh && addresses.returned.insert(offset) {
                addresses.subnet.free_ips += 1;
            }
        }
    }
}

/// The name that goes with an address: `ip-10-0-1-5.ec2.internal` in us-east-1, with the region in it elsewhere.
pub(crate) fn private_dns_name(region: &str, address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    match region {
        "us-east-1" => format!("ip-{a}-{b}-{c}-{d}.ec2.internal"),
        _ => format!("ip-{a}-{b}-{c}-{d}.{region}.compute.internal"),
    }
}
