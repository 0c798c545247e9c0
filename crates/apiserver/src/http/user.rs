//! Who asks.

use serde_json::{Value, json};

/// The user of a request. The serving layer puts one into the request's extensions; without one it is the administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Such as `kubernetes-admin`, or `system:serviceaccount:default:builder`.
    pub name: String,
    /// The uid, if the user has one.
    pub uid: String,
    /// The groups, such as `system:masters`.
    pub groups: Vec<String>,
}

impl User {
    /// The administrator.
    pub fn administrator() -> Self {
        Self {
            name: "kubernetes-admin".to_owned(),
            uid: String::new(),
            groups: vec!["system:masters".to_owned(), "system:authenticated".to_owned()],
        }
    }

    /// The user of a service account.
    pub fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            uid: uid.to_owned(),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
        }
    }

    /// As reviews and admission requests show it.
    pub fn to_json(&self) -> Value {
        let mut user = json!({ "username": self.name, "groups": self.groups });
        if !self.uid.is_empty() {
            user["uid"] = json!(self.uid);
        }
        user
    }
}
