//! Rules between pods, as questions need them: who counts where, who may go where, who is placed first.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::amounts::Amounts;
use crate::snapshot::Snapshot;
use crate::solve::ClassOutlook;
use crate::topology::{Rule, Strength, Topology};

use super::layout::{Counting, DomainDemand, DomainRule, Mover, domain_number};

/// On which rooms pods count for a group; nothing where they do on all.
pub(super) type CountsOn = Option<Arc<Vec<bool>>>;

/// On which rooms each spread counts pods; the same answer is kept once.
pub(super) fn counts_on(snapshot: &Snapshot, topology: &mut Topology) -> Vec<CountsOn> {
    let mut known: BTreeMap<(u32, bool, bool), CountsOn> = BTreeMap::new();
    let mut all = Vec::with_capacity(topology.groups.len());
    for group in 0..topology.groups.len() as u32 {
        let Rule::Spread { honor_affinity, honor_taints, rules, .. } = topology.groups[group as usize].rule
        else {
            all.push(None);
            continue;
        };
        let key = (rules, honor_affinity, honor_taints);
        let answer = known.get(&key).cloned().unwrap_or_else(|| {
            let rooms = 0..snapshot.rooms.len() as u32;
            let counts: Vec<bool> = rooms.map(|room| topology.counts_on(snapshot, group, room)).collect();
            let answer = counts.iter().any(|counts| !counts).then(|| Arc::new(counts));
            known.insert(key, answer.clone());
            answer
        });
        all.push(answer);
    }
    all
}

pub(super) fn counting(topology: &Topology, group_keys: &[Option<u32>]) -> Vec<Counting> {
    let of_class = |links: &crate::topology::Links| {
        let mut counting = Counting::default();
        for group in &links.matched {
            match group_keys[*group as usize] {
                Some(key) => counting.domain_matched.push((*group, key)),
                None => counting.host_matched.push(*group),
            }
        }
        for (group, strength) in &links.owned {
            if *strength != Strength::Required || topology.groups[*group as usize].rule != Rule::AntiAffinity
            {
                continue;
            }
            match group_keys[*group as usize] {
                Some(key) => counting.domain_owned.push((*group, key)),
                None => counting.host_owned.push(*group),
            }
        }
        counting
    };
    topology.links.iter().map(of_class).collect()
}

pub(super) fn mover(
    class: usize,
    outlook: &ClassOutlook,
    topology: &Topology,
    group_keys: &[Option<u32>],
    domain_numbers: &mut [FxHashMap<String, u32>],
    universes: &mut FxHashMap<*const Vec<String>, Arc<Vec<u32>>>,
) -> Mover {
    let links = &topology.links[class];
    let mut domains = Vec::new();
    for (group, strength) in &links.owned {
        let Some(key) = group_keys[*group as usize].filter(|_| *strength == Strength::Required) else {
            continue;
        };
        let demand = match topology.groups[*group as usize].rule {
            Rule::Affinity => DomainDemand::Affinity,
            Rule::AntiAffinity => DomainDemand::AntiAffinity,
            Rule::Spread { max_skew, min_domains, .. } => {
                let names = outlook.universes.get(group).cloned().unwrap_or_default();
                let numbers = &mut domain_numbers[key as usize];
                let universe = universes.entry(Arc::as_ptr(&names)).or_insert_with(|| {
                    Arc::new(names.iter().map(|name| domain_number(numbers, Some(name))).collect())
                });
                let from_zero = min_domains.is_some_and(|least| (names.len() as i64) < least);
                DomainDemand::Spread { max_skew, universe: Arc::clone(universe), from_zero }
            }
        };
        domains.push(DomainRule { group: *group, key, selects_self: links.matches(*group), demand });
    }
    let keyed = |group: &u32| Some((*group, group_keys[*group as usize]?));
    let shunned = links
        .matched
        .iter()
        .filter(|group| topology.groups[**group as usize].rule == Rule::AntiAffinity)
        .filter_map(keyed);
    Mover {
        host: outlook.host.clone(),
        domains,
        shunned: shunned.collect(),
        rows: Arc::default(),
        rooms: None,
        sets: Arc::clone(&outlook.sets),
        counted: outlook.counted.iter().filter_map(keyed).collect(),
        tier: None,
        columns: Arc::default(),
        worth: 0.0,
    }
}

/// Those that wait for others come last, larger pods before smaller ones.
pub(super) fn class_order(snapshot: &Snapshot, topology: &Topology) -> Vec<u32> {
    let mut largest = Amounts([1; crate::amounts::WIDTH]);
    for room in &snapshot.rooms {
        largest = largest.at_least(&snapshot.names.amounts(&room.allocatable));
    }
    let key = |class: &u32| {
        let links = &topology.links[*class as usize];
        let follows = links.owned.iter().any(|(group, strength)| {
            *strength == Strength::Required
                && topology.groups[*group as usize].rule == Rule::Affinity
                && !links.matches(*group)
        });
        let requests = &snapshot.classes[*class as usize].requests;
        let share = requests.0.iter().zip(&largest.0).map(|(need, most)| need.saturating_mul(1 << 20) / most);
        (follows, std::cmp::Reverse(share.sum::<i64>()), *class)
    };
    let mut order: Vec<u32> = (0..snapshot.classes.len() as u32).collect();
    order.sort_by_cached_key(key);
    let mut position = vec![0; order.len()];
    for (index, class) in order.iter().enumerate() {
        position[*class as usize] = index as u32;
    }
    position
}
