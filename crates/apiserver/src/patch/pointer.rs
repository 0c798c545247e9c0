//! JSON pointers, RFC 6901, as lists of unescaped names.

/// The names of a pointer without its first slash. Text before the first slash is ignored, as the Kubernetes API does.
pub(super) fn names(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(unescape).collect()
}

fn unescape(name: &str) -> String {
    if name.contains('~') { name.replace("~1", "/").replace("~0", "~") } else { name.to_owned() }
}
