//! Kinds of pods, and patterns of them: what one node would hold, before it is bought.

use crate::amounts::Amounts;
use crate::class::HostPort;
use crate::fits::Fit;
use crate::fits::FitId;
use crate::market::OfferMask;
use crate::topology::HostCounts;
use crate::view::Column;

/// Demands of one size that may go to the same places.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) amounts: Amounts,
    pub(super) fits: FitId,
    pub(super) reach: Reach,
    pub(super) worth: f64,
    pub(super) left: u32,
    /// Demands, by index; exhausted ones are skipped over.
    pub(super) demands: Vec<u32>,
    /// Fewest per node that rules by host allow among its demands, for choosing anchors.
    pub(super) most_per_node: u32,
    /// Its worth comes from the configuration problem.
    pub(super) configured: bool,
    /// Others must be where these are.
    pub(super) attracts: bool,
    /// These must be where others are, or all together.
    pub(super) follows: bool,
}

/// A node's contents before it is bought.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) column: Column,
    pub(super) contents: Vec<(u32, u32)>,
    pub(super) used: Amounts,
    pub(super) worth: f64,
    pub(super) ratio: f64,
    pub(super) host: HostCounts,
    pub(super) ports: Vec<HostPort>,
}

/// How many of `group`'s pods are left, how many fit on one node, and where they may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limited {
    pub(super) group: u32,
    pub(super) per_node: u32,
    pub(super) left: i64,
    pub(super) reach: Reach,
}

/// Which nodes are within reach, coarsely: two that share no variant or no offering never meet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    /// Bit by variant, folded.
    pub(super) variants: u128,
    pub(super) offers: OfferMask,
}

impl Reach {
    pub(super) fn of(fits: &[Fit], in_tier: &[bool]) -> Reach {
        let mut reach = Reach::default();
        for fit in fits.iter().filter(|fit| in_tier[fit.variant as usize]) {
            reach.variants |= 1 << (fit.variant % 128);
            reach.offers |= fit.offers;
        }
        reach
    }

    pub(super) fn meets(&self, other: &Reach) -> bool {
        self.variants & other.variants != 0 && self.offers & other.offers != 0
    }

    pub(super) fn add(&mut self, other: &Reach) {
        self.variants |= other.variants;
        self.offers |= other.offers;
    }
}
