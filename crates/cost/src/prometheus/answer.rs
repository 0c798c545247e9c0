//! Answers of the API, read as they come: one series is in memory at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// It is not what the API answers.
    #[error(
        "line {line}, column {column}: {problem}; expected {{\"status\": \"success\", \"data\": {{\"resultType\": \"matrix\", \"result\": [{{\"metric\": …, \"values\": …}}, …]}}}}"
    )]
    Malformed {
        /// Line, from 1 on.
        line: usize,
        /// Column, from 1 on.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// It broke off, or could not be read.
    #[error("the answer broke off: {0}")]
    Torn(String),
    /// The server says that it failed.
    #[error("the server refuses: {0}")]
    Refused(String),
}

/// A series of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Labels, the metric's name as `__name__` among them if the server tells it.
    pub labels: BTreeMap<String, String>,
    /// Seconds since 1970, and values.
    pub samples: Vec<(f64, f64)>,
}

/// Reads an answer and hands on its series; says what the server warns of.
pub fn read_answer(reader: impl Read, mut each: impl FnMut(Series)) -> Result<Vec<String>, AnswerError> {
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let mut told = Told::default();
    let read = AnswerSeed { each: &mut each, told: &mut told }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    if let Some(error) = told.error.take() {
        return Err(AnswerError::Refused(error));
    }
    read.map_err(|error| {
        if error.is_io() || error.is_eof() {
            return AnswerError::Torn(error.to_string());
        }
        let text = error.to_string();
        let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem).to_owned();
        AnswerError::Malformed { line: error.line(), column: error.column(), problem }
    })?;
    if !told.data {
        let problem = "no data".to_owned();
        return Err(AnswerError::Malformed { line: 1, column: 1, problem });
    }
    Ok(told.warnings)
}

/// What an answer says besides series.
#[derive(Default)]
struct Told {
    data: bool,
    error: Option<String>,
    warnings: Vec<String>,
}

struct AnswerSeed<'a> {
    each: &'a mut dyn FnMut(Series),
    told: &'a mut Told,
}

impl<'de> DeserializeSeed<'de> for AnswerSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnswerSeed<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an answer of Prometheus' API")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut status = String::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "status" => status = map.next_value()?,
                "error" => self.told.error = Some(map.next_value()?),
                "warnings" => {
                    self.told.warnings.extend(map.next_value::<Option<Vec<String>>>()?.into_iter().flatten())
                }
                "data" => {
                    self.told.data = map.next_value_seed(DataSeed { each: &mut *self.each })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if status == "error" && self.told.error.is_none() {
            self.told.error = Some("without a reason".to_owned());
        }
        Ok(())
    }
}

struct DataSeed<'a> {
    each: &'a mut dyn FnMut(Series),
}

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for DataSeed<'_> {
    /// Whether there was any.
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the data of an answer: resultType and result")
    }

    fn visit_none<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "result" => {
                    map.next_value_seed(ResultSeed { each: &mut *self.each })?;
                    found = true;
                }
                "resultType" => {
                    let kind: String = map.next_value()?;
                    if kind != "matrix" && kind != "vector" {
                        let problem = format!("the result is a {kind}, expected a matrix or a vector");
                        return Err(A::Error::custom(problem));
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

struct ResultSeed<'a> {
    each: &'a mut dyn FnMut(Series),
}

impl<'de> DeserializeSeed<'de> for ResultSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ResultSeed<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element::<Element>()? {
            let samples =
                element.values.into_iter().chain(element.value).map(|sample| (sample.0, sample.1.0));
            (self.each)(Series { labels: element.metric, samples: samples.collect() });
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Element {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<Sample>,
    #[serde(default)]
    value: Option<Sample>,
}

/// Seconds and value.
#[derive(Deserialize)]
struct Sample(f64, Number);

/// A number as the API writes it: in quotes.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a number in quotes")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                let number = match text {
                    "+Inf" => Ok(f64::INFINITY),
                    text => text.parse(),
                };
                number.map(Number).map_err(|_| E::custom(format!("\"{text}\" is no number")))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn read(text: &str) -> Result<Vec<Series>, AnswerError> {
        let mut found = Vec::new();
        read_answer(text.as_bytes(), |series| found.push(series)).map(|_| found)
    }

    #[test]
    fn series_come_one_by_one() {
        let text = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"up","job":"a"},"values":[[1700000000,"1"],[1700000060.5,"NaN"]]},
            {"metric":{},"value":[1,"+Inf"],"histograms":[]}]},"warnings":["w"]}"#;
        let series = read(text).unwrap();
        assert_eq!(series[0].labels["job"], "a");
        assert_eq!(series[0].samples[0], (1_700_000_000.0, 1.0));
        assert!(series[0].samples[1].1.is_nan());
        assert_eq!(series[1].samples, [(1.0, f64::INFINITY)]);
    }

    #[rstest]
    #[case(
        r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
        "the server refuses: parse error"
    )]
    #[case(r#"{"status":"error"}"#, "the server refuses: without a reason")]
    #[case(r#"{"status":"success"}"#, "no data")]
    #[case(
        "{\"status\":\"success\",\n\"data\":{\"result\":[{\"metric\":{},\"values\":[[1,\"x\"]]}]}}",
        "line 2, column 47: \"x\" is no number"
    )]
    #[case(
        r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#,
        "the result is a scalar"
    )]
    #[case(r#"{"status":"success","data":{"resu"#, "broke off")]
    #[case("<html>", "line 1, column 1: expected value")]
    fn what_is_no_answer_is_refused_with_its_place(#[case] text: &str, #[case] problem: &str) {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }

    proptest! {
        #[test]
        fn nonsense_never_panics(text in ".{0,200}") {
            let _ = read(&text);
        }

        #[test]
        fn an_answer_cut_anywhere_is_refused(cut in 0usize..90) {
            let text = r#"{"status":"success","data":{"result":[{"metric":{"a":"b"},"values":[[1,"2"],[3,"4"]]}]}}"#;
            prop_assert!(read(&text[..cut.min(text.len() - 1)]).is_err());
        }
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let text = format!("{{\"status\":{}", "[".repeat(200_000));
        assert!(read(&text).is_err());
    }
}
