//! The base data: instance types and zone offerings out of moto's wheel.
//!
//! The wheel is fetched by pip, which checks its hash, and unpacked under `target/`; nothing of it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Problem;

/// A record of `DescribeInstanceTypes`, as far as the catalogue needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TypeRecord {
    pub instance_type: String,
    pub bare_metal: bool,
    pub burstable_performance_supported: bool,
    pub current_generation: bool,
    pub hypervisor: Option<String>,
    #[serde(rename = "VCpuInfo")]
    pub vcpus: VcpuRecord,
    pub memory_info: MemoryRecord,
    pub processor_info: ProcessorRecord,
    pub ebs_info: EbsRecord,
    pub network_info: NetworkRecord,
    pub instance_storage_info: Option<StorageRecord>,
    pub gpu_info: Option<GpuListRecord>,
    pub inference_accelerator_info: Option<InferenceRecord>,
    pub neuron_info: Option<NeuronRecord>,
    pub nitro_enclaves_support: String,
    pub placement_group_info: PlacementRecord,
    pub supported_usage_classes: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VcpuRecord {
    #[serde(rename = "DefaultVCpus")]
    pub default: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MemoryRecord {
    #[serde(rename = "SizeInMiB")]
    pub size_mib: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcessorRecord {
    pub manufacturer: String,
    pub supported_architectures: Vec<String>,
    pub sustained_clock_speed_in_ghz: Option<f64>,
    #[serde(default)]
    pub supported_features: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EbsRecord {
    pub attachment_limit_type: String,
    pub maximum_ebs_attachments: u32,
    pub ebs_optimized_support: String,
    pub ebs_optimized_info: Option<EbsBandwidthRecord>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EbsBandwidthRecord {
    pub maximum_bandwidth_in_mbps: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkRecord {
    pub default_network_card_index: u32,
    pub ipv4_addresses_per_interface: u32,
    pub encryption_in_transit_supported: bool,
    pub network_performance: String,
    pub network_cards: Vec<CardRecord>,
    pub efa_info: Option<EfaRecord>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CardRecord {
    pub network_card_index: u32,
    pub maximum_network_interfaces: u32,
    pub baseline_bandwidth_in_gbps: f64,
    #[serde(default)]
    pub interface_types: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EfaRecord {
    pub maximum_efa_interfaces: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StorageRecord {
    #[serde(rename = "TotalSizeInGB")]
    pub total_gb: u64,
    pub nvme_support: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GpuListRecord {
    pub gpus: Vec<DeviceRecord>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InferenceRecord {
    pub accelerators: Vec<DeviceRecord>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NeuronRecord {
    pub neuron_devices: Vec<DeviceRecord>,
}

/// A GPU or an accelerator.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceRecord {
    pub name: String,
    pub manufacturer: Option<String>,
    pub count: u32,
    pub memory_info: MemoryRecord,
    pub core_info: Option<CoreRecord>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CoreRecord {
    pub count: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PlacementRecord {
    pub supported_strategies: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfferingRecord {
    instance_type: String,
    location: String,
}

/// A zone under both of its names, with the types sold in it.
#[derive(Clone, Debug)]
pub struct ZoneRecord {
    pub name: String,
    pub zone_id: String,
    pub types: BTreeSet<String>,
}

/// What is taken from the wheel.
pub struct Base {
    pub types: BTreeMap<String, TypeRecord>,
    pub regions: BTreeMap<String, Vec<ZoneRecord>>,
}

/// Downloads the pinned wheel into `work` and reads it.
pub fn fetch(requirements: &Path, work: &Path) -> Result<Base, Problem> {
    let wheels = work.join("wheels");
    let unpacked = work.join("moto");
    for folder in [&wheels, &unpacked] {
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(|error| Problem::file(folder, error))?;
        }
    }
    run(Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
        ])
        .arg("--dest")
        .arg(&wheels)
        .arg("--requirement")
        .arg(requirements))?;
    let wheel = only_file_in(&wheels)?;
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked))?;
    read(&unpacked.join("moto/ec2/resources"))
}

fn run(command: &mut Command) -> Result<(), Problem> {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|error| Problem::new(format!("{shown}: {error}")))?;
    if status.success() { Ok(()) } else { Err(Problem::new(format!("{shown}: {status}"))) }
}

fn only_file_in(folder: &Path) -> Result<PathBuf, Problem> {
    let entries = std::fs::read_dir(folder).map_err(|error| Problem::file(folder, error))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    match (files.pop(), files.is_empty()) {
        (Some(file), true) => Ok(file),
        _ => Err(Problem::new(format!("{}: expected exactly one wheel", folder.display()))),
    }
}

fn read(resources: &Path) -> Result<Base, Problem> {
    let types: BTreeMap<String, TypeRecord> = compressed_json(&resources.join("instance_types.json.gz"))?;
    let offerings = resources.join("instance_type_offerings");
    let by_name = offerings.join("availability-zone");
    let by_id = offerings.join("availability-zone-id");
    let mut regions = BTreeMap::new();
    let entries = std::fs::read_dir(&by_name).map_err(|error| Problem::file(&by_name, error))?;
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let file_name = file_name.to_string_lossy();
        let Some(region) = file_name.strip_suffix(".json.gz") else { continue };
        let names = locations(&by_name.join(&*file_name))?;
        let ids = locations(&by_id.join(&*file_name))?;
        regions.insert(region.to_owned(), pair(region, names, ids)?);
    }
    Ok(Base { types, regions })
}

fn locations(path: &Path) -> Result<BTreeMap<String, BTreeSet<String>>, Problem> {
    let mut locations: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for offering in compressed_json::<Vec<OfferingRecord>>(path)? {
        locations.entry(offering.location).or_default().insert(offering.instance_type);
    }
    Ok(locations)
}

/// The two listings were made by one account, so a name and an id are one zone if they sell the same types;
/// of equals, the first name gets the first id. Local and wavelength zones are left out.
fn pair(
    region: &str,
    names: BTreeMap<String, BTreeSet<String>>,
    mut ids: BTreeMap<String, BTreeSet<String>>,
) -> Result<Vec<ZoneRecord>, Problem> {
    let is_standard = |name: &str| {
        let letter = name.strip_prefix(region).unwrap_or_default();
        letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    let mut zones = Vec::new();
    for (name, types) in names.into_iter().filter(|(name, _)| is_standard(name)) {
        let zone_id = ids
            .iter()
            .find(|(_, sold)| **sold == types)
            .map(|(zone_id, _)| zone_id.clone())
            .ok_or_else(|| Problem::new(format!("zone {name}: no zone id sells the same types")))?;
        ids.remove(&zone_id);
        zones.push(ZoneRecord { name, zone_id, types });
    }
    Ok(zones)
}

/// Reads types in the same form from a file of ours.
pub fn extra_types(path: &Path) -> Result<BTreeMap<String, TypeRecord>, Problem> {
    let text = std::fs::read(path).map_err(|error| Problem::file(path, error))?;
    serde_json::from_slice(&text).map_err(|error| Problem::file(path, error))
}

fn compressed_json<T: DeserializeOwned>(path: &Path) -> Result<T, Problem> {
    let bytes = std::fs::read(path).map_err(|error| Problem::file(path, error))?;
    let content =
        gunzip(&bytes).ok_or_else(|| Problem::new(format!("{}: not a gzip file", path.display())))?;
    serde_json::from_slice(&content).map_err(|error| Problem::file(path, error))
}

/// RFC 1952: a header of ten bytes and optional fields, a deflate stream, a checksum and a length.
fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const HEADER_CHECKSUM: u8 = 2;
    let header = bytes.get(..10)?;
    if header[..3] != [0x1f, 0x8b, 8] {
        return None;
    }
    let flags = header[3];
    let mut at = 10;
    if flags & EXTRA != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    }
    for _ in [NAME, COMMENT].into_iter().filter(|field| flags & field != 0) {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
    }
    if flags & HEADER_CHECKSUM != 0 {
        at += 2;
    }
    let trailer = bytes.len().checked_sub(8)?;
    let content = miniz_oxide::inflate::decompress_to_vec(bytes.get(at..trailer)?).ok()?;
    let length = u32::from_le_bytes(bytes.get(trailer + 4..)?.try_into().ok()?);
    (content.len() as u32 == length).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gzip_member_with_a_file_name_is_unpacked() {
        let content = b"[1,2,3]";
        let mut member = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
        member.extend_from_slice(b"name.json\0");
        member.extend(miniz_oxide::deflate::compress_to_vec(content, 6));
        member.extend_from_slice(&[0; 4]);
        member.extend_from_slice(&(content.len() as u32).to_le_bytes());
        assert_eq!(gunzip(&member).as_deref(), Some(&content[..]));
        assert_eq!(gunzip(&member[..member.len() - 1]), None);
        assert_eq!(gunzip(b"not gzip at all"), None);
    }

    #[test]
    fn zone_names_and_ids_are_paired_by_what_they_sell() {
        let sells = |types: &[&str]| types.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let names = BTreeMap::from([
            ("eu-x-1a".to_owned(), sells(&["m5.large"])),
            ("eu-x-1b".to_owned(), sells(&["c5.large", "m5.large"])),
            ("eu-x-1-ber-1a".to_owned(), sells(&["t3.micro"])),
        ]);
        let ids = BTreeMap::from([
            ("eux1-az1".to_owned(), sells(&["c5.large", "m5.large"])),
            ("eux1-az2".to_owned(), sells(&["m5.large"])),
        ]);
        let zones = pair("eu-x-1", names, ids).unwrap_or_else(|problem| panic!("{problem}"));
        let pairs: Vec<(&str, &str)> =
            zones.iter().map(|zone| (zone.name.as_str(), zone.zone_id.as_str())).collect();
        assert_eq!(pairs, [("eu-x-1a", "eux1-az2"), ("eu-x-1b", "eux1-az1")]);
    }
}
