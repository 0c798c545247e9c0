//! Parameters of `/allocation` (reference section 2.3) as a question to the ledger.

use crate::allocation::{Aggregation, AllocationQuery, Order, OrderBy, Page, Sharing, Split};
use crate::filter::{Filter, Vocabulary};
use crate::interval::Interval;
use crate::money::Money;
use crate::prices::SplitMethod;
use crate::query::filters_v1::filter_v1;
use crate::query::format::{CostMetric, Format};
use crate::query::parameters::{MOST_NAMES, MOST_PROPERTIES, ParameterError, Parameters, parse_bool};
use crate::query::standpoint::{Compatibility, Standpoint};
use crate::query::steps::Steps;

/// A question with what its answer needs to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct AllocationRequest {
    /// The whole window.
    pub window: Interval,
    /// Length of a step, in seconds.
    pub step: u64,
    /// The question.
    pub query: AllocationQuery,
    /// Decimals of the numbers.
    pub decimals: u32,
    /// Whether costs are sums or rates.
    pub metric: CostMetric,
    /// How the answer is written.
    pub format: Format,
    /// Seconds since 1970.
    pub now: i64,
    /// Whose behaviour is followed.
    pub compatibility: Compatibility,
}

impl AllocationRequest {
    /// Reads the parameters.
    pub fn read(
        parameters: &Parameters,
        standpoint: &Standpoint,
    ) -> Result<AllocationRequest, ParameterError> {
        let compatibility = Compatibility::of(parameters, standpoint.compatibility)?;
        let opencost = compatibility == Compatibility::OpenCost;
        let mut parameters = parameters.clone();
        if opencost {
            parameters.forgive();
        }
        let parameters = &parameters;
        let window = standpoint.window(parameters)?;
        let Steps { steps, groups, length } = Steps::read(parameters, window, standpoint.utc_offset)?;
        without_effect(parameters)?;
        let sharing = sharing(parameters, opencost)?;
        let asset_shares = parameters.flag("includeProportionalAssetResourceCosts")?;
        if asset_shares && !sharing.include_idle {
            let name = "includeProportionalAssetResourceCosts";
            return Err(ParameterError::Needs { name, needs: "includeIdle=true" });
        }
        let aliases = &standpoint.aliases;
        let text = parameters.text("filter").unwrap_or_default();
        let filter = Filter::parse_with(text, Vocabulary::Allocations, aliases)?;
        let aggregate = parameters.list("aggregate", MOST_PROPERTIES)?.join(",");
        let query = AllocationQuery {
            steps,
            groups,
            aggregation: Aggregation::parse_with(&aggregate, opencost, aliases)?,
            sharing,
            filter: filter.and(filter_v1(parameters, aliases)?),
            keep_labels: parameters.flag("includeAggregatedMetadata")?,
            asset_shares,
            per_step: opencost,
            split: split_method(parameters, compatibility)?,
            order: order(parameters)?,
            page: page(parameters)?,
        };
        Ok(AllocationRequest {
            window,
            step: length,
            query,
            decimals: decimals(parameters, 5)?,
            metric: CostMetric::read(parameters)?,
            format: Format::read(parameters)?,
            now: standpoint.now,
            compatibility,
        })
    }
}

/// Parameters that are read, and refused if they cannot be, and change nothing: prices are those of the bill as soon as it
/// is known (reconcile), and no costs come from outside (external).
fn without_effect(parameters: &Parameters) -> Result<(), ParameterError> {
    for name in ["external", "reconcile"] {
        parameters.flag(name)?;
    }
    Ok(())
}

/// How nodes are divided, if otherwise than the price book says.
pub(super) fn split_method(
    parameters: &Parameters,
    compatibility: Compatibility,
) -> Result<Option<SplitMethod>, ParameterError> {
    let asked = parameters.word("split", "ratio or shadow", |word| match word {
        "ratio" => Some(Some(SplitMethod::DefaultRatio)),
        "shadow" => Some(None),
        _ => None,
    })?;
    let default = (compatibility == Compatibility::OpenCost).then_some(SplitMethod::DefaultRatio);
    Ok(asked.unwrap_or(default))
}

/// `offset` and `limit`.
pub(super) fn page(parameters: &Parameters) -> Result<Page, ParameterError> {
    Ok(Page {
        offset: parameters.count("offset")?.unwrap_or(0),
        // 0 is how some clients say that there is no limit
        limit: parameters.count("limit")?.filter(|limit| *limit > 0),
    })
}

/// `decimals`, or as many as there are by default.
pub(super) fn decimals(parameters: &Parameters, default: u32) -> Result<u32, ParameterError> {
    let read = |text: &str| text.parse().ok().filter(|decimals| *decimals <= 9);
    Ok(parameters.word("decimals", "a number from 0 to 9", read)?.unwrap_or(default))
}

fn sharing(parameters: &Parameters, opencost: bool) -> Result<Sharing, ParameterError> {
    let include_idle = match parameters.optional_flag("includeIdle")? {
        Some(flag) => flag,
        None => parameters.flag("idle")?,
    };
    // "weighted" is what the first version of the parameter called it
    let share_idle = parameters.word("shareIdle", "true or false", |text| match text {
        "weighted" => Some(true),
        "none" => Some(false),
        other => parse_bool(other),
    })?;
    let monthly = parameters.word("shareCost", "dollars per month, from 0 on", |text| {
        text.parse::<f64>().ok().filter(|dollars| (0.0..=1e12).contains(dollars)).map(Money::from_f64)
    })?;
    let split = parameters.word("shareSplit", "weighted or even", |text| match text {
        "weighted" => Some(Split::Weighted),
        "even" => Some(Split::Even),
        _ => None,
    })?;
    let mut labels = Vec::new();
    for pair in parameters.list("shareLabels", MOST_NAMES)? {
        match pair.split_once(':').or_else(|| pair.split_once('=')) {
            Some((key, value)) => labels.push((key.trim().to_owned(), value.trim().to_owned())),
            None if parameters.is_forgiving() => {}
            None => {
                let value = pair.chars().take(40).collect();
                return Err(ParameterError::Word { name: "shareLabels", value, expected: "KEY:VALUE" });
            }
        }
    }
    Ok(Sharing {
        include_idle,
        share_idle: share_idle.unwrap_or(false) && (include_idle || !opencost),
        idle_by_node: parameters.flag("idleByNode")?,
        split_idle: parameters.flag("splitIdle")?,
        include_overhead: parameters.flag("includeOverhead")?,
        namespaces: parameters.list("shareNamespaces", MOST_NAMES)?.into_iter().map(str::to_owned).collect(),
        labels,
        monthly: monthly.unwrap_or_default(),
        balancers: parameters.flag("sharelb")? || parameters.flag("shareLB")?,
        management: parameters.flag("shareTenancyCosts")?,
        split: split.unwrap_or_default(),
        charge_overcommit: opencost,
        breakdown: parameters.flag("includeSharedCostBreakdown")?,
    })
}

fn order(parameters: &Parameters) -> Result<Order, ParameterError> {
    let expected = "name, totalCost, cpuCost, ramCost, gpuCost, pvCost, networkCost, loadBalancerCost, sharedCost, cpuEfficiency, \
                    ramEfficiency or totalEfficiency";
    let read = |text: &str| {
        Some(match text.to_ascii_lowercase().as_str() {
            "name" => OrderBy::Name,
            "totalcost" | "cost" => OrderBy::TotalCost,
            "cpucost" => OrderBy::CpuCost,
            "ramcost" => OrderBy::RamCost,
            "gpucost" => OrderBy::GpuCost,
            "pvcost" => OrderBy::VolumeCost,
            "networkcost" => OrderBy::NetworkCost,
            "loadbalancercost" => OrderBy::BalancerCost,
            "sharedcost" => OrderBy::SharedCost,
            "cpuefficiency" => OrderBy::CpuEfficiency,
            "ramefficiency" => OrderBy::RamEfficiency,
            "totalefficiency" | "efficiency" => OrderBy::Efficiency,
            _ => return None,
        })
    };
    let by = parameters.word("sortBy", expected, read)?.or(parameters.word("sort", expected, read)?);
    let descending = descending(parameters)?;
    let default = if is_paged(parameters) { OrderBy::TotalCost } else { OrderBy::Name };
    let by = by.unwrap_or(default);
    Ok(Order { by, descending: descending.unwrap_or(by != OrderBy::Name) })
}

/// `sortByOrder`.
pub(super) fn descending(parameters: &Parameters) -> Result<Option<bool>, ParameterError> {
    parameters.word("sortByOrder", "asc or desc", |text| match text.to_ascii_lowercase().as_str() {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => None,
    })
}

/// Whether a page is asked for; one without an order is of the most expensive.
pub(super) fn is_paged(parameters: &Parameters) -> bool {
    parameters.text("limit").is_some() || parameters.text("offset").is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::allocation::AggregateBy;

    const NOW: i64 = 1_774_995_330;

    fn read(query: &str) -> Result<AllocationRequest, ParameterError> {
        AllocationRequest::read(&Parameters::read(query, b""), &Standpoint::at(NOW))
    }

    #[rstest]
    #[case("window=2d", 1, &[])]
    #[case("window=2d&step=1d", 2, &[])]
    #[case("window=2d&step=1h&accumulate=true", 48, &[48])]
    #[case("window=2d&step=1h&accumulate=day", 48, &[24, 24])]
    #[case("window=2d&accumulate=day", 2, &[1, 1])]
    #[case("window=2d&accumulateBy=hour", 48, &[1; 48])]
    #[case("window=2d&step=17h", 3, &[])]
    #[case("window=lastmonth&step=week", 4, &[])]
    fn steps_divide_the_window(#[case] query: &str, #[case] steps: usize, #[case] groups: &[usize]) {
        let request = read(query).unwrap();
        assert_eq!(request.query.steps.len(), steps);
        assert_eq!(request.query.groups, groups);
        let sum: u64 = request.query.steps.iter().map(|step| step.seconds()).sum();
        assert_eq!(sum, request.window.seconds());
    }

    #[rstest]
    #[case("", "Invalid 'window' parameter: illegal window")]
    #[case("window=1d&aggregate=nonsense", "unknown aggregate")]
    #[case("window=1d&filter=x", "unknown field")]
    #[case("window=1d&step=never", "not a duration")]
    #[case("window=1000d&step=1s", "86400000 steps, at most 10000")]
    #[case("window=1d&accumulate=maybe", "expected true, false, all")]
    #[case("window=1d&shareSplit=odd", "weighted or even")]
    #[case("window=1d&shareCost=-5", "from 0 on")]
    #[case("window=1d&shareCost=NaN", "from 0 on")]
    #[case("window=1d&shareLabels=team", "KEY:VALUE")]
    #[case("window=1d&limit=-1", "a whole number")]
    #[case("window=1d&sortBy=colour", "name, totalCost")]
    #[case("window=1d&includeProportionalAssetResourceCosts=true", "it needs includeIdle=true")]
    #[case("window=1d&compat=kubecost", "opencost or none")]
    #[case("window=1d&resolution=soon", "parameter resolution: \"soon\" is not a duration")]
    #[case("window=1d&format=pdf", "expected json or csv")]
    #[case("window=1d&costMetric=yearly", "cumulative, hourly, daily or monthly")]
    #[case("window=1d&external=perhaps", "true or false")]
    #[case("window=1d&split=even", "ratio or shadow")]
    #[case("window=1d&limit=99999999999999999999999999", "a whole number")]
    #[case("window=9y", "illegal window")]
    #[case("window=9d&accumulate=true&step=1s", "777600 steps, at most 10000")]
    #[case("window=3600d&step=hour", "86400 steps, at most 10000")]
    fn what_cannot_be_is_refused_with_what_would_be_right(#[case] query: &str, #[case] reason: &str) {
        let error = read(query).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    /// Reference section 2.3, (!) marks.
    #[test]
    fn upstream_forgives_and_shares_idle_only_if_it_is_included() {
        let request =
            read("window=1d&aggregate=nonsense&step=never&accumulate=maybe&shareIdle=true&compat=opencost")
                .unwrap();
        assert_eq!(request.query.aggregation, Aggregation::None);
        assert!(!request.query.sharing.share_idle);
        assert!(request.query.per_step && request.query.sharing.charge_overcommit);
        assert!(read("window=1d&shareIdle=true").unwrap().query.sharing.share_idle);
    }

    #[test]
    fn a_page_is_of_the_most_expensive() {
        let request = read("window=1d&limit=5&offset=2").unwrap();
        assert_eq!(request.query.order, Order { by: OrderBy::TotalCost, descending: true });
        assert_eq!(request.query.page, Page { offset: 2, limit: Some(5) });
        assert_eq!(read("window=1d&limit=0").unwrap().query.page, Page::default());
    }

    #[test]
    fn words_stand_for_the_labels_they_are_told_to() {
        let mut standpoint = Standpoint::at(NOW);
        standpoint.aliases.team = "squad".to_owned();
        let query = "window=1d&aggregate=team&filter=team:%22a%22&filterTeams=b";
        let request = AllocationRequest::read(&Parameters::read(query, b""), &standpoint).unwrap();
        let squad = AggregateBy::Label("squad".to_owned());
        assert_eq!(request.query.aggregation, Aggregation::By(vec![squad]));
        assert_eq!(request.query.filter.to_string(), "label[squad]:\"a\"+label[squad]:\"b\"");
    }

    proptest! {
        #[test]
        fn nonsense_never_panics(pairs in proptest::collection::vec((0usize..24, ".{0,16}"), 0..8)) {
            const NAMES: [&str; 24] = [
                "resolution", "format", "costMetric", "sortByOrder", "filterLabels", "split",
                "window", "aggregate", "step", "accumulate", "accumulateBy", "includeIdle", "shareIdle", "idleByNode", "sharelb",
                "filter", "offset", "limit", "sortBy", "shareCost", "shareLabels", "shareNamespaces", "filterControllers", "decimals",
            ];
            let mut query = form_urlencoded::Serializer::new(String::new());
            for (name, value) in &pairs {
                query.append_pair(NAMES[*name], value);
            }
            query.append_pair("window", "3d");
            let _ = read(&query.finish());
        }
    }
}
