//! Builtin kinds: defaults, validation, immutable fields, strategies.
