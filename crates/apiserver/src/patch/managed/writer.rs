//! Who writes, and how.

use jiff::Timestamp;

use crate::patch::fields::FieldSet;

/// Who writes, and how.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager: the request's `fieldManager`, or the first part of its user agent.
    pub manager: &'a str,
    /// `status`, `scale`; empty for the object itself.
    pub subresource: &'a str,
    /// The version in which the request speaks: `apps/v1`.
    pub api_version: &'a str,
    /// What the entry's time will be.
    pub now: Timestamp,
    /// Fields that this endpoint does not write whatever the request says, such as `status` for the object itself. Nobody comes to own them by it.
    pub reset: &'a FieldSet,
}
