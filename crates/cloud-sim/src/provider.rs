//! Regions as cloud providers: at once, or with the time that calls take.

use std::sync::Arc;
use std::time::Duration;

use supercargo_clock::{Clock, Time};
use supercargo_cloud::{
    BoxFuture, CloudProvider, FleetAnswer, FleetRequest, QueueMessage, ReceiveRequest, Reply, Sleep,
    with_calls,
};

use crate::Region;

/// A region whose calls take as long as they say. What a call does is done when it is made; the answer comes later.
#[derive(Clone)]
pub struct PatientRegion {
    region: Region,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
}

impl PatientRegion {
    /// A region that waits as this time passes, which must be the time of the region's own clock.
    pub fn on(region: Region, time: &Time) -> PatientRegion {
        let sleeper = time.clone();
        let sleep = move |duration: Duration| -> BoxFuture<'static, ()> {
            let sleeper = sleeper.clone();
            Box::pin(async move { sleeper.sleep(duration).await })
        };
        PatientRegion::new(region, Arc::new(time.clone()), Arc::new(sleep))
    }

    /// A region that waits by this. The clock must be the region's own, and waiting must move it.
    pub fn new(region: Region, clock: Arc<dyn Clock>, sleep: Arc<dyn Sleep>) -> PatientRegion {
        PatientRegion { region, clock, sleep }
    }

    /// The region behind it.
    pub fn inner(&self) -> &Region {
        &self.region
    }

    async fn wait(&self, time: Duration) {
        if !time.is_zero() {
            self.sleep.sleep(time).await;
        }
    }
}

impl std::fmt::Debug for PatientRegion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PatientRegion").field("region", &self.region).finish_non_exhaustive()
    }
}

macro_rules! providers {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)+) => {
        impl CloudProvider for Region {
            fn region(&self) -> &str {
                self.name()
            }

            $(fn $name<'a>(&'a self, $($argument: $kind),*) -> Reply<'a, $answer> {
                let answer = Region::$name(self, $($argument),*);
                Box::pin(async move { answer.outcome })
            })+

            fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer> {
                let answer = Region::create_fleet(self, request);
                Box::pin(async move { answer.outcome })
            }

            fn receive_messages(&self, request: ReceiveRequest) -> Reply<'_, Vec<QueueMessage>> {
                let answer = Region::receive_messages(self, request);
                Box::pin(async move { answer.outcome })
            }
        }

        impl CloudProvider for PatientRegion {
            fn region(&self) -> &str {
                self.region.name()
            }

            $(fn $name<'a>(&'a self, $($argument: $kind),*) -> Reply<'a, $answer> {
                Box::pin(async move {
                    let answer = self.region.$name($($argument),*);
                    self.wait(answer.latency).await;
                    answer.outcome
                })
            })+

            fn create_fleet<'a>(&'a self, request: &'a FleetRequest) -> Reply<'a, FleetAnswer> {
                Box::pin(async move {
                    let answer = self.region.create_fleet(request);
                    self.wait(answer.latency).await;
                    answer.outcome
                })
            }

            fn receive_messages(&self, request: ReceiveRequest) -> Reply<'_, Vec<QueueMessage>> {
                Box::pin(self.receive_patiently(request))
            }
        }
    };
}

with_calls!(providers);

impl PatientRegion {
    /// Waits for a first message at most as long as the request says.
    async fn receive_patiently(
        &self,
        request: ReceiveRequest,
    ) -> Result<Vec<QueueMessage>, supercargo_cloud::CloudError> {
        /// How long to wait at most before looking again: a message may be sent meanwhile.
        const LOOK: Duration = Duration::from_secs(2);
        let deadline = self.clock.elapsed().saturating_add(request.wait);
        loop {
            let answer = self.region.receive_messages(request);
            let left = deadline.saturating_sub(self.clock.elapsed());
            let is_empty = matches!(&answer.outcome, Ok(messages) if messages.is_empty());
            if !is_empty || left.is_zero() {
                self.wait(answer.latency).await;
                return answer.outcome;
            }
            // what is known to come is waited for, what is sent meanwhile is seen a little later
            let now = self.clock.now();
            let until =
                |moment: jiff::Timestamp| Duration::try_from(moment.duration_since(now)).unwrap_or_default();
            let next = self.region.next_message().map_or(LOOK, until);
            self.wait(next.clamp(Duration::from_millis(1), LOOK).min(left)).await;
        }
    }
}
