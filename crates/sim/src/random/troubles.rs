//! What happens in a random scenario: to the market, the machines, the controllers; and what users change meanwhile.

use serde_json::{Value, json};
use supercargo_clock::Randomness;

use super::scenario::BUSY;
use crate::scenario::{Change, Fault, FaultKind, ObjectName, Span, Workload};

const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// What users change: templates, so that nodes drift; limits; and objects that they delete.
pub(super) fn changes(draws: &mut Randomness, pools: usize, workloads: &[Workload]) -> Vec<Change> {
    let mut changes = Vec::new();
    if draws.chance(0.3) {
        // a label of the template: every node of the NodePool drifts
        let object = json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "pool-0"},
            "spec": {"template": {"metadata": {"labels": {"generation": "2"}}}},
        });
        changes.push(patch(draws, object));
    }
    if draws.chance(0.15) {
        // every node of every NodePool drifts
        let object = json!({
            "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
            "spec": {"detailedMonitoring": true},
        });
        changes.push(patch(draws, object));
    }
    if pools > 1 && draws.chance(0.1) {
        // its nodes go with it, whatever budgets say
        let name = object("karpenter.sh/v1", "NodePool", None, "pool-0");
        let at = Span::seconds(BUSY - 300);
        changes.push(Change { at, apply: None, patch: None, delete: Some(name) });
    }
    if draws.chance(0.1) && !workloads.is_empty() {
        let name = object("apps/v1", "Deployment", Some("default"), "app-0");
        // after the last step, which may still change it
        let at = Span::seconds(BUSY);
        changes.push(Change { at, apply: None, patch: None, delete: Some(name) });
    }
    changes.sort_by_key(|change| change.at);
    changes
}

fn patch(draws: &mut Randomness, object: Value) -> Change {
    // before a NodePool may be deleted
    let at = Span::seconds(300 + draws.below(BUSY - 700));
    Change { at, apply: None, patch: Some(object), delete: None }
}

fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectName {
    ObjectName {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
    }
}

/// What happens to the market and the machines, in the words of region scripts.
pub(super) fn market(draws: &mut Randomness) -> String {
    let mut lines = Vec::new();
    for _ in 0..draws.below(5) {
        let zone = ZONES[draws.below(3) as usize];
        let at = format!("at: +{}s", 60 + draws.below(BUSY - 360));
        let families = ["\"m*\"", "\"c*\"", "\"r*\"", "\"*.large\""][draws.below(4) as usize];
        let minutes = 3 + draws.below(10);
        match draws.below(13) {
            // a zone breaks down
            0 => {
                lines.push(format!("{at}, zone: {zone}, depth: 0, for: {minutes}m"));
                lines.push(format!("{at}, zone: {zone}, impairHosts: 100%"));
            }
            1 => lines.push(format!("{at}, zone: {zone}, depth: 0, for: {minutes}m")),
            // much is dry
            2 => {
                lines.push(format!("{at}, capacityType: spot, types: {families}, depth: 0, for: {minutes}m"))
            }
            3 => lines.push(format!("{at}, capacityType: spot, depth: 0, for: {minutes}m")),
            4 => lines.push(format!("{at}, types: {families}, depth: 0, for: {minutes}m")),
            5 => {
                let percent = 10 + draws.below(60);
                lines.push(format!("{at}, capacityType: spot, interrupt: {percent}%"));
            }
            6 => lines.push(format!("{at}, capacityType: spot, rebalance: 30%")),
            7 => lines.push(format!("{at}, killKubelets: 10%")),
            8 => lines.push(format!("{at}, retire: 10%")),
            // calls fail
            9 => lines.push(format!("{at}, fault: RequestLimitExceeded, rate: 0.5, for: {minutes}m")),
            10 => lines
                .push(format!("{at}, action: CreateFleet, fault: InternalError, rate: 0.7, for: {minutes}m")),
            11 => {
                let factor = ["0.5", "2", "3"][draws.below(3) as usize];
                lines.push(format!(
                    "{at}, capacityType: spot, types: {families}, priceFactor: {factor}, for: {minutes}m"
                ));
            }
            _ => lines.push(format!("{at}, releaseImages: true")),
        }
    }
    lines.join("\n")
}

/// What happens to the controllers and their connection.
pub(super) fn faults(draws: &mut Randomness) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..draws.below(4) {
        let at = draws.below(BUSY - 600);
        let lasts = 1 + draws.below(180);
        let kind = match draws.below(7) {
            0 | 1 => FaultKind::Crash,
            2 => FaultKind::ApiErrors(5.0 + draws.below(40) as f64),
            3 => FaultKind::DropWatches,
            4 => FaultKind::ClockAhead(Span::seconds(1 + draws.below(60))),
            5 => FaultKind::ClockBehind(Span::seconds(1 + draws.below(60))),
            // killed as soon as it has begun, again and again
            _ => {
                for number in 0..3 {
                    let at = Span::seconds(at + number * (3 + draws.below(20)));
                    faults.push(Fault { at, lasts: Span::seconds(1), kind: FaultKind::Crash });
                }
                continue;
            }
        };
        faults.push(Fault { at: Span::seconds(at), lasts: Span::seconds(lasts), kind });
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}
