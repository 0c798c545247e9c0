//! Time and randomness, injected.
