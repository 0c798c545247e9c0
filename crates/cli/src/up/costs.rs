//! The costs of the cluster, measured while it runs.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use supercargo_apiserver::Server;
use supercargo_clock::Time;
use supercargo_cloud_sim::Region;
use supercargo_meter::{MeterOptions, Metering};
use tokio::sync::watch;

use super::Arguments;
use crate::console::{Console, printable};
use crate::ledger::{Account, Measuring, Ports, answer, keep};

/// The ledger of a kept cluster, in its directory.
const LEDGER: &str = "ledger";
/// How long a kubelet may take, by the clock on the wall.
const PATIENCE: Duration = Duration::from_secs(5);

/// Measures the cluster and answers for its costs, until this is ended or dropped; not at all if no port is to be opened. A port that
/// is taken costs nothing but its answers, and a ledger that cannot be kept not the cluster.
pub(super) async fn costs(
    arguments: &Arguments,
    server: &Server,
    region: &Region,
    time: &Time,
    end: &watch::Receiver<bool>,
    console: &Console,
) -> Option<Metering> {
    let ports = Ports {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        api: (arguments.cost_port, "--cost-port"),
        ui: (arguments.ui_port, "--ui-port"),
    };
    if !ports.any() {
        return None;
    }
    let account = Account::new(&arguments.cluster, &arguments.region, time, arguments.labels.aliases());
    for problem in answer(&account.service, &ports, end).await {
        console.note(problem);
    }
    let directory = arguments.data_dir.as_ref().map(|directory| directory.join(LEDGER));
    let interval = Duration::from_secs(arguments.cost_interval);
    let wall = |span: Duration| span * arguments.speed.times();
    let options = MeterOptions {
        interval,
        patience: wall(PATIENCE),
        // five looks may be missed, or five seconds
        longest_stretch: (interval * 5).max(wall(PATIENCE)).as_secs(),
        // while this process does not run there is no cluster
        goes_on: false,
        ..MeterOptions::new(&arguments.cluster)
    };
    let console = *console;
    let measuring = Measuring {
        client: server.client(),
        market: Some(Arc::new(region.clone())),
        directory: directory.as_deref(),
        told: Arc::new(move |text| console.note(printable(text))),
        options,
    };
    let kept = keep(&account, measuring);
    kept.map_err(|failure| console.note(printable(&failure.problem))).ok()
}
