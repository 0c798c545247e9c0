//! What a document is about.

use crate::gvk::Gvk;
use crate::schema::Schema;

/// A kind as it is served.
#[derive(Clone, Debug)]
pub struct Served<'a> {
    /// The kind: `Deployment`.
    pub kind: &'a str,
    /// The resource: `deployments`.
    pub plural: &'a str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What its objects look like.
    pub schema: &'a Schema,
    /// The verbs of the resource: `get`, `list`, `create`, `update`, `patch`, `delete`, `deletecollection`, `watch`.
    pub verbs: &'a [&'a str],
    /// The resource's subresources.
    pub subresources: &'a [ServedSubresource],
}

/// A subresource as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedSubresource {
    /// `status`, `scale`, `eviction`, `token`, ..
    pub name: String,
    /// What is read and written there: for `scale`, the kind `Scale` of `autoscaling/v1`.
    pub gvk: Gvk,
    /// The verbs: `get`, `update`, `patch`, `create`.
    pub verbs: Vec<String>,
}

impl Served<'_> {
    /// Custom resources have no type of the builtin API and no strategic merge.
    pub(super) fn is_custom(&self) -> bool {
        self.schema.type_name().is_none()
    }
}
