//! From rows to answers: what is shared is shared, what is not asked for is left out, the rest is added up by key.

mod aggregate;
mod aggregation;
mod idle;
mod label_aliases;
mod line;
mod properties;
mod query;
mod sharing;

pub use aggregate::{Aggregate, AllocationSet, AssetShare, AssetShares};
pub use aggregation::{AggregateBy, Aggregation, AggregationError};
pub(crate) use idle::{Basis, IdlePart, divide_idle};
pub use label_aliases::LabelAliases;
pub(crate) use line::{Line, Role};
pub use properties::Properties;
pub use query::{AllocationQuery, Order, OrderBy, Page};
pub use sharing::{Sharing, Split, share};
