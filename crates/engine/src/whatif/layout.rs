//! What stays as it is while what-if questions are asked: classes, rules between pods, and rooms put into rows.
//!
//! Rooms that every pod may use or not use alike, and that lie in the same topology domains, form a [`Row`]: rules
//! about nodes and rules over domains are asked once a row, never once a room.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use supercargo_api::labels;
use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::fits::{Fit, Ground};
use crate::market::OfferMask;
use crate::pack::HostRules;
use crate::pools::Variant;
use crate::snapshot::{Snapshot, UNBOUND};
use crate::solve::{ClassOutlook, outlook};
use crate::topology::{Rule, Strength, Topology};
use crate::view::{Availability, Column, View, worth};

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
    pub(super) counts_on: Vec<Option<Arc<Vec<bool>>>>,
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

fn domain_number(numbers: &mut FxHashMap<String, u32>, domain: Option<&str>) -> u32 {
    let Some(domain) = domain else { return NOWHERE };
    if let Some(known) = numbers.get(domain) {
        return *known;
    }
    let number = numbers.len() as u32;
    numbers.insert(domain.to_owned(), number);
    number
}

/// On which rooms each spread counts pods; the same answer is kept once.
fn counts_on(snapshot: &Snapshot, topology: &mut Topology) -> Vec<Option<Arc<Vec<bool>>>> {
    let mut known: BTreeMap<(u32, bool, bool), Option<Arc<Vec<bool>>>> = BTreeMap::new();
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

fn counting(topology: &Topology, group_keys: &[Option<u32>]) -> Vec<Counting> {
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

fn mover(
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

/// By room, the share of its price that its pods are not worth, in millionths; zero for rooms that stay.
fn waste(snapshot: &Snapshot, movers: &[Option<Mover>], moves: &[bool], prices: &[Option<Usd>]) -> Vec<u64> {
    let mut worths = vec![0.0; snapshot.rooms.len()];
    for (index, pod) in snapshot.pods.iter().enumerate() {
        if pod.room != UNBOUND && moves[index] {
            worths[pod.room as usize] += movers[pod.class as usize].as_ref().map_or(0.0, |mover| mover.worth);
        }
    }
    let share = |(price, worth): (&Option<Usd>, f64)| {
        let price = price.map_or(0.0, Usd::as_f64);
        if price > 0.0 { 1 + (1e6 * (1.0 - worth / price).clamp(0.0, 1.0)) as u64 } else { 0 }
    };
    prices.iter().zip(worths).map(share).collect()
}

/// Ranks from keys; equal keys keep their order.
fn ranks(filled_first: &[u64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..filled_first.len() as u32).collect();
    order.sort_by_key(|room| (filled_first[*room as usize], *room));
    let mut rank = vec![0; order.len()];
    for (position, room) in order.iter().enumerate() {
        rank[*room as usize] = position as u32;
    }
    rank
}

type Places = Vec<Option<(u32, u32)>>;

/// Puts rooms into rows and tells every mover its rows.
fn rows(
    snapshot: &Snapshot,
    outlooks: &[Option<ClassOutlook>],
    movers: &mut [Option<Mover>],
    room_domains: &[Vec<u32>],
    rank: &[u32],
) -> (Vec<Row>, Places) {
    let is_open = |room: u32| {
        let room = &snapshot.rooms[room as usize];
        room.initialized && !room.in_flight && !room.leaving
    };
    // Classes with the same rules share one list of rooms; lists are told apart by address.
    let mut lists: Vec<&Arc<Vec<u32>>> = Vec::new();
    let mut list_of: FxHashMap<*const Vec<u32>, usize> = FxHashMap::default();
    let mut list_of_class: Vec<Option<usize>> = vec![None; movers.len()];
    for (class, outlook) in outlooks.iter().enumerate() {
        let Some((outlook, mover)) = outlook.as_ref().zip(movers[class].as_mut()) else { continue };
        let rules = &snapshot.rules[snapshot.classes[class].rules as usize];
        if rules.alternatives.iter().any(|terms| terms.get(labels::HOSTNAME).is_some()) {
            let mut rooms: Vec<u32> = outlook.rooms.iter().copied().filter(|room| is_open(*room)).collect();
            rooms.sort_by_key(|room| rank[*room as usize]);
            mover.rooms = Some(Arc::new(rooms));
            continue;
        }
        let index = *list_of.entry(Arc::as_ptr(&outlook.rooms)).or_insert_with(|| {
            lists.push(&outlook.rooms);
            lists.len() - 1
        });
        list_of_class[class] = Some(index);
    }
    let words = lists.len().div_ceil(64);
    let mut admitted = vec![vec![0u64; words]; snapshot.rooms.len()];
    for (index, rooms) in lists.iter().enumerate() {
        for room in rooms.iter() {
            admitted[*room as usize][index / 64] |= 1 << (index % 64);
        }
    }
    let mut order: Vec<u32> = (0..snapshot.rooms.len() as u32).filter(|room| is_open(*room)).collect();
    order.sort_by_key(|room| rank[*room as usize]);
    let mut rows: Vec<Row> = Vec::new();
    let mut row_of: FxHashMap<(&[u64], &[u32]), u32> = FxHashMap::default();
    let mut places: Places = vec![None; snapshot.rooms.len()];
    for room in order {
        let domains = &room_domains[room as usize];
        let row = *row_of.entry((&admitted[room as usize], domains)).or_insert_with(|| {
            rows.push(Row { rooms: Vec::new(), domains: domains.clone() });
            rows.len() as u32 - 1
        });
        let rooms = &mut rows[row as usize].rooms;
        places[room as usize] = Some((row, rooms.len() as u32));
        rooms.push(room);
    }
    let rows_of_list: Vec<Arc<Vec<u32>>> = (0..lists.len())
        .map(|index| {
            let admits = |row: &u32| {
                let first = rows[*row as usize].rooms[0];
                admitted[first as usize][index / 64] >> (index % 64) & 1 == 1
            };
            Arc::new((0..rows.len() as u32).filter(admits).collect())
        })
        .collect();
    for (mover, list) in movers.iter_mut().zip(list_of_class) {
        if let Some((mover, list)) = mover.as_mut().zip(list) {
            mover.rows = Arc::clone(&rows_of_list[list]);
        }
    }
    (rows, places)
}

/// Those that wait for others come last, larger pods before smaller ones.
fn class_order(snapshot: &Snapshot, topology: &Topology) -> Vec<u32> {
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

fn purchases(snapshot: &Snapshot, variant: &Variant) -> Vec<Purchase> {
    let Some(table) = &snapshot.pools[variant.pool as usize].table else { return Vec::new() };
    let mut purchases: Vec<Purchase> = Vec::new();
    for type_index in variant.types.ones() {
        for offer in table.offers[type_index].iter().filter(|offer| variant.offers >> offer.key & 1 == 1) {
            purchases.push(Purchase { price: offer.price, type_index: type_index as u32, offer: offer.key });
        }
    }
    purchases.sort_by_key(|purchase| (purchase.price, purchase.type_index, purchase.offer));
    purchases
}

/// A way to buy a node is there, whatever limits and reservations leave.
struct Anything<'g>(Ground<'g>);

impl Availability for Anything<'_> {
    fn offer(&self, variant: u32, type_index: usize, mask: OfferMask) -> Option<(u8, Usd)> {
        let pool = &self.0.pools[self.0.variants[variant as usize].pool as usize];
        let offer = pool.table.as_ref()?.cheapest_offer(type_index, mask)?;
        Some((offer.key, offer.price))
    }
}

/// Which tier each class belongs to, which types are worth considering there, and what its pods are worth.
fn appraise(
    snapshot: &Snapshot,
    variants: &[Variant],
    tiers: &[Vec<bool>],
    pods: &[u32],
    movers: &mut [Option<Mover>],
) {
    let mut numbers = vec![0i64; movers.len()];
    for pod in pods {
        numbers[snapshot.pods[*pod as usize].class as usize] += 1;
    }
    // Classes with the same new nodes in the same tier are appraised together.
    let mut groups: BTreeMap<(usize, u32), (Amounts, Vec<usize>)> = BTreeMap::new();
    let mut sets: FxHashMap<*const Vec<Vec<Fit>>, usize> = FxHashMap::default();
    for (class, mover) in movers.iter_mut().enumerate() {
        let Some(mover) = mover else { continue };
        let requests = &snapshot.classes[class].requests;
        let holds = |fit: &Fit| {
            let net = &variants[fit.variant as usize].net;
            fit.types.ones().any(|index| requests.fits(&net[index]))
        };
        let tier = tiers
            .iter()
            .position(|tier| mover.sets.iter().flatten().any(|fit| tier[fit.variant as usize] && holds(fit)));
        mover.tier = tier.map(|tier| tier as u32);
        let Some(tier) = mover.tier else { continue };
        let known = sets.len();
        let set = *sets.entry(Arc::as_ptr(&mover.sets)).or_insert(known);
        let group = groups.entry((set, tier)).or_default();
        group.0.add(&requests.times(numbers[class]));
        group.1.push(class);
    }
    let ground = Ground { market: &snapshot.market, pools: &snapshot.pools, variants };
    for ((_, tier), (demand, classes)) in groups {
        let Some(first) = classes.first().and_then(|class| movers[*class].as_ref()) else { continue };
        let reachable = first.sets.iter().flatten().filter(|fit| tiers[tier as usize][fit.variant as usize]);
        let fits: Vec<Fit> = reachable.cloned().collect();
        let view = View::new(ground, &fits, &demand, &Anything(ground));
        let columns = Arc::new(view.columns);
        for class in classes {
            if let Some(mover) = movers[class].as_mut() {
                mover.columns = Arc::clone(&columns);
                mover.worth = worth(&view.shadow, &snapshot.classes[class].requests);
            }
        }
    }
}
