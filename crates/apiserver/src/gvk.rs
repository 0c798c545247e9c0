//! What an object is (group, version, kind) and where it is served (group, version, resource).

use std::fmt;

use serde_json::Value;

/// The group, version and kind of an object, as its `apiVersion` and `kind` say.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gvk {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version within the group, such as `v1`.
    pub version: String,
    /// The kind, such as `Deployment`.
    pub kind: String,
}

impl Gvk {
    /// The three parts put together.
    pub fn new(group: impl Into<String>, version: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// What the object says of itself, if it has an `apiVersion` and a `kind` that are texts.
    pub fn of(object: &Value) -> Option<Self> {
        let (group, version) = split_api_version(object.get("apiVersion")?.as_str()?);
        Some(Self::new(group, version, object.get("kind")?.as_str()?))
    }

    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> String {
        join_api_version(&self.group, &self.version)
    }

    /// `Kind.group`, or the kind alone for the core group: what messages call the kind.
    pub fn qualified_kind(&self) -> String {
        if self.group.is_empty() { self.kind.clone() } else { format!("{}.{}", self.kind, self.group) }
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, Kind={}", self.api_version(), self.kind)
    }
}

/// The group, version and resource (plural) that a request is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gvr {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version within the group, such as `v1`.
    pub version: String,
    /// The plural name, such as `deployments`.
    pub resource: String,
}

impl Gvr {
    /// The three parts put together.
    pub fn new(group: impl Into<String>, version: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { group: group.into(), version: version.into(), resource: resource.into() }
    }

    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> String {
        join_api_version(&self.group, &self.version)
    }

    /// `resource.group`, or the resource alone for the core group: what messages call it.
    pub fn qualified_resource(&self) -> String {
        if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }
}

/// Splits an `apiVersion` into group (empty for the core group) and version.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// The `apiVersion` of a group (empty for the core group) and a version.
pub fn join_api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}
