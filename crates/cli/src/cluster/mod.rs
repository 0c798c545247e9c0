//! A whole cluster as input: the arguments that all commands about one share, and the way from them to objects and a
//! market.

mod arguments;
pub mod dump;
mod read;

pub use arguments::ClusterArguments;
pub use read::{Cluster, Purpose, read, remark_upon};
