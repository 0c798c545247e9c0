//! Calls, and who hears what of their answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use supercargo_api::NodeClaim;
use supercargo_clock::{Clock, Time};
use supercargo_cloud::launch::{Direct, Launcher};
use supercargo_cloud::{
    Action, CloudError, CloudProvider, FleetAnswer, FleetInstances, FleetRequest, LaunchTemplateRequest,
    Reply,
};

use super::queue::{Asked, Heard, Queue, Turn};
use crate::knowledge::Knowledge;
use crate::launching::{Company, Together};
use crate::outside::cloud::Launch;

/// How long a launch template counts as being there once it was seen.
const REMEMBERED: Duration = Duration::from_secs(600);
/// The wait before another try to write a call down.
const RETRY: Duration = Duration::from_millis(500);
/// Who writes it down.
const MANAGER: &str = "supercargo";
/// What metrics call this.
const BATCHER: &str = "create_fleet";

/// Whether a launch template is there, once whoever looks has seen.
type Known = Arc<tokio::sync::Mutex<bool>>;

/// The way of CreateFleet calls to a cloud.
pub(in crate::outside) struct Fleets {
    provider: Arc<dyn CloudProvider>,
    /// Where calls for several are written down.
    client: Option<Client>,
    time: Time,
    knowledge: Arc<Knowledge>,
    queue: Mutex<Queue>,
    /// By name of a launch template: since when it is known of, and whether it is there.
    templates: Mutex<BTreeMap<String, (Duration, Known)>>,
}

/// The way of one launch's calls.
pub(in crate::outside) struct OfLaunch<'f> {
    fleets: &'f Fleets,
    launch: &'f Launch,
}

impl Launcher for OfLaunch<'_> {
    fn ensure<'a>(&'a self, template: &'a LaunchTemplateRequest) -> Reply<'a, ()> {
        Box::pin(self.fleets.ensure(template))
    }

    fn make<'a>(&'a self, template: &'a LaunchTemplateRequest) -> Reply<'a, ()> {
        Box::pin(async move { Direct(&*self.fleets.provider).make(template).await })
    }

    fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer> {
        let Launch { claim, company, .. } = self.launch;
        Box::pin(self.fleets.create(Asked { request, claim, company }))
    }
}

impl Fleets {
    pub(in crate::outside) fn new(
        provider: Arc<dyn CloudProvider>,
        client: Option<Client>,
        time: Time,
        knowledge: Arc<Knowledge>,
    ) -> Self {
        let queue = Mutex::new(Queue::new(time.elapsed()));
        Self { provider, client, time, knowledge, queue, templates: Mutex::default() }
    }

    /// The way of this launch's calls.
    pub(in crate::outside) fn of<'f>(&'f self, launch: &'f Launch) -> OfLaunch<'f> {
        OfLaunch { fleets: self, launch }
    }

    /// Calls CreateFleet, alone or with others that ask for the same.
    async fn create(&self, asked: Asked<'_>) -> Heard {
        let turn = self.queue().enter(asked, self.time.elapsed());
        let Turn::Later(heard, leads) = turn else {
            self.knowledge.metrics.batch_sent(BATCHER, 1, Duration::ZERO);
            return self.provider.create_fleet(asked.request).await;
        };
        if let Some(number) = leads {
            self.lead(number).await;
        }
        // who calls for all answers all, and goes only with them
        heard.await.unwrap_or_else(|_| Err(canceled("the call was given up")))
    }

    /// Sees to it that a launch template is there: once, however many launches need it. It is made without a look, which would
    /// cost a call before each first launch; one that is there already is as good.
    async fn ensure(&self, template: &LaunchTemplateRequest) -> Result<(), CloudError> {
        let known = {
            let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.time.elapsed();
            templates.retain(|_, (at, _)| now.saturating_sub(*at) < REMEMBERED);
            Arc::clone(&templates.entry(template.name.clone()).or_insert_with(|| (now, Arc::default())).1)
        };
        let mut is_there = known.lock().await;
        if !*is_there {
            Direct(&*self.provider).make(template).await?;
            *is_there = true;
        }
        Ok(())
    }

    /// Calls for a group when its turn has come.
    async fn lead(&self, number: u64) {
        self.turn(number).await;
        let together = self.write_down(number).await;
        // writing takes time, and others have called since
        self.turn(number).await;
        let Some(group) = self.queue().take(number, self.time.elapsed()) else { return };
        let window = self.time.elapsed().saturating_sub(group.since);
        self.knowledge.metrics.batch_sent(BATCHER, group.waiting.len(), window);
        let Some(together) = together else {
            // nobody else came
            for waiting in group.waiting {
                let client_token = Some(waiting.token).filter(|token| !token.is_empty());
                let request = FleetRequest { client_token, ..group.request.clone() };
                // who asked may have gone
                let _ = waiting.sender.send(self.provider.create_fleet(&request).await);
            }
            return;
        };
        let count = together.members().len();
        let request = FleetRequest {
            target_capacity: u32::try_from(count).unwrap_or(u32::MAX),
            client_token: Some(together.token().to_owned()),
            ..group.request
        };
        let answer = self.provider.create_fleet(&request).await;
        self.queue().note(&together, answer.is_err());
        let mut parts: BTreeMap<&str, Heard> =
            together.members().iter().map(String::as_str).zip(parts(answer, count)).collect();
        for waiting in group.waiting {
            let part = parts.remove(waiting.token.as_str());
            let _ = waiting.sender.send(part.unwrap_or_else(|| Err(canceled("the call was for others"))));
        }
    }

    /// Waits until a group may be called for.
    async fn turn(&self, number: u64) {
        loop {
            let wait = self.queue().wait(number, self.time.elapsed());
            if wait.is_zero() {
                return;
            }
            self.time.sleep(wait).await;
        }
    }

    /// Closes a group and has its first claim tell whose launches are called for, unless it is only one, or that is known. A
    /// claim that is gone is left out; as long as the API server cannot be reached nothing is called for.
    async fn write_down(&self, number: u64) -> Option<Arc<Together>> {
        loop {
            let closed = self.queue().close(number)?;
            if let Company::Known(together) = closed.company {
                return Some(together);
            }
            let [(_, first), _, ..] = &closed.members[..] else { return None };
            let tokens = closed.members.iter().map(|(token, _)| token.clone());
            let together = Arc::new(Together::of(tokens.collect()));
            let Some(client) = &self.client else { return Some(together) };
            match tell(client, first, &together).await {
                Ok(()) => return Some(together),
                Err(kube::Error::Api(status)) if status.code == 404 => {
                    let gone = self.queue().give_up_first(number);
                    if let Some(gone) = gone {
                        let _ = gone.sender.send(Err(canceled("its node claim is gone")));
                    }
                }
                Err(problem) => {
                    tracing::warn!(node_claim = first, %problem, "a launch of several claims could not be noted, tried again");
                    self.time.sleep(RETRY).await;
                }
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // it is changed whole, so what a panicking thread left is still good
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn canceled(why: &str) -> CloudError {
    CloudError::new(Action::CreateFleet, "RequestCanceled", why.to_owned())
}

/// Has a claim tell whose launches are called for together.
async fn tell(client: &Client, claim: &str, together: &Together) -> Result<(), kube::Error> {
    let (key, value) = together.annotation();
    let patch = json!({"metadata": {"annotations": {key: value}}});
    let claims: Api<NodeClaim> = Api::all(client.clone());
    let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    claims.patch_metadata(claim, &parameters, &Patch::Merge(&patch)).await.map(|_| ())
}

/// The answer to a request for several, as each of them hears it: an instance, as long as there are any, else what was refused.
pub(super) fn parts(answer: Heard, count: usize) -> Vec<Heard> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return vec![Err(error); count],
    };
    let FleetAnswer { fleet_id, instances, errors } = answer;
    let mut each = instances.into_iter().flat_map(|group| {
        let FleetInstances { launch_template, chosen, capacity_type, instance_ids } = group;
        instance_ids.into_iter().map(move |id| FleetInstances {
            launch_template: launch_template.clone(),
            chosen: chosen.clone(),
            capacity_type,
            instance_ids: vec![id],
        })
    });
    (0..count)
        .map(|position| {
            let instance = each.next();
            // refusals are news once, and the reason of those that get nothing
            let told = position == 0 || instance.is_none();
            Ok(FleetAnswer {
                fleet_id: fleet_id.clone(),
                instances: instance.into_iter().collect(),
                errors: if told { errors.clone() } else { Vec::new() },
            })
        })
        .collect()
}
