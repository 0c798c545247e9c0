//! How to take a dump of a cluster that holds everything a decision can depend on.

/// What kubectl is asked for. Read access is enough; Secrets and ConfigMaps are not read.
const RESOURCES: [&str; 3] = [
    "nodepools,nodeclaims,ec2nodeclasses,nodes,pods,namespaces,deployments,replicasets,",
    "statefulsets,daemonsets,jobs,cronjobs,poddisruptionbudgets,priorityclasses,persistentvolumes,",
    "persistentvolumeclaims,storageclasses,csinodes",
];

/// What a dump may hold besides, where the cluster knows it.
const ADDITIONS: &str = "nodeoverlays,capacitybuffers,podtemplates";

/// The kubectl command, on one line.
pub fn command() -> String {
    format!("kubectl get {} -A -o json > dump.json", RESOURCES.concat())
}

/// The part of a command's help that says how to take a dump.
pub fn help() -> String {
    format!(
        "A dump that holds everything that matters (read access is enough):\n  \
         kubectl get {} -A -o json > dump.json\n\
         and, where the cluster has them, {ADDITIONS}.",
        RESOURCES.join("\\\n    ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds that the reader of manifests knows, from its own table.
    fn kinds_read() -> Vec<&'static str> {
        let source = include_str!("../../../api/src/manifest/kinds_read.rs");
        let (_, table) = source.split_once("\nkinds! {\n").unwrap();
        let (table, _) = table.split_once("\n}").unwrap();
        table.lines().map(|line| line.split('"').nth(5).unwrap()).collect()
    }

    #[test]
    fn every_kind_that_is_read_is_in_the_dump() {
        let kinds = kinds_read();
        assert!(kinds.len() >= 21, "{kinds:?}");
        let named = format!("{},{ADDITIONS}", RESOURCES.concat());
        let named: Vec<&str> = named.split(',').collect();
        for kind in kinds {
            let lower = kind.to_lowercase();
            let plural = match lower.strip_suffix("class") {
                Some(rest) => format!("{rest}classes"),
                None => format!("{lower}s"),
            };
            assert!(named.contains(&plural.as_str()), "{plural}");
        }
    }

    #[test]
    fn the_help_says_the_command() {
        let joined = help().replace("\\\n    ", "");
        assert!(joined.contains(&command()), "{joined}");
        assert!(joined.contains(ADDITIONS));
    }
}
