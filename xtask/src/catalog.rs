//! `cargo xtask catalog`: makes the file of the market that is embedded in the binary.
//!
//! ```text
//! moto's wheel (pinned by hash) ──┐
//! crates/catalog/data/*.txt ──────┴─> merge ─> encode ─> crates/catalog/data/catalog.bin
//! ```
//!
//! `--check` makes it again and compares byte by byte. Both need Python with pip and the package index.

mod merge;
mod moto;
mod tables;

use std::fmt;
use std::path::{Path, PathBuf};

use supercargo_catalog::encoding::{decode, encode};

/// The file must stay below this, in bytes.
const LARGEST_FILE: usize = 400_000;
/// A market with fewer types than this has lost some of its base data.
const FEWEST_TYPES: usize = 1_350;

/// Something that keeps the file from being made.
#[derive(Debug)]
pub struct Problem(String);

impl Problem {
    fn new(text: String) -> Problem {
        Problem(text)
    }

    fn file(path: &Path, error: impl fmt::Display) -> Problem {
        Problem(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

/// Makes the file, or with `check` only compares; says what it found on stderr.
pub fn run(check: bool) -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = root.parent().ok_or_else(|| Problem::new("xtask has no parent folder".to_owned()))?;
    let data = root.join("crates/catalog/data");
    let requirements = data.join("requirements.txt");
    let source = pinned(&requirements)?;
    let base = moto::fetch(&requirements, &root.join("target/xtask-catalog"))?;
    let market = merge::merge(base, &data, &source)?;
    let file = encode(&market);
    let read_back = decode(&file).map_err(|error| Problem::new(error.to_string()))?;
    if read_back != market {
        return Err(Problem::new("the file does not read back as it was written".to_owned()).into());
    }
    if file.len() > LARGEST_FILE || market.types.len() < FEWEST_TYPES {
        return Err(Problem::new(format!(
            "{} bytes for {} types: expected at most {LARGEST_FILE} bytes for at least {FEWEST_TYPES} types",
            file.len(),
            market.types.len()
        ))
        .into());
    }
    if let Some(facts) = market.types.iter().zip(&market.on_demand).find(|(_, price)| price.is_none()) {
        return Err(Problem::new(format!(
            "{}: no price in on-demand.txt or on-demand-estimates.txt",
            facts.0.name
        ))
        .into());
    }
    let path = data.join("catalog.bin");
    let zones: usize = market.regions.iter().map(|region| region.zones.len()).sum();
    eprintln!(
        "{}: {} types, {} regions, {zones} zones, {} bytes",
        path.display(),
        market.types.len(),
        market.regions.len(),
        file.len()
    );
    if check {
        let committed = std::fs::read(&path).map_err(|error| Problem::file(&path, error))?;
        if committed != file {
            return Err(Problem::file(
                &path,
                "differs from its inputs: run `cargo xtask catalog` and commit",
            )
            .into());
        }
        return Ok(());
    }
    std::fs::write(&path, &file).map_err(|error| Problem::file(&path, error))?;
    Ok(())
}

/// `moto 5.2.5` out of `moto==5.2.5 --hash=…`.
fn pinned(requirements: &Path) -> Result<String, Problem> {
    let text = std::fs::read_to_string(requirements).map_err(|error| Problem::file(requirements, error))?;
    let line = text.lines().find(|line| line.contains("==") && !line.trim_start().starts_with('#'));
    let pin = line.and_then(|line| line.split_whitespace().next());
    pin.map(|pin| pin.replace("==", " "))
        .ok_or_else(|| Problem::file(requirements, "expected package==version"))
}
