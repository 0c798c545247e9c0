//! Calls against a simulated region, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kube::Client;
use kube::api::Api;
use rstest::rstest;
use serde_json::json;
use supercargo_api::NodeClaim;
use supercargo_apiserver::{Server, ServerOptions};
use supercargo_catalog::CapacityType;
use supercargo_clock::{Clock, Time};
use supercargo_cloud::launch::LaunchPlan;
use supercargo_cloud::{
    Action, CloudError, FleetAnswer, FleetConfig, FleetError, FleetInstances, FleetOverride, FleetRequest,
    LaunchTemplateData, LaunchTemplateRequest, PurchaseOption,
};
use supercargo_cloud_sim::{InterruptionOptions, PatientRegion, Region, RegionOptions};

use super::calls::parts;
use super::{Fleets, queue};
use crate::launching::{Company, Together};
use crate::outside::cloud::Launch;
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
    let configs = vec![FleetConfig { launch_template: TEMPLATE.to_owned(), overrides }];
    FleetRequest { configs, ..queue::tests::request(0, token) }
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

/// A region in which nothing happens by chance, and calls take their time.
fn region(time: &Time) -> Region {
    let clock: Arc<dyn Clock> = Arc::new(time.clone());
    Region::new(RegionOptions {
        interruptions: InterruptionOptions { hazard: 0.0, ..InterruptionOptions::default() },
        ..RegionOptions::new(clock, 1)
    })
}

fn start() -> Time {
    Time::paused("2026-03-02T09:00:00Z".parse().unwrap())
}

/// An API server with a claim for each of so many launches.
async fn claims(time: &Time, count: usize) -> (Server, Client) {
    let server = Server::new(ServerOptions::new(Arc::new(time.clone()), 1)).unwrap();
    let client = server.client();
    crate::installation::apply(&client, None, true, |_| ()).await.unwrap();
    let claims: Api<NodeClaim> = Api::all(client.clone());
    for number in 0..count {
        let mut claim = stage::node_claim(&format!("c-{number}"), "general", "default");
        claim["spec"]["requirements"] = json!([{"key": "a", "operator": "Exists"}]);
        claims.create(&Default::default(), &serde_json::from_value(claim).unwrap()).await.unwrap();
    }
    (server, client)
}

fn launch(
    number: usize,
    template: &LaunchTemplateRequest,
    request: FleetRequest,
    company: Company,
) -> Launch {
    let plan = LaunchPlan {
        capacity_type: CapacityType::OnDemand,
        instance_types: Vec::new(),
        templates: vec![template.clone()],
        request,
        addresses: Default::default(),
        warnings: Vec::new(),
    };
    Launch { plan, claim: format!("c-{number}"), company }
}

/// Makes all launches at once; what each got.
async fn all(fleets: &Fleets, launches: &[Launch]) -> Vec<String> {
    let launches = launches.iter().map(|launch| async move {
        supercargo_cloud::launch::perform(&fleets.of(launch), &launch.plan).await
    });
    let launched = join_all(launches).await;
    launched.into_iter().map(|launched| launched.unwrap().instance_id).collect()
}

#[tokio::test(start_paused = true)]
async fn of_a_burst_those_that_ask_for_the_same_go_together_and_none_is_refused() {
    let time = start();
    let region = region(&time);
    let provider = Arc::new(PatientRegion::on(region.clone(), &time));
    let knowledge = stage::knowledge(Settings::default());
    let (_server, client) = claims(&time, 300).await;
    let fleets = Fleets::new(provider, Some(client.clone()), time.clone(), Arc::clone(&knowledge));
    let template = template(&region);
    let (even, odd) = (
        offers(&region, &["m6i.large", "m5.large", "m7i.large"]),
        offers(&region, &["c6i.large", "c5.large"]),
    );
    let begun = time.now();
    let launches: Vec<Launch> = (0..300)
        .map(|number| {
            let request = request(number, if number % 2 == 0 { even.clone() } else { odd.clone() });
            launch(number, &template, request, Company::Any)
        })
        .collect();
    let got = all(&fleets, &launches).await;
    assert_eq!(got.iter().collect::<BTreeSet<_>>().len(), 300, "nobody gets what another has");
    let text = knowledge.metrics.text();
    let calls = "karpenter_cloudprovider_batcher_batch_size_count{batcher=\"create_fleet\"} ";
    let calls: usize = text.lines().find_map(|line| line.strip_prefix(calls)).unwrap().parse().unwrap();
    assert!((16..=20).contains(&calls), "{calls}");
    // the last call is made within a quarter of a second, and takes its time
    assert!(time.now().duration_since(begun).as_secs() < 5);

    // whoever forgot all of it hears the same again, also for a few of them
    let claims: Api<NodeClaim> = Api::all(client);
    let mut told: BTreeMap<String, Arc<Together>> = BTreeMap::new();
    for claim in claims.list(&Default::default()).await.unwrap() {
        for together in Together::told_by(&claim).map(Arc::new) {
            let token = claim.metadata.name.as_ref().unwrap().replace("c-", "uid-");
            assert_eq!(together.members()[0], token, "the first of them tells");
            told.extend(together.members().iter().map(|member| (member.clone(), Arc::clone(&together))));
        }
    }
    assert!(told.len() > 250, "{}", told.len());
    let other = Fleets::new(
        Arc::new(PatientRegion::on(region.clone(), &time)),
        None,
        time.clone(),
        stage::knowledge(Settings::default()),
    );
    time.sleep(Duration::from_secs(60)).await;
    let again: Vec<Launch> = launches
        .into_iter()
        .enumerate()
        .filter(|(number, _)| number % 7 < 3)
        .map(|(_, launch)| {
            let known = told.get(launch.plan.request.client_token.as_ref().unwrap());
            let company = known.map_or(Company::Nobody, |together| Company::Known(Arc::clone(together)));
            Launch { company, ..launch }
        })
        .collect();
    let expected: Vec<&String> =
        got.iter().enumerate().filter(|(number, _)| number % 7 < 3).map(|(_, got)| got).collect();
    assert_eq!(all(&other, &again).await.iter().collect::<Vec<_>>(), expected);
    assert_eq!(region.census().launched, 300);
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_before_the_call_gets_nothing_and_is_not_paid_for() {
    let time = start();
    let region = region(&time);
    let provider = Arc::new(PatientRegion::on(region.clone(), &time));
    let (_server, client) = claims(&time, 40).await;
    let fleets =
        Fleets::new(provider, Some(client.clone()), time.clone(), stage::knowledge(Settings::default()));
    let template = template(&region);
    let offers = offers(&region, &["m6i.large"]);
    // the first sixteen go alone, and the next one is the first of the others
    let gone: Api<NodeClaim> = Api::all(client);
    for number in 16..18 {
        gone.delete(&format!("c-{number}"), &Default::default()).await.unwrap();
    }
    let launches: Vec<Launch> = (0..40)
        .map(|number| launch(number, &template, request(number, offers.clone()), Company::Any))
        .collect();
    let launches = launches
        .iter()
        .map(|launch| async { supercargo_cloud::launch::perform(&fleets.of(launch), &launch.plan).await });
    let answers = join_all(launches).await;
    let failed: Vec<usize> = (0..40).filter(|number| answers[*number].is_err()).collect();
    assert_eq!(failed, [16, 17]);
    assert_eq!(region.census().launched, 38);
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
    let answer = FleetAnswer { fleet_id: "f".to_owned(), instances: vec![instances], errors: vec![error] };
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
