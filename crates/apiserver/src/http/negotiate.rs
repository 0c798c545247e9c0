//! What a client accepts, and which of it is sent.

use http::HeaderMap;
use http::header::ACCEPT;

use crate::status::ApiError;

/// The shape of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The object or list itself.
    Object,
    /// A Table, as `kubectl get` asks for.
    Table,
    /// Only the metadata.
    Metadata,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// JSON.
    Json,
    /// JSON with line breaks.
    PrettyJson,
    /// YAML.
    Yaml,
}

/// What the rows of a table carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    /// Nothing.
    Nothing,
    /// The metadata.
    Metadata,
    /// The object.
    Object,
}

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// The shape.
    pub form: Form,
    /// The writing.
    pub encoding: Encoding,
}

impl Negotiated {
    /// The first thing that the client accepts and there is.
    pub fn of(headers: &HeaderMap, is_pretty: bool) -> Result<Self, ApiError> {
        let json = if is_pretty { Encoding::PrettyJson } else { Encoding::Json };
        let mut has_any = false;
        for value in headers.get_all(ACCEPT) {
            let Ok(text) = value.to_str() else { continue };
            for entry in text.split(',') {
                let mut parts = entry.split(';').map(str::trim);
                let media = parts.next().unwrap_or("").to_ascii_lowercase();
                if media.is_empty() {
                    continue;
                }
                has_any = true;
                let encoding = match media.as_str() {
                    "application/json" | "*/*" | "application/*" => json,
                    "application/yaml" => Encoding::Yaml,
                    _ => continue,
                };
                let mut form = Form::Object;
                let mut is_known = true;
                for part in parts {
                    match part.split_once('=') {
                        Some(("as", "Table")) => form = Form::Table,
                        Some(("as", "PartialObjectMetadata" | "PartialObjectMetadataList")) => {
                            form = Form::Metadata
                        }
                        Some(("as", _)) => is_known = false,
                        Some(("g", group)) => is_known &= group == "meta.k8s.io",
                        Some(("v", version)) => is_known &= matches!(version, "v1" | "v1beta1"),
                        _ => {}
                    }
                }
                if is_known {
                    return Ok(Self { form, encoding });
                }
            }
        }
        if has_any {
            Err(ApiError::not_acceptable())
        } else {
            Ok(Self { form: Form::Object, encoding: json })
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", Some(Form::Object))]
    #[case(
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
        Some(Form::Table)
    )]
    #[case("application/vnd.kubernetes.protobuf,application/json", Some(Form::Object))]
    #[case("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Some(Form::Metadata))]
    #[case("application/vnd.kubernetes.protobuf", None)]
    #[case("application/json;as=Nonsense;g=meta.k8s.io;v=v1", None)]
    #[case("*/*", Some(Form::Object))]
    fn the_first_known_form_is_sent(#[case] accept: &str, #[case] expected: Option<Form>) {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(ACCEPT, accept.parse().unwrap());
        }
        assert_eq!(Negotiated::of(&headers, false).ok().map(|found| found.form), expected);
    }
}
