//! The invariants hold of real outcomes, and notice every way to break one.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use rstest::rstest;
use supercargo_catalog::Usd;
use supercargo_engine::first_fit::first_fit_decreasing;
use supercargo_engine::invariants::{Violation, check};
use supercargo_engine::snapshot::Snapshot;
use supercargo_engine::solve::{Outcome, SolveOptions};

use support::scene::solved;

#[test]
fn a_fresh_plan_breaks_nothing() {
    let (snapshot, outcome) = solved();
    assert_eq!(check(&snapshot, &outcome), []);
    assert!(!outcome.on_rooms.is_empty(), "the scene should use the existing node");
    assert!(outcome.nodes.len() > 2, "the scene should need several nodes");
    assert_eq!(outcome.unplaced.len(), 1, "the scene has one hopeless class");
}

#[test]
fn the_baseline_breaks_nothing_either() {
    let (snapshot, _) = solved();
    let outcome = first_fit_decreasing(&snapshot, SolveOptions::default());
    assert_eq!(check(&snapshot, &outcome), []);
}

/// Index of a pod by name.
fn pod(snapshot: &Snapshot, name: &str) -> u32 {
    snapshot.pods.iter().position(|pod| &*pod.name == name).unwrap() as u32
}

fn node_of(snapshot: &Snapshot, outcome: &Outcome, name: &str) -> usize {
    let pod = pod(snapshot, name);
    outcome.nodes.iter().position(|node| node.pods.contains(&pod)).unwrap()
}

/// The first planned node with an undemanding pod; the room can take one of the three at most.
fn ordinary_node(snapshot: &Snapshot, outcome: &Outcome) -> usize {
    let ordinary = |pod: &u32| snapshot.pods[*pod as usize].name.starts_with("any-");
    outcome.nodes.iter().position(|node| node.pods.iter().any(ordinary)).unwrap()
}

/// Takes a pod from wherever it is and puts it on a planned node, the books kept in order.
fn move_to(snapshot: &Snapshot, outcome: &mut Outcome, name: &str, to: usize) {
    let pod = pod(snapshot, name);
    let class = snapshot.pods[pod as usize].class;
    let requests = snapshot.classes[class as usize].requests;
    outcome.on_rooms.retain(|(_, other)| *other != pod);
    for (index, node) in outcome.nodes.iter_mut().enumerate() {
        if index != to && node.pods.contains(&pod) {
            node.pods.retain(|other| *other != pod);
            node.used.subtract(&requests);
            node.contents.iter_mut().filter(|(known, _)| *known == class).for_each(|(_, count)| *count -= 1);
            node.contents.retain(|(_, count)| *count > 0);
        }
    }
    let node = &mut outcome.nodes[to];
    node.pods.push(pod);
    node.used.add(&requests);
    match node.contents.iter_mut().find(|(known, _)| *known == class) {
        Some((_, count)) => *count += 1,
        None => node.contents.push((class, 1)),
    }
}

type Tamper = fn(&mut Snapshot, &mut Outcome);

fn lose_a_pod(_: &mut Snapshot, outcome: &mut Outcome) {
    outcome.unplaced.clear();
}

fn place_a_pod_twice(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let pod = outcome.nodes[0].pods[0];
    outcome.on_rooms.push((0, pod));
    snapshot.rooms[0].free.0 = [i64::MAX / 4; 12];
}

fn place_a_running_pod(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    outcome.on_rooms.push((0, pod(snapshot, "running")));
}

fn misstate_what_is_used(_: &mut Snapshot, outcome: &mut Outcome) {
    outcome.nodes[0].used[0] -= 1;
}

fn misstate_the_contents(_: &mut Snapshot, outcome: &mut Outcome) {
    outcome.nodes[0].contents.pop();
}

fn buy_an_empty_node(_: &mut Snapshot, outcome: &mut Outcome) {
    let mut node = outcome.nodes[0].clone();
    node.pods.clear();
    node.contents.clear();
    node.used = Default::default();
    outcome.nodes.push(node);
}

fn list_a_type_that_is_too_small(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let node = ordinary_node(snapshot, outcome);
    let class = snapshot.pods[pod(snapshot, "any-0") as usize].class;
    snapshot.classes[class as usize].requests[0] = 9_000;
    outcome.nodes[node].used[0] = 9_000;
}

fn overfill_a_room(snapshot: &mut Snapshot, _: &mut Outcome) {
    snapshot.rooms[0].free[0] = 10;
}

fn list_a_type_the_pool_refuses(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let node = ordinary_node(snapshot, outcome);
    let table = snapshot.pools[0].table.as_ref().unwrap();
    let big = table.types.iter().position(|one| one.name == "big").unwrap();
    outcome.nodes[node].types.insert(big);
}

fn put_a_pod_in_the_wrong_pool(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let node = ordinary_node(snapshot, outcome);
    move_to(snapshot, outcome, "reserved", node);
}

fn taint_a_room(snapshot: &mut Snapshot, _: &mut Outcome) {
    snapshot.rooms[0].taints.push(k8s_openapi::api::core::v1::Taint {
        key: "gone".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Default::default()
    });
}

fn taint_a_pool(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let variant = outcome.nodes[0].variant as usize;
    snapshot.pools[outcome.variants[variant].pool as usize].taints.push(k8s_openapi::api::core::v1::Taint {
        key: "mine".to_owned(),
        effect: "NoExecute".to_owned(),
        ..Default::default()
    });
}

fn send_a_room_away(snapshot: &mut Snapshot, _: &mut Outcome) {
    snapshot.rooms[0].leaving = true;
}

fn cordon_a_room(snapshot: &mut Snapshot, _: &mut Outcome) {
    snapshot.rooms[0].cordoned = true;
}

fn share_a_port(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let class = snapshot.pods[pod(snapshot, "port-0") as usize].class;
    let ports = snapshot.classes[class as usize].host_ports.clone();
    let class = snapshot.pods[outcome.on_rooms[0].1 as usize].class;
    snapshot.classes[class as usize].host_ports = ports.clone();
    snapshot.rooms[0].host_ports = ports;
}

fn share_a_port_on_a_new_node(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let to = if outcome.nodes.iter().any(|node| node.pods.contains(&pod(snapshot, "port-0"))) {
        node_of(snapshot, outcome, "port-0")
    } else {
        move_to(snapshot, outcome, "port-0", 0);
        0
    };
    move_to(snapshot, outcome, "port-1", to);
}

fn put_rivals_together(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    move_to(snapshot, outcome, "db-0", 0);
    move_to(snapshot, outcome, "db-1", 0);
}

fn let_a_running_pod_object(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    // The node that is there already holds a new pod; make the running one shun it.
    let class = snapshot.pods[outcome.on_rooms[0].1 as usize].class;
    let app = snapshot.classes[class as usize].labels["app"].clone();
    let db = snapshot.pods[pod(snapshot, "db-0") as usize].class;
    let mut term = snapshot.classes[db as usize].anti_affinity[0].clone();
    term.selector.as_mut().unwrap().match_labels = Some([("app".to_owned(), app)].into());
    let running = snapshot.pods[pod(snapshot, "running") as usize].class;
    snapshot.classes[running as usize].anti_affinity.push(term);
}

fn leave_a_follower_alone(snapshot: &mut Snapshot, _: &mut Outcome) {
    let class = snapshot.pods[pod(snapshot, "near-0") as usize].class;
    let selector = snapshot.classes[class as usize].affinity[0].selector.as_mut().unwrap();
    selector.match_labels = Some([("app".to_owned(), "nobody".to_owned())].into());
}

fn part_the_followers(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    // Two nodes in different zones with one follower each: one too many that found nobody.
    let zone = |node: usize, outcome: &Outcome| {
        snapshot.market.keys[outcome.nodes[node].offer as usize].zone.clone()
    };
    let first = node_of(snapshot, outcome, "web-0");
    let other = (0..outcome.nodes.len()).find(|node| {
        let is_web =
            outcome.nodes[*node].pods.iter().any(|pod| snapshot.pods[*pod as usize].name.starts_with("web"));
        is_web && zone(*node, outcome) != zone(first, outcome)
    });
    move_to(snapshot, outcome, "near-0", first);
    move_to(snapshot, outcome, "near-1", other.unwrap());
}

fn crowd_a_zone(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let to = node_of(snapshot, outcome, "web-0");
    for name in ["web-1", "web-2", "web-3"] {
        move_to(snapshot, outcome, name, to);
    }
}

fn crowd_a_host(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let class = snapshot.pods[pod(snapshot, "any-0") as usize].class;
    let web = snapshot.pods[pod(snapshot, "web-0") as usize].class;
    let mut spread = snapshot.classes[web as usize].spreads[0].clone();
    spread.key = "kubernetes.io/hostname".to_owned();
    spread.selector.as_mut().unwrap().match_labels = Some([("app".to_owned(), "any".to_owned())].into());
    snapshot.classes[class as usize].spreads.push(spread);
    move_to(snapshot, outcome, "any-0", 0);
    move_to(snapshot, outcome, "any-1", 0);
}

fn leave_the_zone_open(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let node = node_of(snapshot, outcome, "web-0");
    let market = &snapshot.market;
    for (index, key) in market.keys.iter().enumerate() {
        if key.reservation.is_none() {
            outcome.nodes[node].offers |= 1 << index;
        }
    }
}

fn lower_the_limit(snapshot: &mut Snapshot, _: &mut Outcome) {
    for pool in &mut snapshot.pools {
        pool.limits.get_mut("cpu").unwrap().left = 1_000;
    }
}

fn limit_the_nodes(snapshot: &mut Snapshot, _: &mut Outcome) {
    let limit = supercargo_engine::pools::Limit { set: 1, left: 1 };
    for pool in &mut snapshot.pools {
        pool.limits.insert("nodes".to_owned(), limit);
    }
}

fn ask_for_more_choice(snapshot: &mut Snapshot, _: &mut Outcome) {
    for pool in &mut snapshot.pools {
        pool.min_values = vec![("node.kubernetes.io/instance-type".to_owned(), 9)];
    }
}

fn ask_for_more_zones(snapshot: &mut Snapshot, _: &mut Outcome) {
    for pool in &mut snapshot.pools {
        pool.min_values = vec![("topology.kubernetes.io/zone".to_owned(), 3)];
    }
}

fn misstate_the_price(_: &mut Snapshot, outcome: &mut Outcome) {
    outcome.nodes[0].price += Usd::from_nanos(1);
}

fn choose_a_dearer_type(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let node = ordinary_node(snapshot, outcome);
    let table = snapshot.pools[0].table.as_ref().unwrap();
    let node = &mut outcome.nodes[node];
    let dearest = node.types.ones().max_by_key(|index| table.offers[*index][0].price).unwrap();
    let offer = table.cheapest_offer(dearest, node.offers).unwrap();
    (node.chosen, node.offer, node.price) = (dearest as u32, offer.key, offer.price);
}

fn choose_an_unlisted_type(_: &mut Snapshot, outcome: &mut Outcome) {
    let chosen = outcome.nodes[0].chosen as usize;
    outcome.nodes[0].types.set(chosen, false);
}

fn use_a_reservation_twice(snapshot: &mut Snapshot, outcome: &mut Outcome) {
    let node = node_of(snapshot, outcome, "reserved");
    let again = outcome.nodes[node].clone();
    outcome.nodes.push(again);
}

fn overstate_the_bound(_: &mut Snapshot, outcome: &mut Outcome) {
    outcome.lower_bound = outcome.price() + Usd::from_nanos(1);
}

#[rstest]
#[case::a_lost_pod(lose_a_pod, "Lost")]
#[case::a_pod_placed_twice(place_a_pod_twice, "Repeated")]
#[case::a_pod_that_runs_already(place_a_running_pod, "Uncalled")]
#[case::wrong_sums(misstate_what_is_used, "Miscounted")]
#[case::wrong_contents(misstate_the_contents, "Miscounted")]
#[case::a_node_for_nobody(buy_an_empty_node, "Idle")]
#[case::a_type_too_small(list_a_type_that_is_too_small, "Overfull")]
#[case::a_room_too_small(overfill_a_room, "Overfull")]
#[case::a_type_the_pool_refuses(list_a_type_the_pool_refuses, "Unsuitable")]
#[case::the_wrong_pool(put_a_pod_in_the_wrong_pool, "Unsuitable")]
#[case::a_tainted_room(taint_a_room, "Unsuitable")]
#[case::a_tainted_pool(taint_a_pool, "Unsuitable")]
#[case::a_leaving_room(send_a_room_away, "Unsuitable")]
#[case::a_cordoned_room(cordon_a_room, "Unsuitable")]
#[case::a_shared_port(share_a_port, "PortTaken")]
#[case::a_shared_port_on_a_new_node(share_a_port_on_a_new_node, "PortTaken")]
#[case::rivals_on_a_node(put_rivals_together, "Together")]
#[case::a_running_rival(let_a_running_pod_object, "Together")]
#[case::a_lonely_follower(leave_a_follower_alone, "Lonely")]
#[case::followers_in_two_zones(part_the_followers, "Lonely")]
#[case::a_crowded_zone(crowd_a_zone, "Skewed")]
#[case::a_crowded_host(crowd_a_host, "Skewed")]
#[case::an_open_zone(leave_the_zone_open, "Unpinned")]
#[case::a_limit_on_cpu(lower_the_limit, "OverLimit")]
#[case::a_limit_on_nodes(limit_the_nodes, "OverLimit")]
#[case::too_few_types(ask_for_more_choice, "Inflexible")]
#[case::too_few_zones(ask_for_more_zones, "Inflexible")]
#[case::a_wrong_price(misstate_the_price, "Mispriced")]
#[case::a_dearer_choice(choose_a_dearer_type, "Mispriced")]
#[case::an_unlisted_choice(choose_an_unlisted_type, "Mispriced")]
#[case::an_oversold_reservation(use_a_reservation_twice, "Oversold")]
#[case::an_overstated_bound(overstate_the_bound, "BoundAbovePrice")]
fn is_noticed(#[case] tamper: Tamper, #[case] expected: &str) {
    let (mut snapshot, mut outcome) = solved();
    tamper(&mut snapshot, &mut outcome);
    let violations = check(&snapshot, &outcome);
    let kind = |violation: &Violation| format!("{violation:?}").starts_with(&format!("{expected} {{"));
    assert!(violations.iter().any(kind), "{violations:#?}");
}
