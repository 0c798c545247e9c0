//! Every namespace has a ServiceAccount `default`.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, State};

/// The controller of default ServiceAccounts.
#[derive(Debug, Default)]
pub struct ServiceAccounts;

impl Controller for ServiceAccounts {
    const NAME: &'static str = "serviceaccounts";
    const KINDS: &'static [Kind] = &[Kind::Namespace, Kind::ServiceAccount];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        match change.kind {
            Kind::Namespace if change.new.is_some() => vec![change.key.clone()],
            Kind::ServiceAccount if change.new.is_none() && change.key.name == "default" => {
                vec![Key::cluster(&change.key.namespace)]
            }
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, _: Timestamp) -> Decision {
        let Some(namespace) = state.namespaces.get(key) else { return Decision::nothing() };
        let ending = namespace.metadata.deletion_timestamp.is_some();
        if ending || state.service_accounts.named(&key.name, "default").is_some() {
            return Decision::nothing();
        }
        vec![Action::create(ServiceAccount {
            metadata: ObjectMeta {
                name: Some("default".to_owned()),
                namespace: Some(key.name.clone()),
                ..ObjectMeta::default()
            },
            ..ServiceAccount::default()
        })]
        .into()
    }
}
