//! The other calls.

use std::collections::BTreeMap;

use jiff::Timestamp;
use supercargo_cloud::selector::{Selectable, has_tags};
use supercargo_cloud::{
    Action, CapacityReservation, CloudError, Image, Instance, InstanceProfile, InstanceProfileRequest,
    InstanceQuery, InstanceState, InstanceStatus, LaunchTemplate, LaunchTemplateRequest, PlacementGroup,
    ReservationState, SecurityGroup, Selector, SpotPrice, StateChange, Subnet, Tags, TypeOffering,
};

use crate::Answer;
use crate::pools::Zone;
use crate::record::Record;
use crate::state::{State, Template};
use crate::timeline::later;

type Outcome<T> = Result<T, CloudError>;

impl State {
    /// Answers a call, unless it comes too often or a fault is due.
    pub(crate) fn answer<T>(
        &mut self,
        action: Action,
        work: impl FnOnce(&mut State) -> Outcome<T>,
    ) -> Answer<T> {
        let latency = self.options.api.latency.get(&action).copied();
        let latency = latency.map(|spread| spread.draw(&mut self.call_randomness)).unwrap_or_default();
        let outcome = if self.throttle.admits(action, self.now) {
            match self.fault(action) {
                Some(code) => Err(CloudError::new(action, code, "a fault of the simulation")),
                None => work(self),
            }
        } else {
            Err(CloudError::new(action, "RequestLimitExceeded", format!("too many calls of {action}")))
        };
        Answer { latency, outcome }
    }

    /// The code of the fault that a call meets.
    fn fault(&mut self, action: Action) -> Option<String> {
        let now = self.now;
        let holds = |from: Option<Timestamp>, until: Option<Timestamp>| {
            from.is_none_or(|from| from <= now) && until.is_none_or(|until| now < until)
        };
        let rules =
            self.options.faults.iter().filter(|rule| {
                rule.action.is_none_or(|which| which == action) && holds(rule.from, rule.until)
            });
        let mut due: Vec<(f64, String)> = rules.map(|rule| (rule.rate, rule.code.clone())).collect();
        due.extend(self.shocks.faults(action, now));
        // every rule draws, so that one does not shift the draws of the others
        let met: Vec<bool> = due.iter().map(|(rate, _)| self.call_randomness.chance(*rate)).collect();
        due.into_iter().zip(met).find_map(|((_, code), met)| met.then_some(code))
    }

    pub(crate) fn create_launch_template(
        &mut self,
        request: &LaunchTemplateRequest,
    ) -> Outcome<LaunchTemplate> {
        let error =
            |code: &str, message: String| CloudError::new(Action::CreateLaunchTemplate, code, message);
        if request.name.len() < 3 || request.name.len() > 128 {
            let message = format!("a name has 3 to 128 characters, this one {}", request.name.len());
            return Err(error("InvalidLaunchTemplateName.MalformedException", message));
        }
        if self.templates.contains_key(&request.name) {
            let message = format!("the launch template {} exists already", request.name);
            return Err(error("InvalidLaunchTemplateName.AlreadyExistsException", message));
        }
        if request.dry_run {
            return Err(error("DryRunOperation", "the request would have been carried out".to_owned()));
        }
        let template =
            LaunchTemplate { id: self.new_id("lt"), name: request.name.clone(), tags: request.tags.clone() };
        let data = std::sync::Arc::new(request.data.clone());
        self.templates.insert(request.name.clone(), Template { template: template.clone(), data });
        Ok(template)
    }

    pub(crate) fn describe_launch_templates(&self, selectors: &[Selector]) -> Vec<LaunchTemplate> {
        let all = self.templates.values().map(|template| &template.template);
        selected(all, selectors, |template| Selectable {
            id: &template.id,
            name: &template.name,
            owners: ["", ""],
            tags: &template.tags,
        })
    }

    pub(crate) fn delete_launch_template(&mut self, name: &str) -> Outcome<()> {
        match self.templates.remove(name) {
            Some(_) => Ok(()),
            None => Err(CloudError::new(
                Action::DeleteLaunchTemplate,
                "InvalidLaunchTemplateName.NotFoundException",
                format!("the launch template {name} does not exist"),
            )),
        }
    }

    /// The instances that callers can see by now.
    fn seen(&self) -> impl Iterator<Item = &Record> {
        self.records.values().filter(|record| record.visible_at <= self.now)
    }

    fn seen_by_id(&self, action: Action, id: &str) -> Outcome<&Record> {
        let known = self.record(id).filter(|record| record.visible_at <= self.now);
        known.ok_or_else(|| {
            CloudError::new(action, "InvalidInstanceID.NotFound", format!("the instance {id} does not exist"))
        })
    }

    pub(crate) fn describe_instances(&self, query: &InstanceQuery) -> Outcome<Vec<Instance>> {
        let matches = |instance: &Instance| {
            (query.states.is_empty() || query.states.contains(&instance.state))
                && has_tags(&query.tags, &instance.tags)
        };
        let mut numbers = Vec::new();
        for id in &query.ids {
            numbers.push(self.seen_by_id(Action::DescribeInstances, id)?.number);
        }
        numbers.sort_unstable();
        numbers.dedup();
        let instances: Vec<Instance> = if query.ids.is_empty() {
            self.seen().map(|record| record.as_seen(self.now)).collect()
        } else {
            numbers
                .iter()
                .filter_map(|number| self.records.get(number))
                .map(|record| record.as_seen(self.now))
                .collect()
        };
        Ok(instances.into_iter().filter(matches).collect())
    }

    pub(crate) fn describe_instance_status(&self) -> Vec<InstanceStatus> {
        let running = self.seen().filter(|record| record.instance.state == InstanceState::Running);
        running.map(|record| record.status(self.now)).collect()
    }

    pub(crate) fn terminate_instances(&mut self, ids: &[String]) -> Outcome<Vec<StateChange>> {
        let action = Action::TerminateInstances;
        if ids.is_empty() {
            return Err(CloudError::new(action, "MissingParameter", "no instance is named"));
        }
        let mut numbers = Vec::new();
        for id in ids {
            numbers.push(self.seen_by_id(action, id)?.number);
        }
        let wanted = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        if self.throttle.terminations(wanted, self.now) < wanted {
            let message = format!("{wanted} instances are more than may be ended at once");
            return Err(CloudError::new(action, "RequestLimitExceeded", message));
        }
        let mut changes = Vec::new();
        for (number, id) in numbers.into_iter().zip(ids) {
            if let Some(previous) = self.end(number, "Client.UserInitiatedShutdown") {
                let current = self.records.get(&number).map_or(previous, |record| record.instance.state);
                changes.push(StateChange { id: id.clone(), previous, current });
            }
        }
        Ok(changes)
    }

    pub(crate) fn create_tags(&mut self, ids: &[String], tags: &Tags) -> Outcome<()> {
        for id in ids {
            self.seen_by_id(Action::CreateTags, id)?;
        }
        let (now, consistency) = (self.now, self.options.api.consistency);
        for id in ids {
            let Some(record) = self.record_mut(id) else { continue };
            let seen_at = later(now, consistency.draw(&mut record.randomness));
            // tags that were set later are not to be seen earlier
            let seen_at = record.coming_tags.last().map_or(seen_at, |(last, _)| seen_at.max(*last));
            record.coming_tags.push((seen_at, tags.clone()));
            let number = record.number;
            while record.coming_tags.first().is_some_and(|(at, _)| *at <= now) {
                let (_, settled) = record.coming_tags.remove(0);
                record.instance.tags.extend(settled);
            }
            self.touch(number);
        }
        Ok(())
    }

    pub(crate) fn describe_images(&self, selectors: &[Selector]) -> Vec<Image> {
        selected(self.images.all(), selectors, Image::selectable)
    }

    pub(crate) fn get_parameter(&self, name: &str) -> Outcome<String> {
        self.images.parameter(name).map(str::to_owned).ok_or_else(|| {
            let message = format!("the parameter {name} does not exist");
            CloudError::new(Action::GetParameter, "ParameterNotFound", message)
        })
    }

    pub(crate) fn describe_subnets(&self, selectors: &[Selector]) -> Vec<Subnet> {
        selected(self.network.subnets(), selectors, Subnet::selectable)
    }

    pub(crate) fn describe_security_groups(&self, selectors: &[Selector]) -> Vec<SecurityGroup> {
        selected(self.network.security_groups.iter(), selectors, SecurityGroup::selectable)
    }

    pub(crate) fn describe_capacity_reservations(&self, selectors: &[Selector]) -> Vec<CapacityReservation> {
        let all = self.reservations.iter().map(|held| &held.reservation);
        let open = all.filter(|reservation| {
            matches!(reservation.state, ReservationState::Active | ReservationState::Scheduled)
        });
        selected(open, selectors, CapacityReservation::selectable)
    }

    pub(crate) fn describe_placement_groups(&self, selectors: &[Selector]) -> Vec<PlacementGroup> {
        selected(self.options.placement_groups.iter(), selectors, PlacementGroup::selectable)
    }

    pub(crate) fn describe_instance_type_offerings(&self) -> Vec<TypeOffering> {
        let sold = self.pools.sold().filter(|key| !key.spot);
        let in_some_way = sold.filter(|key| {
            self.pools.sells(*key) || self.pools.sells(crate::pools::PoolKey { spot: true, ..*key })
        });
        let offering = |key| TypeOffering {
            instance_type: self.pools.facts(key).name.clone(),
            zone: self.pools.zone(key).name.clone(),
        };
        in_some_way.map(offering).collect()
    }

    pub(crate) fn describe_spot_prices(&mut self) -> Vec<SpotPrice> {
        self.prices_told = [self.prices_told[1], Some(self.now)];
        let sold = self.pools.sold().filter(|key| key.spot && self.pools.sells(*key));
        let since = self.pools.price_since(self.now);
        let price = |key| {
            Some(SpotPrice {
                instance_type: self.pools.facts(key).name.clone(),
                zone: self.pools.zone(key).name.clone(),
                price: self.pools.price(key, self.now, &self.shocks)?,
                since,
            })
        };
        sold.filter_map(price).collect()
    }

    pub(crate) fn get_managed_resource(&self) -> BTreeMap<String, f64> {
        let weight = |zone: &Zone| if self.shocks.is_shifted(&zone.name, self.now) { 0.0 } else { 1.0 };
        self.pools.zones.iter().map(|zone| (zone.zone_id.clone(), weight(zone))).collect()
    }

    pub(crate) fn create_instance_profile(
        &mut self,
        request: &InstanceProfileRequest,
    ) -> Outcome<InstanceProfile> {
        if self.profiles.contains_key(&request.name) {
            let message = format!("the instance profile {} exists already", request.name);
            return Err(CloudError::new(Action::CreateInstanceProfile, "EntityAlreadyExists", message));
        }
        let profile = InstanceProfile {
            name: request.name.clone(),
            path: request.path.clone(),
            role: Some(request.role.clone()).filter(|role| !role.is_empty()),
            created_at: self.now,
            tags: request.tags.clone(),
        };
        self.profiles.insert(request.name.clone(), profile.clone());
        Ok(profile)
    }

    pub(crate) fn get_instance_profile(&self, name: &str) -> Outcome<InstanceProfile> {
        self.profiles.get(name).cloned().ok_or_else(|| no_profile(Action::GetInstanceProfile, name))
    }

    pub(crate) fn list_instance_profiles(&self, path_prefix: &str) -> Vec<InstanceProfile> {
        let all = self.profiles.values();
        all.filter(|profile| profile.path.starts_with(path_prefix)).cloned().collect()
    }

    pub(crate) fn delete_instance_profile(&mut self, name: &str) -> Outcome<()> {
        let removed = self.profiles.remove(name);
        removed.map(|_| ()).ok_or_else(|| no_profile(Action::DeleteInstanceProfile, name))
    }
}

fn no_profile(action: Action, name: &str) -> CloudError {
    CloudError::new(action, "NoSuchEntity", format!("the instance profile {name} does not exist"))
}

/// Everything that any selector matches, in order; everything if there are no selectors.
fn selected<'a, T: Clone + 'a>(
    all: impl Iterator<Item = &'a T>,
    selectors: &[Selector],
    selectable: impl Fn(&T) -> Selectable<'_>,
) -> Vec<T> {
    let matches = |candidate: &&T| {
        selectors.is_empty() || selectors.iter().any(|selector| selector.matches(selectable(candidate)))
    };
    all.filter(matches).cloned().collect()
}
