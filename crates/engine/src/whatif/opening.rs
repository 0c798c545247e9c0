//! New nodes for pods that no room takes: the cheapest one for all of them, or a few.
//!
//! A node's NodePool is the heaviest that has a node for the pod at all, as when pods are provisioned; the price decides
//! between what is left. Of several nodes, each is filled around the largest pod left, as the node whose contents are
//! worth most for its price; after every one the cheapest single node for the rest is tried.

use supercargo_catalog::{CapacityType, Usd};

use crate::amounts::Amounts;
use crate::fits::Ground;
use crate::flexible::check_min_values;
use crate::market::{OfferMask, TypeSet};
use crate::pack::within_limits;
use crate::topology::HostCounts;

use super::answer::{Ask, Fresh, SpotRule};
use super::board::Board;
use super::layout::Mover;
use super::placing::admits;

/// Types and offerings that go together.
type Boxes = Vec<(TypeSet, OfferMask)>;

/// A node while it is being filled.
#[derive(Clone, Debug)]
struct Filling {
    variant: u32,
    type_index: u32,
    offer: u8,
    price: Usd,
    contents: Vec<(u32, u32)>,
    worth: f64,
}

impl<'l> Board<'l> {
    /// The cheapest few nodes for these pods, by class in the order they are placed.
    pub(super) fn open(&mut self, left: &[(u32, u32)], ask: &Ask) -> Option<Vec<Fresh>> {
        let mark = self.log.len();
        let mut best: Option<(Usd, Vec<Fresh>)> = None;
        let mut made: Vec<Fresh> = Vec::new();
        let mut spent = Usd::ZERO;
        let mut left = left.to_vec();
        for number in 1..=ask.max_new_nodes {
            let limit = best.as_ref().map(|(price, _)| *price).or(ask.below);
            let below = limit.map(|limit| limit - spent);
            if let Some(last) = self.one_node(&left, below, ask.spot, &made) {
                let price = spent + last.price;
                let mut all = made.clone();
                all.push(last);
                best = Some((price, all));
            }
            if number == ask.max_new_nodes {
                break;
            }
            let limit = best.as_ref().map(|(price, _)| *price).or(ask.below);
            let below = limit.map(|limit| limit - spent);
            let Some(filling) = self.best_filling(&left, below, ask.spot, &made) else { break };
            for (class, pods) in &filling.contents {
                self.count_fresh(*class, &filling, *pods);
                if let Some(waiting) = left.iter_mut().find(|(waiting, _)| waiting == class) {
                    waiting.1 -= pods;
                }
            }
            left.retain(|(_, pods)| *pods > 0);
            spent += filling.price;
            let Some(node) = self.finished(&filling) else { break };
            made.push(node);
            if left.is_empty() {
                if limit.is_none_or(|limit| spent < limit) {
                    best = Some((spent, made));
                }
                break;
            }
        }
        self.undo(mark);
        let (price, mut nodes) = best?;
        if let Some(below) = ask.below.filter(|_| nodes.len() > 1) {
            let margin = (below - price).scaled(1, nodes.len() as i64);
            for node in &mut nodes {
                self.keep_below(node, node.price + margin);
            }
        }
        Some(nodes)
    }

    /// Leaves out the types that cost as much or more, but never the one that the node is bought as.
    fn keep_below(&self, node: &mut Fresh, below: Usd) {
        let mut kept = TypeSet::with_capacity(node.types.len());
        for purchase in &self.layout.purchases[node.variant as usize] {
            if purchase.price >= below {
                break;
            }
            let index = purchase.type_index as usize;
            if node.offers >> purchase.offer & 1 == 1 && node.types.contains(index) {
                kept.insert(index);
            }
        }
        kept.insert(node.type_index as usize);
        node.types = kept;
    }

    /// The cheapest node that holds all of these.
    fn one_node(
        &mut self,
        left: &[(u32, u32)],
        below: Option<Usd>,
        spot: SpotRule,
        made: &[Fresh],
    ) -> Option<Fresh> {
        let layout = self.layout;
        let movers: Vec<&Mover> =
            left.iter().map(|(class, _)| layout.movers[*class as usize].as_ref()).collect::<Option<_>>()?;
        let tier = movers.first()?.tier?;
        if movers.iter().any(|mover| mover.tier != Some(tier)) {
            return None;
        }
        let mut used = Amounts::ZERO;
        for (class, pods) in left {
            used.add(&layout.snapshot.classes[*class as usize].requests.times(i64::from(*pods)));
        }
        let mut best: Option<Fresh> = None;
        for variant in &layout.tiers[tier as usize] {
            let below = best.as_ref().map(|node| node.price).or(below);
            let purchases = &layout.purchases[*variant as usize];
            let is_dear = |price: Usd| below.is_some_and(|below| price >= below);
            if purchases.first().is_none_or(|first| is_dear(first.price)) {
                continue;
            }
            let boxes = self.boxes(&movers, *variant);
            if boxes.is_empty() || !self.share_a_host(left, &movers, *variant) {
                continue;
            }
            let net = &layout.variants[*variant as usize].net;
            let has_domains = movers.iter().any(|mover| mover.has_domain_rules());
            let mut known: Vec<(Vec<u32>, bool)> = Vec::new();
            for purchase in purchases {
                if is_dear(purchase.price) {
                    break;
                }
                let (type_index, offer) = (purchase.type_index, purchase.offer);
                let fits = boxes
                    .iter()
                    .any(|(types, offers)| offers >> offer & 1 == 1 && types.contains(type_index as usize))
                    && used.fits(&net[type_index as usize]);
                if !fits || !self.may_buy(*variant, type_index, offer, spot, made) {
                    continue;
                }
                if has_domains && !self.domains_allow(left, &movers, *variant, type_index, offer, &mut known)
                {
                    continue;
                }
                let contents = left.to_vec();
                let node = self.flexible(
                    &boxes,
                    *variant,
                    purchase.offer,
                    type_index,
                    purchase.price,
                    &used,
                    below,
                    contents,
                );
                if let Some(node) = self.flexible_enough(node, spot) {
                    best = Some(node);
                    break;
                }
            }
        }
        best
    }

    /// Types and offerings of a variant that would do for all.
    fn boxes(&self, movers: &[&Mover], variant: u32) -> Boxes {
        let mut boxes: Option<Boxes> = None;
        let mut seen: Vec<*const Vec<Vec<crate::fits::Fit>>> = Vec::new();
        for mover in movers {
            let address = std::sync::Arc::as_ptr(&mover.sets);
            if seen.contains(&address) {
                continue;
            }
            seen.push(address);
            let own = mover.sets.iter().flatten().filter(|fit| fit.variant == variant);
            let narrowed: Boxes = match &boxes {
                None => own.map(|fit| (fit.types.clone(), fit.offers)).collect(),
                Some(known) => own
                    .flat_map(|fit| {
                        known.iter().map(|(types, offers)| {
                            let mut both = types.clone();
                            both.intersect_with(&fit.types);
                            (both, offers & fit.offers)
                        })
                    })
                    .filter(|(types, offers)| *offers != 0 && !types.is_clear())
                    .collect(),
            };
            if narrowed.is_empty() {
                return narrowed;
            }
            boxes = Some(narrowed);
        }
        boxes.unwrap_or_default()
    }

    /// Whether the rules by host and the ports let all of these be on one new node.
    fn share_a_host(&self, left: &[(u32, u32)], movers: &[&Mover], variant: u32) -> bool {
        if movers.iter().all(|mover| mover.host.is_free()) {
            return true;
        }
        let mut host = HostCounts::default();
        let mut ports = self.layout.variants[variant as usize].daemon_ports.clone();
        left.iter().zip(movers).all(|((_, pods), mover)| {
            let copies = mover.host.copies(&|group| host.count(group), &ports, &self.host_totals);
            mover.host.record(&mut host, &mut ports, *pods);
            copies >= *pods
        })
    }

    /// Whether the rules over domains let all of these be on a new node of these domains.
    fn domains_allow(
        &mut self,
        left: &[(u32, u32)],
        movers: &[&Mover],
        variant: u32,
        type_index: u32,
        offer: u8,
        known: &mut Vec<(Vec<u32>, bool)>,
    ) -> bool {
        let keys = 0..self.layout.keys.len() as u32;
        let domains: Vec<u32> = keys.map(|key| self.fresh_domain(key, variant, type_index, offer)).collect();
        if let Some((_, allowed)) = known.iter().find(|(known, _)| *known == domains) {
            return *allowed;
        }
        let mark = self.log.len();
        let allowed = left.iter().zip(movers).all(|((class, pods), mover)| {
            let mut waiting = *pods;
            while waiting > 0 {
                let copies = self.domain_copies(mover, &|key| domains[key as usize]).min(waiting);
                if copies == 0 {
                    return false;
                }
                self.count_in(*class, mover, &domains, copies);
                waiting -= copies;
            }
            true
        });
        self.undo(mark);
        known.push((domains, allowed));
        allowed
    }

    /// Counts pods on a new node of these domains.
    fn count_in(&mut self, class: u32, mover: &Mover, domains: &[u32], pods: u32) {
        for (group, key) in &mover.counted {
            self.count_in_domain(*group, domains[*key as usize], i64::from(pods), 0);
        }
        let layout = self.layout;
        for (group, key) in &layout.counting[class as usize].domain_owned {
            self.count_in_domain(*group, domains[*key as usize], 0, i64::from(pods));
        }
    }

    fn count_fresh(&mut self, class: u32, node: &Filling, pods: u32) {
        let layout = self.layout;
        let Some(mover) = &layout.movers[class as usize] else { return };
        if mover.counted.is_empty() && layout.counting[class as usize].domain_owned.is_empty() {
            return;
        }
        let keys = 0..layout.keys.len() as u32;
        let domains: Vec<u32> =
            keys.map(|key| self.fresh_domain(key, node.variant, node.type_index, node.offer)).collect();
        self.count_in(class, mover, &domains, pods);
    }

    /// Whether limits, reservations and the rule about spot leave this to be bought, besides what is bought already.
    fn may_buy(&self, variant: u32, type_index: u32, offer: u8, spot: SpotRule, made: &[Fresh]) -> bool {
        let snapshot = self.layout.snapshot;
        if spot == SpotRule::Forbidden
            && snapshot.market.keys[offer as usize].capacity_type == CapacityType::Spot
        {
            return false;
        }
        let pool = self.layout.variants[variant as usize].pool;
        let Some(table) = &snapshot.pools[pool as usize].table else { return false };
        let limits = &self.limits[pool as usize];
        if !limits.is_empty() {
            let mut left = limits.clone();
            for node in made.iter().filter(|node| self.layout.variants[node.variant as usize].pool == pool) {
                let capacity = &table.types[node.type_index as usize].capacity;
                for (resource, left) in &mut left {
                    *left -= if resource == "nodes" { 1 } else { capacity.get(resource) };
                }
            }
            if !within_limits(&left, &table.types[type_index as usize].capacity) {
                return false;
            }
        }
        let is_reserved = snapshot.market.keys[offer as usize].reservation.is_some();
        !is_reserved
            || (self.in_stock(variant, type_index, offer) && made.iter().all(|node| node.offer != offer))
    }

    /// The node with all the types it may turn out to be.
    #[expect(clippy::too_many_arguments, reason = "all that a node is")]
    fn flexible(
        &self,
        boxes: &Boxes,
        variant: u32,
        offer: u8,
        type_index: u32,
        price: Usd,
        used: &Amounts,
        below: Option<Usd>,
        contents: Vec<(u32, u32)>,
    ) -> Fresh {
        let layout = self.layout;
        let snapshot = layout.snapshot;
        let pool = layout.variants[variant as usize].pool as usize;
        let key = &snapshot.market.keys[offer as usize];
        // The same capacity type and domains as the one it is bought as: what was checked holds for all of them.
        let domains = |type_index: u32, offer: u8| {
            (0..layout.keys.len() as u32).map(move |key| self.fresh_domain(key, variant, type_index, offer))
        };
        let mut offers: OfferMask = 0;
        for (index, other) in snapshot.market.keys.iter().enumerate() {
            let alike = other.capacity_type == key.capacity_type
                && other.reservation == key.reservation
                && other.tenancy == key.tenancy
                && domains(type_index, index as u8).eq(domains(type_index, offer));
            if alike {
                offers |= 1 << index;
            }
        }
        offers &= boxes
            .iter()
            .filter(|(types, _)| types.contains(type_index as usize))
            .fold(0, |all, (_, offers)| all | offers);
        let net = &layout.variants[variant as usize].net;
        let mut types = TypeSet::with_capacity(net.len());
        let limits = &self.limits[pool];
        let Some(table) = &snapshot.pools[pool].table else {
            return Fresh { variant, type_index, offer, price, types, offers, contents };
        };
        for purchase in &layout.purchases[variant as usize] {
            if below.is_some_and(|below| purchase.price >= below) {
                break;
            }
            let index = purchase.type_index as usize;
            let suits = offers >> purchase.offer & 1 == 1
                && !types.contains(index)
                && boxes
                    .iter()
                    .any(|(types, boxed)| boxed >> purchase.offer & 1 == 1 && types.contains(index))
                && used.fits(&net[index])
                && within_limits(limits, &table.types[index].capacity)
                && domains(purchase.type_index, purchase.offer).eq(domains(type_index, offer));
            if suits {
                types.insert(index);
            }
        }
        types.insert(type_index as usize);
        Fresh { variant, type_index, offer, price, types, offers, contents }
    }

    /// The node, if `minValues` and the rule about spot are content with its types.
    fn flexible_enough(&self, mut node: Fresh, spot: SpotRule) -> Option<Fresh> {
        let layout = self.layout;
        let snapshot = layout.snapshot;
        let pool = &snapshot.pools[layout.variants[node.variant as usize].pool as usize];
        let table = pool.table.as_ref()?;
        let ground = Ground { market: &snapshot.market, pools: &snapshot.pools, variants: &layout.variants };
        let suits = |types: &TypeSet| {
            pool.min_values.is_empty()
                || check_min_values(table, ground, &pool.min_values, types, node.offers).is_ok()
        };
        if !suits(&node.types) {
            return None;
        }
        let is_spot = snapshot.market.keys[node.offer as usize].capacity_type == CapacityType::Spot;
        if let (SpotRule::Flexible(least), true) = (spot, is_spot) {
            if node.types.count_ones(..) < least {
                return None;
            }
            // The cheapest, and as many more as minValues needs (reference section 4.12).
            let mut kept = TypeSet::with_capacity(node.types.len());
            for purchase in &layout.purchases[node.variant as usize] {
                let listed = node.types.contains(purchase.type_index as usize)
                    && node.offers >> purchase.offer & 1 == 1;
                if listed {
                    kept.insert(purchase.type_index as usize);
                }
                if kept.count_ones(..) >= least && suits(&kept) {
                    break;
                }
            }
            node.types = kept;
        }
        Some(node)
    }

    /// The node whose contents are worth most for its price, filled around the first class.
    fn best_filling(
        &mut self,
        left: &[(u32, u32)],
        below: Option<Usd>,
        spot: SpotRule,
        made: &[Fresh],
    ) -> Option<Filling> {
        let layout = self.layout;
        let (anchor, _) = *left.first()?;
        let first = layout.movers[anchor as usize].as_ref()?;
        let tier = first.tier?;
        let mut best: Option<(f64, Filling)> = None;
        for column in first.columns.iter() {
            if best.as_ref().is_some_and(|(ratio, _)| column.optimistic >= *ratio) {
                break;
            }
            let table =
                layout.snapshot.pools[layout.variants[column.variant as usize].pool as usize].table.as_ref();
            let Some(table) = table else { continue };
            for offer in &table.offers[column.type_index as usize] {
                if below.is_some_and(|below| offer.price >= below) {
                    break;
                }
                if !admits(&first.sets, column.variant, column.type_index, offer.key)
                    || !self.may_buy(column.variant, column.type_index, offer.key, spot, made)
                {
                    continue;
                }
                let filling =
                    self.fill(left, tier, column.variant, column.type_index, offer.key, offer.price);
                let ratio = offer.price.as_f64() / filling.worth.max(1e-12);
                if filling.worth > 0.0 && best.as_ref().is_none_or(|(known, _)| ratio < *known) {
                    best = Some((ratio, filling));
                }
                // Without rules over domains, the cheapest offering is as good as any.
                if !first.has_domain_rules() && first.sets.len() == 1 {
                    break;
                }
            }
        }
        best.map(|(_, filling)| filling)
    }

    fn fill(
        &self,
        left: &[(u32, u32)],
        tier: u32,
        variant: u32,
        type_index: u32,
        offer: u8,
        price: Usd,
    ) -> Filling {
        let layout = self.layout;
        let row = &layout.variants[variant as usize];
        let mut free = row.net[type_index as usize];
        let mut host = HostCounts::default();
        let mut ports: Option<Vec<crate::class::HostPort>> = None;
        let mut filling = Filling { variant, type_index, offer, price, contents: Vec::new(), worth: 0.0 };
        for (class, pods) in left {
            let requests = &layout.snapshot.classes[*class as usize].requests;
            let mut copies = requests.copies_in(&free).min(*pods);
            if copies == 0 {
                continue;
            }
            let Some(mover) = &layout.movers[*class as usize] else { continue };
            if mover.tier != Some(tier) || !admits(&mover.sets, variant, type_index, offer) {
                continue;
            }
            if !mover.host.is_free() {
                let used = ports.get_or_insert_with(|| row.daemon_ports.clone());
                copies = copies.min(mover.host.copies(&|group| host.count(group), used, &self.host_totals));
            }
            if copies > 0 && mover.has_domain_rules() {
                let domain = |key| self.fresh_domain(key, variant, type_index, offer);
                copies = copies.min(self.domain_copies(mover, &domain));
            }
            if copies == 0 {
                continue;
            }
            if !mover.host.is_free() {
                let used = ports.get_or_insert_with(|| row.daemon_ports.clone());
                mover.host.record(&mut host, used, copies);
            }
            free.subtract(&requests.times(i64::from(copies)));
            filling.worth += mover.worth * f64::from(copies);
            filling.contents.push((*class, copies));
        }
        filling
    }

    fn finished(&self, filling: &Filling) -> Option<Fresh> {
        let layout = self.layout;
        let movers: Vec<&Mover> = filling
            .contents
            .iter()
            .map(|(class, _)| layout.movers[*class as usize].as_ref())
            .collect::<Option<_>>()?;
        let boxes = self.boxes(&movers, filling.variant);
        let mut used = Amounts::ZERO;
        for (class, pods) in &filling.contents {
            used.add(&layout.snapshot.classes[*class as usize].requests.times(i64::from(*pods)));
        }
        let price = filling.price;
        let node = self.flexible(
            &boxes,
            filling.variant,
            filling.offer,
            filling.type_index,
            price,
            &used,
            None,
            filling.contents.clone(),
        );
        self.flexible_enough(node, SpotRule::Free)
    }
}
