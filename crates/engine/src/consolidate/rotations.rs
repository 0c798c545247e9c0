//! Drifted and expired nodes: what would replace what. Shown beside the moves, not among them.

use crate::whatif::{Ask, Board, SpotRule};

use super::outcome::PlannedRotation;
use super::weigh::Scene;

/// One node's pods may need so many new nodes.
const MOST_NEW_NODES: u32 = 8;

/// What would replace the drifted and the expired, asked of the cluster as it is.
pub(super) fn rotations(scene: &Scene<'_>, board: &mut Board<'_>) -> Vec<PlannedRotation> {
    let mut rotations = Vec::new();
    for room in 0..scene.snapshot.rooms.len() as u32 {
        let row = &scene.snapshot.rooms[room as usize];
        let standing = &scene.disruption.rooms[room as usize];
        if row.leaving || row.in_flight || row.pool.is_none() {
            continue;
        }
        let overdue = standing.expires.filter(|expiry| expiry.overdue);
        let (cause, detail, at) = match (&standing.drift, overdue) {
            (Some(drift), _) => {
                let detail = match drift.detail.as_str() {
                    "" => drift.reason.as_str().to_owned(),
                    detail => format!("{}: {detail}", drift.reason.as_str()),
                };
                ("drifted", detail, drift.since)
            }
            (None, Some(expiry)) => ("expired", "older than its expireAfter".to_owned(), Some(expiry.at)),
            (None, None) => continue,
        };
        let ask = Ask { max_new_nodes: MOST_NEW_NODES, below: None, use_rooms: true, spot: SpotRule::Free };
        let found = board.what_if(&[room], &ask);
        // Expiry comes by force; drift waits for whatever keeps a node, but not for the rules of consolidation.
        let mut blocked = standing
            .drift_candidate
            .as_ref()
            .err()
            .filter(|_| cause == "drifted")
            .map(|blocked| blocked.reasons.first().map(ToString::to_string).unwrap_or_default());
        let relocation = match found {
            Ok(relocation) => relocation,
            Err(stranded) => {
                let pods: u32 = stranded.left.iter().map(|(_, pods)| pods).sum();
                blocked.get_or_insert_with(|| match pods {
                    1 => "one of its pods has no other place".to_owned(),
                    pods => format!("{pods} of its pods have no other place"),
                });
                crate::whatif::Relocation::default()
            }
        };
        rotations.push(PlannedRotation { room, cause, detail, at, relocation, blocked });
    }
    rotations
}
