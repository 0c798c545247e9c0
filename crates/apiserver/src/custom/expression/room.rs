//! Room to recurse: the parser and the interpreter take much stack for each level of an expression.

use std::thread;

/// Stack for the deepest expression that is let through, in bytes. What is not touched is not taken.
const STACK: usize = 256 * 1024 * 1024;

/// Runs something on a stack of its own that is large enough, and waits for it. `None` if it panicked, or there is no
/// thread to be had.
pub(super) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()?.join().ok()
    })
}
