//! Machine images.

use jiff::Timestamp;
use supercargo_catalog::Arch;

use crate::Tags;
use crate::selector::Selectable;

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `ami-…`.
    pub id: String,
    /// `amazon-eks-node-al2023-x86_64-standard-1.36-v20260819`.
    pub name: String,
    /// The account that owns it.
    pub owner_id: String,
    /// The owner's alias: `amazon`, or `self` for the caller's own account.
    pub owner_alias: Option<String>,
    /// What it runs on.
    pub architecture: Arch,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its owner stops recommending it.
    pub deprecated_at: Option<Timestamp>,
    /// Tags.
    pub tags: Tags,
}

impl Image {
    /// Whether its owner no longer recommends it.
    pub fn is_deprecated(&self, now: Timestamp) -> bool {
        self.deprecated_at.is_some_and(|deprecated| deprecated <= now)
    }

    /// What selectors compare it with.
    pub fn selectable(&self) -> Selectable<'_> {
        Selectable {
            id: &self.id,
            name: &self.name,
            owners: [&self.owner_id, self.owner_alias.as_deref().unwrap_or_default()],
            tags: &self.tags,
        }
    }
}
