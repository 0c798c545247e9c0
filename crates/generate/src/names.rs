//! Names and identifiers as a cluster gives them.

use supercargo_clock::Randomness;

/// The letters Kubernetes makes suffixes from: no vowels, no look-alikes.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Teams; each has a namespace.
pub(crate) const TEAMS: [&str; 14] = [
    "payments",
    "search",
    "checkout",
    "catalogue",
    "identity",
    "streaming",
    "recommendations",
    "ads",
    "analytics",
    "fraud",
    "notifications",
    "media",
    "billing",
    "platform",
];
/// What a service may be about.
const SUBJECTS: [&str; 24] = [
    "cart",
    "orders",
    "profile",
    "session",
    "pricing",
    "inventory",
    "ranking",
    "index",
    "query",
    "gateway",
    "ledger",
    "invoice",
    "tokens",
    "playback",
    "captions",
    "bids",
    "events",
    "email",
    "webhooks",
    "geo",
    "feature",
    "score",
    "transcode",
    "preview",
];
/// What a service may do about it.
const ROLES: [&str; 8] = ["api", "worker", "web", "consumer", "grpc", "proxy", "sync", "backend"];
/// What batch work may do.
const TASKS: [&str; 8] =
    ["encode", "report", "reindex", "export", "train", "backfill", "aggregate", "cleanup"];
/// Stores.
const STORES: [&str; 8] =
    ["postgres", "kafka", "redis", "cassandra", "elasticsearch", "etcd", "clickhouse", "zookeeper"];

/// The kinds of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    Service,
    Store,
    Task,
}

/// A name for a workload, not unique.
pub(crate) fn workload_name(naming: Naming, randomness: &mut Randomness) -> String {
    let mut word = |words: &[&'static str]| randomness.choose(words).copied().unwrap_or("app");
    match naming {
        Naming::Service => format!("{}-{}", word(&SUBJECTS), word(&ROLES)),
        Naming::Store => format!("{}-{}", word(&SUBJECTS), word(&STORES)),
        Naming::Task => format!("{}-{}", word(&SUBJECTS), word(&TASKS)),
    }
}

/// So many letters and digits as Kubernetes appends them.
pub(crate) fn suffix(length: usize, randomness: &mut Randomness) -> String {
    let mut bits = randomness.u64();
    let mut made = String::with_capacity(length);
    for _ in 0..length {
        made.push(LETTERS[(bits % LETTERS.len() as u64) as usize] as char);
        bits /= LETTERS.len() as u64;
    }
    made
}

/// The suffix of the n-th of those who share a prefix: it looks random, and no two are the same before all are used.
pub(crate) fn nth_suffix(length: u32, number: u64, prefix: &str) -> String {
    let all = (LETTERS.len() as u64).pow(length);
    let start = prefix.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % all);
    // Three does not divide the step, so that it passes every number once.
    let mut rest = (start + number % all * 1_000_003) % all;
    let mut made = String::with_capacity(length as usize);
    for _ in 0..length {
        made.push(LETTERS[(rest % LETTERS.len() as u64) as usize] as char);
        rest /= LETTERS.len() as u64;
    }
    made
}

/// A random identifier (UUID version 4).
pub(crate) fn uid(randomness: &mut Randomness) -> String {
    let (high, low) = (randomness.u64(), randomness.u64());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48 & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// So many hexadecimal digits, 16 at most.
pub(crate) fn hexadecimal(digits: usize, randomness: &mut Randomness) -> String {
    let mut text = format!("{:016x}", randomness.u64());
    text.truncate(digits);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_form_they_must_have() {
        let mut randomness = Randomness::from_seed(7);
        let made = uid(&mut randomness);
        let parts: Vec<usize> = made.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(made.as_bytes()[14], b'4');
        assert!(matches!(made.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_eq!(suffix(5, &mut randomness).len(), 5);
        let many: std::collections::BTreeSet<String> =
            (0..100_000).map(|number| nth_suffix(5, number, "web")).collect();
        assert_eq!(many.len(), 100_000, "names must not collide");
        assert_eq!(hexadecimal(9, &mut randomness).len(), 9);
    }
}
