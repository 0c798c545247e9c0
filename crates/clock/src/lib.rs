//! Time and randomness, injected.
//!
//! Whatever waits, dates or chooses at random takes a [`Clock`] and a [`Randomness`] from its caller. A program runs on
//! [`RealClock`]; a test or a simulation runs on [`VirtualClock`] and a fixed seed, and then does the same thing every
//! time, on every platform. With the feature `tokio` there is `Time`, which can also be waited for.

mod clock;
mod logarithm;
mod randomness;
mod real;
mod stopwatch;
#[cfg(feature = "tokio")]
mod time;
mod virtual_clock;

pub use clock::Clock;
pub use randomness::Randomness;
pub use real::RealClock;
pub use stopwatch::Stopwatch;
#[cfg(feature = "tokio")]
pub use time::Time;
pub use virtual_clock::VirtualClock;
