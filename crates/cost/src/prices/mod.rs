//! What things cost: kept apart from what happened, with the origin of every figure, so that a late bill re-prices the
//! past without reading a metric again.

mod billed;
mod book;
mod catalogue;
pub mod files;
mod fingerprint;
mod folder;
mod gpus;
mod node_label;
mod reconcile;
mod sent;
mod shadow;
mod source;
mod split;
mod spot;
mod units;

pub(crate) use billed::resource as billed_resource;
pub use book::{NodePrice, NodePriceKey, PriceBook, PricedNode, VolumePrice};
pub(crate) use book::{money_part as money_part_of, per_gib_of};
pub use folder::{FolderError, PriceFolder};
pub use node_label::NodeLabel;
pub use reconcile::{BillRate, BilledDay, Observed, Reconciliation, reconcile};
pub use sent::BookError;
pub use shadow::ShadowPrices;
pub use source::{PriceSource, PriceSources};
pub use split::{NodeParts, SplitMethod};
pub use spot::SpotQuote;
pub use units::{UnitPrice, UnitPriceChanges, UnitPrices, VOLUME_TYPES};
