//! Answers from the ledger.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::allocation::{AggregateBy, Aggregation, AllocationSet};
use crate::http::envelope::{Refusal, success, success_text, write_map};
use crate::http::machines::Machines;
use crate::http::service::CostService;
use crate::http::{
    allocation_json, asset_json, asset_query, autocomplete, csv, efficiency, metrics, summary_json,
};
use crate::interval::{Interval, rfc3339};
use crate::ledger::Ledger;
use crate::query::{AllocationRequest, AssetRequest, Format, ParameterError, Parameters};

/// How many gaps a warning names.
const NAMED_GAPS: usize = 3;

/// Headroom that recommendations leave by default: a fifth.
const HEADROOM: f64 = 1.2;

type Answer = Result<Response, Refusal>;

/// A question, its answer, and what is not known of its window.
struct Asked {
    request: AllocationRequest,
    sets: Vec<AllocationSet>,
    machines: Machines,
    warning: Option<String>,
}

fn ask(service: &CostService, request: AllocationRequest) -> Asked {
    let ledger = service.ledger();
    let sets = request.query.answer(&ledger);
    let machines = Machines::of(&ledger, request.window, &sets);
    let warning = warning(&ledger, request.window);
    Asked { request, sets, machines, warning }
}

fn asked(service: &CostService, parameters: &Parameters) -> Result<Asked, ParameterError> {
    Ok(ask(service, AllocationRequest::read(parameters, &service.standpoint())?))
}

/// What `/allocation` answers, without its envelope: the sets, and a warning if there is reason for one.
pub fn allocation_data(
    service: &CostService,
    parameters: &Parameters,
) -> Result<(Value, Option<String>), ParameterError> {
    let Asked { request, sets, machines, warning } = asked(service, parameters)?;
    let set = |set: &AllocationSet| allocation_json::set(set, &request, &machines);
    Ok((Value::Array(sets.iter().map(set).collect()), warning))
}

/// `/allocation`.
pub fn allocation(service: &CostService, parameters: &Parameters) -> Answer {
    let Asked { request, sets, machines, warning } = asked(service, parameters)?;
    if request.format == Format::Csv {
        let rows = || {
            let named = sets.iter().flat_map(|set| allocation_json::rows(set, &request, &machines));
            named.map(|(_, row)| row)
        };
        return Ok(csv::answer(csv::table(&allocation_json::blank(&request), rows)));
    }
    let mut text = b"[".to_vec();
    for (index, set) in sets.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        // the set goes when it is written
        write_map(&mut text, allocation_json::rows(&set, &request, &machines));
    }
    text.push(b']');
    Ok(success_text(&text, warning))
}

/// `/allocation/summary`.
pub fn summary(service: &CostService, parameters: &Parameters) -> Answer {
    let Asked { request, sets, warning, .. } = asked(service, parameters)?;
    Ok(match request.format {
        Format::Json => success_text(&summary_json::summary(&sets, &request), warning),
        Format::Csv => {
            let rows = || sets.iter().flat_map(|set| summary_json::rows(set, &request)).map(|(_, row)| row);
            csv::answer(csv::table(&summary_json::blank(&request), rows))
        }
    })
}

/// `/allocation/summary/topline`.
pub fn topline(service: &CostService, parameters: &Parameters) -> Answer {
    let Asked { request, sets, warning, .. } = asked(service, parameters)?;
    Ok(success(summary_json::topline(&sets, &request), warning))
}

/// `/allocation/autocomplete`.
pub fn allocation_values(service: &CostService, parameters: &Parameters) -> Answer {
    Ok(success(autocomplete::of_allocations(service, parameters)?, None))
}

/// `/efficiency`.
pub fn efficiency(service: &CostService, parameters: &Parameters) -> Answer {
    let headroom = |name| {
        parameters.word(name, "a factor from 1 to 100", |text| {
            text.parse::<f64>().ok().filter(|factor| (1.0..=100.0).contains(factor))
        })
    };
    let headroom = headroom("buffer")?.or(headroom("bufferMultiplier")?).unwrap_or(HEADROOM);
    let mut request = AllocationRequest::read(parameters, &service.standpoint())?;
    if request.query.aggregation == Aggregation::None {
        request.query.aggregation = Aggregation::By(vec![AggregateBy::Namespace]);
    }
    let Asked { request, sets, warning, .. } = ask(service, request);
    let rows = efficiency::efficiencies(&sets, &request, headroom);
    Ok(match request.format {
        Format::Json => success(json!({"efficiencies": rows}), warning),
        Format::Csv => csv::answer(csv::table(&efficiency::blank(&request), || rows.iter().cloned())),
    })
}

/// `/efficiency/clusters`.
pub fn cluster_efficiency(service: &CostService, parameters: &Parameters) -> Answer {
    let mut request = AllocationRequest::read(parameters, &service.standpoint())?;
    let query = &mut request.query;
    query.aggregation = Aggregation::By(vec![AggregateBy::Cluster]);
    (query.sharing.include_idle, query.sharing.split_idle, query.sharing.share_idle) = (true, true, false);
    let Asked { request, sets, warning, .. } = ask(service, request);
    Ok(success(efficiency::clusters(&sets, &request), warning))
}

/// `/assets`.
pub fn assets(service: &CostService, parameters: &Parameters) -> Answer {
    let (request, maps, warning) = asset_maps(service, parameters)?;
    Ok(match request.format {
        Format::Json => success(asset_value(&request, maps), warning),
        Format::Csv => csv::answer(csv::table(&asset_blank(), || {
            maps.iter().flat_map(|map| map.values()).filter_map(Value::as_object).cloned()
        })),
    })
}

/// What `/assets` answers, without its envelope: assets by key, or a list of such maps if there is a step; and a warning if
/// there is reason for one.
pub fn asset_data(
    service: &CostService,
    parameters: &Parameters,
) -> Result<(Value, Option<String>), ParameterError> {
    let (request, maps, warning) = asset_maps(service, parameters)?;
    Ok((asset_value(&request, maps), warning))
}

type AssetMaps = (AssetRequest, Vec<Map<String, Value>>, Option<String>);

fn asset_maps(service: &CostService, parameters: &Parameters) -> Result<AssetMaps, ParameterError> {
    let settings = service.settings();
    let request = AssetRequest::read(parameters, &service.standpoint())?;
    let ledger = service.ledger();
    let sets = asset_query::asset_sets(&ledger, &request, &settings.account);
    let maps = sets.iter().map(|set| asset_json::assets(set, &request, settings)).collect();
    let warning = warning(&ledger, request.window);
    Ok((request, maps, warning))
}

fn asset_value(request: &AssetRequest, maps: Vec<Map<String, Value>>) -> Value {
    match request.series {
        Some(_) => maps.into_iter().map(Value::Object).collect(),
        None => Value::Object(maps.into_iter().next().unwrap_or_default()),
    }
}

/// The fields that every asset has, for tables without rows.
fn asset_blank() -> Map<String, Value> {
    ["type", "start", "end", "minutes", "totalCost"]
        .map(|field| (field.to_owned(), Value::Null))
        .into_iter()
        .collect()
}

/// `/assets/autocomplete`.
pub fn asset_values(service: &CostService, parameters: &Parameters) -> Answer {
    Ok(success(autocomplete::of_assets(service, parameters)?, None))
}

/// `/gaps`: what is not known of a window.
pub fn gaps(service: &CostService, parameters: &Parameters) -> Answer {
    let window = service.standpoint().window(parameters)?;
    let one = |(cluster, gap): &(std::sync::Arc<str>, crate::facts::Gap)| {
        json!({
            "cluster": &**cluster,
            "subject": &*gap.subject,
            "start": rfc3339(gap.interval.start),
            "end": rfc3339(gap.interval.end),
            "seconds": gap.interval.seconds(),
        })
    };
    let gaps: Vec<Value> = service.ledger().gaps(window).iter().map(one).collect();
    Ok(success(Value::Array(gaps), None))
}

/// `/metrics`.
pub fn metrics(service: &CostService, parameters: &Parameters) -> Answer {
    let kube_state = parameters.flag("kubeState")?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    Ok(([kind], metrics::exposition(service, kube_state)).into_response())
}

/// Says which stretches of the window are not known, if any.
fn warning(ledger: &Ledger, window: Interval) -> Option<String> {
    let gaps = ledger.gaps(window);
    let seconds: u64 = gaps.iter().map(|(_, gap)| gap.interval.overlap(window).seconds()).sum();
    let first = gaps.iter().take(NAMED_GAPS).map(|(cluster, gap)| {
        format!(
            "{} of {cluster} from {} to {}",
            gap.subject,
            rfc3339(gap.interval.start),
            rfc3339(gap.interval.end)
        )
    });
    let named: Vec<String> = first.collect();
    let more = if gaps.len() > NAMED_GAPS { ", and more: see /gaps" } else { "" };
    (!gaps.is_empty()).then(|| {
        format!("not measured: {} stretches, {seconds} s in all: {}{more}", gaps.len(), named.join("; "))
    })
}
