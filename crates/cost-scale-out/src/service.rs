//! Threads with something that serves on them.

use std::net::SocketAddr;
use std::time::Duration;

use supercargo_cost_sql::WORKER_STACK;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::error::ScaleOutError;

/// The largest message, in bytes: a plan with all files of years, and the prices.
pub const LARGEST_MESSAGE: u32 = 64 << 20;

/// How long is waited for a scheduler's answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Threads, which end when this is dropped, whatever runs on them.
#[derive(Debug)]
pub struct Threads(Option<Runtime>);

impl Threads {
    pub fn new() -> Result<Threads, ScaleOutError> {
        let runtime = Builder::new_multi_thread().thread_stack_size(WORKER_STACK).enable_all().build();
        runtime.map(|runtime| Threads(Some(runtime))).map_err(ScaleOutError::Threads)
    }

    /// Runs until it is done.
    pub fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        // only what is dropped has no threads
        self.0.as_ref().map(|runtime| runtime.block_on(future))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A listener, and its address.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ScaleOutError> {
    let failed = |source| ScaleOutError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Whether anybody listens where a scheduler should.
pub async fn answers(url: &str) -> Result<(), ScaleOutError> {
    let address = url.strip_prefix("http://").unwrap_or(url);
    let why = match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("nothing was heard of it for {} seconds", PATIENCE.as_secs()),
    };
    Err(ScaleOutError::Unreachable { address: address.to_owned(), why })
}

/// `HOST:PORT` or `df://HOST:PORT` as a URL.
pub fn scheduler_url(address: &str) -> Result<String, ScaleOutError> {
    let wrong = || ScaleOutError::Address(address.to_owned());
    let rest = address.strip_prefix("df://").unwrap_or(address).trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
    let is_name =
        |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_literal = |host: &str| {
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if host.is_empty() || port == 0 || !(is_name(host) || is_literal(host)) {
        return Err(wrong());
    }
    Ok(format!("http://{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_and_ports() {
        for (address, url) in [
            ("scheduler:50050", "http://scheduler:50050"),
            ("df://10.0.0.1:1/", "http://10.0.0.1:1"),
            ("[::1]:50050", "http://[::1]:50050"),
        ] {
            assert_eq!(scheduler_url(address).unwrap(), url);
        }
        for nonsense in [
            "",
            "scheduler",
            ":1",
            "a:0",
            "a:65536",
            "a:b",
            "http://a:1",
            "::1:50050",
            "a b:1",
            "[x]:1",
            "ü:1",
        ] {
            assert!(scheduler_url(nonsense).is_err(), "{nonsense}");
        }
    }
}
