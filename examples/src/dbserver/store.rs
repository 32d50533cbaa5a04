use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};

use crate::BoxError;

/// The table of keys and values, any bytes both.
#[derive(Clone)]
pub(super) struct Store(Arc<Mutex<Connection>>);

impl Store {
    /// Opens the file, or a database in memory.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, BoxError> {
        let open = || {
            let connection = match file {
                Some(file) => Connection::open(file)?,
                None => Connection::open_in_memory()?,
            };
            // The write-ahead log spares a sync per write; a crash of the machine may cost the
            // newest writes, and not the file.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(
                "CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB NOT NULL)",
            )?;
            Ok(connection)
        };
        match open() {
            Ok(connection) => Ok(Self(Arc::new(Mutex::new(connection)))),
            Err::<_, rusqlite::Error>(error) => {
                let file = file.map_or("memory".into(), Path::to_string_lossy);
                Err(format!("cannot open the database in {file}: {error}").into())
            }
        }
    }

    pub(super) async fn get(&self, key: Vec<u8>) -> Result<Option<Vec<u8>>, BoxError> {
        self.with(move |connection| {
            connection
                .prepare_cached("SELECT value FROM kv WHERE key = ?1")?
                .query_row([key], |row| row.get(0))
                .optional()
        })
        .await
    }

    pub(super) async fn put(&self, key: Vec<u8>, value: Bytes) -> Result<(), BoxError> {
        self.with(move |connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO kv (key, value) VALUES (?1, ?2)")?
                .execute(params![key, &value[..]])
                .map(drop)
        })
        .await
    }

    /// Says whether the key was there.
    pub(super) async fn delete(&self, key: Vec<u8>) -> Result<bool, BoxError> {
        self.with(move |connection| {
            connection
                .prepare_cached("DELETE FROM kv WHERE key = ?1")?
                .execute([key])
                .map(|rows| rows > 0)
        })
        .await
    }

    /// SQLite blocks, so it runs on a thread where that is allowed.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BoxError> {
        let connection = Arc::clone(&self.0);
        Ok(tokio::task::spawn_blocking(move || work(&connection.lock())).await??)
    }
}
