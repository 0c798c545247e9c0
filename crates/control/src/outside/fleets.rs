//! CreateFleet calls, no more of them than EC2 answers: it takes fifty at once and five a second.
//!
//! ```text
//! launches ──> a call each, as long as EC2 takes them
//!         └──> beyond that: those that ask for the same become one call, which is made as soon as EC2 takes another
//! ```
//!
//! A call for one claim has the claim's token, so that a launch which was forgotten is not made twice. A call for several has a
//! token made of theirs: it is the same if they are asked for together again; else the instances that nobody knows of are
//! ended as leaked. So calls are put together only where they would be refused otherwise (reference section 5.4, batchers).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot::{Receiver, Sender, channel};
use serde_json::json;
use supercargo_clock::{Clock, Time};
use supercargo_cloud::launch::{Direct, Launcher};
use supercargo_cloud::{
    Action, CloudError, CloudProvider, FleetAnswer, FleetInstances, FleetRequest, LaunchTemplateRequest,
    Reply,
};

use crate::digest::digest;
use crate::knowledge::Knowledge;

/// Calls at once: what EC2 documents, with some left for others of the account.
const AT_ONCE: f64 = 45.0;
/// Calls a second.
const PER_SECOND: f64 = 4.5;
/// Instances in one call at most, so that one answer does not decide about everything.
const MOST: usize = 250;
/// How long a launch template counts as being there once it was seen.
const REMEMBERED: Duration = Duration::from_secs(600);
/// What metrics call this.
const BATCHER: &str = "create_fleet";

/// What one of several that ask for the same hears.
type Heard = Result<FleetAnswer, CloudError>;

/// Launches that ask for the same and wait.
#[derive(Debug)]
struct Group {
    /// What they ask for, without a token.
    request: FleetRequest,
    waiting: Vec<(Option<String>, Sender<Heard>)>,
    since: Duration,
}

#[derive(Debug)]
struct Queue {
    /// Calls that EC2 takes now.
    left: f64,
    at: Duration,
    groups: Vec<Group>,
}

/// Whether a launch template is there, once whoever looks has seen.
type Known = Arc<tokio::sync::Mutex<bool>>;

/// The way of CreateFleet calls to a cloud.
pub(super) struct Fleets {
    provider: Arc<dyn CloudProvider>,
    time: Time,
    knowledge: Arc<Knowledge>,
    queue: Mutex<Queue>,
    /// By name of a launch template: since when it is known of, and whether it is there.
    templates: Mutex<BTreeMap<String, (Duration, Known)>>,
}

impl Launcher for Fleets {
    fn ensure<'a>(&'a self, template: &'a LaunchTemplateRequest) -> Reply<'a, ()> {
        Box::pin(Self::ensure(self, template))
    }

    fn make<'a>(&'a self, template: &'a LaunchTemplateRequest) -> Reply<'a, ()> {
        Box::pin(async move { Direct(&*self.provider).make(template).await })
    }

    fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer> {
        Box::pin(self.create(request))
    }
}

impl Fleets {
    pub(super) fn new(provider: Arc<dyn CloudProvider>, time: Time, knowledge: Arc<Knowledge>) -> Self {
        let queue = Queue { left: AT_ONCE, at: time.elapsed(), groups: Vec::new() };
        Self { provider, time, knowledge, queue: Mutex::new(queue), templates: Mutex::default() }
    }

    /// Calls CreateFleet, alone or with others that ask for the same.
    async fn create(&self, request: &FleetRequest) -> Heard {
        let Some((heard, leads)) = self.queue().enter(request, self.time.elapsed()) else {
            self.knowledge.metrics.batch_sent(BATCHER, 1, Duration::ZERO);
            return self.provider.create_fleet(request).await;
        };
        if leads {
            self.lead(request).await;
        }
        // who calls for all answers all, and goes only with them
        heard.await.unwrap_or_else(|_| {
            Err(CloudError::new(Action::CreateFleet, "RequestCanceled", "the call was given up".to_owned()))
        })
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

    /// Waits until EC2 takes another call, and calls for all that ask for the same by then.
    async fn lead(&self, request: &FleetRequest) {
        let group = loop {
            let wait = self.queue().wait(self.time.elapsed());
            if wait.is_zero() {
                break self.queue().take(request, self.time.elapsed());
            }
            self.time.sleep(wait).await;
        };
        let Some(group) = group else { return };
        let window = self.time.elapsed().saturating_sub(group.since);
        self.knowledge.metrics.batch_sent(BATCHER, group.waiting.len(), window);
        let count = group.waiting.len();
        let answer = self.provider.create_fleet(&together(&group)).await;
        for ((_, sender), answer) in group.waiting.into_iter().zip(parts(answer, count)) {
            // who asked may have gone
            let _ = sender.send(answer);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // it is changed whole, so what a panicking thread left is still good
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn refill(&mut self, now: Duration) {
        let gained = now.saturating_sub(self.at).as_secs_f64() * PER_SECOND;
        self.at = self.at.max(now);
        self.left = (self.left + gained).min(AT_ONCE);
    }

    /// Nothing if the call may be made at once; else where its answer will be, and whether it has to be sent for by who asks.
    fn enter(&mut self, request: &FleetRequest, now: Duration) -> Option<(Receiver<Heard>, bool)> {
        self.refill(now);
        if self.groups.is_empty() && self.left >= 1.0 {
            self.left -= 1.0;
            return None;
        }
        let (sender, heard) = channel();
        let asked = FleetRequest { client_token: None, ..request.clone() };
        let waiting = (request.client_token.clone(), sender);
        let open = |group: &&mut Group| group.waiting.len() < MOST && group.request == asked;
        if let Some(group) = self.groups.iter_mut().find(open) {
            group.waiting.push(waiting);
            return Some((heard, false));
        }
        self.groups.push(Group { request: asked, waiting: vec![waiting], since: now });
        Some((heard, true))
    }

    /// How long until EC2 takes another call; zero if it does now.
    fn wait(&mut self, now: Duration) -> Duration {
        self.refill(now);
        if self.left >= 1.0 {
            return Duration::ZERO;
        }
        // a little more, so that rounding does not make a second wait of it
        Duration::from_secs_f64((1.0 - self.left) / PER_SECOND) + Duration::from_millis(1)
    }

    /// The group that was begun by this request, to be called for.
    fn take(&mut self, request: &FleetRequest, now: Duration) -> Option<Group> {
        self.refill(now);
        let is_own =
            |group: &Group| group.waiting.first().is_some_and(|(token, _)| *token == request.client_token);
        let position = self.groups.iter().position(is_own)?;
        self.left -= 1.0;
        Some(self.groups.remove(position))
    }
}

/// One request for all of a group.
fn together(group: &Group) -> FleetRequest {
    let mut tokens: Vec<&str> = group.waiting.iter().filter_map(|(token, _)| token.as_deref()).collect();
    tokens.sort_unstable();
    let client_token = match tokens[..] {
        [] => None,
        [only] => Some(only.to_owned()),
        _ => Some(format!("together-{}", digest(&json!(tokens)))),
    };
    let target_capacity = u32::try_from(group.waiting.len()).unwrap_or(u32::MAX);
    FleetRequest { target_capacity, client_token, ..group.request.clone() }
}

/// The answer to a request for several, as each of them hears it: an instance, as long as there are any, else what was refused.
fn parts(answer: Heard, count: usize) -> Vec<Heard> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use futures::future::join_all;
    use rstest::rstest;
    use supercargo_catalog::CapacityType;
    use supercargo_cloud::{
        AllocationStrategy, FleetConfig, FleetError, FleetOverride, LaunchTemplateData, PurchaseOption,
    };
    use supercargo_cloud_sim::{InterruptionOptions, PatientRegion, Region, RegionOptions};

    use super::*;
    use crate::settings::Settings;
    use crate::stage;

    const TEMPLATE: &str = "burst";

    fn template(region: &Region) -> LaunchTemplateRequest {
        LaunchTemplateRequest {
            name: TEMPLATE.to_owned(),
            data: LaunchTemplateData {
                image_id: region.describe_images(&[]).outcome.unwrap().remove(0).id,
                security_group_ids: vec![region.describe_security_groups(&[]).outcome.unwrap().remove(0).id],
                ..LaunchTemplateData::default()
            },
            tags: Default::default(),
            dry_run: false,
        }
    }

    fn request(token: usize, overrides: Vec<FleetOverride>) -> FleetRequest {
        FleetRequest {
            configs: vec![FleetConfig { launch_template: TEMPLATE.to_owned(), overrides }],
            target_capacity: 1,
            purchase: PurchaseOption::OnDemand,
            strategy: AllocationStrategy::LowestPrice,
            instance_tags: Default::default(),
            fleet_tags: Default::default(),
            context: None,
            client_token: Some(format!("uid-{token}")),
            dry_run: false,
        }
    }

    fn offers(region: &Region, types: &[&str]) -> Vec<FleetOverride> {
        let subnets = region.describe_subnets(&[]).outcome.unwrap();
        let offer = |instance_type: &&str| {
            let instance_type = (*instance_type).to_owned();
            subnets.iter().map(move |subnet| FleetOverride {
                instance_type: instance_type.clone(),
                subnet_id: subnet.id.clone(),
                zone: subnet.zone.clone(),
                ..FleetOverride::default()
            })
        };
        types.iter().flat_map(offer).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn launches_beyond_what_ec2_takes_are_made_together_and_none_is_refused() {
        let time = Time::paused("2026-03-02T09:00:00Z".parse().unwrap());
        let clock: Arc<dyn Clock> = Arc::new(time.clone());
        let region = Region::new(RegionOptions {
            interruptions: InterruptionOptions { hazard: 0.0, ..InterruptionOptions::default() },
            ..RegionOptions::new(clock, 1)
        });
        let provider = Arc::new(PatientRegion::on(region.clone(), &time));
        let knowledge = stage::knowledge(Settings::default());
        let fleets = Fleets::new(provider, time.clone(), Arc::clone(&knowledge));
        let template = template(&region);
        let (even, odd) = (
            offers(&region, &["m6i.large", "m5.large", "m7i.large"]),
            offers(&region, &["c6i.large", "c5.large"]),
        );
        let begun = time.now();
        let launches = (0..300).map(|number| {
            let request = request(number, if number % 2 == 0 { even.clone() } else { odd.clone() });
            let (fleets, template) = (&fleets, &template);
            async move {
                Launcher::ensure(fleets, template).await?;
                Launcher::create_fleet(fleets, &request).await
            }
        });
        let answers = join_all(launches).await;
        let all: Vec<String> = answers
            .iter()
            .flat_map(|answer| answer.as_ref().unwrap().instance_ids().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        assert_eq!(all.len(), 300);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 300, "nobody gets what another has");
        let text = knowledge.metrics.text();
        let calls = "karpenter_cloudprovider_batcher_batch_size_count{batcher=\"create_fleet\"} ";
        let calls: usize = text.lines().find_map(|line| line.strip_prefix(calls)).unwrap().parse().unwrap();
        assert!((45..=48).contains(&calls), "{calls}");
        // the last call is made within half a second, and takes its time
        assert!(time.now().duration_since(begun).as_secs() < 5);
    }

    fn group(tokens: &[&str]) -> Group {
        let waiting = tokens.iter().map(|token| (Some((*token).to_owned()), channel().0)).collect();
        let request = FleetRequest { client_token: None, ..request(0, Vec::new()) };
        Group { request, waiting, since: Duration::ZERO }
    }

    #[test]
    fn the_same_launches_have_the_same_token_in_whatever_order_they_come() {
        let (one, other) = (together(&group(&["a", "b", "c"])), together(&group(&["c", "a", "b"])));
        assert_eq!(one, other);
        assert_eq!(one.target_capacity, 3);
        assert_ne!(one.client_token, together(&group(&["a", "b"])).client_token);
        assert_eq!(together(&group(&["a"])).client_token.as_deref(), Some("a"));
    }

    #[rstest]
    #[case::all(3, &[true, true, true])]
    #[case::some(1, &[true, false, false])]
    #[case::none(0, &[false, false, false])]
    fn each_hears_of_its_own_instance_or_why_it_has_none(#[case] got: usize, #[case] expected: &[bool]) {
        let error = FleetError {
            launch_template: TEMPLATE.to_owned(),
            refused: FleetOverride::default(),
            purchase: PurchaseOption::OnDemand,
            code: "InsufficientInstanceCapacity".to_owned(),
            message: String::new(),
        };
        let instances = FleetInstances {
            launch_template: TEMPLATE.to_owned(),
            chosen: FleetOverride::default(),
            capacity_type: CapacityType::OnDemand,
            instance_ids: (0..got).map(|number| format!("i-{number}")).collect(),
        };
        let answer =
            FleetAnswer { fleet_id: "f".to_owned(), instances: vec![instances], errors: vec![error] };
        let heard = parts(Ok(answer), 3);
        let has: Vec<bool> =
            heard.iter().map(|answer| answer.as_ref().unwrap().instance_ids().count() == 1).collect();
        assert_eq!(has, expected);
        for (answer, has) in heard.iter().zip(has).skip(1) {
            assert_eq!(
                answer.as_ref().unwrap().errors.is_empty(),
                has,
                "refusals are told once, or where nothing came"
            );
        }
        let refused = CloudError::new(Action::CreateFleet, "RequestLimitExceeded", String::new());
        assert_eq!(parts(Err(refused.clone()), 2), vec![Err(refused.clone()), Err(refused)]);
    }
}
