//! The journal of decisions.

/// The journal of decisions.
#[derive(Debug, Default)]
pub struct Journal {}
