//! The cheapest plan of a small [`Instance`], by trying every way to group its pods.
//!
//! It knows nothing of the engine: it reads the instance, not the Kubernetes objects, and tries every assignment of
//! zones to pods with a zone spread, every partition of the pods into nodes, and every offering for each node.

use super::instance::{Instance, Pod, Pool, Type};

/// A node's price in nano-dollars, by the zone it must be in: any, or one of the three.
type Prices = [Option<i64>; 4];
const ANY_ZONE: usize = 3;

/// The least that nodes for all pods can cost, in nano-dollars per hour; none if some pod cannot be placed. With
/// `weights`, a pod goes to no lighter NodePool than the heaviest that can make a node for it.
pub fn cheapest(instance: &Instance, weights: bool) -> Option<i64> {
    let oracle = Oracle::new(instance, weights);
    let partitions = partitions(instance.pods.len());
    let assignments = oracle.zone_assignments();
    assignments.iter().filter_map(|zones| oracle.cheapest_partition(&partitions, zones)).min()
}

struct Oracle<'i> {
    instance: &'i Instance,
    /// By subset of the pods as bits.
    prices: Vec<Prices>,
}

impl<'i> Oracle<'i> {
    fn new(instance: &'i Instance, weights: bool) -> Oracle<'i> {
        let tiers: Vec<Option<i32>> = instance.pods.iter().map(|pod| heaviest_pool(instance, pod)).collect();
        let subsets = 1usize << instance.pods.len();
        let mut prices = vec![[None; 4]; subsets];
        for (subset, prices) in prices.iter_mut().enumerate().skip(1) {
            let members: Vec<usize> = (0..instance.pods.len()).filter(|pod| subset >> pod & 1 == 1).collect();
            let pods: Vec<&Pod> = members.iter().map(|pod| &instance.pods[*pod]).collect();
            if !get_along(&pods) {
                continue;
            }
            for pool in &instance.pools {
                if weights && members.iter().any(|pod| tiers[*pod] != Some(pool.weight.unwrap_or(0))) {
                    continue;
                }
                for one in &instance.types {
                    offer_prices(instance, pool, one, &pods, prices);
                }
            }
        }
        Oracle { instance, prices }
    }

    /// Every way to give a zone to the pods that are spread over zones, such that no spread is broken. The other pods
    /// go wherever their node goes.
    fn zone_assignments(&self) -> Vec<Vec<Option<usize>>> {
        let pods = &self.instance.pods;
        let mut assignments: Vec<Vec<Option<usize>>> = vec![Vec::new()];
        for pod in pods {
            let choices: Vec<Option<usize>> =
                if pod.zone_skew.is_some() { (0..3).map(Some).collect() } else { vec![None] };
            assignments = assignments
                .into_iter()
                .flat_map(|prefix| {
                    choices.iter().map(move |choice| {
                        let mut longer = prefix.clone();
                        longer.push(*choice);
                        longer
                    })
                })
                .collect();
        }
        assignments.retain(|zones| self.is_balanced(zones));
        assignments
    }

    fn is_balanced(&self, zones: &[Option<usize>]) -> bool {
        let pods = &self.instance.pods;
        pods.iter().filter_map(|pod| Some((pod, pod.zone_skew?))).all(|(pod, skew)| {
            let count = |zone: usize| {
                let fellows = pods.iter().zip(zones).filter(|(other, _)| other.spread == pod.spread);
                fellows.filter(|(_, own)| **own == Some(zone)).count() as i64
            };
            let domains: Vec<usize> = (0..3).filter(|zone| reaches_zone(self.instance, pod, *zone)).collect();
            let least = domains.iter().map(|zone| count(*zone)).min().unwrap_or(0);
            (0..3).all(|zone| count(zone) == 0 || (domains.contains(&zone) && count(zone) - least <= skew))
        })
    }

    fn cheapest_partition(&self, partitions: &[Vec<usize>], zones: &[Option<usize>]) -> Option<i64> {
        let priced = partitions.iter().filter_map(|parts| {
            parts.iter().try_fold(0, |sum, subset| Some(sum + self.price(*subset, zones)?))
        });
        priced.min()
    }

    fn price(&self, subset: usize, zones: &[Option<usize>]) -> Option<i64> {
        let mut zone = ANY_ZONE;
        for (_, pinned) in zones.iter().enumerate().filter(|(pod, _)| subset >> pod & 1 == 1) {
            match pinned {
                Some(pinned) if zone == ANY_ZONE => zone = *pinned,
                Some(pinned) if zone != *pinned => return None,
                _ => {}
            }
        }
        self.prices[subset][zone]
    }
}

/// Whether the pods may share a node, as far as they mind each other.
fn get_along(pods: &[&Pod]) -> bool {
    let offended = |one: usize, two: usize| one != two && pods[one].shuns == Some(pods[two].app);
    let shunned = (0..pods.len()).any(|one| (0..pods.len()).any(|two| offended(one, two)));
    let crowded = pods.iter().any(|pod| {
        let fellows = pods.iter().filter(|other| other.spread == pod.spread).count() as i64;
        pod.host_skew.is_some_and(|most| fellows > most)
    });
    !shunned && !crowded
}

/// Whether a node of this NodePool and type satisfies the pod, its zone and capacity type left open.
fn admits(pool: &Pool, one: &Type, pod: &Pod) -> bool {
    (!pool.tainted || pod.tolerates)
        && pod.arch.is_none_or(|arch| arch == one.arch)
        && pod.team.is_none_or(|team| pool.team == Some(team))
}

fn makes(pool: &Pool, one: &Type) -> bool {
    let cores = (one.cpu + 999) / 1_000;
    pool.arch.is_none_or(|arch| arch == one.arch) && pool.cores_below.is_none_or(|below| cores < below)
}

/// Zones and capacity types in which the NodePool may launch the type for all these pods, with the prices.
fn offers<'a>(pool: &'a Pool, one: &'a Type, pods: &'a [&Pod]) -> impl Iterator<Item = (usize, i64)> + 'a {
    let all = (0..3).flat_map(|zone| (0..2).map(move |capacity| (zone, capacity)));
    all.filter_map(move |(zone, capacity)| {
        let price = one.prices[zone][capacity]?;
        let allowed = pool.zone_excluded != Some(zone)
            && pool.capacity.is_none_or(|only| only == capacity)
            && pods.iter().all(|pod| {
                pod.zone.is_none_or(|only| only == zone) && pod.capacity.is_none_or(|only| only == capacity)
            });
        allowed.then_some((zone, price))
    })
}

fn holds(instance: &Instance, pool: &Pool, one: &Type, pods: &[&Pod]) -> bool {
    let daemons = instance.daemons.iter().filter(|daemon| {
        (!pool.tainted || daemon.tolerates) && daemon.arch.is_none_or(|arch| arch == one.arch)
    });
    let (mut cpu, mut memory, mut count) = (0, 0, 0);
    for daemon in daemons {
        cpu += daemon.cpu;
        memory += daemon.memory;
        count += 1;
    }
    for pod in pods {
        cpu += pod.cpu;
        memory += pod.memory;
        count += 1;
    }
    cpu <= one.cpu && memory <= one.memory && count <= one.pods
}

fn offer_prices(instance: &Instance, pool: &Pool, one: &Type, pods: &[&Pod], prices: &mut Prices) {
    if !makes(pool, one)
        || !pods.iter().all(|pod| admits(pool, one, pod))
        || !holds(instance, pool, one, pods)
    {
        return;
    }
    for (zone, price) in offers(pool, one, pods) {
        for slot in [zone, ANY_ZONE] {
            prices[slot] = Some(prices[slot].map_or(price, |known: i64| known.min(price)));
        }
    }
}

/// The weight of the heaviest NodePool that can make a node for the pod alone.
fn heaviest_pool(instance: &Instance, pod: &Pod) -> Option<i32> {
    let able = instance.pools.iter().filter(|pool| {
        instance.types.iter().any(|one| {
            let mut prices = [None; 4];
            offer_prices(instance, pool, one, &[pod], &mut prices);
            prices[ANY_ZONE].is_some()
        })
    });
    able.map(|pool| pool.weight.unwrap_or(0)).max()
}

/// Whether a zone counts for the pod's spread: some NodePool sells something there that the pod's node selector
/// admits, large enough or not. Taints do not matter (reference row T2).
fn reaches_zone(instance: &Instance, pod: &Pod, zone: usize) -> bool {
    instance.pools.iter().any(|pool| {
        instance.types.iter().any(|one| {
            let tolerant = Pod { tolerates: true, ..pod.clone() };
            makes(pool, one)
                && admits(pool, one, &tolerant)
                && offers(pool, one, &[pod]).any(|(offered, _)| offered == zone)
        })
    })
}

/// Every partition of so many elements, as subsets in bits.
fn partitions(count: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for element in 0..count {
        let mut longer = Vec::new();
        for parts in all {
            for index in 0..parts.len() {
                let mut joined = parts.clone();
                joined[index] |= 1 << element;
                longer.push(joined);
            }
            let mut alone = parts;
            alone.push(1 << element);
            longer.push(alone);
        }
        all = longer;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_partitions_as_bell_numbers_say() {
        let bell: Vec<usize> = (0..7).map(|count| partitions(count).len()).collect();
        assert_eq!(bell, [1, 1, 2, 5, 15, 52, 203]);
    }
}
