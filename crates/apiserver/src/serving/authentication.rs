//! Who sent a request: the administrator or a service account, by bearer token.

use std::sync::PoisonError;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value;

use super::authority::Authority;
use crate::http::User;
use crate::server::Server;

impl Server {
    /// The service account that a token was issued to, if it still exists and the token is still good.
    pub(crate) fn user_of_token(&self, token: &str) -> Option<User> {
        let claims = self.shared.signer.lock().unwrap_or_else(PoisonError::into_inner).verify(token)?;
        if claims.get("exp").and_then(Value::as_i64)? < self.now().as_second() {
            return None;
        }
        let about = claims.get("kubernetes.io")?;
        let namespace = about.get("namespace")?.as_str()?;
        let account = about.get("serviceaccount")?;
        let (name, uid) = (account.get("name")?.as_str()?, account.get("uid")?.as_str()?);
        let registry = self.registry();
        let accounts = registry.get("", "serviceaccounts")?;
        let found = self.shared.store.get(accounts.table, &accounts.key(namespace, name))?;
        (*found.uid == *uid).then(|| User::service_account(namespace, name, uid))
    }

    /// The token with these claims.
    pub(crate) fn sign_token(&self, claims: &Value) -> Result<String, String> {
        self.shared.signer.lock().unwrap_or_else(PoisonError::into_inner).sign(claims)
    }

    /// Who sent a request with these headers; nobody if the token is missing or wrong. The administrator may act as
    /// somebody else.
    pub(super) fn authenticate(&self, headers: &HeaderMap, authority: &Authority) -> Option<User> {
        let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let token = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer "))?.trim();
        if !is_same(token.as_bytes(), authority.token.as_bytes()) {
            return self.user_of_token(token);
        }
        let named = |name: &str| {
            headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).map(str::to_owned)
        };
        match named("impersonate-user").next() {
            None => Some(User::administrator()),
            Some(name) => {
                let mut groups: Vec<String> = named("impersonate-group").collect();
                groups.push("system:authenticated".to_owned());
                Some(User { name, uid: named("impersonate-uid").next().unwrap_or_default(), groups })
            }
        }
    }
}

/// Equality that takes the same time wherever the difference is.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right)) == 0
}
