//! How webhooks are reached: HTTP/1.1 over TLS, one connection a call.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 10 * 1024 * 1024;

/// Where certificates of the authorities that the system trusts are, on the usual systems.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// What is being awaited.
pub type Called<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// A service of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReference {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: u16,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address, `https://host[:port][/path]`; of a service `https://name.namespace.svc:port/path`.
    pub url: String,
    /// The service behind it, if it is one of the cluster.
    pub service: Option<ServiceReference>,
    /// Certificates (PEM) of the authorities that are trusted; those of the system if none are given.
    pub ca_bundle: Option<Vec<u8>>,
    /// How long the call may take, in the time of the runtime.
    pub timeout: Duration,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The address cannot be understood.
    #[error("url {0:?} must be https://host[:port][/path]")]
    Address(String),
    /// The service is not known.
    #[error("service {:?} not found", .0.name)]
    NoService(ServiceReference),
    /// The host cannot be reached.
    #[error("Post {url:?}: {reason}")]
    Unreachable {
        /// What was called.
        url: String,
        /// Why not.
        reason: String,
    },
    /// It took too long.
    #[error("Post {0:?}: context deadline exceeded")]
    TimedOut(String),
    /// The certificates to trust cannot be read.
    #[error("unable to load root certificates: {0}")]
    Certificates(String),
    /// The answer is no success.
    #[error("the server responded with the status code {code}: {body}")]
    Refused {
        /// The status of the answer.
        code: u16,
        /// The beginning of its body.
        body: String,
    },
}

/// What calls webhooks.
pub trait Transport: Send + Sync {
    /// Posts a body (JSON) and answers with the body of the response.
    fn call<'a>(&'a self, target: &'a Target, body: Vec<u8>) -> Called<'a, Vec<u8>>;
}

/// Where a service is really reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The address to connect to.
    pub address: SocketAddr,
    /// Whether it speaks TLS; what runs in the same process need not.
    pub is_tls: bool,
}

/// Finds services of the cluster.
pub trait Resolver: Send + Sync {
    /// Where a service is reached; `None` if it is not.
    fn resolve(&self, service: &ServiceReference) -> Option<Resolved>;
}

/// Resolves services whose name is in the system's own name service, as it is inside of a cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiteralResolver;

impl Resolver for LiteralResolver {
    fn resolve(&self, _service: &ServiceReference) -> Option<Resolved> {
        None
    }
}

/// A connection, encrypted or not.
pub trait Connector: AsyncRead + AsyncWrite + Unpin + Send {}

impl<C: AsyncRead + AsyncWrite + Unpin + Send> Connector for C {}

/// Calls webhooks over the network.
pub struct HttpTransport {
    resolver: Arc<dyn Resolver>,
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpTransport")
    }
}

impl HttpTransport {
    /// Calls webhooks over the network; services are found by the resolver, or else by name.
    pub fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver }
    }

    async fn post(&self, target: &Target, body: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let wrong = || CallError::Address(target.url.clone());
        let unreachable = |reason: String| CallError::Unreachable { url: target.url.clone(), reason };
        let uri: http::Uri = target.url.parse().map_err(|_| wrong())?;
        let host = uri.host().ok_or_else(wrong)?.to_owned();
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong()),
        };
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let resolved = target.service.as_ref().and_then(|service| self.resolver.resolve(service));
        let (stream, is_tls) = match &resolved {
            Some(resolved) => (TcpStream::connect(resolved.address).await, resolved.is_tls),
            None => (TcpStream::connect((name.as_str(), port)).await, is_https),
        };
        let stream = stream.map_err(|error| match &target.service {
            Some(service) if resolved.is_none() => CallError::NoService(service.clone()),
            _ => unreachable(format!("dial tcp {name}:{port}: {error}")),
        })?;
        let stream: Box<dyn Connector> = if is_tls {
            let connector = TlsConnector::from(Arc::new(client_config(target)?));
            let name = ServerName::try_from(name).map_err(|_| wrong())?;
            let stream = connector.connect(name, stream).await;
            Box::new(stream.map_err(|error| unreachable(format!("tls: {error}")))?)
        } else {
            Box::new(stream)
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(error.to_string()))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let seconds = target.timeout.as_secs();
        let separator = if path.contains('?') { '&' } else { '?' };
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or(&host).to_owned();
        let request = Request::post(format!("{path}{separator}timeout={seconds}s"))
            .header(header::HOST, HeaderValue::from_str(&authority).map_err(|_| wrong())?)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, */*")
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| wrong())?;
        let answer = async move {
            let response =
                sender.send_request(request).await.map_err(|error| unreachable(error.to_string()))?;
            let code = response.status();
            let body = Limited::new(response.into_body(), LARGEST_ANSWER)
                .collect()
                .await
                .map_err(|error| unreachable(error.to_string()))?
                .to_bytes();
            if code.is_success() {
                return Ok(body.to_vec());
            }
            let body = String::from_utf8_lossy(&body).chars().take(512).collect();
            Err(CallError::Refused { code: code.as_u16(), body })
        };
        // The connection is driven beside the exchange, and dropped with it.
        tokio::pin!(answer);
        tokio::pin!(connection);
        tokio::select! {
            biased;
            result = &mut answer => result,
            _ = &mut connection => answer.await,
        }
    }
}

impl Transport for HttpTransport {
    fn call<'a>(&'a self, target: &'a Target, body: Vec<u8>) -> Called<'a, Vec<u8>> {
        Box::pin(async move {
            match tokio::time::timeout(target.timeout, self.post(target, body)).await {
                Ok(result) => result,
                Err(_) => Err(CallError::TimedOut(target.url.clone())),
            }
        })
    }
}

fn client_config(target: &Target) -> Result<ClientConfig, CallError> {
    let mut roots = RootCertStore::empty();
    match &target.ca_bundle {
        Some(bundle) => {
            for certificate in CertificateDer::pem_slice_iter(bundle) {
                let certificate = certificate.map_err(|error| CallError::Certificates(error.to_string()))?;
                roots.add(certificate).map_err(|error| CallError::Certificates(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(CallError::Certificates("unable to parse bytes as PEM block".to_owned()));
            }
        }
        None => {
            let file = SYSTEM_ROOTS.into_iter().find_map(|path| std::fs::read(path).ok()).unwrap_or_default();
            roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&file).flatten());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| CallError::Certificates(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
