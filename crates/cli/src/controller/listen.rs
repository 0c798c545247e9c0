//! Answers on a port.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Answers on a port in the background, until the end is told. Requests under way are answered then.
pub(crate) async fn listen(
    address: SocketAddr,
    router: Router,
    mut end: watch::Receiver<bool>,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    tokio::spawn(async move {
        let ended = async move {
            // if nobody is left to tell, that is the end too
            let _ = end.wait_for(|ended| *ended).await;
        };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(ended).await {
            tracing::error!(%error, %address, "the port is not answered any more");
        }
    });
    Ok(address)
}
