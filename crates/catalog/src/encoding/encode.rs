//! A market to bytes.

use fixedbitset::FixedBitSet;
use jiff::civil::Date;

use super::varint::Writer;
use super::{MAGIC, VERSION};
use crate::facts::{Accelerator, Gpu, NetworkCard};
use crate::market::{Market, Region};
use crate::{PriceKind, TypeFacts};

/// Highest effort: the file is made once and read at every start.
const COMPRESSION_LEVEL: u8 = 10;

/// The file for a market. The same market always gives the same bytes.
///
/// The tables must be in the order [`Market`] states, with one row per type in each; names must be ASCII.
pub fn encode(market: &Market) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.text(&market.source);
    date(&mut writer, market.list_date);
    date(&mut writer, market.spot_date);
    writer.number(market.types.len() as u64);
    types(&mut writer, &market.types);
    prices(&mut writer, market);
    regions(&mut writer, &market.regions, market.types.len());
    let mut file = MAGIC.to_vec();
    file.push(VERSION);
    file.extend(miniz_oxide::deflate::compress_to_vec_zlib(&writer.into_bytes(), COMPRESSION_LEVEL));
    file
}

fn date(writer: &mut Writer, date: Date) {
    writer.number(date.year() as u64);
    writer.number(date.month() as u64);
    writer.number(date.day() as u64);
}

fn types(writer: &mut Writer, types: &[TypeFacts]) {
    writer.sorted_texts(types.iter().map(|facts| facts.name.as_str()));
    let numbers: [fn(&TypeFacts) -> u64; 9] = [
        |facts| u64::from(facts.vcpus),
        |facts| facts.memory_mib,
        |facts| facts.arch as u64,
        |facts| facts.hypervisor as u64,
        |facts| u64::from(facts.clock_mhz),
        |facts| u64::from(facts.ipv4_per_interface),
        |facts| u64::from(facts.max_efa_interfaces),
        |facts| u64::from(facts.max_ebs_attachments),
        |facts| u64::from(facts.branch_interfaces),
    ];
    for number in numbers {
        writer.numbers(types.iter().map(number));
    }
    let optional: [fn(&TypeFacts) -> Option<u64>; 3] = [
        |facts| facts.network_bandwidth_mbps,
        |facts| facts.ebs_bandwidth_mbps,
        |facts| facts.instance_store_gb,
    ];
    for number in optional {
        writer.optional_numbers(types.iter().map(number));
    }
    let flags: [fn(&TypeFacts) -> bool; 10] = [
        |facts| facts.burstable,
        |facts| facts.current_generation,
        |facts| facts.sold_on_demand,
        |facts| facts.sold_as_spot,
        |facts| facts.encryption_in_transit,
        |facts| facts.nitro_enclaves,
        |facts| facts.nested_virtualization,
        |facts| facts.cluster_placement,
        |facts| facts.ebs_limit_shared,
        |facts| facts.instance_store_nvme,
    ];
    for flag in flags {
        writer.bits(types.len(), |position| flag(&types[position]));
    }
    let manufacturers: Vec<&str> = types.iter().map(|facts| facts.cpu_manufacturer.as_str()).collect();
    writer.dictionary(&manufacturers, |writer, manufacturer| writer.text(manufacturer));
    let cards: Vec<(u32, &[NetworkCard])> =
        types.iter().map(|facts| (facts.default_card, facts.cards.as_slice())).collect();
    writer.dictionary(&cards, |writer, (default_card, cards)| {
        writer.number(u64::from(*default_card));
        writer.number(cards.len() as u64);
        for card in *cards {
            writer.number(u64::from(card.max_interfaces) << 1 | u64::from(card.efa));
        }
    });
    let gpus: Vec<&[Gpu]> = types.iter().map(|facts| facts.gpus.as_slice()).collect();
    writer.dictionary(&gpus, |writer, gpus| {
        writer.number(gpus.len() as u64);
        for gpu in *gpus {
            writer.text(&gpu.name);
            writer.text(&gpu.manufacturer);
            writer.number(u64::from(gpu.count));
            writer.number(gpu.memory_mib);
        }
    });
    let accelerators: Vec<Option<&Accelerator>> =
        types.iter().map(|facts| facts.accelerator.as_ref()).collect();
    writer.dictionary(&accelerators, |writer, accelerator| {
        writer.number(u64::from(accelerator.is_some()));
        if let Some(accelerator) = accelerator {
            writer.text(&accelerator.name);
            writer.text(&accelerator.manufacturer);
            writer.number(u64::from(accelerator.count));
            writer.number(u64::from(accelerator.neuron_cores_each));
        }
    });
}

fn prices(writer: &mut Writer, market: &Market) {
    let nanos = |price: crate::Usd| u64::try_from(price.nanos()).unwrap_or_default();
    // list prices have at most six decimals, so micro-dollars are smaller and just as exact; the low bit says so
    let compact = |price: crate::Usd| match nanos(price) {
        exact if exact % 1000 == 0 => exact / 1000 * 2,
        exact => exact * 2 + 1,
    };
    writer.optional_numbers(market.on_demand.iter().map(|row| row.map(|listed| compact(listed.price))));
    let is_listed =
        |position: usize| market.on_demand[position].is_some_and(|listed| listed.kind == PriceKind::List);
    writer.bits(market.on_demand.len(), is_listed);
    writer.optional_numbers(market.spot.iter().map(|row| row.map(|figure| u64::from(figure.saving_percent))));
    writer.numbers(market.spot.iter().map(|row| row.map_or(0, |figure| figure.interruption as u64)));
    writer.bits(market.spot.len(), |position| market.spot[position].is_some_and(|figure| figure.defaulted));
    writer.number(market.retired.len() as u64);
    writer.sorted_texts(market.retired.iter().map(|(name, _)| name.as_str()));
    writer.numbers(market.retired.iter().map(|(_, price)| compact(*price)));
}

fn regions(writer: &mut Writer, regions: &[Region], type_count: usize) {
    writer.number(regions.len() as u64);
    writer.sorted_texts(regions.iter().map(|region| region.name.as_str()));
    for region in regions {
        writer.number(u64::from(region.price_factor_permille));
        date(writer, region.price_date);
        writer.number(u64::from(region.listed));
        writer.number(region.zones.len() as u64);
        let mut sold_before = FixedBitSet::with_capacity(type_count);
        for zone in &region.zones {
            writer.text(&zone.name);
            writer.text(&zone.zone_id);
            // zones of a region sell nearly the same, so the difference to the one before compresses better
            writer
                .bits(type_count, |position| zone.sells.contains(position) != sold_before.contains(position));
            sold_before.clone_from(&zone.sells);
        }
    }
}
