//! Launches in one call, written down before it is made.
//!
//! The first claim of such a call says in an annotation which launches it is for, in order: the first instance is the first
//! launch's, and so on. Whoever has to ask again, because nobody wrote down what the answer was, asks for all of them under the
//! same token, hears the same answer, and finds its own instance in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use supercargo_api::NodeClaim;
use supercargo_api::labels::keys;

use crate::digest::digest;

/// Launches in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Together {
    token: String,
    members: Vec<String>,
}

impl Together {
    /// The launches that had these tokens for themselves. The same ones have the same token together.
    pub fn of(members: Vec<String>) -> Self {
        Self { token: format!("together-{}", digest(&json!(members))), members }
    }

    /// The client token of the call.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The tokens that the launches had for themselves, the first instance's first.
    pub fn members(&self) -> &[String] {
        &self.members
    }

    /// Key and value of the annotation that tells of it.
    pub fn annotation(&self) -> (String, String) {
        (format!("{}{}", keys::LAUNCHED_TOGETHER, self.token), self.members.join(" "))
    }

    /// What an annotation tells, if it is one.
    pub fn read(key: &str, value: &str) -> Option<Self> {
        let token = key.strip_prefix(keys::LAUNCHED_TOGETHER).filter(|token| !token.is_empty())?;
        let members: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
        (!members.is_empty()).then(|| Self { token: token.to_owned(), members })
    }

    /// All that a claim tells.
    pub fn told_by(claim: &NodeClaim) -> impl Iterator<Item = Self> {
        let annotations = claim.metadata.annotations.iter().flatten();
        annotations.filter_map(|(key, value)| Self::read(key, value))
    }
}

/// With whom a launch may be called for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Company {
    /// With whoever asks for the same: nobody has called for it before.
    Any,
    /// With nobody: it may have been called for by itself, and then EC2 knows its token.
    Nobody,
    /// With these, as it was before.
    Known(Arc<Together>),
}

/// What claims tell of launches in one call, by the tokens that the launches had for themselves.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<String, Arc<Together>>);

impl Told {
    /// A claim is there or has changed.
    pub(super) fn hear(&mut self, claim: &NodeClaim) {
        for together in Together::told_by(claim) {
            let known = together.members().first().and_then(|first| self.0.get(first));
            if known.is_some_and(|known| **known == together) {
                continue;
            }
            let together = Arc::new(together);
            for member in together.members() {
                self.0.insert(member.clone(), Arc::clone(&together));
            }
        }
    }

    /// A claim is gone.
    pub(super) fn forget(&mut self, claim: &NodeClaim) {
        for together in Together::told_by(claim) {
            for member in together.members() {
                self.0.remove(member);
            }
        }
    }

    /// The call that a launch was in.
    pub(super) fn of(&self, token: &str) -> Option<&Arc<Together>> {
        self.0.get(token)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::another_annotation("karpenter.sh/nodepool-hash", "1")]
    #[case::no_token("launch.supercargo.dev/", "a b")]
    #[case::nobody("launch.supercargo.dev/together-1", "  ")]
    fn what_tells_of_no_call_is_none(#[case] key: &str, #[case] value: &str) {
        assert_eq!(Together::read(key, value), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(members in prop::collection::vec("[a-f0-9-]{1,40}", 1..300)) {
            let together = Together::of(members);
            let (key, value) = together.annotation();
            prop_assert!(key.rsplit('/').next().unwrap().len() <= 63, "a name of an annotation");
            prop_assert_eq!(Together::read(&key, &value), Some(together));
        }
    }

    #[test]
    fn the_same_launches_have_the_same_token_in_whatever_order_they_come() {
        let of = |tokens: &[&str]| Together::of(tokens.iter().map(|token| (*token).to_owned()).collect());
        assert_eq!(of(&["a", "b", "c"]).token(), of(&["c", "a", "b"]).token());
        assert_ne!(of(&["a", "b", "c"]).token(), of(&["a", "b"]).token());
    }
}
