//! Three nodes of the service in one process, each with its routes, over one database.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use groupcache::ManualClock;
use groupcache::testing::Cluster;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::database::Database;
use super::groups::Groups;
use super::options::CacheOptions;
use super::routes;
use super::state::State;

struct Service {
    cluster: Cluster,
    /// By which values age.
    clock: ManualClock,
    nodes: Vec<(Arc<State>, Router)>,
    folder: TempDir,
}

impl Service {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.sqlite");
        let database = Database::open(&file, 4).await.unwrap();
        let clock = ManualClock::new();
        let of_nodes = clock.clone();
        let cluster = Cluster::builder(3)
            .configure(move |node| node.clock(of_nodes.clone()))
            .start()
            .await
            .unwrap();
        let options = CacheOptions {
            cache_bytes: 1 << 20,
            ttl: TTL,
            stale: STALE,
            load: Duration::from_secs(5),
        };
        let nodes = cluster.nodes().iter().map(|node| {
            let groups = Groups::build(node, &database, &options).unwrap();
            let state = Arc::new(State::new(node.clone(), groups, database.clone()));
            (Arc::clone(&state), routes::router(state))
        });
        let nodes = nodes.collect();
        Self {
            cluster,
            clock,
            nodes,
            folder,
        }
    }

    async fn ask(&self, node: usize, method: &str, path: &str, body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.nodes[node].1.clone().oneshot(request).await.unwrap();
        Answer::read(response).await
    }

    fn getter_calls(&self, group: &str) -> u64 {
        let groups = self.cluster.nodes().iter();
        let calls = groups.map(|node| node.find_group(group).unwrap().stats().getter_calls);
        calls.sum()
    }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    source: String,
    body: String,
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let source = head.headers.get("x-groupcache-source");
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: head.status,
            source: source
                .map_or("none", |source| source.to_str().unwrap())
                .to_owned(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

const TTL: Duration = Duration::from_secs(60);
const STALE: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn three_nodes_read_a_row_once_and_see_every_write() {
    let service = Service::start().await;
    for (group, path, first, second) in [
        (
            "users",
            "/users/1",
            json!({ "name": "Ada", "email": "ada@example.org" }),
            json!({ "name": "Ada Lovelace", "email": "ada@example.org" }),
        ),
        (
            "products",
            "/products/7",
            json!({ "name": "tea", "price_cents": 450, "in_stock": 3 }),
            json!({ "name": "tea", "price_cents": 500, "in_stock": 0 }),
        ),
        (
            "config",
            "/config/banner%20text",
            json!({ "text": "hello", "shown": true }),
            json!(["anything", 1, null]),
        ),
    ] {
        assert_eq!(service.ask(0, "GET", path, "").await.status, 404, "{path}");
        let mut calls = 1;
        for value in [first, second] {
            let answer = service.ask(2, "PUT", path, &value.to_string()).await;
            assert_eq!(answer.status, 204, "{path}: {answer:?}");
            for node in 0..3 {
                let answer = service.ask(node, "GET", path, "").await;
                assert_eq!(
                    (answer.status, answer.json()),
                    (StatusCode::OK, value.clone())
                );
            }
            calls += 1;
            assert_eq!(service.getter_calls(group), calls, "{path}");
        }
        assert_eq!(
            service.ask(1, "DELETE", path, "").await.status,
            204,
            "{path}"
        );
        for node in 0..3 {
            assert_eq!(
                service.ask(node, "GET", path, "").await.status,
                404,
                "{path}"
            );
        }
        assert_eq!(
            service.ask(1, "DELETE", path, "").await.status,
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn while_the_database_fails_what_was_read_before_is_still_answered() {
    let service = Service::start().await;
    let ada = json!({ "name": "Ada", "email": "ada@example.org" });
    for id in 0..9 {
        let path = format!("/users/{id}");
        service.ask(0, "PUT", &path, &ada.to_string()).await;
        assert_eq!(service.ask(0, "GET", &path, "").await.status, 200);
    }
    let file = service.folder.path().join("test.sqlite");
    let broken = rusqlite::Connection::open(file).unwrap();
    broken
        .execute_batch("ALTER TABLE users RENAME TO gone")
        .unwrap();
    service.clock.advance(TTL + STALE / 2);
    // Each node answers what it owns, and asks the owners for the rest.
    for id in 0..9 {
        for node in 0..3 {
            let answer = service.ask(node, "GET", &format!("/users/{id}"), "").await;
            assert_eq!(
                (answer.status, answer.json()),
                (StatusCode::OK, ada.clone())
            );
            assert!(["stale", "peer"].contains(&&*answer.source), "{answer:?}");
        }
    }
    service.clock.advance(STALE);
    let too_old = service.ask(0, "GET", "/users/0", "").await;
    assert_eq!(too_old.status, 502, "{too_old:?}");
    let unknown = service.ask(0, "GET", "/users/1000", "").await;
    assert_eq!(
        (unknown.status.as_u16(), &*unknown.body),
        (502, "getter failed")
    );
    let write = service.ask(0, "PUT", "/users/1", &ada.to_string()).await;
    assert_eq!(
        (write.status.as_u16(), &*write.body),
        (500, "the database has failed")
    );

    broken
        .execute_batch("ALTER TABLE gone RENAME TO users")
        .unwrap();
    assert_eq!(
        service
            .ask(0, "PUT", "/users/1", &ada.to_string())
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn a_write_that_a_node_could_not_be_told_of_is_accepted() {
    let service = Service::start().await;
    service.cluster.kill(2);
    let answer = service.ask(0, "PUT", "/config/on", "true").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(service.ask(1, "GET", "/config/on", "").await.body, "true");
}

#[tokio::test]
async fn a_write_goes_on_when_its_client_has_gone_away() {
    let service = Service::start().await;
    service.ask(0, "PUT", "/config/on", "true").await;
    assert_eq!(service.ask(1, "GET", "/config/on", "").await.body, "true");
    // Polled once, until it waits for the database, and dropped.
    tokio::select! {
        biased;
        answer = service.ask(0, "PUT", "/config/on", "false") => panic!("{answer:?}"),
        () = std::future::ready(()) => {}
    }
    let seen = async {
        while service.ask(1, "GET", "/config/on", "").await.body != "false" {
            tokio::task::yield_now().await;
        }
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, seen).await.unwrap();
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let service = Service::start().await;
    let long = format!("/config/{}", "x".repeat(201));
    for (method, path, body, status) in [
        ("GET", "/users/ada", "", 400),
        ("GET", "/users/-1", "", 400),
        ("PUT", "/users/1", "{", 400),
        ("PUT", "/users/1", "{\"name\": \"Ada\"}", 422),
        (
            "PUT",
            "/products/1",
            "{\"name\": \"tea\", \"price_cents\": -1}",
            422,
        ),
        (
            "PUT",
            "/products/1",
            "{\"name\": \"tea\", \"price_cents\": 1, \"colour\": 2}",
            422,
        ),
        ("PUT", &*long, "1", 400),
        ("POST", "/users/1", "{}", 405),
        ("GET", "/nothing", "", 404),
    ] {
        let answer = service.ask(0, method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_node_that_is_to_stop_is_not_ready_and_goes_on_answering() {
    let service = Service::start().await;
    assert_eq!(service.ask(0, "GET", "/readyz", "").await.status, 200);
    service.nodes[0].0.stop_being_ready();
    assert_eq!(service.ask(0, "GET", "/readyz", "").await.status, 503);
    assert_eq!(service.ask(0, "GET", "/healthz", "").await.status, 200);
    assert_eq!(
        service.ask(0, "PUT", "/config/on", "true").await.status,
        204
    );
    let stats = service.ask(0, "GET", "/stats", "").await.json();
    assert_eq!(stats["ready"], false);
    assert_eq!(stats["members"].as_array().unwrap().len(), 3);
    assert_eq!(stats["groups"]["config"]["gets"], 0);
    assert_eq!(service.ask(1, "GET", "/readyz", "").await.status, 200);
}
