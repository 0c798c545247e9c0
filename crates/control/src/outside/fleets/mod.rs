//! CreateFleet calls, no more of them than EC2 answers: it takes fifty at once and five a second.
//!
//! ```text
//! launches ──> a call each, as long as there are plenty
//!         └──> in a burst: those that ask for the same become one call, which is written down and then made
//! ```
//!
//! A call for one claim has the claim's token, so that a launch which was forgotten is not made twice. A call for several has a
//! token of its own, and its first claim says in an annotation whose launches it is for: who has to ask again asks for all of
//! them under that token (reference section 5.4, batchers).

mod calls;
mod queue;
#[cfg(test)]
mod tests;

pub(super) use calls::Fleets;
