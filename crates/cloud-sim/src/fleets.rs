//! CreateFleet of type instant.

use std::collections::BTreeMap;
use std::sync::Arc;

use supercargo_catalog::{CapacityType, Usd};
use supercargo_cloud::{
    Action, CloudError, FleetAnswer, FleetError, FleetInstances, FleetOverride, FleetRequest,
    LaunchTemplateData, PurchaseOption, ReservationPreference, ReservationState,
};

use crate::QuotaClass;
use crate::allocation::{Candidate, next};
use crate::life::Launching;
use crate::pools::PoolKey;
use crate::state::State;

/// An offering of the request that makes sense.
struct Offered<'a> {
    template_name: &'a str,
    template: Arc<LaunchTemplateData>,
    chosen: &'a FleetOverride,
    pool: PoolKey,
    image_id: String,
    /// The reservation that the launch template names.
    aimed: Option<usize>,
}

/// A code and a sentence.
type Refusal = (&'static str, String);

impl State {
    pub(crate) fn create_fleet(&mut self, request: &FleetRequest) -> Result<FleetAnswer, CloudError> {
        let error = |code: &str, message: String| CloudError::new(Action::CreateFleet, code, message);
        let known = request.client_token.as_ref().and_then(|token| self.fleet_answers.get(token));
        if let Some((_, answer)) = known {
            return Ok(answer.clone());
        }
        if request.target_capacity == 0 || request.overrides().next().is_none() {
            let message = "at least one instance and one override are needed".to_owned();
            return Err(error("InvalidParameterValue", message));
        }
        for config in &request.configs {
            if !self.templates.contains_key(&config.launch_template) {
                let message = format!("the launch template {} does not exist", config.launch_template);
                return Err(error("InvalidLaunchTemplateName.NotFoundException", message));
            }
        }
        if request.purchase == PurchaseOption::Spot && self.options.quotas.no_spot_role {
            let message =
                "the service-linked role for EC2 Spot does not exist and may not be made".to_owned();
            return Err(error("AuthFailure.ServiceLinkedRoleCreationNotPermitted", message));
        }
        if request.dry_run {
            return Err(error("DryRunOperation", "the request would have been carried out".to_owned()));
        }
        let fleet_id = self.new_id("fleet");
        let mut answer = FleetAnswer { fleet_id, instances: Vec::new(), errors: Vec::new() };
        let offered = self.read_offers(request, &mut answer);
        self.fill(request, &offered, &mut answer);
        if let Some(token) = &request.client_token {
            self.fleet_answers.insert(token.clone(), (request.target_capacity, answer.clone()));
        }
        Ok(answer)
    }

    /// The offerings that make sense; the others are errors of the answer.
    fn read_offers<'a>(&self, request: &'a FleetRequest, answer: &mut FleetAnswer) -> Vec<Offered<'a>> {
        let mut offered = Vec::new();
        for config in &request.configs {
            let Some(template) = self.templates.get(&config.launch_template) else { continue };
            for chosen in &config.overrides {
                match self.read_offer(request.purchase, &config.launch_template, &template.data, chosen) {
                    Ok(offer) => offered.push(offer),
                    Err((code, message)) => answer.errors.push(FleetError {
                        launch_template: config.launch_template.clone(),
                        refused: chosen.clone(),
                        purchase: request.purchase,
                        code: code.to_owned(),
                        message,
                    }),
                }
            }
        }
        offered
    }

    fn read_offer<'a>(
        &self,
        purchase: PurchaseOption,
        template_name: &'a str,
        template: &Arc<LaunchTemplateData>,
        chosen: &'a FleetOverride,
    ) -> Result<Offered<'a>, Refusal> {
        let subnet = self.network.subnet(&chosen.subnet_id).ok_or_else(|| {
            ("InvalidSubnetID.NotFound", format!("the subnet {} does not exist", chosen.subnet_id))
        })?;
        if !chosen.zone.is_empty() && chosen.zone != subnet.zone {
            let message = format!("the subnet {} is in {}, not in {}", subnet.id, subnet.zone, chosen.zone);
            return Err(("InvalidParameterCombination", message));
        }
        let spot = purchase == PurchaseOption::Spot;
        let not_sold = || {
            (
                "Unsupported",
                format!("{} is not sold in {} as {}", chosen.instance_type, subnet.zone, purchase.as_str()),
            )
        };
        let pool = self.pools.key(&chosen.instance_type, &subnet.zone, spot).ok_or_else(not_sold)?;
        let aimed = self.aimed_reservation(purchase, template, pool)?;
        if aimed.is_none() && !self.pools.sells(pool) {
            return Err(not_sold());
        }
        let image_id = chosen.image_id.clone().unwrap_or_else(|| template.image_id.clone());
        let image = self
            .images
            .image(&image_id)
            .ok_or_else(|| ("InvalidAMIID.NotFound", format!("the image {image_id} does not exist")))?;
        let arch = self.pools.facts(pool).arch;
        if image.architecture != arch {
            let message = format!(
                "{} is {}, the image {image_id} is {}",
                chosen.instance_type,
                arch.as_str(),
                image.architecture.as_str()
            );
            return Err(("InvalidParameterValue", message));
        }
        let unknown_group = template
            .security_group_ids
            .iter()
            .find(|id| !self.network.security_groups.iter().any(|group| group.id == **id));
        if let Some(id) = unknown_group {
            return Err(("InvalidGroup.NotFound", format!("the security group {id} does not exist")));
        }
        if let Some(profile) =
            template.instance_profile.as_ref().filter(|name| !self.profiles.contains_key(*name))
        {
            return Err(("InvalidParameterValue", format!("the instance profile {profile} does not exist")));
        }
        self.check_placement(template)?;
        Ok(Offered { template_name, template: Arc::clone(template), chosen, pool, image_id, aimed })
    }

    /// The reservation that a launch template names, if it can be used for this.
    fn aimed_reservation(
        &self,
        purchase: PurchaseOption,
        template: &LaunchTemplateData,
        pool: PoolKey,
    ) -> Result<Option<usize>, Refusal> {
        let ReservationPreference::Only { reservation_id } = &template.reservation else {
            return match purchase {
                PurchaseOption::OnDemand | PurchaseOption::Spot => Ok(None),
                PurchaseOption::CapacityBlock | PurchaseOption::InterruptibleReservation => {
                    let message =
                        format!("{} needs a launch template that names a reservation", purchase.as_str());
                    Err(("InvalidParameterCombination", message))
                }
            };
        };
        let position =
            self.reservations.iter().position(|reservation| reservation.reservation.id == *reservation_id);
        let Some(index) = position else {
            let message = format!("the capacity reservation {reservation_id} does not exist");
            return Err(("InvalidCapacityReservationId.NotFound", message));
        };
        let held = &self.reservations[index];
        let needed = match (held.reservation.kind, held.reservation.interruptible) {
            (supercargo_catalog::ReservationKind::CapacityBlock, _) => PurchaseOption::CapacityBlock,
            (_, true) => PurchaseOption::InterruptibleReservation,
            _ => PurchaseOption::OnDemand,
        };
        if needed != purchase || held.pool != (PoolKey { spot: false, ..pool }) {
            let message = format!(
                "the capacity reservation {reservation_id} is for {} in {}, bought as {}",
                held.reservation.instance_type,
                held.reservation.zone,
                needed.as_str()
            );
            return Err(("InvalidParameterCombination", message));
        }
        Ok(Some(index))
    }

    /// Launches until the target is reached or nothing is left to try.
    fn fill(&mut self, request: &FleetRequest, offered: &[Offered<'_>], answer: &mut FleetAnswer) {
        let mut candidates: Vec<Candidate> = offered.iter().map(|offer| self.candidate(offer)).collect();
        let mut launched: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut order = Vec::new();
        let mut refuse = |offer: &Offered<'_>, (code, message): Refusal| {
            answer.errors.push(FleetError {
                launch_template: offer.template_name.to_owned(),
                refused: offer.chosen.clone(),
                purchase: request.purchase,
                code: code.to_owned(),
                message,
            });
        };
        let allowed = self.throttle.launches(request.target_capacity, self.now);
        let mut left = allowed;
        while left > 0 {
            let Some(position) = next(request.strategy, &candidates) else { break };
            let offer = &offered[position];
            match self.launch_offer(request, offer) {
                Ok(id) => {
                    left -= 1;
                    candidates[position].got += 1;
                    candidates[position].available = self.candidate(offer).available;
                    let ids = launched.entry(position).or_insert_with(|| {
                        order.push(position);
                        Vec::new()
                    });
                    ids.push(id);
                }
                Err(refusal) => {
                    candidates[position].refused = true;
                    refuse(offer, refusal);
                }
            }
        }
        let throttled = request.target_capacity - allowed;
        let first = offered.first().filter(|_| throttled > 0);
        if let Some(offer) = first {
            let message = format!("{throttled} instances more than may be launched at once");
            refuse(offer, ("RequestLimitExceeded", message));
        }
        for position in order {
            let offer = &offered[position];
            answer.instances.push(FleetInstances {
                launch_template: offer.template_name.to_owned(),
                chosen: offer.chosen.clone(),
                capacity_type: match (request.purchase, offer.aimed) {
                    (PurchaseOption::Spot, _) => CapacityType::Spot,
                    (_, Some(_)) => CapacityType::Reserved,
                    _ => CapacityType::OnDemand,
                },
                instance_ids: launched.remove(&position).unwrap_or_default(),
            });
        }
    }

    fn candidate(&self, offer: &Offered<'_>) -> Candidate {
        let available = match offer.aimed {
            Some(index) => self.reservations[index].reservation.available,
            None => self.pools.available(offer.pool, self.now, &self.shocks),
        };
        let price = self.pools.price(offer.pool, self.now, &self.shocks).unwrap_or(Usd::MAX);
        let priority = offer.chosen.priority.unwrap_or(f64::MAX);
        Candidate { available, price, priority, got: 0, refused: false }
    }

    fn launch_offer(&mut self, request: &FleetRequest, offer: &Offered<'_>) -> Result<String, Refusal> {
        let reservation = match offer.aimed {
            Some(index) => {
                let held = &self.reservations[index].reservation;
                if held.state != ReservationState::Active || held.available == 0 {
                    let message = format!("the capacity reservation {} has no free instances", held.id);
                    return Err(("ReservationCapacityExceeded", message));
                }
                Some(index)
            }
            None => self.open_reservation(request.purchase, &offer.template, offer.pool),
        };
        let (type_name, zone) =
            (offer.chosen.instance_type.as_str(), self.pools.zone(offer.pool).name.as_str());
        if reservation.is_none() && self.pools.available(offer.pool, self.now, &self.shocks) == 0 {
            let message = format!(
                "{zone} has no {} capacity for {type_name} at the moment; try other zones or types",
                request.purchase.as_str()
            );
            return Err(("InsufficientInstanceCapacity", message));
        }
        self.check_quota(offer.pool)?;
        let subnet_id = offer.chosen.subnet_id.clone();
        let launching = Launching {
            pool: offer.pool,
            chosen: offer.chosen,
            template_name: offer.template_name,
            template: Arc::clone(&offer.template),
            image_id: offer.image_id.clone(),
            reservation,
            aimed: offer.aimed.is_some(),
            tags: request.instance_tags.clone(),
        };
        self.launch(launching).ok_or_else(|| {
            let message = format!("the subnet {subnet_id} has not enough free addresses");
            ("InsufficientFreeAddressesInSubnet", message)
        })
    }

    /// An open reservation that an on-demand instance goes into without naming it.
    fn open_reservation(
        &self,
        purchase: PurchaseOption,
        template: &LaunchTemplateData,
        pool: PoolKey,
    ) -> Option<usize> {
        if purchase != PurchaseOption::OnDemand || template.reservation != ReservationPreference::Open {
            return None;
        }
        self.reservations.iter().position(|held| {
            held.is_open()
                && held.pool == pool
                && held.reservation.state == ReservationState::Active
                && held.reservation.available > 0
        })
    }

    fn check_quota(&self, pool: PoolKey) -> Result<(), Refusal> {
        let facts = self.pools.facts(pool);
        let class = QuotaClass::of(facts);
        let quotas = &self.options.quotas;
        let limits = if pool.spot { &quotas.spot_vcpus } else { &quotas.on_demand_vcpus };
        let Some(limit) = limits.get(&class) else { return Ok(()) };
        let counted = self.records.values().filter(|record| {
            record.pool.spot == pool.spot
                && record.terminated_at.is_none()
                && QuotaClass::of(self.pools.facts(record.pool)) == class
        });
        let vcpus: u64 = counted.map(|record| u64::from(self.pools.facts(record.pool).vcpus)).sum();
        if vcpus + u64::from(facts.vcpus) <= u64::from(*limit) {
            return Ok(());
        }
        let message = format!(
            "{vcpus} of {limit} vCPUs of the class {class:?} are in use, {} more are needed for {}",
            facts.vcpus, facts.name
        );
        Err((if pool.spot { "MaxSpotInstanceCountExceeded" } else { "VcpuLimitExceeded" }, message))
    }
}
