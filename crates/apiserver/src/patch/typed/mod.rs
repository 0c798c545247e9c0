//! Values with their schema, as server-side apply sees them: which fields they set, what differs, how they merge.

mod compare;
mod field_set;
mod form;
mod list_index;
mod merge;
mod nulls;
mod remove;
mod validate;

pub(super) use compare::{Comparison, compare};
pub(super) use field_set::field_set;
pub(super) use merge::merge;
pub(super) use nulls::without_nulls;
pub(super) use remove::remove;
pub(super) use validate::validate;
