//! Why the other nodes stay, and what would unlock each.

use supercargo_api::DisruptionReason;
use supercargo_catalog::Usd;

use crate::plan::HOURS_PER_MONTH;
use crate::whatif::{Ask, Board, SpotRule, Stranded};

use super::options::Floor;
use super::outcome::Stay;
use super::weigh::{FLEXIBLE, Scene};

/// What a node's pods would need may be this many nodes: too many to be worth it, but worth saying.
const MOST_NEW_NODES: u32 = 16;

/// Why a node stays, asked of the cluster as it is after all moves.
pub(super) fn stay(scene: &Scene<'_>, board: &mut Board<'_>, room: u32) -> Stay {
    let standing = &scene.disruption.rooms[room as usize];
    let said =
        |code: &str, detail: String, unlock: String| Stay { room, code: code.to_owned(), detail, unlock };
    let is_empty = board.residents(room).is_empty();
    let verdict = if is_empty && standing.is_empty { &standing.empty_candidate } else { &standing.candidate };
    if let Err(blocked) = verdict {
        let first = blocked.reasons.first().map(ToString::to_string).unwrap_or_default();
        return said(blocked.code(), first, blocked.unlock());
    }
    let reason = if is_empty { DisruptionReason::Empty } else { DisruptionReason::Underutilized };
    if let Some(pool) = scene.snapshot.rooms[room as usize].pool {
        let budget = &scene.disruption.budgets[pool as usize];
        let allowed = scene.allowed(pool, reason, board.grown(pool));
        if allowed.nodes == 0 {
            let binding = allowed.binding.map(|binding| binding.to_string()).unwrap_or_default();
            return said(
                "budget",
                format!("NodePool {}: {binding}", budget.pool),
                format!("raise the budget of NodePool {}, or wait until it opens", budget.pool),
            );
        }
    }
    if let Err(short) = scene.disruption.simultaneous(board.residents(room).iter().copied()) {
        return said(
            "pdb-at-once",
            format!("PDB {} allows {} of the {} evictions it takes", short.name, short.allowed, short.wanted),
            format!(
                "let PDB {} allow {} evictions at once: more healthy pods, or a lower minAvailable",
                short.name, short.wanted
            ),
        );
    }
    let price = scene.price(room);
    let required = scene.required(board, &[room]);
    let cheaper = Ask {
        max_new_nodes: scene.options.max_new_nodes.max(MOST_NEW_NODES),
        below: Some(price),
        use_rooms: true,
        spot: scene.spot_rule(&[room]),
    };
    if let Ok(relocation) = board.what_if(&[room], &cheaper) {
        let saved = price - relocation.price();
        return worth_it(scene, board, room, saved, required, relocation.new_nodes.is_empty());
    }
    if let Ok(relocation) = board.what_if(&[room], &Ask { spot: SpotRule::Free, ..cheaper }) {
        let saved = price - relocation.price();
        if saved >= required {
            return spot_to_spot(scene, room, saved);
        }
        return worth_it(scene, board, room, saved, required, false);
    }
    match board.what_if(&[room], &Ask { spot: SpotRule::Free, below: None, ..cheaper }) {
        Ok(relocation) => worth_it(scene, board, room, price - relocation.price(), required, false),
        Err(stranded) => no_place(scene, room, &stranded),
    }
}

fn month(amount: Usd) -> String {
    format!("${:.2}", amount.as_f64() * HOURS_PER_MONTH)
}

fn worth_it(
    scene: &Scene<'_>,
    board: &Board<'_>,
    room: u32,
    saved: Usd,
    required: Usd,
    deleted: bool,
) -> Stay {
    let said =
        |code: &str, detail: String, unlock: String| Stay { room, code: code.to_owned(), detail, unlock };
    let what = if deleted { "removing it" } else { "replacing" };
    if saved <= Usd::ZERO {
        let pods = match board.residents(room).len() {
            1 => "pod".to_owned(),
            several => format!("{several} pods"),
        };
        let detail = match -saved {
            none if none.is_zero() => format!("nothing cheaper holds its {pods}"),
            more => {
                format!("nothing cheaper holds its {pods}: the next best costs {} a month more", month(more))
            }
        };
        return said(
            "cheapest",
            detail,
            "fewer or smaller pods, or a NodePool that allows cheaper types".to_owned(),
        );
    }
    if saved < required {
        let rule = match scene.options.floor {
            Floor::Balanced { .. } => "Balanced rule",
            Floor::PerMonth(_) => "floor",
        };
        return said(
            "under-floor",
            format!(
                "{what} saves {}/month, under the {} that the {rule} asks for",
                month(saved),
                month(required)
            ),
            format!(
                "a lower floor: --min-savings {:.2}",
                (saved.as_f64() * HOURS_PER_MONTH * 100.0).floor() / 100.0
            ),
        );
    }
    said(
        "later",
        format!("{what} saves {}/month, but is left for a later pass", month(saved)),
        "more moves in one pass: a higher --max-moves, or ask again after these moves".to_owned(),
    )
}

fn spot_to_spot(scene: &Scene<'_>, room: u32, saved: Usd) -> Stay {
    let (detail, unlock) = if scene.options.spot_to_spot {
        (
            format!(
                "a cheaper spot node would save {}/month, but fewer than {FLEXIBLE} types are cheaper",
                month(saved)
            ),
            "a NodePool that allows more instance types".to_owned(),
        )
    } else {
        (
            format!("a cheaper spot node would save {}/month, but spot does not replace spot", month(saved)),
            "allow it: --spot-to-spot, the feature gate SpotToSpotConsolidation".to_owned(),
        )
    };
    Stay { room, code: "spot-to-spot".to_owned(), detail, unlock }
}

fn no_place(scene: &Scene<'_>, room: u32, stranded: &Stranded) -> Stay {
    let snapshot = scene.snapshot;
    let name = stranded.left.first().map(|(class, _)| {
        let resident = snapshot.pods.iter().position(|pod| pod.class == *class && pod.room == room);
        let any = || snapshot.pods.iter().position(|pod| pod.class == *class);
        resident.or_else(any).map(|pod| snapshot.pod_name(pod as u32)).unwrap_or_default()
    });
    let name = name.unwrap_or_default();
    let detail = match stranded.left.iter().map(|(_, pods)| *pods).sum::<u32>() {
        0 | 1 => format!("pod {name} has no other place, on no node and on none that could be bought"),
        pods => format!(
            "{pods} pods, {name} among them, have no other place, on no node and on none that could be bought"
        ),
    };
    Stay {
        room,
        code: "no-place".to_owned(),
        detail,
        unlock: format!(
            "a NodePool that takes pod {name}; `supercargo explain pod {name}` says what keeps it from each"
        ),
    }
}
