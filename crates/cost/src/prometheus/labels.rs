//! Labels of series, in all the spellings that exporters and scrape configurations give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::workload::Labels;

/// Labels of a series.
pub(super) type LabelSet = BTreeMap<String, String>;

/// A label. If the scraper kept its own label of that name, the exporter's is `exported_…`; old kubelets add `_name`.
pub(super) fn label<'a>(labels: &'a LabelSet, name: &str) -> &'a str {
    let spelled = |name: &str| labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    spelled(&format!("exported_{name}"))
        .or_else(|| spelled(name))
        .or_else(|| spelled(&format!("{name}_name")))
        .unwrap_or_default()
}

/// The labels or annotations of an object: what follows the prefix.
pub(super) fn object_labels(labels: &LabelSet, prefix: &str) -> Labels {
    let of = |(key, value): (&String, &String)| {
        let name = key.strip_prefix(prefix).filter(|name| !name.is_empty())?;
        Some((Arc::from(name), Arc::from(value.as_str())))
    };
    Arc::new(labels.iter().filter_map(of).collect())
}

/// The host of an address such as `10.0.0.1:9100`, `[fe80::1]:80` or `node-1`.
pub(super) fn host(instance: &str) -> &str {
    match instance.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            host.trim_start_matches('[').trim_end_matches(']')
        }
        _ => instance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> LabelSet {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn labels_are_found_in_all_spellings() {
        let labels =
            set(&[("pod", "ksm-0"), ("exported_pod", "web-1"), ("container_name", "main"), ("node", "")]);
        assert_eq!(label(&labels, "pod"), "web-1");
        assert_eq!(label(&labels, "container"), "main");
        assert_eq!(label(&labels, "node"), "");
        let of = object_labels(&set(&[("label_app", "web"), ("label_", "x"), ("pod", "y")]), "label_");
        assert_eq!(of.iter().map(|(key, value)| (&**key, &**value)).collect::<Vec<_>>(), [("app", "web")]);
        assert_eq!(["10.0.0.1:9100", "[::1]:80", "node-1"].map(host), ["10.0.0.1", "::1", "node-1"]);
    }
}
