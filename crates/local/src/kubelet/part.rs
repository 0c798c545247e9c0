//! All kubelets as one part.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use serde_json::json;
use supercargo_api::Pod;
use supercargo_clock::Randomness;
use supercargo_reconcile::{
    Action, Change, Key, Kind, Object, Outcome, Part, Queue, State, Verb, claims_of, node_of,
};

use super::container::Happening;
use super::heartbeats::Heartbeats;
use super::hosts::{Host, HostSource, HostState};
use super::node::{LEASE_NAMESPACE, csi_node, host_of, instance_type, lease, registration, status};
use super::pod::{PodMachine, Surroundings, Told};
use super::render;
use crate::conditions::is_finished;
use crate::scheduler::volume_of;

/// The component that Events name.
const COMPONENT: &str = "kubelet";
/// Pods looked at in one step.
const PORTION: usize = 64;
/// Seconds a lease lasts at the pace of real time. It is renewed after a quarter of them.
const LEASE_SECONDS: f64 = 40.0;
/// The same where nobody depends on leases.
const SHARED_LEASE_SECONDS: f64 = 1_200.0;
/// Seconds between two statuses of a node at the pace of real time.
const STATUS_SECONDS: f64 = 300.0;
/// The first address of pods: 10.64.0.0.
const FIRST_ADDRESS: u32 = 0x0a40_0000;
/// How many addresses there are for pods.
const ADDRESSES: u32 = 1 << 22;
/// The first address of hosts that bring none: 10.0.0.0.
const FIRST_HOST_ADDRESS: u32 = 0x0a00_0000;

/// What the kubelets need.
#[derive(Debug, Clone)]
pub struct KubeletsOptions {
    /// The seed of every delay.
    pub seed: u64,
    /// How many seconds pass in a real one. Leases and heartbeats are slower by this factor, so that the API server has
    /// no more of them to do.
    pub pace: f64,
}

impl Default for KubeletsOptions {
    fn default() -> Self {
        Self { seed: 0, pace: 1.0 }
    }
}

/// The kubelets of all simulated machines.
pub struct Kubelets {
    options: KubeletsOptions,
    sources: Vec<Box<dyn HostSource>>,
    heartbeats: Option<Heartbeats>,
    hosts: BTreeMap<String, Running>,
    /// Hosts with something to do, by time.
    agenda: BTreeSet<(Timestamp, String)>,
    pods: BTreeMap<Key, PodMachine>,
    queue: Queue,
    addresses: BTreeSet<u32>,
    next_address: u32,
    next_host_address: u32,
    asked: Option<Timestamp>,
    owed: VecDeque<Action>,
}

/// A host and its kubelet.
struct Running {
    host: Host,
    up: bool,
    /// The uid of its Node.
    node: Option<String>,
    asked_for_node: bool,
    ready_at: Timestamp,
    said_ready: bool,
    next_lease: Timestamp,
    has_lease: bool,
    next_status: Timestamp,
    /// Where between two leases or statuses this kubelet has its first, so that not all have them at once.
    phase: f64,
    images: BTreeSet<String>,
    agenda: Option<Timestamp>,
}

impl Kubelets {
    /// Kubelets of the machines from these sources, and of Nodes with the machine annotation.
    pub fn new(options: KubeletsOptions, sources: Vec<Box<dyn HostSource>>) -> Self {
        Self {
            options,
            sources,
            heartbeats: None,
            hosts: BTreeMap::new(),
            agenda: BTreeSet::new(),
            pods: BTreeMap::new(),
            queue: Queue::default(),
            addresses: BTreeSet::new(),
            next_address: 1,
            next_host_address: 256,
            asked: None,
            owed: VecDeque::new(),
        }
    }

    /// Lets others of this process hear which kubelets are alive; leases are renewed rarely then.
    pub fn with_heartbeats(mut self, heartbeats: Heartbeats) -> Self {
        self.heartbeats = Some(heartbeats);
        self
    }

    fn pace(&self) -> f64 {
        self.options.pace.max(1.0)
    }

    /// Seconds a lease lasts.
    fn lease_seconds(&self) -> f64 {
        self.pace() * if self.heartbeats.is_some() { SHARED_LEASE_SECONDS } else { LEASE_SECONDS }
    }

    /// A host that is not known any more.
    fn drop_host(&mut self, name: &str) {
        if let Some(at) = self.hosts.remove(name).and_then(|running| running.agenda) {
            self.agenda.remove(&(at, name.to_owned()));
        }
        if let Some(heartbeats) = &self.heartbeats {
            heartbeats.forget(name);
        }
    }

    /// Takes a machine on.
    fn take_on(&mut self, mut host: Host, node: Option<&Node>, now: Timestamp) {
        if host.address.is_empty() {
            host.address = Ipv4Addr::from(FIRST_HOST_ADDRESS + self.next_host_address).to_string();
            self.next_host_address += 1;
        }
        let mut draws = Randomness::from_seed(self.options.seed).fork("hosts").fork(&host.name);
        // the network plugin comes up after the kubelet
        let network = Duration::from_secs_f64(2.0 + 4.0 * draws.f64());
        let known = node.is_some_and(crate::conditions::is_node_ready);
        let boots = host.boots_at.max(now);
        let ready_at = if known { now } else { boots + network };
        let name = host.name.clone();
        let running = Running {
            host,
            up: true,
            node: node.and_then(|node| node.metadata.uid.clone()),
            asked_for_node: node.is_some(),
            ready_at,
            said_ready: known,
            next_lease: boots,
            has_lease: false,
            next_status: boots,
            phase: draws.fork("phase").f64(),
            images: BTreeSet::new(),
            agenda: None,
        };
        self.hosts.insert(name.clone(), running);
        self.plan(&name, boots);
    }

    fn plan(&mut self, name: &str, at: Timestamp) {
        if let Some(running) = self.hosts.get_mut(name) {
            if let Some(known) = running.agenda {
                if known <= at {
                    return;
                }
                self.agenda.remove(&(known, name.to_owned()));
            }
            running.agenda = Some(at);
            self.agenda.insert((at, name.to_owned()));
        }
    }

    fn ask_sources(&mut self, state: &State, now: Timestamp) {
        if self.wake_of_sources().is_none_or(|at| at > now) {
            return;
        }
        self.asked = Some(now);
        let news: Vec<HostState> = self.sources.iter_mut().flat_map(|source| source.poll(now)).collect();
        for news in news {
            match news {
                HostState::Up(host) => {
                    if !self.hosts.get(&host.name).is_some_and(|running| running.up) {
                        let node = state.nodes.get(&Key::cluster(&host.name)).cloned();
                        self.take_on(*host, node.as_deref(), now);
                    }
                }
                HostState::Down(name) => {
                    if let Some(running) = self.hosts.get_mut(&name) {
                        running.up = false;
                        if let Some(at) = running.agenda.take() {
                            self.agenda.remove(&(at, name.clone()));
                        }
                        if let Some(heartbeats) = &self.heartbeats {
                            heartbeats.stops(&name, now);
                        }
                        if state.nodes.get(&Key::cluster(&name)).is_none() {
                            self.drop_host(&name);
                        }
                    }
                }
            }
        }
    }

    fn wake_of_sources(&self) -> Option<Timestamp> {
        match self.asked {
            None if self.sources.is_empty() => None,
            None => Some(Timestamp::MIN),
            Some(asked) => self.sources.iter().filter_map(|source| source.next(asked)).min(),
        }
    }

    /// What one kubelet does about its own node.
    fn tend(&mut self, name: &str, state: &State, now: Timestamp) -> Vec<Action> {
        let (pace, lease_seconds) = (self.pace(), self.lease_seconds());
        let Some(running) = self.hosts.get_mut(name) else { return Vec::new() };
        running.agenda = None;
        if !running.up {
            return Vec::new();
        }
        let mut actions = Vec::new();
        let node = state.nodes.get(&Key::cluster(name)).cloned();
        let Some(node) = node else {
            if running.asked_for_node {
                // it was deleted under the kubelet, which does not register again by itself
                return Vec::new();
            }
            running.asked_for_node = true;
            actions.push(Action::create(registration(&running.host, now)));
            return actions;
        };
        if let Some(heartbeats) = &self.heartbeats {
            heartbeats.goes(name);
        }
        // the first ones come at once, the next ones when it is this kubelet's turn
        let phase = running.phase;
        let rests = |seconds: f64, is_first: bool| {
            now + Duration::from_secs_f64(if is_first { seconds * phase } else { seconds })
        };
        if running.next_lease <= now {
            running.next_lease = rests(lease_seconds / 4.0, !running.has_lease);
            #[allow(clippy::cast_possible_truncation, reason = "a lease of years is as good as any")]
            let fresh = lease(&running.host, &node, lease_seconds as i32, now);
            if running.has_lease {
                let key = Key::new(LEASE_NAMESPACE, name);
                let renewal =
                    json!({"spec": {"renewTime": fresh.spec.as_ref().map(|spec| &spec.renew_time)}});
                actions.push(Action::patch(Kind::Lease, key, None, renewal));
            } else {
                actions.push(Action::create(fresh));
                actions.push(Action::create(csi_node(&running.host, &node)));
                running.has_lease = true;
            }
        }
        let becomes_ready = !running.said_ready && running.ready_at <= now;
        if becomes_ready || running.next_status <= now {
            let news = status(&node, &running.host, running.ready_at <= now, now);
            actions.extend(Action::new_status(Kind::Node, &*node, node.status.as_ref(), &news));
            if becomes_ready {
                running.said_ready = true;
                let message = format!("Node {name} status is now: NodeReady");
                actions.push(Action::note(&*node, COMPONENT, "NodeReady", message).on_host(name));
                for (key, _) in state.pods_on(name) {
                    self.queue.add(key.clone());
                }
            }
            running.next_status = rests(STATUS_SECONDS * pace, becomes_ready);
        }
        let next = running.next_lease.min(running.next_status);
        let next = if running.said_ready { next } else { next.min(running.ready_at) };
        self.plan(name, next);
        actions
    }

    /// What one kubelet does about one pod.
    fn look_after(&mut self, key: &Key, state: &State, now: Timestamp) -> Vec<Action> {
        let Some(pod) = state.pods.get(key).cloned() else {
            self.forget(key);
            return Vec::new();
        };
        let Some(running) = node_of(&pod).and_then(|node| self.hosts.get(node)) else { return Vec::new() };
        let on_its_way = running.said_ready && running.ready_at <= now;
        if !running.up || !on_its_way {
            return Vec::new();
        }
        let (node, host_address) = (running.host.name.clone(), running.host.address.clone());
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        if self.pods.get(key).is_some_and(|machine| machine.uid != uid) {
            self.forget(key);
        }
        if !self.pods.contains_key(key) {
            if is_finished(&pod) && pod.metadata.deletion_timestamp.is_none() {
                return Vec::new();
            }
            let address = self.address(&pod);
            let machine = PodMachine::new(&pod, self.options.seed, address, now);
            self.pods.insert(key.clone(), machine);
        }
        let (Some(machine), Some(running)) = (self.pods.get_mut(key), self.hosts.get_mut(&node)) else {
            return Vec::new();
        };
        if machine.gone {
            return Vec::new();
        }
        let around = Surroundings {
            seed: self.options.seed,
            volumes_ready: volumes_ready(&pod, &node, state),
            images: &running.images,
        };
        let told = machine.tick(&pod, &around, now);
        for (container, happening) in &told.happenings {
            if let Happening::Pulled(Some(_)) = happening
                && let Some(image) = image_of(&pod, container)
            {
                running.images.insert(image.to_owned());
            }
        }
        let mut actions = events(&pod, &told, &node);
        let status = render::status(&pod, machine, &host_address, now);
        actions.extend(Action::new_status(Kind::Pod, &*pod, pod.status.as_deref(), &status));
        if machine.gone {
            actions.push(Action::delete_now(Kind::Pod, &*pod));
        } else if let Some(next) = machine.next(&pod, now) {
            self.queue.add_at(key.clone(), next.max(now + Duration::from_millis(1)));
        }
        actions
    }

    fn address(&mut self, pod: &Pod) -> String {
        let known = pod.status.as_ref().and_then(|status| status.pod_ip.as_ref());
        if let Some(address) = known.and_then(|address| address.parse::<Ipv4Addr>().ok()) {
            let offset = u32::from(address).wrapping_sub(FIRST_ADDRESS);
            if offset < ADDRESSES {
                self.addresses.insert(offset);
                self.next_address = self.next_address.max(offset + 1) % ADDRESSES;
            }
            return address.to_string();
        }
        for _ in 0..ADDRESSES {
            let offset = self.next_address;
            self.next_address = (self.next_address + 1) % ADDRESSES;
            if !matches!(offset & 0xff, 0 | 0xff) && self.addresses.insert(offset) {
                return Ipv4Addr::from(FIRST_ADDRESS + offset).to_string();
            }
        }
        Ipv4Addr::from(FIRST_ADDRESS).to_string()
    }

    fn forget(&mut self, key: &Key) {
        if let Some(machine) = self.pods.remove(key)
            && let Ok(address) = machine.address.parse::<Ipv4Addr>()
        {
            self.addresses.remove(&u32::from(address).wrapping_sub(FIRST_ADDRESS));
        }
    }

    fn observe_node(&mut self, change: &Change, now: Timestamp) {
        let name = &change.key.name;
        let Some(Object::Node(node)) = &change.new else {
            if let Some(running) = self.hosts.get(name) {
                // a machine that is only a Node is gone with it; others stay without one
                if !running.up || running.host.provider_id.is_none() || is_annotated(change.old.as_ref()) {
                    self.drop_host(name);
                }
            }
            return;
        };
        match self.hosts.get_mut(name) {
            Some(running) => {
                if running.node != node.metadata.uid {
                    running.node = node.metadata.uid.clone();
                    running.asked_for_node = true;
                    self.plan(name, now);
                }
            }
            None => {
                if let Some(host) = host_of(node, now) {
                    tracing::debug!(node = %name, machine = instance_type(&host), "taken on");
                    self.take_on(host, Some(node), now);
                }
            }
        }
    }
}

impl Part for Kubelets {
    fn name(&self) -> &'static str {
        "kubelets"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Node, Kind::Pod, Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::VolumeAttachment]
    }

    fn observe(&mut self, change: &Change, state: &State, now: Timestamp) {
        match (change.kind, &change.new) {
            (Kind::Node, _) => {
                self.observe_node(change, now);
                if change.old.is_none() {
                    state.pods_on(&change.key.name).for_each(|(key, _)| self.queue.add(key.clone()));
                }
            }
            (Kind::Pod, Some(Object::Pod(pod)))
                if node_of(pod).is_some_and(|node| self.hosts.contains_key(node)) =>
            {
                self.queue.add(change.key.clone());
            }
            (Kind::Pod, None) => self.forget(&change.key),
            (Kind::VolumeAttachment, Some(Object::VolumeAttachment(attachment))) => {
                for (key, _) in state.pods_on(&attachment.spec.node_name) {
                    if self.pods.get(key).is_some_and(|machine| machine.sandbox.is_none()) {
                        self.queue.add(key.clone());
                    }
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, state: &State, now: Timestamp) -> Vec<Action> {
        let mut actions: Vec<Action> = self.owed.drain(..).collect();
        self.ask_sources(state, now);
        // however many there are: a node that is not heard of is taken for lost
        while let Some((at, _)) = self.agenda.first() {
            if *at > now {
                break;
            }
            if let Some((_, name)) = self.agenda.pop_first() {
                actions.extend(self.tend(&name, state, now));
            }
        }
        for _ in 0..PORTION {
            let Some(key) = self.queue.next(now) else { break };
            actions.extend(self.look_after(&key, state, now));
        }
        actions
    }

    fn done(&mut self, action: &Action, outcome: &Outcome, _: &State, now: Timestamp) {
        let Err(refusal) = outcome else { return };
        let retry = now + Duration::from_secs(1);
        match (action.kind, &action.verb) {
            (_, Verb::Record(_)) => {}
            (Kind::Pod, _) if refusal.is_not_found() => {}
            (Kind::Pod, verb) => {
                if matches!(verb, Verb::Delete { .. })
                    && let Some(machine) = self.pods.get_mut(&action.key)
                {
                    machine.gone = false;
                }
                self.queue.failed(action.key.clone(), now);
            }
            (Kind::Node, Verb::Create(_)) => {
                if let Some(running) = self.hosts.get_mut(&action.key.name) {
                    running.asked_for_node = refusal.already_exists();
                }
                self.plan(&action.key.name, retry);
            }
            (Kind::Node, _) => {
                if let Some(running) = self.hosts.get_mut(&action.key.name) {
                    running.said_ready = false;
                    running.next_status = now;
                }
                self.plan(&action.key.name, now + Duration::from_millis(50));
            }
            (Kind::Lease, Verb::Create(_)) if !refusal.already_exists() => {
                if let Some(running) = self.hosts.get_mut(&action.key.name) {
                    running.has_lease = false;
                    running.next_lease = retry;
                }
                self.plan(&action.key.name, retry);
            }
            (Kind::Lease, Verb::Patch { .. }) if refusal.is_not_found() => {
                if let Some(running) = self.hosts.get_mut(&action.key.name) {
                    running.has_lease = false;
                    running.next_lease = retry;
                }
                self.plan(&action.key.name, retry);
            }
            _ => {}
        }
    }

    fn wake(&self) -> Option<Timestamp> {
        if !self.owed.is_empty() {
            return Some(Timestamp::MIN);
        }
        let agenda = self.agenda.first().map(|(at, _)| *at);
        let sources = self.wake_of_sources();
        agenda.into_iter().chain(sources).chain(self.queue.wake()).min()
    }
}

fn is_annotated(node: Option<&Object>) -> bool {
    node.is_some_and(|node| {
        let annotations = node.metadata().annotations.as_ref();
        annotations.is_some_and(|annotations| annotations.contains_key(super::node::MACHINE_ANNOTATION))
    })
}

/// Whether every volume that must be attached to the pod's node is.
fn volumes_ready(pod: &Pod, node: &str, state: &State) -> bool {
    claims_of(pod).all(|key| {
        let volume = state.claims.get(&key).and_then(|claim| volume_of(claim).map(Key::cluster));
        let Some(volume) = volume.and_then(|key| state.volumes.get(&key)) else { return false };
        let needs_attachment = volume.spec.as_ref().is_some_and(|spec| spec.csi.is_some());
        !needs_attachment
            || state.attachments.values().any(|attachment| {
                attachment.spec.node_name == node
                    && attachment.spec.source.persistent_volume_name == volume.metadata.name
                    && attachment.status.as_ref().is_some_and(|status| status.attached)
            })
    })
}

fn image_of<'a>(pod: &'a Pod, container: &str) -> Option<&'a str> {
    let spec = pod.spec()?;
    let mut containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    containers.find(|found| found.name == container)?.image.as_deref()
}

fn events(pod: &Pod, told: &Told, node: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    let image = |container: &str| image_of(pod, container).unwrap_or_default();
    for (container, happening) in &told.happenings {
        let action = match happening {
            Happening::Pulling => {
                Action::note(pod, COMPONENT, "Pulling", format!("Pulling image \"{}\"", image(container)))
            }
            Happening::Pulled(None) => {
                let message = format!("Container image \"{}\" already present on machine", image(container));
                Action::note(pod, COMPONENT, "Pulled", message)
            }
            Happening::Pulled(Some(took)) => {
                let took = format!("{:.3}s", took.as_secs_f64());
                let message = format!("Successfully pulled image \"{}\" in {took}", image(container));
                Action::note(pod, COMPONENT, "Pulled", message)
            }
            Happening::Created => {
                Action::note(pod, COMPONENT, "Created", format!("Container created: {container}"))
            }
            Happening::Started => {
                Action::note(pod, COMPONENT, "Started", format!("Container started: {container}"))
            }
            Happening::BackOff => {
                let name = pod.metadata.name.as_deref().unwrap_or_default();
                let message = format!("Back-off restarting failed container {container} in pod {name}");
                Action::warn(pod, COMPONENT, "BackOff", message)
            }
        };
        actions.push(action.on_host(node));
    }
    for container in &told.killed {
        let message = format!("Stopping container {container}");
        actions.push(Action::note(pod, COMPONENT, "Killing", message).on_host(node));
    }
    actions
}
