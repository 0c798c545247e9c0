//! Filling one node: around an anchor, always the pod that points most along what is left.

use crate::amounts::Amounts;
use crate::amounts::WIDTH;
use crate::fits::FitId;
use crate::flexible::check_min_values;
use crate::flexible::holding;
use crate::market::OfferMask;
use crate::market::TypeSet;
use crate::topology::HostCounts;
use crate::view::Column;
use crate::view::View;
use crate::view::worth;

use super::packer::Packer;
use super::patterns::Pattern;

impl Packer<'_> {
    /// Fills a column around the anchor: always the pod whose needs point most along what is left of the node,
    /// weighed by what the resources are worth.
    pub(super) fn fill(&self, column: Column, anchor: u32, view: &View) -> Option<Pattern> {
        let variant = &self.ground.variants[column.variant as usize];
        let mut pattern = Pattern {
            column,
            contents: Vec::new(),
            used: Amounts::ZERO,
            worth: 0.0,
            ratio: f64::INFINITY,
            host: HostCounts::default(),
            ports: variant.daemon_ports.clone(),
        };
        let mut room = column.net;
        let first = if self.kinds[anchor as usize].follows { u32::MAX } else { 1 };
        if !self.add_one_of(anchor, first, &mut pattern, &mut room) {
            return None;
        }
        if self.kinds[anchor as usize].attracts {
            // Those that need the anchor come before those that do not.
            for kind in 0..self.kinds.len() as u32 {
                if self.kinds[kind as usize].follows && self.reaches(self.kinds[kind as usize].fits, &column)
                {
                    while self.add_one_of(kind, u32::MAX, &mut pattern, &mut room) {}
                }
            }
        }
        let mut weights = [0.0; WIDTH];
        for (place, weight) in weights.iter_mut().enumerate() {
            if column.net[place] > 0 {
                *weight = view.shadow[place] / column.net[place] as f64;
            }
        }
        let mut candidates: Vec<u32> = (0..self.kinds.len() as u32)
            .filter(|index| {
                let kind = &self.kinds[*index as usize];
                kind.left > 0 && kind.amounts.fits(&room) && self.reaches(kind.fits, &column)
            })
            .collect();
        while !candidates.is_empty() {
            let mut weighed = weights;
            for (place, weight) in weighed.iter_mut().enumerate() {
                *weight *= room[place] as f64;
            }
            let mut best: Option<(f64, usize)> = None;
            let mut position = 0;
            while position < candidates.len() {
                let kind = &self.kinds[candidates[position] as usize];
                if !kind.amounts.fits(&room) {
                    candidates.swap_remove(position);
                    continue;
                }
                let score = worth(&weighed, &kind.amounts);
                let better = best.is_none_or(|(bar, at)| {
                    score > bar || (score == bar && candidates[position] < candidates[at])
                });
                if better {
                    best = Some((score, position));
                }
                position += 1;
            }
            let Some((_, position)) = best else { break };
            let kind = candidates[position];
            let copies = self.kinds[kind as usize].amounts.copies_in(&room);
            if !self.add_one_of(kind, copies.div_ceil(2).max(1), &mut pattern, &mut room) {
                candidates.swap_remove(position);
            }
        }
        let pool = &self.ground.pools[variant.pool as usize];
        if self.strict && !pool.min_values.is_empty() && !self.shrink_to_min_values(&mut pattern) {
            return None;
        }
        pattern.ratio = column.price.as_f64().max(1e-12) / pattern.worth.max(1e-12);
        Some(pattern)
    }

    /// Takes pods off again until enough types hold the rest. Whether any pod stays.
    pub(super) fn shrink_to_min_values(&self, pattern: &mut Pattern) -> bool {
        let variant = &self.ground.variants[pattern.column.variant as usize];
        let pool = &self.ground.pools[variant.pool as usize];
        let Some(table) = &pool.table else { return false };
        loop {
            let (types, offers) = self.common(pattern);
            let held = holding(&types, &variant.net, &pattern.used);
            if check_min_values(table, self.ground, &pool.min_values, &held, offers).is_ok() {
                break;
            }
            let Some((index, count)) = pattern.contents.last_mut() else { return false };
            let index = *index as usize;
            *count -= 1;
            pattern.used.subtract(&self.demands[index].amounts);
            pattern.worth -= self.kinds[self.kind_of[index] as usize].worth;
            if *count == 0 {
                pattern.contents.pop();
            }
            if pattern.contents.is_empty() {
                return false;
            }
        }
        // What left no longer counts for the rules by host.
        pattern.host.clear();
        pattern.ports.clone_from(&variant.daemon_ports);
        for (index, count) in &pattern.contents {
            self.demands[*index as usize].host.record(&mut pattern.host, &mut pattern.ports, *count);
        }
        true
    }

    /// Types and offerings that all contents of a pattern share.
    pub(super) fn common(&self, pattern: &Pattern) -> (TypeSet, OfferMask) {
        let variant = &self.ground.variants[pattern.column.variant as usize];
        let mut types = variant.types.clone();
        let mut offers: OfferMask = variant.offers;
        for (index, _) in &pattern.contents {
            let fits = self.fits.get(self.demands[*index as usize].fits);
            if let Some(fit) = fits.iter().find(|fit| fit.variant == pattern.column.variant) {
                types.intersect_with(&fit.types);
                offers &= fit.offers;
            }
        }
        (types, offers)
    }

    pub(super) fn reaches(&self, fits: FitId, column: &Column) -> bool {
        self.fits.get(fits).iter().any(|fit| {
            fit.variant == column.variant
                && fit.offers >> column.offer & 1 == 1
                && fit.types.contains(column.type_index as usize)
        })
    }

    /// Adds up to `most` pods of the first demand of a kind that the rules by host still admit.
    pub(super) fn add_one_of(&self, kind: u32, most: u32, pattern: &mut Pattern, room: &mut Amounts) -> bool {
        let demands = &self.kinds[kind as usize].demands;
        demands.iter().any(|demand| self.add_demand(*demand, most, pattern, room) > 0)
    }

    /// Adds up to `most` pods of a demand, as far as room and the rules by host admit. How many.
    pub(super) fn add_demand(&self, index: u32, most: u32, pattern: &mut Pattern, room: &mut Amounts) -> u32 {
        let demand = &self.demands[index as usize];
        if demand.left == 0 {
            return 0;
        }
        let entry = pattern.contents.iter().position(|(known, _)| *known == index);
        let left = demand.left - entry.map_or(0, |at| pattern.contents[at].1);
        if left == 0 {
            return 0;
        }
        let allowed = if demand.host.is_free() {
            u32::MAX
        } else {
            demand.host.copies(&|group| pattern.host.count(group), &pattern.ports, self.host_totals)
        };
        let copies = allowed.min(left).min(most).min(demand.amounts.copies_in(room));
        if copies == 0 {
            return 0;
        }
        let taken = demand.amounts.times(i64::from(copies));
        room.subtract(&taken);
        pattern.used.add(&taken);
        pattern.worth += self.kinds[self.kind_of[index as usize] as usize].worth * f64::from(copies);
        match entry {
            Some(at) => pattern.contents[at].1 += copies,
            None => pattern.contents.push((index, copies)),
        }
        if !demand.host.is_free() {
            demand.host.record(&mut pattern.host, &mut pattern.ports, copies);
        }
        copies
    }
}
