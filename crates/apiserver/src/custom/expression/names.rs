//! The functions and names of types that expressions can use.

/// Functions, by the name that a call has; those of a library with its name before the dot.
const FUNCTIONS: [&str; 155] = [
    "abs", "add", "all", "asApproximateFloat", "asInteger", "base64.decode", "base64.encode", "bool", "bytes",
    "charAt", "cidr", "compareTo", "contains", "containsCIDR", "containsIP", "distinct", "double", "duration", "dyn",
    "endsWith", "family", "find", "findAll", "first", "flatten", "format", "format.byte", "format.date",
    "format.datetime", "format.dns1035Label", "format.dns1035LabelPrefix", "format.dns1123Label",
    "format.dns1123LabelPrefix", "format.dns1123Subdomain", "format.dns1123SubdomainPrefix", "format.labelValue",
    "format.named", "format.qualifiedName", "format.uri", "format.uuid", "getDate", "getDayOfMonth", "getDayOfWeek",
    "getDayOfYear", "getEscapedPath", "getFullYear", "getHost", "getHostname", "getHours", "getMilliseconds",
    "getMinutes", "getMonth", "getPort", "getQuery", "getScheme", "getSeconds", "has", "hasValue", "indexOf", "int",
    "ip", "ip.isCanonical", "isCIDR", "isCIDRv4", "isCIDRv6", "isCanonical", "isGlobalUnicast", "isGreaterThan",
    "isIP", "isIPv4", "isIPv6", "isInteger", "isLessThan", "isLinkLocalMulticast", "isLinkLocalUnicast", "isLoopback",
    "isQuantity", "isSemver", "isSorted", "isURL", "isUnspecified", "join", "jsonpatch.escapeKey", "last",
    "lastIndexOf", "lists.range", "lowerAscii", "major", "masked", "matches", "math.abs", "math.bitAnd", "math.bitNot",
    "math.bitOr", "math.bitShiftLeft", "math.bitShiftRight", "math.bitXor", "math.ceil", "math.floor", "math.greatest",
    "math.isFinite", "math.isInf", "math.isNaN", "math.least", "math.round", "math.sign", "math.sqrt", "math.trunc",
    "max", "min", "minor", "optional.none", "optional.of", "optional.ofNonZeroValue", "or", "orValue", "patch",
    "prefixLength", "quantity", "replace", "reverse", "semver", "sets.contains", "sets.equivalent", "sets.intersects",
    "sign", "size", "slice", "sort", "split", "startsWith", "string", "strings.quote", "sub", "substring", "sum",
    "timestamp", "trim", "type", "uint", "upperAscii", "url", "validate", "value", "getDayOfWeek", "ceil", "floor",
    "round", "sqrt", "trunc", "greatest", "least", "optMap", "optFlatMap", "named",
];

/// Names of libraries, which stand before the dot of a function's name.
const LIBRARIES: [&str; 10] =
    ["base64", "cel", "format", "ip", "jsonpatch", "lists", "math", "optional", "sets", "strings"];

/// Names of types, which can be compared with what `type()` answers.
const TYPES: [&str; 11] =
    ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"];

/// Whether calls of this name can be evaluated; `library` is what stands before the dot.
pub(super) fn is_function(library: Option<&str>, name: &str) -> bool {
    let is_operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
    let whole = library.map(|library| format!("{library}.{name}"));
    is_operator || FUNCTIONS.contains(&whole.as_deref().unwrap_or(name))
}

/// Whether a name is that of a library.
pub(super) fn is_library(name: &str) -> bool {
    LIBRARIES.contains(&name)
}

/// Whether a name is that of a type.
pub(super) fn is_type(name: &str) -> bool {
    TYPES.contains(&name)
}
