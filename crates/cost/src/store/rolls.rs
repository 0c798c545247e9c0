//! Roll-ups on disk: they make answers quick, and nothing is lost with them.
//!
//! A roll-up is of one commit and of the prices of its stretch. If either is another one, or a file is not what was
//! written, it is as if there were none, and it is made anew from the facts.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use parquet::data_type::ByteArray;
use serde::{Deserialize, Serialize};

use crate::allocation::Role;
use crate::interval::Interval;
use crate::measures::{BalancerPart, VolumePart};
use crate::money::Money;
use crate::rollup::{Attached, Column, HourRoll, RollRow, RollUp, Rolls, basis_of_cell, cell_names};
use crate::store::checksum::crc32;
use crate::store::commits::Commit;
use crate::store::error::StoreError;
use crate::store::files::Store;
use crate::store::frame::{FileMark, Header};
use crate::store::layout::{at, day_of, file_name, partition, remove, write_whole};
use crate::store::people::People;
use crate::store::table::{Table, Values};
use crate::store::tables::{bytes, workload_columns};
use crate::workload::{RowKind, Workload};

/// Directory of roll-ups.
pub(super) const ROLLUPS: &str = "rollups";
/// The format that is written; another one is made anew.
const FORMAT: u32 = 4;

/// Names of the numbers, and of their upper halves where they need one.
static CELLS: LazyLock<Vec<(String, String)>> =
    LazyLock::new(|| cell_names().into_iter().map(|name| (name.clone(), format!("{name}_high"))).collect());

/// Which of the roll-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RollKind {
    /// A line for a workload.
    Groups,
    /// A line for a workload and hour.
    Hours,
    /// A line for a container.
    Containers,
}

impl RollKind {
    const ALL: [RollKind; 3] = [RollKind::Groups, RollKind::Hours, RollKind::Containers];

    const fn name(self) -> &'static str {
        match self {
            RollKind::Groups => "groups",
            RollKind::Hours => "hours",
            RollKind::Containers => "containers",
        }
    }
}

/// What makes roll-ups valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RollHeader {
    format: u32,
    /// Of the prices of the stretch.
    prices: String,
    /// Checksum of the commit.
    commit: u32,
    /// What is known of each hour.
    covered: Vec<(i64, Interval)>,
    files: BTreeMap<String, RollMark>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RollMark {
    mark: FileMark,
    /// Numbers that are the same in every row, and in no column.
    same: BTreeMap<String, i128>,
}

fn commit_sum(header: &Header) -> u32 {
    // headers have JSON: they were read from it
    crc32(&serde_json::to_vec(header).unwrap_or_default())
}

/// Volumes as they are written: cluster, name, handle, size times time, cost.
type VolumeText = (Arc<str>, Arc<str>, Arc<str>, u128, i128);
/// Load balancers as they are written: key, Service, address, whether private, seconds, cost.
type BalancerText = (Arc<str>, Arc<str>, Arc<str>, bool, u128, i128);

impl Store {
    fn roll_path(&self, header: &Header, end: &str) -> PathBuf {
        let directory = partition(&self.root, ROLLUPS, &header.cluster, day_of(header.stretch.start));
        directory.join(format!("{}.{end}", file_name(header.stretch)))
    }

    /// Writes the roll-ups of a commit, made with prices of a fingerprint.
    pub(crate) fn write_rolls(&self, commit: &Commit, prices: u128, rolls: &Rolls) -> Result<(), StoreError> {
        let header = &commit.header;
        let path = self.roll_path(header, "json");
        // files that do not belong together must never seem to
        remove(&path)?;
        let hours: Vec<(i64, &RollUp)> = rolls.hours.iter().map(|hour| (hour.hour, &*hour.lines)).collect();
        let mut files = BTreeMap::new();
        for kind in RollKind::ALL {
            let parts: &[(i64, &RollUp)] = match kind {
                RollKind::Groups => &[(header.stretch.start, &rolls.groups)],
                RollKind::Hours => &hours,
                RollKind::Containers => &[(header.stretch.start, &rolls.containers)],
            };
            let (table, same) = to_table(parts);
            let cannot = |what: String| StoreError::Unwritable {
                cluster: header.cluster.to_string(),
                hour: header.stretch.start,
                what,
            };
            let bytes = table.encode().map_err(|error| cannot(error.to_string()))?;
            write_whole(&self.roll_path(header, &format!("{}.parquet", kind.name())), &bytes)?;
            files.insert(kind.name().to_owned(), RollMark { mark: FileMark::of(table.rows(), &bytes), same });
        }
        let covered = rolls.hours.iter().map(|hour| (hour.hour, hour.covered)).collect();
        let (commit, prices) = (commit_sum(header), format!("{prices:032x}"));
        let text = serde_json::to_vec(&RollHeader { format: FORMAT, prices, commit, covered, files });
        write_whole(&path, &text.unwrap_or_default())
    }

    /// Reads a roll-up of a commit, by hours; none if there is no valid one. Idle is read by those of [`Basis::ALL`] that
    /// `idle` asks for.
    pub(crate) fn read_rolls(
        &self,
        commit: &Commit,
        prices: u128,
        kind: RollKind,
        idle: [bool; 4],
        people: &mut People,
    ) -> Option<Vec<HourRoll>> {
        let header: RollHeader =
            serde_json::from_slice(&fs::read(self.roll_path(&commit.header, "json")).ok()?).ok()?;
        let valid = header.format == FORMAT
            && header.prices == format!("{prices:032x}")
            && header.commit == commit_sum(&commit.header);
        let mark = header.files.get(kind.name()).filter(|_| valid)?;
        let bytes = fs::read(self.roll_path(&commit.header, &format!("{}.parquet", kind.name()))).ok()?;
        mark.mark.check(kind.name(), &bytes).ok()?;
        let like = Wanted { idle, thrifty: kind == RollKind::Groups };
        let mut parts =
            from_table(Bytes::from(bytes), &mark.same, &commit.header.cluster, &like, people).ok()?;
        let covered = header.covered.into_iter();
        match kind {
            RollKind::Hours => Some(
                covered
                    .map(|(hour, covered)| HourRoll {
                        hour,
                        covered,
                        lines: Arc::new(parts.remove(&hour).unwrap_or_default()),
                    })
                    .collect(),
            ),
            RollKind::Groups | RollKind::Containers => {
                let hour = commit.header.stretch.start;
                let covered = covered.map(|(_, covered)| covered).fold(Interval::default(), Interval::hull);
                let lines = Arc::new(parts.remove(&hour).unwrap_or_default());
                Some(vec![HourRoll { hour, covered, lines }])
            }
        }
    }

    /// Removes the roll-ups of a commit.
    pub(super) fn remove_rolls(&self, header: &Header) -> Result<(), StoreError> {
        remove(&self.roll_path(header, "json"))?;
        for kind in RollKind::ALL {
            remove(&self.roll_path(header, &format!("{}.parquet", kind.name())))?;
        }
        let directory = partition(&self.root, ROLLUPS, &header.cluster, day_of(header.stretch.start));
        match fs::remove_dir(&directory) {
            Err(error)
                if error.kind() != std::io::ErrorKind::NotFound
                    && error.kind() != std::io::ErrorKind::DirectoryNotEmpty =>
            {
                Err(at(&directory)(error))
            }
            _ => Ok(()),
        }
    }
}

fn kind_number(kind: RowKind) -> i64 {
    match kind {
        RowKind::Container => 0,
        RowKind::Unmounted => 1,
        RowKind::Idle => 2,
        RowKind::Overhead => 3,
        RowKind::Shared => 4,
    }
}

fn kind_of(number: i64) -> RowKind {
    match number {
        1 => RowKind::Unmounted,
        2 => RowKind::Idle,
        3 => RowKind::Overhead,
        4 => RowKind::Shared,
        _ => RowKind::Container,
    }
}

const ROLES: [Role; 6] =
    [Role::Allocation, Role::Idle, Role::Overhead, Role::Management, Role::Shared, Role::Pool];

fn role_number(role: Role) -> i64 {
    ROLES.iter().position(|known| *known == role).unwrap_or(0) as i64
}

/// The columns before the numbers; the numbers may be missing.
fn row_columns(rows: &[(i64, &RollRow, Option<&Attached>)]) -> Vec<(&'static str, Values)> {
    let number =
        |of: &dyn Fn(&RollRow) -> i64| Values::Number(rows.iter().map(|(_, row, _)| of(row)).collect());
    let mut columns = vec![
        ("hour", Values::Number(rows.iter().map(|(hour, ..)| *hour).collect())),
        ("role", number(&|row| role_number(row.role))),
        ("several", number(&|row| i64::from(row.several))),
        ("kind", number(&|row| kind_number(row.workload.kind))),
    ];
    let workloads: Vec<&Workload> = rows.iter().map(|(_, row, _)| &*row.workload).collect();
    columns.extend(workload_columns(&workloads));
    let text =
        |json: Result<String, serde_json::Error>| ByteArray::from(json.unwrap_or_default().into_bytes());
    let none = ByteArray::from("");
    let volumes = rows.iter().map(|(_, _, attached)| match attached {
        Some(attached) if !attached.volumes.is_empty() => {
            let volume = |((cluster, name), part): &((Arc<str>, Arc<str>), VolumePart)| -> VolumeText {
                let [cluster, name, handle] = [cluster, name, &part.provider_id].map(Arc::clone);
                (cluster, name, handle, part.byte_seconds, part.cost.nanos())
            };
            text(serde_json::to_string(&attached.volumes.iter().map(volume).collect::<Vec<_>>()))
        }
        _ => none.clone(),
    });
    let balancers = rows.iter().map(|(_, _, attached)| match attached {
        Some(attached) if !attached.balancers.is_empty() => {
            let balancer = |(key, part): &(Arc<str>, BalancerPart)| -> BalancerText {
                let [key, service, address] = [key, &part.service, &part.address].map(Arc::clone);
                (key, service, address, part.private, part.seconds, part.cost.nanos())
            };
            text(serde_json::to_string(&attached.balancers.iter().map(balancer).collect::<Vec<_>>()))
        }
        _ => none.clone(),
    });
    let (volumes, balancers) = (volumes.collect(), balancers.collect());
    columns.push(("volumes", Values::Text(volumes)));
    columns.push(("load_balancers", Values::Text(balancers)));
    columns
}

fn to_table(parts: &[(i64, &RollUp)]) -> (Table, BTreeMap<String, i128>) {
    let rows: Vec<_> = parts
        .iter()
        .flat_map(|(hour, roll)| {
            let row = |(index, row)| (*hour, row, roll.attached.get(&index));
            roll.rows.iter().enumerate().map(row).collect::<Vec<_>>()
        })
        .collect();
    let mut columns = row_columns(&rows);
    let mut same = BTreeMap::new();
    for (place, (name, high)) in CELLS.iter().enumerate() {
        let numbers: Vec<i128> = parts
            .iter()
            .flat_map(|(_, roll)| (0..roll.rows.len()).map(move |row| roll.columns[place].get(row)))
            .collect();
        let first = numbers.first().copied().unwrap_or(0);
        if numbers.iter().all(|number| *number == first) {
            same.insert(name.clone(), first);
            continue;
        }
        // the lower half as it is, the sign in the upper one
        columns.push((name, Values::Number(numbers.iter().map(|number| *number as i64).collect())));
        if numbers.iter().any(|number| i64::try_from(*number).is_err()) {
            columns
                .push((high, Values::Number(numbers.iter().map(|number| (*number >> 64) as i64).collect())));
        }
    }
    (Table { name: "rollup", columns }, same)
}

/// What is read of the numbers.
struct Wanted {
    /// By which basis idle is, in the order of [`Basis::ALL`].
    idle: [bool; 4],
    /// Whether it is kept for long.
    thrifty: bool,
}

impl Wanted {
    fn has(&self, place: usize) -> bool {
        basis_of_cell(place).is_none_or(|basis| self.idle[basis.index()])
    }
}

fn from_table(
    file: Bytes,
    same: &BTreeMap<String, i128>,
    cluster: &Arc<str>,
    wanted: &Wanted,
    people: &mut People,
) -> Result<BTreeMap<i64, RollUp>, parquet::errors::ParquetError> {
    let mut like = Table { name: "rollup", columns: row_columns(&[]) };
    let fixed = like.columns.len();
    for (name, high) in
        CELLS.iter().enumerate().filter(|(place, _)| wanted.has(*place)).map(|(_, names)| names)
    {
        like.columns.push((name, Values::Number(Vec::new())));
        like.columns.push((high, Values::Number(Vec::new())));
    }
    let table = Table::decode_known(file, &like)?;
    let (rows, numbers) = table.columns.split_at(fixed);
    let mut numbers = numbers.chunks_exact(2);
    let missing = || parquet::errors::ParquetError::General("fewer columns than expected".to_owned());
    let signed = |place: usize| match rows.get(place) {
        Some((_, Values::Number(values))) => Ok(values.as_slice()),
        _ => Err(missing()),
    };
    let (hours, roles, several) = (signed(0)?, signed(1)?, signed(2)?);
    let kinds: Vec<RowKind> = signed(3)?.iter().map(|number| kind_of(*number)).collect();
    let (who, more) = rows[4..].split_at(fixed - 6);
    let who = people.read(cluster, &kinds, who)?;
    let mut out: BTreeMap<i64, RollUp> = BTreeMap::new();
    let mut places: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, workload) in who.into_iter().enumerate() {
        let at = |values: &[i64]| values.get(row).copied().ok_or_else(missing);
        let hour = at(hours)?;
        let role = usize::try_from(at(roles)?).ok().and_then(|number| ROLES.get(number).copied());
        let several = at(several)? != 0;
        let (volumes, balancers) = (bytes(&more[0].1, row)?, bytes(&more[1].1, row)?);
        let roll = out.entry(hour).or_default();
        if !volumes.is_empty() || !balancers.is_empty() {
            roll.attached.insert(roll.rows.len(), attached(volumes, balancers, people)?);
        }
        roll.rows.push(RollRow { workload, several, role: role.unwrap_or_default() });
        places.entry(hour).or_default().push(row);
    }
    out.values_mut().for_each(|roll| roll.rows.shrink_to_fit());
    for (place, (name, _)) in CELLS.iter().enumerate() {
        let read = if wanted.has(place) { numbers.next() } else { None };
        for (hour, rows) in &places {
            let column = match (read, same.get(name)) {
                (None, _) => Column::Unread,
                (_, Some(number)) => Column::Same(*number),
                (Some([(_, Values::Number(low)), (_, Values::Number(high))]), None) if high.is_empty() => {
                    Column::of_places(low, rows, wanted.thrifty)
                }
                (Some([(_, Values::Number(low)), (_, Values::Number(high))]), None) => {
                    let number = |row: &usize| match (low.get(*row), high.get(*row)) {
                        (Some(low), None) => i128::from(*low),
                        (Some(low), Some(high)) => i128::from(*high) << 64 | i128::from(*low as u64),
                        (None, _) => 0,
                    };
                    Column::of(&rows.iter().map(number).collect::<Vec<_>>())
                }
                _ => Column::Same(0),
            };
            if let Some(roll) = out.get_mut(hour) {
                roll.columns.push(column);
            }
        }
    }
    Ok(out)
}

fn attached(
    volumes: &[u8],
    balancers: &[u8],
    people: &mut People,
) -> Result<Attached, parquet::errors::ParquetError> {
    let wrong = |error: serde_json::Error| parquet::errors::ParquetError::General(error.to_string());
    let mut attached = Attached::default();
    if !volumes.is_empty() {
        let texts: Vec<VolumeText> = serde_json::from_slice(volumes).map_err(wrong)?;
        let part = |(cluster, name, handle, byte_seconds, cost): VolumeText| {
            let [cluster, name, provider_id] = [cluster, name, handle].map(|text| people.text(&text));
            ((cluster, name), VolumePart { provider_id, byte_seconds, cost: Money::from_nanos(cost) })
        };
        attached.volumes = texts.into_iter().map(part).collect();
    }
    if !balancers.is_empty() {
        let texts: Vec<BalancerText> = serde_json::from_slice(balancers).map_err(wrong)?;
        let part = |(key, service, address, private, seconds, cost): BalancerText| {
            let [key, service, address] = [key, service, address].map(|text| people.text(&text));
            (key, BalancerPart { service, address, private, seconds, cost: Money::from_nanos(cost) })
        };
        attached.balancers = texts.into_iter().map(part).collect();
    }
    Ok(attached)
}
