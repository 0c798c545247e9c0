//! What the account says about spot prices and offerings, asked for again and again (reference section 5.1).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use supercargo_reconcile::{Action, Answer, Change, Key, Kind, Outcome, Part, State};

use crate::knowledge::Knowledge;
use crate::outside::{CloudAnswer, CloudRequest};

/// How often spot prices are asked for. Karpenter does it every 12 hours; they move more often than that.
const SPOT_EVERY: Duration = Duration::from_secs(5 * 60);
/// How often it is asked what is sold where (reference section 5.1).
const SOLD_EVERY: Duration = Duration::from_secs(12 * 60 * 60);
/// The wait after a call that failed.
const AGAIN: Duration = Duration::from_secs(30);

/// When something is asked for next; nothing while a call is under way.
#[derive(Debug)]
struct Due {
    at: Option<Timestamp>,
    ticket: u64,
}

/// Keeps the prices up to date.
#[derive(Debug)]
pub struct Prices {
    knowledge: Arc<Knowledge>,
    spot: Due,
    sold: Due,
}

const SPOT: u64 = 1;
const SOLD: u64 = 2;

impl Prices {
    /// Asks as soon as it can.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        let now = || Some(Timestamp::MIN);
        Self { knowledge, spot: Due { at: now(), ticket: SPOT }, sold: Due { at: now(), ticket: SOLD } }
    }
}

impl Due {
    fn ask(&mut self, request: CloudRequest, now: Timestamp) -> Option<Action> {
        if self.at? > now {
            return None;
        }
        self.at = None;
        Some(Action::ask(Kind::NodePool, Key::cluster("prices"), self.ticket, request))
    }

    fn again(&mut self, went_well: bool, every: Duration, now: Timestamp) {
        self.at = Some(now + if went_well { every } else { AGAIN });
    }
}

impl Part for Prices {
    fn name(&self) -> &'static str {
        "prices"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[]
    }

    fn observe(&mut self, _: &Change, _: &State, _: Timestamp) {}

    fn step(&mut self, _: &State, now: Timestamp) -> Vec<Action> {
        let spot = self.spot.ask(CloudRequest::DescribeSpotPrices, now);
        let sold = self.sold.ask(CloudRequest::DescribeTypeOfferings, now);
        spot.into_iter().chain(sold).collect()
    }

    fn done(&mut self, _: &Action, _: &Outcome, _: &State, _: Timestamp) {}

    fn answered(&mut self, ticket: u64, answer: Answer, _: &State, now: Timestamp) {
        let answer = answer.downcast::<CloudAnswer>().ok().map(|answer| *answer);
        let mut went_well = false;
        match answer {
            Some(CloudAnswer::SpotPrices(Ok(prices))) => {
                let day = now.to_zoned(TimeZone::UTC).date();
                self.knowledge.prices().see_spot(&prices, day);
                went_well = true;
            }
            Some(CloudAnswer::TypeOfferings(Ok(offerings))) => {
                self.knowledge.prices().see_sold(offerings);
                went_well = true;
            }
            Some(CloudAnswer::SpotPrices(Err(error)) | CloudAnswer::TypeOfferings(Err(error))) => {
                tracing::warn!(%error, "prices could not be asked for");
            }
            _ => tracing::warn!("prices were asked for and something else was answered"),
        }
        if ticket == SPOT {
            self.spot.again(went_well, SPOT_EVERY, now);
        } else {
            self.sold.again(went_well, SOLD_EVERY, now);
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        [self.spot.at, self.sold.at].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::stage::{self, Stage};

    #[test]
    fn prices_of_the_account_are_known_at_once_and_asked_for_again() {
        let knowledge = stage::knowledge(Settings::default());
        let mut stage = Stage::new(vec![Box::new(Prices::new(Arc::clone(&knowledge)))]);
        stage.run(Duration::from_secs(1));
        let price = knowledge.prices().spot("m6i.large", "us-east-1a");
        assert!(price.is_some());
        let changes = knowledge.prices().changes();
        stage.run(Duration::from_secs(3_600));
        assert!(knowledge.prices().changes() > changes);
    }
}
