//! Query parameters.

use super::path::decode;
use crate::status::ApiError;

/// The parameters of a request, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the part of a URI behind the question mark.
    pub fn parse(query: &str) -> Self {
        let text = |part: &str| String::from_utf8_lossy(&decode(part.as_bytes(), true)).into_owned();
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (text(key), text(value))
            })
            .collect();
        Self { pairs }
    }

    /// The first value of a parameter; empty if it is not there.
    pub fn get(&self, key: &str) -> &str {
        self.pairs.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is there at all.
    pub fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(known, _)| known == key)
    }

    /// A flag: absent, `0` and `false` are false, as upstream reads them; `1`, `true` and nothing after the sign are true.
    pub fn flag(&self, key: &str) -> bool {
        self.has(key) && !matches!(self.get(key).to_lowercase().as_str(), "0" | "false")
    }

    /// A whole number, if it is there.
    pub fn number(&self, key: &str) -> Result<Option<i64>, ApiError> {
        match self.get(key) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                ApiError::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
            }),
        }
    }

    /// Whether nothing is to be kept. Anything but `All` is refused.
    pub fn dry_run(&self) -> Result<bool, ApiError> {
        check_dry_run(self.all("dryRun").filter(|value| !value.is_empty()))
    }
}

/// Whether a list of `dryRun` directives asks for it.
pub(crate) fn check_dry_run<'a>(directives: impl Iterator<Item = &'a str>) -> Result<bool, ApiError> {
    let mut is_dry = false;
    for directive in directives {
        if directive != "All" {
            return Err(ApiError::from_status(serde_json::json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Invalid", "code": 422,
                "message": format!(" \"\" is invalid: dryRun: Unsupported value: {directive:?}: supported values: \"All\""),
                "details": { "causes": [{
                    "reason": "FieldValueNotSupported",
                    "message": format!("Unsupported value: {directive:?}: supported values: \"All\""),
                    "field": "dryRun",
                }] },
            })));
        }
        is_dry = true;
    }
    Ok(is_dry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("labelSelector=a%3Db%2Cc&x=1+2&watch&force=false&dryRun=All");
        assert_eq!(query.get("labelSelector"), "a=b,c");
        assert_eq!(query.get("x"), "1 2");
        assert!(query.flag("watch") && !query.flag("force") && !query.flag("absent"));
        assert!(query.dry_run().unwrap());
        assert_eq!(Query::parse("dryRun=some").dry_run().unwrap_err().code(), 422);
        assert_eq!(Query::parse("limit=x").number("limit").unwrap_err().code(), 400);
    }
}
