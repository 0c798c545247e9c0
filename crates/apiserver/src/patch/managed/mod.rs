//! Server-side apply and the managers of fields.
//!
//! Every write says who set which fields, in `metadata.managedFields`. [`apply`] merges what a manager wants, takes away what it no longer wants and
//! nobody else has, and refuses to change what others own; [`on_update`] notes what an ordinary write changed.

mod apply;
mod cap;
mod conflict;
mod entries;
mod kept;
mod last_applied;
mod prune;
mod stripped;
mod update;
mod writer;

pub use apply::apply;
pub use conflict::{ApplyError, Conflict, Conflicts};
pub use entries::{ManagerId, Operation};
pub(crate) use kept::KeptManagers;
pub(crate) use update::on_kept_update;
pub use update::on_update;
pub use writer::Writer;
