//! How long the catalogue takes from nothing to the instance types of one node class.
//!
//! `cargo run --release -p supercargo-catalog --example startup`

use std::process::ExitCode;

use supercargo_catalog::{Catalog, NodeClassModel};
use supercargo_clock::{RealClock, Stopwatch};

fn main() -> ExitCode {
    let clock = RealClock::new();
    let whole = Stopwatch::start(&clock);
    let catalog = Catalog::embedded();
    let decoded = whole.elapsed();
    let types = catalog.instance_types("us-east-1", None, &NodeClassModel::default());
    let resolved = whole.elapsed();
    let offerings: usize = types.iter().map(|instance_type| instance_type.offerings.len()).sum();
    println!(
        "decode {decoded:?}, decode and resolve {resolved:?}: {} types, {offerings} offerings",
        types.len()
    );
    if types.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
