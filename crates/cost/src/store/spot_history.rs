//! Spot prices as they were seen, beside the ledger: a market forgets its prices, and a kept hour should cost tomorrow what it
//! costs today.
//!
//! ```text
//! DIR/prices/spot-history.csv      region,zone,instance_type,since,dollars_per_hour
//! ```

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use supercargo_catalog::Usd;

use crate::interval::rfc3339;
use crate::prices::SpotQuote;
use crate::store::error::StoreError;
use crate::store::files::Store;
use crate::store::layout::at;

const HEAD: &str = "region,zone,instance_type,since,dollars_per_hour\n";

impl Store {
    fn spot_history(&self) -> PathBuf {
        self.root().join("prices").join("spot-history.csv")
    }

    /// Writes down spot prices; on disk when this returns.
    pub fn append_spot_prices(&self, quotes: &[SpotQuote]) -> Result<(), StoreError> {
        let path = self.spot_history();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(at(directory))?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(at(&path))?;
        let mut text = String::new();
        match whole_lines(&fs::read(&path).map_err(at(&path))?) {
            // a line that was cut short when a process ended would be another price
            Some(length) => file.set_len(length).map_err(at(&path))?,
            None => text.push_str(HEAD),
        }
        for quote in quotes {
            let SpotQuote { region, zone, instance_type, since, price } = quote;
            let price = price.to_decimal();
            // writing to a text cannot fail
            let _ = writeln!(text, "{region},{zone},{instance_type},{},{price}", rfc3339(*since));
        }
        file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(at(&path))
    }

    /// The spot prices that were written down, in their order, and what could not be read.
    pub fn spot_prices(&self) -> Result<(Vec<SpotQuote>, Vec<StoreError>), StoreError> {
        let path = self.spot_history();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
            Err(error) => return Err(at(&path)(error)),
        };
        let length = whole_lines(&bytes).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let text = String::from_utf8_lossy(&bytes[..length]);
        let mut quotes = Vec::new();
        let mut unread = 0;
        for line in text.lines().filter(|line| *line != HEAD.trim_end()) {
            match quote(line) {
                Some(quote) => quotes.push(quote),
                None => unread += 1,
            }
        }
        let what = format!("{unread} lines are no prices");
        let problem = (unread > 0).then_some(StoreError::Damaged { path, what });
        Ok((quotes, problem.into_iter().collect()))
    }
}

/// How many bytes there are up to the end of the last whole line, if there is one.
fn whole_lines(bytes: &[u8]) -> Option<u64> {
    bytes.iter().rposition(|byte| *byte == b'\n').map(|last| last as u64 + 1)
}

fn quote(line: &str) -> Option<SpotQuote> {
    let mut fields = line.split(',');
    let mut next = || fields.next().filter(|field| !field.is_empty());
    let quote = SpotQuote {
        region: next()?.into(),
        zone: next()?.into(),
        instance_type: next()?.into(),
        since: next()?.parse::<jiff::Timestamp>().ok()?.as_second(),
        price: next()?.parse::<Usd>().ok().filter(|price| !price.is_negative())?,
    };
    next().is_none().then_some(quote)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("supercargo-spot-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        directory
    }

    fn some(since: i64, nanos: i64) -> SpotQuote {
        SpotQuote {
            region: "us-east-1".into(),
            zone: "us-east-1a".into(),
            instance_type: "m5.large".into(),
            since,
            price: Usd::from_nanos(nanos),
        }
    }

    #[test]
    fn prices_are_there_again_and_a_line_cut_short_takes_no_other_with_it() {
        let directory = directory("again");
        let store = Store::open(&directory).unwrap();
        assert!(store.spot_prices().unwrap().0.is_empty());
        store.append_spot_prices(&[some(3_600, 34_500_000), some(7_200, 35_000_000)]).unwrap();
        let path = store.spot_history();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
        store.append_spot_prices(&[some(10_800, 36_000_000)]).unwrap();
        let (quotes, problems) = store.spot_prices().unwrap();
        assert_eq!(quotes, [some(3_600, 34_500_000), some(10_800, 36_000_000)]);
        assert!(problems.is_empty());
        fs::remove_dir_all(&directory).unwrap();
    }

    proptest! {
        #[test]
        fn no_line_breaks_anything(line in ".{0,80}") {
            let _ = quote(&line);
        }
    }
}
