//! Which cluster is meant.

use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::exit::Failure;

/// A client for the cluster of a kubeconfig; in a pod without one, for the cluster it runs in. It must be made within a tokio
/// runtime.
pub(crate) async fn client(kubeconfig: Option<&Path>) -> Result<Client, Failure> {
    let is_told = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if kubeconfig.is_none() && !is_told("KUBECONFIG") && is_told("KUBERNETES_SERVICE_HOST") {
        let failed = |problem: String| Failure::new(format!("the service account of the pod: {problem}"));
        let config = Config::incluster().map_err(|error| failed(error.to_string()))?;
        return Client::try_from(config).map_err(|error| failed(error.to_string()));
    }
    let path = which(kubeconfig)?;
    let failed = |problem: String| Failure::new(format!("{}: {problem}", path.display()));
    let kubeconfig = Kubeconfig::read_from(&path).map_err(|error| failed(error.to_string()))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| failed(error.to_string()))?;
    Client::try_from(config).map_err(|error| failed(error.to_string()))
}

fn which(told: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(told) = told {
        return Ok(told.to_owned());
    }
    if let Some(paths) = std::env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty()) {
        // of several files the first counts
        if let Some(first) = std::env::split_paths(&paths).next() {
            return Ok(first);
        }
    }
    let own = PathBuf::from(crate::up::KUBECONFIG);
    let home = std::env::home_dir().map(|home| home.join(".kube/config"));
    [Some(own), home].into_iter().flatten().find(|path| path.exists()).ok_or_else(|| {
        Failure::new("no kubeconfig found")
            .with_help("start a cluster with supercargo up, or name a file with --kubeconfig")
    })
}
