//! Subnets and machine images.

use std::net::Ipv4Addr;
use std::time::Duration;

use supercargo_cloud::Tags;

/// Subnets and addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkOptions {
    /// First address of the network.
    pub base: Ipv4Addr,
    /// Length of the prefix of every subnet, 16 to 28; 19 leaves 8,187 addresses.
    pub prefix: u8,
    /// Subnets in each zone.
    pub subnets_per_zone: u32,
    /// Addresses each instance takes; with the VPC CNI's warm pool more than one.
    pub addresses_per_instance: u32,
    /// Tags of subnets and security groups besides the one for discovery.
    pub tags: Tags,
}

impl Default for NetworkOptions {
    fn default() -> NetworkOptions {
        NetworkOptions {
            base: Ipv4Addr::new(10, 0, 0, 0),
            prefix: 19,
            subnets_per_zone: 1,
            addresses_per_instance: 1,
            tags: Tags::new(),
        }
    }
}

/// Machine images and their releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageOptions {
    /// How often each family gets a new release.
    pub release_every: Duration,
    /// Releases that exist already when the region begins.
    pub past_releases: u32,
    /// How long after its release an image is deprecated.
    pub deprecated_after: Duration,
}

impl Default for ImageOptions {
    /// Every seven days, four releases exist, deprecated after two years.
    fn default() -> ImageOptions {
        let days = |count: u64| Duration::from_secs(86_400 * count);
        ImageOptions { release_every: days(7), past_releases: 4, deprecated_after: days(730) }
    }
}
