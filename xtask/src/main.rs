//! Generated artefacts.
fn main() {}
