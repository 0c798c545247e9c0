//! Protocol buffers as `kubectl` sends them.
//!
//! A body is `k8s\0` and a message that holds the type's name and the object's bytes. The bytes say only numbers, so a table, `numbers.txt`, gives each
//! number its JSON name; what a field holds is known from its schema.
//!
//! ```text
//! k8s\0 Unknown{ TypeMeta{apiVersion, kind}, raw } ── numbers.txt + schema ──> {"apiVersion": .., "kind": .., ..}
//! ```

mod decode;
mod error;
mod numbers;
#[cfg(test)]
mod round_trip;
mod scalars;
mod schema_props;
mod wire;

pub use decode::{decode, message_type};
pub use error::ProtobufError;
