//! Members from a scripted API server of Kubernetes; and from a real one, where there is one:
//!
//! ```sh
//! (cd peers/tests/kube-apiserver && go build -o /tmp/kube-apiserver .)      # takes minutes
//! GROUPCACHE_KUBE_APISERVER=/tmp/kube-apiserver \
//!     cargo test -p groupcache-peers --all-features --test sources -- --ignored real_api_server
//! ```

use std::time::Duration;

use peers::kube::{Client, Config};
use peers::{Discovery as _, Kubernetes, KubernetesOptions, KubernetesPort};
use serde_json::{Value, json};

use crate::support::{ApiServer, KubeApiserver, Source, next, next_error, stays_silent, until};

fn source(server: &ApiServer) -> Source<Kubernetes> {
    let client = Client::try_from(Config::new(server.url().parse().unwrap())).unwrap();
    let source = Kubernetes::new("prod", "cache", KubernetesOptions::default()).unwrap();
    Source::of(source.with_client(client))
}

/// A slice with pods: the number in their names and addresses, and whether they are ready.
fn slice(pods: &[(u8, bool)]) -> Value {
    let endpoints = pods.iter().map(|(number, is_ready)| {
        json!({
            "addresses": [format!("10.0.0.{number}")],
            "conditions": {"ready": is_ready, "serving": is_ready, "terminating": false},
            "targetRef": {"kind": "Pod", "name": format!("pod-{number}"), "namespace": "prod"},
        })
    });
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"namespace": "prod", "labels": {"kubernetes.io/service-name": "cache"}},
        "addressType": "IPv4",
        "ports": [{"name": "peers", "port": 8080, "protocol": "TCP"}],
        "endpoints": endpoints.collect::<Vec<_>>(),
    })
}

fn pods(numbers: &[u8]) -> Vec<String> {
    let text = |number: &u8| format!("pod-{number}=http://10.0.0.{number}:8080");
    numbers.iter().map(text).collect()
}

#[tokio::test]
async fn members_are_the_ready_pods_of_all_slices() {
    let server = ApiServer::start().await;
    server.put("a", slice(&[(1, true), (2, true)]));
    server.put("b", slice(&[(3, true), (4, false)]));
    let mut source = source(&server);
    assert_eq!(next(&mut source).await, pods(&[1, 2, 3]));

    server.put("b", slice(&[(3, true), (4, true)])); // becomes ready
    assert_eq!(next(&mut source).await, pods(&[1, 2, 3, 4]));
    server.put("a", slice(&[(1, false), (2, true)])); // fails its probe
    assert_eq!(next(&mut source).await, pods(&[2, 3, 4]));
    let mut leaving = slice(&[(2, true)]);
    leaving["endpoints"][0]["conditions"] =
        json!({"ready": false, "serving": true, "terminating": true});
    server.put("a", leaving); // is told to end
    assert_eq!(next(&mut source).await, pods(&[3, 4]));
    server.put("c", slice(&[(5, true)]));
    assert_eq!(next(&mut source).await, pods(&[3, 4, 5]));
    server.delete("b");
    assert_eq!(next(&mut source).await, pods(&[5]));
    server.delete("c"); // empty is the caller's business
    assert_eq!(next(&mut source).await, pods(&[]));
}

#[tokio::test]
async fn a_pod_that_comes_back_elsewhere_keeps_its_id() {
    let server = ApiServer::start().await;
    server.put("a", slice(&[(1, true), (2, true)]));
    let mut source = source(&server);
    assert_eq!(next(&mut source).await, pods(&[1, 2]));
    let mut moved = slice(&[(1, true), (2, true)]);
    moved["endpoints"][1]["addresses"] = json!(["10.0.0.22"]);
    server.put("a", moved);
    let moved = "pod-2=http://10.0.0.22:8080".to_owned();
    assert_eq!(next(&mut source).await, [pods(&[1])[0].clone(), moved]);
}

#[tokio::test]
async fn what_changes_no_member_is_not_told() {
    let server = ApiServer::start().await;
    server.put("a", slice(&[(1, true), (2, false)]));
    let mut source = source(&server);
    assert_eq!(next(&mut source).await, pods(&[1]));
    server.put("a", slice(&[(2, false), (1, true)]));
    server.put("b", slice(&[(1, true)]));
    server.bookmark();
    server.delete("b");
    stays_silent(&mut source, Duration::from_millis(300)).await;
    server.put("a", slice(&[(1, true), (2, true)]));
    assert_eq!(next(&mut source).await, pods(&[1, 2]));
}

#[tokio::test]
async fn a_watch_that_ends_goes_on_from_the_bookmark() {
    let server = ApiServer::start().await;
    server.put("a", slice(&[(1, true)]));
    let mut source = source(&server);
    assert_eq!(next(&mut source).await, pods(&[1]));
    let waiting = tokio::spawn(async move {
        let told = next(&mut source).await;
        (source, told)
    });
    server.asked(0, "watch=true").await;
    let version = server.bookmark();
    let seen = server.requests().len();
    server.end_watches();
    server
        .asked(seen, &format!("resourceVersion={version}"))
        .await;
    server.put("a", slice(&[(1, true), (2, true)]));
    let (mut source, told) = waiting.await.unwrap();
    assert_eq!(told, pods(&[1, 2]));

    // And that before a broken connection too: nothing is listed again.
    let seen = server.requests().len();
    server.cut_watches();
    server.put("a", slice(&[(2, true)]));
    until(&mut source, &["pod-2=http://10.0.0.2:8080"]).await;
    let requests = server.requests();
    assert!(
        requests[seen..].iter().all(|it| it.contains("watch=true")),
        "{requests:?}"
    );
    let lists = requests
        .iter()
        .filter(|it| !it.contains("watch=true"))
        .count();
    assert_eq!(lists, 1, "{requests:?}");
}

#[tokio::test]
async fn versions_that_are_gone_cost_another_list() {
    let server = ApiServer::start().await;
    server.put("a", slice(&[(1, true)]));
    server.put("b", slice(&[(2, true)]));
    let mut source = source(&server);
    assert_eq!(next(&mut source).await, pods(&[1, 2]));

    let waiting = tokio::spawn(async move {
        let told = next(&mut source).await;
        (source, told)
    });
    server.asked(0, "watch=true").await;
    // No watch sees these before it ends, as nothing runs between them.
    server.delete("b");
    server.put("c", slice(&[(3, true)]));
    server.compact();
    server.end_watches();
    let (mut source, told) = waiting.await.unwrap();
    assert_eq!(told, pods(&[1, 3]));
    server.put("b", slice(&[(2, true)]));
    assert_eq!(next(&mut source).await, pods(&[1, 2, 3]));
    let requests = server.requests();
    let lists = requests
        .iter()
        .filter(|it| !it.contains("watch=true"))
        .count();
    assert_eq!(lists, 2, "{requests:?}");
}

#[tokio::test]
async fn a_server_that_lists_but_refuses_each_watch_is_an_error_again_and_again() {
    let server = ApiServer::start().await;
    server.put("a", slice(&[(1, true)]));
    server.refuse_watches();
    let mut source = source(&server);
    for asked in [4, 6, 8] {
        assert_eq!(next(&mut source).await, pods(&[1]));
        assert!(next_error(&mut source).await.is_discovery());
        // The first refused watch costs another list; then the caller decides when to ask again.
        assert_eq!(server.requests().len(), asked);
    }
    server.accept_watches();
    server.put("a", slice(&[(1, true), (2, true)]));
    assert_eq!(next(&mut source).await, pods(&[1, 2]));
}

#[tokio::test]
async fn watches_that_end_at_once_are_begun_again_at_a_pace() {
    let server = ApiServer::start().await;
    server.put("a", slice(&[(1, true)]));
    let mut source = source(&server);
    assert_eq!(next(&mut source).await, pods(&[1]));
    server.end_watches_at_once(true);
    stays_silent(&mut source, Duration::from_secs(3)).await;
    // Pauses of 0.1 s, 0.2 s, 0.4 s and so on, of which chance takes up to half off.
    let asked = server.requests().len();
    assert!((4..16).contains(&asked), "{asked}");
    server.put("a", slice(&[(1, true), (2, true)]));
    server.end_watches_at_once(false);
    assert_eq!(next(&mut source).await, pods(&[1, 2]));
}

#[tokio::test]
async fn a_watch_is_renewed_before_it_could_be_dead() {
    let server = ApiServer::start().await;
    server.put("a", slice(&[(1, true)]));
    let mut source = source(&server);
    assert_eq!(next(&mut source).await, pods(&[1]));
    stays_silent(&mut source, Duration::from_millis(100)).await;
    server.asked(0, "timeoutSeconds=20").await;
}

#[tokio::test]
async fn while_the_server_is_down_there_are_errors_and_then_the_changes() {
    let server = ApiServer::start().await;
    server.put("a", slice(&[(1, true), (2, true)]));
    let mut source = source(&server);
    assert_eq!(next(&mut source).await, pods(&[1, 2]));
    server.go_down();
    for _ in 0..3 {
        let error = next_error(&mut source).await;
        assert!(error.is_discovery());
        assert!(error.to_string().contains("prod/cache"), "{error}");
    }
    server.put("a", slice(&[(1, true), (2, true), (3, true)]));
    server.come_back();
    let three = pods(&[1, 2, 3]);
    until(
        &mut source,
        &three.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
}

#[tokio::test]
async fn a_server_that_is_down_at_first_is_an_error() {
    let server = ApiServer::start().await;
    server.go_down();
    let mut source = source(&server);
    assert!(next_error(&mut source).await.is_discovery());
    server.put("a", slice(&[(1, true)]));
    server.come_back();
    until(&mut source, &["pod-1=http://10.0.0.1:8080"]).await;
}

#[tokio::test]
async fn a_service_with_several_ports_needs_a_choice() {
    let server = ApiServer::start().await;
    let mut two = slice(&[(1, true)]);
    two["ports"] = json!([{"name": "web", "port": 80}, {"name": "peers", "port": 9000}]);
    server.put("a", two);
    let error = next_error(&mut source(&server)).await;
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(reason.contains("web, peers"), "{reason}");

    let options = KubernetesOptions::default().port(KubernetesPort::Name("peers".into()));
    let client = Client::try_from(Config::new(server.url().parse().unwrap())).unwrap();
    let chosen = Kubernetes::new("prod", "cache", options).unwrap();
    let mut chosen = Source::of(chosen.with_client(client));
    assert_eq!(next(&mut chosen).await, ["pod-1=http://10.0.0.1:9000"]);
    // Nobody but Kubernetes announces.
    let this = "pod-9=http://10.0.0.9:9000".parse().unwrap();
    chosen.discovery.join(&this).await.unwrap();
    chosen.discovery.leave(&this).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a kube-apiserver, see above"]
async fn a_real_api_server_tells_the_ready_pods_also_after_it_was_killed() {
    let mut server = KubeApiserver::start().await;
    let three = [(1, true), (2, true), (3, true)];
    server.put("a", slice(&three)).await;
    let source = Kubernetes::new("prod", "cache", KubernetesOptions::default()).unwrap();
    let mut source = Source::of(source.with_client(server.client()));
    assert_eq!(next(&mut source).await, pods(&[1, 2, 3]));

    server.put("b", slice(&[(4, true)])).await; // a fourth joins
    assert_eq!(next(&mut source).await, pods(&[1, 2, 3, 4]));
    server
        .put("a", slice(&[(1, true), (2, false), (3, true)]))
        .await; // one dies
    assert_eq!(next(&mut source).await, pods(&[1, 3, 4]));
    server.delete("b").await; // one leaves
    assert_eq!(next(&mut source).await, pods(&[1, 3]));

    server.restart().await;
    server.put("c", slice(&[(5, true)])).await;
    let expected = pods(&[1, 3, 5]);
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    until(&mut source, &expected).await;
}
