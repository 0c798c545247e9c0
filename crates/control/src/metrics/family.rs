//! Families of samples that differ in their labels.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::exposition::{Exposition, MetricType, number};

/// A family that can be written out.
pub trait Family: fmt::Debug + Send + Sync {
    /// Writes its description and its samples, in the order of their labels. A family without samples has none.
    fn write(&self, out: &mut Exposition);
}

/// What families of every type have.
struct Samples<const N: usize, V> {
    name: &'static str,
    labels: [&'static str; N],
    help: &'static str,
    values: Mutex<BTreeMap<[String; N], V>>,
}

impl<const N: usize, V> Samples<N, V> {
    fn new(name: &'static str, labels: [&'static str; N], help: &'static str) -> Self {
        Self { name, labels, help, values: Mutex::new(BTreeMap::new()) }
    }

    fn values(&self) -> MutexGuard<'_, BTreeMap<[String; N], V>> {
        // samples are changed whole, so what a panicking thread left is still good
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, labels: [&str; N], first: impl FnOnce() -> V, change: impl FnOnce(&mut V)) {
        change(self.values().entry(labels.map(str::to_owned)).or_insert_with(first));
    }

    fn pairs<'a>(&'a self, values: &'a [String; N]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.labels.iter().copied().zip(values.iter().map(String::as_str))
    }
}

impl<const N: usize, V> fmt::Debug for Samples<N, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} with {} samples", self.name, self.values().len())
    }
}

/// Counters with `N` labels.
#[derive(Debug)]
pub struct Counters<const N: usize>(Samples<N, f64>);

impl<const N: usize> Counters<N> {
    /// A family without samples; without labels it has its one sample from the start.
    pub fn new(name: &'static str, labels: [&'static str; N], help: &'static str) -> Self {
        let family = Self(Samples::new(name, labels, help));
        if N == 0 {
            family.add([""; N], 0.0);
        }
        family
    }

    /// Counts once.
    pub fn count(&self, labels: [&str; N]) {
        self.add(labels, 1.0);
    }

    /// Counts several at once; what is below zero is not counted.
    pub fn add(&self, labels: [&str; N], by: f64) {
        self.0.change(labels, || 0.0, |value| *value += by.max(0.0));
    }

    /// How many were counted under these labels.
    pub fn value(&self, labels: [&str; N]) -> f64 {
        self.0.values().get(&labels.map(str::to_owned)).copied().unwrap_or(0.0)
    }
}

impl<const N: usize> Family for Counters<N> {
    fn write(&self, out: &mut Exposition) {
        write_values(&self.0, MetricType::Counter, out);
    }
}

/// Gauges with `N` labels.
#[derive(Debug)]
pub struct Gauges<const N: usize>(Samples<N, f64>);

impl<const N: usize> Gauges<N> {
    /// A family without samples.
    pub fn new(name: &'static str, labels: [&'static str; N], help: &'static str) -> Self {
        Self(Samples::new(name, labels, help))
    }

    /// It stands at this.
    pub fn set(&self, labels: [&str; N], value: f64) {
        self.0.change(labels, || 0.0, |known| *known = value);
    }

    /// All samples are these and no others.
    pub fn replace(&self, samples: impl IntoIterator<Item = ([String; N], f64)>) {
        let new = samples.into_iter().collect();
        *self.0.values() = new;
    }

    /// Samples whose labels are not wanted any more go.
    pub fn retain(&self, wanted: impl Fn(&[String; N]) -> bool) {
        self.0.values().retain(|labels, _| wanted(labels));
    }

    /// At what it stands under these labels, if it is known.
    pub fn value(&self, labels: [&str; N]) -> Option<f64> {
        self.0.values().get(&labels.map(str::to_owned)).copied()
    }
}

impl<const N: usize> Family for Gauges<N> {
    fn write(&self, out: &mut Exposition) {
        write_values(&self.0, MetricType::Gauge, out);
    }
}

fn write_values<const N: usize>(samples: &Samples<N, f64>, kind: MetricType, out: &mut Exposition) {
    let values = samples.values();
    if values.is_empty() {
        return;
    }
    out.family(samples.name, kind, samples.help);
    for (labels, value) in values.iter() {
        out.sample(samples.name, "", samples.pairs(labels), *value);
    }
}

/// Histograms with `N` labels.
#[derive(Debug)]
pub struct Histograms<const N: usize> {
    samples: Samples<N, Histogram>,
    bounds: &'static [f64],
}

struct Histogram {
    /// Observations up to each bound and above the one before; the last are above all.
    counts: Vec<u64>,
    sum: f64,
}

impl<const N: usize> Histograms<N> {
    /// A family without samples. The bounds grow.
    pub fn new(
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
        bounds: &'static [f64],
    ) -> Self {
        Self { samples: Samples::new(name, labels, help), bounds }
    }

    /// Counts an observation.
    pub fn observe(&self, labels: [&str; N], value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        let first = || Histogram { counts: vec![0; self.bounds.len() + 1], sum: 0.0 };
        self.samples.change(labels, first, |histogram| {
            if let Some(count) = histogram.counts.get_mut(place) {
                *count += 1;
            }
            histogram.sum += value;
        });
    }

    /// Counts a duration, in seconds.
    pub fn took(&self, labels: [&str; N], duration: Duration) {
        self.observe(labels, duration.as_secs_f64());
    }

    /// How many observations there were under these labels.
    pub fn count(&self, labels: [&str; N]) -> u64 {
        self.samples
            .values()
            .get(&labels.map(str::to_owned))
            .map_or(0, |histogram| histogram.counts.iter().sum())
    }
}

impl<const N: usize> Family for Histograms<N> {
    fn write(&self, out: &mut Exposition) {
        let values = self.samples.values();
        if values.is_empty() {
            return;
        }
        let name = self.samples.name;
        out.family(name, MetricType::Histogram, self.samples.help);
        for (labels, histogram) in values.iter() {
            let mut below = 0;
            for (position, count) in histogram.counts.iter().enumerate() {
                below += count;
                let bound = number(self.bounds.get(position).copied().unwrap_or(f64::INFINITY));
                let pairs = self.samples.pairs(labels).chain([("le", bound.as_str())]);
                out.sample(name, "_bucket", pairs, below as f64);
            }
            out.sample(name, "_sum", self.samples.pairs(labels), histogram.sum);
            out.sample(name, "_count", self.samples.pairs(labels), below as f64);
        }
    }
}

/// Observations that the quantiles of a summary are taken from: the latest ones.
const REMEMBERED: usize = 1_024;
/// The quantiles of a summary (reference section 6.1).
const QUANTILES: [f64; 5] = [0.0, 0.5, 0.9, 0.99, 1.0];

/// Summaries with `N` labels: quantiles 0, 0.5, 0.9, 0.99 and 1 of the latest observations.
#[derive(Debug)]
pub struct Summaries<const N: usize>(Samples<N, Summary>);

#[derive(Default)]
struct Summary {
    latest: VecDeque<f64>,
    count: u64,
    sum: f64,
}

impl<const N: usize> Summaries<N> {
    /// A family without samples.
    pub fn new(name: &'static str, labels: [&'static str; N], help: &'static str) -> Self {
        Self(Samples::new(name, labels, help))
    }

    /// Counts a duration, in seconds.
    pub fn took(&self, labels: [&str; N], duration: Duration) {
        let value = duration.as_secs_f64();
        self.0.change(labels, Summary::default, |summary| {
            if summary.latest.len() == REMEMBERED {
                summary.latest.pop_front();
            }
            summary.latest.push_back(value);
            summary.count += 1;
            summary.sum += value;
        });
    }

    /// How many observations there were under these labels.
    pub fn count(&self, labels: [&str; N]) -> u64 {
        self.0.values().get(&labels.map(str::to_owned)).map_or(0, |summary| summary.count)
    }
}

impl<const N: usize> Family for Summaries<N> {
    fn write(&self, out: &mut Exposition) {
        let values = self.0.values();
        if values.is_empty() {
            return;
        }
        out.family(self.0.name, MetricType::Summary, self.0.help);
        for (labels, summary) in values.iter() {
            let mut sorted: Vec<f64> = summary.latest.iter().copied().collect();
            sorted.sort_by(f64::total_cmp);
            for quantile in QUANTILES {
                let rank = (quantile * sorted.len() as f64).ceil() as usize;
                let value = sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN);
                let word = number(quantile);
                let pairs = self.0.pairs(labels).chain([("quantile", word.as_str())]);
                out.sample(self.0.name, "", pairs, value);
            }
            out.sample(self.0.name, "_sum", self.0.pairs(labels), summary.sum);
            out.sample(self.0.name, "_count", self.0.pairs(labels), summary.count as f64);
        }
    }
}

/// Declares the families of a subject: a struct with a field for each, and how all of them are written.
macro_rules! families {
    ($(#[$about:meta])* $name:ident { $($field:ident: $kind:ident<$labels:literal>($($argument:expr),* $(,)?),)* }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub(super) struct $name { $(pub(super) $field: $crate::metrics::family::$kind<$labels>,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $crate::metrics::family::$kind::new($($argument),*),)* }
            }
        }

        impl $name {
            /// Writes all families.
            pub(super) fn write(&self, out: &mut $crate::metrics::exposition::Exposition) {
                $($crate::metrics::family::Family::write(&self.$field, out);)*
            }
        }
    };
}

pub(super) use families;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(family: &dyn Family) -> String {
        let mut out = Exposition::default();
        family.write(&mut out);
        out.into_text()
    }

    #[test]
    fn counters_and_gauges_are_written_in_the_order_of_their_labels() {
        let counters = Counters::new("x_total", ["b", "a"], "how often");
        counters.count(["two", "x"]);
        counters.add(["one", "quote\" back\\ line\n"], 2.5);
        counters.add(["one", "quote\" back\\ line\n"], -1.0);
        insta::assert_snapshot!(text(&counters), @r#"
        # HELP x_total how often
        # TYPE x_total counter
        x_total{b="one",a="quote\" back\\ line\n"} 2.5
        x_total{b="two",a="x"} 1
        "#);
        let gauges = Gauges::new("x", [], "now");
        assert_eq!(text(&gauges), "");
        gauges.set([], 3.0);
        gauges.set([], f64::INFINITY);
        assert_eq!(text(&gauges), "# HELP x now\n# TYPE x gauge\nx +Inf\n");
    }

    #[test]
    fn a_histogram_counts_what_is_at_a_bound_below_it() {
        let histograms = Histograms::new("x_seconds", ["pool"], "how long", &[0.1, 1.0]);
        for value in [0.1, 0.5, 1.0, 7.0] {
            histograms.observe(["a"], value);
        }
        insta::assert_snapshot!(text(&histograms), @r#"
        # HELP x_seconds how long
        # TYPE x_seconds histogram
        x_seconds_bucket{pool="a",le="0.1"} 1
        x_seconds_bucket{pool="a",le="1"} 3
        x_seconds_bucket{pool="a",le="+Inf"} 4
        x_seconds_sum{pool="a"} 8.6
        x_seconds_count{pool="a"} 4
        "#);
    }

    #[test]
    fn a_summary_has_the_quantiles_of_what_it_remembers() {
        let summaries = Summaries::new("x_seconds", [], "how long");
        for second in 1..=2_000 {
            summaries.took([], Duration::from_secs(second));
        }
        insta::assert_snapshot!(text(&summaries), @r#"
        # HELP x_seconds how long
        # TYPE x_seconds summary
        x_seconds{quantile="0"} 977
        x_seconds{quantile="0.5"} 1488
        x_seconds{quantile="0.9"} 1898
        x_seconds{quantile="0.99"} 1990
        x_seconds{quantile="1"} 2000
        x_seconds_sum 2001000
        x_seconds_count 2000
        "#);
    }
}
