//! Small made-up clusters, the Kubernetes objects they stand for, and an oracle that knows their cheapest plan.

#![allow(dead_code, reason = "every test program uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

pub mod crowd;
pub mod instance;
pub mod objects;
pub mod oracle;
pub mod running;
pub mod scene;
