//! A pipe between client and server that keeps what goes over it.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::io::{DuplexStream, duplex, split};

/// Room in each pipe.
const ROOM: usize = 256 * 1024;

/// The messages that went over the pipe, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<Json>>>);

impl Wire {
    /// The ends of the pipe: the client's, and the server's.
    pub(crate) fn new() -> (Self, DuplexStream, DuplexStream) {
        let wire = Self::default();
        let (client, near) = duplex(ROOM);
        let (far, server) = duplex(ROOM);
        let (from_client, to_client) = split(near);
        let (from_server, to_server) = split(far);
        tokio::spawn(wire.clone().relay(from_client, to_server));
        tokio::spawn(wire.clone().relay(from_server, to_client));
        (wire, client, server)
    }

    async fn relay(self, from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            // Kept before it arrives, so that whoever has the answer finds the question.
            let message = serde_json::from_str(&line).unwrap();
            self.keep(message);
            if to.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    }

    fn keep(&self, message: Json) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(message);
    }

    /// The messages with this method so far.
    pub(crate) fn all(&self, method: &str) -> Vec<Json> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().filter(|message| message["method"] == method);
        found.cloned().collect()
    }

    /// The only message with this method.
    #[track_caller]
    pub(crate) fn one(&self, method: &str) -> Json {
        match self.all(method).as_slice() {
            [one] => one.clone(),
            found => panic!("{} messages {method}: {found:?}", found.len()),
        }
    }

    /// The `_meta` of the only message with this method.
    #[track_caller]
    pub(crate) fn meta(&self, method: &str) -> Json {
        self.one(method)["params"]["_meta"].clone()
    }
}
