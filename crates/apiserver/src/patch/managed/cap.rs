//! Keeps the number of managers that update within bounds.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::entries::{ManagerId, Managers, Operation, Owned, shared};
use crate::patch::fields::KeptFields;

/// More managers that update are put together.
const MOST: usize = 10;

/// The manager that stands for the oldest ones.
const ANCIENT: &str = "ancient-changes";

/// Puts the oldest updates of each version together until there are no more than ten.
pub(super) fn cap(managers: &mut Managers) {
    let mut updaters: Vec<Arc<ManagerId>> =
        managers.owned.keys().filter(|id| id.operation == Operation::Update).cloned().collect();
    let mut count = updaters.len();
    if count <= MOST {
        return;
    }
    updaters.sort_by_key(|id| {
        let time = managers.owned.get(id).and_then(|owned| owned.time.as_deref());
        (time.and_then(|time| time.parse::<Timestamp>().ok()).map_or(0, Timestamp::as_second), id.clone())
    });
    let mut first_of_version: BTreeMap<String, Arc<ManagerId>> = BTreeMap::new();
    for id in updaters {
        if count <= MOST {
            return;
        }
        let version = id.api_version.clone();
        let Some(first) = first_of_version.get(&version) else {
            first_of_version.insert(version, id);
            continue;
        };
        let bucket = shared(ManagerId::update(ANCIENT, &version, ""));
        if !managers.owned.contains_key(&bucket)
            && let Some(owned) = managers.owned.remove(first)
        {
            managers.owned.insert(bucket.clone(), owned);
        }
        if id == bucket {
            continue;
        }
        if let (Some(Owned { fields, time, .. }), Some(whole)) =
            (managers.owned.remove(&id), managers.owned.get_mut(&bucket))
        {
            whole.fields = KeptFields::new(whole.fields.set().union(fields.set()));
            whole.time = time;
            count -= 1;
        }
    }
}
