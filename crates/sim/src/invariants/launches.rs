//! One claim, one launch: also where several claims were launched in one call.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use jiff::Timestamp;
use supercargo_cloud_sim::Region;
use supercargo_control::launching::Together;

use super::{Checks, Invariant};
use crate::world::Audit;

/// Characters of a uid, with which the token of a launch begins.
const UID: usize = 36;

/// Takes notice of what the controllers write down before they call for several claims.
pub(super) fn note(checks: &mut Checks, audit: &Audit) {
    if audit.method != Method::PATCH || !audit.path.starts_with("/apis/karpenter.sh/v1/nodeclaims/") {
        return;
    }
    let Some(annotations) = audit.body["metadata"]["annotations"].as_object() else { return };
    for (key, value) in annotations {
        if let Some(together) = value.as_str().and_then(|value| Together::read(key, value)) {
            checks.together.insert(together.token().to_owned(), together.members().to_vec());
        }
    }
}

/// Checks that no claim was launched twice, and that no call launched more than it was made for.
pub(super) fn check(checks: &mut Checks, region: &Region, now: Timestamp) {
    let mut launches: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = BTreeSet::new();
    for (token, launched) in region.launches() {
        let (asked, machines) = (launched.asked, launched.machines);
        if machines > asked {
            wrong.insert(format!(
                "{machines} machines were launched by call {token}, which asked for {asked}"
            ));
        }
        match checks.together.get(&token) {
            // the first machine is the first launch's, and so on
            Some(members) => {
                if asked > members.len() {
                    let claims = members.len();
                    wrong.insert(format!(
                        "{asked} machines were asked for by call {token} for {claims} claims"
                    ));
                }
                for member in members.iter().take(machines) {
                    *launches.entry(member.chars().take(UID).collect()).or_default() += 1;
                }
            }
            None => *launches.entry(token.chars().take(UID).collect()).or_default() += machines,
        }
    }
    for (uid, machines) in launches.into_iter().filter(|(_, machines)| *machines > 1) {
        wrong.insert(format!("{machines} machines were launched for the claim of uid {uid}"));
    }
    for what in wrong {
        checks.violated(now, Invariant::DoubleLaunch, what);
    }
}
