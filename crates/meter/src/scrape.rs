//! What is used, asked of the kubelets, or of the metrics API where a kubelet does not answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use supercargo_clock::{Clock, Time};
use supercargo_cost::collector::{Readings, read_pod_metrics, read_summary};

/// Kubelets that are asked at the same time.
const AT_ONCE: usize = 32;
/// Kubelets that refuse are not asked again for so long, in seconds.
const REFUSED_FOR: i64 = 3_600;

/// The metrics API.
const METRICS: &str = "/apis/metrics.k8s.io/v1beta1";

/// Asks who measures.
pub(crate) struct Scraper {
    client: Client,
    time: Time,
    patience: Duration,
    /// Until when kubelets are not asked: nobody may ask them here.
    refused_until: Mutex<Option<Timestamp>>,
}

/// What a kubelet, or whoever answers for it, did.
enum Asked {
    Answered(Readings),
    /// It is not for us to ask.
    Refused,
    Silent,
}

impl Scraper {
    pub fn new(client: Client, time: Time, patience: Duration) -> Self {
        Self { client, time, patience, refused_until: Mutex::default() }
    }

    /// What is used on these nodes, and which of them nobody answered for.
    pub async fn look(&self, nodes: &[Arc<str>]) -> (Vec<Readings>, Vec<Arc<str>>) {
        let mut readings = Vec::new();
        let mut silent: Vec<Arc<str>> = Vec::new();
        if self.may_ask() {
            let mut refused = 0;
            let mut answers = futures::stream::iter(nodes.iter().cloned())
                .map(|node| async move { (Arc::clone(&node), self.summary(&node).await) })
                .buffered(AT_ONCE);
            while let Some((node, asked)) = answers.next().await {
                match asked {
                    Asked::Answered(answer) => readings.push(answer),
                    Asked::Refused => {
                        refused += 1;
                        silent.push(node);
                    }
                    Asked::Silent => silent.push(node),
                }
            }
            drop(answers);
            if refused > 0 && refused == nodes.len() {
                self.refuse();
            }
        } else {
            silent = nodes.to_vec();
        }
        if !silent.is_empty() {
            let (others, measured) = futures::join!(self.pod_metrics(), self.measured_nodes());
            if let Some(others) = others {
                silent.retain(|node| !measured.contains(&**node));
                readings.push(others);
            }
        }
        (readings, silent)
    }

    /// The same, in half the time that a kubelet has otherwise: if not all have answered by then, all are silent.
    pub async fn look_in_time(&self, nodes: &[Arc<str>]) -> (Vec<Readings>, Vec<Arc<str>>) {
        tokio::select! {
            biased;
            looked = self.look(nodes) => looked,
            () = self.time.sleep(self.patience / 2) => (Vec::new(), nodes.to_vec()),
        }
    }

    fn may_ask(&self) -> bool {
        let until = *self.refused_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| self.time.now() >= until)
    }

    fn refuse(&self) {
        let until = self.time.now().checked_add(SignedDuration::from_secs(REFUSED_FOR));
        *self.refused_until.lock().unwrap_or_else(PoisonError::into_inner) = until.ok();
    }

    async fn summary(&self, node: &str) -> Asked {
        match self.get(&format!("/api/v1/nodes/{node}/proxy/stats/summary")).await {
            Ok(answer) => match read_summary(answer.as_bytes()) {
                Ok(readings) => Asked::Answered(readings),
                Err(error) => {
                    tracing::debug!(node, %error, "a kubelet was not understood");
                    Asked::Silent
                }
            },
            Err(401 | 403 | 405) => Asked::Refused,
            Err(_) => Asked::Silent,
        }
    }

    async fn pod_metrics(&self) -> Option<Readings> {
        let answer = self.get(&format!("{METRICS}/pods")).await.ok()?;
        read_pod_metrics(answer.as_bytes()).ok()
    }

    /// The nodes that the metrics API measures.
    async fn measured_nodes(&self) -> BTreeSet<String> {
        let Ok(answer) = self.get(&format!("{METRICS}/nodes")).await else { return BTreeSet::new() };
        let list = serde_json::from_str::<kube::core::ObjectList<kube::core::PartialObjectMeta>>(&answer);
        let items = list.map(|list| list.items).unwrap_or_default();
        items.into_iter().filter_map(|node| node.metadata.name).collect()
    }

    /// The answer as text, or the status; 0 if there was none in time.
    async fn get(&self, path: &str) -> Result<String, u16> {
        let request = Request::get(path).header(http::header::ACCEPT, "application/json").body(Vec::new());
        let request = request.map_err(|_| 0u16)?;
        tokio::select! {
            biased;
            answer = self.client.request_text(request) => answer.map_err(|error| match error {
                kube::Error::Api(status) => status.code,
                error => {
                    tracing::debug!(path, %error, "not answered");
                    0
                }
            }),
            () = self.time.sleep(self.patience) => Err(0),
        }
    }
}
