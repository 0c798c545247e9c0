//! The verbs: get, create, update, patch, delete, delete many; and the reviews, which are only ever created.

mod admission;
mod create;
mod custom_objects;
mod delete;
mod get;
mod hooks;
mod incoming;
mod lookup;
mod patch;
mod review;
mod seen;
mod update;

pub(crate) use admission::Admission;
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use get::get;
pub(crate) use incoming::{check, check_type};
pub(crate) use patch::{APPLY_PATCH, decode_patch, patch, patched};
pub(crate) use review::{REVIEWS, review};
pub(crate) use seen::Seen;
pub(crate) use update::{Change, update, write};
