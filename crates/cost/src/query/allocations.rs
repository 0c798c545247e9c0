//! Parameters of `/allocation` (reference section 2.3) as a question to the ledger.

use crate::allocation::{Aggregation, AllocationQuery, Order, OrderBy, Page, Sharing, Split};
use crate::filter::{Filter, Vocabulary};
use crate::interval::Interval;
use crate::money::Money;
use crate::prices::SplitMethod;
use crate::query::calendar::Unit;
use crate::query::duration::parse_duration;
use crate::query::filters_v1::filter_v1;
use crate::query::parameters::{ParameterError, Parameters, parse_bool};
use crate::query::window::parse_window;

/// Whose behaviour is followed where upstream's is a defect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compatibility {
    /// What is right.
    #[default]
    Correct,
    /// OpenCost's, for clients that depend on it.
    OpenCost,
}

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
    /// Whose behaviour is followed.
    pub compatibility: Compatibility,
}

/// How many steps are answered at most: more than the hours of a year.
const MOST_STEPS: u64 = 10_000;

/// A step in words.
enum Step {
    Seconds(u64),
    Calendar(Unit),
}

/// What is added up.
enum Accumulate {
    Nothing,
    All,
    Units(Unit),
}

impl Compatibility {
    /// What the parameter `compat` asks for; `default` without it.
    pub fn of(parameters: &Parameters, default: Compatibility) -> Result<Compatibility, ParameterError> {
        let known = parameters.word("compat", "opencost or none", |word| match word {
            "opencost" => Some(Compatibility::OpenCost),
            "none" => Some(Compatibility::Correct),
            _ => None,
        })?;
        Ok(known.unwrap_or(default))
    }
}

impl AllocationRequest {
    /// Reads the parameters; `now` in seconds since 1970, `offset` is local time minus UTC in seconds.
    pub fn read(
        parameters: &Parameters,
        now: i64,
        offset: i64,
        default: Compatibility,
    ) -> Result<AllocationRequest, ParameterError> {
        let compatibility = Compatibility::of(parameters, default)?;
        let opencost = compatibility == Compatibility::OpenCost;
        let mut parameters = parameters.clone();
        if opencost {
            parameters.forgive();
        }
        let parameters = &parameters;
        let window = parse_window(parameters.text("window").unwrap_or_default(), now, offset)?;
        let (steps, groups, step) = steps(parameters, window, offset)?;
        let sharing = sharing(parameters, opencost)?;
        let asset_shares = parameters.flag("includeProportionalAssetResourceCosts")?;
        if asset_shares && !sharing.include_idle {
            let name = "includeProportionalAssetResourceCosts";
            return Err(ParameterError::Needs { name, needs: "includeIdle=true" });
        }
        let filter = Filter::parse(parameters.text("filter").unwrap_or_default(), Vocabulary::Allocations)?;
        let aggregate = parameters.list("aggregate").join(",");
        let split = match parameters.text("split") {
            Some("ratio") => Some(SplitMethod::DefaultRatio),
            _ if opencost => Some(SplitMethod::DefaultRatio),
            _ => None,
        };
        let query = AllocationQuery {
            steps,
            groups,
            aggregation: Aggregation::parse(&aggregate, opencost)?,
            sharing,
            filter: filter.and(filter_v1(parameters)),
            keep_labels: parameters.flag("includeAggregatedMetadata")?,
            asset_shares,
            per_step: opencost,
            split,
            order: order(parameters)?,
            page: Page {
                offset: parameters.count("offset")?.unwrap_or(0),
                // 0 is how some clients say that there is no limit
                limit: parameters.count("limit")?.filter(|limit| *limit > 0),
            },
        };
        let decimals = parameters.word("decimals", "a number from 0 to 9", |text| {
            text.parse().ok().filter(|decimals| *decimals <= 9)
        })?;
        Ok(AllocationRequest { window, step, query, decimals: decimals.unwrap_or(5), compatibility })
    }
}

type Steps = (Vec<Interval>, Vec<usize>, u64);

fn steps(parameters: &Parameters, window: Interval, offset: i64) -> Result<Steps, ParameterError> {
    let step = match parameters.text("step") {
        None => None,
        Some(text) => match (Unit::of_word(text), parse_duration(text)) {
            (Some(unit), _) => Some(Step::Calendar(unit)),
            (None, Ok(seconds)) => Some(Step::Seconds(seconds)),
            (None, Err(_)) if parameters.is_forgiving() => None,
            (None, Err(error)) => return Err(ParameterError::Duration { name: "step", error }),
        },
    };
    let accumulate = accumulate(parameters)?;
    let step = match (step, &accumulate) {
        (None, Accumulate::Units(unit)) => Step::Calendar(*unit),
        (None, _) => Step::Seconds(window.seconds()),
        (Some(step), _) => step,
    };
    let too_many = |steps: u64| ParameterError::TooManySteps { steps, most: MOST_STEPS };
    let (steps, length): (Vec<Interval>, u64) = match step {
        Step::Calendar(unit) => {
            let steps: Vec<Interval> = unit.steps(window, offset).take(MOST_STEPS as usize + 1).collect();
            let length = steps.iter().map(|step| step.seconds()).max().unwrap_or_default();
            (steps, length)
        }
        Step::Seconds(seconds) => {
            let count = window.seconds().div_ceil(seconds.max(1));
            if count > MOST_STEPS {
                return Err(too_many(count));
            }
            let step = |index: u64| {
                let start = window.start.saturating_add((index * seconds) as i64);
                Interval::new(start, start.saturating_add(seconds as i64).min(window.end))
            };
            ((0..count).map(step).collect(), seconds.min(window.seconds()))
        }
    };
    if steps.len() as u64 > MOST_STEPS {
        return Err(too_many(steps.len() as u64));
    }
    let groups = match accumulate {
        Accumulate::Nothing => Vec::new(),
        Accumulate::All => vec![steps.len()],
        Accumulate::Units(unit) => {
            let mut groups: Vec<(i64, usize)> = Vec::new();
            for step in &steps {
                let start = unit.start(step.start, offset);
                match groups.last_mut() {
                    Some((known, count)) if *known == start => *count += 1,
                    _ => groups.push((start, 1)),
                }
            }
            groups.into_iter().map(|(_, count)| count).collect()
        }
    };
    Ok((steps, groups, length))
}

fn accumulate(parameters: &Parameters) -> Result<Accumulate, ParameterError> {
    let read = |text: &str| match text.to_ascii_lowercase().as_str() {
        "all" => Some(Accumulate::All),
        "none" => Some(Accumulate::Nothing),
        word => match (parse_bool(text), Unit::of_word(word)) {
            (Some(true), _) => Some(Accumulate::All),
            (Some(false), _) => Some(Accumulate::Nothing),
            (None, unit) => unit.map(Accumulate::Units),
        },
    };
    let expected = "true, false, all, none, hour, day, week, month or quarter";
    let by = parameters.word("accumulateBy", expected, read)?;
    Ok(parameters.word("accumulate", expected, read)?.or(by).unwrap_or(Accumulate::Nothing))
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
    for pair in parameters.list("shareLabels") {
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
        namespaces: parameters.list("shareNamespaces").into_iter().map(str::to_owned).collect(),
        labels,
        monthly: monthly.unwrap_or_default(),
        balancers: parameters.flag("sharelb")? || parameters.flag("shareLB")?,
        management: parameters.flag("shareTenancyCosts")?,
        split: split.unwrap_or_default(),
        charge_overcommit: opencost,
    })
}

fn order(parameters: &Parameters) -> Result<Order, ParameterError> {
    let by = parameters.word(
        "sortBy",
        "name, totalCost, cpuCost, ramCost, gpuCost, pvCost, networkCost or totalEfficiency",
        |text| {
            Some(match text.to_ascii_lowercase().as_str() {
                "name" => OrderBy::Name,
                "totalcost" | "cost" => OrderBy::TotalCost,
                "cpucost" => OrderBy::CpuCost,
                "ramcost" => OrderBy::RamCost,
                "gpucost" => OrderBy::GpuCost,
                "pvcost" => OrderBy::VolumeCost,
                "networkcost" => OrderBy::NetworkCost,
                "totalefficiency" | "efficiency" => OrderBy::Efficiency,
                _ => return None,
            })
        },
    )?;
    let descending = parameters.word("sortByOrder", "asc or desc", |text| match text {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => None,
    })?;
    // a page without an order is of the most expensive
    let paged = parameters.text("limit").is_some() || parameters.text("offset").is_some();
    let by = by.unwrap_or(if paged { OrderBy::TotalCost } else { OrderBy::Name });
    Ok(Order { by, descending: descending.unwrap_or(by != OrderBy::Name) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const NOW: i64 = 1_774_995_330;

    fn read(query: &str) -> Result<AllocationRequest, ParameterError> {
        AllocationRequest::read(&Parameters::read(query, b""), NOW, 0, Compatibility::Correct)
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

    proptest! {
        #[test]
        fn nonsense_never_panics(pairs in proptest::collection::vec((0usize..18, ".{0,16}"), 0..8)) {
            const NAMES: [&str; 18] = [
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
