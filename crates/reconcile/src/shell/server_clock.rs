//! The API server's clock, which is the one that counts: it dates deletions, and a grace period that is counted by a clock that
//! is ahead ends too soon. Every answer over HTTP says what time it is.

use std::time::Duration;

use http::Request;
use http::header::DATE;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use supercargo_clock::{Clock, Time};

/// How often it is looked whether the clocks still agree.
const EVERY: Duration = Duration::from_secs(60);
/// The wait before the next try, and how often it is tried before anything is decided.
const RETRY: Duration = Duration::from_secs(1);
const TRIES: usize = 3;
/// Clocks differ that are further apart than this, in seconds. Answers are dated in whole seconds and take a while.
const APART: i64 = 2;

/// Corrects the time as soon as the server has answered; gives up after some tries, so that no decision waits for long.
pub(super) async fn ask_first(client: &Client, time: &Time) {
    for _ in 0..TRIES {
        if ask(client, time).await {
            return;
        }
        time.sleep(RETRY).await;
    }
}

/// Keeps the time corrected.
pub(super) async fn follow(client: Client, time: Time) {
    loop {
        time.sleep(EVERY).await;
        ask(&client, &time).await;
    }
}

/// Asks once, and corrects the time by the answer; returns whether there was one.
async fn ask(client: &Client, time: &Time) -> bool {
    let Ok(request) = Request::get("/version").body(Body::empty()) else { return false };
    let (before, asked) = (time.elapsed(), time.now());
    let Ok(answer) = client.send(request).await else { return false };
    let took = time.elapsed().saturating_sub(before);
    let dated = answer.headers().get(DATE).and_then(|date| date.to_str().ok()).and_then(read);
    let Some(dated) = dated.filter(|_| answer.status().is_success()) else { return false };
    // somewhere between the question and the answer, and in the second that is told
    let halfway = SignedDuration::try_from(took / 2).unwrap_or_default();
    let here = asked.checked_add(halfway).unwrap_or(asked);
    let there = dated.checked_add(SignedDuration::from_millis(500)).unwrap_or(dated);
    let apart = here.duration_since(there).as_millis();
    // what is off by less than the answer took says nothing
    let limit = i128::from(APART) * 1_000 + i128::try_from(took.as_millis() / 2).unwrap_or(i128::MAX);
    if apart.abs() > limit {
        let off =
            i64::try_from(apart.div_euclid(1_000) + i128::from(apart.rem_euclid(1_000) >= 500)).unwrap_or(0);
        let ahead = time.correction().saturating_add(off);
        time.correct(ahead);
        tracing::warn!(
            ahead,
            "the clock differs by so many seconds from the API server's, whose time is taken"
        );
    }
    true
}

/// A date as HTTP writes it.
fn read(date: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Response, StatusCode};
    use rstest::rstest;

    use super::*;

    fn start() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    /// A server that answers with its date after so long, or fails.
    fn server(time: &Time, takes: Duration, code: StatusCode) -> Client {
        let time = time.clone();
        let service = tower::service_fn(move |_: Request<Body>| {
            let time = time.clone();
            async move {
                time.sleep(takes / 2).await;
                let date = time.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                time.sleep(takes / 2).await;
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = code;
                answer.headers_mut().insert(DATE, date.parse().unwrap());
                Ok::<_, Infallible>(answer)
            }
        });
        Client::new(service, "default")
    }

    #[rstest]
    #[case::they_agree(0, 0, 0)]
    #[case::a_little(2, 0, 0)]
    #[case::ahead(47, 0, 47)]
    #[case::behind(-600, 0, -600)]
    #[case::ahead_by_less_than_the_answer_took(4, 20, 0)]
    #[case::ahead_by_more_than_the_answer_took(60, 20, 60)]
    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_wrong_is_corrected_by_the_date_of_an_answer(
        #[case] ahead: i64,
        #[case] takes: u64,
        #[case] correction: i64,
    ) {
        let right = Time::paused(start());
        let client = server(&right, Duration::from_secs(takes), StatusCode::OK);
        let time = Time::paused(start() + SignedDuration::from_secs(ahead)).correctable();
        ask_first(&client, &time).await;
        assert!(
            (time.correction() - correction).abs() <= i64::from(correction != 0),
            "{}",
            time.correction()
        );
        let before = time.correction();
        ask_first(&client, &time).await;
        assert_eq!(time.correction(), before, "it stays so");
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_answer_the_own_clock_counts_and_three_tries_are_all() {
        let right = Time::paused(start());
        let client = server(&right, Duration::ZERO, StatusCode::SERVICE_UNAVAILABLE);
        let time = Time::paused(start() + Duration::from_secs(47)).correctable();
        ask_first(&client, &time).await;
        assert_eq!((time.correction(), time.elapsed()), (0, Duration::from_secs(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_goes_wrong_later_is_corrected_within_a_minute() {
        let right = Time::paused(start());
        let time = Time::paused(start()).correctable();
        let client = server(&right, Duration::ZERO, StatusCode::OK);
        ask_first(&client, &time).await;
        // as if it had been set wrong by this
        time.correct(-90);
        tokio::spawn(follow(client, time.clone()));
        right.sleep(Duration::from_secs(61)).await;
        assert!(time.correction().abs() <= 1, "{}", time.correction());
    }
}
