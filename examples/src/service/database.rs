use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use deadpool::unmanaged::Pool;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use tokio::task::spawn_blocking;

use super::model::{Product, Setting, User};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS products (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, price_cents INTEGER NOT NULL, in_stock INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS config (name TEXT PRIMARY KEY, value TEXT NOT NULL);
";

/// How long a statement waits for another one that locks the file.
const BUSY: Duration = Duration::from_secs(5);

/// A few connections to one SQLite file. Clones share them.
#[derive(Clone)]
pub(super) struct Database(Pool<Connection>);

impl Database {
    /// Opens the file, and makes the tables that are not there.
    pub(super) async fn open(file: &Path, connections: u16) -> anyhow::Result<Self> {
        let path = file.to_owned();
        let opened = spawn_blocking(move || (0..connections).map(|_| connect(&path)).collect());
        let connections: rusqlite::Result<Vec<_>> = opened.await?;
        let connections = connections.with_context(|| format!("cannot open {}", file.display()))?;
        Ok(Self(Pool::from(connections)))
    }

    pub(super) async fn user(&self, id: u32) -> anyhow::Result<Option<User>> {
        self.run(move |connection| {
            connection
                .prepare_cached("SELECT name, email FROM users WHERE id = ?1")?
                .query_row([id], |row| {
                    Ok(User {
                        name: row.get(0)?,
                        email: row.get(1)?,
                    })
                })
                .optional()
        })
        .await
    }

    pub(super) async fn put_user(&self, id: u32, user: User) -> anyhow::Result<()> {
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO users (id, name, email) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![id, user.name, user.email])
        })
        .await?;
        Ok(())
    }

    /// Says whether there was one.
    pub(super) async fn delete_user(&self, id: u32) -> anyhow::Result<bool> {
        let rows =
            self.run(move |connection| connection.execute("DELETE FROM users WHERE id = ?1", [id]));
        Ok(rows.await? > 0)
    }

    pub(super) async fn product(&self, id: u32) -> anyhow::Result<Option<Product>> {
        self.run(move |connection| {
            connection
                .prepare_cached("SELECT name, price_cents, in_stock FROM products WHERE id = ?1")?
                .query_row([id], |row| {
                    Ok(Product {
                        name: row.get(0)?,
                        price_cents: row.get(1)?,
                        in_stock: row.get(2)?,
                    })
                })
                .optional()
        })
        .await
    }

    pub(super) async fn put_product(&self, id: u32, product: Product) -> anyhow::Result<()> {
        let Product {
            name,
            price_cents,
            in_stock,
        } = product;
        self.run(move |connection| {
            let statement = "INSERT OR REPLACE INTO products (id, name, price_cents, in_stock)
                VALUES (?1, ?2, ?3, ?4)";
            connection
                .prepare_cached(statement)?
                .execute(params![id, name, price_cents, in_stock])
        })
        .await?;
        Ok(())
    }

    /// Says whether there was one.
    pub(super) async fn delete_product(&self, id: u32) -> anyhow::Result<bool> {
        let rows = self
            .run(move |connection| connection.execute("DELETE FROM products WHERE id = ?1", [id]));
        Ok(rows.await? > 0)
    }

    pub(super) async fn setting(&self, name: String) -> anyhow::Result<Option<Setting>> {
        let json: Option<String> = self
            .run(move |connection| {
                connection
                    .prepare_cached("SELECT value FROM config WHERE name = ?1")?
                    .query_row([name], |row| row.get(0))
                    .optional()
            })
            .await?;
        Ok(json.as_deref().map(serde_json::from_str).transpose()?)
    }

    pub(super) async fn put_setting(&self, name: String, value: Setting) -> anyhow::Result<()> {
        self.run(move |connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO config (name, value) VALUES (?1, ?2)")?
                .execute(params![name, value.to_string()])
        })
        .await?;
        Ok(())
    }

    /// Says whether there was one.
    pub(super) async fn delete_setting(&self, name: String) -> anyhow::Result<bool> {
        let rows = self.run(move |connection| {
            connection.execute("DELETE FROM config WHERE name = ?1", [name])
        });
        Ok(rows.await? > 0)
    }

    /// SQLite blocks its thread, so it runs on one where that is allowed.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let connection = self.0.get().await?;
        let done = spawn_blocking(move || work(&connection)).await?;
        done.context("the database has failed")
    }
}

/// Nodes that start together wait for each other: SQLite itself does not wait where a file changes its journal mode.
fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let start = Instant::now();
    loop {
        match try_connect(file) {
            Err(error) if is_busy(&error) && start.elapsed() < BUSY => sleep(BUSY / 100),
            result => return result,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

fn try_connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    // Readers do not wait for a writer.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}
