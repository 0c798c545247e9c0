//! What is asked of the cloud, and of the cluster beside its watches, and computations that would hold up the loops.

mod cloud;
mod computation;
mod fleets;
mod leases;
mod limited;

pub use cloud::{CloudAnswer, CloudRequest, Launch};
pub use computation::{Computation, Computing};
pub use leases::{LeaseAnswer, LeaseQuery, autoscaler_leases};
pub use limited::limited;

use std::any::Any;
use std::sync::Arc;

use fleets::Fleets;
use futures::future::BoxFuture;
use kube::Client;
use supercargo_clock::{Clock, Time};
use supercargo_cloud::CloudProvider;
use supercargo_cloud::launch::{Direct, Launcher};
use supercargo_reconcile::{Answer, Outside, Request};

use crate::knowledge::Knowledge;
use crate::metrics::CloudCall;

/// Answers [`CloudRequest`]s with a [`CloudAnswer`] each, [`Computation`]s with what they come to, and a [`LeaseQuery`] if it has a
/// way to the cluster.
pub struct World {
    provider: Arc<dyn CloudProvider>,
    computing: Computing,
    client: Option<Client>,
    counted: Option<(Arc<Knowledge>, Time)>,
    fleets: Option<Arc<Fleets>>,
}

impl World {
    /// A world with this cloud in it.
    pub fn new(provider: Arc<dyn CloudProvider>, computing: Computing) -> Self {
        Self { provider, computing, client: None, counted: None, fleets: None }
    }

    /// The same world, with this cluster in it.
    pub fn with_client(self, client: Client) -> Self {
        Self { client: Some(client), ..self }
    }

    /// The same world, in which calls to the cloud are counted, and timed by this, and launches do not call more often than EC2
    /// answers. Those that it calls for together it writes down in the cluster, if there is one in this world already.
    pub fn counted(self, knowledge: Arc<Knowledge>, time: Time) -> Self {
        let (provider, client) = (Arc::clone(&self.provider), self.client.clone());
        let fleets = Fleets::new(provider, client, time.clone(), Arc::clone(&knowledge));
        Self { counted: Some((knowledge, time)), fleets: Some(Arc::new(fleets)), ..self }
    }
}

impl Outside for World {
    fn call(&self, request: Arc<dyn Request>) -> BoxFuture<'static, Answer> {
        let provider = Arc::clone(&self.provider);
        let computing = self.computing;
        let client = self.client.clone();
        let counted = self.counted.clone();
        let fleets = self.fleets.clone();
        Box::pin(async move {
            let request: &dyn Any = (*request).as_any();
            if let Some(request) = request.downcast_ref::<CloudRequest>() {
                let direct = Direct(&*provider);
                let for_claim = match (&fleets, request) {
                    (Some(fleets), CloudRequest::Launch(launch)) => Some(fleets.of(launch)),
                    _ => None,
                };
                let launcher: &dyn Launcher = match &for_claim {
                    Some(launcher) => launcher,
                    None => &direct,
                };
                let method = request.method().zip(counted);
                let Some((method, (knowledge, time))) = method else {
                    return Box::new(cloud::ask(&*provider, launcher, request).await) as Answer;
                };
                let begun = time.elapsed();
                let answer = cloud::ask(&*provider, launcher, request).await;
                let call = CloudCall { controller: "", method, provider: "aws" };
                knowledge.metrics.cloud_called(call, time.elapsed().saturating_sub(begun));
                if let Some(error) = answer.error() {
                    knowledge.metrics.cloud_call_failed(call, error);
                }
                return Box::new(answer) as Answer;
            }
            if request.is::<LeaseQuery>() {
                let answer: LeaseAnswer = match client {
                    Some(client) => autoscaler_leases(&client).await.map_err(|error| error.to_string()),
                    None => Err("there is no way to the cluster".to_owned()),
                };
                return Box::new(answer) as Answer;
            }
            match request.downcast_ref::<Computation>() {
                Some(computation) => computation.run(computing).await,
                None => Box::new(()) as Answer,
            }
        })
    }
}
