//! The state of the cluster as the watches show it, by kind and key, with the indices that the parts ask for.
//!
//! ```text
//! list + watch ──┐
//!                ├──> State ──Change──> every part
//! own writes ────┘
//! ```
//!
//! The answer to an own write counts at once; what a watch says later about an older version is not news. So every part
//! reads its own writes and needs no expectations.

mod kinds;
mod lean;
mod readings;
mod state;
mod store;
mod text;

pub use kinds::{Kind, Object, Place, Stores};
pub(crate) use lean::Keep;
pub use readings::Readings;
pub use state::{Change, State};
pub use state::{claims_of, controller_of, node_of};
pub use store::{Key, Store};
pub(crate) use text::{Unread, without_managers};
