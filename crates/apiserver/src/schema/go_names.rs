//! What the types are called in decoding errors, which speak of Go.

use super::arena::{Rest, Scalar, Shape, View};

/// The name with package: `v1.PodSpec`, `[]v1.Container`, `map[string]string`, `int32`.
pub(super) fn type_text(view: View<'_>) -> String {
    if let Some(name) = view.target().own().name.as_deref() {
        let mut parts = name.rsplit('.');
        let kind = parts.next().unwrap_or_default();
        return match (kind, parts.next()) {
            ("Quantity", _) => "resource.Quantity".to_owned(),
            (kind, Some(package)) => format!("{package}.{kind}"),
            (kind, None) => kind.to_owned(),
        };
    }
    let target = view.target();
    match target.shape() {
        Shape::List { items, .. } => format!("[]{}", type_text(target.at(*items))),
        Shape::Object(object) => match object.rest {
            Rest::Map(values) => format!("map[string]{}", type_text(target.at(values))),
            _ => "map[string]interface {}".to_owned(),
        },
        Shape::Scalar(scalar) => scalar_text(*scalar).to_owned(),
        _ => "interface {}".to_owned(),
    }
}

/// The struct's bare name: `DeploymentSpec`.
pub(super) fn struct_text(view: View<'_>) -> &str {
    view.type_name().and_then(|name| name.rsplit('.').next()).unwrap_or_default()
}

fn scalar_text(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::String => "string",
        Scalar::Bytes => "[]uint8",
        Scalar::Time => "v1.Time",
        Scalar::MicroTime => "v1.MicroTime",
        Scalar::Quantity => "resource.Quantity",
        Scalar::IntOrString => "intstr.IntOrString",
        Scalar::Int32 => "int32",
        Scalar::Int64 => "int64",
        Scalar::Number => "float64",
        Scalar::Boolean => "bool",
    }
}
