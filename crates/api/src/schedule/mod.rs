//! Cron schedules: five fields or a name such as `@daily`, in a time zone, and when they next fire.
//!
//! ```text
//! "0 9 * * mon-fri" + "Europe/Berlin" ──parse──> Schedule ──next_after(moment)──> moment
//! ```
//!
//! The language is that of Kubernetes CronJobs and of disruption budgets (reference row N11, section 4.4): `*` and `?`,
//! values, names of months and days, ranges, lists, steps, the names from `@yearly` to `@hourly`, and `@every 90m`. Where
//! both the day of the month and the day of the week are restricted, either will do.
//!
//! A schedule fires at the instants at which a clock on the wall of its time zone shows a minute of it. Where clocks are
//! put forward, minutes that are left out fire not at all; where they are put back, minutes that come twice fire twice.

mod next;
mod parse;

pub use parse::{Schedule, ScheduleError};
