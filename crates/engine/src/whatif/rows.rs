//! Rooms put into rows, the fullest first.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use supercargo_api::labels;
use supercargo_catalog::Usd;

use crate::snapshot::{Snapshot, UNBOUND};
use crate::solve::ClassOutlook;

use super::layout::{Mover, Row};

/// By room, the share of its price that its pods are not worth, in millionths; zero for rooms that stay.
pub(super) fn waste(
    snapshot: &Snapshot,
    movers: &[Option<Mover>],
    moves: &[bool],
    prices: &[Option<Usd>],
) -> Vec<u64> {
    let mut worths = vec![0.0; snapshot.rooms.len()];
    for (index, pod) in snapshot.pods.iter().enumerate() {
        if pod.room != UNBOUND && moves[index] {
            worths[pod.room as usize] += movers[pod.class as usize].as_ref().map_or(0.0, |mover| mover.worth);
        }
    }
    let share = |(price, worth): (&Option<Usd>, f64)| {
        let price = price.map_or(0.0, Usd::as_f64);
        if price > 0.0 { 1 + (1e6 * (1.0 - worth / price).clamp(0.0, 1.0)) as u64 } else { 0 }
    };
    prices.iter().zip(worths).map(share).collect()
}

/// Ranks from keys; equal keys keep their order.
pub(super) fn ranks(filled_first: &[u64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..filled_first.len() as u32).collect();
    order.sort_by_key(|room| (filled_first[*room as usize], *room));
    let mut rank = vec![0; order.len()];
    for (position, room) in order.iter().enumerate() {
        rank[*room as usize] = position as u32;
    }
    rank
}

type Places = Vec<Option<(u32, u32)>>;

/// Puts rooms into rows and tells every mover its rows.
pub(super) fn rows(
    snapshot: &Snapshot,
    outlooks: &[Option<ClassOutlook>],
    movers: &mut [Option<Mover>],
    room_domains: &[Vec<u32>],
    rank: &[u32],
) -> (Vec<Row>, Places) {
    let is_open = |room: u32| {
        let room = &snapshot.rooms[room as usize];
        room.initialized && !room.in_flight && !room.leaving
    };
    // Classes with the same rules share one list of rooms; lists are told apart by address.
    let mut lists: Vec<&Arc<Vec<u32>>> = Vec::new();
    let mut list_of: FxHashMap<*const Vec<u32>, usize> = FxHashMap::default();
    let mut list_of_class: Vec<Option<usize>> = vec![None; movers.len()];
    for (class, outlook) in outlooks.iter().enumerate() {
        let Some((outlook, mover)) = outlook.as_ref().zip(movers[class].as_mut()) else { continue };
        let rules = &snapshot.rules[snapshot.classes[class].rules as usize];
        if rules.alternatives.iter().any(|terms| terms.get(labels::HOSTNAME).is_some()) {
            let mut rooms: Vec<u32> = outlook.rooms.iter().copied().filter(|room| is_open(*room)).collect();
            rooms.sort_by_key(|room| rank[*room as usize]);
            mover.rooms = Some(Arc::new(rooms));
            continue;
        }
        let index = *list_of.entry(Arc::as_ptr(&outlook.rooms)).or_insert_with(|| {
            lists.push(&outlook.rooms);
            lists.len() - 1
        });
        list_of_class[class] = Some(index);
    }
    let words = lists.len().div_ceil(64);
    let mut admitted = vec![vec![0u64; words]; snapshot.rooms.len()];
    for (index, rooms) in lists.iter().enumerate() {
        for room in rooms.iter() {
            admitted[*room as usize][index / 64] |= 1 << (index % 64);
        }
    }
    let mut order: Vec<u32> = (0..snapshot.rooms.len() as u32).filter(|room| is_open(*room)).collect();
    order.sort_by_key(|room| rank[*room as usize]);
    let mut rows: Vec<Row> = Vec::new();
    let mut row_of: FxHashMap<(&[u64], &[u32]), u32> = FxHashMap::default();
    let mut places: Places = vec![None; snapshot.rooms.len()];
    for room in order {
        let domains = &room_domains[room as usize];
        let row = *row_of.entry((&admitted[room as usize], domains)).or_insert_with(|| {
            rows.push(Row { rooms: Vec::new(), domains: domains.clone() });
            rows.len() as u32 - 1
        });
        let rooms = &mut rows[row as usize].rooms;
        places[room as usize] = Some((row, rooms.len() as u32));
        rooms.push(room);
    }
    let rows_of_list: Vec<Arc<Vec<u32>>> = (0..lists.len())
        .map(|index| {
            let admits = |row: &u32| {
                let first = rows[*row as usize].rooms[0];
                admitted[first as usize][index / 64] >> (index % 64) & 1 == 1
            };
            Arc::new((0..rows.len() as u32).filter(admits).collect())
        })
        .collect();
    for (mover, list) in movers.iter_mut().zip(list_of_class) {
        if let Some((mover, list)) = mover.as_mut().zip(list) {
            mover.rows = Arc::clone(&rows_of_list[list]);
        }
    }
    (rows, places)
}
