//! Everything a region consists of.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use supercargo_clock::Randomness;
use supercargo_cloud::event::{Event, EventKind};
use supercargo_cloud::{FleetAnswer, InstanceProfile, LaunchTemplate, LaunchTemplateData, Tags};

use crate::RegionOptions;
use crate::addresses::Network;
use crate::changes::Changes;
use crate::images::Images;
use crate::ledger::Ledger;
use crate::pools::Pools;
use crate::queue::{Queue, uuid};
use crate::record::Record;
use crate::reservations::Reservation;
use crate::shocks::Shocks;
use crate::throttle::Throttle;
use crate::timeline::{Happening, Timeline};

/// A launch template with what it says.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub template: LaunchTemplate,
    pub data: Arc<LaunchTemplateData>,
}

/// The state of a region.
#[derive(Debug)]
pub(crate) struct State {
    pub options: RegionOptions,
    /// Up to where everything has happened.
    pub now: Timestamp,
    pub randomness: Randomness,
    /// Draws about calls: latencies, faults.
    pub call_randomness: Randomness,
    /// Draws about ids.
    pub id_randomness: Randomness,
    pub pools: Pools,
    pub shocks: Shocks,
    pub network: Network,
    pub images: Images,
    pub reservations: Vec<Reservation>,
    pub templates: BTreeMap<String, Template>,
    pub profiles: BTreeMap<String, InstanceProfile>,
    /// Instances that EC2 still lists, by number of launch.
    pub records: BTreeMap<u64, Record>,
    /// Numbers by id.
    pub numbers: BTreeMap<String, u64>,
    /// The last two moments at which somebody was told the spot prices.
    pub prices_told: [Option<Timestamp>; 2],
    pub launched: u64,
    pub noticed: u64,
    pub changes: Changes,
    pub queue: Queue,
    pub throttle: Throttle,
    pub timeline: Timeline,
    /// When the script is looked at next.
    pub next_edge: Option<Timestamp>,
    /// A market step is on the timeline.
    pub market_is_stepping: bool,
    pub ledger: Ledger,
    /// Answers by client token, with how many instances were asked for.
    pub fleet_answers: BTreeMap<String, (u32, FleetAnswer)>,
}

impl State {
    /// A region that begins at the clock's time.
    pub(crate) fn new(options: RegionOptions) -> State {
        let now = options.clock.now();
        let randomness = Randomness::from_seed(options.seed).fork("region").fork(&options.region);
        let pools = Pools::new(&options, &randomness);
        let network = Network::new(&options, &pools.zones, &randomness);
        let images = Images::new(&options, &randomness, now);
        let mut shocks = Shocks::default();
        shocks.add(options.script.events.clone(), now);
        let mut state = State {
            now,
            call_randomness: randomness.fork("calls"),
            id_randomness: randomness.fork("ids"),
            queue: Queue::new(options.queue, &randomness),
            throttle: Throttle::new(&options.api, now),
            randomness,
            pools,
            shocks,
            network,
            images,
            reservations: Vec::new(),
            templates: BTreeMap::new(),
            profiles: BTreeMap::new(),
            records: BTreeMap::new(),
            numbers: BTreeMap::new(),
            prices_told: [None, None],
            launched: 0,
            noticed: 0,
            changes: Changes::default(),
            timeline: Timeline::default(),
            next_edge: None,
            market_is_stepping: false,
            ledger: Ledger::default(),
            fleet_answers: BTreeMap::new(),
            options,
        };
        for profile in state.options.instance_profiles.clone() {
            let profile = InstanceProfile {
                path: "/".to_owned(),
                role: Some(profile.clone()),
                created_at: now,
                tags: Tags::new(),
                name: profile,
            };
            state.profiles.insert(profile.name.clone(), profile);
        }
        state.open_reservations();
        state.timeline.add(state.images.next_release(now), Happening::ImageRelease);
        state.script_edge(now);
        state
    }

    /// Lets everything happen that is due until a moment.
    pub(crate) fn advance(&mut self, to: Timestamp) {
        while let Some((at, happening)) = self.timeline.pop_due(to) {
            self.now = self.now.max(at);
            self.happen(happening);
        }
        self.now = self.now.max(to);
    }

    /// An id such as `i-0123456789abcdef0`.
    pub(crate) fn new_id(&mut self, kind: &str) -> String {
        format!("{kind}-0{:016x}", self.id_randomness.u64())
    }

    /// Sends a message about instances.
    pub(crate) fn send(&mut self, kind: EventKind, zone: &str) {
        let event = Event {
            id: uuid(&mut self.id_randomness),
            account: self.options.account_id.clone(),
            region: self.options.region.clone(),
            time: self.now,
            kind,
        };
        self.queue.send(&event.to_json(zone), self.now);
    }

    /// The record of an instance that EC2 still lists.
    pub(crate) fn record(&self, id: &str) -> Option<&Record> {
        self.records.get(self.numbers.get(id)?)
    }

    pub(crate) fn record_mut(&mut self, id: &str) -> Option<&mut Record> {
        self.records.get_mut(self.numbers.get(id)?)
    }
}
