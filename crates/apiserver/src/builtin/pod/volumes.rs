//! The volumes of a pod.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::builtin::amounts::checked_quantity;
use crate::builtin::read::{Errors, has, int, items, text};
use crate::builtin::storage::check_claim_spec;
use crate::field_error::{FieldError, Path};
use crate::names::{config_key, dns1123_label};

use super::container::{check_no_backsteps, check_reference, check_relative};

/// Every kind of volume.
const SOURCES: [&str; 30] = [
    "emptyDir",
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "persistentVolumeClaim",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "downwardAPI",
    "fc",
    "azureFile",
    "configMap",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "projected",
    "portworxVolume",
    "scaleIO",
    "storageos",
    "csi",
    "ephemeral",
    "image",
];

/// Checks the volumes; answers with their names, and whether they may be block devices.
pub(crate) fn check_volumes(spec: &Value, at: &Path<'_>, errors: &mut Errors) -> BTreeMap<String, bool> {
    let mut names = BTreeMap::new();
    for (index, volume) in items(spec, "volumes").iter().enumerate() {
        let at = at.index(index);
        let name = text(volume, "name");
        if name.is_empty() {
            errors.push(FieldError::required(at.field("name"), ""));
        } else {
            errors.invalid_text(at.field("name"), name, dns1123_label(name));
        }
        if names.contains_key(name) {
            errors.push(FieldError::duplicate(at.field("name"), name));
        }
        let mut given = 0;
        for source in SOURCES.into_iter().filter(|source| has(volume, source)) {
            given += 1;
            let at_source = at.field(source);
            if given > 1 {
                errors.push(FieldError::forbidden(at_source, "may not specify more than 1 volume type"));
            } else {
                check_source(source, &volume[source], &at_source, errors);
            }
        }
        if given == 0 {
            errors.push(FieldError::required(at, "must specify a volume type"));
        }
        let is_claim = has(volume, "persistentVolumeClaim") || has(volume, "ephemeral");
        names.insert(name.to_owned(), is_claim);
    }
    names
}

fn check_source(kind: &str, source: &Value, at: &Path<'_>, errors: &mut Errors) {
    match kind {
        "emptyDir" if has(source, "sizeLimit") => {
            checked_quantity(&source["sizeLimit"], &at.field("sizeLimit"), errors);
        }
        "hostPath" => {
            require(source, "path", at, errors);
            check_no_backsteps(source, "path", at, errors);
            let kinds = [
                "",
                "BlockDevice",
                "CharDevice",
                "Directory",
                "DirectoryOrCreate",
                "File",
                "FileOrCreate",
                "Socket",
            ];
            let kind = text(source, "type");
            if !kinds.contains(&kind) {
                errors.push(FieldError::not_supported(at.field("type"), kind, &kinds));
            }
        }
        "secret" => {
            require(source, "secretName", at, errors);
            check_mode(source, "defaultMode", at, errors);
            check_items(source, at, errors);
        }
        "configMap" => {
            require(source, "name", at, errors);
            check_mode(source, "defaultMode", at, errors);
            check_items(source, at, errors);
        }
        "persistentVolumeClaim" => check_reference(source, "claimName", at, errors),
        "nfs" => {
            require(source, "server", at, errors);
            require(source, "path", at, errors);
            if !text(source, "path").is_empty() && !text(source, "path").starts_with('/') {
                let path = text(source, "path");
                errors.push(FieldError::invalid(at.field("path"), path, "must be an absolute path"));
            }
        }
        "csi" => require(source, "driver", at, errors),
        "awsElasticBlockStore" => require(source, "volumeID", at, errors),
        "downwardAPI" => {
            check_mode(source, "defaultMode", at, errors);
            check_downward(source, at, errors);
        }
        "projected" => check_projected(source, at, errors),
        "ephemeral" => match source.get("volumeClaimTemplate") {
            Some(template) if template.is_object() => {
                let at = at.field("volumeClaimTemplate");
                check_claim_spec(&template["spec"], &at.field("spec"), errors);
            }
            _ => errors.push(FieldError::required(at.field("volumeClaimTemplate"), "")),
        },
        _ => {}
    }
}

fn require(source: &Value, field: &str, at: &Path<'_>, errors: &mut Errors) {
    if text(source, field).is_empty() {
        errors.push(FieldError::required(at.field(field), ""));
    }
}

fn check_mode(source: &Value, field: &str, at: &Path<'_>, errors: &mut Errors) {
    if let Some(mode) = int(source, field).filter(|mode| !(0..=0o777).contains(mode)) {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(FieldError::invalid(at.field(field), mode, detail));
    }
}

fn check_items(source: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at_items = at.field("items");
    for (index, item) in items(source, "items").iter().enumerate() {
        let at = at_items.index(index);
        let key = text(item, "key");
        if key.is_empty() {
            errors.push(FieldError::required(at.field("key"), ""));
        } else {
            errors.invalid_text(at.field("key"), key, config_key(key));
        }
        check_item_path(item, &at, errors);
        check_mode(item, "mode", &at, errors);
    }
}

fn check_item_path(item: &Value, at: &Path<'_>, errors: &mut Errors) {
    require(item, "path", at, errors);
    check_relative(item, "path", at, errors);
    let path = text(item, "path");
    if path.starts_with("..") && !path.starts_with("../") && path != ".." {
        errors.push(FieldError::invalid(at.field("path"), path, "must not start with '..'"));
    }
}

fn check_downward(source: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at_items = at.field("items");
    for (index, item) in items(source, "items").iter().enumerate() {
        let at = at_items.index(index);
        check_item_path(item, &at, errors);
        check_mode(item, "mode", &at, errors);
        match (has(item, "fieldRef"), has(item, "resourceFieldRef")) {
            (true, true) => errors.push(FieldError::invalid(
                at,
                "resource",
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            )),
            (false, false) => {
                errors.push(FieldError::required(at, "one of fieldRef and resourceFieldRef is required"));
            }
            _ => {}
        }
    }
}

fn check_projected(source: &Value, at: &Path<'_>, errors: &mut Errors) {
    check_mode(source, "defaultMode", at, errors);
    let at_sources = at.field("sources");
    for (index, part) in items(source, "sources").iter().enumerate() {
        let at = at_sources.index(index);
        let mut given = 0;
        let kinds = [
            "secret",
            "configMap",
            "downwardAPI",
            "serviceAccountToken",
            "clusterTrustBundle",
            "podCertificate",
        ];
        for kind in kinds.into_iter().filter(|kind| has(part, kind)) {
            given += 1;
            let at = at.field(kind);
            if given > 1 {
                errors.push(FieldError::forbidden(at, "may not specify more than 1 volume type per source"));
                continue;
            }
            match kind {
                "secret" | "configMap" => {
                    require(&part[kind], "name", &at, errors);
                    check_items(&part[kind], &at, errors);
                }
                "downwardAPI" => check_downward(&part[kind], &at, errors),
                "serviceAccountToken" => check_token(&part[kind], &at, errors),
                _ => {}
            }
        }
        if given == 0 {
            errors.push(FieldError::required(at, "must specify a source type"));
        }
    }
}

fn check_token(token: &Value, at: &Path<'_>, errors: &mut Errors) {
    require(token, "path", at, errors);
    if let Some(seconds) = int(token, "expirationSeconds") {
        let at = at.field("expirationSeconds");
        if seconds < 600 {
            errors.push(FieldError::invalid(at, seconds, "may not specify a duration less than 10 minutes"));
        } else if seconds > 1 << 32 {
            errors.push(FieldError::invalid(
                at,
                seconds,
                "may not specify a duration larger than 2^32 seconds",
            ));
        }
    }
}
