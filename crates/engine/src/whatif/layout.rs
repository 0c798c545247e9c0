//! What stays as it is while what-if questions are asked: classes, rules between pods, and rooms put into rows.
//!
//! Rooms that every pod may use or not use alike, and that lie in the same topology domains, form a [`Row`]: rules
//! about nodes and rules over domains are asked once a row, never once a room.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use supercargo_catalog::Usd;

use crate::fits::Fit;
use crate::pack::HostRules;
use crate::pools::Variant;
use crate::snapshot::{Snapshot, UNBOUND};
use crate::solve::outlook;
use crate::view::Column;

use super::appraisal::{appraise, purchases};
use super::groups::{CountsOn, class_order, counting, counts_on, mover};
use super::rows::{ranks, rows, waste};

/// No domain: the room lacks the label.
pub(super) const NOWHERE: u32 = u32::MAX;

/// A rule over domains that a class states.
#[derive(Clone, Debug)]
pub(super) struct DomainRule {
    pub(super) group: u32,
    pub(super) key: u32,
    pub(super) selects_self: bool,
    pub(super) demand: DomainDemand,
}

/// What a rule over domains demands.
#[derive(Clone, Debug)]
pub(super) enum DomainDemand {
    /// At most `max_skew` more than in the emptiest domain of `universe`.
    Spread { max_skew: i64, universe: Arc<Vec<u32>>, from_zero: bool },
    /// Where a selected pod is.
    Affinity,
    /// Where no selected pod is.
    AntiAffinity,
}

/// In which groups pods of a class count.
#[derive(Clone, Debug, Default)]
pub(super) struct Counting {
    /// Groups over domains that select it: group and key.
    pub(super) domain_matched: Vec<(u32, u32)>,
    /// Required anti-affinity over domains that it states.
    pub(super) domain_owned: Vec<(u32, u32)>,
    /// Groups by host that select it.
    pub(super) host_matched: Vec<u32>,
    /// Required anti-affinity by host that it states.
    pub(super) host_owned: Vec<u32>,
}

impl Counting {
    pub(super) fn is_empty(&self) -> bool {
        self.domain_matched.is_empty()
            && self.domain_owned.is_empty()
            && self.host_matched.is_empty()
            && self.host_owned.is_empty()
    }
}

/// Where the pods of a class may go.
#[derive(Clone, Debug)]
pub(super) struct Mover {
    /// Rules by host.
    pub(super) host: HostRules,
    /// Rules over domains that it states.
    pub(super) domains: Vec<DomainRule>,
    /// Anti-affinity of others over domains that selects it: group and key.
    pub(super) shunned: Vec<(u32, u32)>,
    /// Rows that would do, other pods aside.
    pub(super) rows: Arc<Vec<u32>>,
    /// Rooms that would do, where rules name hosts; `rows` is empty then.
    pub(super) rooms: Option<Arc<Vec<u32>>>,
    /// Sets of new nodes that would do.
    pub(super) sets: Arc<Vec<Vec<Fit>>>,
    /// Groups over domains that count its pods on new nodes: group and key.
    pub(super) counted: Vec<(u32, u32)>,
    /// The heaviest tier with a node that is large enough.
    pub(super) tier: Option<u32>,
    /// Types worth considering in that tier, best ratio of price to what it holds first.
    pub(super) columns: Arc<Vec<Column>>,
    /// Dollars per hour that one pod is worth at the shadow prices of those types.
    pub(super) worth: f64,
}

impl Mover {
    /// Whether the place of other pods in the cluster has a say.
    pub(super) fn has_domain_rules(&self) -> bool {
        !(self.domains.is_empty() && self.shunned.is_empty())
    }
}

/// Rooms that are alike to every pod, the fullest to be first.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) rooms: Vec<u32>,
    /// By topology key.
    pub(super) domains: Vec<u32>,
}

/// A way to buy a node of a variant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purchase {
    pub(super) price: Usd,
    pub(super) type_index: u32,
    pub(super) offer: u8,
}

/// What stays as it is while what-if questions are asked.
#[derive(Debug)]
pub struct Layout<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) variants: Vec<Variant>,
    /// Variants by weight of their NodePool, heaviest first; static NodePools make no nodes here.
    pub(super) tiers: Vec<Vec<u32>>,
    /// By variant: every way to buy a node, cheapest first.
    pub(super) purchases: Vec<Vec<Purchase>>,
    /// Topology keys other than the hostname.
    pub(super) keys: Vec<String>,
    /// By key: the number of a domain.
    pub(super) domain_numbers: Vec<FxHashMap<String, u32>>,
    /// By key: the domain of each offering, where offerings decide it.
    pub(super) offer_domains: Vec<Option<Vec<u32>>>,
    /// By group: the key, for groups over domains.
    pub(super) group_keys: Vec<Option<u32>>,
    /// By group: on which rooms pods count, where not on all.
    pub(super) counts_on: Vec<CountsOn>,
    pub(super) counting: Vec<Counting>,
    pub(super) movers: Vec<Option<Mover>>,
    pub(super) rows: Vec<Row>,
    /// By room: its row and the position in it; nothing for rooms that take no pods.
    pub(super) places: Vec<Option<(u32, u32)>>,
    /// By room, by key.
    pub(super) room_domains: Vec<Vec<u32>>,
    /// By room: position in the order in which rooms are filled.
    pub(super) rank: Vec<u32>,
    /// By class: who is placed first.
    pub(super) class_order: Vec<u32>,
    /// By pod: whether it moves when its node goes.
    pub(super) moves: Vec<bool>,
    /// By room: pods that stay or go with the node, by class.
    pub(super) bystanders: Vec<Vec<(u32, u32)>>,
}

impl<'s> Layout<'s> {
    /// Prepares questions about the pods of which `moves` says that they move when their node goes. `prices` are the
    /// rooms that may go, with what they cost: others are filled first, then those whose pods are worth their price.
    pub fn new(snapshot: &'s Snapshot, moves: Vec<bool>, prices: &[Option<Usd>]) -> Layout<'s> {
        let mut asking = snapshot.clone();
        let is_pending: Vec<bool> = {
            let mut flags = vec![false; snapshot.pods.len()];
            snapshot.pending.iter().for_each(|pod| flags[*pod as usize] = true);
            flags
        };
        let all = 0..snapshot.pods.len() as u32;
        asking.pending = all.filter(|pod| moves[*pod as usize] || is_pending[*pod as usize]).collect();
        let mut known = outlook(&asking);
        let mut keys: Vec<String> = Vec::new();
        let mut group_keys = Vec::with_capacity(known.topology.groups.len());
        for group in &known.topology.groups {
            group_keys.push((!group.by_host).then(|| number_of(&mut keys, &group.key)));
        }
        let mut domain_numbers: Vec<FxHashMap<String, u32>> = vec![FxHashMap::default(); keys.len()];
        let room_domains: Vec<Vec<u32>> = snapshot
            .rooms
            .iter()
            .map(|room| {
                let label = |(key, numbers)| domain_number(numbers, room.labels.get(key).map(String::as_str));
                keys.iter().map(String::as_str).zip(&mut domain_numbers).map(label).collect()
            })
            .collect();
        let offer_domains = keys
            .iter()
            .zip(&mut domain_numbers)
            .map(|(key, numbers)| {
                let offers = snapshot.market.keys.iter();
                crate::market::is_offering_label(key)
                    .then(|| offers.map(|offer| domain_number(numbers, offer.label(key))).collect())
            })
            .collect();
        let counts_on = counts_on(snapshot, &mut known.topology);
        let counting = counting(&known.topology, &group_keys);
        let mut movers = Vec::with_capacity(known.classes.len());
        let mut universes: FxHashMap<*const Vec<String>, Arc<Vec<u32>>> = FxHashMap::default();
        for (index, class) in known.classes.iter().enumerate() {
            movers.push(class.as_ref().map(|class| {
                mover(index, class, &known.topology, &group_keys, &mut domain_numbers, &mut universes)
            }));
        }
        appraise(snapshot, &known.variants, &known.tiers, &asking.pending, &mut movers);
        let rank = ranks(&waste(snapshot, &movers, &moves, prices));
        let (rows, places) = rows(snapshot, &known.classes, &mut movers, &room_domains, &rank);
        let mut bystanders: Vec<BTreeMap<u32, u32>> = vec![BTreeMap::new(); snapshot.rooms.len()];
        for (index, pod) in snapshot.pods.iter().enumerate() {
            if pod.room != UNBOUND && !moves[index] && !pod.terminating && !is_pending[index] {
                *bystanders[pod.room as usize].entry(pod.class).or_default() += 1;
            }
        }
        let class_order = class_order(snapshot, &known.topology);
        let purchases = known.variants.iter().map(|variant| purchases(snapshot, variant)).collect();
        let tiers = known.tiers.iter().map(|tier| {
            (0..tier.len() as u32).filter(|variant| tier[*variant as usize]).collect::<Vec<u32>>()
        });
        Layout {
            tiers: tiers.collect(),
            purchases,
            variants: known.variants,
            keys,
            domain_numbers,
            offer_domains,
            group_keys,
            counts_on,
            counting,
            movers,
            rows,
            places,
            room_domains,
            rank,
            class_order,
            moves,
            bystanders: bystanders.into_iter().map(|map| map.into_iter().collect()).collect(),
            snapshot,
        }
    }

    /// The snapshot that questions are about.
    pub fn snapshot(&self) -> &'s Snapshot {
        self.snapshot
    }

    /// Dollars per hour that one pod of a class is worth at the shadow prices of the nodes that could be bought for it;
    /// zero for pods that do not move.
    pub fn worth(&self, class: u32) -> f64 {
        self.movers[class as usize].as_ref().map_or(0.0, |mover| mover.worth)
    }

    /// The rooms that would do for a class, other pods aside.
    pub(super) fn rooms_of<'r>(&'r self, mover: &'r Mover) -> impl Iterator<Item = u32> + 'r {
        let listed = mover.rooms.iter().flat_map(|rooms| rooms.iter().copied());
        let in_rows = mover.rows.iter().flat_map(|row| self.rows[*row as usize].rooms.iter().copied());
        listed.chain(in_rows)
    }

    /// The variants that new nodes refer to.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }
}

fn number_of(keys: &mut Vec<String>, key: &str) -> u32 {
    let known = keys.iter().position(|known| known == key);
    known.unwrap_or_else(|| {
        keys.push(key.to_owned());
        keys.len() - 1
    }) as u32
}

pub(super) fn domain_number(numbers: &mut FxHashMap<String, u32>, domain: Option<&str>) -> u32 {
    let Some(domain) = domain else { return NOWHERE };
    if let Some(known) = numbers.get(domain) {
        return *known;
    }
    let number = numbers.len() as u32;
    numbers.insert(domain.to_owned(), number);
    number
}
