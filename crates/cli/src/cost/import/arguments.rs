//! The arguments of `supercargo cost import`.

use std::path::PathBuf;

use clap::Args;
use supercargo_cost::query::parse_duration;

/// Fill a ledger from a Prometheus server, or from dumps.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Reads what ran from any server with Prometheus' API (Prometheus, Thanos, Mimir, VictoriaMetrics), or from dumps in files, \
                  and writes it into a ledger on disk, hour by hour. Hours that the ledger has already are left as they are, so an \
                  import that was interrupted goes on where it stopped. What was not scraped becomes a gap, never a zero.",
    after_help = "Examples:\n  \
                  supercargo cost import --prometheus http://localhost:9090 --window 30d --store ledger\n  \
                  supercargo cost import --prometheus https://mimir/prometheus --header 'X-Scope-OrgID: shop' --matcher 'cluster=\"east\"' --cluster east --store ledger\n  \
                  supercargo cost import --dump east.jsonl --store ledger\n\n\
                  Exit codes: 0 something was written, or was there already; 1 the source knows nothing of the window; 2 the input is wrong, or \
                  the server does not answer."
)]
pub struct ImportArguments {
    /// A server with Prometheus' API, such as http://localhost:9090
    #[arg(long, value_name = "URL", env = "PROMETHEUS_SERVER_ENDPOINT", required_unless_present = "dump")]
    pub prometheus: Option<String>,
    /// Dumps: recordings of a collector, or answers of Prometheus' API
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "prometheus")]
    pub dump: Vec<PathBuf>,
    /// The directory of the ledger; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// What to read of a server: 30d, yesterday, lastmonth, START,END. Of the hour that is not over nothing is read
    #[arg(long, value_name = "WINDOW", default_value = "30d")]
    pub window: String,
    /// The moment that windows are counted from [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<jiff::Timestamp>,
    /// The id that the cluster has in the ledger
    #[arg(long, value_name = "NAME", default_value = "default-cluster")]
    pub cluster: String,
    /// Who runs the control plane and is paid for it; empty if nobody is
    #[arg(long, value_name = "NAME", default_value = "EKS")]
    pub control_plane: String,
    /// Seconds, or a duration such as 2m, between samples [default: what the server's scrapes are apart, 1m at least]
    #[arg(long, value_name = "DURATION", value_parser = step)]
    pub step: Option<i64>,
    /// A matcher for every query, such as `cluster_id="east"`; may be given several times
    #[arg(long, value_name = "MATCHER")]
    pub matcher: Vec<String>,
    /// A header for every request, such as `X-Scope-OrgID: shop`; may be given several times
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// The tenant, for the header X-Scope-OrgID
    #[arg(long, value_name = "NAME", env = "PROMETHEUS_HEADER_X_SCOPE_ORGID")]
    pub tenant: Option<String>,
    /// A token, for the header Authorization
    #[arg(
        long,
        value_name = "TOKEN",
        env = "DB_BEARER_TOKEN",
        hide_env_values = true,
        conflicts_with = "user"
    )]
    pub bearer_token: Option<String>,
    /// A file with a token, read again for every request
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bearer_token", "user"])]
    pub bearer_token_file: Option<PathBuf>,
    /// A user, for basic authorization
    #[arg(long, value_name = "NAME", env = "DB_BASIC_AUTH_USERNAME")]
    pub user: Option<String>,
    /// The user's password
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "DB_BASIC_AUTH_PW",
        hide_env_values = true,
        requires = "user"
    )]
    pub password: Option<String>,
    /// How many questions are on their way at once; the ledger is the same with any number
    #[arg(long, value_name = "COUNT", env = "MAX_QUERY_CONCURRENCY", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub max_query_concurrency: u16,
    /// A file with the certificates (PEM) of authorities that are trusted, instead of the system's
    #[arg(long, value_name = "FILE", conflicts_with = "insecure_skip_verify")]
    pub ca_file: Option<PathBuf>,
    /// Trust any certificate; others are checked against the system's, those of SSL_CERT_FILE, or --ca-file
    #[arg(long, env = "INSECURE_SKIP_VERIFY")]
    pub insecure_skip_verify: bool,
}

fn step(text: &str) -> Result<i64, String> {
    let seconds = text.parse::<u64>().ok().or_else(|| parse_duration(text).ok());
    let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
    seconds.ok_or_else(|| "expected seconds or a duration, such as 60, 60s or 2m".to_owned())
}
