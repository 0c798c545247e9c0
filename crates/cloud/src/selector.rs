//! How things are found: by id, by name, by owner, by tags. Within a selector all fields must match; of several
//! selectors any.

use std::collections::BTreeMap;

use supercargo_api::{
    AmiSelectorTerm, CapacityReservationSelectorTerm, SecurityGroupSelectorTerm, SubnetSelectorTerm,
};

use crate::Tags;

/// What is looked for. The default matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    /// The id.
    pub id: Option<String>,
    /// The name; `*` stands for any text and `?` for any character.
    pub name: Option<String>,
    /// Owners, any of which will do: account ids, `self` or `amazon`. None for any owner.
    pub owners: Vec<String>,
    /// Tags; the value `*` means that the key is there.
    pub tags: Tags,
}

/// What a selector is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Selectable<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name; empty if it has none.
    pub name: &'a str,
    /// Its owner's account, and the alias of the account if it has one.
    pub owners: [&'a str; 2],
    /// Its tags.
    pub tags: &'a Tags,
}

impl Selector {
    /// What has this id.
    pub fn id(id: impl Into<String>) -> Selector {
        Selector { id: Some(id.into()), ..Selector::default() }
    }

    /// What has this tag; `*` for any value.
    pub fn tag(key: impl Into<String>, value: impl Into<String>) -> Selector {
        Selector { tags: BTreeMap::from([(key.into(), value.into())]), ..Selector::default() }
    }

    /// Whether everything that is asked for holds.
    pub fn matches(&self, candidate: Selectable<'_>) -> bool {
        self.id.as_deref().is_none_or(|id| id == candidate.id)
            && self.name.as_deref().is_none_or(|pattern| glob(pattern, candidate.name))
            && (self.owners.is_empty()
                || self.owners.iter().any(|owner| candidate.owners.contains(&owner.as_str())))
            && has_tags(&self.tags, candidate.tags)
    }
}

/// Whether all wanted tags are there; the value `*` means any.
pub fn has_tags(wanted: &Tags, tags: &Tags) -> bool {
    wanted.iter().all(|(key, value)| tags.get(key).is_some_and(|found| value == "*" || value == found))
}

/// Whether a text matches a pattern in which `*` stands for any text and `?` for any one character. Takes time
/// proportional to the product of both lengths at worst.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut position) = (0, 0);
    // where to go on if the star has to stand for one character more
    let mut retry: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, position));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[position] => {
                at += 1;
                position += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    (at, position) = (after_star, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

impl From<&SubnetSelectorTerm> for Selector {
    fn from(term: &SubnetSelectorTerm) -> Selector {
        Selector { id: term.id.clone(), tags: term.tags.clone().unwrap_or_default(), ..Selector::default() }
    }
}

impl From<&SecurityGroupSelectorTerm> for Selector {
    fn from(term: &SecurityGroupSelectorTerm) -> Selector {
        Selector {
            id: term.id.clone(),
            name: term.name.clone(),
            tags: term.tags.clone().unwrap_or_default(),
            ..Selector::default()
        }
    }
}

impl From<&CapacityReservationSelectorTerm> for Selector {
    /// Without the match criteria, which the reservation itself is asked for.
    fn from(term: &CapacityReservationSelectorTerm) -> Selector {
        Selector {
            id: term.id.clone(),
            owners: term.owner_id.iter().cloned().collect(),
            tags: term.tags.clone().unwrap_or_default(),
            ..Selector::default()
        }
    }
}

impl From<&AmiSelectorTerm> for Selector {
    /// A term without an alias or a parameter, which are looked up first. A name without an owner means images of the
    /// account and of Amazon (reference section 5.5).
    fn from(term: &AmiSelectorTerm) -> Selector {
        let owners = match (&term.owner, &term.name) {
            (Some(owner), _) => vec![owner.clone()],
            (None, Some(_)) => vec!["self".to_owned(), "amazon".to_owned()],
            (None, None) => Vec::new(),
        };
        Selector {
            id: term.id.clone(),
            name: term.name.clone(),
            owners,
            tags: term.tags.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("*", "", true)]
    #[case("", "", true)]
    #[case("", "a", false)]
    #[case("m*", "m7i.large", true)]
    #[case("m*.large", "m7i.large", true)]
    #[case("m*.large", "m7i.xlarge", false)]
    #[case("m?i.*", "m7i.large", true)]
    #[case("*-v2026*", "amazon-eks-node-al2023-x86_64-standard-1.36-v20260819", true)]
    #[case("a*a", "a", false)]
    #[case("ü?", "üñ", true)]
    fn a_star_is_any_text(#[case] pattern: &str, #[case] text: &str, #[case] expected: bool) {
        assert_eq!(glob(pattern, text), expected);
    }

    fn slow_glob(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skipped| slow_glob(rest, &text[skipped..])),
            Some((letter, rest)) => text.split_first().is_some_and(|(first, others)| {
                (*letter == '?' || letter == first) && slow_glob(rest, others)
            }),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab?*]{0,6}", text in "[ab]{0,8}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob(&pattern, &text), slow_glob(&letters(&pattern), &letters(&text)));
        }
    }

    #[rstest]
    #[case::value(&[("team", "a")], true)]
    #[case::any_value(&[("team", "*")], true)]
    #[case::other_value(&[("team", "b")], false)]
    #[case::missing_key(&[("team", "a"), ("tier", "*")], false)]
    #[case::nothing_asked(&[], true)]
    fn tags_must_all_be_there(#[case] wanted: &[(&str, &str)], #[case] expected: bool) {
        let of = |pairs: &[(&str, &str)]| -> Tags {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(has_tags(&of(wanted), &of(&[("team", "a")])), expected);
    }

    #[test]
    fn an_image_name_without_an_owner_is_of_the_account_or_of_amazon() {
        let term = AmiSelectorTerm { name: Some("my-*".to_owned()), ..AmiSelectorTerm::default() };
        let selector = Selector::from(&term);
        let tags = Tags::new();
        let named = |owners| Selectable { id: "ami-1", name: "my-image", owners, tags: &tags };
        assert!(selector.matches(named(["123456789012", "self"])));
        assert!(selector.matches(named(["602401143452", "amazon"])));
        assert!(!selector.matches(named(["999999999999", ""])));
    }
}
