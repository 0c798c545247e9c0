//! The date that answers carry, written once a second.

use std::sync::{Mutex, PoisonError};

use http::HeaderValue;
use jiff::Timestamp;

/// The date as it was written last.
#[derive(Debug)]
pub(crate) struct Date(Mutex<(i64, HeaderValue)>);

impl Default for Date {
    fn default() -> Self {
        Self(Mutex::new((i64::MIN, HeaderValue::from_static(""))))
    }
}

impl Date {
    /// A time as HTTP writes it (RFC 9110 section 5.6.7).
    pub fn at(&self, time: Timestamp) -> HeaderValue {
        // a date is written whole or not at all
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.0 != time.as_second() {
            let text = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            if let Ok(value) = HeaderValue::try_from(text) {
                *written = (time.as_second(), value);
            }
        }
        written.1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_http_and_follows_the_time_in_both_directions() {
        let date = Date::default();
        let at = |second| date.at(Timestamp::from_second(second).unwrap());
        assert_eq!(at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(784_111_778), "Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
