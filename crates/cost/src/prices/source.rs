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

impl fmt::Display for PriceSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}
