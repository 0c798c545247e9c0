//! Tables: what `kubectl get` shows of every kind.
//!
//! The columns, their order and their words are those of upstream; what is behind a priority is shown with `-o wide`.

mod access;
mod admission;
mod age;
mod batch;
mod builtin;
mod cells;
mod cluster;
mod column;
mod network;
mod pods;
mod policy;
mod render;
mod storage;
mod workloads;

pub(crate) use column::Columns;
pub(crate) use render::{columns, row, scale_columns, table};
