//! What a controller finds wrong with an object that the API server let through.

use std::fmt;

use crate::kinds::{CapacityBuffer, EC2NodeClass, NodeOverlay, NodePool};

use super::check::Check;
use super::path::At;
use super::problem::{Problems, Severity};

/// Something wrong with an object of a running cluster, for its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeProblem {
    /// The field, such as `spec.template.spec.taints[1]`.
    pub path: String,
    /// What is wrong.
    pub text: String,
    /// What would be right.
    pub right: Option<String>,
    /// Which rule is broken, such as `duplicate-taint`.
    pub rule: Option<String>,
}

impl fmt::Display for RuntimeProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.path, self.text)?;
        match &self.right {
            Some(right) => write!(out, " ({right})"),
            None => Ok(()),
        }
    }
}

fn problems_of(object: &impl Check) -> Vec<RuntimeProblem> {
    let mut problems = Problems::default();
    object.check(&At::ROOT, &mut problems);
    let errors = problems.0.into_iter().filter(|problem| problem.severity == Severity::Error);
    errors
        .map(|problem| RuntimeProblem {
            path: problem.path.to_string().trim_start_matches('.').to_owned(),
            text: problem.text,
            right: problem.right,
            rule: problem.rule,
        })
        .collect()
}

macro_rules! checked {
    ($($kind:ident)*) => {
        $(impl $kind {
            /// What makes it unusable beyond the rules of its definition, in the order of its fields.
            pub fn runtime_problems(&self) -> Vec<RuntimeProblem> {
                problems_of(self)
            }
        })*
    };
}

checked! { NodePool EC2NodeClass NodeOverlay CapacityBuffer }

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_name_the_field_and_what_would_be_right() {
        let pool: NodePool = serde_json::from_value(json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "a"},
            "spec": {"template": {"spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "requirements": [],
                "taints": [{"key": "a", "effect": "NoSchedule"}],
                "startupTaints": [{"key": "a", "effect": "NoSchedule"}],
            }}}
        }))
        .unwrap();
        let told: Vec<String> = pool.runtime_problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "spec.template.spec.startupTaints[0]: taint a:NoSchedule is there twice, see taints[0] (keep one of the two)"
            ]
        );
    }
}
