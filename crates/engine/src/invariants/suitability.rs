//! Each pod on its own node: taints, requirements, resources, host ports.

use std::collections::BTreeMap;

use supercargo_api::labels;
use supercargo_api::requirement::Requirement;
use supercargo_api::requirements::Requirements;
use supercargo_api::taint;

use super::Violation;
use super::places::{Bought, Place, Places, Site};
use crate::amounts::{Amounts, PLENTY, PODS, ResourceNames, VOLUME_PREFIX};
use crate::class::{HostPort, NodeRules};
use crate::market::{Market, OfferMask, TypeSet, TypeTable, is_offering_label};
use crate::pools::{Daemon, Variant};
use crate::rooms::Room;
use crate::snapshot::Snapshot;
use crate::volumes::EBS_DRIVER;

/// Which types and offerings of a variant satisfy one list of requirements. Every label is either the variant's, the
/// type's or the offering's, so the two sets may be combined at will.
#[derive(Clone, Debug)]
struct Admission {
    types: TypeSet,
    offers: OfferMask,
}

impl Admission {
    fn of(requirements: &Requirements, variant: &Variant, table: &TypeTable, market: &Market) -> Admission {
        let mut admission = Admission { types: table.all(), offers: market.all_offers() };
        for requirement in requirements.iter() {
            admission.narrow(requirement, variant, table, market);
        }
        admission
    }

    fn narrow(&mut self, requirement: &Requirement, variant: &Variant, table: &TypeTable, market: &Market) {
        let key = requirement.key.as_str();
        if is_offering_label(key) {
            for (index, offer) in market.keys.iter().enumerate() {
                if !satisfies(requirement, offer.label(key)) {
                    self.offers &= !(1 << index);
                }
            }
        } else if let Some(value) = variant.labels.get(key) {
            if !requirement.has(value) {
                self.types.clear();
            }
        } else if key == labels::PLACEMENT_GROUP_PARTITION && !variant.partitions.is_empty() {
            // EC2 may choose any of them.
            if !variant.partitions.iter().all(|number| satisfies(requirement, Some(number))) {
                self.types.clear();
            }
        } else if key == labels::HOSTNAME {
            // The name of a node to be bought is not known; it is none of those that exist.
            if !requirement.complement() && !requirement.allows_absent() {
                self.types.clear();
            }
        } else {
            for index in 0..table.len() {
                if !satisfies(requirement, table.label(index, key)) {
                    self.types.set(index, false);
                }
            }
        }
    }
}

/// Whether a node with this value of the label, or without the label, satisfies a requirement.
pub fn satisfies(requirement: &Requirement, value: Option<&str>) -> bool {
    value.map_or_else(|| requirement.allows_absent(), |value| requirement.has(value))
}

/// Checks every place with new pods.
pub fn check(places: &Places<'_>, violations: &mut Vec<Violation>) {
    let mut admissions: BTreeMap<(u32, u32), Vec<Admission>> = BTreeMap::new();
    let mut running: BTreeMap<u32, Vec<(usize, Vec<Admission>)>> = BTreeMap::new();
    for place in &places.all {
        match place.site {
            Site::Room(room) => check_room(places.snapshot, place, room, violations),
            Site::Planned(bought) => {
                let variant = bought.node.variant;
                let daemons = running.entry(variant).or_insert_with(|| {
                    daemons_on(places.snapshot, bought.variant, bought.pool, bought.table)
                });
                check_rules(places.snapshot, place, bought, &mut admissions, violations);
                check_amounts(places.snapshot, place, bought, daemons, violations);
                check_planned_ports(places.snapshot, place, bought, daemons, violations);
            }
        }
    }
}

fn check_room(snapshot: &Snapshot, place: &Place<'_>, room: &Room, violations: &mut Vec<Violation>) {
    if place.new_pods.is_empty() {
        return;
    }
    let mut needed = Amounts::ZERO;
    for (class, present) in place.census.iter().filter(|(_, present)| present.new > 0) {
        let class = &snapshot.classes[*class as usize];
        needed.add(&class.requests.times(present.new));
        if let Some(reason) = why_not_on_room(&snapshot.rules[class.rules as usize], room) {
            let pod = sample(snapshot, place, class.rules);
            violations.push(Violation::Unsuitable { pod, place: place.name.clone(), reason });
        }
    }
    overfull(&snapshot.names, &place.name, &needed, &room.free, violations);
    check_ports(snapshot, place, room.host_ports.clone(), violations);
}

fn why_not_on_room(rules: &NodeRules, room: &Room) -> Option<String> {
    if room.leaving {
        return Some("the node is going away".to_owned());
    }
    let cordon = k8s_openapi::api::core::v1::Taint {
        key: labels::UNSCHEDULABLE_TAINT.to_owned(),
        effect: taint::NO_SCHEDULE.to_owned(),
        ..Default::default()
    };
    if room.cordoned && !taint::tolerates(&rules.tolerations, &cordon) {
        return Some("the node is cordoned".to_owned());
    }
    if let Some(untolerated) = taint::first_untolerated(&room.taints, &rules.tolerations, false) {
        return Some(format!("taint {} is not tolerated", taint::describe(untolerated)));
    }
    let satisfied = rules.alternatives.iter().any(|alternative| {
        alternative.iter().all(|requirement| {
            satisfies(requirement, room.labels.get(requirement.key.as_str()).map(String::as_str))
        })
    });
    (!satisfied).then(|| "no alternative of its requirements holds".to_owned())
}

/// A new pod of these rules at this place.
fn sample(snapshot: &Snapshot, place: &Place<'_>, rules: u32) -> String {
    let has_rules = |pod: &&u32| {
        let class = snapshot.pods[**pod as usize].class;
        snapshot.classes[class as usize].rules == rules
    };
    place.new_pods.iter().find(has_rules).map(|pod| snapshot.pod_name(*pod)).unwrap_or_default()
}

/// Taints and requirements, whichever type and offering the node turns out to be.
fn check_rules(
    snapshot: &Snapshot,
    place: &Place<'_>,
    bought: Bought<'_>,
    admissions: &mut BTreeMap<(u32, u32), Vec<Admission>>,
    violations: &mut Vec<Violation>,
) {
    let mut unsuitable = |rules: u32, at: String, reason: String| {
        let pod = sample(snapshot, place, rules);
        violations.push(Violation::Unsuitable { pod, place: at, reason });
    };
    let mut seen: Vec<u32> =
        place.census.keys().map(|class| snapshot.classes[*class as usize].rules).collect();
    seen.sort_unstable();
    seen.dedup();
    for rules_index in seen {
        let rules = &snapshot.rules[rules_index as usize];
        if let Some(untolerated) = taint::first_untolerated(&bought.pool.taints, &rules.tolerations, false) {
            let reason = format!("taint {} is not tolerated", taint::describe(untolerated));
            unsuitable(rules_index, place.name.clone(), reason);
        }
        let admitted = admissions.entry((rules_index, bought.node.variant)).or_insert_with(|| {
            let alternatives = rules.alternatives.iter();
            alternatives
                .map(|alternative| Admission::of(alternative, bought.variant, bought.table, &snapshot.market))
                .collect()
        });
        for type_index in bought.node.types.ones() {
            let welcome = admitted.iter().filter(|admission| admission.types.contains(type_index));
            let welcome = welcome.fold(0, |mask, admission| mask | admission.offers);
            if bought.offers_of(type_index) & !welcome != 0 {
                let at = format!("{} as {}", place.name, bought.table.types[type_index].name);
                unsuitable(rules_index, at, "no alternative of its requirements holds".to_owned());
                break;
            }
        }
    }
}

/// For each DaemonSet that tolerates the pool, what its alternatives admit.
fn daemons_on(
    snapshot: &Snapshot,
    variant: &Variant,
    pool: &crate::pools::Pool,
    table: &TypeTable,
) -> Vec<(usize, Vec<Admission>)> {
    let tolerant = snapshot.daemons.iter().enumerate().filter(|(_, daemon)| {
        taint::first_untolerated(&pool.taints, &daemon.rules.tolerations, false).is_none()
    });
    let admitted = tolerant.map(|(index, daemon)| {
        let alternatives = daemon.rules.alternatives.iter();
        let admitted = alternatives
            .map(|alternative| Admission::of(alternative, variant, table, &snapshot.market))
            .collect();
        (index, admitted)
    });
    admitted.collect()
}

/// The DaemonSets that may run on the node if it is of this type.
fn running_on<'a>(
    snapshot: &'a Snapshot,
    bought: Bought<'a>,
    type_index: usize,
    daemons: &'a [(usize, Vec<Admission>)],
) -> impl Iterator<Item = &'a Daemon> {
    let offers = bought.offers_of(type_index);
    let running = daemons.iter().filter(move |(_, admitted)| {
        admitted.iter().any(|one| one.types.contains(type_index) && one.offers & offers != 0)
    });
    running.map(|(index, _)| &snapshot.daemons[*index])
}

/// Everything fits, whichever type the node turns out to be.
fn check_amounts(
    snapshot: &Snapshot,
    place: &Place<'_>,
    bought: Bought<'_>,
    daemons: &[(usize, Vec<Admission>)],
    violations: &mut Vec<Violation>,
) {
    let mut needed = Amounts::ZERO;
    for (class, present) in &place.census {
        needed.add(&snapshot.classes[*class as usize].requests.times(present.new));
    }
    if needed != bought.node.used {
        violations.push(Violation::Miscounted {
            place: place.name.clone(),
            booked: format!("{:?}", bought.node.used.0),
            counted: format!("{:?}", needed.0),
        });
    }
    let mut contents: BTreeMap<u32, i64> = BTreeMap::new();
    for (class, count) in &bought.node.contents {
        *contents.entry(*class).or_default() += i64::from(*count);
    }
    let counted: BTreeMap<u32, i64> =
        place.census.iter().map(|(class, present)| (*class, present.new)).collect();
    if contents != counted {
        violations.push(Violation::Miscounted {
            place: place.name.clone(),
            booked: format!("{contents:?}"),
            counted: format!("{counted:?}"),
        });
    }
    if place.new_pods.is_empty() && !bought.node.is_static {
        violations.push(Violation::Idle { place: place.name.clone() });
    }
    for type_index in bought.node.types.ones() {
        let instance_type = &bought.table.types[type_index];
        let mut available = Amounts::ZERO;
        for place in 0..snapshot.names.len() {
            let name = snapshot.names.name(place);
            let driver = if place > PODS { name.strip_prefix(VOLUME_PREFIX) } else { None };
            available[place] = match driver {
                Some(EBS_DRIVER) => i64::from(instance_type.volume_attachments),
                // What other drivers attach to a new node is not known.
                Some(_) => PLENTY,
                None => instance_type.allocatable.get(name),
            };
        }
        let mut with_daemons = needed;
        for daemon in running_on(snapshot, bought, type_index, daemons) {
            with_daemons.add(&daemon.requests);
        }
        // A DaemonSet that fits on no node alone is not the pods' fault.
        for place in 0..snapshot.names.len() {
            if needed[place] == 0 {
                with_daemons[place] = 0;
            }
        }
        let at = || format!("{} as {}", place.name, instance_type.name);
        if !with_daemons.fits(&available) {
            overfull(&snapshot.names, &at(), &with_daemons, &available, violations);
            break;
        }
    }
}

fn overfull(
    names: &ResourceNames,
    place: &str,
    needed: &Amounts,
    available: &Amounts,
    violations: &mut Vec<Violation>,
) {
    for slot in 0..names.len() {
        if needed[slot] > available[slot] && needed[slot] > 0 {
            violations.push(Violation::Overfull {
                place: place.to_owned(),
                resource: names.name(slot).to_owned(),
                needed: needed[slot],
                available: available[slot],
            });
        }
    }
}

fn check_planned_ports(
    snapshot: &Snapshot,
    place: &Place<'_>,
    bought: Bought<'_>,
    daemons: &[(usize, Vec<Admission>)],
    violations: &mut Vec<Violation>,
) {
    let mut taken: Vec<HostPort> = Vec::new();
    for type_index in bought.node.types.ones() {
        for daemon in running_on(snapshot, bought, type_index, daemons) {
            taken.extend(
                daemon.host_ports.iter().filter(|port| !taken.contains(port)).cloned().collect::<Vec<_>>(),
            );
        }
    }
    check_ports(snapshot, place, taken, violations);
}

fn check_ports(
    snapshot: &Snapshot,
    place: &Place<'_>,
    mut taken: Vec<HostPort>,
    violations: &mut Vec<Violation>,
) {
    for pod in &place.new_pods {
        let class = &snapshot.classes[snapshot.pods[*pod as usize].class as usize];
        for port in &class.host_ports {
            if taken.iter().any(|other| other.conflicts(port)) {
                violations.push(Violation::PortTaken {
                    place: place.name.clone(),
                    pod: snapshot.pod_name(*pod),
                    port: port.port,
                });
            }
        }
        taken.extend(class.host_ports.iter().cloned());
    }
}
