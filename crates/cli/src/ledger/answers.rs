//! The API of OpenCost on its ports.

use std::net::{IpAddr, SocketAddr};

use supercargo_cost::http::{CostService, router};
use tokio::sync::watch;

use crate::controller::listen;

/// Ports with the arguments that choose them; 0 is none.
pub(crate) struct Ports {
    /// The address they are opened on.
    pub(crate) address: IpAddr,
    /// The API's own: 9003.
    pub(crate) api: (u16, &'static str),
    /// The user interface's, where the API is answered, too: 9090.
    pub(crate) ui: (u16, &'static str),
}

impl Ports {
    /// Whether any is to be opened.
    pub(crate) fn any(&self) -> bool {
        self.api.0 != 0 || self.ui.0 != 0
    }
}

/// Answers on the ports until the end. The problems of those that cannot be opened.
pub(crate) async fn answer(service: &CostService, ports: &Ports, end: &watch::Receiver<bool>) -> Vec<String> {
    let mut problems = Vec::new();
    for (port, argument) in [ports.api, ports.ui] {
        if port == 0 {
            continue;
        }
        let address = SocketAddr::new(ports.address, port);
        if let Err(error) = listen(address, router(service.clone()), end.clone()).await {
            problems.push(format!(
                "costs are not answered on port {port}, which cannot be opened: {error}; {argument} takes another"
            ));
        }
    }
    problems
}
