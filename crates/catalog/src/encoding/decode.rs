//! Bytes to a market.

use fixedbitset::FixedBitSet;
use jiff::civil::Date;
use thiserror::Error;

use super::varint::Reader;
use super::{MAGIC, VERSION};
use crate::facts::{Accelerator, Arch, Gpu, Hypervisor, NetworkCard};
use crate::market::{InterruptionBucket, ListPrice, Market, Region, SpotFigure, Zone};
use crate::{PriceKind, TypeFacts, Usd};

/// Far above any market; keeps a damaged or hostile file from filling the memory.
const LARGEST_CONTENT: usize = 16 << 20;

/// Why bytes are not a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The file does not begin with the magic word.
    #[error("not a catalogue: expected a file made by `cargo xtask catalog`")]
    NotACatalog,
    /// Another version of the format.
    #[error("catalogue format {found} is not supported: this program reads format {VERSION}")]
    Version {
        /// The version in the file.
        found: u8,
    },
    /// The compressed part is damaged.
    #[error("the catalogue is damaged: it does not decompress")]
    Compression,
    /// The file ends in the middle of something.
    #[error("the catalogue is cut short")]
    CutShort,
    /// Bytes follow the last table.
    #[error("the catalogue is damaged: bytes follow its end")]
    TooLong,
    /// A text is not UTF-8.
    #[error("the catalogue is damaged: a text is not UTF-8")]
    NotText,
    /// A value is larger than its field can be.
    #[error("the catalogue is damaged: {what} out of range")]
    OutOfRange {
        /// The kind of value.
        what: &'static str,
    },
    /// Names are not in order.
    #[error("the catalogue is damaged: {text:?} is not in order")]
    NotSorted {
        /// The first name out of order.
        text: String,
    },
}

/// Reads a catalogue file made by [`encode`](super::encode).
pub fn decode(file: &[u8]) -> Result<Market, DecodeError> {
    let content = file.strip_prefix(MAGIC).ok_or(DecodeError::NotACatalog)?;
    let (version, compressed) = content.split_first().ok_or(DecodeError::CutShort)?;
    if *version != VERSION {
        return Err(DecodeError::Version { found: *version });
    }
    let bytes = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(compressed, LARGEST_CONTENT)
        .map_err(|_| DecodeError::Compression)?;
    let mut reader = Reader::new(&bytes);
    let source = reader.text()?.to_owned();
    let list_date = date(&mut reader)?;
    let spot_date = date(&mut reader)?;
    let type_count = reader.count("number of types")?;
    let types = types(&mut reader, type_count)?;
    let on_demand = on_demand(&mut reader, type_count)?;
    let spot = spot(&mut reader, type_count)?;
    let retired_count = reader.count("number of retired types")?;
    let retired_names = reader.sorted_texts(retired_count)?;
    let retired_prices = reader.numbers(retired_count)?;
    let retired = retired_names.into_iter().zip(retired_prices.into_iter().map(expand)).collect();
    let regions = regions(&mut reader, type_count)?;
    if !reader.is_at_end() {
        return Err(DecodeError::TooLong);
    }
    Ok(Market { source, list_date, spot_date, types, on_demand, spot, retired, regions })
}

fn date(reader: &mut Reader<'_>) -> Result<Date, DecodeError> {
    let out_of_range = DecodeError::OutOfRange { what: "date" };
    let year = i16::try_from(reader.number()?).map_err(|_| out_of_range.clone())?;
    let month = i8::try_from(reader.number()?).map_err(|_| out_of_range.clone())?;
    let day = i8::try_from(reader.number()?).map_err(|_| out_of_range.clone())?;
    Date::new(year, month, day).map_err(|_| out_of_range)
}

/// Prices are micro-dollars with a low bit of zero, or nano-dollars with a low bit of one.
fn expand(compact: u64) -> Usd {
    let nanos = if compact & 1 == 0 { (compact / 2).saturating_mul(1000) } else { compact / 2 };
    Usd::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn types(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<TypeFacts>, DecodeError> {
    let mut types: Vec<TypeFacts> = reader
        .sorted_texts(rows)?
        .into_iter()
        .map(|name| TypeFacts { name, ..TypeFacts::default() })
        .collect();
    number_columns(reader, &mut types)?;
    let flags: [fn(&mut TypeFacts) -> &mut bool; 10] = [
        |facts| &mut facts.burstable,
        |facts| &mut facts.current_generation,
        |facts| &mut facts.sold_on_demand,
        |facts| &mut facts.sold_as_spot,
        |facts| &mut facts.encryption_in_transit,
        |facts| &mut facts.nitro_enclaves,
        |facts| &mut facts.nested_virtualization,
        |facts| &mut facts.cluster_placement,
        |facts| &mut facts.ebs_limit_shared,
        |facts| &mut facts.instance_store_nvme,
    ];
    for flag in flags {
        let bits = reader.bits(rows)?;
        for position in bits.ones() {
            *flag(&mut types[position]) = true;
        }
    }
    let manufacturers = reader.dictionary(rows, |reader| Ok(reader.text()?.to_owned()))?;
    let cards = reader.dictionary(rows, cards)?;
    let gpus = reader.dictionary(rows, gpus)?;
    let accelerators = reader.dictionary(rows, accelerator)?;
    let devices = manufacturers.into_iter().zip(cards).zip(gpus).zip(accelerators);
    for (facts, (((manufacturer, (default_card, cards)), gpus), accelerator)) in types.iter_mut().zip(devices)
    {
        facts.cpu_manufacturer = manufacturer;
        facts.default_card = default_card;
        facts.cards = cards;
        facts.gpus = gpus;
        facts.accelerator = accelerator;
    }
    Ok(types)
}

fn number_columns(reader: &mut Reader<'_>, types: &mut [TypeFacts]) -> Result<(), DecodeError> {
    let rows = types.len();
    let vcpus = reader.small_numbers(rows, "vCPUs")?;
    let memory = reader.numbers(rows)?;
    let arches = reader.numbers(rows)?;
    let hypervisors = reader.numbers(rows)?;
    let small: [fn(&mut TypeFacts) -> &mut u32; 5] = [
        |facts| &mut facts.clock_mhz,
        |facts| &mut facts.ipv4_per_interface,
        |facts| &mut facts.max_efa_interfaces,
        |facts| &mut facts.max_ebs_attachments,
        |facts| &mut facts.branch_interfaces,
    ];
    for field in small {
        for (facts, value) in types.iter_mut().zip(reader.small_numbers(rows, "number")?) {
            *field(facts) = value;
        }
    }
    let optional: [fn(&mut TypeFacts) -> &mut Option<u64>; 3] = [
        |facts| &mut facts.network_bandwidth_mbps,
        |facts| &mut facts.ebs_bandwidth_mbps,
        |facts| &mut facts.instance_store_gb,
    ];
    for field in optional {
        for (facts, value) in types.iter_mut().zip(reader.optional_numbers(rows)?) {
            *field(facts) = value;
        }
    }
    let columns = vcpus.into_iter().zip(memory).zip(arches).zip(hypervisors);
    for (facts, (((vcpus, memory), arch), hypervisor)) in types.iter_mut().zip(columns) {
        facts.vcpus = vcpus;
        facts.memory_mib = memory;
        facts.arch = match arch {
            0 => Arch::Amd64,
            1 => Arch::Arm64,
            _ => return Err(DecodeError::OutOfRange { what: "architecture" }),
        };
        facts.hypervisor = match hypervisor {
            0 => Hypervisor::Nitro,
            1 => Hypervisor::Xen,
            2 => Hypervisor::BareMetal,
            _ => return Err(DecodeError::OutOfRange { what: "hypervisor" }),
        };
    }
    Ok(())
}

fn cards(reader: &mut Reader<'_>) -> Result<(u32, Vec<NetworkCard>), DecodeError> {
    let default_card = reader.small("network card")?;
    let count = reader.count("network cards")?;
    let mut cards = Vec::new();
    for _ in 0..count {
        let packed = reader.small("network card")?;
        cards.push(NetworkCard { max_interfaces: packed >> 1, efa: packed & 1 == 1 });
    }
    Ok((default_card, cards))
}

fn gpus(reader: &mut Reader<'_>) -> Result<Vec<Gpu>, DecodeError> {
    let count = reader.count("GPUs")?;
    let mut gpus = Vec::new();
    for _ in 0..count {
        let name = reader.text()?.to_owned();
        let manufacturer = reader.text()?.to_owned();
        gpus.push(Gpu { name, manufacturer, count: reader.small("GPUs")?, memory_mib: reader.number()? });
    }
    Ok(gpus)
}

fn accelerator(reader: &mut Reader<'_>) -> Result<Option<Accelerator>, DecodeError> {
    if reader.number()? == 0 {
        return Ok(None);
    }
    let name = reader.text()?.to_owned();
    let manufacturer = reader.text()?.to_owned();
    let count = reader.small("accelerators")?;
    Ok(Some(Accelerator { name, manufacturer, count, neuron_cores_each: reader.small("neuron cores")? }))
}

fn on_demand(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<Option<ListPrice>>, DecodeError> {
    let prices = reader.optional_numbers(rows)?;
    let listed = reader.bits(rows)?;
    let price_of = |(position, compact): (usize, Option<u64>)| {
        let kind = if listed.contains(position) { PriceKind::List } else { PriceKind::Estimate };
        compact.map(|compact| ListPrice { price: expand(compact), kind })
    };
    Ok(prices.into_iter().enumerate().map(price_of).collect())
}

fn spot(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<Option<SpotFigure>>, DecodeError> {
    let savings = reader.optional_numbers(rows)?;
    let buckets = reader.numbers(rows)?;
    let defaulted = reader.bits(rows)?;
    let figure = |(position, (saving, bucket)): (usize, (Option<u64>, u64))| {
        let Some(saving) = saving else { return Ok(None) };
        if saving > 100 {
            return Err(DecodeError::OutOfRange { what: "spot saving" });
        }
        let interruption = *usize::try_from(bucket)
            .ok()
            .and_then(|bucket| InterruptionBucket::ALL.get(bucket))
            .ok_or(DecodeError::OutOfRange { what: "interruption bucket" })?;
        let saving_percent = saving as u8;
        Ok(Some(SpotFigure { saving_percent, interruption, defaulted: defaulted.contains(position) }))
    };
    savings.into_iter().zip(buckets).enumerate().map(figure).collect()
}

fn regions(reader: &mut Reader<'_>, type_count: usize) -> Result<Vec<Region>, DecodeError> {
    let count = reader.count("number of regions")?;
    let names = reader.sorted_texts(count)?;
    let mut regions = Vec::new();
    for name in names {
        let price_factor_permille = reader.small("price factor")?;
        let price_date = date(reader)?;
        let listed = reader.number()? == 1;
        let zone_count = reader.count("number of zones")?;
        let mut zones: Vec<Zone> = Vec::new();
        let mut sold_before = FixedBitSet::with_capacity(type_count);
        for _ in 0..zone_count {
            let name = reader.text()?.to_owned();
            let zone_id = reader.text()?.to_owned();
            sold_before.symmetric_difference_with(&reader.bits(type_count)?);
            zones.push(Zone { name, zone_id, sells: sold_before.clone() });
        }
        regions.push(Region { name, price_factor_permille, price_date, listed, zones });
    }
    Ok(regions)
}
