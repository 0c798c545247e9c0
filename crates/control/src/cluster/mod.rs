//! The mirrored state as the engine reads it.
