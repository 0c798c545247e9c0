//! Whether what was decided some seconds ago still is right (reference section 4.14).
//!
//! A command that is still right goes on with what is right now: its pods may have other places by now, its new nodes other
//! types.

use std::collections::BTreeSet;

use supercargo_api::DisruptionReason;
use supercargo_catalog::Usd;
use supercargo_engine::consolidate::{MoveKind, layout, reconsider, settled};
use supercargo_engine::disruption::BlockReason;

use super::command::Command;
use super::invariants::wrong;
use super::survey::{Question, Survey};

/// Why a command was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// One of its nodes is not one any more that may go.
    Churn,
    /// Budgets of NodePools or of pods have no room for it.
    Budget,
    /// Its pods have no other place any more, or none that saves enough.
    Scheduling,
}

impl Rejected {
    /// Its word, in Events.
    pub fn word(self) -> &'static str {
        match self {
            Rejected::Churn => "churn",
            Rejected::Budget => "budget",
            Rejected::Scheduling => "scheduling",
        }
    }
}

/// What became of a command.
pub type Verdict = Result<Command, (Rejected, String)>;

/// Looks again at commands whose time has come; they are judged one after the other, each as if those before it were done.
/// The question's committed nodes are those of all other commands.
pub fn validate(question: &Question, due: Vec<(u64, Command)>) -> Vec<(u64, Verdict)> {
    let mut survey = Survey::new(question, &BTreeSet::new());
    let snapshot = survey.snapshot.clone();
    // what commands take is taken off as they are accepted; where pods may go was decided before that
    let disruption = survey.disruption.clone();
    let layout = layout(&snapshot, &disruption);
    let mut board = settled(&layout, question.options.solve);
    board.side_by_side();
    let before = cfg!(debug_assertions).then(|| disruption.clone());
    let mut verdicts: Vec<(u64, Verdict)> = Vec::with_capacity(due.len());
    for (number, command) in due {
        let (rooms, missing) = rooms(&survey, &command);
        let verdict = if command.reason == DisruptionReason::Empty {
            still_empty(&survey, &board, &command, &rooms)
        } else if let Some(why) = missing {
            Err((Rejected::Churn, why))
        } else {
            still_worth_it(&survey, &mut board, &layout, &command, &rooms)
        };
        let verdict = verdict.map(|(command, rooms, relocation)| {
            let evicted: Vec<u32> = rooms.iter().flat_map(|room| board.residents(*room).to_vec()).collect();
            debug_assert!(survey.disruption.simultaneous(evicted.iter().copied()).is_ok(), "within PDBs");
            survey.disruption.spend(evicted);
            rooms.iter().for_each(|room| survey.disruption.take(&snapshot, *room));
            board.apply(&rooms, &relocation);
            command
        });
        verdicts.push((number, verdict));
    }
    if let Some(before) = before {
        let accepted = verdicts.iter().filter_map(|(_, verdict)| verdict.as_ref().ok());
        debug_assert_eq!(wrong(&snapshot, &before, accepted), None, "what is accepted holds");
    }
    verdicts
}

type Accepted = (Command, Vec<u32>, supercargo_engine::whatif::Relocation);

/// The rooms of its nodes that are there, and what is wrong with the first that is not as it has to be.
fn rooms(survey: &Survey<'_>, command: &Command) -> (Vec<u32>, Option<String>) {
    let mut rooms = Vec::with_capacity(command.candidates.len());
    let mut missing = None;
    for candidate in &command.candidates {
        let Some(room) = survey.room_of(candidate) else {
            missing.get_or_insert_with(|| format!("node {} is gone", candidate.node));
            continue;
        };
        let standing = &survey.disruption.rooms[room as usize];
        let verdict = match command.reason {
            DisruptionReason::Empty => &standing.empty_candidate,
            _ => &standing.candidate,
        };
        match verdict {
            Ok(()) => rooms.push(room),
            Err(blocked) => {
                missing.get_or_insert_with(|| format!("node {}: {blocked}", candidate.node));
            }
        }
    }
    (rooms, missing)
}

/// Nodes that are not empty any more are left out, the others go (reference section 4.5).
fn still_empty(
    survey: &Survey<'_>,
    board: &supercargo_engine::whatif::Board<'_>,
    command: &Command,
    rooms: &[u32],
) -> Result<Accepted, (Rejected, String)> {
    let empty: Vec<u32> = rooms.iter().copied().filter(|room| board.residents(*room).is_empty()).collect();
    if empty.is_empty() {
        return Err((Rejected::Churn, "none of its nodes is empty any more".to_owned()));
    }
    let mut taken: Vec<u32> = Vec::with_capacity(empty.len());
    let mut refused = String::new();
    for room in empty {
        let Some(pool) = survey.snapshot.rooms[room as usize].pool else { continue };
        let of_pool =
            taken.iter().filter(|one| survey.snapshot.rooms[**one as usize].pool == Some(pool)).count();
        let allowed = survey.disruption.budgets[pool as usize].allowed(command.reason);
        if of_pool < allowed.nodes as usize {
            taken.push(room);
        } else if refused.is_empty() {
            refused = allowed.binding.map(|binding| binding.to_string()).unwrap_or_default();
        }
    }
    if taken.is_empty() {
        return Err((Rejected::Budget, refused));
    }
    let relocation = supercargo_engine::whatif::Relocation::default();
    let made = survey.command(&[], &taken, &relocation, command.reason, Some(MoveKind::DeleteEmpty));
    let made = made.ok_or_else(|| (Rejected::Churn, "its NodeClaims are gone".to_owned()))?;
    Ok((Command { score: command.score, ..made }, taken, relocation))
}

/// The same question again, with what holds now.
fn still_worth_it(
    survey: &Survey<'_>,
    board: &mut supercargo_engine::whatif::Board<'_>,
    layout: &supercargo_engine::whatif::Layout<'_>,
    command: &Command,
    rooms: &[u32],
) -> Result<Accepted, (Rejected, String)> {
    if let Err(short) =
        survey.disruption.simultaneous(rooms.iter().flat_map(|room| board.residents(*room).to_vec()))
    {
        return Err((Rejected::Budget, short.to_string()));
    }
    for pool in command.node_pools() {
        let wanted = command.candidates.iter().filter(|one| one.node_pool == pool).count();
        let budget = survey.disruption.budgets.iter().find(|budget| budget.pool == pool);
        let allowed = budget.map(|budget| budget.allowed(command.reason));
        if let Some(allowed) = allowed.filter(|allowed| (allowed.nodes as usize) < wanted) {
            let binding = allowed.binding.map(|binding| binding.to_string()).unwrap_or_default();
            return Err((Rejected::Budget, format!("NodePool {pool}: {binding}")));
        }
    }
    let options = &survey.question.options;
    let found = reconsider(&survey.snapshot, &survey.disruption, options, board, rooms);
    let found = found.ok_or_else(|| {
        (Rejected::Scheduling, "its pods have no other place any more that saves enough".to_owned())
    })?;
    if found.relocation.new_nodes.len() > command.replacements.len() {
        let why = format!(
            "it takes {} new nodes by now instead of {}",
            found.relocation.new_nodes.len(),
            command.replacements.len()
        );
        return Err((Rejected::Scheduling, why));
    }
    debug_assert!(found.saved > Usd::ZERO, "a move saves something");
    let kind = match (rooms.len(), found.relocation.new_nodes.len()) {
        (_, 0) => MoveKind::Delete,
        (1, 1) => MoveKind::Replace,
        (1, _) => MoveKind::Split,
        _ => MoveKind::Merge,
    };
    let made = survey.command(layout.variants(), rooms, &found.relocation, command.reason, Some(kind));
    let made = made.ok_or_else(|| (Rejected::Churn, "its NodeClaims are gone".to_owned()))?;
    Ok((Command { score: found.score, ..made }, rooms.to_vec(), found.relocation))
}

/// Whether a reason is one that passes by itself soon, so that it is not worth an Event.
pub fn is_passing(code: &str) -> bool {
    let held = BlockReason::Held { why: String::new(), until: jiff::Timestamp::UNIX_EPOCH };
    [
        BlockReason::Leaving.code(),
        BlockReason::NoNodeYet.code(),
        BlockReason::NotInitialized.code(),
        held.code(),
        "consolidate-after",
    ]
    .contains(&code)
}
