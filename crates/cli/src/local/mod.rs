//! `supercargo local`: machines and parts of a simulated control plane, on the embedded cluster or any other.

mod arguments;
mod client;
mod nodes;
mod parts;
mod run;

pub use arguments::Arguments;
pub(crate) use client::client as cluster_client;
pub use run::run;
