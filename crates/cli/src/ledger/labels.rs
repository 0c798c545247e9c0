//! Which labels the words department, environment, owner, product and team stand for.

use clap::Args;
use supercargo_cost::allocation::LabelAliases;

/// The labels, named as Kubecost's `labelMappingConfigs` names them.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct LabelArguments {
    /// The label that `department` stands for in aggregates and filters of costs
    #[arg(
        long,
        env = "DEPARTMENT_LABEL",
        hide_env_values = true,
        value_name = "LABEL",
        default_value = "department"
    )]
    pub department_label: String,
    /// The label that `environment` stands for
    #[arg(
        long,
        env = "ENVIRONMENT_LABEL",
        hide_env_values = true,
        value_name = "LABEL",
        default_value = "env"
    )]
    pub environment_label: String,
    /// The label that `owner` stands for
    #[arg(long, env = "OWNER_LABEL", hide_env_values = true, value_name = "LABEL", default_value = "owner")]
    pub owner_label: String,
    /// The label that `product` stands for
    #[arg(long, env = "PRODUCT_LABEL", hide_env_values = true, value_name = "LABEL", default_value = "app")]
    pub product_label: String,
    /// The label that `team` stands for
    #[arg(long, env = "TEAM_LABEL", hide_env_values = true, value_name = "LABEL", default_value = "team")]
    pub team_label: String,
}

impl LabelArguments {
    /// As the ledger takes them.
    pub fn aliases(&self) -> LabelAliases {
        LabelAliases {
            department: self.department_label.clone(),
            environment: self.environment_label.clone(),
            owner: self.owner_label.clone(),
            product: self.product_label.clone(),
            team: self.team_label.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        labels: LabelArguments,
    }

    /// Nothing else than what the API does without being told, and what is told.
    #[test]
    fn words_stand_for_the_labels_that_are_told() {
        let read = |words: &[&str]| Program::parse_from([&["x"], words].concat()).labels.aliases();
        // a variable of the surroundings would count, too
        if std::env::var_os("TEAM_LABEL").is_none() {
            assert_eq!(read(&[]).team, LabelAliases::default().team);
        }
        assert_eq!(read(&["--team-label", "squad"]).label("team"), Some("squad"));
        let all = [
            "--department-label=d",
            "--environment-label=e",
            "--owner-label=o",
            "--product-label=p",
            "--team-label=t",
        ];
        let aliases = read(&all);
        let labels = LabelAliases::WORDS.map(|word| aliases.label(word).unwrap().to_owned());
        assert_eq!(labels, ["d", "e", "o", "p", "t"]);
    }
}
