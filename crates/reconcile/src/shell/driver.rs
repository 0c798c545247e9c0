//! The loop that keeps state and parts going.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use kube::Client;
use supercargo_clock::{Clock, Time};
use tokio::sync::mpsc::{Receiver, channel};

use super::perform::send;
use super::{Feed, Performed, Recorder, perform, server_clock, watch};
use crate::action::{Action, Verb};
use crate::mirror::{Change, Keep, Kind, Readings, State, Unread};
use crate::outside::{Answer, Outside};
use crate::part::{Outcome, Part};
use crate::running::Signals;

/// Watch messages that may wait for the driver.
const FEED_LENGTH: usize = 4_096;
/// Parts may decide this often before the watches are heard again.
const TURNS: usize = 8;
/// How long the end waits for the answers of the outside.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many actions of a part are performed before the watches are heard again, which would fall behind otherwise.
const PIECE: usize = 256;

/// What a driver needs.
pub struct DriverOptions {
    /// The API server.
    pub client: Client,
    /// The time to act on. One that can be corrected is kept to the API server's.
    pub time: Time,
    /// Requests to the API server under way at once. One keeps a run repeatable.
    pub concurrency: usize,
    /// The name under which fields are written: `supercargo-local`.
    pub manager: &'static str,
    /// Who answers requests that are not for the API server. Without it they are never answered.
    pub outside: Option<Arc<dyn Outside>>,
    /// Whether what parts note becomes Events. They are half of all writes where nobody reads them.
    pub events: bool,
    /// What other drivers of this process have read from the same API server, and this one reads for them.
    pub readings: Option<Readings>,
    /// Whether of pods and nodes only that is kept which decides something about nodes. Not where others share what this one
    /// reads.
    pub lean: bool,
}

impl DriverOptions {
    /// How much of an object is kept.
    fn keep(&self) -> Keep {
        if self.lean && self.readings.is_none() { Keep::WhatDecides } else { Keep::All }
    }
}

/// Answers on their way, with the part and the ticket they are for.
type Asked = FuturesUnordered<BoxFuture<'static, (usize, u64, Answer)>>;

/// Watches, state and parts, in one loop.
///
/// Everything that decides runs in turn, so that with one request at a time the whole is repeatable.
pub struct Driver {
    options: DriverOptions,
    parts: Vec<Box<dyn Part>>,
    state: Arc<Mutex<State>>,
    recorder: Recorder,
    asked: Asked,
    signals: Arc<Signals>,
}

impl Driver {
    /// A driver of these parts. The state is shared with whoever serves metrics.
    pub fn new(options: DriverOptions, parts: Vec<Box<dyn Part>>, state: Arc<Mutex<State>>) -> Self {
        let signals = Arc::new(Signals::default());
        Self { options, parts, state, recorder: Recorder::default(), asked: Asked::new(), signals }
    }

    /// It hears these signals.
    pub(crate) fn with_signals(self, signals: Arc<Signals>) -> Self {
        Self { signals, ..self }
    }

    /// Runs until it is dropped, or told to end.
    pub async fn run(mut self) {
        let kinds: BTreeSet<Kind> = self.parts.iter().flat_map(|part| part.kinds()).copied().collect();
        let (sender, mut feed) = channel(FEED_LENGTH);
        let mut watches = tokio::task::JoinSet::new();
        if self.options.time.is_correctable() {
            let (client, time) = (self.options.client.clone(), self.options.time.clone());
            tokio::select! {
                biased;
                () = self.signals.ending() => return,
                () = server_clock::ask_first(&client, &time) => {}
            }
            watches.spawn(server_clock::follow(client, time));
        }
        for kind in &kinds {
            let (client, time) = (self.options.client.clone(), self.options.time.clone());
            watches.spawn(watch(client, *kind, self.options.keep(), time, sender.clone()));
        }
        drop(sender);
        let signals = Arc::clone(&self.signals);
        tokio::select! {
            biased;
            () = signals.ending() => return,
            filled = self.fill(&kinds, &mut feed) => if !filled {
                return;
            },
        }
        self.signals.fill();
        loop {
            if self.signals.is_ending() {
                return self.end(&mut feed).await;
            }
            self.hear(&mut feed);
            while let Some(Some(answer)) = self.asked.next().now_or_never() {
                self.take_in_outside(answer);
            }
            let mut worked = false;
            for _ in 0..TURNS {
                if !self.turn(&mut feed).await {
                    break;
                }
                worked = true;
            }
            // let the watches bring what came of it, and everybody else have a turn
            tokio::task::yield_now().await;
            worked |= self.sweep().await;
            if worked {
                continue;
            }
            let parts = self.parts.iter().filter_map(|part| part.wake());
            let wake = parts.chain(self.recorder.next_end()).min().unwrap_or(Timestamp::MAX);
            tokio::select! {
                biased;
                () = signals.ending() => {}
                message = feed.recv() => match message {
                    Some(message) => self.take_in(message),
                    None => return,
                },
                Some(answer) = self.asked.next() => self.take_in_outside(answer),
                () = self.options.time.sleep_until(wake) => {}
            }
        }
    }

    /// Waits for what the outside was asked for, and lets the parts write down what came of it.
    async fn end(mut self, feed: &mut Receiver<Feed>) {
        let time = self.options.time.clone();
        let mut expired = std::pin::pin!(time.sleep(PATIENCE));
        loop {
            tokio::select! {
                biased;
                answer = self.asked.next() => match answer {
                    Some(answer) => self.take_in_outside(answer),
                    None => break,
                },
                () = &mut expired => break,
            }
        }
        for _ in 0..TURNS {
            self.hear(feed);
            if !self.turn(feed).await {
                break;
            }
        }
    }

    /// Waits until every kind has been listed, so that nobody decides on half a picture.
    async fn fill(&mut self, kinds: &BTreeSet<Kind>, feed: &mut Receiver<Feed>) -> bool {
        let mut missing = kinds.clone();
        while !missing.is_empty() {
            let Some(message) = feed.recv().await else { return false };
            if let Feed::Listed(kind, ..) = &message {
                missing.remove(kind);
            }
            self.take_in(message);
        }
        true
    }

    /// Gives every part its turn; returns whether any had something to do.
    async fn turn(&mut self, feed: &mut Receiver<Feed>) -> bool {
        let mut worked = false;
        for index in 0..self.parts.len() {
            let now = self.options.time.now();
            if self.parts[index].wake().is_none_or(|wake| wake > now) {
                continue;
            }
            let actions = {
                let state = lock(&self.state);
                self.parts[index].step(&state, now)
            };
            worked |= !actions.is_empty();
            for (number, piece) in waves(&actions).into_iter().flat_map(|wave| wave.chunks(PIECE)).enumerate()
            {
                if number > 0 && actions.len() > PIECE {
                    tokio::task::yield_now().await;
                    self.hear(feed);
                }
                self.perform(index, piece).await;
            }
        }
        worked
    }

    /// Takes in what the watches have brought so far.
    fn hear(&mut self, feed: &mut Receiver<Feed>) {
        while let Ok(message) = feed.try_recv() {
            self.take_in(message);
        }
    }

    /// Takes away Events whose time is over; returns whether there were any.
    async fn sweep(&mut self) -> bool {
        let expired = self.recorder.expired(self.options.time.now(), PIECE);
        for path in &expired {
            // an Event that is gone already, or stays a little longer, does no harm
            let options = serde_json::json!({});
            let _ = send(&self.options.client, "DELETE", path, "application/json", &options).await;
        }
        !expired.is_empty()
    }

    /// Performs actions that do not depend on each other and lets everybody know what came of them.
    async fn perform(&mut self, index: usize, wave: &[Action]) {
        let client = &self.options.client;
        let manager = self.options.manager;
        let now = self.options.time.now();
        for action in wave {
            if self.signals.is_ending() {
                break;
            }
            if let (Verb::Outside { ticket, request }, Some(outside)) = (&action.verb, &self.options.outside)
            {
                let (ticket, answer) = (*ticket, outside.call(Arc::clone(request)));
                self.asked.push(async move { (index, ticket, answer.await) }.boxed());
            }
        }
        let (recorder, events) = (&mut self.recorder, self.options.events);
        let requests: Vec<_> = wave
            .iter()
            .map(|action| {
                let event = match &action.verb {
                    Verb::Record(note) if events => Some(recorder.record(note, now)),
                    _ => None,
                };
                async move {
                    let Some(event) = event else { return (None, perform(client, action, manager).await) };
                    let content_type = match event.method {
                        "PATCH" => "application/merge-patch+json",
                        _ => "application/json",
                    };
                    let answer = send(client, event.method, &event.path, content_type, &event.body).await;
                    (Some(event), answer.map(|_| Performed::Other))
                }
            })
            .collect();
        let mut answers = futures::stream::iter(requests).buffered(self.options.concurrency.max(1));
        let mut outcomes = Vec::with_capacity(wave.len());
        while let Some(answer) = answers.next().await {
            outcomes.push(answer);
        }
        drop(answers);
        for (action, (event, answer)) in wave.iter().zip(outcomes) {
            if let (Some(event), Err(_)) = (&event, &answer) {
                let name = event.path.rsplit('/').next().unwrap_or_default();
                self.recorder.forget(name);
            }
            let outcome: Outcome = match answer {
                Ok(performed) => {
                    self.take_in_answer(action, performed);
                    Ok(())
                }
                Err(refusal) => {
                    tracing::debug!(
                        part = self.parts[index].name(),
                        kind = action.kind.name(),
                        key = %action.key,
                        %refusal,
                        "refused"
                    );
                    let unknown = refusal.is_not_found() && !matches!(action.verb, Verb::Create(_));
                    if unknown && event.is_none() && !matches!(action.verb, Verb::Bind { .. }) {
                        self.take_in_answer(action, Performed::Gone);
                    }
                    Err(refusal)
                }
            };
            let now = self.options.time.now();
            let state = lock(&self.state);
            self.parts[index].done(action, &outcome, &state, now);
        }
    }

    fn take_in_answer(&mut self, action: &Action, performed: Performed) {
        let (readings, keep) = (self.options.readings.as_ref(), self.options.keep());
        let change = {
            let mut state = lock(&self.state);
            match performed {
                Performed::Is(object) => shared(state.put(keep.of(object)), readings),
                Performed::Gone => {
                    let known = state.get(action.kind, &action.key);
                    let version = known.as_ref().and_then(|known| known.metadata().resource_version.clone());
                    version.and_then(|version| {
                        state.take(action.kind, &action.key, version.parse().unwrap_or(u64::MAX))
                    })
                }
                Performed::Other => None,
            }
        };
        self.tell(change);
    }

    fn take_in_outside(&mut self, (index, ticket, answer): (usize, u64, Answer)) {
        let now = self.options.time.now();
        let state = lock(&self.state);
        self.parts[index].answered(ticket, answer, &state, now);
    }

    fn take_in(&mut self, message: Feed) {
        let (readings, keep) = (self.options.readings.as_ref(), self.options.keep());
        let changes = {
            let mut state = lock(&self.state);
            match message {
                Feed::Listed(kind, objects, version) => state.replace(kind, objects, version),
                Feed::Is(unread) => {
                    state.note_watched(unread.kind, unread.version);
                    news(&unread, &mut state, keep, readings).into_iter().collect()
                }
                Feed::Gone(kind, key, version) => {
                    if let Some(readings) = readings {
                        readings.forget(kind, &key);
                    }
                    state.note_watched(kind, version);
                    state.take(kind, &key, version).into_iter().collect()
                }
                Feed::Reached(kind, version) => {
                    state.note_watched(kind, version);
                    Vec::new()
                }
            }
        };
        self.tell(changes);
    }

    fn tell(&mut self, changes: impl IntoIterator<Item = Change>) {
        let now = self.options.time.now();
        let state = lock(&self.state);
        for change in changes {
            for part in &mut self.parts {
                if part.kinds().contains(&change.kind) {
                    part.observe(&change, &state, now);
                }
            }
        }
    }
}

/// Reads what a watch has shown and takes it in, if it is news.
fn news(unread: &Unread, state: &mut State, keep: Keep, readings: Option<&Readings>) -> Option<Change> {
    if state.knows(unread.kind, &unread.key, unread.version) {
        return None;
    }
    if let Some(object) = readings.and_then(|readings| readings.get(unread.kind, &unread.key, unread.version))
    {
        return state.put(object);
    }
    match unread.read() {
        Ok(object) => shared(state.put(keep.of(object)), readings),
        Err(problem) => {
            tracing::debug!(kind = unread.kind.name(), key = %unread.key, %problem, "object not understood");
            None
        }
    }
}

/// Lets other mirrors have what this one has read.
fn shared(change: Option<Change>, readings: Option<&Readings>) -> Option<Change> {
    if let (Some(readings), Some(object)) = (readings, change.as_ref().and_then(|change| change.new.as_ref()))
    {
        readings.put(object);
    }
    change
}

/// Cuts actions into runs in which no object occurs twice.
fn waves(actions: &[Action]) -> Vec<&[Action]> {
    let mut waves = Vec::new();
    let mut start = 0;
    let mut seen = BTreeSet::new();
    for (position, action) in actions.iter().enumerate() {
        let named =
            !action.key.name.is_empty() && !matches!(action.verb, Verb::Record(_) | Verb::Outside { .. });
        if named && !seen.insert((action.kind, &action.key)) {
            waves.push(&actions[start..position]);
            start = position;
            seen.clear();
            seen.insert((action.kind, &action.key));
        }
    }
    if start < actions.len() {
        waves.push(&actions[start..]);
    }
    waves
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // a change is taken in whole or not at all, so a poisoned state is still one
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
