//! The page of the manual about the API is true: every example is asked, and answered as it says. With `UPDATE_DOCS=1` the
//! page is corrected instead.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::Method;
use serde_json::Value;
use supercargo_cost::http::router;

use crate::asking::{evening, get, send};

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cost-api.md")
}

/// The words of a command line; single quotes keep what is between them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for letter in line.chars() {
        match letter {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// What `curl` sends.
#[derive(Default)]
struct Sent {
    path: String,
    form: Vec<(String, String)>,
    in_query: bool,
    post: bool,
}

impl Sent {
    fn read(words: &[String]) -> Sent {
        let mut sent = Sent::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-s" => {}
                "-G" => sent.in_query = true,
                "-X" => sent.post = words.next().unwrap() == "POST",
                "-d" | "--data-urlencode" => {
                    let (name, value) = words.next().unwrap().split_once('=').unwrap();
                    sent.form.push((name.to_owned(), value.to_owned()));
                }
                url => sent.path = url.strip_prefix("localhost:9003").unwrap().to_owned(),
            }
        }
        sent
    }

    async fn answer(self, router: &Router) -> String {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish();
        if self.in_query {
            return send(router, Method::GET, &format!("{}?{form}", self.path), None).await.1;
        }
        let posted = self.post || !self.form.is_empty();
        let (method, form) = if posted { (Method::POST, Some(form)) } else { (Method::GET, None) };
        send(router, method, &self.path, form.as_deref()).await.1
    }
}

/// What `jq` shows of a document: a path, and then perhaps its keys.
fn shown(document: &str, filter: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap_or_else(|_| panic!("no JSON: {document}"));
    let (path, keys) = match filter.split_once(" | ") {
        Some((path, "keys")) => (path, true),
        Some((_, other)) => panic!("unknown: {other}"),
        None => (filter, false),
    };
    let pointer = path.trim_start_matches('.').replace(['.', '['], "/").replace(']', "");
    let pointer = if pointer.is_empty() { String::new() } else { format!("/{pointer}") };
    let value = document.pointer(&pointer).unwrap_or(&Value::Null);
    let value = match (keys, value) {
        (true, Value::Object(fields)) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            serde_json::json!(names)
        }
        (_, value) => value.clone(),
    };
    serde_json::to_string_pretty(&value).unwrap()
}

/// What a line of an example prints.
async fn said(router: &Router, line: &str) -> String {
    let (curl, rest) = match line.split_once(" | ") {
        Some((curl, rest)) if !curl.matches('\'').count().is_multiple_of(2) => {
            let (more, rest) = rest.split_once("' | ").unwrap();
            (format!("{curl} | {more}'"), Some(rest))
        }
        Some((curl, rest)) => (curl.to_owned(), Some(rest)),
        None => (line.to_owned(), None),
    };
    let answer = Sent::read(&words(&curl)[1..]).answer(router).await;
    let tail = rest.map(words).unwrap_or_default();
    match tail.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => answer.replace("\r\n", "\n").trim_end().to_owned(),
        ["jq", filter] => shown(&answer, filter),
        ["grep", "-c", text] => answer.lines().filter(|line| line.contains(text)).count().to_string(),
        other => panic!("unknown: {other:?}"),
    }
}

#[tokio::test]
async fn the_manual_says_what_the_api_says() {
    let router = router(evening());
    let text = std::fs::read_to_string(page()).unwrap();
    let (mut fresh, mut inside, mut examples) = (String::new(), false, 0);
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ curl ")) {
            let said = said(&router, &format!("curl {command}")).await;
            let _ = writeln!(fresh, "{line}\n{said}");
            examples += 1;
            continue;
        } else if inside {
            continue;
        }
        let _ = writeln!(fresh, "{line}");
    }
    assert!(examples > 30);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page(), fresh).unwrap();
    } else {
        assert!(
            fresh == text,
            "docs/cost-api.md is not what the API says; UPDATE_DOCS=1 corrects it:\n{fresh}"
        );
    }
    let (_, document) = get(&router, "/openapi.json").await;
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("`{path}`")), "{path} is not on the page");
        let asked = text
            .lines()
            .any(|line| line.starts_with("$ curl ") && line.contains(&format!("localhost:9003{path}")));
        let same =
            ["/allocation/compute/summary", "/efficiency/clusters/summary", "/healthz", "/openapi.json"];
        assert!(asked || same.contains(&path.as_str()), "{path} has no example");
    }
}
