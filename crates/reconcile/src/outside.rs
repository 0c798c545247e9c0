//! What is asked of the world beside the API server: a cloud, a long computation.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use futures::future::BoxFuture;

/// A request to the outside. Any value that can be printed is one; [`Request::as_any`] gives it back to who knows its type.
pub trait Request: Any + Debug + Send + Sync {
    /// The value itself.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + Debug + Send + Sync> Request for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What came of a request: a value of the type that who asked expects.
pub type Answer = Box<dyn Any + Send>;

/// Who answers. The driver keeps every call going while the parts go on deciding.
pub trait Outside: Send + Sync {
    /// Begins to answer a request.
    fn call(&self, request: Arc<dyn Request>) -> BoxFuture<'static, Answer>;
}
