//! NodePools: what they have, whether they can be used, and by which digest their nodes drift (reference sections 1.1, 3.2,
//! 4.7, 9.3).

mod hash;
mod take_over;

pub use hash::hash;
pub use take_over::take_over;
