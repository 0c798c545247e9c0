//! What must be so before the controllers start.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, ListParams};
use supercargo_control::election::rivals;
use supercargo_control::outside::autoscaler_leases;

use crate::exit::Failure;

/// The groups whose kinds are worked with.
const GROUPS: [(&str, &str); 2] = [("karpenter.sh/v1", "NodePool"), ("karpenter.k8s.aws/v1", "EC2NodeClass")];

/// The definitions are there.
pub(super) async fn definitions(client: &Client) -> Result<(), Failure> {
    for (group_version, kind) in GROUPS {
        let served = match client.list_api_group_resources(group_version).await {
            Ok(list) => list.resources.iter().any(|resource| resource.kind == kind),
            Err(kube::Error::Api(status)) if status.code == 404 => false,
            Err(error) => return Err(failure(&error)),
        };
        if !served {
            return Err(Failure::new(format!(
                "the cluster does not know the kind {kind} of {group_version}"
            ))
            .with_help(
                "create the definitions: supercargo install, or kubectl apply --server-side -f crds/",
            ));
        }
    }
    Ok(())
}

/// No other autoscaler is active.
pub(super) async fn alone(client: &Client, now: Timestamp) -> Result<(), Failure> {
    let deployments: Api<Deployment> = Api::all(client.clone());
    let deployments = deployments.list(&ListParams::default()).await.map_err(|error| failure(&error))?;
    let held = autoscaler_leases(client).await.map_err(|error| failure(&error))?;
    let found = rivals(&deployments.items, &held, now);
    if found.is_empty() {
        return Ok(());
    }
    let problem = found.iter().map(|rival| format!("{} is active: {}", rival.kind, rival.found));
    let help = found.iter().map(|rival| format!("to remove {}: {}", rival.kind, rival.removal));
    let help: Vec<String> = help
        .chain(["two autoscalers in one cluster buy nodes for the same pods; to work beside it all the same: --beside-other-autoscalers".to_owned()])
        .collect();
    Err(Failure::new(problem.collect::<Vec<_>>().join("\n")).with_help(help.join("\n")))
}

/// What an API server said that does not help.
pub(super) fn failure(error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => Failure::new(format!("the cluster refuses: {}", status.message))
            .with_help("supercargo install creates what is needed, permissions included"),
        other => Failure::new(format!("the cluster does not answer: {other}")),
    }
}
