//! Roles and their bindings.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cells::{age, items, name, text};
use super::column::{Column, col, wide};

pub(super) const BINDINGS: &[Column] = &[
    col("Name", "name", name),
    col("Role", "string", |it, _| {
        json!(format!("{}/{}", text(it, &["roleRef", "kind"]), text(it, &["roleRef", "name"])))
    }),
    col("Age", "string", age),
    wide("Users", "string", |it, _| subjects(it, "User")),
    wide("Groups", "string", |it, _| subjects(it, "Group")),
    wide("ServiceAccounts", "string", accounts),
];

fn subjects(binding: &Value, kind: &str) -> Value {
    let of_kind = items(binding, &["subjects"]).iter().filter(|subject| subject["kind"] == kind);
    json!(of_kind.map(|subject| text(subject, &["name"])).collect::<Vec<_>>().join(", "))
}

fn accounts(binding: &Value, _: Timestamp) -> Value {
    let accounts: Vec<String> = items(binding, &["subjects"])
        .iter()
        .filter(|subject| subject["kind"] == "ServiceAccount")
        .map(|subject| format!("{}/{}", text(subject, &["namespace"]), text(subject, &["name"])))
        .collect();
    json!(accounts.join(", "))
}
