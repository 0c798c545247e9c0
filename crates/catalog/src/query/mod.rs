//! Asking the catalogue: which types meet some conditions, in which order, and what each condition removes.

mod answer;
mod document;
mod filter;
mod node_pool;
mod order;
mod span;

pub use answer::{Answer, FilterEffect, Match, MinValues, Query};
pub use document::{InstanceTypeList, ListedInstanceType, ListedOffering};
pub use filter::{Filter, FilterError};
pub use node_pool::NodePoolFilters;
pub use order::{Order, UnknownOrder};
pub use span::{Span, SpanError};
