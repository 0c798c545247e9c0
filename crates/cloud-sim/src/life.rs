//! From launch to end: what happens to instances by themselves.

use std::sync::Arc;

use jiff::Timestamp;
use supercargo_catalog::CapacityType;
use supercargo_cloud::event::{EventKind, InterruptionAction};
use supercargo_cloud::{FleetOverride, Instance, InstanceState, LaunchTemplateData, ScheduledEvent, Tags};

use crate::addresses::private_dns_name;
use crate::ledger::Charge;
use crate::pools::PoolKey;
use crate::record::Record;
use crate::state::State;
use crate::timeline::{Happening, later};
use crate::{FailureOptions, MachineFault};

/// How long EC2 lists an instance that has ended.
const FORGOTTEN_AFTER: std::time::Duration = std::time::Duration::from_secs(3_600);
/// How far ahead maintenance is announced.
const MAINTENANCE_AHEAD: std::time::Duration = std::time::Duration::from_secs(14 * 86_400);

/// What is to be launched; everything about it has been checked.
pub(crate) struct Launching<'a> {
    pub pool: PoolKey,
    pub chosen: &'a FleetOverride,
    pub template_name: &'a str,
    pub template: Arc<LaunchTemplateData>,
    pub image_id: String,
    /// Position of the reservation it goes into.
    pub reservation: Option<usize>,
    /// Whether the reservation was aimed at, so that the instance counts as reserved.
    pub aimed: bool,
    pub tags: Tags,
}

impl State {
    /// Launches an instance; its id. None if its subnet has no address left.
    pub(crate) fn launch(&mut self, launching: Launching<'_>) -> Option<String> {
        let count = self.options.network.addresses_per_instance.max(1);
        let addresses = self.network.take(&launching.chosen.subnet_id, count)?;
        let first_address = addresses.first().copied()?;
        let number = self.launched;
        self.launched += 1;
        let id = self.new_id("i");
        let mut randomness = self.randomness.fork("instances").fork(&number.to_string());
        let available = self.pools.available(launching.pool, self.now, &self.shocks);
        match launching.reservation {
            Some(reservation) => self.reservations[reservation].take(),
            None => self.pools.take(launching.pool),
        }
        let zone = self.pools.zone(launching.pool).clone();
        let facts = self.pools.facts(launching.pool).clone();
        let capacity_type = match (launching.reservation, launching.pool.spot) {
            (Some(_), _) if launching.aimed => CapacityType::Reserved,
            (_, true) => CapacityType::Spot,
            _ => CapacityType::OnDemand,
        };
        let reservation_id =
            launching.reservation.map(|index| self.reservations[index].reservation.id.clone());
        let boot = self.options.boot;
        let running_at = later(self.now, boot.running.draw(&mut randomness));
        let mut boots_at = later(self.now, boot.kubelet.draw(&mut randomness)).max(running_at);
        if facts.size().starts_with("metal") {
            boots_at = later(boots_at, boot.metal_extra);
        }
        let failures = self.options.failures;
        let never_boots = randomness.chance(failures.never_boots);
        let launch_fails = randomness.chance(failures.launch_fails);
        self.timeline.add(
            running_at,
            if launch_fails { Happening::LaunchFails(number) } else { Happening::Running(number) },
        );
        if !never_boots && !launch_fails {
            self.timeline.add(boots_at, Happening::Boots(number));
        }
        self.plan_failures(number, failures, &mut randomness);
        if launching.pool.spot {
            self.plan_interruption(number, launching.pool, available, &mut randomness);
        }
        let placement_partition = self.partition(&launching.template);
        let instance = Instance {
            id: id.clone(),
            instance_type: facts.name.clone(),
            zone: zone.name.clone(),
            zone_id: zone.zone_id.clone(),
            capacity_type,
            reservation_id,
            tenancy: launching.template.tenancy,
            state: InstanceState::Pending,
            state_reason: None,
            launched_at: self.now,
            image_id: launching.image_id.clone(),
            architecture: facts.arch,
            subnet_id: launching.chosen.subnet_id.clone(),
            security_group_ids: launching.template.security_group_ids.clone(),
            private_ip: Some(first_address),
            private_dns_name: private_dns_name(&self.options.region, first_address),
            instance_profile: launching.template.instance_profile.clone(),
            placement_group: launching.template.placement_group_id.clone(),
            placement_partition,
            launch_template: Some(launching.template_name.to_owned()),
            tags: launching.tags,
        };
        let visible_at = later(self.now, self.options.api.consistency.draw(&mut randomness));
        let record = Record {
            number,
            changed: 0,
            pool: launching.pool,
            in_pool: launching.reservation.is_none(),
            reservation: launching.reservation,
            randomness,
            addresses,
            template: launching.template,
            image: self.images.machine_image(&launching.image_id),
            visible_at,
            coming_tags: Vec::new(),
            boots_at: (!never_boots).then_some(boots_at),
            notice_at: None,
            rebalance_sent: false,
            shutdown_at: None,
            terminated_at: None,
            billed_from: None,
            billed_until: None,
            fault: never_boots.then_some(MachineFault::NeverBoots),
            events: Vec::new(),
            instance,
        };
        self.records.insert(number, record);
        self.numbers.insert(id.clone(), number);
        self.touch(number);
        self.send(
            EventKind::StateChange { instance_id: id.clone(), state: InstanceState::Pending },
            &zone.name,
        );
        if launching.pool.spot {
            self.keep_market_stepping();
        }
        Some(id)
    }

    fn plan_failures(
        &mut self,
        number: u64,
        failures: FailureOptions,
        randomness: &mut supercargo_clock::Randomness,
    ) {
        const MONTH: f64 = 30.0 * 86_400.0;
        for (monthly, happening) in [
            (failures.kubelet_dies_monthly, Happening::KubeletDies(number)),
            (failures.host_impaired_monthly, Happening::HostBreaks(number)),
            (failures.maintenance_monthly, Happening::Announcement(number)),
        ] {
            if monthly > 0.0 {
                let seconds = randomness.exponential(MONTH / monthly);
                self.timeline.add(seconds_later(self.now, seconds), happening);
            }
        }
    }

    fn plan_interruption(
        &mut self,
        number: u64,
        pool: PoolKey,
        available: u32,
        randomness: &mut supercargo_clock::Randomness,
    ) {
        let options = self.options.interruptions;
        let Some(mean) = self.pools.mean_time_to_interruption(pool, available) else { return };
        if options.hazard <= 0.0 {
            return;
        }
        let notice_at = seconds_later(self.now, randomness.exponential(mean / options.hazard));
        if randomness.chance(options.rebalance_ahead) {
            let lead = options.rebalance_lead.draw(randomness);
            let rebalance_at = notice_at.checked_sub(lead).unwrap_or(self.now).max(self.now);
            self.timeline.add(rebalance_at, Happening::Rebalance(number));
        }
        self.timeline.add(notice_at, Happening::Notice(number));
    }

    /// Something happens whose time has come.
    pub(crate) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Running(number) => self.run(number),
            Happening::LaunchFails(number) => {
                self.end(number, "Server.InternalError");
            }
            Happening::Boots(_) => {}
            Happening::Rebalance(number) => self.recommend_rebalance(number),
            Happening::Notice(number) => self.give_notice(number),
            Happening::Reclaim(number) => self.reclaim(number),
            Happening::Terminated(number) => self.finish(number),
            Happening::Forgotten(number) => self.forget(number),
            Happening::KubeletDies(number) => self.kill_kubelet(number),
            Happening::HostBreaks(number) => self.break_host(number),
            Happening::Announcement(number) => self.announce_retirement(number),
            Happening::Maintenance(number) => self.retire(number),
            Happening::Stopped(number) => self.stopped(number),
            Happening::MarketStep => self.market_step(),
            Happening::ScriptEdge => self.script_edge(self.now),
            Happening::ImageRelease => {
                self.images.release(self.now);
                self.timeline.add(self.images.next_release(self.now), Happening::ImageRelease);
            }
            Happening::ReservationBegins(index) => self.begin_reservation(index),
            Happening::ReservationWarns(index) => self.warn_block(index),
            Happening::ReservationClears(index) => self.clear_block(index),
            Happening::ReservationEnds(index) => self.end_reservation(index),
        }
    }

    fn change_state(&mut self, number: u64, state: InstanceState) {
        let Some(record) = self.records.get_mut(&number) else { return };
        record.instance.state = state;
        let (instance_id, zone) = (record.instance.id.clone(), record.instance.zone.clone());
        self.touch(number);
        self.send(EventKind::StateChange { instance_id, state }, &zone);
    }

    fn run(&mut self, number: u64) {
        let now = self.now;
        let pending = self.records.get_mut(&number);
        let Some(record) = pending.filter(|record| record.instance.state == InstanceState::Pending) else {
            return;
        };
        record.billed_from = Some(now);
        self.change_state(number, InstanceState::Running);
    }

    pub(crate) fn recommend_rebalance(&mut self, number: u64) {
        let Some(record) = self.records.get_mut(&number) else { return };
        if !record.can_be_reclaimed() || record.rebalance_sent {
            return;
        }
        record.rebalance_sent = true;
        let (instance_id, zone) = (record.instance.id.clone(), record.instance.zone.clone());
        self.send(EventKind::RebalanceRecommendation { instance_id }, &zone);
    }

    /// Gives a spot instance its two minutes.
    pub(crate) fn give_notice(&mut self, number: u64) {
        if !self.records.get(&number).is_some_and(Record::can_be_reclaimed) {
            return;
        }
        // EC2 recommends to rebalance at the latest when it gives notice
        self.recommend_rebalance(number);
        let (now, until) = (self.now, later(self.now, self.options.interruptions.notice));
        let Some(record) = self.records.get_mut(&number) else { return };
        record.notice_at = Some(now);
        self.noticed += 1;
        record.shutdown_at = Some(until);
        self.pools.mark_leaving(record.pool);
        let (instance_id, zone) = (record.instance.id.clone(), record.instance.zone.clone());
        self.touch(number);
        self.timeline.add(until, Happening::Reclaim(number));
        let action = InterruptionAction::Terminate;
        self.send(EventKind::SpotInterruption { instance_id, action }, &zone);
    }

    fn reclaim(&mut self, number: u64) {
        let is_spot = self.records.get(&number).is_some_and(|record| record.pool.spot);
        let reason =
            if is_spot { "Server.SpotInstanceTermination" } else { "Server.CapacityReservationTermination" };
        self.end(number, reason);
    }

    /// Begins to end an instance that is not ending yet; its state before.
    pub(crate) fn end(&mut self, number: u64, reason: &str) -> Option<InstanceState> {
        let now = self.now;
        let record = self.records.get_mut(&number)?;
        let previous = record.instance.state;
        if previous.is_ending() {
            return Some(previous);
        }
        record.instance.state_reason = Some(reason.to_owned());
        record.shutdown_at = Some(now);
        if record.billed_until.is_none() {
            record.billed_until = Some(now);
        }
        let takes = self.options.boot.termination.draw(&mut record.randomness);
        self.timeline.add(later(now, takes), Happening::Terminated(number));
        self.change_state(number, InstanceState::ShuttingDown);
        Some(previous)
    }

    fn finish(&mut self, number: u64) {
        let now = self.now;
        let Some(record) = self.records.get_mut(&number) else { return };
        if record.terminated_at.is_some() {
            return;
        }
        record.terminated_at = Some(now);
        record.instance.private_ip = None;
        let (pool, in_pool, was_leaving) = (record.pool, record.in_pool, record.notice_at.is_some());
        let reservation = record.reservation;
        let subnet_id = record.instance.subnet_id.clone();
        let addresses = record.addresses.clone();
        let charge = Charge::of(record);
        self.network.give_back(&subnet_id, &addresses);
        if in_pool {
            self.pools.release(pool, was_leaving && pool.spot);
        }
        if let Some(reservation) = reservation {
            self.reservations[reservation].give_back();
        }
        self.ledger.close(charge);
        self.change_state(number, InstanceState::Terminated);
        self.timeline.add(later(now, FORGOTTEN_AFTER), Happening::Forgotten(number));
    }

    fn forget(&mut self, number: u64) {
        if let Some(record) = self.records.remove(&number) {
            self.numbers.remove(&record.instance.id);
            self.changes.forget(record.changed, record.instance.id);
        }
    }

    pub(crate) fn kill_kubelet(&mut self, number: u64) {
        let now = self.now;
        if let Some(record) = self.records.get_mut(&number)
            && record.is_alive()
            && record.fault.is_none()
        {
            record.fault = Some(MachineFault::KubeletDead { since: now });
            self.touch(number);
        }
    }

    pub(crate) fn break_host(&mut self, number: u64) {
        let now = self.now;
        let alive = self.records.get_mut(&number).filter(|record| record.is_alive());
        let Some(record) = alive else { return };
        if matches!(record.fault, Some(MachineFault::HostImpaired { .. })) {
            return;
        }
        record.fault = Some(MachineFault::HostImpaired { since: now });
        self.touch(number);
    }

    /// Announces that the host of an instance is going to be retired.
    pub(crate) fn announce_retirement(&mut self, number: u64) {
        let not_before = later(self.now, MAINTENANCE_AHEAD);
        let alive =
            self.records.get_mut(&number).filter(|record| record.is_alive() && record.events.is_empty());
        let Some(record) = alive else { return };
        record.events.push(ScheduledEvent { code: "instance-retirement".to_owned(), not_before });
        let (instance_id, zone) = (record.instance.id.clone(), record.instance.zone.clone());
        self.timeline.add(not_before, Happening::Maintenance(number));
        let kind = EventKind::ScheduledChange {
            instance_ids: vec![instance_id],
            code: "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED".to_owned(),
            starts_at: Some(not_before),
        };
        self.send(kind, &zone);
    }

    /// Stops an instance whose host is retired; spot instances end.
    fn retire(&mut self, number: u64) {
        let now = self.now;
        let Some(record) = self.records.get_mut(&number).filter(|record| record.is_alive()) else { return };
        if record.pool.spot {
            self.end(number, "Server.SpotInstanceTermination");
            return;
        }
        record.shutdown_at = Some(now);
        record.billed_until = Some(now);
        record.instance.state_reason = Some("Server.ScheduledStop".to_owned());
        let takes = self.options.boot.termination.draw(&mut record.randomness);
        self.timeline.add(later(now, takes), Happening::Stopped(number));
        self.change_state(number, InstanceState::Stopping);
    }

    fn stopped(&mut self, number: u64) {
        let is_stopping =
            self.records.get(&number).is_some_and(|record| record.instance.state == InstanceState::Stopping);
        if is_stopping {
            self.change_state(number, InstanceState::Stopped);
        }
    }
}

/// A moment so many seconds later, at most the last there is.
fn seconds_later(moment: Timestamp, seconds: f64) -> Timestamp {
    // a float-to-integer cast saturates; a thousand years are enough
    let millis = (seconds * 1000.0).min(3.2e13) as u64;
    later(moment, std::time::Duration::from_millis(millis))
}
