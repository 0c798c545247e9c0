//! Our own tables under `crates/catalog/data/`: prices, spot figures, branch interfaces, regions, corrections.
//!
//! All are text: `#` starts a comment, words are separated by blanks; `# date <day>` in the head of a table
//! is the day its figures were valid on.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use supercargo_catalog::Usd;

use super::Problem;

/// The words of a table, line by line, and its date.
pub struct Table {
    file: String,
    date: Option<Date>,
    lines: Vec<(usize, Vec<String>)>,
}

impl Table {
    pub fn read(path: &Path) -> Result<Table, Problem> {
        let text = std::fs::read_to_string(path).map_err(|error| Problem::file(path, error))?;
        let mut table = Table { file: path.display().to_string(), date: None, lines: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let (content, comment) = line.split_once('#').unwrap_or((line, ""));
            if let Some(day) = comment.trim().strip_prefix("date ") {
                table.date = Some(day.trim().parse().map_err(|error| table.problem(index + 1, error))?);
            }
            let words: Vec<String> = content.split_whitespace().map(str::to_owned).collect();
            if !words.is_empty() {
                table.lines.push((index + 1, words));
            }
        }
        Ok(table)
    }

    pub fn date(&self) -> Result<Date, Problem> {
        self.date.ok_or_else(|| Problem::new(format!("{}: no `# date` in the head", self.file)))
    }

    fn problem(&self, line: usize, error: impl std::fmt::Display) -> Problem {
        Problem::new(format!("{}:{line}: {error}", self.file))
    }

    /// Lines of `family word* size=value*`: calls `each` with the type's name and the value.
    fn sizes(
        &self,
        leading: usize,
        mut each: impl FnMut(String, &str) -> Result<(), String>,
    ) -> Result<(), Problem> {
        for (line, words) in &self.lines {
            let family = &words[0];
            for word in words.iter().skip(leading) {
                let (size, value) = word
                    .split_once('=')
                    .ok_or_else(|| self.problem(*line, format!("{word}: expected size=value")))?;
                each(format!("{family}.{size}"), value).map_err(|error| self.problem(*line, error))?;
            }
        }
        Ok(())
    }
}

/// Dollars per vCPU and hour by family, and dollars per hour by type.
#[derive(Default)]
pub struct Prices {
    rates: BTreeMap<String, Usd>,
    types: BTreeMap<String, Usd>,
}

impl Prices {
    pub fn read(table: &Table) -> Result<Prices, Problem> {
        let mut prices = Prices::default();
        for (line, words) in &table.lines {
            let rate = words.get(1).ok_or_else(|| table.problem(*line, "expected a rate or -"))?;
            if rate != "-" {
                let rate = rate.parse().map_err(|error| table.problem(*line, error))?;
                prices.rates.insert(words[0].clone(), rate);
            }
        }
        table.sizes(2, |name, price| {
            prices.types.insert(name, price.parse::<Usd>().map_err(|error| error.to_string())?);
            Ok(())
        })?;
        Ok(prices)
    }

    /// The price of a type: its own, or its family's rate times its vCPUs.
    pub fn price(&self, name: &str, vcpus: u32) -> Option<Usd> {
        let family = name.split_once('.')?.0;
        self.types.get(name).copied().or_else(|| {
            let rate = self.rates.get(family)?;
            Some(six_digits(rate.saturating_mul(i64::from(vcpus))))
        })
    }

    /// Types with a price of their own.
    pub fn named(&self) -> impl Iterator<Item = (&String, &Usd)> {
        self.types.iter()
    }
}

/// Rounded to six significant digits, halves away from zero.
fn six_digits(price: Usd) -> Usd {
    let digits = price.nanos().unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    match digits.checked_sub(6) {
        None | Some(0) => price,
        Some(surplus) => {
            let unit = 10i64.pow(surplus);
            price.scaled(1, unit).saturating_mul(unit)
        }
    }
}

/// Saving in percent and bucket number by type.
pub fn spot(table: &Table) -> Result<BTreeMap<String, (u8, u8)>, Problem> {
    let mut figures = BTreeMap::new();
    table.sizes(1, |name, value| {
        let (saving, bucket) =
            value.split_once('/').ok_or_else(|| format!("{value}: expected saving/bucket"))?;
        let saving: u8 = saving.parse().map_err(|_| format!("{saving}: expected a percentage"))?;
        let bucket: u8 = bucket.parse().map_err(|_| format!("{bucket}: expected a bucket from 0 to 4"))?;
        if saving > 100 || bucket > 4 {
            return Err(format!("{value}: expected at most 100/4"));
        }
        figures.insert(name, (saving, bucket));
        Ok(())
    })?;
    Ok(figures)
}

/// Branch interfaces by type.
pub fn branch_interfaces(table: &Table) -> Result<BTreeMap<String, u32>, Problem> {
    let mut limits = BTreeMap::new();
    table.sizes(1, |name, value| {
        limits.insert(name, value.parse().map_err(|_| format!("{value}: expected a number"))?);
        Ok(())
    })?;
    Ok(limits)
}

/// A region's price level.
pub struct RegionRow {
    pub factor_permille: u32,
    pub date: Date,
    pub listed: bool,
}

pub fn regions(table: &Table) -> Result<BTreeMap<String, RegionRow>, Problem> {
    let mut rows = BTreeMap::new();
    for (line, words) in &table.lines {
        let [region, factor, date, compared] = words.as_slice() else {
            return Err(table.problem(*line, "expected region, factor, date, type compared"));
        };
        let factor: Usd = factor.parse().map_err(|error| table.problem(*line, error))?;
        let row = RegionRow {
            factor_permille: (factor.nanos() / 1_000_000) as u32,
            date: date.parse().map_err(|error| table.problem(*line, error))?,
            listed: compared == "list",
        };
        rows.insert(region.clone(), row);
    }
    Ok(rows)
}

/// Values that replace what the base data says.
pub struct Corrections {
    rows: Vec<(String, u64, Vec<String>)>,
}

impl Corrections {
    pub fn read(table: &Table) -> Result<Corrections, Problem> {
        let mut rows = Vec::new();
        for (line, words) in &table.lines {
            let [field, value, patterns @ ..] = words.as_slice() else {
                return Err(table.problem(*line, "expected field, value, patterns"));
            };
            let value =
                value.parse().map_err(|_| table.problem(*line, format!("{value}: expected a number")))?;
            rows.push((field.clone(), value, patterns.to_vec()));
        }
        Ok(Corrections { rows })
    }

    pub fn find(&self, field: &str, name: &str) -> Option<u64> {
        let family = name.split_once('.').map_or(name, |(family, _)| family);
        let matches = |pattern: &String| pattern == name || pattern.strip_suffix(".*") == Some(family);
        let row = self.rows.iter().find(|(of, _, patterns)| of == field && patterns.iter().any(matches))?;
        Some(row.1)
    }

    /// Patterns that match none of the names: a typing error, or a type that is gone.
    pub fn unused<'c>(&'c self, is_known: &'c dyn Fn(&str) -> bool) -> impl Iterator<Item = &'c String> {
        self.rows.iter().flat_map(|(_, _, patterns)| patterns).filter(|pattern| !is_known(pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_the_rate_times_the_vcpus_to_six_digits_unless_it_has_its_own() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        let lines = vec![(1, words("c8i 0.046855 metal-48xl=9.89578")), (2, words("dl1 - 24xlarge=13.109"))];
        let table = Table { file: "prices".to_owned(), date: None, lines };
        let prices = Prices::read(&table).unwrap_or_else(|problem| panic!("{problem}"));
        let shown = |name: &str, vcpus| prices.price(name, vcpus).map(|price| price.to_string());
        assert_eq!(shown("c8i.large", 2).as_deref(), Some("$0.09371"));
        assert_eq!(shown("c8i.96xlarge", 384).as_deref(), Some("$17.9923"));
        assert_eq!(shown("c8i.metal-48xl", 192).as_deref(), Some("$9.89578"));
        assert_eq!(shown("dl1.24xlarge", 96).as_deref(), Some("$13.109"));
        assert_eq!(shown("dl1.48xlarge", 96), None);
    }
}
