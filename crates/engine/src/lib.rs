//! The brain: snapshot to plan, with reasons and bounds.
