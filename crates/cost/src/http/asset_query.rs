//! Assets of a window, filtered, added up and ordered (reference section 2.8).

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::asset::Asset;
use crate::filter::{Field, Subject, provider_of};
use crate::interval::Interval;
use crate::ledger::Ledger;
use crate::money::Money;
use crate::query::{AssetAggregation, AssetOrder, AssetRequest};

/// Assets of one key, added up.
#[derive(Clone, Debug, PartialEq)]
pub enum AssetRow {
    /// One asset over the window.
    Asset(Box<Asset>),
    /// Several.
    Sum {
        /// From the first second to the last.
        span: Interval,
        /// What they cost.
        cost: Money,
    },
}

impl AssetRow {
    /// What it costs.
    pub fn cost(&self) -> Money {
        match self {
            AssetRow::Asset(asset) => asset.cost,
            AssetRow::Sum { cost, .. } => *cost,
        }
    }
}

/// The assets of a stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssetSet {
    /// The stretch.
    pub window: Interval,
    /// By key, in the order asked for.
    pub rows: IndexMap<String, AssetRow>,
}

/// An asset with the account it is billed to.
struct Billed<'a> {
    asset: &'a Asset,
    account: &'a str,
}

impl Subject for Billed<'_> {
    fn text(&self, field: &Field) -> Option<&str> {
        match field {
            Field::Account => Some(self.account),
            _ => self.asset.text(field),
        }
    }

    fn list(&self, field: &Field) -> Vec<&str> {
        self.asset.list(field)
    }
}

/// Answers a question: one set, or one for each step or group of steps. Each asset is added up over time.
pub fn asset_sets(ledger: &Ledger, request: &AssetRequest, account: &str) -> Vec<AssetSet> {
    let Some(series) = &request.series else {
        return vec![asset_set(ledger, request, account, request.window)];
    };
    // an asset is the same added up by steps or at once, so groups of steps are longer steps
    let groups = if series.groups.is_empty() { vec![1; series.steps.len()] } else { series.groups.clone() };
    let mut steps = series.steps.iter();
    let stretch =
        |length: usize| steps.by_ref().take(length).fold(Interval::default(), |all, step| all.hull(*step));
    let stretches: Vec<Interval> = groups.into_iter().map(stretch).collect();
    stretches.into_iter().map(|window| asset_set(ledger, request, account, window)).collect()
}

/// Assets of a stretch of time that pass the filter, each added up over time.
pub fn assets(ledger: &Ledger, request: &AssetRequest, account: &str, window: Interval) -> Vec<Asset> {
    let mut known: BTreeMap<_, Asset> = BTreeMap::new();
    for hour in ledger.hours(window) {
        for document in ledger.priced(hour, window, request.split.as_ref()) {
            let passing =
                document.assets.iter().filter(|asset| request.filter.matches(&Billed { asset, account }));
            for asset in passing {
                match known.get_mut(&asset.identity()) {
                    Some(sum) => sum.add(asset),
                    None => {
                        known.insert(asset.identity(), asset.clone());
                    }
                }
            }
        }
    }
    known.into_values().collect()
}

fn asset_set(ledger: &Ledger, request: &AssetRequest, account: &str, window: Interval) -> AssetSet {
    let mut rows: IndexMap<String, AssetRow> = IndexMap::new();
    for asset in assets(ledger, request, account, window) {
        let key = key(&asset, &request.by, account);
        if request.by.is_empty() {
            rows.insert(key, AssetRow::Asset(Box::new(asset)));
            continue;
        }
        let row =
            rows.entry(key).or_insert_with(|| AssetRow::Sum { span: Interval::default(), cost: Money::ZERO });
        if let AssetRow::Sum { span, cost } = row {
            *span = span.hull(asset.span);
            *cost += asset.cost;
        }
    }
    rows.sort_by(|name, row, other_name, other| match request.order {
        AssetOrder::Name => name.cmp(other_name),
        AssetOrder::NameBackwards => other_name.cmp(name),
        AssetOrder::CheapestFirst => row.cost().cmp(&other.cost()).then_with(|| name.cmp(other_name)),
        AssetOrder::DearestFirst => other.cost().cmp(&row.cost()).then_with(|| name.cmp(other_name)),
    });
    let limit = request.page.limit.unwrap_or(usize::MAX);
    AssetSet { window, rows: rows.into_iter().skip(request.page.offset).take(limit).collect() }
}

const UNDEFINED: &str = "__undefined__";

/// `provider/account/project/category/cluster/type/service/providerID/name`, or the properties asked for.
fn key(asset: &Asset, by: &[AssetAggregation], account: &str) -> String {
    let or_undefined = |text: &str| if text.is_empty() { UNDEFINED.to_owned() } else { text.to_owned() };
    let provider = provider_of(&asset.provider_id);
    let parts: Vec<String> = if by.is_empty() {
        let (category, kind) = (asset.category(), asset.type_name());
        let all = [
            provider,
            account,
            "",
            category,
            &asset.cluster,
            kind,
            "Kubernetes",
            &asset.provider_id,
            &asset.name,
        ];
        all.into_iter().map(or_undefined).collect()
    } else {
        let part = |by: &AssetAggregation| match by {
            AssetAggregation::Type => or_undefined(asset.type_name()),
            AssetAggregation::Category => or_undefined(asset.category()),
            AssetAggregation::Cluster => or_undefined(&asset.cluster),
            AssetAggregation::Project => or_undefined(""),
            AssetAggregation::Provider => or_undefined(provider),
            AssetAggregation::Account => or_undefined(account),
            AssetAggregation::Service => or_undefined("Kubernetes"),
            AssetAggregation::Name => or_undefined(&asset.name),
            AssetAggregation::ProviderId => or_undefined(&asset.provider_id),
            AssetAggregation::Label(key) => or_undefined(asset.label(key).unwrap_or_default()),
        };
        by.iter().map(part).collect()
    };
    parts.join("/")
}
