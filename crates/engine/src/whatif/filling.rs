//! New nodes one after the other, each filled with what is worth most for its price.

use supercargo_catalog::Usd;

use crate::amounts::Amounts;
use crate::topology::HostCounts;

use super::answer::{Fresh, SpotRule};
use super::board::Board;
use super::breadth::Bought;
use super::layout::{Mover, Purchase};
use super::placing::admits;

/// A node while it is being filled.
#[derive(Clone, Debug)]
pub(super) struct Filling {
    pub(super) variant: u32,
    pub(super) type_index: u32,
    pub(super) offer: u8,
    pub(super) contents: Vec<(u32, u32)>,
    pub(super) worth: f64,
}

impl<'l> Board<'l> {
    /// The node whose contents are worth most for its price, filled around the first class.
    pub(super) fn best_filling(
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
                let purchase =
                    Purchase { price: offer.price, type_index: column.type_index, offer: offer.key };
                let filling = self.fill(left, tier, purchase, column.variant);
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

    /// Fills a node with as much of what is left as it holds; counts are as before afterwards.
    fn fill(&mut self, left: &[(u32, u32)], tier: u32, purchase: Purchase, variant: u32) -> Filling {
        let layout = self.layout;
        let row = &layout.variants[variant as usize];
        let Purchase { type_index, offer, .. } = purchase;
        let mut free = row.net[type_index as usize];
        let mut host = HostCounts::default();
        let mut ports: Option<Vec<crate::class::HostPort>> = None;
        let mut filling = Filling { variant, type_index, offer, contents: Vec::new(), worth: 0.0 };
        let mark = self.log.len();
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
            self.count_fresh(*class, &filling, copies);
        }
        self.undo(mark);
        filling
    }

    /// The node as it is bought: the cheapest that holds the same in the same domains.
    pub(super) fn finished(
        &self,
        filling: &Filling,
        below: Option<Usd>,
        spot: SpotRule,
        made: &[Fresh],
    ) -> Option<Fresh> {
        let layout = self.layout;
        let movers: Vec<&Mover> = filling
            .contents
            .iter()
            .map(|(class, _)| layout.movers[*class as usize].as_ref())
            .collect::<Option<_>>()?;
        let Filling { variant, type_index, offer, ref contents, .. } = *filling;
        let boxes = self.boxes(&movers, variant);
        let mut used = Amounts::ZERO;
        for (class, pods) in contents {
            used.add(&layout.snapshot.classes[*class as usize].requests.times(i64::from(*pods)));
        }
        let domains = |type_index: u32, offer: u8| {
            (0..layout.keys.len() as u32).map(move |key| self.fresh_domain(key, variant, type_index, offer))
        };
        let net = &layout.variants[variant as usize].net;
        let suits = |purchase: &&Purchase| {
            let index = purchase.type_index as usize;
            used.fits(&net[index])
                && boxes
                    .iter()
                    .any(|(types, offers)| offers >> purchase.offer & 1 == 1 && types.contains(index))
                && self.may_buy(variant, purchase.type_index, purchase.offer, spot, made)
                && domains(purchase.type_index, purchase.offer).eq(domains(type_index, offer))
        };
        let purchase = *layout.purchases[variant as usize].iter().find(suits)?;
        let bought = Bought { variant, purchase, boxes: &boxes, used, contents };
        self.flexible_enough(self.flexible(&bought, below), spot)
    }
}
