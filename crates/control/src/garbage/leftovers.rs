//! Instance profiles and launch templates that nothing uses any more (reference sections 5.1 and 5.6).
//!
//! Karpenter deletes a launch template a minute after its last use and makes it again for the next launch. Here it stays
//! for an hour, which saves two calls per launch (reference row 9.2-17).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use supercargo_api::labels::keys;
use supercargo_cloud::{CloudError, CloudProvider, InstanceQuery, Selector, tags};
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Outcome, Part, State};

use crate::knowledge::Knowledge;
use crate::outside::{CloudAnswer, CloudRequest};

/// How often it is looked for them (reference section 5.1).
const EVERY: Duration = Duration::from_secs(30 * 60);
/// Younger ones, and those used within this time, are spared (reference section 5.1).
const SPARED: Duration = Duration::from_secs(3_600);

/// What is to be looked for, and what is to stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// The name of the cluster.
    pub cluster: String,
    /// Instance profiles that classes or claims name.
    pub profiles: BTreeSet<String>,
    /// Launch templates that were not known an hour ago.
    pub templates: BTreeSet<String>,
    /// Launch templates that are known; others are new and stay.
    pub known_templates: BTreeSet<String>,
    /// The time.
    pub now: Timestamp,
}

impl Sweep {
    /// Deletes what nothing uses. Returns the names of the launch templates that are left.
    pub async fn perform(&self, provider: &dyn CloudProvider) -> Result<Vec<String>, CloudError> {
        let query = InstanceQuery::of_cluster(&self.cluster);
        let instances = provider.describe_instances(&query).await?;
        let is_recent = |moment: Timestamp| moment.checked_add(SPARED).is_ok_and(|end| end > self.now);
        let path = format!("/karpenter/{}/{}/", provider.region(), self.cluster);
        for profile in provider.list_instance_profiles(&path).await? {
            let in_use =
                instances.iter().any(|instance| instance.instance_profile.as_ref() == Some(&profile.name));
            if !in_use && !self.profiles.contains(&profile.name) && !is_recent(profile.created_at) {
                gone(provider.delete_instance_profile(&profile.name).await)?;
            }
        }
        let selector = Selector::tag(tags::EKS_CLUSTER, &self.cluster);
        let mut left = Vec::new();
        for template in provider.describe_launch_templates(&[selector]).await? {
            let used = |name: &str| {
                let mut launched =
                    instances.iter().filter(|one| one.launch_template.as_deref() == Some(name));
                launched.any(|one| is_recent(one.launched_at))
            };
            let name = template.name;
            let is_old = self.known_templates.contains(&name) && !self.templates.contains(&name);
            if is_old && !used(&name) {
                gone(provider.delete_launch_template(&name).await)?;
            } else {
                left.push(name);
            }
        }
        Ok(left)
    }
}

/// What is gone already is no error.
fn gone(result: Result<(), CloudError>) -> Result<(), CloudError> {
    match result {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// Looks for instance profiles and launch templates that nothing uses.
pub struct Leftovers {
    knowledge: Arc<Knowledge>,
    next: Option<Timestamp>,
    last_ticket: u64,
    /// Launch templates, and when they were first seen.
    templates: BTreeMap<String, Timestamp>,
}

impl Leftovers {
    /// A part that looks for the first time at once.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge, next: Some(Timestamp::MIN), last_ticket: 0, templates: BTreeMap::new() }
    }
}

impl Part for Leftovers {
    fn name(&self) -> &'static str {
        "leftovers"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::EC2NodeClass, Kind::NodeClaim]
    }

    fn observe(&mut self, _: &Change, _: &State, _: Timestamp) {}

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        self.next = None;
        let of_classes =
            state.node_classes.values().filter_map(|class| class.status.as_ref()?.instance_profile.clone());
        let of_claims = state.node_claims.values().filter_map(|claim| {
            claim.metadata.annotations.as_ref()?.get(keys::INSTANCE_PROFILE_NAME).cloned()
        });
        let young = self.templates.iter().filter(|(_, seen)| now < **seen + SPARED);
        let sweep = Sweep {
            cluster: self.knowledge.cluster.name.clone(),
            profiles: of_classes.chain(of_claims).collect(),
            templates: young.map(|(name, _)| name.clone()).collect(),
            known_templates: self.templates.keys().cloned().collect(),
            now,
        };
        self.last_ticket += 1;
        let request = CloudRequest::Sweep(sweep);
        vec![Action::ask(Kind::EC2NodeClass, Key::cluster(""), self.last_ticket, request)]
    }

    fn done(&mut self, _: &Action, _: &Outcome, _: &State, _: Timestamp) {}

    fn answered(&mut self, _: u64, answer: Answer, _: &State, now: Timestamp) {
        self.next = Some(now + EVERY);
        match answer.downcast::<CloudAnswer>().map(|answer| *answer) {
            Ok(CloudAnswer::Swept(Ok(left))) => {
                let known = std::mem::take(&mut self.templates);
                let seen = |name: &String| known.get(name).copied().unwrap_or(now);
                self.templates = left.into_iter().map(|name| (name.clone(), seen(&name))).collect();
            }
            Ok(CloudAnswer::Swept(Err(problem))) => {
                tracing::debug!(%problem, "leftovers could not be cleaned up");
            }
            _ => {}
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        self.next
    }
}
