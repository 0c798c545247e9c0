//! A region and a clock that is moved by hand, with the calls tests make most.

#![allow(dead_code, reason = "every test file uses another part")]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_catalog::{CapacityType, Catalog};
use supercargo_clock::{Clock, VirtualClock};
use supercargo_cloud::event::Event;
use supercargo_cloud::{
    AllocationStrategy, FleetAnswer, FleetConfig, FleetOverride, FleetRequest, InstanceQuery, InstanceState,
    LaunchTemplateData, LaunchTemplateRequest, PurchaseOption, ReceiveRequest, ReservationPreference, Tags,
};
use supercargo_cloud_sim::{
    ApiOptions, InterruptionOptions, Machine, QueueOptions, Region, RegionOptions, Spread,
};

pub const TEMPLATE: &str = "karpenter.k8s.aws/test";

/// Region and clock.
pub struct World {
    pub clock: Arc<VirtualClock>,
    pub region: Region,
}

/// The moment all worlds begin: a Monday.
pub fn start() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

/// Calm: nothing is throttled, delayed, taken back or delivered twice.
pub fn calm(options: &mut RegionOptions) {
    options.api = ApiOptions::instant();
    options.interruptions = InterruptionOptions { hazard: 0.0, ..InterruptionOptions::default() };
    options.queue = QueueOptions {
        delivery: Spread::exactly(Duration::ZERO),
        duplicates: 0.0,
        ..QueueOptions::default()
    };
}

impl World {
    /// A world whose options are changed by the test.
    pub fn with(change: impl FnOnce(&mut RegionOptions)) -> World {
        let clock = Arc::new(VirtualClock::new(start()));
        let mut options = RegionOptions::new(clock.clone(), 7);
        options.catalog = catalog();
        change(&mut options);
        let world = World { clock, region: Region::new(options) };
        world.template(TEMPLATE, ReservationPreference::None);
        world
    }

    /// A calm world.
    pub fn calm() -> World {
        World::with(calm)
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a launch template with the newest image for amd64.
    pub fn template(&self, name: &str, reservation: ReservationPreference) {
        let parameter =
            "/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/x86_64/standard/recommended/image_id";
        let image_id = self.region.get_parameter(parameter).outcome.unwrap();
        let data = LaunchTemplateData { image_id, reservation, ..LaunchTemplateData::default() };
        let request =
            LaunchTemplateRequest { name: name.to_owned(), data, ..LaunchTemplateRequest::default() };
        self.region.create_launch_template(&request).outcome.unwrap();
    }

    /// An offering: `m5.large` in `us-east-1a`.
    pub fn offering(&self, instance_type: &str, zone: &str) -> FleetOverride {
        let subnets = self.region.describe_subnets(&[]).outcome.unwrap();
        let subnet = subnets.into_iter().find(|subnet| subnet.zone == zone).unwrap();
        FleetOverride {
            instance_type: instance_type.to_owned(),
            subnet_id: subnet.id,
            zone: zone.to_owned(),
            ..FleetOverride::default()
        }
    }

    /// A request for any of the offerings.
    pub fn request(&self, purchase: PurchaseOption, count: u32, offerings: &[(&str, &str)]) -> FleetRequest {
        let overrides = offerings.iter().map(|(name, zone)| self.offering(name, zone)).collect();
        FleetRequest {
            configs: vec![FleetConfig { launch_template: TEMPLATE.to_owned(), overrides }],
            target_capacity: count,
            purchase,
            strategy: match purchase {
                PurchaseOption::Spot => AllocationStrategy::PriceCapacityOptimized,
                _ => AllocationStrategy::LowestPrice,
            },
            instance_tags: Tags::from([("team".to_owned(), "a".to_owned())]),
            fleet_tags: Tags::new(),
            context: None,
            client_token: None,
            dry_run: false,
        }
    }

    pub fn launch(&self, purchase: PurchaseOption, count: u32, offerings: &[(&str, &str)]) -> FleetAnswer {
        self.region.create_fleet(&self.request(purchase, count, offerings)).outcome.unwrap()
    }

    /// One instance of the first offering.
    pub fn launch_one(&self, purchase: PurchaseOption, instance_type: &str, zone: &str) -> String {
        let answer = self.launch(purchase, 1, &[(instance_type, zone)]);
        answer.instance_ids().next().unwrap_or_else(|| panic!("not launched: {:?}", answer.errors)).to_owned()
    }

    pub fn terminate(&self, id: &str) {
        self.region.terminate_instances(&[id.to_owned()]).outcome.unwrap();
    }

    pub fn state_of(&self, id: &str) -> InstanceState {
        self.region.describe_instances(&InstanceQuery::ids([id])).outcome.unwrap()[0].state
    }

    pub fn machine(&self, id: &str) -> Machine {
        self.region.machine(id).unwrap()
    }

    /// Takes all messages that can be seen, and deletes them.
    pub fn messages(&self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let taken = self.region.receive_messages(ReceiveRequest::default()).outcome.unwrap();
            if taken.is_empty() {
                return events;
            }
            for message in taken {
                events.push(Event::parse(&message.body).unwrap());
                self.region.delete_message(&message.receipt).outcome.unwrap();
            }
        }
    }

    /// Labels of the messages that can be seen, new instances left out.
    pub fn labels(&self) -> Vec<&'static str> {
        let labels = self.messages().into_iter().map(|event| event.kind.label());
        labels.filter(|label| *label != "no_op").collect()
    }
}

/// One catalogue for all worlds.
pub fn catalog() -> Arc<Catalog> {
    static CATALOG: std::sync::OnceLock<Arc<Catalog>> = std::sync::OnceLock::new();
    Arc::clone(CATALOG.get_or_init(|| Arc::new(Catalog::embedded().clone())))
}

/// Gives a pool a depth that does not move.
pub fn fix_depth(
    options: &mut RegionOptions,
    instance_type: &str,
    zone: &str,
    purchase: CapacityType,
    depth: u32,
) {
    options.market.fixed_depths.insert((instance_type.to_owned(), zone.to_owned(), purchase), depth);
}
