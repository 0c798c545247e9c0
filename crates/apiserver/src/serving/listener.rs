//! The listener: connections, TLS, HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use super::kubeconfig::kubeconfig;
use super::tokens::TokenSigner;
use crate::garbage::Task;
use crate::http::answer::respond_error;
use crate::http::handle;
use crate::server::{Server, ServerError};
use crate::status::ApiError;

/// A client has this long to finish the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The address to listen on; port 0 is any that is free.
    pub addr: SocketAddr,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { addr: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }
}

/// A server that listens. Dropping it ends that.
#[derive(Debug)]
pub struct Serving {
    addr: SocketAddr,
    authority: Arc<Authority>,
    end: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A kubeconfig for the administrator.
    pub fn kubeconfig(&self) -> String {
        kubeconfig(self.addr, &self.authority.certificate, &self.authority.token)
    }

    /// The administrator's bearer token.
    pub fn token(&self) -> &str {
        &self.authority.token
    }

    /// The certificate of the authority that signed the server's, in PEM.
    pub fn certificate(&self) -> &str {
        &self.authority.certificate
    }

    /// Stops listening and ends all connections.
    pub async fn shutdown(self) {
        // Whoever listens is there until this is dropped.
        let _ = self.end.send(true);
        let _ = self.task.await;
    }
}

impl Server {
    /// Serves over HTTPS. Only who has the administrator's token, or one of a service account, is let in.
    pub async fn serve(&self, options: ServeOptions) -> Result<Serving, ServerError> {
        let authority = Authority::open(self.shared.options.data_dir.as_deref());
        let authority = Arc::new(authority.map_err(ServerError::Certificates)?);
        let signer = TokenSigner::from_der(authority.token_key.clone()).map_err(ServerError::Certificates)?;
        *self.shared.signer.lock().unwrap_or_else(PoisonError::into_inner) = signer;
        self.publish_authority(&authority);
        let (chain, key) =
            authority.server_certificate(options.addr.ip()).map_err(ServerError::Certificates)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| ServerError::Certificates(error.to_string()))?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let failed = |error| ServerError::Listen { address: options.addr, error };
        let listener = TcpListener::bind(options.addr).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let (end, ended) = watch::channel(false);
        let server = self.clone();
        let task = tokio::spawn(accept(server, listener, acceptor, authority.clone(), ended));
        Ok(Serving { addr, authority, end, task })
    }

    /// Gives every namespace the certificate of the authority.
    fn publish_authority(&self, authority: &Authority) {
        let certificate = authority.certificate.clone();
        *self.shared.certificate.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate);
        let registry = self.registry();
        if let Some(namespaces) = registry.get("", "namespaces") {
            for namespace in self.shared.store.range(namespaces.table, None).0 {
                self.enqueue(Task::NamespaceContents(namespace.name().to_owned()));
            }
        }
        self.settle();
    }
}

async fn accept(
    server: Server,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    authority: Arc<Authority>,
    mut ended: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            _ = ended.changed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (server, acceptor) = (server.clone(), acceptor.clone());
                let (authority, ended) = (authority.clone(), ended.clone());
                tokio::spawn(async move { connection(server, stream, acceptor, authority, ended).await });
            }
            Err(error) => {
                // Too many open files, or a connection that was gone already: others may do better in a moment.
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(
    server: Server,
    stream: TcpStream,
    acceptor: TlsAcceptor,
    authority: Arc<Authority>,
    mut ended: watch::Receiver<bool>,
) {
    // Watches send small pieces that are not to wait for one another; a socket that refuses is slower, no more.
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "tls handshake failed");
            return;
        }
        Err(_) => return,
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let (server, authority) = (server.clone(), authority.clone());
        async move { Ok::<_, Infallible>(answer(server, &authority, request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http2()
        .max_concurrent_streams(1000)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        biased;
        _ = ended.changed() => {}
        outcome = serving.as_mut() => {
            if let Err(error) = outcome {
                tracing::debug!(%error, "connection ended");
            }
        }
    }
}

async fn answer(server: Server, authority: &Authority, request: Request<Incoming>) -> Response<Body> {
    let mut request = request.map(Body::new);
    let is_open = matches!(request.uri().path(), "/healthz" | "/livez" | "/readyz" | "/version");
    match server.authenticate(request.headers(), authority) {
        Some(user) => {
            request.extensions_mut().insert(user);
        }
        None if is_open => {}
        None => return respond_error(&ApiError::unauthorized()),
    }
    handle(server, request).await
}
