//! Where instances are put: subnets, security groups, placement groups.

use supercargo_catalog::{Placement, PlacementStrategy};

use crate::Tags;
use crate::selector::Selectable;

/// A subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// `us-east-1a`.
    pub zone: String,
    /// `use1-az4`.
    pub zone_id: String,
    /// `10.0.0.0/19`.
    pub cidr: String,
    /// Addresses that are not in use.
    pub free_ips: u32,
    /// `vpc-…`.
    pub vpc_id: String,
    /// Tags.
    pub tags: Tags,
}

/// A security group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityGroup {
    /// `sg-…`.
    pub id: String,
    /// Its own name, which is not its tag Name.
    pub name: String,
    /// `vpc-…`.
    pub vpc_id: String,
    /// Tags.
    pub tags: Tags,
}

/// A placement group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementGroup {
    /// `pg-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How instances are placed in it.
    pub strategy: PlacementStrategy,
    /// Partitions, for that strategy.
    pub partitions: u32,
    /// Tags.
    pub tags: Tags,
}

impl Subnet {
    /// What selectors compare it with.
    pub fn selectable(&self) -> Selectable<'_> {
        Selectable { id: &self.id, name: "", owners: ["", ""], tags: &self.tags }
    }
}

impl SecurityGroup {
    /// What selectors compare it with.
    pub fn selectable(&self) -> Selectable<'_> {
        Selectable { id: &self.id, name: &self.name, owners: ["", ""], tags: &self.tags }
    }
}

impl PlacementGroup {
    /// What nodes differ by.
    pub fn placement(&self) -> Placement {
        Placement { group_id: self.id.clone(), strategy: self.strategy, partitions: self.partitions }
    }

    /// What selectors compare it with.
    pub fn selectable(&self) -> Selectable<'_> {
        Selectable { id: &self.id, name: &self.name, owners: ["", ""], tags: &self.tags }
    }
}
