use std::sync::Arc;

use http::Method;
use tokio::task::JoinSet;

use crate::BoxError;
use crate::client::Client;
use crate::escape::escape;

/// What is in the database: `user:1`, `user:2` and so on, each with a value of its own.
#[derive(Debug)]
pub(super) struct Rows {
    keys: Vec<String>,
    value_bytes: usize,
}

/// Writers at once while the rows are written.
const WRITERS: usize = 16;

impl Rows {
    pub(super) fn new(count: usize, value_bytes: usize) -> Self {
        Self {
            keys: (1..=count).map(|number| format!("user:{number}")).collect(),
            value_bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn key(&self, row: usize) -> &str {
        &self.keys[row]
    }

    /// The value of a row: its key over and over, so that a mix-up shows.
    pub(super) fn value(&self, row: usize) -> Vec<u8> {
        let unit = format!("{} ", self.keys[row]);
        unit.bytes().cycle().take(self.value_bytes).collect()
    }

    /// Puts all rows into the database.
    pub(super) async fn write_to(
        self: &Arc<Self>,
        client: &Client,
        database: &str,
    ) -> Result<(), BoxError> {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (rows, client) = (Arc::clone(self), client.clone());
            let database = database.to_owned();
            writers.spawn(async move {
                for row in (writer..rows.len()).step_by(WRITERS) {
                    let url = format!("{database}/kv/{}", escape(rows.key(row).as_bytes()));
                    client.send_ok(Method::PUT, &url, rows.value(row)).await?;
                }
                Ok::<_, BoxError>(())
            });
        }
        while let Some(done) = writers.join_next().await {
            done??;
        }
        Ok(())
    }
}
