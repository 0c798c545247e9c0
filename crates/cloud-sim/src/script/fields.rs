//! The fields of an event: what they mean and what may stand in them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use supercargo_api::duration::GoDuration;
use supercargo_api::labels::closest;
use supercargo_cloud::Action;

use super::event::{Effect, Scope, ScriptEvent, When};
use super::read::ScriptProblem;

/// A field as it is written.
#[derive(Debug)]
pub(super) struct Field {
    pub line: u32,
    pub name: String,
    pub values: Vec<String>,
}

const EFFECTS: [&str; 12] = [
    "depth",
    "depthFactor",
    "priceFactor",
    "interrupt",
    "rebalance",
    "killKubelets",
    "impairHosts",
    "retire",
    "reclaimReservations",
    "shiftZone",
    "releaseImages",
    "fault",
];
const OTHERS: [&str; 8] = ["at", "every", "for", "zone", "capacityType", "types", "action", "rate"];

/// The event of these fields, or everything that is wrong with them.
pub(super) fn event(line: u32, fields: &[Field]) -> Result<ScriptEvent, Vec<ScriptProblem>> {
    let mut reader = Reader { fields, problems: Vec::new() };
    reader.check_names();
    let at = reader.read("at", "a time of day such as 10:00, +30m or 2026-11-23T10:00:00Z", when);
    if !reader.has("at") {
        reader.wrong(line, Some("at"), "is missing: expected a time of day such as 10:00, +30m or a moment");
    }
    let a_duration = "a duration above zero such as 30m or 1h30m";
    let a_second = "a duration of at least a second such as 24h";
    let every = reader.read("every", a_second, |text| duration(text).filter(|every| every.as_secs() > 0));
    let lasts = reader.read("for", a_duration, duration);
    let scope = Scope {
        zone: reader.read("zone", "a zone such as us-east-1a, or a pattern such as us-east-1*", pattern),
        capacity_type: reader.read("capacityType", "on-demand, spot or reserved", |text| text.parse().ok()),
        types: reader.types(),
    };
    let effect = reader.effect(line);
    if let Some(effect) = &effect {
        reader.check_fit(effect, every, lasts);
    }
    match (at, effect) {
        (Some(at), Some(effect)) if reader.problems.is_empty() => {
            Ok(ScriptEvent { at, every, lasts, scope, effect })
        }
        _ => Err(reader.problems),
    }
}

struct Reader<'f> {
    fields: &'f [Field],
    problems: Vec<ScriptProblem>,
}

impl<'f> Reader<'f> {
    fn wrong(&mut self, line: u32, field: Option<&str>, message: impl Into<String>) {
        let field = field.map(str::to_owned);
        self.problems.push(ScriptProblem { line, field, message: message.into() });
    }

    fn field(&self, name: &str) -> Option<&'f Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    fn check_names(&mut self) {
        let known = || OTHERS.into_iter().chain(EFFECTS);
        for (position, field) in self.fields.iter().enumerate() {
            let shown: String = field.name.chars().take(40).collect();
            if !known().any(|name| name == field.name) {
                let message = match closest(&field.name, known()) {
                    Some(meant) => format!("is not a field of events, did you mean {meant}?"),
                    None => format!(
                        "is not a field of events: expected {}",
                        known().collect::<Vec<_>>().join(", ")
                    ),
                };
                self.wrong(field.line, Some(&shown), message);
            } else if self.fields.iter().take(position).any(|other| other.name == field.name) {
                self.wrong(field.line, Some(&shown), "stands here twice");
            }
        }
    }

    /// The value of a field, if it is there and right.
    fn read<T>(&mut self, name: &str, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let field = self.field(name)?;
        let value = match field.values.as_slice() {
            [text] => read(text.trim()),
            _ => None,
        };
        if value.is_none() {
            let found: String = field.values.join(", ").chars().take(40).collect();
            self.wrong(field.line, Some(name), format!("expected {expected}, found {found:?}"));
        }
        value
    }

    fn types(&mut self) -> Vec<String> {
        let Some(field) = self.field("types") else { return Vec::new() };
        let words = field.values.iter().flat_map(|text| text.split([',', ' '])).map(str::trim);
        let types: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
        if types.is_empty() || types.iter().any(|word| pattern(word).is_none()) {
            self.wrong(
                field.line,
                Some("types"),
                "expected instance types or patterns such as m5.large or \"c*\"",
            );
        }
        types
    }

    /// The one effect.
    fn effect(&mut self, line: u32) -> Option<Effect> {
        let told: Vec<&Field> =
            self.fields.iter().filter(|field| EFFECTS.contains(&field.name.as_str())).collect();
        let field = match told.as_slice() {
            [field] => *field,
            [] => {
                self.wrong(line, None, format!("nothing happens: expected one of {}", EFFECTS.join(", ")));
                return None;
            }
            [_, second, ..] => {
                let message = "a second effect in one event: make it an event of its own";
                self.wrong(second.line, Some(&second.name), message);
                return None;
            }
        };
        let a_share = "a share such as 25%, above 0 and at most 100";
        let a_factor = "a number such as 0.5, not negative and at most 1000";
        match field.name.as_str() {
            "depth" => self
                .read("depth", "a whole number of instances, such as 0", |text| text.parse().ok())
                .map(Effect::Depth),
            "depthFactor" => self.read("depthFactor", a_factor, factor).map(Effect::DepthFactor),
            "priceFactor" => self.read("priceFactor", a_factor, factor).map(Effect::PriceFactor),
            "interrupt" => self.read("interrupt", a_share, share).map(Effect::Interrupt),
            "rebalance" => self.read("rebalance", a_share, share).map(Effect::Rebalance),
            "killKubelets" => self.read("killKubelets", a_share, share).map(Effect::KillKubelets),
            "impairHosts" => self.read("impairHosts", a_share, share).map(Effect::ImpairHosts),
            "retire" => self.read("retire", a_share, share).map(Effect::Retire),
            "reclaimReservations" => {
                self.read("reclaimReservations", "true", truth).map(|()| Effect::ReclaimReservations)
            }
            "shiftZone" => self.read("shiftZone", "true", truth).map(|()| Effect::ShiftZone),
            "releaseImages" => self.read("releaseImages", "true", truth).map(|()| Effect::ReleaseImages),
            _ => self.fault(),
        }
    }

    fn fault(&mut self) -> Option<Effect> {
        let is_code = |text: &str| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
            (1..=100).contains(&text.len()) && text.bytes().all(is_letter)
        };
        let code = self.read("fault", "an error code such as RequestLimitExceeded", |text| {
            is_code(text).then(|| text.to_owned())
        });
        let expected = match self.field("action").and_then(|field| field.values.first()) {
            Some(text) => match closest(text, Action::ALL.iter().map(|action| action.as_str())) {
                Some(meant) => format!("the name of a call, did you mean {meant}?"),
                None => "the name of a call, such as CreateFleet".to_owned(),
            },
            None => "the name of a call, such as CreateFleet".to_owned(),
        };
        let action = self.read("action", &expected, |text| text.parse::<Action>().ok());
        let rate = self.read("rate", "a number above 0 and at most 1, such as 0.5", |text| {
            text.parse::<f64>().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0)
        });
        Some(Effect::Fault { action, rate: rate.unwrap_or(1.0), code: code? })
    }

    /// What does not go together.
    fn check_fit(&mut self, effect: &Effect, every: Option<Duration>, lasts: Option<Duration>) {
        if let Some(field) = self.field("for").filter(|_| !effect.lasts()) {
            self.wrong(field.line, Some("for"), "this happens in a moment and has no length");
        }
        if let (Some(every), Some(lasts)) = (every, lasts)
            && lasts > every
            && let Some(field) = self.field("for")
        {
            self.wrong(field.line, Some("for"), "is longer than every: leave both out for what holds always");
        }
        if let Some(field) = self.field("every").filter(|_| effect.lasts() && lasts.is_none()) {
            self.wrong(
                field.line,
                Some("every"),
                "needs a length in the field for: without it the first time never ends",
            );
        }
        if !matches!(effect, Effect::Fault { .. }) {
            for name in ["action", "rate"] {
                if let Some(field) = self.field(name) {
                    self.wrong(field.line, Some(name), "only goes with fault");
                }
            }
        } else {
            for name in ["zone", "capacityType", "types"] {
                if let Some(field) = self.field(name) {
                    self.wrong(field.line, Some(name), "does not go with fault, which is about calls");
                }
            }
        }
    }
}

fn when(text: &str) -> Option<When> {
    if let Some(after) = text.strip_prefix('+') {
        let parsed = after.trim().parse::<GoDuration>().ok()?;
        return positive_or_zero(&parsed).map(When::After);
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(When::At(moment));
    }
    // the short form without seconds, and hours of one digit
    let parts: Vec<u8> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let time = match parts.as_slice() {
        [hour, minute] => Time::new(i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?, 0, 0),
        [hour, minute, second] => {
            Time::new(i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?, i8::try_from(*second).ok()?, 0)
        }
        _ => return None,
    };
    time.ok().map(When::TimeOfDay)
}

fn duration(text: &str) -> Option<Duration> {
    let parsed = text.parse::<GoDuration>().ok()?;
    positive_or_zero(&parsed).filter(|duration| !duration.is_zero())
}

fn positive_or_zero(parsed: &GoDuration) -> Option<Duration> {
    u64::try_from(parsed.as_nanos()).ok().map(Duration::from_nanos)
}

fn pattern(text: &str) -> Option<String> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"*?-.".contains(&byte);
    let is_short = (1..=64).contains(&text.len());
    (is_short && text.bytes().all(is_letter)).then(|| text.to_owned())
}

fn factor(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|factor| (0.0..=1000.0).contains(factor))
}

fn share(text: &str) -> Option<f64> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    number.parse::<f64>().ok().filter(|percent| *percent > 0.0 && *percent <= 100.0)
}

fn truth(text: &str) -> Option<()> {
    (text == "true").then_some(())
}
