//! Documents that are made once for a state of the registry.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::PoisonError;

use bytes::Bytes;

use crate::server::Server;

/// Documents by name, all of one generation of the registry.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    generation: u64,
    documents: BTreeMap<String, (Bytes, String)>,
}

/// The document of this name and its tag; made if there is none of the registry's generation.
pub(super) fn cached(server: &Server, name: &str, make: impl FnOnce() -> Bytes) -> (Bytes, String) {
    let generation = server.registry().generation;
    {
        let cache = server.shared.discovery.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.generation == generation
            && let Some(known) = cache.documents.get(name)
        {
            return known.clone();
        }
    }
    let body = make();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let document = (body, format!("{:016X}", hasher.finish()));
    let mut cache = server.shared.discovery.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.generation != generation {
        *cache = Cache { generation, documents: BTreeMap::new() };
    }
    cache.documents.insert(name.to_owned(), document.clone());
    document
}
