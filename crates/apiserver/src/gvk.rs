//! Group, version and kind.
