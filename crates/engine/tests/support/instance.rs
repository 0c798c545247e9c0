//! A small made-up problem: types, NodePools, DaemonSets and a few pods, drawn from a seed.

use supercargo_clock::Randomness;

/// Zones by number.
pub const ZONES: [&str; 3] = ["zone-a", "zone-b", "zone-c"];
/// Capacity types by number.
pub const CAPACITY: [&str; 2] = ["on-demand", "spot"];
/// Architectures by number.
pub const ARCH: [&str; 2] = ["amd64", "arm64"];
/// Values of the custom label `example.com/team` by number.
pub const TEAMS: [&str; 2] = ["blue", "green"];

/// An instance type.
#[derive(Clone, Debug)]
pub struct Type {
    /// Millicores for pods and DaemonSets.
    pub cpu: i64,
    /// MiB for pods and DaemonSets.
    pub memory: i64,
    /// Pods, DaemonSets' included.
    pub pods: i64,
    pub arch: usize,
    /// Nano-dollars by zone and capacity type; none where it is not sold.
    pub prices: [[Option<i64>; 2]; 3],
}

/// A NodePool.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    pub weight: Option<i32>,
    pub arch: Option<usize>,
    pub capacity: Option<usize>,
    /// Not in this zone.
    pub zone_excluded: Option<usize>,
    /// Only types of fewer cores.
    pub cores_below: Option<i64>,
    /// Label of its nodes.
    pub team: Option<usize>,
    /// Taint `dedicated=<value>:NoSchedule`.
    pub tainted: bool,
}

/// A DaemonSet.
#[derive(Clone, Debug)]
pub struct Daemon {
    pub cpu: i64,
    pub memory: i64,
    pub arch: Option<usize>,
    pub tolerates: bool,
}

/// A pod, all of whose rules are here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    pub cpu: i64,
    pub memory: i64,
    pub arch: Option<usize>,
    pub zone: Option<usize>,
    pub capacity: Option<usize>,
    pub team: Option<usize>,
    pub tolerates: bool,
    /// Label `app`.
    pub app: usize,
    /// Never with pods of this app on one node.
    pub shuns: Option<usize>,
    /// At most this skew over zones among the pods of the same `spread` group.
    pub zone_skew: Option<i64>,
    /// At most so many pods of the same `spread` group on a node.
    pub host_skew: Option<i64>,
    /// Label `spread`; pods of one group have the same rules about nodes and the same skews.
    pub spread: usize,
}

/// The whole problem.
#[derive(Clone, Debug)]
pub struct Instance {
    pub types: Vec<Type>,
    pub pools: Vec<Pool>,
    pub daemons: Vec<Daemon>,
    pub pods: Vec<Pod>,
}

fn maybe<T>(
    randomness: &mut Randomness,
    probability: f64,
    value: impl FnOnce(&mut Randomness) -> T,
) -> Option<T> {
    randomness.chance(probability).then(|| value(randomness))
}

fn number(randomness: &mut Randomness, least: i64, most: i64) -> i64 {
    least + randomness.below((most - least + 1) as u64) as i64
}

fn draw_type(randomness: &mut Randomness, zones: usize) -> Type {
    let cores = *randomness.choose(&[1, 2, 2, 4, 4, 8, 16]).unwrap();
    let per_core = *randomness.choose(&[1, 2, 4, 8]).unwrap();
    // About five cents a core and half a cent a GiB, some types a bargain, some dear.
    let fair = 50_000_000 * cores + 5_000_000 * cores * per_core;
    let on_demand = fair * number(randomness, 70, 150) / 100;
    let mut prices = [[None; 2]; 3];
    for zone in prices.iter_mut().take(zones) {
        zone[0] = maybe(randomness, 0.9, |_| on_demand);
        zone[1] = maybe(randomness, 0.6, |randomness| on_demand * number(randomness, 25, 105) / 100);
    }
    Type {
        cpu: 1_000 * cores - number(randomness, 0, 2) * 60,
        memory: 1_024 * cores * per_core - number(randomness, 0, 2) * 200,
        pods: *randomness.choose(&[3, 5, 8, 30]).unwrap(),
        arch: randomness.below(2) as usize,
        prices,
    }
}

fn draw_pool(randomness: &mut Randomness) -> Pool {
    Pool {
        weight: None,
        arch: maybe(randomness, 0.2, |randomness| randomness.below(2) as usize),
        capacity: maybe(randomness, 0.25, |randomness| randomness.below(2) as usize),
        zone_excluded: maybe(randomness, 0.15, |randomness| randomness.below(3) as usize),
        cores_below: maybe(randomness, 0.1, |randomness| *randomness.choose(&[5, 9]).unwrap()),
        team: maybe(randomness, 0.25, |randomness| randomness.below(2) as usize),
        tainted: randomness.chance(0.2),
    }
}

fn draw_pod(randomness: &mut Randomness, zones: usize, pools: &[Pool]) -> Pod {
    let teams: Vec<usize> = pools.iter().filter_map(|pool| pool.team).collect();
    let tainted = pools.iter().any(|pool| pool.tainted);
    let app = randomness.below(3) as usize;
    let mut pod = Pod {
        cpu: *randomness.choose(&[100, 250, 500, 900, 1_000, 1_700, 2_500, 3_600]).unwrap(),
        memory: *randomness.choose(&[128, 500, 1_000, 1_900, 3_500, 6_000, 12_000]).unwrap(),
        arch: maybe(randomness, 0.15, |randomness| randomness.below(2) as usize),
        zone: maybe(randomness, 0.15, |randomness| randomness.below(zones as u64) as usize),
        capacity: maybe(randomness, 0.15, |randomness| randomness.below(2) as usize),
        team: None,
        tolerates: tainted && randomness.chance(0.7),
        app,
        shuns: maybe(randomness, 0.25, |randomness| {
            if randomness.chance(0.7) { app } else { randomness.below(3) as usize }
        }),
        ..Pod::default()
    };
    if !teams.is_empty() && randomness.chance(0.3) {
        pod.team = randomness.choose(&teams).copied();
    }
    if randomness.chance(0.3) {
        match randomness.below(3) {
            0 => pod.host_skew = Some(number(randomness, 1, 2)),
            1 => pod.zone_skew = Some(number(randomness, 1, 2)),
            _ => {
                pod.zone_skew = Some(1);
                pod.host_skew = Some(number(randomness, 1, 2));
            }
        }
    }
    pod
}

impl Instance {
    /// Up to six pods of up to four classes, up to twelve types, one or two NodePools.
    pub fn draw(seed: u64) -> Instance {
        let mut randomness = Randomness::from_seed(seed).fork("oracle");
        let pods = 1 + randomness.below(6) as usize;
        Instance::draw_sized(&mut randomness, pods, 12)
    }

    /// The same with this many pods, and types up to a number.
    pub fn draw_sized(randomness: &mut Randomness, pods: usize, most_types: u64) -> Instance {
        let zones = 1 + randomness.below(3) as usize;
        let types = 1 + randomness.below(most_types);
        let types = (0..types).map(|_| draw_type(randomness, zones)).collect();
        let mut pools = vec![draw_pool(randomness)];
        if randomness.chance(0.5) {
            pools.push(draw_pool(randomness));
            if randomness.chance(0.5) {
                pools[0].weight = Some(10);
                pools[1].weight = maybe(randomness, 0.5, |_| 5);
            }
        }
        let daemons = (0..randomness.below(3)).map(|_| Daemon {
            cpu: *randomness.choose(&[50, 100, 250]).unwrap(),
            memory: *randomness.choose(&[64, 128, 300]).unwrap(),
            arch: maybe(randomness, 0.3, |randomness| randomness.below(2) as usize),
            tolerates: randomness.chance(0.5),
        });
        let daemons = daemons.collect();
        let classes = 1 + randomness.below(4.min(pods as u64)) as usize;
        let mut samples: Vec<Pod> = Vec::new();
        for class in 0..classes {
            // Some classes are another's in a different size, and share its spread.
            let twin = (class > 0).then(|| samples[class - 1].clone()).filter(|_| randomness.chance(0.25));
            let sample = match twin {
                Some(mut twin) => {
                    twin.cpu = *randomness.choose(&[200, 800, 1_500]).unwrap();
                    twin
                }
                None => Pod { spread: class, ..draw_pod(randomness, zones, &pools) },
            };
            samples.push(sample);
        }
        let pods = (0..pods).map(|index| match samples.get(index) {
            Some(sample) => sample.clone(),
            None => randomness.choose(&samples).unwrap().clone(),
        });
        let pods = pods.collect();
        Instance { types, pools, daemons, pods }
    }

    /// Whether a heavier NodePool goes before a lighter one.
    pub fn has_weights(&self) -> bool {
        self.pools.iter().any(|pool| pool.weight.unwrap_or(0) != self.pools[0].weight.unwrap_or(0))
    }

    /// Whether any pod minds its zone relative to others.
    pub fn has_zone_spread(&self) -> bool {
        self.pods.iter().any(|pod| pod.zone_skew.is_some())
    }
}
