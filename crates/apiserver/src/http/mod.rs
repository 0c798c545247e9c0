//! From HTTP to verbs, and back.
//!
//! ```text
//! Request ──path, query, body──> Call ──verbs──> Answer ──negotiate──> Response
//!                                  └── watch ──> a stream of events
//! ```

pub(crate) mod answer;
pub(crate) mod body;
mod call;
mod converted;
mod date;
mod handler;
mod negotiate;
mod path;
pub(crate) mod query;
mod system;
mod user;
mod watch_stream;

pub(crate) mod list;
pub(crate) mod watch;

pub(crate) use call::{Call, OfControlPlane};
pub(crate) use date::Date;
pub(crate) use handler::handle;
pub(crate) use negotiate::Include;
pub(crate) use path::ResourcePath;
pub(crate) use query::Query;
pub use user::User;
