//! What is sold where, and spot prices.

use jiff::Timestamp;
use supercargo_catalog::Usd;

/// A type that is sold in a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeOffering {
    /// `m7i.2xlarge`.
    pub instance_type: String,
    /// `us-east-1a`.
    pub zone: String,
}

/// A spot price and since when it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpotPrice {
    /// `m7i.2xlarge`.
    pub instance_type: String,
    /// `us-east-1a`.
    pub zone: String,
    /// Dollars per hour.
    pub price: Usd,
    /// Since when.
    pub since: Timestamp,
}
