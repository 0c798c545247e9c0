//! Small clusters and catalogues, built by hand so that the expected node is obvious.

#![allow(dead_code, unused_imports, reason = "every test program uses its own part of this")]

mod catalogue;
mod cluster;
mod manifests;
mod wording;

pub use catalogue::{InstanceTypeBuilder, instance_type};
pub use cluster::Cluster;
pub use manifests::{Manifest, and, claim, manifest, node, pod, pods, pool};
pub use wording::{bought, bought_where, ignored, placed, problems, step_texts, unplaced};
