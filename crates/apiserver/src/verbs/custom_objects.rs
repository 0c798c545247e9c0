//! What the server itself does to custom objects: status reset and kept, generation counted.

use serde_json::{Value, json};

use super::hooks::put;

/// A new object has generation one, and no status if that has an endpoint of its own.
pub(super) fn prepare_for_create(object: &mut Value, has_status: bool) {
    if has_status {
        put(object, "status", None);
    }
    object["metadata"]["generation"] = json!(1);
}

/// An update leaves the status alone if that has an endpoint of its own; the generation grows if anything changed that is
/// neither metadata nor such a status.
pub(super) fn prepare_for_update(old: &Value, new: &mut Value, has_status: bool) {
    if has_status {
        put(new, "status", old.get("status").cloned());
    }
    let generation = old["metadata"]["generation"].as_i64().unwrap_or(0);
    let grown = i64::from(differs(old, new));
    if generation + grown > 0 {
        new["metadata"]["generation"] = json!(generation + grown);
    }
}

/// An update of the status leaves everything else alone, but for who manages fields.
pub(super) fn prepare_for_status(old: &Value, new: &mut Value) {
    let status = new.get("status").cloned();
    let managers = new["metadata"].get("managedFields").cloned();
    new.clone_from(old);
    put(new, "status", status);
    put(&mut new["metadata"], "managedFields", managers);
}

fn differs(old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return old != new };
    let counts = |key: &String| !matches!(key.as_str(), "metadata" | "apiVersion" | "kind");
    old.iter().any(|(key, value)| counts(key) && new.get(key) != Some(value))
        || new.keys().any(|key| counts(key) && !old.contains_key(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_grows_with_what_is_wanted() {
        let old = json!({"metadata": {"generation": 3}, "spec": {"a": 1}, "status": {"x": 1}});
        let mut new = json!({"metadata": {}, "spec": {"a": 1}, "status": {"x": 2}});
        prepare_for_update(&old, &mut new, true);
        assert_eq!(new, old);
        new["spec"]["a"] = json!(2);
        prepare_for_update(&old, &mut new, true);
        assert_eq!(new["metadata"]["generation"], 4);
        let mut new = json!({"metadata": {}, "spec": {"a": 1}, "status": {"x": 2}});
        prepare_for_update(&old, &mut new, false);
        assert_eq!((&new["metadata"]["generation"], &new["status"]["x"]), (&json!(4), &json!(2)));
    }

    #[test]
    fn an_update_of_the_status_changes_nothing_else() {
        let old = json!({"metadata": {"labels": {"a": "1"}}, "spec": 1});
        let mut new = json!({"metadata": {"labels": {}, "managedFields": []}, "spec": 2, "status": {"x": 1}});
        prepare_for_status(&old, &mut new);
        let expected =
            json!({"metadata": {"labels": {"a": "1"}, "managedFields": []}, "spec": 1, "status": {"x": 1}});
        assert_eq!(new, expected);
    }
}
