//! The index of all documents, at `/openapi/v3`.

use serde_json::{Map, Value, json};

/// The index: each path (`api/v1`, `apis/apps/v1`) with the hash of its document.
pub fn index<'a>(documents: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let paths: Map<String, Value> = documents
        .into_iter()
        .map(|(path, hash)| {
            (path.to_owned(), json!({ "serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}") }))
        })
        .collect();
    json!({ "paths": paths })
}

/// A hash of a document's bytes, the same for the same bytes: sixteen hexadecimal digits in upper case.
pub fn hash(document: &[u8]) -> String {
    // FNV-1a: clients only compare it.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in document {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016X}")
}
