//! What is said about commands: Events, entries of the journal, metrics (reference sections 4.16, 6.1 and 6.2).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::NodeClaim;
use supercargo_catalog::Usd;
use supercargo_reconcile::{Action, Key, Kind, State};

use super::command::{Command, name};
use super::execution::Running;
use super::propose::{Proposal, Staying};
use super::validate::{Rejected, is_passing};
use crate::journal::{Alternative, Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::metrics::DisruptionDecision;
use crate::said::{COMPONENT, Said, WINDOW};

/// How long a reason why a node stays is not repeated with other figures; another reason is told at once (reference row
/// 9.2-9).
const STAYING: Duration = Duration::from_secs(900);
/// The same for a closed budget.
const CLOSED: Duration = Duration::from_secs(60);
/// Alternatives that an entry names.
const ALTERNATIVES: usize = 8;

/// What is said, and what was said lately.
#[derive(Debug, Default)]
pub(super) struct Voice {
    said: Said,
    /// Events to record.
    pub(super) notes: Vec<Action>,
    /// Why nothing was done, as last written down.
    quiet: BTreeMap<String, String>,
}

impl Voice {
    /// Says something about the node and the claim of a candidate.
    fn both(&mut self, state: &State, node: &str, claim: &str, note: Note<'_>, now: Timestamp) {
        let Note { reason, message, window, sort } = note;
        let node = state.nodes.get(&Key::cluster(node));
        let claim = state.node_claims.get(&Key::cluster(claim));
        let id = claim.and_then(|claim| claim.metadata.uid.as_deref());
        let id = id.or_else(|| node.and_then(|node| node.metadata.uid.as_deref())).unwrap_or_default();
        if !self.said.is_news(reason, &format!("{id} {sort}"), window, now) {
            return;
        }
        self.notes.extend(node.map(|node| Action::note(&**node, COMPONENT, reason, message.to_owned())));
        self.notes.extend(claim.map(|claim| Action::note(&**claim, COMPONENT, reason, message.to_owned())));
    }

    fn candidates(
        &mut self,
        state: &State,
        command: &Command,
        reason: &'static str,
        message: &str,
        now: Timestamp,
    ) {
        for one in &command.candidates {
            let note = Note { reason, message, window: WINDOW, sort: message };
            self.both(state, &one.node, &one.claim, note, now);
        }
    }

    fn replacement(&mut self, claim: &NodeClaim, reason: &'static str, message: String, now: Timestamp) {
        if self.said.is_news(reason, claim.metadata.uid.as_deref().unwrap_or_default(), WINDOW, now) {
            self.notes.push(Action::note(claim, COMPONENT, reason, message));
        }
    }

    /// A command was decided on.
    pub(super) fn decided(
        &mut self,
        knowledge: &Knowledge,
        state: &State,
        command: &Command,
        proposal: &Proposal,
        now: Timestamp,
    ) {
        let metrics = &knowledge.metrics;
        metrics.disruption_decided(
            command.decision(),
            command.reason_word(),
            command.search(),
            command.node_pools(),
        );
        if let Some(score) = command.score {
            for pool in command.node_pools() {
                metrics.move_scored("approved", pool, &policy(state, pool), score);
            }
        }
        let mut entry = Entry::new(
            now,
            EntryKind::Disruption,
            subject(command),
            format!("{}: {command}", name(command.reason)),
        )
        .touching(command.candidates.iter().flat_map(|one| {
            [
                Subject::new(Kind::Node, &Key::cluster(&one.node)),
                Subject::new(Kind::NodeClaim, &Key::cluster(&one.claim)),
            ]
        }))
        .given("pods", command.pods)
        .given("nodes", command.candidates.len())
        .priced(command.price_before, command.price_after)
        .among(command.replacements.iter().flat_map(|one| {
            let what = |name: &String| {
                Alternative::new(format!("{name} {} in {}", one.shape.capacity_type, one.shape.zone))
            };
            let first = one.shape.instance_types.first().map(|name| what(name).at(one.shape.price));
            let others = one.shape.instance_types.iter().skip(1).take(ALTERNATIVES);
            first
                .into_iter()
                .chain(others.map(|name| Alternative::new(name.clone()).but("dearer, kept for the launch")))
        }));
        if !command.detail.is_empty() {
            entry = entry.because(command.detail.clone());
        } else if command.pods == 0 {
            entry = entry.because("no pod on it needs another place");
        } else {
            entry = entry.because(format!(
                "its {} pods fit elsewhere, which saves {} an hour",
                command.pods,
                command.saved()
            ));
        }
        if let Some(score) = command.score {
            entry = entry.given("score", format!("{score:.2}"));
        }
        let others = proposal.staying.iter().filter(|stay| !stay.is_blocked);
        entry = entry.among(others.take(ALTERNATIVES).map(|stay| {
            Alternative::new(format!("{} goes", stay.node)).at(stay.price).but(stay.why.clone())
        }));
        knowledge.journal.record(entry);
        if command.reason != supercargo_api::DisruptionReason::Drifted {
            let message =
                format!("Candidate for consolidation: {command}, saves {} an hour", command.saved());
            self.candidates(state, command, "ConsolidationCandidate", &message, now);
        }
    }

    /// A command was looked at again and does not hold any more.
    pub(super) fn rejected(
        &mut self,
        knowledge: &Knowledge,
        state: &State,
        command: &Command,
        why: (Rejected, &str),
        now: Timestamp,
    ) {
        knowledge.metrics.disruption_validation_failed(command.search());
        let (class, why) = why;
        let message = format!("Consolidation is dropped ({}): {why}", class.word());
        self.candidates(state, command, "ConsolidationRejected", &message, now);
        let entry = Entry::new(now, EntryKind::Disruption, subject(command), format!("dropped: {command}"));
        knowledge.journal.record(entry.because(format!("{}: {why}", class.word())));
    }

    /// A command is being carried out.
    pub(super) fn approved(&mut self, state: &State, command: &Command, now: Timestamp) {
        if command.reason == supercargo_api::DisruptionReason::Drifted {
            return;
        }
        let message = match command.score {
            Some(score) => {
                format!("Approved: {command}, saves {} an hour, score {score:.2}", command.saved())
            }
            None => format!("Approved: {command}, saves {} an hour", command.saved()),
        };
        self.candidates(state, command, "ConsolidationApproved", &message, now);
    }

    /// New claims of a command are there.
    pub(super) fn launching(&mut self, state: &State, running: &Running, index: usize, now: Timestamp) {
        let Some(claim) = state.node_claims.get(&Key::cluster(&running.names[index])) else { return };
        let reason = name(running.command.reason);
        self.replacement(claim, "DisruptionLaunching", format!("Launching NodeClaim: {reason}"), now);
        self.replacement(
            claim,
            "DisruptionWaitingReadiness",
            "Waiting on readiness to continue disruption".to_owned(),
            now,
        );
    }

    /// The nodes of a command go.
    pub(super) fn going(&mut self, state: &State, command: &Command, now: Timestamp) {
        let decision = match command.decision() {
            DisruptionDecision::Delete => "Delete",
            DisruptionDecision::Replace => "Replace",
            DisruptionDecision::NoOp => "Nothing",
        };
        let message = format!("Disrupting node: {}/{decision}", name(command.reason));
        self.candidates(state, command, "DisruptionTerminating", &message, now);
    }

    /// A command was taken back.
    pub(super) fn failed(&mut self, knowledge: &Knowledge, command: &Command, why: &str, now: Timestamp) {
        knowledge.metrics.disruption_failed(command.decision(), command.reason_word(), command.search());
        let entry =
            Entry::new(now, EntryKind::Disruption, subject(command), format!("taken back: {command}"));
        knowledge.journal.record(entry.because(why.to_owned()));
    }

    /// A command is over, its nodes are gone.
    pub(super) fn finished(&mut self, knowledge: &Knowledge, command: &Command, now: Timestamp) {
        let entry = Entry::new(now, EntryKind::Disruption, subject(command), format!("done: {command}"));
        knowledge.journal.record(entry.priced(command.price_before, command.price_after));
    }

    /// What a pass found out about nodes that stay, budgets and eligibility.
    pub(super) fn passed(
        &mut self,
        knowledge: &Knowledge,
        state: &State,
        proposal: &Proposal,
        now: Timestamp,
    ) {
        let metrics = &knowledge.metrics;
        for (reason, nodes) in &proposal.eligible {
            metrics.eligible_nodes(reason, *nodes);
        }
        for standing in &proposal.standings {
            let reason = name(standing.reason);
            metrics.allowed_disruptions(&standing.node_pool, reason, standing.allowed);
            metrics.nodes_consuming_budgets(&standing.node_pool, reason, standing.consuming);
            if let Some(closed) = standing.closed.as_ref().filter(|_| standing.consuming == 0)
                && let Some(pool) = state.node_pools.get(&Key::cluster(&standing.node_pool))
                && self.said.is_news(
                    "DisruptionBlocked",
                    &format!("{} {reason}", standing.node_pool),
                    CLOSED,
                    now,
                )
            {
                let message = format!("No allowed disruptions for reason {reason}: {closed}");
                self.notes.push(Action::note(&**pool, COMPONENT, "DisruptionBlocked", message));
            }
        }
        for stay in proposal.staying.iter().chain(&proposal.blocked_drift) {
            self.stays(state, stay, now);
        }
        if proposal.moves.is_empty() && proposal.drifted.is_empty() {
            metrics.disruption_decided(
                DisruptionDecision::NoOp,
                "underutilized",
                crate::metrics::ConsolidationType::Multi,
                [],
            );
        }
        self.write_quiet(knowledge, proposal, now);
    }

    fn stays(&mut self, state: &State, stay: &Staying, now: Timestamp) {
        if is_passing(&stay.code) || stay.code == "budget" || stay.code == "later" {
            return;
        }
        let reason = if stay.is_blocked { "DisruptionBlocked" } else { "Unconsolidatable" };
        let note = Note { reason, message: &stay.why, window: STAYING, sort: &stay.code };
        self.both(state, &stay.node, &stay.claim, note, now);
    }

    /// Why nothing is done, a NodePool at a time, whenever that is another reason than before.
    fn write_quiet(&mut self, knowledge: &Knowledge, proposal: &Proposal, now: Timestamp) {
        let active: std::collections::BTreeSet<&str> =
            proposal.moves.iter().chain(&proposal.drifted).flat_map(Command::node_pools).collect();
        let mut by_pool: BTreeMap<&str, BTreeMap<&str, (usize, Usd, &Staying)>> = BTreeMap::new();
        for stay in proposal.staying.iter().filter(|stay| !is_passing(&stay.code)) {
            let codes = by_pool.entry(&stay.node_pool).or_default();
            let entry = codes.entry(&stay.code).or_insert((0, Usd::ZERO, stay));
            entry.0 += 1;
            entry.1 += stay.price;
        }
        self.quiet.retain(|pool, _| by_pool.contains_key(pool.as_str()));
        for (pool, codes) in by_pool {
            if active.contains(pool) {
                self.quiet.remove(pool);
                continue;
            }
            let summary: Vec<&str> = codes.keys().copied().collect();
            let summary = summary.join(" ");
            if self.quiet.get(pool) == Some(&summary) {
                continue;
            }
            self.quiet.insert(pool.to_owned(), summary);
            let mut entry = Entry::new(
                now,
                EntryKind::Disruption,
                Subject::new(Kind::NodePool, &Key::cluster(pool)),
                "nothing is disrupted",
            );
            for (code, (nodes, price, example)) in codes {
                entry = entry
                    .given(code, format!("{nodes} nodes, {price} an hour"))
                    .because(format!("{}: {}", example.node, example.why));
            }
            knowledge.journal.record(entry);
        }
    }
}

struct Note<'a> {
    reason: &'static str,
    message: &'a str,
    window: Duration,
    /// One of another sort is news, in whatever words; of the same sort only after the window.
    sort: &'a str,
}

fn subject(command: &Command) -> Subject {
    let node = command.candidates.first().map(|one| one.node.as_str()).unwrap_or_default();
    Subject::new(Kind::Node, &Key::cluster(node))
}

fn policy(state: &State, pool: &str) -> String {
    let pool = state.node_pools.get(&Key::cluster(pool));
    pool.map(|pool| format!("{:?}", pool.spec.disruption().consolidation_policy())).unwrap_or_default()
}
