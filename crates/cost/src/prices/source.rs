//! Where a price comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a price comes from, the most trusted first (reference section 4.2): what was billed, what the account's spot
/// feed and history say, commitments, what the user says, the public list, and guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriceSource {
    /// The bill (cost and usage report) of this very instance.
    Bill,
    /// The user's price list.
    Custom,
    /// The account's spot data feed, by instance.
    SpotFeed,
    /// EC2's spot price history, by type and zone.
    SpotHistory,
    /// A savings plan's rate.
    SavingsPlan,
    /// A reserved instance's effective rate.
    ReservedInstance,
    /// The public price list.
    List,
    /// A list price of another region, or a usual saving.
    Estimate,
    /// So much for a core and so much for a GiB, of no particular machine.
    Default,
}

impl PriceSource {
    /// The word shown to the user.
    pub const fn as_str(self) -> &'static str {
        match self {
            PriceSource::Bill => "bill",
            PriceSource::Custom => "custom",
            PriceSource::SpotFeed => "spot-feed",
            PriceSource::SpotHistory => "spot-history",
            PriceSource::SavingsPlan => "savings-plan",
            PriceSource::ReservedInstance => "reserved-instance",
            PriceSource::List => "list",
            PriceSource::Estimate => "estimate",
            PriceSource::Default => "default",
        }
    }

    /// Whether nobody has paid or quoted this price for this machine.
    pub const fn is_guess(self) -> bool {
        matches!(self, PriceSource::Estimate | PriceSource::Default)
    }
}

/// Some of the sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PriceSources(u16);

impl PriceSource {
    /// All there are, the most trusted first.
    pub const ALL: [PriceSource; 9] = [
        PriceSource::Bill,
        PriceSource::Custom,
        PriceSource::SpotFeed,
        PriceSource::SpotHistory,
        PriceSource::SavingsPlan,
        PriceSource::ReservedInstance,
        PriceSource::List,
        PriceSource::Estimate,
        PriceSource::Default,
    ];
}

impl PriceSources {
    /// One source.
    pub const fn of(source: PriceSource) -> PriceSources {
        PriceSources(1 << source as u16)
    }

    /// These and others.
    pub const fn with(self, others: PriceSources) -> PriceSources {
        PriceSources(self.0 | others.0)
    }

    /// Those there are, the most trusted first.
    pub fn iter(self) -> impl Iterator<Item = PriceSource> {
        PriceSource::ALL.into_iter().filter(move |source| self.0 & PriceSources::of(*source).0 != 0)
    }

    /// As a number, for the ledger's files.
    pub(crate) const fn to_number(self) -> u16 {
        self.0
    }

    /// From a number of [`PriceSources::to_number`].
    pub(crate) const fn from_number(number: u16) -> PriceSources {
        PriceSources(number)
    }
}

impl fmt::Display for PriceSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}
