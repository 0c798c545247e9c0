//! Writes and deletions as they reach the storage, whoever asks for them, and what follows from them.

mod commit;
mod deletion;
mod options;

pub(crate) use deletion::Deleted;
pub(crate) use options::{DeleteOptions, Propagation};
