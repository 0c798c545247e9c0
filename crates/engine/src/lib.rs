//! The brain: snapshot to plan, with reasons and bounds.

pub mod amounts;
pub mod asked;
pub mod buffers;
pub mod class;
mod class_table;
mod eligibility;
pub mod fingerprint;
pub mod market;
pub mod overlays;
pub mod pools;
mod priorities;
pub mod requests;
pub mod rooms;
pub mod snapshot;
pub mod topology;
pub mod volumes;
pub mod fits;
pub mod pack;
pub mod planned;
pub mod solve;
pub mod view;
pub mod bound;
pub mod flexible;
pub mod plan;
pub mod reasons;
pub mod exact;
