//! The controllers of a cluster that runs in this process, on its region.

use std::sync::Arc;

use supercargo_apiserver::{Server, Serving};
use supercargo_clock::Time;
use supercargo_cloud::Cluster;
use supercargo_cloud_sim::{PatientRegion, Region};
use supercargo_control::endpoints::{Endpoints, EndpointsOptions};
use supercargo_control::journal::JournalFile;
use supercargo_control::outside::Computing;
use supercargo_control::settings::Settings;
use supercargo_control::{ControllerOptions, Controllers, Knowledge, start_knowing};

use super::Arguments;
use crate::controller::open_journal;
use crate::exit::Failure;

/// The Kubernetes version that machines are told.
const VERSION: &str = "1.36";
/// The range of service addresses of the embedded API server.
const SERVICES: &str = "10.100.0.0/16";
/// Requests to the API server under way at once.
const CONCURRENCY: usize = 16;

/// The journal of a kept cluster, in its directory.
const JOURNAL: &str = "journal.jsonl";

/// Controllers that work for as long as this is kept.
pub(super) struct Working {
    _controllers: Controllers,
    /// What they know.
    pub(super) knowledge: Arc<Knowledge>,
    /// Where their journal is kept, if it is.
    pub(super) journal: Option<JournalFile>,
    /// What they answer.
    pub(super) endpoints: Arc<Endpoints>,
}

/// Starts the controllers on a cluster and its region.
pub(super) fn controllers(
    arguments: &Arguments,
    server: &Server,
    serving: &Serving,
    region: &Region,
    time: &Time,
) -> Result<Working, Failure> {
    let cluster = Cluster {
        name: arguments.cluster.clone(),
        endpoint: format!("https://{}", serving.addr()),
        ca_bundle: authority(&serving.kubeconfig()),
        service_cidr: Some(SERVICES.to_owned()),
        dns_ip: None,
        kubernetes_version: VERSION.to_owned(),
    };
    let options = ControllerOptions {
        client: server.client(),
        time: time.clone(),
        provider: Arc::new(PatientRegion::on(region.clone(), time)),
        settings: Settings {
            cluster_name: Some(arguments.cluster.clone()),
            interruption_queue: Some(arguments.cluster.clone()),
            ..Settings::default()
        },
        cluster,
        seed: arguments.seed,
        concurrency: CONCURRENCY,
        computing: Computing::Apart,
    };
    let (settings, cluster) = (options.settings.clone(), options.cluster.clone());
    let knowledge = Arc::new(Knowledge::new(settings, cluster, region.name()));
    // a kept cluster keeps its journal, too
    let file = arguments.data_dir.as_ref().map(|directory| directory.join(JOURNAL));
    let journal = file.map(|path| open_journal(&path, &knowledge)).transpose()?;
    let controllers = start_knowing(options, Arc::clone(&knowledge));
    let shown = EndpointsOptions { cluster_state: true, every_pod: false };
    let endpoints = Endpoints::new(Arc::clone(&knowledge), time.clone(), shown);
    endpoints.lead(&controllers);
    Ok(Working { _controllers: controllers, knowledge, journal, endpoints })
}

/// The certificate authority that a kubeconfig names, base64.
fn authority(kubeconfig: &str) -> Option<String> {
    let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("certificate-authority-data:"))?;
    Some(line.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_that_of_the_kubeconfig() {
        let kubeconfig =
            "clusters:\n- cluster:\n    certificate-authority-data: QUJD\n    server: https://x\n";
        assert_eq!(authority(kubeconfig).as_deref(), Some("QUJD"));
        assert_eq!(authority("clusters: []"), None);
    }
}
