//! Leases of other autoscalers, asked for now and then: to watch all leases would be to hear every node's heartbeat.

use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, ListParams};

use crate::election::LEASE_NAMES;

/// Asks for the leases of other autoscalers. The answer is a [`LeaseAnswer`].
#[derive(Clone, Copy, Debug)]
pub struct LeaseQuery;

/// The leases that there are, in all namespaces, or why that is not known.
pub type LeaseAnswer = Result<Vec<Lease>, String>;

/// The leases of other autoscalers, by the names that these have, in all namespaces.
///
/// # Errors
///
/// What the API server says against it.
pub async fn autoscaler_leases(client: &Client) -> Result<Vec<Lease>, kube::Error> {
    let leases: Api<Lease> = Api::all(client.clone());
    let mut found = Vec::new();
    for (name, _) in LEASE_NAMES {
        let only = ListParams::default().fields(&format!("metadata.name={name}"));
        found.extend(leases.list(&only).await?.items);
    }
    Ok(found)
}
