//! What the clocks promise.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rstest::rstest;
use supercargo_clock::{Clock, RealClock, Stopwatch, VirtualClock};

/// 2026-08-20T12:00:00Z
fn noon() -> Timestamp {
    Timestamp::constant(1787227200, 0)
}

#[test]
fn a_virtual_clock_stands_still_until_it_is_moved() {
    let clock = VirtualClock::new(noon());
    assert_eq!((clock.now(), clock.elapsed()), (noon(), Duration::ZERO));
    assert_eq!((clock.now(), clock.elapsed()), (noon(), Duration::ZERO));
    clock.advance(Duration::from_millis(1500));
    assert_eq!(clock.now().to_string(), "2026-08-20T12:00:01.5Z");
    assert_eq!(clock.elapsed(), Duration::from_millis(1500));
}

#[test]
fn setting_a_virtual_clock_moves_the_date_but_no_time_passes() {
    let clock = VirtualClock::new(noon());
    clock.advance(Duration::from_secs(5));
    clock.set(Timestamp::UNIX_EPOCH);
    assert_eq!((clock.now(), clock.elapsed()), (Timestamp::UNIX_EPOCH, Duration::from_secs(5)));
}

#[rstest]
#[case::the_future("2026-08-20T12:01:00Z", 60)]
#[case::the_present("2026-08-20T12:00:00Z", 0)]
#[case::the_past("2026-08-20T11:59:00Z", 0)]
fn advancing_to_a_moment_never_goes_back(#[case] moment: Timestamp, #[case] seconds: u64) {
    let clock = VirtualClock::new(noon());
    assert_eq!(clock.advance_to(moment), Duration::from_secs(seconds));
    assert_eq!(clock.now(), moment.max(noon()));
    assert_eq!(clock.elapsed(), Duration::from_secs(seconds));
}

#[test]
fn the_end_of_time_is_where_a_virtual_clock_stops() {
    let clock = VirtualClock::new(noon());
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!((clock.now(), clock.elapsed()), (Timestamp::MAX, Duration::MAX));
}

#[test]
fn a_shared_clock_shows_everybody_the_same_time() {
    let clock = Arc::new(VirtualClock::new(noon()));
    let elsewhere = Arc::clone(&clock);
    std::thread::spawn(move || elsewhere.advance(Duration::from_secs(1))).join().unwrap();
    let shared: &dyn Clock = &clock;
    assert_eq!(shared.elapsed(), Duration::from_secs(1));
}

#[test]
fn a_stopwatch_measures_on_the_clock_it_is_given() {
    let clock = VirtualClock::new(noon());
    let mut watch = Stopwatch::start(&clock);
    clock.advance(Duration::from_secs(2));
    clock.set(Timestamp::UNIX_EPOCH);
    assert_eq!(watch.elapsed(), Duration::from_secs(2));
    assert_eq!(watch.lap(), Duration::from_secs(2));
    clock.advance(Duration::from_secs(3));
    assert_eq!(watch.lap(), Duration::from_secs(3));
    assert_eq!(watch.elapsed(), Duration::ZERO);
}

#[test]
fn the_real_clock_never_runs_backwards() {
    let clock = RealClock::new();
    let readings: Vec<Duration> = (0..1000).map(|_| clock.elapsed()).collect();
    assert!(readings.is_sorted());
    assert!(clock.now() > noon() - Duration::from_secs(3600 * 24 * 3650));
}
