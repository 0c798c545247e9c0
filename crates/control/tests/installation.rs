//! What is installed is enough, and can be installed twice.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams};
use supercargo_api::{NodePool, crd};
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_clock::{Clock, VirtualClock};
use supercargo_control::installation::{InstallationOptions, apply};

fn server() -> Server {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new("2026-03-02T09:00:00Z".parse().unwrap()));
    Server::new(ServerOptions::new(clock, 1)).unwrap()
}

#[tokio::test]
async fn everything_is_applied_and_applied_again_nothing_changes() {
    let server = server();
    let client = server.client();
    let options = InstallationOptions::new("sim");
    let mut said = Vec::new();
    apply(&client, Some(&options), false, |applied| said.push(format!("{}/{}", applied.kind, applied.name)))
        .await
        .unwrap();
    assert_eq!(said.len(), crd::definitions().len() + 8, "{said:?}");
    let pools: Api<NodePool> = Api::all(client.clone());
    assert_eq!(pools.list(&ListParams::default()).await.unwrap().items.len(), 0);
    let revision = server.revision();
    apply(&client, Some(&options), false, |_| {}).await.unwrap();
    assert_eq!(server.revision(), revision, "nothing was written");
    let deployments: Api<Deployment> = Api::namespaced(client, "kube-system");
    assert_eq!(deployments.get("supercargo").await.unwrap().spec.replicas, Some(2));
}
