//! Discovery: what there is, for clients that do not know.
//!
//! In one document (aggregated, version 2) for those that ask for it, and in the classic way, group by group.

mod aggregated;
mod cache;
mod classic;
mod groups;
mod openapi;
mod version;

pub(crate) use aggregated::{aggregated, wants_aggregated};
pub(crate) use cache::Cache;
pub(crate) use classic::{core_versions, group, groups, paths, resources};
pub(crate) use openapi::openapi;
pub(crate) use version::version;
