//! Defaults and status of a definition: which names it has, and whether it is established.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::builtin::read::{
    ensure_object, has, items, items_mut, set, set_default, set_default_text, text, truth,
};

/// Sets what upstream sets in a CustomResourceDefinition when nothing is said.
pub fn default_definition(definition: &mut Value) {
    let Some(spec) = ensure_object(definition, "spec") else { return };
    if let Some(conversion) = ensure_object(spec, "conversion") {
        set_default_text(conversion, "strategy", "None");
    }
    let Some(names) = ensure_object(spec, "names") else { return };
    let kind = text(names, "kind").to_owned();
    if !kind.is_empty() {
        set_default_text(names, "singular", &kind.to_lowercase());
        set_default_text(names, "listKind", &format!("{kind}List"));
    }
    // The field is not served any more once it says what holds anyway.
    if spec.get("preserveUnknownFields").and_then(Value::as_bool) == Some(false)
        && let Some(fields) = spec.as_object_mut()
    {
        fields.shift_remove("preserveUnknownFields");
    }
    for version in items_mut(spec, "versions") {
        set_default(version, "served", false);
        set_default(version, "storage", false);
    }
}

/// The status of a definition that was just sent: the version that objects will be stored in.
pub fn first_status(definition: &Value) -> Value {
    let storage: Vec<&str> = storage_version(definition).into_iter().collect();
    json!({ "conditions": [], "acceptedNames": { "plural": "", "kind": "" }, "storedVersions": storage })
}

fn storage_version(definition: &Value) -> Option<&str> {
    items(&definition["spec"], "versions")
        .iter()
        .find(|version| truth(version, "storage"))
        .map(|version| text(version, "name"))
}

/// The status of a definition beside the others: names are accepted unless another definition of the group has them,
/// and what has its names is established. Times of conditions that did not change are kept.
pub fn status_of_definition(definition: &Value, others: &[&Value], now: Timestamp) -> Value {
    let names = &definition["spec"]["names"];
    let old = &definition["status"];
    let group = text(&definition["spec"], "group");
    let own_name = text(&definition["metadata"], "name");
    let taken: Vec<&Value> = others
        .iter()
        .filter(|other| {
            text(&other["spec"], "group") == group && text(&other["metadata"], "name") != own_name
        })
        .map(|other| &other["status"]["acceptedNames"])
        .collect();
    let conflict = conflict(names, &taken);
    let was_established =
        condition(old, "Established").is_some_and(|condition| text(condition, "status") == "True");
    let is_accepted = conflict.is_none();
    let accepted = if is_accepted { names.clone() } else { old["acceptedNames"].clone() };

    let (status, reason, message) = match conflict {
        None => ("True", "NoConflicts", "no conflicts found".to_owned()),
        Some((reason, message)) => ("False", reason, message),
    };
    let names_accepted = with_time(old, "NamesAccepted", status, reason, &message, now);
    let established = if was_established || is_accepted {
        with_time(
            old,
            "Established",
            "True",
            "InitialNamesAccepted",
            "the initial names have been accepted",
            now,
        )
    } else {
        with_time(old, "Established", "False", "NotAccepted", "not all names are accepted", now)
    };
    let mut stored: Vec<Value> = items(old, "storedVersions").to_vec();
    if let Some(version) = storage_version(definition)
        && !stored.iter().any(|known| known == version)
    {
        stored.push(json!(version));
    }
    json!({ "conditions": [names_accepted, established], "acceptedNames": accepted, "storedVersions": stored })
}

fn conflict(names: &Value, taken: &[&Value]) -> Option<(&'static str, String)> {
    let words = |names: &Value| {
        let mut words = vec![text(names, "plural").to_owned(), text(names, "singular").to_owned()];
        words.extend(items(names, "shortNames").iter().filter_map(Value::as_str).map(str::to_owned));
        words.retain(|word| !word.is_empty());
        words
    };
    let kinds = |names: &Value| [text(names, "kind").to_owned(), text(names, "listKind").to_owned()];
    let taken_words: Vec<String> = taken.iter().flat_map(|names| words(names)).collect();
    let taken_kinds: Vec<String> =
        taken.iter().flat_map(|names| kinds(names)).filter(|kind| !kind.is_empty()).collect();
    let in_use = |word: &str| format!("{word:?} is already in use");
    let checks = [("plural", "PluralConflict"), ("singular", "SingularConflict")];
    for (field, reason) in checks {
        let word = text(names, field);
        if taken_words.iter().any(|taken| taken == word) {
            return Some((reason, in_use(word)));
        }
    }
    for short in items(names, "shortNames").iter().filter_map(Value::as_str) {
        if taken_words.iter().any(|taken| taken == short) {
            return Some(("ShortNamesConflict", in_use(short)));
        }
    }
    for (field, reason) in [("kind", "KindConflict"), ("listKind", "ListKindConflict")] {
        let word = text(names, field);
        if taken_kinds.iter().any(|taken| taken == word) {
            return Some((reason, in_use(word)));
        }
    }
    None
}

fn condition<'v>(status: &'v Value, kind: &str) -> Option<&'v Value> {
    items(status, "conditions").iter().find(|condition| text(condition, "type") == kind)
}

fn with_time(old: &Value, kind: &str, status: &str, reason: &str, message: &str, now: Timestamp) -> Value {
    let mut condition = json!({ "type": kind, "status": status, "reason": reason, "message": message });
    let before = self::condition(old, kind).filter(|before| text(before, "status") == status);
    let time = match before {
        Some(before) if has(before, "lastTransitionTime") => before["lastTransitionTime"].clone(),
        _ => {
            let seconds = Timestamp::from_second(now.as_second()).unwrap_or(now);
            json!(seconds.to_string())
        }
    };
    set(&mut condition, "lastTransitionTime", time);
    condition
}
