//! Machine images, by release. Releases fall on whole multiples of the interval since 1970, whatever time the region
//! begins, so that the same image exists under the same id in every region of a seed.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use supercargo_api::AmiFamily;
use supercargo_clock::Randomness;
use supercargo_cloud::image_alias::IMAGE_LINES;
use supercargo_cloud::{Image, ImageLine, Tags};

use crate::noise::hash;
use crate::{MachineImage, RegionOptions};

/// The images of a region and the public parameters that name them.
#[derive(Debug)]
pub(crate) struct Images {
    kubernetes_version: String,
    every: i64,
    deprecated_after: Duration,
    seed: u64,
    images: BTreeMap<String, Image>,
    parameters: BTreeMap<String, String>,
    /// Dates of the releases so far.
    dates: Vec<jiff::civil::Date>,
}

impl Images {
    pub(crate) fn new(options: &RegionOptions, randomness: &Randomness, now: Timestamp) -> Images {
        // more than one release an hour would only be work
        let every = i64::try_from(options.images.release_every.as_secs()).unwrap_or(i64::MAX).max(3_600);
        let mut images = Images {
            kubernetes_version: options.kubernetes_version.clone(),
            every,
            deprecated_after: options.images.deprecated_after,
            seed: randomness.fork("images").u64(),
            images: BTreeMap::new(),
            parameters: BTreeMap::new(),
            dates: Vec::new(),
        };
        let newest = now.as_second().div_euclid(every);
        let past = i64::from(options.images.past_releases.max(1));
        for number in (newest - past + 1)..=newest {
            let moment = Timestamp::from_second(number.saturating_mul(every)).unwrap_or(now);
            images.release(moment);
        }
        images
    }

    /// The next regular release.
    pub(crate) fn next_release(&self, now: Timestamp) -> Timestamp {
        let number = now.as_second().div_euclid(self.every).saturating_add(1);
        Timestamp::from_second(number.saturating_mul(self.every)).unwrap_or(Timestamp::MAX)
    }

    /// Every line gets an image; the parameters for the newest point to it.
    pub(crate) fn release(&mut self, moment: Timestamp) {
        let mut date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
        // two releases of a day get the dates of two days, as versions are dates
        while self.dates.last().is_some_and(|last| *last >= date) {
            date = match self.dates.last().and_then(|last| last.tomorrow().ok()) {
                Some(next) => next,
                None => return,
            };
        }
        self.dates.push(date);
        let deprecated = SignedDuration::try_from(self.deprecated_after).unwrap_or(SignedDuration::MAX);
        let minor = self.kubernetes_version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        for line in IMAGE_LINES {
            let is_made = match line.family {
                AmiFamily::AL2 => minor.is_none_or(|minor| minor < 33),
                AmiFamily::Windows2025 => minor.is_none_or(|minor| minor >= 35),
                _ => true,
            };
            if is_made {
                self.publish(line, date, moment, deprecated);
            }
        }
    }

    fn publish(
        &mut self,
        line: ImageLine,
        date: jiff::civil::Date,
        moment: Timestamp,
        deprecated: SignedDuration,
    ) {
        let kubernetes = self.kubernetes_version.as_str();
        let version = version(line.family, date);
        let name = line.image_name(kubernetes, &version);
        let letters = name.bytes().fold(self.seed, |sum, byte| hash(sum, &[u64::from(byte)]));
        let image = Image {
            id: format!("ami-0{letters:016x}"),
            owner_id: match line.family {
                AmiFamily::Bottlerocket => "092701018921",
                AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025 => "801119661308",
                _ => "602401143452",
            }
            .to_owned(),
            owner_alias: Some("amazon".to_owned()),
            architecture: line.arch,
            created_at: moment,
            deprecated_at: moment.checked_add(deprecated).ok(),
            tags: Tags::new(),
            name,
        };
        for version in ["latest", version.as_str()] {
            self.parameters.insert(line.parameter(kubernetes, version), image.id.clone());
        }
        self.images.insert(image.id.clone(), image);
    }

    pub(crate) fn image(&self, id: &str) -> Option<&Image> {
        self.images.get(id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Image> {
        self.images.values()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Adds an image of the account.
    pub(crate) fn register(&mut self, image: Image) {
        self.images.insert(image.id.clone(), image);
    }

    pub(crate) fn machine_image(&self, id: &str) -> MachineImage {
        MachineImage {
            id: id.to_owned(),
            name: self.image(id).map(|image| image.name.clone()).unwrap_or_default(),
            kubernetes_version: self.kubernetes_version.clone(),
        }
    }
}

/// How a family writes the version of a release.
fn version(family: AmiFamily, date: jiff::civil::Date) -> String {
    match family {
        AmiFamily::Bottlerocket => {
            // a minor version a week, counted so that 2026 has those that really are current then
            let epoch = jiff::civil::date(2025, 1, 1);
            let days = date.since(epoch).map(|span| i64::from(span.get_days())).unwrap_or_default();
            format!("v1.{}.{}", days.max(0) / 7, days.max(0) % 7)
        }
        AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025 => {
            date.strftime("%Y.%m.%d").to_string()
        }
        _ => date.strftime("v%Y%m%d").to_string(),
    }
}
