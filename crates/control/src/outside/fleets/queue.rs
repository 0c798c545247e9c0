//! Which CreateFleet calls are made when: the decision alone, without calls and clocks.
//!
//! EC2 takes fifty calls at once and five a second. A launch goes alone as long as there are plenty of calls left. Of a burst
//! those that ask for the same wait a moment for each other, while there are still calls left for all of them; so nobody has
//! to wait until EC2 takes another, unless more different things are asked for at once than it takes calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot::{Receiver, Sender, channel};
use supercargo_cloud::{CloudError, FleetAnswer, FleetRequest};

use crate::launching::{Company, Together};

/// Calls at once: what EC2 documents, with some left for others of the account.
pub(super) const AT_ONCE: f64 = 45.0;
/// Calls a second.
pub(super) const PER_SECOND: f64 = 4.5;
/// As long as so many calls are left, launches go alone.
pub(super) const PLENTY: f64 = 30.0;
/// If fewer are left, launches wait longer for others.
pub(super) const SCARCE: f64 = 20.0;
/// How long launches wait for others that ask for the same; twice as long where calls are scarce.
pub(super) const WINDOW: Duration = Duration::from_millis(100);
/// Instances in one call at most, so that one answer does not decide about everything.
pub(super) const MOST: usize = 250;

/// What a launch hears.
pub(super) type Heard = Result<FleetAnswer, CloudError>;

/// What is asked for, by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub request: &'a FleetRequest,
    /// The name of its claim.
    pub claim: &'a str,
    pub company: &'a Company,
}

/// Whose turn it is.
pub(super) enum Turn {
    /// The call may be made at once.
    Now,
    /// The answer will come here. Who has a group sees to it that this is called for.
    Later(Receiver<Heard>, Option<u64>),
}

/// A launch that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The token that it has for itself.
    pub token: String,
    pub claim: String,
    pub sender: Sender<Heard>,
}

/// Launches that become one call.
#[derive(Debug)]
pub(super) struct Group {
    number: u64,
    /// What they ask for, without a token.
    pub request: FleetRequest,
    company: Company,
    pub waiting: Vec<Waiting>,
    pub since: Duration,
    window: Duration,
    is_closed: bool,
}

/// Who is in a group that nobody joins any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub company: Company,
    /// Tokens and names of claims, the first first.
    pub members: Vec<(String, String)>,
}

/// What waits, and how many calls are left.
#[derive(Debug)]
pub(super) struct Queue {
    /// Calls that EC2 takes now.
    left: f64,
    at: Duration,
    groups: Vec<Group>,
    last_number: u64,
    /// Calls for several that failed as a whole, by the tokens of their launches: they are made again as they were.
    failed: BTreeMap<String, Arc<Together>>,
}

impl Group {
    /// When nobody else is waited for.
    fn due(&self) -> Duration {
        if self.company == Company::Nobody || self.waiting.len() >= MOST {
            return self.since;
        }
        self.since + self.window
    }

    fn is_open_to(&self, asked: Asked<'_>, company: &Company) -> bool {
        if self.is_closed || self.company != *company {
            return false;
        }
        match company {
            Company::Nobody => false,
            Company::Known(_) => true,
            Company::Any => self.waiting.len() < MOST && asks_for(&self.request, asked.request),
        }
    }
}

/// Whether a request asks for what another does that has no token.
fn asks_for(same: &FleetRequest, request: &FleetRequest) -> bool {
    same.configs == request.configs && *same == without_token(request)
}

fn without_token(request: &FleetRequest) -> FleetRequest {
    FleetRequest { client_token: None, ..request.clone() }
}

impl Queue {
    pub(super) fn new(now: Duration) -> Self {
        Self { left: AT_ONCE, at: now, groups: Vec::new(), last_number: 0, failed: BTreeMap::new() }
    }

    fn refill(&mut self, now: Duration) {
        let gained = now.saturating_sub(self.at).as_secs_f64() * PER_SECOND;
        self.at = self.at.max(now);
        self.left = (self.left + gained).min(AT_ONCE);
    }

    /// A launch asks to be called for.
    pub(super) fn enter(&mut self, asked: Asked<'_>, now: Duration) -> Turn {
        self.refill(now);
        let token = asked.request.client_token.clone().unwrap_or_default();
        let company = match self.failed.get(&token) {
            Some(together) => Company::Known(Arc::clone(together)),
            None => asked.company.clone(),
        };
        let (sender, heard) = channel();
        let waiting = Waiting { token, claim: asked.claim.to_owned(), sender };
        if let Some(group) = self.groups.iter_mut().find(|group| group.is_open_to(asked, &company)) {
            group.waiting.push(waiting);
            return Turn::Later(heard, None);
        }
        // those that wait have asked before
        let left = self.left - self.groups.len() as f64;
        let is_free = match company {
            Company::Any => left >= PLENTY,
            Company::Nobody => left >= 1.0,
            Company::Known(_) => false,
        };
        if is_free {
            self.left -= 1.0;
            return Turn::Now;
        }
        self.last_number += 1;
        let number = self.last_number;
        self.groups.push(Group {
            number,
            request: without_token(asked.request),
            company,
            waiting: vec![waiting],
            since: now,
            window: if left < SCARCE { WINDOW * 2 } else { WINDOW },
            is_closed: false,
        });
        Turn::Later(heard, Some(number))
    }

    fn position(&self, number: u64) -> Option<usize> {
        self.groups.iter().position(|group| group.number == number)
    }

    /// How long until a group may be called for; zero if it may now.
    pub(super) fn wait(&mut self, number: u64, now: Duration) -> Duration {
        self.refill(now);
        let Some(position) = self.position(number) else { return Duration::ZERO };
        let due = self.groups.get(position).map_or(now, Group::due).saturating_sub(now);
        let missing = position as f64 + 1.0 - self.left;
        if missing <= 0.0 {
            return due;
        }
        // a little more, so that rounding does not make a second wait of it
        due.max(Duration::from_secs_f64(missing / PER_SECOND) + Duration::from_millis(1))
    }

    /// Nobody joins a group any more. Nothing if it is gone.
    pub(super) fn close(&mut self, number: u64) -> Option<Closed> {
        let position = self.position(number)?;
        let group = self.groups.get_mut(position)?;
        group.is_closed = true;
        let members = group.waiting.iter().map(|waiting| (waiting.token.clone(), waiting.claim.clone()));
        Some(Closed { company: group.company.clone(), members: members.collect() })
    }

    /// Takes the first launch out of a group, and the group away if it was the last.
    pub(super) fn give_up_first(&mut self, number: u64) -> Option<Waiting> {
        let position = self.position(number)?;
        let group = self.groups.get_mut(position)?;
        let first = (!group.waiting.is_empty()).then(|| group.waiting.remove(0));
        if group.waiting.is_empty() {
            self.groups.remove(position);
        }
        first
    }

    /// A group is called for now.
    pub(super) fn take(&mut self, number: u64, now: Duration) -> Option<Group> {
        self.refill(now);
        let position = self.position(number)?;
        self.left -= 1.0;
        Some(self.groups.remove(position))
    }

    /// What came of a call for several: one that failed as a whole is made again as it was, for whoever asks again.
    pub(super) fn note(&mut self, together: &Arc<Together>, has_failed: bool) {
        for member in together.members() {
            if has_failed {
                self.failed.insert(member.clone(), Arc::clone(together));
            } else {
                self.failed.remove(member);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use supercargo_cloud::{AllocationStrategy, FleetConfig, PurchaseOption};

    use super::*;

    pub fn request(shape: usize, token: usize) -> FleetRequest {
        FleetRequest {
            configs: vec![FleetConfig { launch_template: format!("t-{shape}"), overrides: Vec::new() }],
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

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// A call: when, for which launches.
    #[derive(Debug)]
    struct Call {
        at: Duration,
        launches: Vec<usize>,
    }

    /// An arrival: when, what it asks for, with whom.
    type Arrival = (Duration, usize, Company);

    /// Plays arrivals through, as fast as the queue lets them.
    fn play(arrivals: &[Arrival]) -> Vec<Call> {
        let mut queue = Queue::new(Duration::ZERO);
        let mut calls = Vec::new();
        let mut leading: Vec<u64> = Vec::new();
        let mut next = 0;
        let mut now = Duration::ZERO;
        while next < arrivals.len() || !leading.is_empty() {
            let due = leading.iter().map(|number| (now + queue.wait(*number, now), *number)).min();
            let arrival = arrivals.get(next).map(|arrival| arrival.0.max(now));
            match (due, arrival) {
                (Some((at, number)), arrival) if arrival.is_none_or(|arrival| at <= arrival) => {
                    now = at;
                    let group = queue.take(number, now).unwrap();
                    leading.retain(|other| *other != number);
                    assert!(group.waiting.len() <= MOST);
                    let number = |waiting: &Waiting| waiting.token["uid-".len()..].parse().unwrap();
                    calls.push(Call { at: now, launches: group.waiting.iter().map(number).collect() });
                }
                (_, Some(at)) => {
                    now = at;
                    let (_, shape, company) = &arrivals[next];
                    let request = request(*shape, next);
                    match queue.enter(Asked { request: &request, claim: "", company }, now) {
                        Turn::Now => calls.push(Call { at: now, launches: vec![next] }),
                        Turn::Later(_, number) => leading.extend(number),
                    }
                    next += 1;
                }
                (_, None) => unreachable!("something was left to do"),
            }
        }
        calls
    }

    /// Calls that EC2 would refuse: fifty at once and five a second.
    fn refused(calls: &[Call]) -> usize {
        let (mut left, mut at, mut refused) = (50.0_f64, Duration::ZERO, 0);
        for call in calls {
            left = (left + (call.at - at).as_secs_f64() * 5.0).min(50.0);
            at = call.at;
            if left >= 1.0 { left -= 1.0 } else { refused += 1 }
        }
        refused
    }

    /// The longest that a launch waited.
    fn longest(arrivals: &[Arrival], calls: &[Call]) -> Duration {
        let waits = calls.iter().flat_map(|call| call.launches.iter().map(|one| call.at - arrivals[*one].0));
        waits.max().unwrap_or_default()
    }

    #[test]
    fn a_lone_launch_goes_at_once() {
        let arrivals: Vec<Arrival> = (0..500).map(|number| (millis(number * 250), 0, Company::Any)).collect();
        let calls = play(&arrivals);
        assert_eq!((calls.len(), longest(&arrivals, &calls)), (500, Duration::ZERO));
    }

    #[test]
    fn of_a_burst_nobody_waits_for_the_refill() {
        for shapes in [1, 2, 6, 12] {
            let arrivals: Vec<Arrival> =
                (0..1_000).map(|number| (millis(number as u64 / 4), number % shapes, Company::Any)).collect();
            let calls = play(&arrivals);
            assert!(calls.len() <= 45, "{shapes}: {}", calls.len());
            assert!(longest(&arrivals, &calls) <= WINDOW * 2, "{shapes}: {:?}", longest(&arrivals, &calls));
            assert!(calls.iter().filter(|call| call.launches.len() == 1).count() >= 15, "plenty go alone");
        }
    }

    #[test]
    fn what_may_have_been_called_for_alone_is_called_for_alone_again() {
        let arrivals: Vec<Arrival> = (0..100).map(|_| (Duration::ZERO, 0, Company::Nobody)).collect();
        let calls = play(&arrivals);
        assert_eq!((calls.len(), refused(&calls)), (100, 0));
    }

    #[test]
    fn what_was_called_for_together_is_called_for_together_again() {
        let together = Arc::new(Together::of((0..60).map(|number| format!("uid-{number}")).collect()));
        let arrivals: Vec<Arrival> = (0..40)
            .map(|number| (millis(number), number as usize, Company::Known(Arc::clone(&together))))
            .collect();
        assert_eq!(play(&arrivals).len(), 1);
        let mut queue = Queue::new(Duration::ZERO);
        let one = request(0, 7);
        queue.note(&together, true);
        let asked = Asked { request: &one, claim: "c", company: &Company::Any };
        let Turn::Later(_, Some(number)) = queue.enter(asked, Duration::ZERO) else {
            panic!("it went alone")
        };
        assert_eq!(queue.close(number).unwrap().company, Company::Known(Arc::clone(&together)));
        queue.take(number, Duration::ZERO);
        queue.note(&together, false);
        assert!(matches!(queue.enter(asked, Duration::ZERO), Turn::Now));
    }

    #[test]
    fn a_group_without_its_first_goes_on_until_nobody_is_left() {
        let mut queue = Queue { left: 0.0, ..Queue::new(Duration::ZERO) };
        for token in 0..2 {
            let one = request(0, token);
            queue.enter(
                Asked { request: &one, claim: &format!("c-{token}"), company: &Company::Any },
                Duration::ZERO,
            );
        }
        let number = queue.last_number;
        assert_eq!(queue.give_up_first(number).unwrap().claim, "c-0");
        assert_eq!(queue.close(number).unwrap().members, [("uid-1".to_owned(), "c-1".to_owned())]);
        let late = request(0, 2);
        let asked = Asked { request: &late, claim: "", company: &Company::Any };
        assert!(
            matches!(queue.enter(asked, Duration::ZERO), Turn::Later(_, Some(_))),
            "nobody joins what is closed"
        );
        assert_eq!(queue.give_up_first(number).unwrap().claim, "c-1");
        assert_eq!(queue.close(number), None);
    }

    proptest! {
        #[test]
        fn ec2_refuses_nothing_and_everybody_is_called_for_once(
            arrivals in prop::collection::vec((0_u64..60, 0_usize..20, prop::bool::weighted(0.1)), 1..400),
        ) {
            let mut at = Duration::ZERO;
            let arrivals: Vec<Arrival> = arrivals
                .into_iter()
                .map(|(gap, shape, alone)| {
                    at += millis(gap / 3);
                    (at, shape, if alone { Company::Nobody } else { Company::Any })
                })
                .collect();
            let calls = play(&arrivals);
            prop_assert_eq!(refused(&calls), 0);
            let mut served: Vec<usize> = calls.iter().flat_map(|call| call.launches.clone()).collect();
            served.sort_unstable();
            prop_assert_eq!(served, (0..arrivals.len()).collect::<Vec<_>>());
            for call in &calls {
                let shapes: std::collections::BTreeSet<_> = call.launches.iter().map(|one| arrivals[*one].1).collect();
                prop_assert_eq!(shapes.len(), 1, "they ask for the same");
                let alone = call.launches.iter().any(|one| arrivals[*one].2 == Company::Nobody);
                prop_assert!(!alone || call.launches.len() == 1);
            }
            // twenty different things at most wait before one, and who is alone by rule
            let alone = arrivals.iter().filter(|arrival| arrival.2 == Company::Nobody).count();
            let bound = WINDOW.as_secs_f64() * 2.0 + (20 + alone + 1) as f64 / PER_SECOND + 0.1;
            prop_assert!(longest(&arrivals, &calls).as_secs_f64() <= bound);
        }
    }
}
