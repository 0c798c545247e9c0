//! Metadata of objects, owners and moments.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::de::DeserializeOwned;
use serde_json::Value;
use supercargo_clock::Randomness;

use crate::names::uid;
use crate::options::GenerateError;

/// Labels by key.
pub(crate) type Labels = BTreeMap<String, String>;

/// Name, identifier and age; the namespace where there is one.
pub(crate) fn metadata(
    namespace: Option<&str>,
    name: &str,
    born: Timestamp,
    randomness: &mut Randomness,
) -> ObjectMeta {
    ObjectMeta {
        namespace: namespace.map(str::to_owned),
        name: Some(name.to_owned()),
        uid: Some(uid(randomness)),
        creation_timestamp: Some(Time(whole(born))),
        ..ObjectMeta::default()
    }
}

/// The object that made another.
pub(crate) fn owner(api_version: &str, kind: &str, name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The moment without fractions of a second, as Kubernetes writes it.
pub(crate) fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// So many seconds before a moment.
pub(crate) fn before(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(moment)
}

/// A JSON value as an object of its kind.
pub(crate) fn typed<T: DeserializeOwned>(kind: &'static str, value: Value) -> Result<T, GenerateError> {
    serde_json::from_value(value).map_err(|error| GenerateError::Shape { kind, problem: error.to_string() })
}
