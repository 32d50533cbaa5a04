//! The metrics of the programs, and the dashboard and the alert rules with a real Prometheus that reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{FRONTEND, SERVICE, Server, frontends, is_installed};

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("observability")
        .join(file)
}

/// The samples of a text of metrics.
fn samples(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

/// The counters of a group in the metrics are those in its statistics.
fn assert_agree(metrics: &str, group: &str, stats: &Value) {
    let samples = samples(metrics);
    for (name, label, counter) in [
        ("gets_total", ",source=\"main\"", "main_hits"),
        ("gets_total", ",source=\"hot\"", "hot_hits"),
        ("gets_total", ",source=\"stale\"", "stale_hits"),
        ("gets_total", ",source=\"peer\"", "fetched"),
        ("gets_total", ",source=\"origin\"", "loaded"),
        ("gets_total", ",source=\"not_found\"", "not_found"),
        ("gets_total", ",source=\"failed\"", "failed"),
        ("peer_gets_total", "", "peer_gets"),
        ("peer_errors_total", "", "peer_errors"),
        ("getter_calls_total", "", "getter_calls"),
        ("undecodable_values_total", "", "undecodable"),
        ("evictions_total", ",cause=\"made_room\"", "evictions"),
        ("evictions_total", ",cause=\"expired\"", "expirations"),
        ("evictions_total", ",cause=\"too_large\"", "too_large"),
        ("used_bytes", ",cache=\"hot\"", "hot_bytes"),
    ] {
        let name = format!("groupcache_{name}{{group=\"{group}\"{label}}}");
        assert_eq!(samples[&name], stats[counter].as_f64().unwrap(), "{name}");
    }
    for (name, total) in [("used_bytes", "bytes"), ("entries", "entries")] {
        let part = |cache: &str| {
            samples[&format!("groupcache_{name}{{group=\"{group}\",cache=\"{cache}\"}}")]
        };
        let sum = part("main") + part("hot");
        assert_eq!(sum, stats[total].as_f64().unwrap(), "{name}");
    }
    let gets = samples
        .iter()
        .filter(|(name, _)| name.starts_with(&format!("groupcache_gets_total{{group=\"{group}\"")))
        .map(|(_, gets)| gets);
    assert_eq!(gets.sum::<f64>(), stats["gets"].as_f64().unwrap());
}

#[test]
fn the_metrics_of_a_frontend_are_its_stats() {
    let nodes = frontends(3, &["--cache-bytes", "32768", "--group", "g"]);
    for n in 0..300 {
        for key in [
            format!("size:300:{n}"),
            format!("missing:{}", n % 7),
            format!("err:{}", n % 5),
        ] {
            nodes[n % 3].get(&format!("/api/get?key={key}"));
        }
    }
    for node in &nodes {
        let answer = node.get("/metrics");
        assert_eq!(
            answer.header("content-type"),
            Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
        );
        let stats = node.json("/api/stats");
        for counter in ["gets", "fetched", "not_found", "failed", "evictions"] {
            assert!(stats[counter].as_u64() > Some(0), "{counter} in {stats}");
        }
        assert_agree(&answer.body, "g", &stats);
    }
}

#[test]
fn the_metrics_of_the_service_are_its_stats() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(SERVICE);
    command.env("SERVICE_DATABASE", folder.path().join("test.sqlite"));
    let node = Server::start_with(&mut command, &[]);
    for id in 0..10 {
        node.get(&format!("/users/{}", id % 3));
        node.get(&format!("/config/{id}"));
    }
    let metrics = node.get("/metrics").body;
    let stats = node.json("/stats");
    for group in ["users", "products", "config"] {
        assert_agree(&metrics, group, &stats["groups"][group]);
    }
}

/// A Prometheus on a free port; killed when dropped.
struct Prometheus {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Prometheus {
    /// Reads these nodes every second, and evaluates the alert rules as often.
    fn start(nodes: &[Server]) -> Self {
        let folder = TempDir::new().unwrap();
        let targets: Vec<String> = nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port()))
            .collect();
        // JSON is YAML.
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [path("alerts.yaml")],
            "scrape_configs": [{ "job_name": "groupcache", "static_configs": [{ "targets": targets }] }],
        });
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config.to_string()).unwrap();
        loop {
            // Somebody else may take the port before it is used.
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let mut child = Command::new("prometheus")
                .arg(format!("--config.file={}", file.display()))
                .arg(format!(
                    "--storage.tsdb.path={}",
                    folder.path().join("data").display()
                ))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            let is_ready = lines.any(|line| {
                line.unwrap()
                    .contains("Server is ready to receive web requests")
            });
            if is_ready {
                thread::spawn(move || lines.for_each(drop));
                return Self {
                    child,
                    port,
                    _folder: folder,
                };
            }
            child.wait().unwrap();
        }
    }

    fn ask(&self, target: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {target} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// The values that an expression has now.
    fn values(&self, expression: &str) -> Vec<f64> {
        let query = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        let answer = self.ask(&format!("/api/v1/query?query={query}"));
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let results = answer["data"]["result"].as_array().unwrap();
        let value = |result: &Value| result["value"][1].as_str().unwrap().parse().unwrap();
        results.iter().map(value).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The queries of all panels, by their titles, with values for the variables of the dashboard.
fn queries() -> Vec<(String, String)> {
    let text = fs::read_to_string(path("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let mut query = target["expr"].as_str().unwrap().to_owned();
            for (variable, value) in [
                ("$__rate_interval", "10s"),
                ("$job", ".*"),
                ("$instance", ".*"),
                ("$group", ".*"),
            ] {
                query = query.replace(variable, value);
            }
            assert!(!query.contains('$'), "{title}: {query}");
            queries.push((title.to_owned(), query));
        }
    }
    assert!(queries.len() > 30);
    queries
}

/// The alerts' names, and what each compares with its limit.
fn alerts() -> Vec<(String, String)> {
    let text = fs::read_to_string(path("alerts.yaml")).unwrap();
    let rules: Value = serde_saphyr::from_str(&text).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    let alert = |rule: &Value| {
        let expression = rule["expr"].as_str().unwrap();
        let compared = [" > ", " < ", " == "]
            .iter()
            .find_map(|comparison| expression.split_once(comparison));
        let (compared, _) = compared.expect("an alert compares something with a limit");
        (
            rule["alert"].as_str().unwrap().to_owned(),
            compared.to_owned(),
        )
    };
    rules.iter().map(alert).collect()
}

/// Asks all nodes for more keys than they have room for, until it is told to stop.
fn ask_for_much(nodes: &[Server], is_over: &AtomicBool) {
    thread::scope(|scope| {
        for node in nodes {
            scope.spawn(|| {
                for n in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    node.get(&format!("/api/get?key=size:500:{}", n % 997));
                    node.get("/api/get?key=popular");
                }
            });
        }
    });
}

#[test]
fn every_panel_and_alert_shows_data_of_a_running_cluster() {
    if !is_installed("prometheus") {
        return;
    }
    let folder = TempDir::new().unwrap();
    let members = folder.path().join("members");
    fs::write(&members, "").unwrap();
    let source = format!("file:{}", members.display());
    let flags = ["--discover", &source, "--cache-bytes", "65536"];
    let nodes: Vec<Server> = (0..3).map(|_| Server::start(FRONTEND, &flags)).collect();
    let urls: Vec<String> = nodes.iter().map(Server::url).collect();
    fs::write(&members, urls.join("\n")).unwrap();

    let prometheus = Prometheus::start(&nodes);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| ask_for_much(&nodes, &is_over));
        let mut missing: BTreeSet<_> = queries().into_iter().chain(alerts()).collect();
        let begin = Instant::now();
        while !missing.is_empty() && begin.elapsed() < Duration::from_secs(90) {
            let shows_nothing = |(_, query): &(String, String)| {
                let values = prometheus.values(query);
                !values.iter().any(|value| value.is_finite())
            };
            missing.retain(shows_nothing);
        }
        let rules = prometheus.ask("/api/v1/rules");
        let all_seen = prometheus.values("count(count by (instance) (groupcache_ring_info))");
        is_over.store(true, Ordering::Relaxed);

        assert!(missing.is_empty(), "these show nothing: {missing:#?}");
        assert_eq!(all_seen, [3.0]);
        let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), alerts().len());
        for rule in rules {
            assert_eq!(rule["health"], "ok", "{rule}");
        }
    });
}

fn promtool(arguments: &[&str]) {
    let mut command = Command::new("promtool");
    let output = command
        .args(arguments)
        .current_dir(path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{errors}");
}

#[test]
fn each_alert_fires_when_it_should() {
    // Every rule is among the tests.
    let text = fs::read_to_string(path("alerts.test.yaml")).unwrap();
    let tests: Value = serde_saphyr::from_str(&text).unwrap();
    let tests = tests["tests"].as_array().unwrap();
    let fires = tests
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
        .filter(|test| !test["exp_alerts"].as_array().unwrap().is_empty())
        .map(|test| test["alertname"].as_str().unwrap().to_owned());
    let stays_quiet = tests
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
        .filter(|test| test["exp_alerts"].as_array().unwrap().is_empty())
        .map(|test| test["alertname"].as_str().unwrap().to_owned());
    let names: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    assert_eq!(fires.collect::<BTreeSet<_>>(), names);
    assert_eq!(stays_quiet.collect::<BTreeSet<_>>(), names);

    if is_installed("promtool") {
        promtool(&["check", "rules", "alerts.yaml"]);
        promtool(&["test", "rules", "alerts.test.yaml"]);
        promtool(&["check", "config", "prometheus.yml"]);
    }
}
