//! The cheapest new node for all of some pods.

use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::topology::HostCounts;

use super::answer::{Fresh, SpotRule};
use super::board::Board;
use super::breadth::Bought;
use super::filling::Filling;
use super::layout::Mover;

impl<'l> Board<'l> {
    /// The cheapest node that holds all of these.
    pub(super) fn one_node(
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
                let bought =
                    Bought { variant: *variant, purchase: *purchase, boxes: &boxes, used, contents: left };
                let node = self.flexible(&bought, below);
                if let Some(node) = self.flexible_enough(node, spot) {
                    best = Some(node);
                    break;
                }
            }
        }
        best
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
        let counting = &layout.counting[class as usize];
        for (group, key) in &counting.domain_owned {
            self.count_in_domain(*group, domains[*key as usize], 0, i64::from(pods));
        }
        for group in &counting.host_matched {
            self.count_anywhere(*group, i64::from(pods));
        }
    }

    pub(super) fn count_fresh(&mut self, class: u32, node: &Filling, pods: u32) {
        let layout = self.layout;
        let Some(mover) = &layout.movers[class as usize] else { return };
        if mover.counted.is_empty() && layout.counting[class as usize].is_empty() {
            return;
        }
        let keys = 0..layout.keys.len() as u32;
        let domains: Vec<u32> =
            keys.map(|key| self.fresh_domain(key, node.variant, node.type_index, node.offer)).collect();
        self.count_in(class, mover, &domains, pods);
    }
}
