//! Custom resource definitions: their own validation, and structural schemas at work.
