//! The embedded file: complete, small, and safe to read whatever happens to it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use supercargo_catalog::Catalog;
use supercargo_catalog::encoding::{DecodeError, decode, encode};

const FILE: &[u8] = include_bytes!("../data/catalog.bin");

#[test]
fn it_holds_at_least_1350_types_in_less_than_400_kilobytes() {
    assert!(FILE.len() < 400_000, "{}", FILE.len());
    assert!(Catalog::embedded().type_names().count() >= 1_350);
}

#[test]
fn it_reads_back_and_is_written_again_to_the_same_bytes() {
    let market = decode(FILE).unwrap();
    assert_eq!(&market, Catalog::embedded().market());
    assert_eq!(encode(&market), FILE);
}

#[test]
fn every_region_has_at_least_two_standard_zones_with_ids_of_their_own() {
    let catalog = Catalog::embedded();
    assert_eq!(catalog.regions().count(), 30);
    for region in catalog.regions() {
        let zones = catalog.zones(region);
        assert!(zones.len() >= 2, "{region}");
        let ids: BTreeSet<&str> = zones.iter().map(|zone| zone.zone_id.as_str()).collect();
        assert_eq!(ids.len(), zones.len(), "{region}");
        for zone in zones {
            let letter = zone.name.strip_prefix(region).unwrap();
            assert!(
                letter.len() == 1 && letter.chars().all(|letter| letter.is_ascii_lowercase()),
                "{}",
                zone.name
            );
            assert!(zone.zone_id.contains("-az"), "{}", zone.zone_id);
            assert!(zone.sells.ones().count() > 50, "{}", zone.name);
            assert_eq!(catalog.region_of_zone(&zone.name), Some(region));
        }
    }
}

#[test]
fn every_type_has_the_facts_that_capacity_and_price_need() {
    let catalog = Catalog::embedded();
    for name in catalog.type_names() {
        let facts = catalog.facts(name).unwrap();
        assert!(facts.vcpus > 0 && facts.memory_mib > 0, "{name}");
        assert!(facts.primary_card().max_interfaces > 0 && facts.ipv4_per_interface > 0, "{name}");
        assert!(facts.max_ebs_attachments > 0, "{name}");
        assert!(["Intel", "AMD", "AWS"].contains(&facts.cpu_manufacturer.as_str()), "{name}");
        assert!(facts.sold_on_demand, "{name}");
        assert!(catalog.on_demand_price("us-east-1", name).is_some(), "{name}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for length in (0..FILE.len()).step_by(13) {
        assert!(decode(&FILE[..length]).is_err(), "{length}");
    }
}

#[test]
fn what_is_not_a_catalogue_is_told_apart_from_another_version() {
    assert_eq!(decode(b"PK\x03\x04"), Err(DecodeError::NotACatalog));
    let mut newer = FILE.to_vec();
    newer[4] = 9;
    assert_eq!(decode(&newer), Err(DecodeError::Version { found: 9 }));
}

/// The file with other content, correctly compressed.
fn recompressed(content: &[u8]) -> Vec<u8> {
    let mut file = FILE[..5].to_vec();
    file.extend(miniz_oxide::deflate::compress_to_vec_zlib(content, 1));
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn damaged_content_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut content = miniz_oxide::inflate::decompress_to_vec_zlib(&FILE[5..]).unwrap();
        for (index, byte) in changes {
            let at = index.index(content.len());
            content[at] = byte;
        }
        if let Ok(market) = decode(&recompressed(&content)) {
            let model = supercargo_catalog::NodeClassModel::default();
            let catalog = Catalog::new(market);
            let _ = catalog.instance_types("us-east-1", None, &model);
        }
    }

    #[test]
    fn any_content_never_panics(content in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&recompressed(&content));
    }
}
