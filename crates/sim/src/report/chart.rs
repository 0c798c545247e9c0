//! Curves over time as SVG.

use std::fmt::Write;

/// A curve.
pub(super) struct Curve<'a> {
    /// What it shows.
    pub name: &'a str,
    /// The class that gives it its stroke.
    pub class: &'a str,
    /// Values at the moments of the chart.
    pub values: Vec<f64>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 12.0;
/// The height of a bar with the room around it.
const BAR: f64 = 22.0;
/// Room for the value after a bar.
const LABEL: f64 = 70.0;
/// More points than this are not told apart on paper.
const POINTS: usize = 720;

/// A chart of curves over the seconds of their samples.
pub(super) fn chart(title: &str, unit: &str, seconds: &[u64], curves: &[Curve<'_>]) -> String {
    let end = seconds.last().copied().unwrap_or(1).max(1) as f64;
    let top = curves.iter().flat_map(|curve| &curve.values).fold(0.0_f64, |top, value| top.max(*value));
    let step = nice_step(top / 4.0);
    let top = (top / step).ceil().max(1.0) * step;
    let x = |second: f64| LEFT + (WIDTH - LEFT - RIGHT) * second / end;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top;
    let mut svg = format!(
        "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"
    );
    let mut tick = 0.0;
    while tick <= top + step / 2.0 {
        let (at, label) = (y(tick), number(tick));
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"y\" x=\"{:.1}\" y=\"{:.1}\">{unit}{label}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0
        );
        tick += step;
    }
    let minutes = nice_step(end / 60.0 / 6.0).max(1.0);
    let mut minute = 0.0;
    while minute * 60.0 <= end {
        let at = x(minute * 60.0);
        let label =
            if end > 3.0 * 3_600.0 { format!("{:.0}h", minute / 60.0) } else { format!("{minute:.0}m") };
        let _ = write!(svg, "<text class=\"x\" x=\"{at:.1}\" y=\"{:.1}\">{label}</text>", HEIGHT - 6.0);
        minute += minutes;
    }
    let stride = seconds.len().div_ceil(POINTS).max(1);
    for curve in curves {
        let mut points = String::new();
        for (second, value) in seconds.iter().zip(&curve.values).step_by(stride) {
            let _ = write!(points, "{:.1},{:.1} ", x(*second as f64), y(*value));
        }
        let _ = write!(svg, "<polyline class=\"{}\" points=\"{}\"/>", curve.class, points.trim_end());
    }
    svg.push_str("</svg><p class=\"legend\">");
    for curve in curves {
        let _ = write!(svg, "<span class=\"{}\">{}</span> ", curve.class, curve.name);
    }
    svg.push_str("</p></figure>");
    svg
}

/// Horizontal bars with their values in seconds.
pub(super) fn bars(title: &str, values: &[(&str, f64)]) -> String {
    let most = values.iter().map(|(_, value)| *value).fold(0.0_f64, f64::max).max(f64::MIN_POSITIVE);
    let height = BAR * values.len() as f64;
    let mut svg = format!(
        "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">"
    );
    for (number, (name, value)) in values.iter().enumerate() {
        let top = BAR * number as f64;
        let length = (WIDTH - LEFT - LABEL) * value / most;
        let _ = write!(
            svg,
            "<text class=\"y\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>\
             <rect class=\"bar\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{value:.1} s</text>",
            LEFT - 6.0,
            top + 15.0,
            top + 4.0,
            BAR - 8.0,
            LEFT + length + 6.0,
            top + 15.0
        );
    }
    svg.push_str("</svg></figure>");
    svg
}

/// One of 1, 2 and 5 times a power of ten, no smaller than this.
fn nice_step(least: f64) -> f64 {
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least)
        .unwrap_or(power * 10.0)
}

fn number(value: f64) -> String {
    if value >= 10.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values() {
        let svg = bars("Waits", &[("p50", 10.0), ("last", 40.0)]);
        let lengths: Vec<f64> = svg
            .split("width=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert!((lengths[1] / lengths[0] - 4.0).abs() < 0.01, "{lengths:?}");
        assert!(svg.contains("40.0 s"));
        assert!(bars("Waits", &[("p50", 0.0)]).contains("width=\"0.0\""));
    }

    #[rstest]
    #[case(0.0, 1.0)]
    #[case(0.3, 0.5)]
    #[case(7.0, 10.0)]
    #[case(11.0, 20.0)]
    fn steps_are_round_numbers(#[case] least: f64, #[case] step: f64) {
        assert!((nice_step(least) - step).abs() < 1e-9);
    }
}
