//! The body of a watch: a line of JSON for each event, made when the client takes it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::Stream;
use serde_json::{Value, json};
use tokio::time::{Instant, Sleep};

use super::answer::{metadata_only, to_json};
use super::call::Call;
use super::negotiate::Form;
use crate::selectors::Selection;
use crate::status::ApiError;
use crate::store::{Change, Draft, Event, Pull, Stored, Subscription};
use crate::tables::Columns;

/// How often a client that allows bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// What a watch sends before the first event.
pub(super) struct Beginning {
    /// The objects there are, sent as ADDED.
    pub objects: Vec<Arc<Stored>>,
    /// The revision of the beginning.
    pub revision: u64,
    /// Whether a bookmark says that these were all.
    pub ends_with_bookmark: bool,
}

/// A watch in progress.
pub(super) struct WatchStream {
    call: Call,
    selection: Selection,
    subscription: Subscription,
    initial: VecDeque<Arc<Stored>>,
    initial_bookmark: Option<u64>,
    columns: Option<Columns>,
    has_sent_columns: bool,
    bookmarks: Option<Pin<Box<Sleep>>>,
    last_bookmark: u64,
    end: Pin<Box<Sleep>>,
    is_over: bool,
}

/// About how much is put together before it is handed on.
const PIECE: usize = 64 << 10;

impl WatchStream {
    /// A watch that lasts so long.
    pub fn new(
        call: Call,
        selection: Selection,
        subscription: Subscription,
        beginning: Beginning,
        wants_bookmarks: bool,
        lasting: Duration,
    ) -> Self {
        let columns = (call.negotiated.form == Form::Table)
            .then(|| crate::tables::columns(&call.resource, &call.version.name));
        Self {
            selection,
            subscription,
            initial: beginning.objects.into(),
            initial_bookmark: beginning.ends_with_bookmark.then_some(beginning.revision),
            columns,
            has_sent_columns: false,
            bookmarks: wants_bookmarks.then(|| Box::pin(tokio::time::sleep(BOOKMARK_EVERY))),
            last_bookmark: beginning.revision,
            end: Box::pin(tokio::time::sleep(lasting)),
            is_over: false,
            call,
        }
    }

    fn write(&mut self, kind: &str, object: &Arc<Stored>, out: &mut BytesMut) {
        out.put_slice(b"{\"type\":\"");
        out.put_slice(kind.as_bytes());
        out.put_slice(b"\",\"object\":");
        match self.call.negotiated.form {
            Form::Object => self.call.put_json(object, out),
            Form::Metadata => out.put_slice(&to_json(&metadata_only(&object.value()))),
            Form::Table => {
                let value = self.call.in_version(object.value());
                out.put_slice(&to_json(&self.row(&value)));
            }
        }
        out.put_slice(b"}\n");
    }

    /// A table of one row. Only the first one names the columns.
    fn row(&mut self, object: &Value) -> Value {
        let Some(columns) = &self.columns else { return Value::Null };
        let row = crate::tables::row(columns, object, self.call.server.now(), self.call.include());
        let mut table = crate::tables::table(columns, vec![row]);
        table["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
        if self.has_sent_columns {
            table["columnDefinitions"] = Value::Null;
        }
        self.has_sent_columns = true;
        table
    }

    /// What an event means to this watch, which sees only what it selects.
    fn write_event(&mut self, event: &Event, out: &mut BytesMut) {
        if self.call.namespace().is_some_and(|namespace| event.object.namespace() != namespace) {
            return;
        }
        let is_selected = self.selection.matches(&event.object);
        let was_selected = event.previous.as_ref().is_some_and(|previous| self.selection.matches(previous));
        match (event.change, was_selected, is_selected) {
            (Change::Added, _, true) | (Change::Modified, false, true) => {
                self.write("ADDED", &event.object, out)
            }
            (Change::Modified, true, true) => self.write("MODIFIED", &event.object, out),
            (Change::Deleted, true, true) => self.write("DELETED", &event.object, out),
            // It was selected and is no more, so it goes as it was last seen.
            (Change::Modified | Change::Deleted, true, false) => {
                if let Some(previous) = &event.previous {
                    let mut last = previous.value();
                    let draft = Draft::whole(&mut last);
                    let last = Stored::new(previous.key.clone(), event.revision, draft, &[]);
                    self.write("DELETED", &Arc::new(last), out);
                }
            }
            _ => {}
        }
    }

    fn write_bookmark(&mut self, revision: u64, is_initial: bool, out: &mut BytesMut) {
        let mut object = json!({
            "kind": self.call.resource.kind,
            "apiVersion": self.call.api_version(),
            "metadata": { "resourceVersion": revision.to_string(), "creationTimestamp": null },
        });
        if is_initial {
            object["metadata"]["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = match self.call.negotiated.form {
            Form::Object => object,
            Form::Metadata => metadata_only(&object),
            Form::Table => self.row(&object),
        };
        self.last_bookmark = revision;
        out.put_slice(&to_json(&json!({ "type": "BOOKMARK", "object": object })));
        out.put_u8(b'\n');
    }
}

impl Stream for WatchStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        let mut out = BytesMut::new();
        while out.len() < PIECE {
            let Some(object) = this.initial.pop_front() else { break };
            this.write("ADDED", &object, &mut out);
        }
        if this.initial.is_empty()
            && let Some(revision) = this.initial_bookmark.take()
        {
            this.write_bookmark(revision, true, &mut out);
        }
        while this.initial.is_empty() && out.len() < PIECE {
            match this.subscription.poll(context) {
                Poll::Ready(Pull::Events(events)) => {
                    for event in &events {
                        this.write_event(event, &mut out);
                    }
                }
                Poll::Ready(Pull::TooOld { oldest }) => {
                    let error = ApiError::expired(format!(
                        "too old resource version: {} ({oldest})",
                        this.last_bookmark
                    ));
                    out.put_slice(&to_json(&json!({ "type": "ERROR", "object": *error.status })));
                    out.put_u8(b'\n');
                    this.is_over = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        if !out.is_empty() {
            return Poll::Ready(Some(Ok(out.freeze())));
        }
        let is_ending = this.end.as_mut().poll(context).is_ready();
        if let Some(timer) = &mut this.bookmarks
            && (timer.as_mut().poll(context).is_ready() || is_ending)
        {
            timer.as_mut().reset(Instant::now() + BOOKMARK_EVERY);
            let is_armed = timer.as_mut().poll(context).is_pending();
            debug_assert!(is_armed);
            let revision = this.subscription.caught_up_to();
            this.write_bookmark(revision, false, &mut out);
        }
        this.is_over = is_ending;
        match (out.is_empty(), is_ending) {
            (false, _) => Poll::Ready(Some(Ok(out.freeze()))),
            (true, true) => Poll::Ready(None),
            (true, false) => Poll::Pending,
        }
    }
}
