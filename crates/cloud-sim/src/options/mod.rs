//! How a region behaves.

mod api;
mod life;
mod market;
mod place;
mod region;

pub use api::{ApiOptions, BucketSize, FaultRule, QueueOptions};
pub use life::{BootOptions, FailureOptions, InterruptionOptions};
pub use market::{MarketOptions, QuotaClass, Quotas, ReservationOptions};
pub use place::{ImageOptions, NetworkOptions};
pub use region::RegionOptions;
