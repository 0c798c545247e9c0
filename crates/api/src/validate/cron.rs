//! What schedules of CronJobs may not say, beside what no schedule may.

use crate::schedule::{Schedule, ScheduleError};

/// What is wrong with the schedule of a CronJob, if anything. Its time zone has a field of its own.
pub(crate) fn check_job_schedule(schedule: &str) -> Result<(), String> {
    if schedule.contains("TZ=") {
        return Err("the time zone cannot be part of the schedule of a CronJob: use timeZone".to_owned());
    }
    Schedule::parse(schedule, None).map(drop).map_err(|error| error.to_string())
}

/// What is wrong with a time zone, if anything.
pub(crate) fn check_time_zone(name: &str) -> Result<(), ScheduleError> {
    Schedule::parse("@daily", Some(name)).map(drop)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0 9 * * mon-fri")]
    #[case("*/5 0-23/2 1,15 JAN,dec ?")]
    #[case("@daily")]
    #[case("@every 90m")]
    #[case("  0 0 * * 0  ")]
    fn a_schedule_of_a_cron_job(#[case] text: &str) {
        assert_eq!(check_job_schedule(text), Ok(()));
    }

    #[rstest]
    #[case("0 9 * *", "a schedule has 5 fields, found 4")]
    #[case(
        "CRON_TZ=UTC 0 9 * * *",
        "the time zone cannot be part of the schedule of a CronJob: use timeZone"
    )]
    fn no_schedule_of_a_cron_job(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(check_job_schedule(text), Err(expected.to_owned()));
    }

    #[test]
    fn time_zones_go_by_their_iana_names() {
        assert_eq!(check_time_zone("America/New_York"), Ok(()));
        assert!(check_time_zone("Eastern Standard Time").is_err());
    }
}
