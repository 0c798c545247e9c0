//! Parameters of `/assets` (reference section 2.8) as a question.

use crate::allocation::Page;
use crate::filter::{Filter, Vocabulary};
use crate::interval::Interval;
use crate::prices::SplitMethod;
use crate::query::allocations::{decimals, descending, is_paged, page, split_method};
use crate::query::format::Format;
use crate::query::parameters::{MOST_PROPERTIES, ParameterError, Parameters};
use crate::query::standpoint::{Compatibility, Standpoint};
use crate::query::steps::Steps;

/// A property to add assets up by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssetAggregation {
    /// What it is.
    Type,
    /// Its category.
    Category,
    /// Its cluster.
    Cluster,
    /// Its project.
    Project,
    /// Its provider.
    Provider,
    /// Its account.
    Account,
    /// Its service.
    Service,
    /// Its name.
    Name,
    /// Its provider id.
    ProviderId,
    /// A label.
    Label(String),
}

/// What assets are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssetOrder {
    /// By key.
    #[default]
    Name,
    /// By what they cost, the dearest first.
    DearestFirst,
    /// By what they cost, the cheapest first.
    CheapestFirst,
    /// By key, backwards.
    NameBackwards,
}

/// A question about assets.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetRequest {
    /// The whole window.
    pub window: Interval,
    /// The steps, if the answer is a list of sets instead of one set.
    pub series: Option<Steps>,
    /// Which assets.
    pub filter: Filter,
    /// What they are added up by; not at all if empty.
    pub by: Vec<AssetAggregation>,
    /// Divides nodes otherwise than the price book says.
    pub split: Option<SplitMethod>,
    /// The order.
    pub order: AssetOrder,
    /// Which part of the answer.
    pub page: Page,
    /// Decimals of the numbers.
    pub decimals: u32,
    /// How the answer is written.
    pub format: Format,
    /// Whose behaviour is followed.
    pub compatibility: Compatibility,
}

const WORDS: &str = "type, category, cluster, project, provider, account, service, name, providerID, department, environment, owner, \
     product, team or label:NAME";

impl AssetRequest {
    /// Reads the parameters.
    pub fn read(parameters: &Parameters, standpoint: &Standpoint) -> Result<AssetRequest, ParameterError> {
        let compatibility = Compatibility::of(parameters, standpoint.compatibility)?;
        let mut parameters = parameters.clone();
        if compatibility == Compatibility::OpenCost {
            parameters.forgive();
        }
        let parameters = &parameters;
        let window = standpoint.window(parameters)?;
        let text = parameters.text("filter").unwrap_or_default();
        let mut by = Vec::new();
        for word in parameters.list("aggregate", MOST_PROPERTIES)? {
            match aggregation(word, standpoint) {
                Some(known) if by.contains(&known) => {}
                Some(known) => by.push(known),
                None if parameters.is_forgiving() => {}
                None => {
                    let value = word.chars().take(40).collect();
                    return Err(ParameterError::Word { name: "aggregate", value, expected: WORDS });
                }
            }
        }
        // adjustments are always 0: a bill changes the price
        parameters.flag("disableAdjustments")?;
        let steps = Steps::read(parameters, window, standpoint.utc_offset)?;
        Ok(AssetRequest {
            window,
            series: parameters.text("step").map(|_| steps),
            filter: Filter::parse_with(text, Vocabulary::Assets, &standpoint.aliases)?,
            by,
            split: split_method(parameters, compatibility)?,
            order: order(parameters)?,
            page: page(parameters)?,
            decimals: decimals(parameters, 6)?,
            format: Format::read(parameters)?,
            compatibility,
        })
    }
}

fn aggregation(word: &str, standpoint: &Standpoint) -> Option<AssetAggregation> {
    if let Some((kind, name)) = word.split_once(':') {
        let label = kind.trim().eq_ignore_ascii_case("label") && !name.trim().is_empty();
        return label.then(|| AssetAggregation::Label(name.trim().to_owned()));
    }
    if let Some(label) = standpoint.aliases.label(word) {
        return Some(AssetAggregation::Label(label.to_owned()));
    }
    Some(match word.to_ascii_lowercase().as_str() {
        "type" | "assettype" => AssetAggregation::Type,
        "category" => AssetAggregation::Category,
        "cluster" => AssetAggregation::Cluster,
        "project" => AssetAggregation::Project,
        "provider" => AssetAggregation::Provider,
        "account" => AssetAggregation::Account,
        "service" => AssetAggregation::Service,
        "name" => AssetAggregation::Name,
        "providerid" => AssetAggregation::ProviderId,
        _ => return None,
    })
}

fn order(parameters: &Parameters) -> Result<AssetOrder, ParameterError> {
    let by_cost =
        parameters.word("sortBy", "name or totalCost", |text| match text.to_ascii_lowercase().as_str() {
            "name" => Some(false),
            "totalcost" | "cost" => Some(true),
            _ => None,
        })?;
    let by_cost = by_cost.unwrap_or_else(|| is_paged(parameters));
    Ok(match (by_cost, descending(parameters)?.unwrap_or(by_cost)) {
        (true, true) => AssetOrder::DearestFirst,
        (true, false) => AssetOrder::CheapestFirst,
        (false, false) => AssetOrder::Name,
        (false, true) => AssetOrder::NameBackwards,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn read(query: &str) -> Result<AssetRequest, ParameterError> {
        AssetRequest::read(&Parameters::read(query, b""), &Standpoint::at(1_774_995_330))
    }

    #[rstest]
    #[case("window=1d", AssetOrder::Name)]
    #[case("window=1d&limit=5", AssetOrder::DearestFirst)]
    #[case("window=1d&limit=5&sortBy=name", AssetOrder::Name)]
    #[case("window=1d&sortBy=totalCost&sortByOrder=asc", AssetOrder::CheapestFirst)]
    #[case("window=1d&sortByOrder=desc", AssetOrder::NameBackwards)]
    fn a_page_is_of_the_dearest(#[case] query: &str, #[case] order: AssetOrder) {
        assert_eq!(read(query).unwrap().order, order);
    }

    #[test]
    fn a_step_makes_a_series() {
        assert_eq!(read("window=2d&accumulate=true").unwrap().series, None);
        assert_eq!(read("window=2d&step=1d").unwrap().series.unwrap().steps.len(), 2);
        assert_eq!(read("window=2d&step=1h&accumulate=day").unwrap().series.unwrap().groups, [24, 24]);
    }

    #[rstest]
    #[case("window=1d&aggregate=colour", "type, category, cluster")]
    #[case("window=1d&aggregate=label:", "type, category, cluster")]
    #[case("window=1d&aggregate=annotation:a", "type, category, cluster")]
    #[case("window=1d&filter=pod:%22x%22", "unknown field")]
    #[case("window=1d&step=0s", "out of range")]
    #[case("window=900d&step=1s", "at most 10000 are answered")]
    #[case("window=1d&sortBy=colour", "name or totalCost")]
    #[case("window=1d&decimals=12", "from 0 to 9")]
    fn what_cannot_be_is_refused(#[case] query: &str, #[case] reason: &str) {
        let error = read(query).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        let forgiven = read(&format!("{query}&compat=opencost"));
        assert!(forgiven.is_ok() || query.contains("filter") || query.contains("900d"), "{forgiven:?}");
    }

    proptest! {
        #[test]
        fn nonsense_never_panics(pairs in proptest::collection::vec((0usize..9, ".{0,16}"), 0..6)) {
            const NAMES: [&str; 9] =
                ["aggregate", "step", "accumulate", "filter", "offset", "limit", "sortBy", "format", "compat"];
            let mut query = form_urlencoded::Serializer::new(String::new());
            for (name, value) in &pairs {
                query.append_pair(NAMES[*name], value);
            }
            query.append_pair("window", "3d");
            let _ = read(&query.finish());
        }
    }
}
