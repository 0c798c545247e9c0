//! One page with charts, for the screen and for paper.

use std::fmt::Write;

use super::chart::{Curve, bars, chart};
use super::rows;
use crate::outcome::Outcome;

const STYLE: &str = "\
:root{color-scheme:light}body{font:15px/1.45 system-ui,sans-serif;color:#111;background:#fff;max-width:760px;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem;margin:0}p.about{color:#444;margin:.2rem 0 1.2rem}\
table{border-collapse:collapse;width:100%;margin:0 0 1.5rem}th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #ddd;vertical-align:top}th{font-weight:600;width:12rem}\
figure{margin:0 0 1.4rem;break-inside:avoid}figcaption{font-weight:600}svg{width:100%;height:auto}\
svg text{font-size:11px;fill:#555}svg text.y{text-anchor:end}svg text.x{text-anchor:middle}svg line.grid{stroke:#e4e4e4}\
rect.bar{fill:#06c}svg polyline{fill:none;stroke-width:1.6}polyline.a{stroke:#0b5}polyline.b{stroke:#c33;stroke-dasharray:5 3}polyline.c{stroke:#06c}\
.legend{font-size:.85rem;margin:0;color:#333}.legend span{margin-right:1.2rem}.legend span::before{content:'';display:inline-block;width:1.6em;border-top:2px solid;margin-right:.4em;vertical-align:middle}\
.legend .a::before{border-color:#0b5}.legend .b::before{border-color:#c33;border-top-style:dashed}.legend .c::before{border-color:#06c}\
li{margin:.2rem 0}.wrong{color:#a00}\
@media print{body{margin:0;max-width:none;-webkit-print-color-adjust:exact;print-color-adjust:exact}@page{margin:14mm}}";

/// The whole report in one file that needs nothing else.
pub fn html(outcome: &Outcome) -> String {
    let title = escape(&outcome.scenario);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n\
         <h1>{title}</h1><p class=\"about\">{} All figures are simulated.</p>\n<table>",
        escape(&outcome.description)
    );
    for row in rows(outcome) {
        let _ = writeln!(page, "<tr><th>{}</th><td>{}</td></tr>", row.name, escape(&row.value));
    }
    page.push_str("</table>\n");
    let seconds: Vec<u64> = outcome.samples.iter().map(|sample| sample.second).collect();
    let values = |of: fn(&crate::observing::Sample) -> f64| outcome.samples.iter().map(of).collect();
    page.push_str(&chart(
        "Pods",
        "",
        &seconds,
        &[
            Curve { name: "running", class: "a", values: values(|sample| sample.running as f64) },
            Curve { name: "pending", class: "b", values: values(|sample| sample.pending as f64) },
        ],
    ));
    page.push_str(&chart(
        "Nodes",
        "",
        &seconds,
        &[
            Curve { name: "machines", class: "c", values: values(|sample| sample.machines as f64) },
            Curve { name: "spot machines", class: "b", values: values(|sample| sample.spot_machines as f64) },
            Curve { name: "nodes ready", class: "a", values: values(|sample| sample.ready_nodes as f64) },
        ],
    ));
    let waits = &outcome.latencies;
    let waits = [("p50", waits.p50), ("p95", waits.p95), ("p99", waits.p99), ("last", waits.last)];
    page.push_str(&bars("From a pod's creation to its running", &waits));
    let mut prices =
        vec![Curve { name: "dollars per hour", class: "c", values: values(|sample| sample.price_per_hour) }];
    if !outcome.baseline_prices.is_empty() {
        let values = outcome.baseline_prices.clone();
        prices.push(Curve { name: "the same on demand", class: "b", values });
    }
    page.push_str(&chart("Price per hour", "$", &seconds, &prices));
    if outcome.interruptions > 0 {
        page.push_str(&chart(
            "Spot interruptions so far",
            "",
            &seconds,
            &[Curve { name: "notices", class: "b", values: values(|sample| sample.interruptions as f64) }],
        ));
    }
    if !outcome.violations.is_empty() {
        page.push_str("<h2 class=\"wrong\">What should not have been</h2><ul>");
        for violation in &outcome.violations {
            let _ = write!(page, "<li>{}</li>", escape(&violation.to_string()));
        }
        page.push_str("</ul>");
    }
    page.push_str("</body></html>\n");
    page
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
