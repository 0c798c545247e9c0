//! Quotas of namespaces: what objects take of them, and what is left (`ResourceQuota`).
//!
//! A write is charged under the lock that it is made under: [`charge`] answers with the new statuses of the quotas it
//! counts against, to be stored with it. What deletions and changes free is reckoned anew by [`status`].

mod charge;
mod scopes;
mod usage;

pub use charge::{Charge, charge, is_counted, status};
