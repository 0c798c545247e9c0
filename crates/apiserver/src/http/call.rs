//! One request, understood.

use std::sync::Arc;

use http::HeaderMap;
use http::header::USER_AGENT;

use super::negotiate::Negotiated;
use super::path::ResourcePath;
use super::query::Query;
use super::user::User;
use crate::gvk::{Gvk, Gvr};
use crate::resources::{Resource, Version};
use crate::server::Server;
use crate::status::ApiError;

/// What a verb works on.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The server.
    pub server: Server,
    /// Who asks.
    pub user: User,
    /// For which resource.
    pub resource: Arc<Resource>,
    /// In which version.
    pub version: Version,
    /// Namespace, name, subresource.
    pub path: ResourcePath,
    /// The parameters.
    pub query: Query,
    /// What the client accepts.
    pub negotiated: Negotiated,
    /// Who manages the fields that are written.
    pub manager: String,
    /// What the client is to be warned of.
    pub warnings: Vec<String>,
    /// Whether a part of the control plane asks, through [`Server::control_plane_client`]. Who manages which fields is not
    /// told to it.
    pub is_control_plane: bool,
}

/// Marks a request of the control plane, in its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfControlPlane;

impl Call {
    /// Group, version and kind of the objects in this request.
    pub fn gvk(&self) -> Gvk {
        self.resource.gvk(&self.version.name)
    }

    /// Group, version and resource.
    pub fn gvr(&self) -> Gvr {
        self.resource.gvr(&self.version.name)
    }

    /// `apiVersion` of this request.
    pub fn api_version(&self) -> String {
        self.gvk().api_version()
    }

    /// The key of the object in the path.
    pub fn key(&self) -> String {
        self.resource.key(&self.path.namespace, &self.path.name)
    }

    /// The namespace to list, or all.
    pub fn namespace(&self) -> Option<&str> {
        (self.resource.is_namespaced && !self.path.namespace.is_empty())
            .then_some(self.path.namespace.as_str())
    }

    /// That the object in the path is not there.
    pub fn not_found(&self) -> ApiError {
        ApiError::not_found(&self.resource.qualified(), &self.path.name)
    }

    /// Whether the version asked for is the one in which objects are kept.
    pub fn is_storage_version(&self) -> bool {
        self.version.name == self.resource.storage_version
            && self.resource.group == self.resource.storage_group
    }
}

/// The longest name of a field manager.
const LONGEST_MANAGER: usize = 128;

/// Who manages fields: as the request says, or the first part of the client's name.
pub(super) fn manager(query: &Query, headers: &HeaderMap) -> Result<String, ApiError> {
    let named = query.get("fieldManager");
    if named.len() > LONGEST_MANAGER || named.chars().any(char::is_control) {
        return Err(ApiError::bad_request(format!(
            "fieldManager: Invalid value: {:?}: must be at most {LONGEST_MANAGER} printable characters",
            excerpt(named)
        )));
    }
    if !named.is_empty() {
        return Ok(named.to_owned());
    }
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let first = agent.split('/').next().unwrap_or("");
    let mut manager: String = first.chars().filter(|c| !c.is_control()).take(LONGEST_MANAGER).collect();
    if manager.is_empty() {
        "unknown".clone_into(&mut manager);
    }
    Ok(manager)
}

fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
