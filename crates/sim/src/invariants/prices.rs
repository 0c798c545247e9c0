//! Consolidation never raises the price: the nodes that come for others cost no more than those.
//!
//! Which claim came for which is what the controllers say (an annotation of the new claim); what they turned out to be are
//! the labels of their machines; and prices are what the region told last before the new claims were made.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use supercargo_api::NodeClaim;
use supercargo_api::labels::keys;
use supercargo_catalog::{CapacityType, Usd};
use supercargo_cloud_sim::Region;
use supercargo_reconcile::{Change, Key, Object, State};

use super::budgets::reason;
use super::{Checks, Invariant};
use crate::world::Audit;

/// Prices that were told this shortly before a decision may not have arrived in time for it.
const ON_THE_WAY: Duration = Duration::from_secs(60);

/// A claim that was made to replace others.
#[derive(Debug)]
pub(super) struct Replacement {
    made: Timestamp,
    /// The claims that go, with what they are.
    replaced: Vec<(String, Option<Offer>)>,
    /// When the prices were told that it was decided by.
    told: Vec<Timestamp>,
}

/// What a machine is.
#[derive(Clone, Debug)]
struct Offer {
    instance_type: String,
    zone: String,
    capacity_type: CapacityType,
}

/// Remembers that a claim is marked for disruption no more: what came for it before does not count for later moves.
pub(super) fn note_unmarked(checks: &mut Checks, change: &Change, now: Timestamp) {
    let marked = |object: &Option<Object>| match object {
        Some(Object::NodeClaim(claim)) => reason(claim).is_some(),
        _ => false,
    };
    if marked(&change.old) && !marked(&change.new) {
        checks.unmarked.insert(change.key.name.clone(), now);
    }
}

/// Checks a write that may be a new claim, or the end of one.
pub(super) fn check(checks: &mut Checks, audit: &Audit, state: &State) {
    let Some(rest) = audit.path.strip_prefix("/apis/karpenter.sh/v1/nodeclaims") else { return };
    match (rest.strip_prefix('/'), &audit.method) {
        (None, &Method::POST) => made(checks, audit, state),
        (Some(name), &Method::DELETE) if !name.contains('/') => gone(checks, name, audit.at, state),
        _ => {}
    }
}

fn made(checks: &mut Checks, audit: &Audit, state: &State) {
    let metadata = &audit.body["metadata"];
    let Some(name) = metadata["name"].as_str() else { return };
    let Some(replaced) = metadata["annotations"][keys::REPLACES].as_str() else {
        // a claim of this name that is long gone may have been one
        checks.replacements.remove(name);
        return;
    };
    let Some(region) = &checks.region else { return };
    let mut told = region.prices_told();
    if told.last().is_some_and(|last| audit.at.duration_since(*last).unsigned_abs() > ON_THE_WAY) {
        told = told.split_off(told.len() - 1);
    }
    let replaced = replaced.split(',').map(|name| {
        let claim = state.node_claims.get(&Key::cluster(name));
        (name.to_owned(), claim.and_then(|claim| offer(claim)))
    });
    let made = Replacement { made: audit.at, replaced: replaced.collect(), told };
    checks.replacements.insert(name.to_owned(), made);
}

fn gone(checks: &mut Checks, name: &str, now: Timestamp, state: &State) {
    let Some(region) = checks.region.clone() else { return };
    let claim = state.node_claims.get(&Key::cluster(name));
    let is_consolidated = claim
        .is_some_and(|claim| matches!(reason(claim), Some("Empty" | "Underutilized")) && !is_leaving(claim));
    if !is_consolidated {
        return;
    }
    let since = checks.unmarked.get(name).copied().unwrap_or(Timestamp::MIN);
    let mut replaced: Vec<&(String, Option<Offer>)> = Vec::new();
    let mut come: Vec<(&str, Offer)> = Vec::new();
    let mut told: BTreeSet<Timestamp> = BTreeSet::new();
    for (new, replacement) in &checks.replacements {
        let counts = replacement.made >= since && replacement.replaced.iter().any(|(old, _)| old == name);
        let claim = state.node_claims.get(&Key::cluster(new)).filter(|_| counts);
        let Some(offer) = claim.and_then(|claim| offer(claim)) else { continue };
        come.push((new, offer));
        told.extend(&replacement.told);
        for old in &replacement.replaced {
            if !replaced.iter().any(|known| known.0 == old.0) {
                replaced.push(old);
            }
        }
    }
    if come.is_empty() {
        return;
    }
    told.extend(told.is_empty().then_some(now));
    let mut dearer = None;
    for at in &told {
        let before = sum(replaced.iter().map(|(_, offer)| offer.as_ref()), &region, *at);
        let after = sum(come.iter().map(|(_, offer)| Some(offer)), &region, *at);
        match (before, after) {
            (Some(before), Some(after)) if after > before => dearer = Some((before, after)),
            // reservations have no price, and what is not sold any more neither
            _ => return,
        }
    }
    if let Some((before, after)) = dearer {
        let old: Vec<&str> = replaced.iter().map(|(name, _)| name.as_str()).collect();
        let new: Vec<&str> = come.iter().map(|(name, _)| *name).collect();
        let what =
            format!("{} at {before} an hour became {} at {after} an hour", old.join(", "), new.join(", "));
        checks.violated(now, Invariant::Price, what);
    }
}

fn sum<'o>(offers: impl Iterator<Item = Option<&'o Offer>>, region: &Region, at: Timestamp) -> Option<Usd> {
    let mut sum = Usd::ZERO;
    for offer in offers {
        let Offer { instance_type, zone, capacity_type } = offer?;
        sum += region.price_at(instance_type, zone, *capacity_type, at)?;
    }
    Some(sum)
}

fn offer(claim: &NodeClaim) -> Option<Offer> {
    let labels = claim.metadata.labels.as_ref()?;
    Some(Offer {
        instance_type: labels.get(keys::INSTANCE_TYPE)?.clone(),
        zone: labels.get(keys::ZONE)?.clone(),
        capacity_type: labels.get(keys::CAPACITY_TYPE)?.parse().ok()?,
    })
}

fn is_leaving(claim: &NodeClaim) -> bool {
    claim.metadata.deletion_timestamp.is_some()
}
