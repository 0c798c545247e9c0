//! The door to a region.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use supercargo_catalog::{CapacityType, Usd};
use supercargo_clock::Clock;
use supercargo_cloud::{
    Action, CapacityReservation, CloudError, FleetAnswer, FleetRequest, Image, Instance, InstanceProfile,
    InstanceProfileRequest, InstanceQuery, InstanceStatus, LaunchTemplate, LaunchTemplateRequest,
    PlacementGroup, QueueMessage, ReceiveRequest, SecurityGroup, Selector, SpotPrice, StateChange, Subnet,
    Tags, TypeOffering,
};

use crate::changes::MachineChanges;
use crate::ledger::Bill;
use crate::state::State;
use crate::{FaultRule, Machine, RegionOptions, ScriptEvent};

/// What a call came to, and how long it takes: whoever asked has to wait that long for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// How long the call takes.
    pub latency: Duration,
    /// What it came to.
    pub outcome: Result<T, CloudError>,
}

/// A simulated region. Clones are the same region.
///
/// The methods of the same name as those of [`CloudProvider`](supercargo_cloud::CloudProvider) answer at once and say how
/// long the call takes. As a `CloudProvider` the region answers at once without saying so; [`PatientRegion`] waits.
///
/// [`PatientRegion`]: crate::PatientRegion
#[derive(Clone)]
pub struct Region {
    clock: Arc<dyn Clock>,
    name: Arc<str>,
    state: Arc<Mutex<State>>,
}

/// What is true of an offering, whatever callers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolFacts {
    /// Instances the pool has, those in use included.
    pub depth: u32,
    /// Instances in use.
    pub taken: u32,
    /// Dollars per hour.
    pub price: Usd,
}

/// Instances under a client token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Launches {
    /// Asked for.
    pub asked: usize,
    /// Launched.
    pub machines: usize,
}

/// How many instances have been in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Launched since the region began.
    pub launched: u64,
    /// Spot instances that were given notice since the region began.
    pub noticed: u64,
    /// Not ended: pending, running, shutting down, stopping or stopped.
    pub present: u64,
    /// Ended.
    pub terminated: u64,
}

impl Region {
    /// A region that begins at the clock's time.
    pub fn new(options: RegionOptions) -> Region {
        let clock = Arc::clone(&options.clock);
        let name = Arc::from(options.region.as_str());
        Region { clock, name, state: Arc::new(Mutex::new(State::new(options))) }
    }

    /// The region's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state as of the clock's time.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(self.clock.now());
        state
    }

    /// All machines that EC2 still knows of, in order of their launch.
    pub fn machines(&self) -> Vec<Machine> {
        self.state().records.values().map(|record| record.machine()).collect()
    }

    /// What has changed since a version, so that nobody has to look through thousands of machines: those that are new or
    /// different, in order of their last change, and those that EC2 has forgotten. Version 0 is before everything.
    pub fn machine_changes(&self, since: u64) -> MachineChanges {
        self.state().machine_changes(since)
    }

    /// A machine that EC2 still knows of.
    pub fn machine(&self, instance_id: &str) -> Option<Machine> {
        self.state().record(instance_id).map(|record| record.machine())
    }

    /// When machines or messages change next by themselves; sometimes it turns out that nothing visible has changed then.
    pub fn next_change(&self) -> Option<Timestamp> {
        let state = self.state();
        let now = state.now;
        let seen = state.queue.next_seen().filter(|seen| *seen > now);
        state.timeline.next().into_iter().chain(seen).min()
    }

    /// When the next message comes into sight; a moment of the past if one is in sight.
    pub fn next_message(&self) -> Option<Timestamp> {
        self.state().queue.next_seen()
    }

    /// Messages in the queue, whether they can be seen now or not.
    pub fn messages_waiting(&self) -> usize {
        self.state().queue.len()
    }

    /// What was used and what it costs until now.
    pub fn bill(&self) -> Bill {
        self.state().bill()
    }

    /// How many instances there have been.
    pub fn census(&self) -> Census {
        let state = self.state();
        let present = state.records.values().filter(|record| record.terminated_at.is_none()).count() as u64;
        Census {
            launched: state.launched,
            noticed: state.noticed,
            present,
            terminated: state.launched - present,
        }
    }

    /// The instances that were asked for and launched under each client token since the region began.
    pub fn launches(&self) -> BTreeMap<String, Launches> {
        let state = self.state();
        let answers = state.fleet_answers.iter();
        let launches = answers.map(|(token, (asked, answer))| {
            let machines = answer.instance_ids().count();
            (token.clone(), Launches { asked: usize::try_from(*asked).unwrap_or(usize::MAX), machines })
        });
        launches.collect()
    }

    /// What is true of an offering now; none if it is not sold. Reserved capacity is not a pool.
    pub fn pool(&self, instance_type: &str, zone: &str, capacity_type: CapacityType) -> Option<PoolFacts> {
        let state = self.state();
        let key = state.pools.of_offering(instance_type, zone, capacity_type)?;
        Some(PoolFacts {
            depth: state.pools.depth(key, state.now, &state.shocks),
            taken: state.pools.taken(key),
            price: state.pools.price(key, state.now, &state.shocks)?,
        })
    }

    /// What an offering costs at a moment that has been, in dollars per hour; none if it is not sold. Reserved capacity is
    /// not a pool.
    pub fn price_at(
        &self,
        instance_type: &str,
        zone: &str,
        capacity_type: CapacityType,
        at: Timestamp,
    ) -> Option<Usd> {
        let state = self.state();
        let key = state.pools.of_offering(instance_type, zone, capacity_type)?;
        state.pools.price(key, at, &state.shocks)
    }

    /// The last two moments at which somebody was told the spot prices, the earlier first.
    pub fn prices_told(&self) -> Vec<Timestamp> {
        self.state().prices_told.into_iter().flatten().collect()
    }

    /// Adds events to the script. Times of day are those still to come; times after the beginning are counted from now.
    pub fn schedule(&self, events: Vec<ScriptEvent>) {
        self.state().add_events(events);
    }

    /// Makes calls fail from now on.
    pub fn inject(&self, fault: FaultRule) {
        self.state().options.faults.push(fault);
    }

    /// Lets all injected faults go, those of the options included; those of the script stay.
    pub fn clear_faults(&self) {
        self.state().options.faults.clear();
    }

    /// Adds a machine image of the account.
    pub fn register_image(&self, image: Image) {
        self.state().images.register(image);
    }

    /// Launches instances at once.
    pub fn create_fleet(&self, request: &FleetRequest) -> Answer<FleetAnswer> {
        self.state().answer(Action::CreateFleet, |state| state.create_fleet(request))
    }

    /// Makes a launch template.
    pub fn create_launch_template(&self, request: &LaunchTemplateRequest) -> Answer<LaunchTemplate> {
        self.state().answer(Action::CreateLaunchTemplate, |state| state.create_launch_template(request))
    }

    /// Launch templates that match.
    pub fn describe_launch_templates(&self, selectors: &[Selector]) -> Answer<Vec<LaunchTemplate>> {
        self.state()
            .answer(Action::DescribeLaunchTemplates, |state| Ok(state.describe_launch_templates(selectors)))
    }

    /// Deletes a launch template.
    pub fn delete_launch_template(&self, name: &str) -> Answer<()> {
        self.state().answer(Action::DeleteLaunchTemplate, |state| state.delete_launch_template(name))
    }

    /// Instances in order of their launch.
    pub fn describe_instances(&self, query: &InstanceQuery) -> Answer<Vec<Instance>> {
        self.state().answer(Action::DescribeInstances, |state| state.describe_instances(query))
    }

    /// Checks and plans of all instances that are running.
    pub fn describe_instance_status(&self) -> Answer<Vec<InstanceStatus>> {
        self.state().answer(Action::DescribeInstanceStatus, |state| Ok(state.describe_instance_status()))
    }

    /// Ends instances.
    pub fn terminate_instances(&self, ids: &[String]) -> Answer<Vec<StateChange>> {
        self.state().answer(Action::TerminateInstances, |state| state.terminate_instances(ids))
    }

    /// Sets tags of instances.
    pub fn create_tags(&self, ids: &[String], tags: &Tags) -> Answer<()> {
        self.state().answer(Action::CreateTags, |state| state.create_tags(ids, tags))
    }

    /// Machine images that match.
    pub fn describe_images(&self, selectors: &[Selector]) -> Answer<Vec<Image>> {
        self.state().answer(Action::DescribeImages, |state| Ok(state.describe_images(selectors)))
    }

    /// The value of a public parameter.
    pub fn get_parameter(&self, name: &str) -> Answer<String> {
        self.state().answer(Action::GetParameter, |state| state.get_parameter(name))
    }

    /// Subnets that match.
    pub fn describe_subnets(&self, selectors: &[Selector]) -> Answer<Vec<Subnet>> {
        self.state().answer(Action::DescribeSubnets, |state| Ok(state.describe_subnets(selectors)))
    }

    /// Security groups that match.
    pub fn describe_security_groups(&self, selectors: &[Selector]) -> Answer<Vec<SecurityGroup>> {
        self.state()
            .answer(Action::DescribeSecurityGroups, |state| Ok(state.describe_security_groups(selectors)))
    }

    /// Capacity reservations that match.
    pub fn describe_capacity_reservations(&self, selectors: &[Selector]) -> Answer<Vec<CapacityReservation>> {
        self.state().answer(Action::DescribeCapacityReservations, |state| {
            Ok(state.describe_capacity_reservations(selectors))
        })
    }

    /// Placement groups that match.
    pub fn describe_placement_groups(&self, selectors: &[Selector]) -> Answer<Vec<PlacementGroup>> {
        self.state()
            .answer(Action::DescribePlacementGroups, |state| Ok(state.describe_placement_groups(selectors)))
    }

    /// Which types are sold in which zone.
    pub fn describe_instance_type_offerings(&self) -> Answer<Vec<TypeOffering>> {
        self.state().answer(Action::DescribeInstanceTypeOfferings, |state| {
            Ok(state.describe_instance_type_offerings())
        })
    }

    /// The spot prices of now.
    pub fn describe_spot_prices(&self) -> Answer<Vec<SpotPrice>> {
        self.state().answer(Action::DescribeSpotPriceHistory, |state| Ok(state.describe_spot_prices()))
    }

    /// The weights of the zones, by zone id. All clusters have the same.
    pub fn get_managed_resource(&self, _cluster: &str) -> Answer<BTreeMap<String, f64>> {
        self.state().answer(Action::GetManagedResource, |state| Ok(state.get_managed_resource()))
    }

    /// Makes an instance profile.
    pub fn create_instance_profile(&self, request: &InstanceProfileRequest) -> Answer<InstanceProfile> {
        self.state().answer(Action::CreateInstanceProfile, |state| state.create_instance_profile(request))
    }

    /// An instance profile.
    pub fn get_instance_profile(&self, name: &str) -> Answer<InstanceProfile> {
        self.state().answer(Action::GetInstanceProfile, |state| state.get_instance_profile(name))
    }

    /// Instance profiles whose path begins so.
    pub fn list_instance_profiles(&self, path_prefix: &str) -> Answer<Vec<InstanceProfile>> {
        self.state()
            .answer(Action::ListInstanceProfiles, |state| Ok(state.list_instance_profiles(path_prefix)))
    }

    /// Deletes an instance profile.
    pub fn delete_instance_profile(&self, name: &str) -> Answer<()> {
        self.state().answer(Action::DeleteInstanceProfile, |state| state.delete_instance_profile(name))
    }

    /// Takes messages from the interruption queue. If there are none the answer is empty at once.
    pub fn receive_messages(&self, request: ReceiveRequest) -> Answer<Vec<QueueMessage>> {
        self.state().answer(Action::ReceiveMessage, |state| Ok(state.queue.receive(request, state.now)))
    }

    /// Removes a message that has been dealt with.
    pub fn delete_message(&self, receipt: &str) -> Answer<()> {
        self.state().answer(Action::DeleteMessage, |state| {
            if state.queue.delete(receipt) {
                return Ok(());
            }
            let message = "the receipt is none of this queue".to_owned();
            Err(CloudError::new(Action::DeleteMessage, "ReceiptHandleIsInvalid", message))
        })
    }
}

impl std::fmt::Debug for Region {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Region").field("name", &self.name).finish_non_exhaustive()
    }
}
