//! The shape all operators share, and its intersection.

use std::collections::BTreeSet;
use std::fmt;

use super::error::RequirementError;
use super::operator::Operator;
use crate::labels::{excerpt, normalize_label};

/// More values than this are counted instead of listed.
const VALUES_SHOWN: usize = 5;

/// What one label may be: a set of values, or everything but a set, optionally within integer bounds.
///
/// Invariants: `gte` is at most `lte`; a concrete set has no bounds (they have already filtered it); an excluded value
/// lies within the bounds; a label may be absent only from a set that is empty or lists what is excluded.
///
/// Karpenter's shape forgets that a label has to be there: to it, NotIn and Exists together are NotIn, and In a and In b
/// are DoesNotExist. A node without the label would pass, and kube-scheduler would then refuse it. `present` keeps it in
/// mind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label's key, with aliases resolved.
    pub key: String,
    complement: bool,
    values: BTreeSet<String>,
    gte: Option<i64>,
    lte: Option<i64>,
    /// Whether a node without the label fails, whatever the values.
    present: bool,
    /// How many different values the remaining instance types must offer.
    pub min_values: Option<u32>,
}

impl Requirement {
    /// A requirement as written in a manifest, checked as in reference row N4. Aliases of the key are resolved; the
    /// values of Exists and DoesNotExist are ignored, as Karpenter does.
    pub fn new(
        key: impl Into<String>,
        operator: Operator,
        values: impl IntoIterator<Item = String>,
        min_values: Option<u32>,
    ) -> Result<Self, RequirementError> {
        let key = key.into();
        let mut requirement = match operator {
            Operator::In => Self::listed(key, values, min_values)?,
            Operator::NotIn => Self::not_in(key, values),
            Operator::Exists => Self::exists(key),
            Operator::DoesNotExist => Self::does_not_exist(key),
            Operator::Gt | Operator::Lt | Operator::Gte | Operator::Lte => {
                Self::compared(key, operator, values)?
            }
        };
        requirement.min_values = min_values;
        Ok(requirement)
    }

    /// The label has one of these values; without values it must be absent.
    pub fn in_values(key: impl Into<String>, values: impl IntoIterator<Item = String>) -> Self {
        let values: BTreeSet<String> = values.into_iter().collect();
        let present = !values.is_empty();
        Self::shaped(key.into(), false, values, (None, None), present)
    }

    /// The label has none of these values; without values it must be present.
    pub fn not_in(key: impl Into<String>, values: impl IntoIterator<Item = String>) -> Self {
        let values: BTreeSet<String> = values.into_iter().collect();
        let present = values.is_empty();
        Self::shaped(key.into(), true, values, (None, None), present)
    }

    /// The label is present.
    pub fn exists(key: impl Into<String>) -> Self {
        Self::shaped(key.into(), true, BTreeSet::new(), (None, None), true)
    }

    /// The label is absent.
    pub fn does_not_exist(key: impl Into<String>) -> Self {
        Self::shaped(key.into(), false, BTreeSet::new(), (None, None), false)
    }

    /// The same requirement with other minValues.
    pub fn with_min_values(self, min_values: Option<u32>) -> Self {
        Self { min_values, ..self }
    }

    fn listed(
        key: String,
        values: impl IntoIterator<Item = String>,
        min_values: Option<u32>,
    ) -> Result<Self, RequirementError> {
        let mut count = 0;
        let values: BTreeSet<String> = values.into_iter().inspect(|_| count += 1).collect();
        if count == 0 {
            return Err(RequirementError::NoValues { key });
        }
        match min_values {
            Some(min_values) if count < min_values as usize => {
                Err(RequirementError::TooFewValues { key, count, min_values })
            }
            _ => Ok(Self::in_values(key, values)),
        }
    }

    fn compared(
        key: String,
        operator: Operator,
        values: impl IntoIterator<Item = String>,
    ) -> Result<Self, RequirementError> {
        let mut values = values.into_iter();
        let (first, others) = (values.next(), values.count());
        let value = match first {
            Some(value) if others == 0 => value,
            first => {
                let count = others + usize::from(first.is_some());
                return Err(RequirementError::NotOneValue { key, operator, count });
            }
        };
        let Some(number) = value.parse::<i64>().ok().filter(|number| *number >= 0) else {
            return Err(RequirementError::NotAnInteger { key, operator, value: excerpt(&value) });
        };
        let (gte, lte) = match operator {
            // Nothing is greater than the greatest integer. Karpenter takes this for DoesNotExist (reference section 2.5).
            Operator::Gt if number == i64::MAX => return Ok(Self::impossible(key)),
            Operator::Gt => (Some(number + 1), None),
            Operator::Lt => (None, Some(number - 1)),
            Operator::Gte => (Some(number), None),
            _ => (None, Some(number)),
        };
        Ok(Self::shaped(key, true, BTreeSet::new(), (gte, lte), true))
    }

    /// The label must be there, but no value will do.
    fn impossible(key: String) -> Self {
        Self::shaped(key, false, BTreeSet::new(), (None, None), true)
    }

    fn shaped(
        key: String,
        complement: bool,
        values: BTreeSet<String>,
        (gte, lte): (Option<i64>, Option<i64>),
        present: bool,
    ) -> Self {
        let meant = normalize_label(&key);
        let key = if meant == key { key } else { meant.to_owned() };
        Self { key, complement, values, gte, lte, present, min_values: None }
    }

    /// What both requirements allow. The key is this one's; bounds become the tighter, minValues the greater.
    pub fn intersection(&self, other: &Requirement) -> Requirement {
        let min_values = self.min_values.max(other.min_values);
        let (gte, lte) = self.tighter_bounds(other);
        if is_contradiction(gte, lte) {
            return Requirement { min_values, ..Self::impossible(self.key.clone()) };
        }
        let complement = self.complement && other.complement;
        let mut values: BTreeSet<String> = match (self.complement, other.complement) {
            (true, true) => self.values.union(&other.values).cloned().collect(),
            (true, false) => other.values.difference(&self.values).cloned().collect(),
            (false, true) => self.values.difference(&other.values).cloned().collect(),
            (false, false) => self.values.intersection(&other.values).cloned().collect(),
        };
        if gte.is_some() || lte.is_some() {
            values.retain(|value| is_within(value, gte, lte));
        }
        let (gte, lte) = if complement { (gte, lte) } else { (None, None) };
        let present = self.present || other.present;
        Requirement { key: self.key.clone(), complement, values, gte, lte, present, min_values }
    }

    /// Whether the [intersection](Self::intersection) allows any value, without building it.
    pub fn intersects(&self, other: &Requirement) -> bool {
        let (gte, lte) = self.tighter_bounds(other);
        if is_contradiction(gte, lte) {
            return false;
        }
        let (concrete, rest) = match (self.complement, other.complement) {
            (true, true) => return true,
            (true, false) => (other, self),
            (false, true) => (self, other),
            (false, false) if self.values.len() <= other.values.len() => (self, other),
            (false, false) => (other, self),
        };
        concrete
            .values
            .iter()
            .any(|value| rest.values.contains(value) != rest.complement && is_within(value, gte, lte))
    }

    fn tighter_bounds(&self, other: &Requirement) -> (Option<i64>, Option<i64>) {
        // A missing lower bound is the smallest `Option`; a missing upper bound must not be.
        let lte = match (self.lte, other.lte) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.or(right),
        };
        (self.gte.max(other.gte), lte)
    }

    /// Whether a label with this value satisfies the requirement. With bounds, a value that is not an integer never does.
    pub fn has(&self, value: &str) -> bool {
        self.values.contains(value) != self.complement && is_within(value, self.gte, self.lte)
    }

    /// Whether a node without the label satisfies the requirement: true for NotIn and DoesNotExist, unless they were
    /// intersected with something that needs the label to be there.
    pub fn allows_absent(&self) -> bool {
        !self.present
    }

    /// Whether no value is allowed, as in DoesNotExist. Everything but a set is never empty, whatever its bounds.
    pub fn is_empty(&self) -> bool {
        !self.complement && self.values.is_empty()
    }

    /// Whether no label satisfies the requirement, and neither does its absence: In a and In b together.
    pub fn allows_nothing(&self) -> bool {
        self.is_empty() && self.present
    }

    /// The operator of the shape: In, NotIn, Exists or DoesNotExist. Bounds alone count as Exists, and what
    /// [allows nothing](Self::allows_nothing) as DoesNotExist.
    pub fn operator(&self) -> Operator {
        match (self.complement, self.values.is_empty()) {
            (false, false) => Operator::In,
            (false, true) => Operator::DoesNotExist,
            (true, false) => Operator::NotIn,
            (true, true) => Operator::Exists,
        }
    }

    /// The values allowed, or those excluded if this is a [complement](Self::complement).
    pub fn values(&self) -> &BTreeSet<String> {
        &self.values
    }

    /// Whether the values are those excluded.
    pub fn complement(&self) -> bool {
        self.complement
    }

    /// The least and the greatest integer allowed.
    pub fn bounds(&self) -> (Option<i64>, Option<i64>) {
        (self.gte, self.lte)
    }

    /// The operators and values that say the same in a manifest. Their intersection is this requirement (without
    /// minValues).
    pub fn terms(&self) -> Vec<(Operator, Vec<String>)> {
        let values = || self.values.iter().cloned().collect();
        let mut terms = Vec::new();
        if !self.complement || !self.values.is_empty() {
            terms.push((self.operator(), values()));
        }
        if let Some(gte) = self.gte {
            terms.push((Operator::Gte, vec![gte.to_string()]));
        }
        match self.lte {
            // Values below zero cannot be written (reference row N4).
            Some(-1) => terms.push((Operator::Lt, vec!["0".to_owned()])),
            Some(lte) => terms.push((Operator::Lte, vec![lte.to_string()])),
            None => {}
        }
        let said =
            matches!(terms.first(), Some((Operator::In, _))) || self.gte.is_some() || self.lte.is_some();
        if self.present && !said {
            terms.push((Operator::Exists, Vec::new()));
        }
        terms
    }
}

fn is_contradiction(gte: Option<i64>, lte: Option<i64>) -> bool {
    matches!((gte, lte), (Some(gte), Some(lte)) if gte > lte)
}

fn is_within(value: &str, gte: Option<i64>, lte: Option<i64>) -> bool {
    if gte.is_none() && lte.is_none() {
        return true;
    }
    value
        .parse::<i64>()
        .is_ok_and(|number| gte.is_none_or(|gte| number >= gte) && lte.is_none_or(|lte| number <= lte))
}

/// `key In [a b]`, `key Exists >=5`, `key NotIn [a b c d e and 3 others] minValues 2`, `key Exists NotIn [a]`, and
/// `key In []` for what nothing satisfies.
impl fmt::Display for Requirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.operator(), self.present) {
            (Operator::NotIn, true) => write!(out, "{} Exists NotIn", self.key)?,
            (Operator::DoesNotExist, true) => write!(out, "{} In []", self.key)?,
            (operator, _) => write!(out, "{} {operator}", self.key)?,
        }
        if !self.values.is_empty() {
            for (position, value) in self.values.iter().take(VALUES_SHOWN).enumerate() {
                write!(out, "{}{value}", if position == 0 { " [" } else { " " })?;
            }
            match self.values.len() {
                ..=VALUES_SHOWN => out.write_str("]")?,
                count => write!(out, " and {} others]", count - VALUES_SHOWN)?,
            }
        }
        if let Some(gte) = self.gte {
            write!(out, " >={gte}")?;
        }
        if let Some(lte) = self.lte {
            write!(out, " <={lte}")?;
        }
        if let Some(min_values) = self.min_values {
            write!(out, " minValues {min_values}")?;
        }
        Ok(())
    }
}
