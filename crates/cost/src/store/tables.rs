//! Facts as tables, and back. Their columns are documented in docs/ledger.md.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{
    Amount, BalancerFact, BalancerUse, ContainerFact, HourFacts, NetworkBytes, NodeFact, NodeHardware,
    VolumeFact, VolumeUse,
};
use crate::interval::{Interval, hour_of};
use crate::store::table::{Table, Values};
use crate::workload::{Labels, RowKind, Workload};

/// Names of the tables.
pub(super) const TABLES: [&str; 6] =
    ["containers", "nodes", "volumes", "volume_uses", "load_balancers", "load_balancer_uses"];

fn text<'a>(values: impl Iterator<Item = &'a str>) -> Values {
    Values::Text(values.map(ByteArray::from).collect())
}

fn number(values: impl Iterator<Item = u64>) -> Values {
    Values::Number(values.map(|value| i64::try_from(value).unwrap_or(i64::MAX)).collect())
}

fn maybe(values: impl Iterator<Item = Option<u64>>) -> Values {
    Values::Maybe(values.map(|value| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX))).collect())
}

fn flag(values: impl Iterator<Item = bool>) -> Values {
    Values::Number(values.map(i64::from).collect())
}

fn json(labels: &Labels) -> String {
    // maps of texts have JSON
    serde_json::to_string(&**labels).unwrap_or_default()
}

/// Texts and maps that were met already, so that equal ones are kept once.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    texts: FxHashSet<Arc<str>>,
    maps: FxHashMap<Vec<u8>, Labels>,
}

impl Strings {
    pub(super) fn text(&mut self, bytes: &[u8]) -> Result<Arc<str>> {
        let text = std::str::from_utf8(bytes).map_err(|error| ParquetError::General(error.to_string()))?;
        if let Some(known) = self.texts.get(text) {
            return Ok(Arc::clone(known));
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        Ok(text)
    }

    fn map(&mut self, bytes: &[u8]) -> Result<Labels> {
        if let Some(known) = self.maps.get(bytes) {
            return Ok(Arc::clone(known));
        }
        let texts: BTreeMap<Cow<'_, str>, Cow<'_, str>> =
            serde_json::from_slice(bytes).map_err(|error| ParquetError::General(error.to_string()))?;
        let mut map = BTreeMap::new();
        for (key, value) in texts {
            map.insert(self.text(key.as_bytes())?, self.text(value.as_bytes())?);
        }
        let map = Arc::new(map);
        self.maps.insert(bytes.to_vec(), Arc::clone(&map));
        Ok(map)
    }
}

pub(super) fn bytes(values: &Values, row: usize) -> Result<&[u8]> {
    match values {
        Values::Text(values) => values.get(row).map(ByteArray::data).ok_or_else(|| missing(row)),
        _ => Err(missing(row)),
    }
}

fn missing(row: usize) -> ParquetError {
    ParquetError::General(format!("row {row} is missing"))
}

/// Reads the columns of a table in the order they were written.
pub(super) struct Reader<'a> {
    pub(super) columns: std::slice::Iter<'a, (&'static str, Values)>,
    pub(super) row: usize,
    pub(super) strings: &'a mut Strings,
}

impl Reader<'_> {
    pub(super) fn values(&mut self) -> Result<&'_ Values> {
        self.columns.next().map(|(_, values)| values).ok_or_else(|| missing(self.row))
    }

    fn text(&mut self) -> Result<Arc<str>> {
        let (_, values) = self.columns.next().ok_or_else(|| missing(self.row))?;
        self.strings.text(bytes(values, self.row)?)
    }

    /// What [`workload_columns`] wrote.
    pub(super) fn workload(&mut self, cluster: &Arc<str>, kind: RowKind) -> Result<Workload> {
        let mut workload = Workload {
            cluster: Arc::clone(cluster),
            kind,
            node: self.text()?,
            namespace: self.text()?,
            pod: self.text()?,
            pod_uid: self.text()?,
            container: self.text()?,
            controller_kind: self.text()?,
            controller: self.text()?,
            root_kind: self.text()?,
            root: self.text()?,
            provider_id: self.text()?,
            ..Workload::default()
        };
        let row = self.row;
        let services = bytes(self.values()?, row)?;
        if services != b"[]" {
            workload.services =
                serde_json::from_slice(services).map_err(|error| ParquetError::General(error.to_string()))?;
        }
        workload.labels = self.labels()?;
        workload.annotations = self.labels()?;
        workload.namespace_labels = self.labels()?;
        workload.namespace_annotations = self.labels()?;
        Ok(workload)
    }

    fn labels(&mut self) -> Result<Labels> {
        let (_, values) = self.columns.next().ok_or_else(|| missing(self.row))?;
        self.strings.map(bytes(values, self.row)?)
    }

    pub(super) fn signed(&mut self) -> Result<i64> {
        let row = self.row;
        match self.values()? {
            Values::Number(values) | Values::Moment(values) => {
                values.get(row).copied().ok_or_else(|| missing(row))
            }
            _ => Err(missing(row)),
        }
    }

    fn moment(&mut self) -> Result<i64> {
        Ok(self.signed()?.div_euclid(1_000))
    }

    fn interval(&mut self) -> Result<Interval> {
        Ok(Interval::new(self.moment()?, self.moment()?))
    }

    fn number(&mut self) -> Result<u64> {
        Ok(u64::try_from(self.signed()?).unwrap_or(0))
    }

    fn flag(&mut self) -> Result<bool> {
        Ok(self.signed()? != 0)
    }

    fn maybe(&mut self) -> Result<Option<u64>> {
        let row = self.row;
        match self.values()? {
            Values::Maybe(values) => {
                let value = values.get(row).copied().ok_or_else(|| missing(row))?;
                Ok(value.map(|value| u64::try_from(value).unwrap_or(0)))
            }
            _ => Err(missing(row)),
        }
    }

    fn amount(&mut self) -> Result<Amount> {
        Ok(Amount { requested: self.number()?, used: self.number()?, charged: self.number()? })
    }

    fn hardware(&mut self) -> Result<NodeHardware> {
        Ok(NodeHardware { millicores: self.number()?, ram_bytes: self.number()?, milli_gpus: self.number()? })
    }
}

type Facts<'a, T> = Vec<(&'a HourFacts, &'a T)>;

/// All facts of some hours as tables, in the order of [`TABLES`].
pub(super) fn to_tables(hours: &[HourFacts]) -> Vec<Table> {
    let containers: Facts<'_, ContainerFact> =
        hours.iter().flat_map(|hour| hour.containers.iter().map(move |fact| (hour, fact))).collect();
    let nodes: Facts<'_, NodeFact> =
        hours.iter().flat_map(|hour| hour.nodes.iter().map(move |fact| (hour, fact))).collect();
    let volumes: Facts<'_, VolumeFact> =
        hours.iter().flat_map(|hour| hour.volumes.iter().map(move |fact| (hour, fact))).collect();
    let balancers: Facts<'_, BalancerFact> =
        hours.iter().flat_map(|hour| hour.balancers.iter().map(move |fact| (hour, fact))).collect();
    vec![
        container_table(&containers),
        node_table(&nodes),
        volume_table(&volumes),
        volume_use_table(&volumes),
        balancer_table(&balancers),
        balancer_use_table(&balancers),
    ]
}

/// An empty table of a name, with its columns.
pub(super) fn empty(name: &str) -> Option<Table> {
    to_tables(&[]).into_iter().find(|table| table.name == name)
}

fn container_table(facts: &Facts<'_, ContainerFact>) -> Table {
    let mut columns = container_numbers(facts);
    let workloads: Vec<&Workload> = facts.iter().map(|(_, fact)| &*fact.workload).collect();
    // after start and end
    columns.splice(2..2, workload_columns(&workloads));
    Table { name: "containers", columns }
}

/// When and how much, in columns.
pub(super) fn container_numbers(facts: &[(&HourFacts, &ContainerFact)]) -> Vec<(&'static str, Values)> {
    let mut moments = MOMENTS.map(|_| Vec::with_capacity(facts.len()));
    let mut numbers = NUMBERS.map(|_| Vec::with_capacity(facts.len()));
    let mut traffic = TRAFFIC.map(|_| Vec::with_capacity(facts.len()));
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    // one way through the facts, which are many and large
    for (_, fact) in facts {
        for (values, (_, get)) in moments.iter_mut().zip(MOMENTS) {
            values.push(get(fact));
        }
        for (values, (_, get)) in numbers.iter_mut().zip(NUMBERS) {
            values.push(signed(get(fact)));
        }
        for (values, (_, get)) in traffic.iter_mut().zip(TRAFFIC) {
            values.push(fact.network.as_ref().map(|bytes| signed(get(bytes))));
        }
    }
    let moments = MOMENTS.into_iter().zip(moments).map(|((name, _), values)| (name, Values::Moment(values)));
    let numbers = NUMBERS.into_iter().zip(numbers).map(|((name, _), values)| (name, Values::Number(values)));
    let traffic = TRAFFIC.into_iter().zip(traffic).map(|((name, _), values)| (name, Values::Maybe(values)));
    moments.chain(numbers).chain(traffic).collect()
}

/// The name of a column, and its value of a fact.
type Field<F, N> = (&'static str, fn(&F) -> N);

const MOMENTS: [Field<ContainerFact, i64>; 2] =
    [("start", |fact| fact.interval.start), ("end", |fact| fact.interval.end)];

const NUMBERS: [Field<ContainerFact, u64>; 14] = [
    ("cpu_requested", |fact| fact.cpu.requested),
    ("cpu_used", |fact| fact.cpu.used),
    ("cpu_charged", |fact| fact.cpu.charged),
    ("ram_requested", |fact| fact.ram.requested),
    ("ram_used", |fact| fact.ram.used),
    ("ram_charged", |fact| fact.ram.charged),
    ("gpu_requested", |fact| fact.gpu.requested),
    ("gpu_used", |fact| fact.gpu.used),
    ("gpu_charged", |fact| fact.gpu.charged),
    ("cpu_limit", |fact| fact.cpu_limit),
    ("ram_limit", |fact| fact.ram_limit),
    ("cpu_peak", |fact| fact.cpu_peak),
    ("ram_peak", |fact| fact.ram_peak),
    ("measured_seconds", |fact| fact.measured),
];

const TRAFFIC: [Field<NetworkBytes, u64>; 5] = [
    ("bytes_sent", |bytes| bytes.transmitted),
    ("bytes_received", |bytes| bytes.received),
    ("bytes_to_zones", |bytes| bytes.zone),
    ("bytes_to_regions", |bytes| bytes.region),
    ("bytes_to_internet", |bytes| bytes.internet),
];

/// Who, in columns.
pub(super) fn workload_columns(workloads: &[&Workload]) -> Vec<(&'static str, Values)> {
    let named = |get: fn(&Workload) -> &str| text(workloads.iter().map(|row| get(row)));
    // many rows share their maps, which are written once
    let mut written: FxHashMap<*const BTreeMap<Arc<str>, Arc<str>>, ByteArray> = FxHashMap::default();
    let mut mapped = |get: fn(&Workload) -> &Labels| {
        let json = |row: &&Workload| {
            let labels = get(row);
            let fresh = || ByteArray::from(json(labels).into_bytes());
            written.entry(Arc::as_ptr(labels)).or_insert_with(fresh).clone()
        };
        Values::Text(workloads.iter().map(json).collect())
    };
    let none = ByteArray::from("[]");
    let services = workloads.iter().map(|row| match row.services.as_slice() {
        [] => none.clone(),
        services => ByteArray::from(serde_json::to_string(services).unwrap_or_default().into_bytes()),
    });
    vec![
        ("node", named(|row| &row.node)),
        ("namespace", named(|row| &row.namespace)),
        ("pod", named(|row| &row.pod)),
        ("pod_uid", named(|row| &row.pod_uid)),
        ("container", named(|row| &row.container)),
        ("controller_kind", named(|row| &row.controller_kind)),
        ("controller", named(|row| &row.controller)),
        ("root_kind", named(|row| &row.root_kind)),
        ("root", named(|row| &row.root)),
        ("provider_id", named(|row| &row.provider_id)),
        ("services", Values::Text(services.collect())),
        ("labels", mapped(|row| &row.labels)),
        ("annotations", mapped(|row| &row.annotations)),
        ("namespace_labels", mapped(|row| &row.namespace_labels)),
        ("namespace_annotations", mapped(|row| &row.namespace_annotations)),
    ]
}

fn node_table(facts: &Facts<'_, NodeFact>) -> Table {
    let of = |get: fn(&NodeFact) -> u64| number(facts.iter().map(|(_, fact)| get(fact)));
    let named = |get: fn(&NodeFact) -> &str| text(facts.iter().map(|(_, fact)| get(fact)));
    let moment =
        |get: fn(&NodeFact) -> i64| Values::Moment(facts.iter().map(|(_, fact)| get(fact)).collect());
    let columns = vec![
        ("start", moment(|fact| fact.interval.start)),
        ("end", moment(|fact| fact.interval.end)),
        ("node", named(|fact| &fact.name)),
        ("provider_id", named(|fact| &fact.provider_id)),
        ("instance_type", named(|fact| &fact.instance_type)),
        ("region", named(|fact| &fact.region)),
        ("zone", named(|fact| &fact.zone)),
        ("arch", named(|fact| &fact.arch)),
        ("pool", named(|fact| &fact.pool)),
        ("spot", flag(facts.iter().map(|(_, fact)| fact.spot))),
        ("capacity_millicores", of(|fact| fact.capacity.millicores)),
        ("capacity_ram_bytes", of(|fact| fact.capacity.ram_bytes)),
        ("capacity_milli_gpus", of(|fact| fact.capacity.milli_gpus)),
        ("allocatable_millicores", of(|fact| fact.allocatable.millicores)),
        ("allocatable_ram_bytes", of(|fact| fact.allocatable.ram_bytes)),
        ("allocatable_milli_gpus", of(|fact| fact.allocatable.milli_gpus)),
    ];
    Table { name: "nodes", columns }
}

fn volume_table(facts: &Facts<'_, VolumeFact>) -> Table {
    let named = |get: fn(&VolumeFact) -> &str| text(facts.iter().map(|(_, fact)| get(fact)));
    let moment =
        |get: fn(&VolumeFact) -> i64| Values::Moment(facts.iter().map(|(_, fact)| get(fact)).collect());
    let columns = vec![
        ("start", moment(|fact| fact.interval.start)),
        ("end", moment(|fact| fact.interval.end)),
        ("volume", named(|fact| &fact.name)),
        ("provider_id", named(|fact| &fact.provider_id)),
        ("storage_class", named(|fact| &fact.storage_class)),
        ("volume_type", named(|fact| &fact.volume_type)),
        ("claim_namespace", named(|fact| &fact.claim_namespace)),
        ("claim", named(|fact| &fact.claim)),
        ("bytes", number(facts.iter().map(|(_, fact)| fact.bytes))),
        ("used_byte_seconds", maybe(facts.iter().map(|(_, fact)| fact.used_byte_seconds))),
        ("used_peak", number(facts.iter().map(|(_, fact)| fact.used_peak))),
    ];
    Table { name: "volumes", columns }
}

fn balancer_table(facts: &Facts<'_, BalancerFact>) -> Table {
    let named = |get: fn(&BalancerFact) -> &str| text(facts.iter().map(|(_, fact)| get(fact)));
    let moment =
        |get: fn(&BalancerFact) -> i64| Values::Moment(facts.iter().map(|(_, fact)| get(fact)).collect());
    let columns = vec![
        ("start", moment(|fact| fact.interval.start)),
        ("end", moment(|fact| fact.interval.end)),
        ("namespace", named(|fact| &fact.namespace)),
        ("service", named(|fact| &fact.service)),
        ("address", named(|fact| &fact.address)),
        ("private", flag(facts.iter().map(|(_, fact)| fact.private))),
    ];
    Table { name: "load_balancers", columns }
}

/// A use: the start of what is used, its place among the hour's, who, and how much.
type Use<'a> = (i64, usize, &'a Workload, u64);

fn use_table(name: &'static str, amount: &'static str, uses: &[Use<'_>]) -> Table {
    let named = |get: fn(&Workload) -> &str| text(uses.iter().map(|(_, _, row, _)| get(row)));
    let columns = vec![
        ("start", Values::Moment(uses.iter().map(|(start, ..)| *start).collect())),
        ("position", number(uses.iter().map(|(_, position, ..)| *position as u64))),
        ("node", named(|row| &row.node)),
        ("namespace", named(|row| &row.namespace)),
        ("pod", named(|row| &row.pod)),
        ("pod_uid", named(|row| &row.pod_uid)),
        ("container", named(|row| &row.container)),
        (amount, number(uses.iter().map(|(.., amount)| *amount))),
    ];
    Table { name, columns }
}

fn volume_use_table(facts: &Facts<'_, VolumeFact>) -> Table {
    let uses: Vec<Use<'_>> = positions(facts)
        .zip(facts)
        .flat_map(|(position, (_, fact))| {
            let amount = |amount: u128| u64::try_from(amount).unwrap_or(u64::MAX);
            fact.uses
                .iter()
                .map(move |one| (fact.interval.start, position, &*one.workload, amount(one.byte_seconds)))
        })
        .collect();
    use_table("volume_uses", "byte_seconds", &uses)
}

fn balancer_use_table(facts: &Facts<'_, BalancerFact>) -> Table {
    let uses: Vec<Use<'_>> = positions(facts)
        .zip(facts)
        .flat_map(|(position, (_, fact))| {
            fact.uses.iter().map(move |one| (fact.interval.start, position, &*one.workload, one.seconds))
        })
        .collect();
    use_table("load_balancer_uses", "seconds", &uses)
}

/// The place of each fact among those of its hour.
fn positions<T>(facts: &Facts<'_, T>) -> impl Iterator<Item = usize> {
    let mut last = None;
    let mut position = 0;
    facts.iter().map(|(hour, _)| hour.hour).collect::<Vec<_>>().into_iter().map(move |hour| {
        position = if last == Some(hour) { position + 1 } else { 0 };
        last = Some(hour);
        position
    })
}

/// Puts the rows of the tables, in the order of [`TABLES`], into the hours they are of.
pub(super) fn from_tables(
    tables: &[Table],
    cluster: &Arc<str>,
    hours: &mut BTreeMap<i64, HourFacts>,
) -> Result<()> {
    from_tables_with(tables, cluster, hours, &mut Strings::default())
}

/// The same with texts that were met already. Hours that have containers are those of volumes and load balancers.
pub(super) fn from_tables_with(
    tables: &[Table],
    cluster: &Arc<str>,
    hours: &mut BTreeMap<i64, HourFacts>,
    strings: &mut Strings,
) -> Result<()> {
    let mut rows = |table: &Table, each: &mut dyn FnMut(&mut Reader<'_>) -> Result<()>| -> Result<()> {
        for row in 0..table.rows() {
            each(&mut Reader { columns: table.columns.iter(), row, strings: &mut *strings })?;
        }
        Ok(())
    };
    let hour_at = |start: i64| hour_of(start);
    let [containers, nodes, volumes, volume_uses, balancers, balancer_uses] = tables else {
        return Err(ParquetError::General(format!("{} tables of {}", tables.len(), TABLES.len())));
    };
    // only those who use something are looked up
    let in_use = volume_uses.rows() > 0 || balancer_uses.rows() > 0;
    let mut people: BTreeMap<(i64, [Arc<str>; 5]), Arc<Workload>> = BTreeMap::new();
    for (hour, facts) in hours.iter().filter(|_| in_use) {
        for fact in &facts.containers {
            people.insert((*hour, person(&fact.workload)), Arc::clone(&fact.workload));
        }
    }
    rows(containers, &mut |reader| {
        let fact =
            read_numbers(reader, |reader| Ok(Arc::new(reader.workload(cluster, RowKind::Container)?)))?;
        let hour = hour_at(fact.interval.start);
        if in_use {
            people.insert((hour, person(&fact.workload)), Arc::clone(&fact.workload));
        }
        entry(hours, cluster, hour).containers.push(fact);
        Ok(())
    })?;
    rows(nodes, &mut |reader| {
        let interval = reader.interval()?;
        let fact = NodeFact {
            interval,
            name: reader.text()?,
            provider_id: reader.text()?,
            instance_type: reader.text()?,
            region: reader.text()?,
            zone: reader.text()?,
            arch: reader.text()?,
            pool: reader.text()?,
            spot: reader.flag()?,
            capacity: reader.hardware()?,
            allocatable: reader.hardware()?,
        };
        entry(hours, cluster, hour_at(interval.start)).nodes.push(fact);
        Ok(())
    })?;
    rows(volumes, &mut |reader| {
        let interval = reader.interval()?;
        let fact = VolumeFact {
            interval,
            name: reader.text()?,
            provider_id: reader.text()?,
            storage_class: reader.text()?,
            volume_type: reader.text()?,
            claim_namespace: reader.text()?,
            claim: reader.text()?,
            bytes: reader.number()?,
            used_byte_seconds: reader.maybe()?,
            used_peak: reader.number()?,
            uses: Vec::new(),
        };
        entry(hours, cluster, hour_at(interval.start)).volumes.push(fact);
        Ok(())
    })?;
    rows(balancers, &mut |reader| {
        let interval = reader.interval()?;
        let fact = BalancerFact {
            interval,
            namespace: reader.text()?,
            service: reader.text()?,
            address: reader.text()?,
            private: reader.flag()?,
            uses: Vec::new(),
        };
        entry(hours, cluster, hour_at(interval.start)).balancers.push(fact);
        Ok(())
    })?;
    let used = |reader: &mut Reader<'_>| -> Result<(i64, usize, Arc<Workload>, u64)> {
        let hour = hour_at(reader.moment()?);
        let position = usize::try_from(reader.number()?).unwrap_or(usize::MAX);
        let person = [reader.text()?, reader.text()?, reader.text()?, reader.text()?, reader.text()?];
        let amount = reader.number()?;
        let known = people.get(&(hour, person.clone())).map(Arc::clone);
        let workload = known.unwrap_or_else(|| Arc::new(stranger(cluster, person)));
        Ok((hour, position, workload, amount))
    };
    rows(volume_uses, &mut |reader| {
        let (hour, position, workload, amount) = used(reader)?;
        let volume = hours.get_mut(&hour).and_then(|facts| facts.volumes.get_mut(position));
        let volume = volume.ok_or_else(|| missing(position))?;
        volume.uses.push(VolumeUse { workload, byte_seconds: amount.into() });
        Ok(())
    })?;
    rows(balancer_uses, &mut |reader| {
        let (hour, position, workload, seconds) = used(reader)?;
        let balancer = hours.get_mut(&hour).and_then(|facts| facts.balancers.get_mut(position));
        let balancer = balancer.ok_or_else(|| missing(position))?;
        balancer.uses.push(BalancerUse { workload, seconds });
        Ok(())
    })
}

fn entry<'a>(hours: &'a mut BTreeMap<i64, HourFacts>, cluster: &Arc<str>, hour: i64) -> &'a mut HourFacts {
    hours.entry(hour).or_insert_with(|| HourFacts {
        cluster: Arc::clone(cluster),
        hour,
        ..HourFacts::default()
    })
}

fn person(row: &Workload) -> [Arc<str>; 5] {
    [&row.node, &row.namespace, &row.pod, &row.pod_uid, &row.container].map(Arc::clone)
}

/// Somebody who has something in use but did not run in the hour.
fn stranger(cluster: &Arc<str>, [node, namespace, pod, pod_uid, container]: [Arc<str>; 5]) -> Workload {
    Workload { cluster: Arc::clone(cluster), node, namespace, pod, pod_uid, container, ..Workload::default() }
}

/// A row of [`container_numbers`], with who it is about after the interval.
pub(super) fn read_numbers(
    reader: &mut Reader<'_>,
    who: impl FnOnce(&mut Reader<'_>) -> Result<Arc<Workload>>,
) -> Result<ContainerFact> {
    let interval = reader.interval()?;
    let workload = who(reader)?;
    let (cpu, ram, gpu) = (reader.amount()?, reader.amount()?, reader.amount()?);
    let [cpu_limit, ram_limit, cpu_peak, ram_peak, measured] =
        [reader.number()?, reader.number()?, reader.number()?, reader.number()?, reader.number()?];
    let traffic = [reader.maybe()?, reader.maybe()?, reader.maybe()?, reader.maybe()?, reader.maybe()?];
    let network = match traffic {
        [Some(transmitted), Some(received), Some(zone), Some(region), Some(internet)] => {
            Some(NetworkBytes { transmitted, received, zone, region, internet })
        }
        _ => None,
    };
    Ok(ContainerFact {
        workload,
        interval,
        cpu,
        ram,
        gpu,
        cpu_limit,
        ram_limit,
        cpu_peak,
        ram_peak,
        measured,
        network,
    })
}
