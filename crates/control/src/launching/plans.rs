//! Requests for claims. Claims that ask for the same share one plan: a batch of hundreds costs what a few cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use supercargo_api::labels::keys;
use supercargo_api::{EC2NodeClass, NodeClaim, NodePool};
use supercargo_catalog::InstanceType;
use supercargo_cloud::Subnet;
use supercargo_cloud::launch::{AddressesInFlight, LaunchError, LaunchInput, LaunchPlan, plan};
use supercargo_engine::market::{Market, TypeTable};
use supercargo_engine::overlays::overlaid_tables;
use supercargo_reconcile::{Key, State};

use super::Budget;
use super::budget::Numbers;
use crate::knowledge::Knowledge;

/// A plan and the offerings it relies on.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub plan: LaunchPlan,
    pub offerings: Numbers,
}

#[derive(Debug)]
struct Shared {
    addresses: u32,
    /// By the subnets that it was made with.
    by_subnets: BTreeMap<BTreeMap<String, String>, Ready>,
}

/// Plans of claims, as long as the market and the classes stay.
#[derive(Debug, Default)]
pub struct Plans {
    market: Option<Arc<Market>>,
    ground: String,
    shared: BTreeMap<String, Shared>,
    tables: BTreeMap<String, Option<Arc<TypeTable>>>,
}

impl Plans {
    /// Looks at what there is now. What was planned for another market is forgotten.
    pub(super) fn refresh(&mut self, state: &State, knowledge: &Knowledge, now: Timestamp) {
        let classes: Vec<Arc<EC2NodeClass>> = state.node_classes.values().cloned().collect();
        let dedicated = state
            .node_claims
            .values()
            .any(|claim| claim.spec.requirements.iter().any(|term| term.key == keys::INSTANCE_TENANCY));
        let market = knowledge.market(&classes, dedicated, now);
        let versions = |metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
            metadata.resource_version.clone().unwrap_or_default()
        };
        let mut ground: Vec<String> = classes.iter().map(|class| versions(&class.metadata)).collect();
        if knowledge.settings.gates.node_overlay {
            ground.extend(state.node_overlays.values().map(|overlay| versions(&overlay.metadata)));
        }
        let ground = ground.join(" ");
        let is_same = self.market.as_ref().is_some_and(|known| Arc::ptr_eq(known, &market));
        if !is_same || ground != self.ground {
            self.shared.clear();
            self.tables.clear();
            self.market = Some(market);
            self.ground = ground;
        }
    }

    /// The plan for a claim.
    pub(super) fn plan(
        &mut self,
        claim: &NodeClaim,
        class: &EC2NodeClass,
        state: &State,
        knowledge: &Knowledge,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Ready, LaunchError> {
        let subnets = subnets(class, knowledge, now);
        let in_flight = knowledge.addresses();
        let key = key_of(claim);
        if let Some(shared) = self.shared.get(&key) {
            let wanted = in_flight.best_subnets(&subnets, shared.addresses);
            if let Some(ready) = shared.by_subnets.get(&wanted.subnets) {
                return Ok(ready.clone());
            }
        }
        let table = self.table(claim, state, knowledge);
        let types: &[InstanceType] = table.as_deref().map_or(&[], |table| &table.types);
        let group = knowledge.placement_group(&claim.spec.node_class_ref.name);
        let planned = plan(LaunchInput {
            claim,
            node_class: class,
            cluster: &knowledge.cluster,
            instance_types: types,
            subnets: &subnets,
            placement_group: group.as_ref(),
            in_flight: &AddressesInFlight::clone(&in_flight),
            min_values_policy: knowledge.settings.min_values_policy,
            uses_reservations: knowledge.settings.gates.reserved_capacity,
        })?;
        let offerings = budget.numbers(&planned);
        let shared = self.shared.entry(key).or_insert_with(|| Shared {
            addresses: planned.addresses.addresses,
            by_subnets: BTreeMap::new(),
        });
        let ready = Ready { plan: planned, offerings };
        shared.by_subnets.insert(ready.plan.addresses.subnets.clone(), ready.clone());
        Ok(ready)
    }

    /// The types of a claim's class, as its NodePool sees them.
    pub(super) fn table(
        &mut self,
        claim: &NodeClaim,
        state: &State,
        knowledge: &Knowledge,
    ) -> Option<Arc<TypeTable>> {
        let market = self.market.as_ref()?;
        let plain = || market.table(&claim.spec.node_class_ref.name).cloned();
        if !knowledge.settings.gates.node_overlay || state.node_overlays.is_empty() {
            return plain();
        }
        // a claim without a NodePool gets no overlay (reference section 1.2)
        let pool = claim.metadata.labels.as_ref().and_then(|labels| labels.get(keys::NODEPOOL));
        let Some(pool) = pool.and_then(|name| state.node_pools.get(&Key::cluster(name))) else {
            return plain();
        };
        let name = pool.metadata.name.clone().unwrap_or_default();
        if let Some(known) = self.tables.get(&name) {
            return known.clone();
        }
        let pools = [NodePool::clone(pool)];
        let overlays: Vec<_> = state.node_overlays.values().map(|overlay| (**overlay).clone()).collect();
        let mut market = Market::clone(market);
        let (tables, _) = overlaid_tables(&pools, &overlays, &mut market);
        let table = tables.into_iter().next().flatten();
        self.tables.insert(name, table.clone());
        table
    }
}

/// What a plan follows from, of the claim itself.
fn key_of(claim: &NodeClaim) -> String {
    let parts = (&claim.spec, &claim.metadata.labels, &claim.metadata.annotations);
    // these types have string keys and no failing serializers
    serde_json::to_string(&parts).unwrap_or_default()
}

/// The subnets of a class that are not put aside, with their free addresses as far as they were asked for.
fn subnets(class: &EC2NodeClass, knowledge: &Knowledge, now: Timestamp) -> Vec<Subnet> {
    let known = knowledge.subnets();
    let unavailable = knowledge.unavailable();
    let status = class.status.as_ref().and_then(|status| status.subnets.as_deref()).unwrap_or_default();
    let open = status.iter().filter(|subnet| !unavailable.contains_subnet(&subnet.id, now));
    open.map(|subnet| {
        known.get(&subnet.id).cloned().unwrap_or_else(|| Subnet {
            id: subnet.id.clone(),
            zone: subnet.zone.clone(),
            zone_id: subnet.zone_id.clone().unwrap_or_default(),
            free_ips: u32::MAX,
            ..Subnet::default()
        })
    })
    .collect()
}
