//! What is asked of the cloud, and computations that would hold up the loops.

mod cloud;
mod computation;

pub use cloud::{CloudAnswer, CloudRequest};
pub use computation::{Computation, Computing};

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;
use supercargo_cloud::CloudProvider;
use supercargo_reconcile::{Answer, Outside, Request};

/// Answers [`CloudRequest`]s with a [`CloudAnswer`] each, and [`Computation`]s with what they come to.
pub struct World {
    provider: Arc<dyn CloudProvider>,
    computing: Computing,
}

impl World {
    /// A world with this cloud in it.
    pub fn new(provider: Arc<dyn CloudProvider>, computing: Computing) -> Self {
        Self { provider, computing }
    }
}

impl Outside for World {
    fn call(&self, request: Arc<dyn Request>) -> BoxFuture<'static, Answer> {
        let provider = Arc::clone(&self.provider);
        let computing = self.computing;
        Box::pin(async move {
            let request: &dyn Any = (*request).as_any();
            if let Some(request) = request.downcast_ref::<CloudRequest>() {
                return Box::new(cloud::ask(&*provider, request).await) as Answer;
            }
            match request.downcast_ref::<Computation>() {
                Some(computation) => computation.run(computing).await,
                None => Box::new(()) as Answer,
            }
        })
    }
}
