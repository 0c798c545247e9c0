//! What should be done now: drifted nodes to replace, empty ones to delete, moves that save something; and why all other
//! nodes stay.
//!
//! Drift comes first, as under Karpenter, but in a NodePool where consolidation has something to do too it gets half of what
//! budgets allow, so that neither starves the other (reference section 4.1).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use supercargo_api::DisruptionReason;
use supercargo_catalog::Usd;
use supercargo_engine::consolidate::{consolidate, layout, settled};
use supercargo_engine::disruption::BlockReason;
use supercargo_engine::whatif::{Ask, SpotRule};

use super::command::Command;
use super::invariants::wrong;
use super::static_drift::static_drift;
use super::survey::{Question, Survey};

/// One node's pods may need so many new nodes.
const MOST_NEW_NODES: u32 = 16;

/// Whose turn it is where both drift and consolidation could use the last place of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Favour {
    /// Drift.
    #[default]
    Drift,
    /// Consolidation.
    Consolidation,
}

/// A node that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staying {
    /// The node.
    pub node: String,
    /// Its NodeClaim.
    pub claim: String,
    /// Its NodePool.
    pub node_pool: String,
    /// A short code, the same for the same sort of reason.
    pub code: String,
    /// Why, a sentence.
    pub why: String,
    /// It may not be touched; otherwise it could go, but that is not worth it or not possible.
    pub is_blocked: bool,
    /// Dollars per hour.
    pub price: Usd,
}

/// What budgets allow, of one NodePool and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The NodePool.
    pub node_pool: String,
    /// The reason.
    pub reason: DisruptionReason,
    /// So many nodes more.
    pub allowed: u32,
    /// So many are on their way out or not ready.
    pub consuming: u32,
    /// The budget that allows none, in words.
    pub closed: Option<String>,
}

/// What should be done now.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// Drifted nodes to replace.
    pub drifted: Vec<Command>,
    /// Moves that may be made at the same time.
    pub moves: Vec<Command>,
    /// Moves that have to wait for those.
    pub later: usize,
    /// Nodes that stay, with reasons.
    pub staying: Vec<Staying>,
    /// Drifted nodes that cannot go, and why.
    pub blocked_drift: Vec<Staying>,
    /// What budgets allow.
    pub standings: Vec<Standing>,
    /// How many nodes may go for each reason.
    pub eligible: BTreeMap<&'static str, usize>,
    /// NodePools in which consolidation has something to do.
    pub contended: BTreeSet<String>,
    /// When time alone changes something.
    pub next: Option<Timestamp>,
    /// Dollars per hour of all nodes of NodePools.
    pub price: Usd,
}

/// Looks for everything that could be done at the same time. `contended` are NodePools in which consolidation had something
/// to do lately.
pub fn propose(question: &Question, contended: &BTreeSet<String>, favour: Favour) -> Proposal {
    let mut survey = Survey::new(question, &BTreeSet::new());
    let mut proposal = Proposal::default();
    proposal.look_around(&survey);
    proposal.drifted = drifted(&survey, contended, favour, &mut proposal.blocked_drift);
    let before = cfg!(debug_assertions).then(|| (survey.snapshot.clone(), survey.disruption.clone()));
    let chosen = proposal.drifted.len();
    proposal.drifted.extend(static_drift(&survey, &mut proposal.blocked_drift));
    if !proposal.drifted.is_empty() {
        let going = proposal.drifted.iter().flat_map(|command| &command.candidates);
        let going: BTreeSet<String> = going.map(|candidate| candidate.node.clone()).collect();
        survey = Survey::new(question, &going);
        survey.count_on_the_way(&proposal.drifted);
    }
    proposal.consolidation(&survey);
    if let Some((snapshot, disruption)) = before {
        let commands = proposal.drifted[..chosen].iter().chain(&proposal.moves);
        debug_assert_eq!(wrong(&snapshot, &disruption, commands), None, "what is proposed holds");
    }
    proposal
}

impl Proposal {
    /// What can be said without asking about moves.
    fn look_around(&mut self, survey: &Survey<'_>) {
        let now = survey.question.inputs.now;
        let reasons = [DisruptionReason::Underutilized, DisruptionReason::Empty, DisruptionReason::Drifted];
        for budget in &survey.disruption.budgets {
            for reason in reasons {
                let allowed = budget.allowed(reason);
                let closed = allowed.binding.as_ref().filter(|_| allowed.nodes == 0);
                self.standings.push(Standing {
                    node_pool: budget.pool.clone(),
                    reason,
                    allowed: allowed.nodes,
                    consuming: budget.unavailable,
                    closed: closed.map(ToString::to_string),
                });
            }
            for change in budget.budgets.iter().filter_map(|one| one.changes) {
                self.soonest(change, now);
            }
        }
        let mut eligible = [0_usize; 3];
        for (room, standing) in survey.snapshot.rooms.iter().zip(&survey.disruption.rooms) {
            eligible[0] += usize::from(standing.candidate.is_ok());
            eligible[1] += usize::from(standing.empty_candidate.is_ok());
            eligible[2] += usize::from(standing.drift.is_some() && standing.drift_candidate.is_ok());
            if room.pool.is_some() && !room.leaving {
                self.price += standing.price.unwrap_or(Usd::ZERO);
            }
            let blocked = [&standing.candidate, &standing.empty_candidate, &standing.drift_candidate];
            for reason in
                blocked.into_iter().filter_map(|one| one.as_ref().err()).flat_map(|one| &one.reasons)
            {
                match reason {
                    BlockReason::ConsolidateAfter { ends: at, .. }
                    | BlockReason::PodDoNotDisrupt { until: Some(at), .. }
                    | BlockReason::Held { until: at, .. } => self.soonest(*at, now),
                    _ => {}
                }
            }
        }
        self.eligible = ["underutilized", "empty", "drifted"].into_iter().zip(eligible).collect();
    }

    fn soonest(&mut self, at: Timestamp, now: Timestamp) {
        if at > now {
            self.next = Some(self.next.map_or(at, |known| known.min(at)));
        }
    }

    fn consolidation(&mut self, survey: &Survey<'_>) {
        let question = survey.question;
        let outcome = consolidate(&survey.snapshot, &survey.disruption, &question.options, &mut |_| {});
        for one in &outcome.moves {
            let pools = one.rooms.iter().filter_map(|room| survey.snapshot.rooms[*room as usize].pool);
            self.contended.extend(pools.map(|pool| survey.snapshot.pools[pool as usize].name.clone()));
            if one.wave > 1 {
                self.later += 1;
                continue;
            }
            debug_assert!(
                one.saved > Usd::ZERO || one.reason == DisruptionReason::Empty,
                "a move saves something"
            );
            let made =
                survey.command(&outcome.variants, &one.rooms, &one.relocation, one.reason, Some(one.kind));
            if let Some(command) = made {
                self.moves.push(Command { score: one.score, ..command });
            }
        }
        for stay in &outcome.staying {
            let row = &survey.snapshot.rooms[stay.room as usize];
            let standing = &survey.disruption.rooms[stay.room as usize];
            let node_pool = row.pool.map(|pool| survey.snapshot.pools[pool as usize].name.clone());
            let Some(node_pool) = node_pool else { continue };
            if stay.code == "budget" {
                self.contended.insert(node_pool.clone());
            }
            let claim = survey.claim(stay.room).and_then(|claim| claim.metadata.name.clone());
            self.staying.push(Staying {
                node: row.name.clone(),
                claim: claim.unwrap_or_default(),
                node_pool,
                code: stay.code.clone(),
                why: stay.detail.clone(),
                is_blocked: standing.candidate.is_err(),
                price: standing.price.unwrap_or(Usd::ZERO),
            });
        }
    }
}

/// Drifted nodes to replace now: empty ones first, then by when they were found to have drifted.
fn drifted(
    survey: &Survey<'_>,
    contended: &BTreeSet<String>,
    favour: Favour,
    blocked: &mut Vec<Staying>,
) -> Vec<Command> {
    let (snapshot, disruption) = (&survey.snapshot, &survey.disruption);
    let mut line: Vec<u32> = Vec::new();
    for (index, (room, standing)) in snapshot.rooms.iter().zip(&disruption.rooms).enumerate() {
        let dynamic = room.pool.is_some_and(|pool| snapshot.pools[pool as usize].replicas.is_none());
        if standing.drift.is_none() || !dynamic || room.leaving || room.in_flight {
            continue;
        }
        match &standing.drift_candidate {
            Ok(()) => line.push(index as u32),
            Err(reasons) => blocked.extend(stays(survey, index as u32, reasons.code(), reasons.to_string())),
        }
    }
    if line.is_empty() {
        return Vec::new();
    }
    line.sort_by_key(|room| {
        let standing = &disruption.rooms[*room as usize];
        let since = standing.drift.as_ref().and_then(|drift| drift.since).unwrap_or(Timestamp::MAX);
        (!standing.is_empty, since, *room)
    });
    let mut left: BTreeMap<u32, u32> = BTreeMap::new();
    let layout = layout(snapshot, disruption);
    let mut board = settled(&layout, survey.question.options.solve);
    board.side_by_side();
    let mut going: Vec<u32> = Vec::new();
    let mut commands = Vec::new();
    for room in line {
        let Some(pool) = snapshot.rooms[room as usize].pool else { continue };
        let left = left.entry(pool).or_insert_with(|| {
            let allowed = disruption.budgets[pool as usize].allowed(DisruptionReason::Drifted).nodes;
            if !contended.contains(&snapshot.pools[pool as usize].name) {
                return allowed;
            }
            match favour {
                Favour::Drift => allowed.div_ceil(2),
                Favour::Consolidation => allowed / 2,
            }
        });
        if *left == 0 {
            continue;
        }
        let standing = &disruption.rooms[room as usize];
        // with a grace period its end is certain, whatever its pods say (reference section 4.2)
        let is_eventual =
            survey.claim(room).is_some_and(|claim| claim.spec.termination_grace_period.is_some());
        let evicted = board.residents(room).to_vec();
        if !is_eventual && let Err(short) = disruption.simultaneous(going.iter().chain(&evicted).copied()) {
            blocked.extend(stays(survey, room, "pdb-at-once", short.to_string()));
            continue;
        }
        let ask = Ask { max_new_nodes: MOST_NEW_NODES, below: None, use_rooms: true, spot: SpotRule::Free };
        let relocation = match board.what_if(&[room], &ask) {
            Ok(relocation) => relocation,
            Err(stranded) => {
                let pods: u32 = stranded.left.iter().map(|(_, pods)| pods).sum();
                let why = format!("drifted, but {pods} of its pods have no other place");
                blocked.extend(stays(survey, room, "no-place", why));
                continue;
            }
        };
        let made = survey.command(layout.variants(), &[room], &relocation, DisruptionReason::Drifted, None);
        let Some(command) = made else { continue };
        let detail = standing.drift.as_ref().map(ToString::to_string).unwrap_or_default();
        commands.push(Command { detail, ..command });
        *left -= 1;
        going.extend(evicted);
        board.apply(&[room], &relocation);
    }
    commands
}

pub(super) fn stays(survey: &Survey<'_>, room: u32, code: &str, why: String) -> Option<Staying> {
    let candidate = survey.candidate(room)?;
    Some(Staying {
        node: candidate.node,
        claim: candidate.claim,
        node_pool: candidate.node_pool,
        code: code.to_owned(),
        why,
        is_blocked: true,
        price: candidate.price,
    })
}
