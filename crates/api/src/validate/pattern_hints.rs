//! What the patterns of our schemas mean, in words.

/// What would match a pattern.
pub(crate) fn hint(pattern: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 16] = [
        ("|Never)$", "write a duration in h, m and s such as 720h or 1h30m, or Never"),
        ("^([0-9]+(s|m|h))+$", "write a duration in h, m and s such as 48h or 30m"),
        ("(0s)?)$", "write a duration in hours and minutes such as 8h or 1h30m"),
        ("^((100|[0-9]{1,2})%|[0-9]+)$", "write a number such as 5 or a percentage such as 10%"),
        ("(@(annually", "write five cron fields such as 0 9 * * mon-fri, or a name such as @daily"),
        ("[numkMGTPE]", "write a quantity such as 500m, 2 or 1.5Gi"),
        ("(\\/))?([A-Za-z0-9]", "write a name such as team, or with a domain such as example.com/team"),
        (
            "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
            "use letters, digits, '-', '_' and '.', with a letter or digit at both ends",
        ),
        ("6[0-4])T)$", "write a size such as 100Gi, at most 64T"),
        ("^\\d+(\\.\\d+)?$", "write a price in $ per hour such as 0.384"),
        ("-100(", "write an amount such as -0.05, or a part such as -15%"),
        ("^subnet-", "write an id such as subnet-0123456789abcdef0"),
        ("^sg-", "write an id such as sg-0123456789abcdef0"),
        ("^ami-", "write an id such as ami-0123456789abcdef0"),
        ("^[0-9]{12}$", "write the 12 digits of an account"),
        ("^[^/]*$", "write the group without a version, such as karpenter.k8s.aws"),
    ];
    HINTS.iter().find(|(part, _)| pattern.contains(part)).map(|(_, words)| *words)
}
