//! The server: storage, registry, clock and randomness in one object that is cheap to clone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::body::Body;
use http::Request;
use jiff::Timestamp;
use supercargo_clock::{Clock, Randomness};

use crate::admission::Webhooks;
use crate::garbage::Queue;
use crate::http::{Date, handle};
use crate::resources::{Mounted, MountedResource, Registry};
use crate::serving::TokenSigner;
use crate::store::{Store, StoreError, StoreOptions, TableId};

/// How a server is made.
#[derive(Clone)]
pub struct ServerOptions {
    /// What tells the time. Watches and their timeouts wait on tokio's clock.
    pub clock: Arc<dyn Clock>,
    /// Decides uids, generated names and tokens.
    pub seed: u64,
    /// Where to persist; in memory only if absent.
    pub data_dir: Option<PathBuf>,
    /// Events kept for watches, per resource.
    pub watch_history: usize,
    /// Bytes of events kept for watches, per resource, about.
    pub watch_history_bytes: usize,
    /// How webhooks are called.
    pub webhooks: Arc<Webhooks>,
}

impl ServerOptions {
    /// In memory, with a history of 100,000 events or 96 MiB per resource.
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self {
            clock,
            seed,
            data_dir: None,
            watch_history: 100_000,
            watch_history_bytes: 96 << 20,
            webhooks: Arc::new(Webhooks::default()),
        }
    }
}

impl std::fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerOptions")
            .field("seed", &self.seed)
            .field("data_dir", &self.data_dir)
            .field("watch_history", &self.watch_history)
            .finish_non_exhaustive()
    }
}

/// Why a server could not be made or does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data directory.
    #[error("the data directory cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The listener.
    #[error("cannot listen on {address}: {error}; choose another port, or 0 for any")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// Certificates.
    #[error("certificates: {0}")]
    Certificates(String),
    /// The objects that every cluster has.
    #[error("the objects that every cluster has could not be made: {0}")]
    Bootstrap(crate::status::ApiError),
}

/// An API server. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("revision", &self.shared.store.revision()).finish_non_exhaustive()
    }
}

/// What all clones share.
pub(crate) struct Shared {
    pub store: Store,
    registry: RwLock<Arc<Registry>>,
    pub options: ServerOptions,
    randomness: Mutex<Randomness>,
    pub tasks: Mutex<Queue>,
    mounts: RwLock<BTreeMap<Mount, axum::Router>>,
    /// Who has what containers wrote.
    pub pod_logs: RwLock<Option<crate::subresources::PodLogs>>,
    /// Held while quotas are charged.
    pub quota: Mutex<()>,
    /// Held while services are given addresses.
    pub addresses: Mutex<()>,
    pub signer: Mutex<TokenSigner>,
    /// The certificate of the authority, once the server listens.
    pub certificate: Mutex<Option<String>>,
    pub discovery: Mutex<crate::discovery::Cache>,
    pub date: Date,
    /// Where webhooks and policies are registered.
    pub hook_tables: Vec<TableId>,
}

/// A subresource that somebody else answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mount {
    group: String,
    resource: String,
    subresource: String,
}

impl Server {
    /// Opens the storage, or recovers it, and sees to it that what every cluster has is there: the namespaces `default`,
    /// `kube-system`, `kube-public` and `kube-node-lease`, priority classes, cluster roles.
    pub fn new(options: ServerOptions) -> Result<Self, ServerError> {
        let store = Store::open(&StoreOptions {
            data_dir: options.data_dir.clone(),
            watch_history: options.watch_history,
            watch_history_bytes: options.watch_history_bytes,
        })?;
        let registry = Registry::builtin(&store);
        let hook_tables = registry.of_group("admissionregistration.k8s.io").map(|kind| kind.table).collect();
        // A server that starts again must not draw the same uids again.
        let randomness = Randomness::from_seed(options.seed).fork(&store.revision().to_string());
        let signer = TokenSigner::from_seed(options.seed).map_err(ServerError::Certificates)?;
        let server = Self {
            shared: Arc::new(Shared {
                store,
                registry: RwLock::new(Arc::new(registry)),
                options,
                randomness: Mutex::new(randomness),
                tasks: Mutex::new(Queue::default()),
                mounts: RwLock::new(BTreeMap::new()),
                pod_logs: RwLock::new(None),
                quota: Mutex::new(()),
                addresses: Mutex::new(()),
                signer: Mutex::new(signer),
                certificate: Mutex::new(None),
                discovery: Mutex::new(crate::discovery::Cache::default()),
                date: Date::default(),
                hook_tables,
            }),
        };
        crate::definitions::recover(&server);
        crate::bootstrap::bootstrap(&server).map_err(ServerError::Bootstrap)?;
        Ok(server)
    }

    /// Everything this server answers, without authentication: requests are those of the administrator, or of the
    /// [`User`](crate::http::User) in their extensions.
    pub fn router(&self) -> axum::Router {
        let server = self.clone();
        axum::Router::new().fallback(move |request: Request<Body>| handle(server.clone(), request))
    }

    /// Answers a request, as the router does.
    pub async fn answer(&self, request: Request<Body>) -> axum::response::Response {
        handle(self.clone(), request).await
    }

    /// A client in this process: no sockets, no TLS. To be made within a tokio runtime.
    pub fn client(&self) -> kube::Client {
        self.client_that(|_| {})
    }

    /// A client for parts of a control plane in this process, which write most of what is written. What they send is taken
    /// to be well formed, `managedFields` do not say which of them wrote a status or created an object, and they are not told who
    /// manages what.
    pub fn control_plane_client(&self) -> kube::Client {
        self.client_that(|request| {
            request.extensions_mut().insert(crate::http::OfControlPlane);
        })
    }

    /// A client that does something to every request.
    fn client_that(&self, prepare: fn(&mut Request<kube::client::Body>)) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |mut request: Request<kube::client::Body>| {
            let server = server.clone();
            prepare(&mut request);
            async move { Ok::<_, std::convert::Infallible>(handle(server, request.map(Body::new)).await) }
        });
        kube::Client::new(service, "default")
    }

    /// Lets somebody else answer a group and version, such as `metrics.k8s.io/v1beta1`. The resources are for discovery;
    /// the router sees whole paths, such as `/apis/metrics.k8s.io/v1beta1/nodes`.
    pub fn mount(&self, group_version: &str, resources: Vec<MountedResource>, router: axum::Router) {
        self.change_registry(|registry| {
            registry.generation += 1;
            registry.mounted.insert(group_version.to_owned(), Mounted { resources, router });
        });
    }

    /// Lets somebody else answer `/api/v1/nodes/NAME/proxy/...`. The router sees whole paths.
    pub fn mount_node_proxy(&self, router: axum::Router) {
        self.mount_subresource("", "nodes", "proxy", router);
    }

    /// Lets somebody else answer a subresource of a builtin resource, such as `log` of `pods`. The router sees whole paths.
    pub fn mount_subresource(&self, group: &str, resource: &str, subresource: &str, router: axum::Router) {
        let mount = Mount {
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
        };
        self.shared.mounts.write().unwrap_or_else(PoisonError::into_inner).insert(mount, router);
        self.change_registry(|registry| registry.generation += 1);
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.shared.store.revision()
    }

    /// Who answers a path, if it is not this server.
    pub(crate) fn mounted_at(&self, path: &str) -> Option<axum::Router> {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        match (segments.next(), segments.next(), segments.next()) {
            (Some("apis"), Some(group), Some(version)) => {
                if segments.next().is_some()
                    && let Some(mounted) = self.registry().mounted.get(&format!("{group}/{version}"))
                {
                    return Some(mounted.router.clone());
                }
            }
            (Some("api"), ..) => {}
            _ => return None,
        }
        let mounts = self.shared.mounts.read().unwrap_or_else(PoisonError::into_inner);
        if mounts.is_empty() {
            return None;
        }
        let path = crate::http::ResourcePath::parse(path)?;
        let mount = Mount { group: path.group, resource: path.resource, subresource: path.subresource };
        mounts.get(&mount).cloned()
    }

    /// The names of mounted subresources of a resource.
    pub(crate) fn mounted_subresources(&self, group: &str, resource: &str) -> Vec<String> {
        let mounts = self.shared.mounts.read().unwrap_or_else(PoisonError::into_inner);
        mounts
            .keys()
            .filter(|mount| mount.group == group && mount.resource == resource)
            .map(|mount| mount.subresource.clone())
            .collect()
    }

    /// The resources there are.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        self.shared.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the resources there are.
    pub(crate) fn change_registry(&self, change: impl FnOnce(&mut Registry)) {
        let mut registry = self.shared.registry.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut registry));
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.options.clock.now()
    }

    /// The time of day as metadata has it, in whole seconds.
    pub(crate) fn now_text(&self) -> String {
        seconds_text(self.now())
    }

    /// A new uid.
    pub(crate) fn new_uid(&self) -> String {
        let mut bytes = [0; 16];
        self.randomness().fill(&mut bytes);
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// Five characters that make a generated name its own. The letters and digits are those that upstream uses, which
    /// make no words.
    pub(crate) fn new_suffix(&self) -> String {
        const CHARACTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut randomness = self.randomness();
        (0..5).map(|_| char::from(CHARACTERS[randomness.below(CHARACTERS.len() as u64) as usize])).collect()
    }

    /// A whole number below the limit.
    pub(crate) fn random_below(&self, limit: u64) -> u64 {
        self.randomness().below(limit)
    }

    fn randomness(&self) -> MutexGuard<'_, Randomness> {
        // A draw is whole or has not begun.
        self.shared.randomness.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time in whole seconds, as `metadata` has it.
pub(crate) fn seconds_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
