//! supercargo, the binary.
fn main() {}
