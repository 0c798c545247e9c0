//! Answers from the ledger.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::http::envelope::{Refusal, success};
use crate::http::service::CostService;
use crate::http::{allocation_json, asset_json, asset_query, metrics, summary_json};
use crate::interval::{Interval, rfc3339};
use crate::ledger::Ledger;
use crate::query::{AllocationRequest, ParameterError, Parameters, parse_window};

/// How many gaps a warning names.
const NAMED_GAPS: usize = 3;

fn request(service: &CostService, parameters: &Parameters) -> Result<AllocationRequest, ParameterError> {
    let settings = service.settings();
    let (now, offset) = (service.now(), settings.utc_offset);
    AllocationRequest::read(parameters, now, offset, settings.compatibility)
}

/// What `/allocation` answers, without its envelope: the sets, and a warning if there is reason for one.
pub fn allocation_data(
    service: &CostService,
    parameters: &Parameters,
) -> Result<(Value, Option<String>), ParameterError> {
    let request = request(service, parameters)?;
    let ledger = service.ledger();
    let sets = request.query.answer(&ledger);
    let data = sets.iter().map(|set| allocation_json::set(set, &request)).collect();
    Ok((Value::Array(data), warning(&ledger, request.window)))
}

/// `/allocation`.
pub fn allocation(service: &CostService, parameters: &Parameters) -> Result<Response, Refusal> {
    let (data, warning) = allocation_data(service, parameters)?;
    Ok(success(data, warning))
}

/// `/allocation/summary`.
pub fn summary(service: &CostService, parameters: &Parameters) -> Result<Response, Refusal> {
    let request = request(service, parameters)?;
    let ledger = service.ledger();
    let sets = request.query.answer(&ledger);
    Ok(success(summary_json::summary(&sets, &request), warning(&ledger, request.window)))
}

/// `/allocation/summary/topline`.
pub fn topline(service: &CostService, parameters: &Parameters) -> Result<Response, Refusal> {
    let request = request(service, parameters)?;
    let ledger = service.ledger();
    let sets = request.query.answer(&ledger);
    Ok(success(summary_json::topline(&sets, &request), warning(&ledger, request.window)))
}

/// `/assets`.
pub fn assets(service: &CostService, parameters: &Parameters) -> Result<Response, Refusal> {
    let (data, warning) = asset_data(service, parameters)?;
    Ok(success(data, warning))
}

/// What `/assets` answers, without its envelope: assets by key, and a warning if there is reason for one.
pub fn asset_data(
    service: &CostService,
    parameters: &Parameters,
) -> Result<(Value, Option<String>), ParameterError> {
    let settings = service.settings();
    let (now, offset) = (service.now(), settings.utc_offset);
    let request = asset_query::AssetRequest::read(parameters, now, offset, settings.compatibility)?;
    let ledger = service.ledger();
    let rows = asset_query::assets(&ledger, &request, &settings.account);
    Ok((asset_json::assets(&rows, &request, settings), warning(&ledger, request.window)))
}

/// `/gaps`: what is not known of a window.
pub fn gaps(service: &CostService, parameters: &Parameters) -> Result<Response, Refusal> {
    let text = parameters.text("window").unwrap_or_default();
    let window = parse_window(text, service.now(), service.settings().utc_offset)
        .map_err(crate::query::ParameterError::from)?;
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
pub fn metrics(service: &CostService, _: &Parameters) -> Result<Response, Refusal> {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    Ok(([kind], metrics::exposition(service)).into_response())
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
