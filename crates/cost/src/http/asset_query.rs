//! Questions about assets (reference section 2.8).

use std::collections::BTreeMap;

use crate::asset::Asset;
use crate::filter::{Filter, Vocabulary, provider_of};
use crate::interval::Interval;
use crate::ledger::Ledger;
use crate::money::Money;
use crate::query::{Compatibility, ParameterError, Parameters, parse_window};

/// A property to add assets up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetAggregation {
    /// What it is.
    Type,
    /// Its category.
    Category,
    /// Its cluster.
    Cluster,
    /// Its provider.
    Provider,
    /// Its service.
    Service,
    /// Its name.
    Name,
    /// Its provider id.
    ProviderId,
}

/// A question about assets.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetRequest {
    /// The window.
    pub window: Interval,
    /// Which assets.
    pub filter: Filter,
    /// What they are added up by; not at all if empty.
    pub by: Vec<AssetAggregation>,
    /// Decimals of the numbers.
    pub decimals: u32,
}

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

impl AssetRequest {
    /// Reads the parameters; `now` and `offset` as for allocations.
    pub fn read(
        parameters: &Parameters,
        now: i64,
        offset: i64,
        default: Compatibility,
    ) -> Result<AssetRequest, ParameterError> {
        let mut parameters = parameters.clone();
        if Compatibility::of(&parameters, default)? == Compatibility::OpenCost {
            parameters.forgive();
        }
        let window = parse_window(parameters.text("window").unwrap_or_default(), now, offset)?;
        let filter = Filter::parse(parameters.text("filter").unwrap_or_default(), Vocabulary::Assets)?;
        let mut by = Vec::new();
        for word in parameters.list("aggregate") {
            let known = match word.to_ascii_lowercase().as_str() {
                "type" | "assettype" => AssetAggregation::Type,
                "category" => AssetAggregation::Category,
                "cluster" => AssetAggregation::Cluster,
                "provider" => AssetAggregation::Provider,
                "service" => AssetAggregation::Service,
                "name" => AssetAggregation::Name,
                "providerid" => AssetAggregation::ProviderId,
                _ if parameters.is_forgiving() => continue,
                _ => {
                    return Err(ParameterError::Word {
                        name: "aggregate",
                        value: word.chars().take(40).collect(),
                        expected: "type, category, cluster, provider, service, name or providerID",
                    });
                }
            };
            by.push(known);
        }
        Ok(AssetRequest { window, filter, by, decimals: 6 })
    }
}

/// Assets of a window by key, each added up over time.
pub fn assets(ledger: &Ledger, request: &AssetRequest, account: &str) -> BTreeMap<String, AssetRow> {
    let mut known: BTreeMap<_, Asset> = BTreeMap::new();
    for hour in ledger.hours(request.window) {
        for document in ledger.priced(hour, request.window, None) {
            for asset in document.assets.iter().filter(|asset| request.filter.matches(*asset)) {
                match known.get_mut(&asset.identity()) {
                    Some(sum) => sum.add(asset),
                    None => {
                        known.insert(asset.identity(), asset.clone());
                    }
                }
            }
        }
    }
    let mut rows = BTreeMap::new();
    for asset in known.into_values() {
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
    rows
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
            AssetAggregation::Type => asset.type_name(),
            AssetAggregation::Category => asset.category(),
            AssetAggregation::Cluster => &asset.cluster,
            AssetAggregation::Provider => provider,
            AssetAggregation::Service => "Kubernetes",
            AssetAggregation::Name => &asset.name,
            AssetAggregation::ProviderId => &asset.provider_id,
        };
        by.iter().map(|by| or_undefined(part(by))).collect()
    };
    parts.join("/")
}
