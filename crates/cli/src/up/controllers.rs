//! The controllers of a cluster that runs in this process, on its region.

use std::sync::Arc;

use kube::Client;
use supercargo_apiserver::{Server, Serving};
use supercargo_clock::Time;
use supercargo_cloud::{CloudProvider, Cluster};
use supercargo_cloud_sim::{PatientRegion, Region};
use supercargo_control::election::{ElectionOptions, OWN_IDENTITY};
use supercargo_control::endpoints::{Endpoints, EndpointsOptions};
use supercargo_control::journal::JournalFile;
use supercargo_control::outside::Computing;
use supercargo_control::settings::{ProcessSettings, Settings};
use supercargo_control::{ControllerOptions, Controllers, Knowledge, start_knowing};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Arguments;
use crate::controller::{Ended, Leadership, open_journal};
use crate::exit::Failure;

/// The Kubernetes version that machines are told.
const VERSION: &str = "1.36";
/// The range of service addresses of the embedded API server.
const SERVICES: &str = "10.100.0.0/16";
/// Requests to the API server under way at once.
const CONCURRENCY: usize = 16;

/// The journal of a kept cluster, in its directory.
const JOURNAL: &str = "journal.jsonl";

/// The name of this process among those that want the lease. A cluster has one such process at a time, so that one which was
/// killed does not keep the next from working.
const HOLDER: &str = "up";

/// Controllers that work for as long as this is kept, and hold the lease.
pub(super) struct Working {
    leading: JoinHandle<()>,
    end: watch::Sender<bool>,
    /// What they know.
    pub(super) knowledge: Arc<Knowledge>,
    /// Where their journal is kept, if it is.
    pub(super) journal: Option<JournalFile>,
    /// What they answer.
    pub(super) endpoints: Arc<Endpoints>,
}

impl Working {
    /// Ends them, and gives the lease back.
    pub(super) async fn end(self) {
        // who listened is gone already if it is not heard
        let _ = self.end.send(true);
        let _ = self.leading.await;
    }
}

/// Starts the controllers on a cluster and its region, as soon as they have the lease.
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
    let settings = Settings {
        cluster_name: Some(arguments.cluster.clone()),
        interruption_queue: Some(arguments.cluster.clone()),
        ..Settings::default()
    };
    let knowledge = Arc::new(Knowledge::new(settings.clone(), cluster.clone(), region.name()));
    // a kept cluster keeps its journal, too
    let file = arguments.data_dir.as_ref().map(|directory| directory.join(JOURNAL));
    let journal = file.map(|path| open_journal(&path, &knowledge)).transpose()?;
    let shown = EndpointsOptions { cluster_state: true, every_pod: false };
    let endpoints = Endpoints::new(Arc::clone(&knowledge), time.clone(), shown);
    let provider: Arc<dyn CloudProvider> = Arc::new(PatientRegion::on(region.clone(), time));
    let start = {
        let (client, time, seed) = (server.client(), time.clone(), arguments.seed);
        let (knowledge, endpoints) = (Arc::clone(&knowledge), Arc::clone(&endpoints));
        move || {
            let options = ControllerOptions {
                client: client.clone(),
                time: time.clone(),
                provider: Arc::clone(&provider),
                settings: settings.clone(),
                cluster: cluster.clone(),
                seed,
                concurrency: CONCURRENCY,
                computing: Computing::Apart,
                readings: None,
            };
            let controllers = start_knowing(options, Arc::clone(&knowledge));
            endpoints.lead(&controllers);
            controllers
        }
    };
    let (end, ended) = watch::channel(false);
    let leading = tokio::spawn(lead(server.client(), Arc::clone(&knowledge), start, ended));
    Ok(Working { leading, end, knowledge, journal, endpoints })
}

/// Works whenever the lease can be had, until the end is told.
async fn lead(
    client: Client,
    knowledge: Arc<Knowledge>,
    start: impl Fn() -> Controllers,
    mut ended: watch::Receiver<bool>,
) {
    let ProcessSettings { leader_election_name, .. } = ProcessSettings::default();
    let lease = ElectionOptions::new(leader_election_name, "kube-system", format!("{OWN_IDENTITY}{HOLDER}"));
    let leadership = Leadership {
        client,
        // by the clock on the wall, as others keep it, however fast the time of the cluster is
        time: Time::real(),
        lease: Some(lease),
        in_order: false,
        metrics: &knowledge.metrics,
    };
    loop {
        let asked = async {
            // if nobody is left to tell, that is the end too
            let _ = ended.wait_for(|ended| *ended).await;
        };
        match leadership.work(&start, asked).await {
            Ended::Asked => return,
            Ended::Lost(why) => tracing::warn!("the controllers wait for the lease again: {why}"),
        }
    }
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
