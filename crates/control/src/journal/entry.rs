//! One decision.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use kube::Resource;
use serde::{Deserialize, Serialize};
use supercargo_catalog::Usd;
use supercargo_reconcile::{Key, Kind};

/// One decision: what was decided about what, from what, what else there was, and why.
///
/// As JSON it is one line with these names in camel case; what is empty is left out. Prices are dollars per hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number. The journal gives it: one more than the entry before.
    #[serde(default)]
    pub sequence: u64,
    /// When it was decided.
    pub time: Timestamp,
    /// What sort of decision it is.
    pub kind: EntryKind,
    /// The object that it is about.
    pub subject: Subject,
    /// Other objects that it touches: the pods that shall run on a NodeClaim, the nodes that a replacement is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Subject>,
    /// What was decided, a sentence.
    pub decision: String,
    /// What it was decided from, in short.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// What else could have been done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// Why, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What it cost before, in dollars per hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_before: Option<Usd>,
    /// What it costs after, in dollars per hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_after: Option<Usd>,
}

/// What sort of decision it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// Pending pods become NodeClaims, or cannot.
    Provisioning,
    /// A NodeClaim becomes an instance, or does not.
    Launching,
    /// An instance becomes a node, or does not in time.
    Lifecycle,
    /// A node has lived long enough.
    Expiry,
    /// Something has lost its other half.
    Garbage,
    /// A node goes because it is empty, drifted or too dear.
    Disruption,
    /// A node is drained and ended.
    Termination,
    /// EC2 announced something.
    Interruption,
    /// A node is not well.
    Repair,
    /// An EC2NodeClass changed what it means.
    NodeClass,
    /// A NodePool changed what it means.
    NodePool,
    /// A NodePool is kept at its replicas.
    Static,
    /// Who works and who waits.
    Election,
    /// Another autoscaler was met.
    Guard,
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [EntryKind; 14] = [
        Self::Provisioning,
        Self::Launching,
        Self::Lifecycle,
        Self::Expiry,
        Self::Garbage,
        Self::Disruption,
        Self::Termination,
        Self::Interruption,
        Self::Repair,
        Self::NodeClass,
        Self::NodePool,
        Self::Static,
        Self::Election,
        Self::Guard,
    ];

    /// Its word, as in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Launching => "launching",
            Self::Lifecycle => "lifecycle",
            Self::Expiry => "expiry",
            Self::Garbage => "garbage",
            Self::Disruption => "disruption",
            Self::Termination => "termination",
            Self::Interruption => "interruption",
            Self::Repair => "repair",
            Self::NodeClass => "node-class",
            Self::NodePool => "node-pool",
            Self::Static => "static",
            Self::Election => "election",
            Self::Guard => "guard",
        }
    }

    /// The kind of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

/// An object that a decision is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// Its kind, such as `NodeClaim`.
    pub kind: String,
    /// Its namespace; empty for objects of the cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Subject {
    /// The object of a kind and a key.
    pub fn new(kind: Kind, key: &Key) -> Self {
        Self { kind: kind.name().to_owned(), namespace: key.namespace.clone(), name: key.name.clone() }
    }

    /// This object.
    pub fn of<T: Resource<DynamicType = ()>>(object: &T) -> Self {
        let metadata = object.meta();
        Self {
            kind: T::kind(&()).into_owned(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/", self.kind)?;
        if !self.namespace.is_empty() {
            write!(out, "{}/", self.namespace)?;
        }
        out.write_str(&self.name)
    }
}

/// What else could have been done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// What: `m7i.xlarge spot in us-east-1a`, `replace by one m7i.2xlarge`.
    pub what: String,
    /// What it costs, in dollars per hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Usd>,
    /// Why it was not taken; nothing for what was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
}

impl Alternative {
    /// Something that could have been done.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), price: None, against: None }
    }

    /// At this price, in dollars per hour.
    pub fn at(mut self, price: Usd) -> Self {
        self.price = Some(price);
        self
    }

    /// It was not taken for this reason.
    pub fn but(mut self, against: impl Into<String>) -> Self {
        self.against = Some(against.into());
        self
    }
}

impl Entry {
    /// A decision about an object, in a sentence.
    pub fn new(time: Timestamp, kind: EntryKind, subject: Subject, decision: impl Into<String>) -> Self {
        Self {
            sequence: 0,
            time,
            kind,
            subject,
            also: Vec::new(),
            decision: decision.into(),
            inputs: BTreeMap::new(),
            alternatives: Vec::new(),
            reasons: Vec::new(),
            price_before: None,
            price_after: None,
        }
    }

    /// It touches these objects too.
    pub fn touching(mut self, subjects: impl IntoIterator<Item = Subject>) -> Self {
        self.also.extend(subjects);
        self
    }

    /// It was decided from this: `pods`, `1,600`.
    pub fn given(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.inputs.insert(name.to_owned(), value.to_string());
        self
    }

    /// These things could have been done.
    pub fn among(mut self, alternatives: impl IntoIterator<Item = Alternative>) -> Self {
        self.alternatives.extend(alternatives);
        self
    }

    /// This is why.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reasons.push(reason.into());
        self
    }

    /// What it cost before and costs after, in dollars per hour.
    pub fn priced(mut self, before: Usd, after: Usd) -> Self {
        self.price_before = Some(before);
        self.price_after = Some(after);
        self
    }

    /// All objects it is about.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        std::iter::once(&self.subject).chain(&self.also)
    }

    /// Bytes that it takes in memory, about.
    pub(super) fn weight(&self) -> usize {
        let subjects: usize = self
            .subjects()
            .map(|subject| {
                subject.kind.len() + subject.namespace.len() + subject.name.len() + size_of::<Subject>()
            })
            .sum();
        let inputs: usize = self.inputs.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
        let alternatives: usize = self
            .alternatives
            .iter()
            .map(|other| {
                let against = other.against.as_ref().map_or(0, String::len);
                other.what.len() + against + size_of::<Alternative>()
            })
            .sum();
        let reasons: usize = self.reasons.iter().map(|reason| reason.len() + size_of::<String>()).sum();
        size_of::<Self>() + self.decision.len() + subjects + inputs + alternatives + reasons
    }
}
