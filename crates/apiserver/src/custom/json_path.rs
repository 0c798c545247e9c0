//! The JSON paths of columns and subresources: `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`.

use serde_json::Value;

/// Longest path, in bytes.
const LONGEST: usize = 4096;

/// Most values that a path finds.
const MOST_FOUND: usize = 10_000;

/// A path, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    All,
    Filter(Filter),
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    path: JsonPath,
    test: Option<(Comparison, Value)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPathError {
    /// It is longer than any path needs to be.
    #[error("the path is longer than {LONGEST} bytes")]
    TooLong,
    /// It does not begin with a dot or a bracket.
    #[error("unexpected character {0:?}, a step begins with '.' or '['")]
    Unexpected(char),
    /// A bracket is not closed, or empty.
    #[error("unclosed or empty bracket: {0:?}")]
    Bracket(String),
    /// A filter cannot be read.
    #[error("unrecognized filter: {0:?}")]
    Filter(String),
}

impl JsonPath {
    /// Parses a path. Braces around it, as kubectl has them, are passed over.
    ///
    /// # Errors
    /// What the first step that cannot be read looks like.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        if text.len() > LONGEST {
            return Err(JsonPathError::TooLong);
        }
        let bare = text.trim();
        let bare = bare.strip_prefix('{').and_then(|bare| bare.strip_suffix('}')).unwrap_or(bare);
        parse_steps(bare.strip_prefix('$').unwrap_or(bare), true)
    }

    /// The values at the path, in the order of the object.
    pub fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for step in &self.steps {
            let mut next = Vec::new();
            for value in found {
                step.apply(value, &mut next);
                next.truncate(MOST_FOUND);
            }
            found = next;
        }
        found
    }

    /// The first value at the path.
    pub fn first<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.find(value).into_iter().next()
    }

    /// The names of a path that has only fields, such as `.spec.replicas`.
    pub fn fields(&self) -> Option<Vec<&str>> {
        self.steps
            .iter()
            .map(|step| match step {
                Step::Field(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }
}

impl Step {
    fn apply<'v>(&self, value: &'v Value, found: &mut Vec<&'v Value>) {
        match (self, value) {
            (Step::Field(name), Value::Object(fields)) => found.extend(fields.get(name)),
            (Step::Index(index), Value::Array(items)) => {
                found.extend(position(*index, items.len()).and_then(|index| items.get(index)));
            }
            (Step::Slice(start, end), Value::Array(items)) => {
                let bound = |index: Option<i64>, otherwise: usize| {
                    index
                        .map_or(otherwise, |index| position(index, items.len()).unwrap_or(0))
                        .min(items.len())
                };
                let (start, end) = (bound(*start, 0), bound(*end, items.len()));
                found.extend(items.get(start..end.max(start)).into_iter().flatten());
            }
            (Step::All, Value::Array(items)) => found.extend(items),
            (Step::All, Value::Object(fields)) => found.extend(fields.values()),
            (Step::Filter(filter), Value::Array(items)) => {
                found.extend(items.iter().filter(|item| filter.holds(item)));
            }
            _ => {}
        }
    }
}

fn position(index: i64, length: usize) -> Option<usize> {
    if index >= 0 {
        usize::try_from(index).ok()
    } else {
        length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
    }
}

impl Filter {
    fn holds(&self, item: &Value) -> bool {
        let found = self.path.first(item);
        let Some((comparison, expected)) = &self.test else { return found.is_some() };
        let Some(found) = found else { return false };
        let order = match (found, expected) {
            (Value::Number(left), Value::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
            (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
            (left, right) if left == right => Some(std::cmp::Ordering::Equal),
            _ => None,
        };
        match comparison {
            Comparison::Equal => order.is_some_and(std::cmp::Ordering::is_eq),
            Comparison::Unequal => !order.is_some_and(std::cmp::Ordering::is_eq),
            Comparison::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Comparison::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
            Comparison::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Comparison::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

fn parse_steps(text: &str, may_filter: bool) -> Result<JsonPath, JsonPathError> {
    let mut steps = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match first {
            '.' => {
                let (name, after) = field_name(&rest[1..]);
                if name == "*" {
                    steps.push(Step::All);
                } else if !name.is_empty() {
                    steps.push(Step::Field(name));
                }
                rest = after;
            }
            '[' => {
                let end = closing(rest).ok_or_else(|| JsonPathError::Bracket(rest.to_owned()))?;
                steps.push(bracket(&rest[1..end], may_filter)?);
                rest = &rest[end + 1..];
            }
            // The first step may come without a dot.
            other if steps.is_empty() && (other.is_alphanumeric() || other == '_') => {
                let (name, after) = field_name(rest);
                steps.push(Step::Field(name));
                rest = after;
            }
            other => return Err(JsonPathError::Unexpected(other)),
        }
    }
    Ok(JsonPath { steps })
}

/// A name up to the next step; `\.` is a dot within it.
fn field_name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
            '.' | '[' => return (name, &text[index..]),
            c => name.push(c),
        }
    }
    (name, "")
}

/// Where the bracket at the beginning is closed; brackets in quotes do not count.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

fn bracket(text: &str, may_filter: bool) -> Result<Step, JsonPathError> {
    let inner = text.trim();
    if inner == "*" {
        return Ok(Step::All);
    }
    if let Some(name) = quoted(inner) {
        return Ok(Step::Field(name.to_owned()));
    }
    if let Ok(index) = inner.parse() {
        return Ok(Step::Index(index));
    }
    if let Some(condition) = inner.strip_prefix("?(").and_then(|inner| inner.strip_suffix(')')) {
        // A filter within a filter has no use, and would nest without end.
        return if may_filter { filter(condition) } else { Err(JsonPathError::Filter(condition.to_owned())) };
    }
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    if let Some((start, end)) = inner.split_once(':')
        && let (Some(start), Some(end)) = (number(start), number(end))
    {
        return Ok(Step::Slice(start, end));
    }
    Err(JsonPathError::Bracket(text.to_owned()))
}

fn quoted(text: &str) -> Option<&str> {
    ['\'', '"'].into_iter().find_map(|quote| {
        text.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote))
    })
}

fn filter(condition: &str) -> Result<Step, JsonPathError> {
    const SIGNS: [(&str, Comparison); 6] = [
        ("==", Comparison::Equal),
        ("!=", Comparison::Unequal),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let wrong = || JsonPathError::Filter(condition.to_owned());
    let sign = SIGNS
        .iter()
        .filter_map(|(sign, comparison)| Some((condition.find(sign)?, *sign, *comparison)))
        .min_by_key(|(index, sign, _)| (*index, std::cmp::Reverse(sign.len())));
    let (left, test) = match sign {
        Some((index, sign, comparison)) => {
            let right = condition[index + sign.len()..].trim();
            let value = match quoted(right) {
                Some(text) => Value::from(text),
                None => serde_json::from_str(right).map_err(|_| wrong())?,
            };
            (&condition[..index], Some((comparison, value)))
        }
        None => (condition, None),
    };
    let path = left.trim().strip_prefix('@').ok_or_else(wrong)?;
    Ok(Step::Filter(Filter { path: parse_steps(path, false)?, test }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_find_what_columns_show() {
        let object = json!({
            "metadata": { "labels": { "a.b/c": "x" } },
            "spec": { "replicas": 3, "list": [1, 2, 3] },
            "status": { "conditions": [
                { "type": "Ready", "status": "True" },
                { "type": "Drifted", "status": "False", "count": 2 },
            ] },
        });
        let cases = [
            (".spec.replicas", json!([3])),
            ("{.spec.replicas}", json!([3])),
            ("spec.replicas", json!([3])),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!(["True"])),
            (r".status.conditions[?(@.type=='Ready')].status", json!(["True"])),
            (".status.conditions[?(@.count>1)].type", json!(["Drifted"])),
            (".status.conditions[?(@.count)].type", json!(["Drifted"])),
            (r".metadata.labels.a\.b/c", json!(["x"])),
            (".metadata.labels['a.b/c']", json!(["x"])),
            (".spec.list[0]", json!([1])),
            (".spec.list[-1]", json!([3])),
            (".spec.list[1:]", json!([2, 3])),
            (".spec.list[*]", json!([1, 2, 3])),
            (".spec.list[9]", json!([])),
            (".nothing.here", json!([])),
        ];
        for (path, expected) in cases {
            let found = JsonPath::parse(path).unwrap().find(&object).into_iter().cloned().collect::<Vec<_>>();
            assert_eq!(json!(found), expected, "{path}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for path in
            [".a[", ".a[]", ".a[x]", ".a[?(b)]", ".a[?(@.b==)]", "!", &".a".repeat(5000), &"[".repeat(4000)]
        {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }
}
