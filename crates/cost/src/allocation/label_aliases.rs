//! Names that stand for labels (reference section 2.5).

/// Which labels the words department, environment, owner, product and team stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelAliases {
    /// The label of the department.
    pub department: String,
    /// The label of the environment.
    pub environment: String,
    /// The label of the owner.
    pub owner: String,
    /// The label of the product.
    pub product: String,
    /// The label of the team.
    pub team: String,
}

impl Default for LabelAliases {
    fn default() -> LabelAliases {
        LabelAliases {
            department: "department".to_owned(),
            environment: "env".to_owned(),
            owner: "owner".to_owned(),
            product: "app".to_owned(),
            team: "team".to_owned(),
        }
    }
}

impl LabelAliases {
    /// The words, in the order of the API.
    pub const WORDS: [&str; 5] = ["department", "environment", "owner", "product", "team"];

    /// The label that a word stands for, in whatever case the word is.
    pub fn label(&self, word: &str) -> Option<&str> {
        let labels = [&self.department, &self.environment, &self.owner, &self.product, &self.team];
        let known = LabelAliases::WORDS.iter().zip(labels);
        known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, label)| label.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_labels_and_can_be_told_otherwise() {
        let aliases = LabelAliases { team: "squad".to_owned(), ..LabelAliases::default() };
        assert_eq!(aliases.label("Environment"), Some("env"));
        assert_eq!(aliases.label("product"), Some("app"));
        assert_eq!(aliases.label("team"), Some("squad"));
        assert_eq!(aliases.label("squad"), None);
    }
}
