//! PersistentVolumes, their claims, StorageClasses, CSINodes, VolumeAttachments.

use serde_json::{Value, json};

use crate::field_error::{FieldError, Path};
use crate::names::{dns1123_subdomain, qualified_name};

use super::amounts::{checked_quantity, quantity};
use super::pod::container::check_no_backsteps;
use super::pod::scheduling::check_node_selector;
use super::pod::spec::check_word;
use super::read::{
    Errors, ensure_object, entries, has, has_content, int, items, remove, same, set_default,
    set_default_text, text,
};
use super::selectors::check_selector;

const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];
const BINDING_MODES: [&str; 2] = ["Immediate", "WaitForFirstConsumer"];

/// What makes a PersistentVolume: every field of its spec that names a source.
const VOLUME_SOURCES: [&str; 22] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

/// Defaults of a claim, also of one in a template.
pub(crate) fn default_claim(claim: &mut Value) {
    if let Some(spec) = ensure_object(claim, "spec") {
        set_default_text(spec, "volumeMode", "Filesystem");
        let source = spec["dataSource"].clone();
        let reference = spec["dataSourceRef"].clone();
        match (source.is_null(), reference.is_null()) {
            (false, true) => set_default(spec, "dataSourceRef", source),
            (true, false) if !has_content(&reference, "namespace") => {
                set_default(spec, "dataSource", reference)
            }
            _ => {}
        }
    }
    if let Some(status) = ensure_object(claim, "status") {
        set_default_text(status, "phase", "Pending");
    }
}

/// Defaults of a PersistentVolume.
pub(crate) fn default_volume(volume: &mut Value) {
    if let Some(spec) = ensure_object(volume, "spec") {
        set_default_text(spec, "persistentVolumeReclaimPolicy", "Retain");
        set_default_text(spec, "volumeMode", "Filesystem");
        if let Some(host_path) = spec.get_mut("hostPath") {
            set_default(host_path, "type", "");
        }
    }
    if let Some(status) = ensure_object(volume, "status") {
        set_default_text(status, "phase", "Pending");
    }
}

/// Defaults of a StorageClass.
pub(crate) fn default_class(class: &mut Value) {
    set_default_text(class, "reclaimPolicy", "Delete");
    set_default_text(class, "volumeBindingMode", "Immediate");
}

/// Checks a claim.
pub(crate) fn check_claim(claim: &Value, errors: &mut Errors) {
    check_claim_spec(&claim["spec"], &Path::ROOT.field("spec"), errors);
}

/// Checks the spec of a claim.
pub(crate) fn check_claim_spec(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    check_access_modes(spec, at, errors);
    check_selector(&spec["selector"], &at.field("selector"), errors);
    let at_requests = at.field("resources");
    let at_requests = at_requests.field("requests");
    let storage = &spec["resources"]["requests"]["storage"];
    let at_storage = at_requests.key("storage");
    if storage.is_null() {
        errors.push(FieldError::required(at_storage, ""));
    } else if let Some(quantity) = checked_quantity(storage, &at_storage, errors)
        && quantity.to_string() == "0"
    {
        errors.push(FieldError::invalid(at_storage, "0", "must be greater than zero"));
    }
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        errors.invalid_text(at.field("storageClassName"), class, dns1123_subdomain(class));
    }
    check_word(spec, "volumeMode", &VOLUME_MODES, at, errors);
}

fn check_access_modes(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.field("accessModes");
    let modes = items(spec, "accessModes");
    if modes.is_empty() {
        errors.push(FieldError::required(at, "at least 1 access mode is required"));
    }
    for mode in modes {
        let mode = mode.as_str().unwrap_or_default();
        if !ACCESS_MODES.contains(&mode) {
            errors.push(FieldError::not_supported(at, mode, &ACCESS_MODES));
        }
    }
    if modes.len() > 1 && modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        let detail = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(at, detail));
    }
}

/// Checks an update of a claim: once made only its size may grow (bound claims only), and its volume be filled in.
pub(crate) fn check_claim_update(new: &Value, old: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let (new_spec, old_spec) = (&new["spec"], &old["spec"]);
    let mut expected = new_spec.clone();
    if !has_content(old_spec, "volumeName") {
        restore(&mut expected, old_spec, "volumeName");
    }
    // A class may be set later where there was none at all.
    if old_spec.get("storageClassName").is_none_or(Value::is_null)
        && has_content(new_spec, "storageClassName")
    {
        restore(&mut expected, old_spec, "storageClassName");
    }
    let is_bound = text(&old["status"], "phase") == "Bound";
    if is_bound
        || new_spec["resources"]["requests"]["storage"] == old_spec["resources"]["requests"]["storage"]
    {
        restore(&mut expected, old_spec, "resources");
        restore(&mut expected, old_spec, "volumeAttributesClassName");
    }
    let size = |spec: &Value| quantity(&spec["resources"]["requests"]["storage"]);
    if !same(&expected, old_spec) {
        let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
                      bound claims";
        errors.push(FieldError::forbidden(at, detail));
    } else if let (Some(after), Some(before)) = (size(new_spec), size(old_spec))
        && after < before
    {
        let capacity = quantity(&old["status"]["capacity"]["storage"]);
        if capacity.is_none_or(|capacity| after <= capacity) {
            let at = at.field("resources");
            let at = at.field("requests");
            errors.push(FieldError::forbidden(
                at.field("storage"),
                "field can not be less than status.capacity",
            ));
        }
    }
}

fn restore(new: &mut Value, old: &Value, field: &str) {
    match old.get(field) {
        Some(value) => super::read::set(new, field, value.clone()),
        None => {
            remove(new, field);
        }
    }
}

/// Checks a PersistentVolume.
pub(crate) fn check_volume(volume: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let spec = &volume["spec"];
    check_access_modes(spec, &at, errors);
    let at_capacity = at.field("capacity");
    let capacity = &spec["capacity"]["storage"];
    if !has_content(spec, "capacity") {
        errors.push(FieldError::required(at_capacity, ""));
    } else if capacity.is_null() {
        errors.push(FieldError::not_supported(at_capacity, spec["capacity"].clone(), &["storage"]));
    } else if let Some(quantity) = checked_quantity(capacity, &at_capacity.key("storage"), errors)
        && quantity.to_string() == "0"
    {
        errors.push(FieldError::invalid(at_capacity.key("storage"), "0", "must be greater than zero"));
    }
    let mut given = 0;
    for source in VOLUME_SOURCES.into_iter().filter(|source| has(spec, source)) {
        given += 1;
        let at = at.field(source);
        if given > 1 {
            errors.push(FieldError::forbidden(at, "may not specify more than 1 volume type"));
            continue;
        }
        let required: &[&str] = match source {
            "csi" => &["driver", "volumeHandle"],
            "nfs" => &["server", "path"],
            "local" | "hostPath" => &["path"],
            "awsElasticBlockStore" => &["volumeID"],
            _ => &[],
        };
        for field in required {
            if text(&spec[source], field).is_empty() {
                errors.push(FieldError::required(at.field(field), ""));
            }
        }
        if matches!(source, "local" | "hostPath") {
            check_no_backsteps(&spec[source], "path", &at, errors);
        }
        if source == "local" && !has(spec, "nodeAffinity") {
            let path = format!("{}.nodeAffinity", Path::ROOT.field("spec"));
            errors.push(FieldError::required(path, "Local volume requires node affinity"));
        }
    }
    if given == 0 {
        errors.push(FieldError::required(at, "must specify a volume type"));
    }
    check_word(spec, "persistentVolumeReclaimPolicy", &["Delete", "Recycle", "Retain"], &at, errors);
    check_word(spec, "volumeMode", &VOLUME_MODES, &at, errors);
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        errors.invalid_text(at.field("storageClassName"), class, dns1123_subdomain(class));
    }
    if has(spec, "nodeAffinity") {
        let at = at.field("nodeAffinity");
        match spec["nodeAffinity"].get("required") {
            Some(required) if required.is_object() => {
                check_node_selector(required, &at.field("required"), errors)
            }
            _ => errors
                .push(FieldError::required(at.field("required"), "must specify required node constraints")),
        }
    }
}

/// Checks an update of a PersistentVolume: source, mode and a node affinity once given stay.
pub(crate) fn check_volume_update(new: &Value, old: &Value, errors: &mut Errors) {
    let at = Path::ROOT.field("spec");
    let (new, old) = (&new["spec"], &old["spec"]);
    let changed = VOLUME_SOURCES.into_iter().any(|source| {
        let mut after = new.get(source).cloned().unwrap_or(Value::Null);
        let before = old.get(source).unwrap_or(&Value::Null);
        // Expansion secrets may be changed.
        if source == "csi" && after.is_object() {
            restore(&mut after, before, "controllerExpandSecretRef");
        }
        !same(&after, before)
    });
    if changed {
        let detail = "spec.persistentvolumesource is immutable after creation";
        errors.push(FieldError::forbidden(at.field("persistentvolumesource"), detail));
    }
    if !same(&new["volumeMode"], &old["volumeMode"]) {
        errors.push(FieldError::invalid(
            at.field("volumeMode"),
            new["volumeMode"].clone(),
            "field is immutable",
        ));
    }
    if has(old, "nodeAffinity") && !same(&new["nodeAffinity"], &old["nodeAffinity"]) {
        errors.push(FieldError::invalid(
            at.field("nodeAffinity"),
            new["nodeAffinity"].clone(),
            "field is immutable",
        ));
    }
}

/// Checks a StorageClass.
pub(crate) fn check_class(class: &Value, errors: &mut Errors) {
    let root = Path::ROOT;
    let provisioner = text(class, "provisioner");
    if provisioner.is_empty() {
        errors.push(FieldError::required("provisioner", ""));
    } else {
        let wrong = qualified_name(&provisioner.to_lowercase());
        errors.invalid_text("provisioner", provisioner, wrong);
    }
    check_word(class, "reclaimPolicy", &["Delete", "Retain"], &root, errors);
    if has(class, "volumeBindingMode") {
        check_word(class, "volumeBindingMode", &BINDING_MODES, &root, errors);
    } else {
        errors.push(FieldError::required("volumeBindingMode", ""));
    }
    let size: usize =
        entries(class, "parameters").map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
    if size > 256 * 1024 {
        errors.push(FieldError::too_long("parameters", 256 * 1024));
    }
    for (key, _) in entries(class, "parameters").filter(|(key, _)| key.is_empty()) {
        errors.push(FieldError::invalid("parameters", key.as_str(), "field can not be empty."));
    }
    for (index, term) in items(class, "allowedTopologies").iter().enumerate() {
        if !has_content(term, "matchLabelExpressions") {
            errors
                .push(FieldError::required(format!("allowedTopologies[{index}].matchLabelExpressions"), ""));
        }
    }
}

/// Checks an update of a StorageClass: what provisions, and how, stays.
pub(crate) fn check_class_update(new: &Value, old: &Value, errors: &mut Errors) {
    for field in ["parameters", "provisioner", "reclaimPolicy"] {
        if !same(&new[field], &old[field]) {
            errors.push(FieldError::forbidden(field, format!("updates to {field} are forbidden.")));
        }
    }
    if !same(&new["volumeBindingMode"], &old["volumeBindingMode"]) {
        let value = new["volumeBindingMode"].clone();
        errors.push(FieldError::invalid("volumeBindingMode", value, "field is immutable"));
    }
}

/// Checks a CSINode: drivers with a name and a node ID each.
pub(crate) fn check_csi_node(node: &Value, errors: &mut Errors) {
    let mut names = std::collections::BTreeSet::new();
    for (index, driver) in items(&node["spec"], "drivers").iter().enumerate() {
        let at = format!("spec.drivers[{index}]");
        let name = text(driver, "name");
        if name.is_empty() {
            errors.push(FieldError::required(format!("{at}.name"), ""));
        } else if !names.insert(name) {
            errors.push(FieldError::duplicate(format!("{at}.name"), name));
        }
        if text(driver, "nodeID").is_empty() {
            errors.push(FieldError::required(format!("{at}.nodeID"), ""));
        }
        if let Some(count) = int(&driver["allocatable"], "count").filter(|count| *count < 0) {
            let detail = "must be greater than or equal to 0";
            errors.push(FieldError::invalid(format!("{at}.allocatable.count"), count, detail));
        }
    }
}

/// Checks a VolumeAttachment.
pub(crate) fn check_attachment(attachment: &Value, errors: &mut Errors) {
    let spec = &attachment["spec"];
    for field in ["attacher", "nodeName"] {
        if text(spec, field).is_empty() {
            errors.push(FieldError::required(format!("spec.{field}"), ""));
        }
    }
    let source = &spec["source"];
    if !has_content(source, "persistentVolumeName") && !has(source, "inlineVolumeSpec") {
        let detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
        errors.push(FieldError::required("spec.source", detail));
    }
}

/// Checks an update of an object whose whole spec stays as it was made.
pub(crate) fn check_spec_stays(new: &Value, old: &Value, errors: &mut Errors) {
    if !same(&new["spec"], &old["spec"]) {
        let spec = new.get("spec").cloned().unwrap_or_else(|| json!({}));
        errors.push(FieldError::invalid("spec", spec, "field is immutable"));
    }
}
