//! In which partition of its placement group an instance is: EC2 is asked before its node registers, so that no pod that is
//! spread over partitions meets a node without that label (reference row R3).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::NodeClaim;
use supercargo_api::labels::keys;
use supercargo_cloud::{Instance, InstanceQuery, ProviderId};
use supercargo_reconcile::{Action, Key, Kind};

use super::claims::{label, provider_id};
use crate::outside::{CloudAnswer, CloudRequest};

/// How long others are waited for that are to be asked about at the same time (reference section 5.4).
const BATCH: Duration = Duration::from_millis(100);
/// How long a call that failed, or an instance that EC2 does not know yet, waits to be asked about again.
const RETRY: Duration = Duration::from_secs(1);
/// Most instances in one call (reference section 5.4).
const MOST: usize = 500;

/// What is known of the partition of a claim's instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partition {
    /// There is nothing to find out: no placement group, one without partitions, or the claim knows.
    Settled,
    /// It is this one, and the claim does not know yet.
    Found(u32),
    /// EC2 is being asked; look again at this time.
    Asked(Timestamp),
}

#[derive(Debug)]
enum Standing {
    /// Waits for others, or to be asked about again.
    Due(Timestamp),
    /// By this call.
    UnderWay,
    /// EC2's answer.
    Known(Option<u32>),
}

#[derive(Debug)]
struct Known {
    instance_id: String,
    standing: Standing,
    /// Asked about by itself: EC2 did not know all of those that it was asked about with.
    alone: bool,
}

/// Claims whose instances are in a placement group and which do not have the label of a partition.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    claims: BTreeMap<Key, Known>,
    under_way: BTreeMap<u64, Vec<Key>>,
    last_ticket: u64,
}

impl Partitions {
    /// What is known of a launched claim, and what has to be asked for that.
    pub(super) fn of(&mut self, key: &Key, claim: &NodeClaim, now: Timestamp) -> (Partition, Option<Action>) {
        let is_open = label(claim, keys::PLACEMENT_GROUP_ID).is_some()
            && label(claim, keys::PLACEMENT_GROUP_PARTITION).is_none();
        let id = provider_id(claim).and_then(|id| id.parse::<ProviderId>().ok());
        let Some(ProviderId { instance_id, .. }) = id.filter(|_| is_open) else {
            self.claims.remove(key);
            return (Partition::Settled, None);
        };
        let known = self.claims.entry(key.clone()).or_insert_with(|| Known {
            instance_id: instance_id.clone(),
            standing: Standing::Due(now + BATCH),
            alone: false,
        });
        if known.instance_id != instance_id {
            *known = Known { instance_id, standing: Standing::Due(now + BATCH), alone: false };
        }
        match known.standing {
            Standing::Known(None) => (Partition::Settled, None),
            Standing::Known(Some(number)) => (Partition::Found(number), None),
            // the answer brings it back
            Standing::UnderWay => (Partition::Asked(now + RETRY), None),
            Standing::Due(at) if now < at => (Partition::Asked(at), None),
            Standing::Due(_) => (Partition::Asked(now + RETRY), Some(self.ask(key, now))),
        }
    }

    /// Nobody wants to know any more.
    pub(super) fn forget(&mut self, key: &Key) {
        self.claims.remove(key);
    }

    /// Asks about a claim, and about others that are due as well.
    fn ask(&mut self, key: &Key, now: Timestamp) -> Action {
        let is_due = |known: &Known| !known.alone && matches!(known.standing, Standing::Due(at) if at <= now);
        let mut keys = BTreeSet::from([key.clone()]);
        if self.claims.get(key).is_some_and(|known| !known.alone) {
            let others = self.claims.iter().filter(|(_, known)| is_due(known));
            keys.extend(others.map(|(key, _)| key.clone()).take(MOST - 1));
        }
        let mut ids = Vec::with_capacity(keys.len());
        for key in &keys {
            let Some(known) = self.claims.get_mut(key) else { continue };
            known.standing = Standing::UnderWay;
            ids.push(known.instance_id.clone());
        }
        self.last_ticket += 1;
        self.under_way.insert(self.last_ticket, keys.into_iter().collect());
        let request = CloudRequest::DescribeInstances(InstanceQuery::ids(ids));
        Action::ask(Kind::NodeClaim, key.clone(), self.last_ticket, request)
    }

    /// Takes in an answer; the claims to look at now.
    pub(super) fn answered(&mut self, ticket: u64, answer: CloudAnswer, now: Timestamp) -> Vec<Key> {
        let Some(keys) = self.under_way.remove(&ticket) else { return Vec::new() };
        let (found, alone): (BTreeMap<String, Instance>, bool) = match answer {
            CloudAnswer::Instances(Ok(instances)) => {
                (instances.into_iter().map(|instance| (instance.id.clone(), instance)).collect(), false)
            }
            // the call fails as a whole if one does not exist
            CloudAnswer::Instances(Err(error)) if error.is_not_found() => (BTreeMap::new(), true),
            _ => (BTreeMap::new(), false),
        };
        for key in &keys {
            let Some(known) = self.claims.get_mut(key) else { continue };
            known.alone |= alone;
            known.standing = match found.get(&known.instance_id) {
                Some(instance) => Standing::Known(instance.placement_partition),
                None => Standing::Due(now + RETRY),
            };
        }
        keys
    }
}
