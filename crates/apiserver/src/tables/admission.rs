//! Webhooks and admission policies.

use serde_json::{Value, json};

use super::cells::{UNSET, age, at, count, name, text};
use super::column::{Column, col};

pub(super) const WEBHOOKS: &[Column] = &[
    col("Name", "name", name),
    col("Webhooks", "integer", |it, _| json!(count(it, &["webhooks"]))),
    col("Age", "string", age),
];

pub(super) const POLICIES: &[Column] = &[
    col("Name", "name", name),
    col("Validations", "integer", |it, _| json!(count(it, &["spec", "validations"]))),
    col("ParamKind", "string", |it, _| param_kind(it)),
    col("Age", "string", age),
];

pub(super) const MUTATING_POLICIES: &[Column] = &[
    col("Name", "name", name),
    col("Mutations", "integer", |it, _| json!(count(it, &["spec", "mutations"]))),
    col("ParamKind", "string", |it, _| param_kind(it)),
    col("Age", "string", age),
];

fn param_kind(policy: &Value) -> Value {
    let kind = at(policy, &["spec", "paramKind"]);
    json!(if kind.is_null() {
        UNSET.to_owned()
    } else {
        format!("{}/{}", text(kind, &["apiVersion"]), text(kind, &["kind"]))
    })
}

pub(super) const POLICY_BINDINGS: &[Column] = &[
    col("Name", "name", name),
    col("PolicyName", "string", |it, _| json!(text(it, &["spec", "policyName"]))),
    col("ParamRef", "string", |it, _| {
        let param = at(it, &["spec", "paramRef"]);
        json!(if param.is_null() {
            UNSET.to_owned()
        } else {
            match (text(param, &["namespace"]), text(param, &["name"])) {
                ("", "") => "*/selector".to_owned(),
                ("", name) => name.to_owned(),
                (namespace, name) => format!("{namespace}/{name}"),
            }
        })
    }),
    col("Age", "string", age),
];
