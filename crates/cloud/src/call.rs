//! The shape of an asynchronous call, without a runtime.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::CloudError;

/// A future on the heap that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a call of a [`CloudProvider`](crate::CloudProvider) comes to.
pub type Reply<'a, T> = BoxFuture<'a, Result<T, CloudError>>;

/// Something that can wait. A closure from a duration to a boxed future is one.
pub trait Sleep: Send + Sync {
    /// Ready after this much time.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

impl<F> Sleep for F
where
    F: Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync,
{
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self(time)
    }
}
