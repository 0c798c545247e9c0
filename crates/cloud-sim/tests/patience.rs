//! A region whose calls take time: answers come after their latency, and long polls wait for messages.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use supercargo_clock::VirtualClock;
use supercargo_cloud::{BoxFuture, CloudProvider, PurchaseOption, ReceiveRequest};
use supercargo_cloud_sim::{ApiOptions, PatientRegion, Spread};
use world::{World, calm};

/// Runs a future whose waits move the clock and are over at once.
fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("waiting is over at once"),
    }
}

fn patient(world: &World) -> PatientRegion {
    let clock: Arc<VirtualClock> = Arc::clone(&world.clock);
    let sleeping = Arc::clone(&clock);
    let sleep = move |time: Duration| -> BoxFuture<'static, ()> {
        let clock = Arc::clone(&sleeping);
        Box::pin(async move { clock.advance(time) })
    };
    PatientRegion::new(world.region.clone(), clock, Arc::new(sleep))
}

#[test]
fn an_answer_comes_after_its_latency_and_the_deed_is_done_before() {
    let world = World::with(|options| {
        calm(options);
        options.api.latency = ApiOptions::default().latency;
    });
    let region = patient(&world);
    let request = world.request(PurchaseOption::OnDemand, 1, &[("m5.large", "us-east-1a")]);
    let begun = world.now();
    let answer = run(region.create_fleet(&request)).unwrap();
    let took = world.now().duration_since(begun);
    assert!((1_200..=3_200).contains(&took.as_millis()), "{took:?}");
    let id = answer.instance_ids().next().unwrap();
    assert_eq!(region.inner().machine(id).unwrap().launched_at, begun);
    assert_eq!(CloudProvider::region(&region), "us-east-1");
}

#[test]
fn a_long_poll_returns_when_a_message_comes_into_sight() {
    let world = World::with(|options| {
        calm(options);
        options.queue.delivery = Spread::exactly(Duration::from_secs(3));
    });
    let region = patient(&world);
    world.launch_one(PurchaseOption::OnDemand, "m5.large", "us-east-1a");
    let begun = world.now();
    let messages = run(region.receive_messages(ReceiveRequest::default())).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(world.now().duration_since(begun).as_secs(), 3);
}

#[test]
fn a_long_poll_without_messages_ends_in_time() {
    let world = World::calm();
    let region = patient(&world);
    let begun = world.now();
    assert_eq!(run(region.receive_messages(ReceiveRequest::default())).unwrap(), []);
    assert_eq!(world.now().duration_since(begun).as_secs(), 20);
    let at_once = ReceiveRequest { wait: Duration::ZERO, ..ReceiveRequest::default() };
    assert_eq!(run(region.receive_messages(at_once)).unwrap(), []);
    assert_eq!(world.now().duration_since(begun).as_secs(), 20);
}
