//! Instance profiles: the role of an instance.

use jiff::Timestamp;

use crate::Tags;

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceProfile {
    /// Its name.
    pub name: String,
    /// Its path: `/karpenter/us-east-1/cluster/…/`.
    pub path: String,
    /// The role in it.
    pub role: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Tags.
    pub tags: Tags,
}

/// An instance profile to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceProfileRequest {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// The role in it.
    pub role: String,
    /// Tags.
    pub tags: Tags,
}
