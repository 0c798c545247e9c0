//! How the API answers: how fast, how often, how soon it knows, and when it fails.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_cloud::Action;

use crate::Spread;

/// A token bucket: so many calls at once, so many more each second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BucketSize {
    /// Tokens it holds.
    pub capacity: f64,
    /// Tokens that come each second.
    pub per_second: f64,
}

/// Throttling, latency and consistency of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiOptions {
    /// Buckets of calls; a call without one is not throttled.
    pub buckets: BTreeMap<Action, BucketSize>,
    /// The bucket of instances that CreateFleet may launch; none for no limit.
    pub launched_instances: Option<BucketSize>,
    /// The bucket of instances that TerminateInstances may end; none for no limit.
    pub terminated_instances: Option<BucketSize>,
    /// How long calls take.
    pub latency: BTreeMap<Action, Spread>,
    /// How long instances and tags stay unseen after they were made.
    pub consistency: Spread,
}

impl Default for ApiOptions {
    /// The buckets EC2 documents
    /// (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>): 100 calls and 20 a second for
    /// what only reads, 50 and 5 for what changes, 100 and 10 for tags; 1,000 launched instances and 2 a second, 1,000
    /// ended ones and 20 a second. SSM takes 40 calls a second, IAM about 20. Latencies are ours.
    fn default() -> ApiOptions {
        let mut buckets = BTreeMap::new();
        let mut latency = BTreeMap::new();
        let millis = |least, most| Spread::between(Duration::from_millis(least), Duration::from_millis(most));
        for action in Action::ALL.iter().copied() {
            let (bucket, time) = match action {
                Action::CreateFleet => (Some((50.0, 5.0)), millis(1200, 3200)),
                Action::CreateLaunchTemplate | Action::DeleteLaunchTemplate => {
                    (Some((50.0, 5.0)), millis(150, 500))
                }
                Action::TerminateInstances => (Some((50.0, 5.0)), millis(250, 700)),
                Action::CreateTags => (Some((100.0, 10.0)), millis(150, 450)),
                Action::DescribeInstances | Action::DescribeInstanceStatus => {
                    (Some((100.0, 20.0)), millis(80, 350))
                }
                Action::DescribeSpotPriceHistory | Action::DescribeInstanceTypeOfferings => {
                    (Some((100.0, 20.0)), millis(300, 1500))
                }
                Action::DescribeLaunchTemplates
                | Action::DescribeImages
                | Action::DescribeSubnets
                | Action::DescribeSecurityGroups
                | Action::DescribeCapacityReservations
                | Action::DescribePlacementGroups => (Some((100.0, 20.0)), millis(60, 250)),
                Action::GetParameter => (Some((40.0, 40.0)), millis(20, 80)),
                Action::CreateInstanceProfile
                | Action::GetInstanceProfile
                | Action::ListInstanceProfiles
                | Action::DeleteInstanceProfile => (Some((20.0, 20.0)), millis(50, 250)),
                Action::GetManagedResource => (None, millis(50, 250)),
                Action::ReceiveMessage | Action::DeleteMessage => (None, millis(8, 30)),
            };
            if let Some((capacity, per_second)) = bucket {
                buckets.insert(action, BucketSize { capacity, per_second });
            }
            latency.insert(action, time);
        }
        ApiOptions {
            buckets,
            launched_instances: Some(BucketSize { capacity: 1000.0, per_second: 2.0 }),
            terminated_instances: Some(BucketSize { capacity: 1000.0, per_second: 20.0 }),
            latency,
            consistency: Spread::between(Duration::ZERO, Duration::from_millis(1500)),
        }
    }
}

impl ApiOptions {
    /// With buckets so many times as large and as fast, as AWS grants to large accounts that ask for it.
    pub fn with_raised_limits(mut self, times: f64) -> ApiOptions {
        let raised = |size: &mut BucketSize| {
            size.capacity *= times;
            size.per_second *= times;
        };
        self.buckets.values_mut().for_each(raised);
        self.launched_instances.iter_mut().for_each(raised);
        self.terminated_instances.iter_mut().for_each(raised);
        self
    }

    /// No throttling, no latency, and everything is seen at once.
    pub fn instant() -> ApiOptions {
        ApiOptions {
            buckets: BTreeMap::new(),
            launched_instances: None,
            terminated_instances: None,
            latency: BTreeMap::new(),
            consistency: Spread::exactly(Duration::ZERO),
        }
    }
}

/// Calls that fail, whatever they ask.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// Which call; none for every one.
    pub action: Option<Action>,
    /// How often, 0 to 1.
    pub rate: f64,
    /// The code of the error: `InternalError`, `RequestLimitExceeded`, `UnauthorizedOperation`.
    pub code: String,
    /// Since when; none for always.
    pub from: Option<Timestamp>,
    /// Until when; none for always.
    pub until: Option<Timestamp>,
}

impl FaultRule {
    /// A share of a call's answers, always.
    pub fn new(action: Action, rate: f64, code: impl Into<String>) -> FaultRule {
        FaultRule { action: Some(action), rate, code: code.into(), from: None, until: None }
    }
}

/// The interruption queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueueOptions {
    /// From what happens to the message about it being there.
    pub delivery: Spread,
    /// How often a message comes twice, 0 to 1.
    pub duplicates: f64,
    /// After this time a message is dropped.
    pub retention: Duration,
}

impl Default for QueueOptions {
    /// Delivery in 0.5 to 3 s, one duplicate in 200, dropped after 300 s as in the queue Karpenter's template makes.
    fn default() -> QueueOptions {
        QueueOptions {
            delivery: Spread::between(Duration::from_millis(500), Duration::from_secs(3)),
            duplicates: 0.005,
            retention: Duration::from_secs(300),
        }
    }
}
