//! A web service with a cache that its nodes share: axum, a pool of connections to a database whose
//! driver blocks, `anyhow` for errors, and JSON in a typed group.
//!
//! ```text
//! service 127.0.0.1:8001 http://127.0.0.1:8001,http://127.0.0.1:8002 users.sqlite
//! service 127.0.0.1:8002 http://127.0.0.1:8001,http://127.0.0.1:8002 users.sqlite
//!
//! curl -X PUT -d Ada http://127.0.0.1:8001/users/1
//! curl http://127.0.0.1:8002/users/1
//! ```

use std::time::Duration;

use anyhow::Context;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json as Body, Router};
use deadpool::unmanaged::Pool;
use groupcache::{Error, Json, Key, Member, Node, NotFound, TypedGetter, TypedGroup};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, peers, file] = &args[..] else {
        anyhow::bail!("usage: service ADDRESS URL,URL,... FILE");
    };
    let database = Database::open(file, 4)?;
    let listener = TcpListener::bind(address).await?;
    let node = Node::builder(format!("http://{}", listener.local_addr()?))
        .peers(Member::list(peers)?)
        .start()
        .await?;
    let users = node
        .typed_group("users", 16 << 20, Json, users_in(database.clone()))
        .ttl(Duration::from_secs(300))
        .build()?;

    // Users and peers share the port: the node answers every request that is not for `/users`.
    let app = app(App { database, users }).fallback_service(node.service());
    axum::serve(listener, app).await?;
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u32,
    name: String,
}

#[derive(Clone)]
struct App {
    database: Database,
    users: TypedGroup<User>,
}

fn app(app: App) -> Router {
    Router::new()
        .route("/users/{id}", get(read).put(rename))
        .with_state(app)
}

/// From the cache. An id that does not exist is a 404.
async fn read(State(app): State<App>, Path(id): Path<u32>) -> Result<Body<User>, Error> {
    app.users.get(Key::from(id)).await.map(Body)
}

/// To the database, and out of the cache of every node.
async fn rename(
    State(app): State<App>,
    Path(id): Path<u32>,
    name: String,
) -> Result<StatusCode, StatusCode> {
    let changed = async {
        app.database.write(User { id, name }).await?;
        app.users.remove(Key::from(id)).await?;
        anyhow::Ok(())
    };
    match changed.await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => {
            eprintln!("user {id} was not renamed everywhere: {error:#}");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// The getter of the group: a closure that takes a clone of the pool along.
fn users_in(database: Database) -> impl TypedGetter<User> + Clone {
    move |key: Key| {
        let database = database.clone();
        async move { database.read(key.parse()?).await }
    }
}

/// A few connections to one SQLite file. Clones share them.
#[derive(Clone)]
struct Database(Pool<Connection>);

impl Database {
    fn open(file: &str, connections: usize) -> anyhow::Result<Self> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(file)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.execute(
                "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
                [],
            )?;
            Ok(connection)
        };
        let connections: Result<Vec<_>, _> = (0..connections).map(|_| open()).collect();
        let connections = connections.with_context(|| format!("opening {file}"))?;
        Ok(Self(Pool::from(connections)))
    }

    async fn read(&self, id: u32) -> anyhow::Result<User> {
        let connection = self.0.get().await?;
        // SQLite blocks its thread.
        let name = spawn_blocking(move || {
            let query = "SELECT name FROM users WHERE id = ?1";
            connection
                .query_row(query, [id], |row| row.get(0))
                .optional()
        });
        let name: Option<String> = name.await?.context("reading a user")?;
        Ok(User {
            id,
            name: name.ok_or(NotFound)?,
        })
    }

    async fn write(&self, user: User) -> anyhow::Result<()> {
        let connection = self.0.get().await?;
        let written = spawn_blocking(move || {
            let statement = "INSERT OR REPLACE INTO users (id, name) VALUES (?1, ?2)";
            connection.execute(statement, (user.id, user.name))
        });
        written.await?.context("writing a user")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use groupcache::Stats;
    use groupcache::testing::Cluster;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(app: &Router, method: &str, path: &str, body: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn three_nodes_read_a_user_once_and_see_its_new_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.sqlite");
        let database = Database::open(file.to_str().unwrap(), 4).unwrap();
        let cluster = Cluster::start(3).await.unwrap();
        let users = cluster
            .typed_group("users", 1 << 20, Json, users_in(database.clone()))
            .unwrap();
        let apps = users.iter().map(|users| {
            let (users, database) = (users.clone(), database.clone());
            app(App { database, users })
        });
        let apps: Vec<Router> = apps.collect();
        let reads = || {
            users
                .iter()
                .map(TypedGroup::stats)
                .sum::<Stats>()
                .getter_calls
        };

        let not_found = (StatusCode::NOT_FOUND, "not found".to_owned());
        assert_eq!(ask(&apps[0], "GET", "/users/1", "").await, not_found);
        for (calls, name) in [(2, "Ada"), (3, "Ada Lovelace")] {
            let (status, _) = ask(&apps[0], "PUT", "/users/1", name).await;
            assert_eq!(status, StatusCode::NO_CONTENT);
            for app in &apps {
                let json = format!(r#"{{"id":1,"name":"{name}"}}"#);
                let answer = ask(app, "GET", "/users/1", "").await;
                assert_eq!(answer, (StatusCode::OK, json));
            }
            assert_eq!(reads(), calls);
        }
        cluster.shutdown().await;
    }
}
