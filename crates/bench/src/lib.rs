//! Known workloads, timed and priced: what engine and ledger promise, measured.
//!
//! ```text
//! workload (decoded objects, market) ──measure──> row (times, nodes, price, bound, goals) ──> table, JSON record
//! ```
//!
//! Everything is made from fixed seeds, so two runs solve the same problems. A measured run starts from decoded
//! Kubernetes objects and ends with every pod placed or refused; only the compiled catalogue is reused.

pub mod arguments;
pub mod cluster;
pub mod consolidation;
pub mod goals;
pub mod ledger;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod pods;
pub mod record;
pub mod replay;
pub mod run;
pub mod synthetic;
pub mod table;
pub mod us_east_1;
pub mod workloads;
