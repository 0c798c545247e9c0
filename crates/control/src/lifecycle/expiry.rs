//! Claims whose time is over go (reference section 3.4).
//!
//! As Karpenter does it they go by force: no budget holds them, and no replacement is up before. Draining still respects
//! budgets of pods and do-not-disrupt, up to the terminationGracePeriod. With the setting `EXPIRE_UNDER_BUDGETS` they count
//! as drifted instead, for the reason `Expired`: they are replaced within budgets, their replacement up before. Standalone
//! claims, which never drift, go by force then, too.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use supercargo_api::NodeClaim;
use supercargo_reconcile::{Action, Change, Controller, Decision, Key, Kind, Object, State};

use super::claims::{capacity_type, is_leaving, node_pool_of};
use crate::journal::{Entry, EntryKind, Subject};
use crate::knowledge::Knowledge;
use crate::settings::Settings;

/// The controller of expiry.
pub struct Expiry {
    knowledge: Arc<Knowledge>,
}

impl Expiry {
    /// A controller.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge }
    }
}

/// When a claim expires; nothing for `Never`.
fn expires(claim: &NodeClaim) -> Option<Timestamp> {
    let created = claim.metadata.creation_timestamp.as_ref()?.0;
    let length = SignedDuration::from_nanos(claim.spec.expire_after().as_nanos()?.max(0));
    created.checked_add(length).ok()
}

/// Why an expired claim counts as drifted, a reason and a sentence, if it does under these settings.
pub fn expired_in_turn(settings: &Settings, claim: &NodeClaim, now: Timestamp) -> Option<(String, String)> {
    let counts = settings.expire_under_budgets && node_pool_of(claim).is_some();
    let is_over = counts && expires(claim).is_some_and(|at| at <= now);
    let length = claim.spec.expire_after();
    is_over.then(|| ("Expired".to_owned(), format!("it is older than {}", length.as_str())))
}

impl Controller for Expiry {
    const NAME: &'static str = "expiry";
    const KINDS: &'static [Kind] = &[Kind::NodeClaim];

    fn concerned(&self, change: &Change, _: &State) -> Vec<Key> {
        // the spec of a claim never changes, so once is enough; what is not deleted as it should is tried again
        match (&change.old, &change.new) {
            (None, Some(Object::NodeClaim(_))) => vec![change.key.clone()],
            _ => Vec::new(),
        }
    }

    fn decide(&mut self, key: &Key, state: &State, now: Timestamp) -> Decision {
        let Some(claim) = state.node_claims.get(key).filter(|claim| !is_leaving(claim)) else {
            return Decision::nothing();
        };
        let Some(at) = expires(claim) else { return Decision::nothing() };
        let mut decision = Decision::nothing();
        if now < at {
            decision.look_again(at);
            return decision;
        }
        if expired_in_turn(&self.knowledge.settings, claim, now).is_some() {
            return decision;
        }
        let pool = node_pool_of(claim).unwrap_or_default();
        self.knowledge.metrics.node_claim_disrupted(pool, capacity_type(claim), "expired");
        let length = claim.spec.expire_after();
        let sentence = format!("deleted it: it is older than {}", length.as_str());
        self.knowledge.journal.record(
            Entry::new(now, EntryKind::Expiry, Subject::of(&**claim), sentence)
                .given("expireAfter", length.as_str())
                .given("expired", at),
        );
        tracing::info!(node_claim = %key, expire_after = length.as_str(), "node claim expired");
        decision.actions.push(Action::delete(Kind::NodeClaim, &**claim));
        decision
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use serde_json::json;
    use supercargo_reconcile::Keyed;
    use supercargo_reconcile::toy::Toy;

    use super::*;
    use crate::stage;

    #[rstest]
    #[case::in_time(json!("1h"), 3_599, true)]
    #[case::section_3_4_exactly(json!("1h"), 3_600, false)]
    #[case::row_n7_the_default(json!(null), 720 * 3_600 - 1, true)]
    #[case::row_n7_the_default_is_over(json!(null), 720 * 3_600, false)]
    #[case::never(json!("Never"), 9_000 * 3_600, true)]
    #[case::at_once(json!("0s"), 0, false)]
    fn a_claim_lives_as_long_as_it_says(
        #[case] expire_after: serde_json::Value,
        #[case] seconds: u64,
        #[case] lives: bool,
    ) {
        let knowledge = stage::knowledge(Settings::default());
        let mut toy = Toy::new(vec![Box::new(Keyed::new(Expiry::new(Arc::clone(&knowledge))))]);
        let mut claim = stage::node_claim("a", "general", "default");
        claim["spec"]["expireAfter"] = expire_after;
        toy.create(Kind::NodeClaim, claim);
        toy.run(Duration::from_secs(seconds));
        assert_eq!(toy.state.node_claims.len() == 1, lives);
        let counted = r#"karpenter_nodeclaims_disrupted_total{reason="expired",nodepool="general""#;
        assert_eq!(knowledge.metrics.text().contains(counted), !lives, "{}", knowledge.metrics.text());
        assert_eq!(knowledge.journal.last() > 0, !lives);
    }
    #[rstest]
    #[case::of_a_node_pool("general", true)]
    #[case::standalone("", false)]
    fn under_budgets_a_claim_waits_for_its_turn(#[case] pool: &str, #[case] waits: bool) {
        let settings = Settings { expire_under_budgets: true, ..Settings::default() };
        let knowledge = stage::knowledge(settings.clone());
        let mut toy = Toy::new(vec![Box::new(Keyed::new(Expiry::new(knowledge)))]);
        let mut claim = stage::node_claim("a", pool, "default");
        claim["spec"]["expireAfter"] = json!("1h");
        toy.create(Kind::NodeClaim, claim);
        toy.run(Duration::from_secs(3_599));
        let found = |toy: &Toy| {
            let claim = toy.state.node_claims.get(&Key::cluster("a"))?;
            expired_in_turn(&settings, claim, toy.now)
        };
        assert_eq!(found(&toy), None);
        toy.run(Duration::from_secs(1));
        assert_eq!(toy.state.node_claims.is_empty(), !waits);
        assert_eq!(found(&toy).map(|(reason, _)| reason), waits.then(|| "Expired".to_owned()));
    }
}
