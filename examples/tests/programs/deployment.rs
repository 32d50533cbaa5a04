//! The files by which the service is deployed say what the program understands, and agree with each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{CommandFactory, Parser};
use groupcache_examples::service::Options;
use serde_json::{Value, json};

use crate::support::{SERVICE, Server};

/// The port on which the program listens in all of them.
const PORT: &str = "8080";

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn text(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap()
}

/// The documents of a YAML file.
fn documents(file: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The one object of this kind and name in the manifests.
fn object(kind: &str, name: &str) -> Value {
    let files = documents("kubernetes/base/kustomization.yaml")[0]["resources"].clone();
    let files = files.as_array().unwrap().iter();
    let objects =
        files.flat_map(|file| documents(&format!("kubernetes/base/{}", file.as_str().unwrap())));
    let mut found =
        objects.filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let object = found
        .next()
        .unwrap_or_else(|| panic!("there is no {kind} {name}"));
    assert!(found.next().is_none(), "{kind} {name}");
    object
}

fn stateful_set() -> Value {
    object("StatefulSet", "groupcache-service")
}

fn container() -> Value {
    let containers = stateful_set()["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!(containers.as_array().unwrap().len(), 1);
    containers[0].clone()
}

type Environment = BTreeMap<String, String>;

/// The variables of the pods, those of the pod in others' values replaced by examples.
fn environment_of_pods() -> Environment {
    let examples = [
        ("POD_NAME", "pod-0"),
        ("POD_IP", "10.0.0.7"),
        ("POD_NAMESPACE", "shop"),
    ];
    let mut environment = Environment::new();
    for variable in container()["env"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        if variable.get("valueFrom").is_some() {
            assert!(examples.iter().any(|(known, _)| *known == name), "{name}");
            continue;
        }
        let mut value = variable["value"].as_str().unwrap().to_owned();
        for (pod, example) in examples {
            value = value.replace(&format!("$({pod})"), example);
        }
        assert!(!value.contains("$("), "{name}={value}");
        environment.insert(name.to_owned(), value);
    }
    environment
}

fn environments_of_compose() -> Vec<Environment> {
    let services = documents("compose.yaml")[0]["services"].clone();
    let services = services.as_object().unwrap().values();
    services
        .map(|service| serde_json::from_value(service["environment"].clone()).unwrap())
        .collect()
}

/// `NAME=VALUE` behind a word at the beginning of lines.
fn environment_of_lines(file: &str, word: &str) -> Environment {
    let lines = text(file).replace("\\\n", "");
    let lines = lines
        .lines()
        .filter_map(|line| line.trim_start_matches(['#', ' ']).strip_prefix(word));
    let pairs = lines.flat_map(|line| {
        let pairs = line
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<Vec<_>>()
    });
    pairs.collect()
}

fn environment_of_unit() -> Environment {
    let file = "systemd/groupcache-service.service";
    let mut environment = environment_of_lines(file, "Environment=");
    environment.extend(environment_of_lines(file, "echo "));
    environment
}

fn all_environments() -> Vec<(&'static str, Environment)> {
    let mut all = vec![
        ("statefulset.yaml", environment_of_pods()),
        (
            "Dockerfile",
            environment_of_lines("kubernetes/Dockerfile", "ENV "),
        ),
        ("groupcache-service.service", environment_of_unit()),
    ];
    all.extend(
        environments_of_compose()
            .into_iter()
            .map(|environment| ("compose.yaml", environment)),
    );
    all
}

#[test]
fn every_variable_is_one_of_the_program_with_a_value_that_it_takes() {
    let command = Options::command();
    let flags: BTreeMap<&str, &str> = command
        .get_arguments()
        .filter_map(|flag| Some((flag.get_env()?.to_str()?, flag.get_long()?)))
        .collect();
    for (file, environment) in all_environments() {
        assert!(environment.len() >= 3, "{file}: {environment:?}");
        let mut args = vec!["service".to_owned()];
        for (name, value) in environment {
            match flags.get(&*name) {
                Some(flag) => args.push(format!("--{flag}={value}")),
                None => assert!(name == "RUST_LOG", "{file}: {name}"),
            }
        }
        Options::try_parse_from(&args).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

#[test]
fn all_ports_agree() {
    for (file, environment) in all_environments() {
        assert_eq!(
            environment["SERVICE_LISTEN"],
            format!("0.0.0.0:{PORT}"),
            "{file}"
        );
        let urls = ["GROUPCACHE_SELF", "GROUPCACHE_PEERS"].iter();
        for url in urls
            .filter_map(|name| environment.get(*name))
            .flat_map(|urls| urls.split(','))
        {
            assert!(url.ends_with(&format!(":{PORT}")), "{file}: {url}");
        }
    }
    let port: u16 = PORT.parse().unwrap();
    let ports = container()["ports"].clone();
    assert_eq!(ports, json!([{ "name": "http", "containerPort": port }]));
    let peers = object("Service", "groupcache-service-peers");
    assert_eq!(peers["spec"]["ports"][0]["port"], port);
    for service in [peers, object("Service", "groupcache-service")] {
        assert_eq!(service["spec"]["ports"][0]["targetPort"], "http");
    }
    assert!(text("kubernetes/Dockerfile").contains(&format!("\nEXPOSE {PORT}\n")));
    for service in documents("compose.yaml")[0]["services"]
        .as_object()
        .unwrap()
        .values()
    {
        let published = service["ports"][0].as_str().unwrap();
        assert!(published.ends_with(&format!(":{PORT}")), "{published}");
        // Not for the whole network.
        assert!(published.starts_with("127.0.0.1:"), "{published}");
    }
}

#[test]
fn prometheus_finds_the_metrics_where_the_annotations_say() {
    let annotations = stateful_set()["spec"]["template"]["metadata"]["annotations"].clone();
    assert_eq!(annotations["prometheus.io/scrape"], "true");
    assert_eq!(annotations["prometheus.io/port"], PORT);
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("test.sqlite");
    let server = Server::start(SERVICE, &["--database", database.to_str().unwrap()]);
    let path = annotations["prometheus.io/path"].as_str().unwrap();
    let metrics = server.get(path);
    assert!(metrics.body.ends_with("# EOF\n"), "{metrics:?}");
}

#[test]
fn the_probes_ask_for_what_the_program_answers() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("test.sqlite");
    let server = Server::start(SERVICE, &["--database", database.to_str().unwrap()]);
    for (probe, expected) in [
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ] {
        let ask = container()[probe]["httpGet"].clone();
        assert_eq!(
            (&ask["path"], &ask["port"]),
            (&json!(expected), &json!("http"))
        );
        assert_eq!(server.get(expected).status, 200, "{probe}");
    }
}

#[test]
fn the_manifests_name_each_other_rightly() {
    let set = stateful_set();
    let (spec, pod) = (&set["spec"], &set["spec"]["template"]["spec"]);
    let labels = &spec["template"]["metadata"]["labels"];
    let peers = object("Service", spec["serviceName"].as_str().unwrap());
    assert_eq!(peers["spec"]["clusterIP"], "None");
    for selector in [
        &spec["selector"]["matchLabels"],
        &peers["spec"]["selector"],
        &object("Service", "groupcache-service")["spec"]["selector"],
        &object("PodDisruptionBudget", "groupcache-service")["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }
    let source = format!(
        "kubernetes:shop/{}",
        peers["metadata"]["name"].as_str().unwrap()
    );
    assert_eq!(environment_of_pods()["GROUPCACHE_DISCOVER"], source);
    let parsed = groupcache::peers::parse_discovery(&source);
    assert_eq!(parsed.is_ok(), cfg!(feature = "kubernetes"), "{parsed:?}");
    let build = "--bin service --features kubernetes ";
    assert!(text("kubernetes/Dockerfile").contains(build));

    let account = pod["serviceAccountName"].as_str().unwrap();
    object("ServiceAccount", account);
    let binding = object("RoleBinding", "groupcache-service");
    assert_eq!(
        binding["subjects"],
        json!([{ "kind": "ServiceAccount", "name": account }])
    );
    let role = object("Role", binding["roleRef"]["name"].as_str().unwrap());
    let rules = json!([{
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["get", "list", "watch"],
    }]);
    assert_eq!(role["rules"], rules);

    let volume = &pod["volumes"][0];
    object(
        "PersistentVolumeClaim",
        volume["persistentVolumeClaim"]["claimName"]
            .as_str()
            .unwrap(),
    );
    let container = container();
    assert_eq!(container["volumeMounts"][0]["name"], volume["name"]);
    let mount = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    assert!(environment_of_pods()["SERVICE_DATABASE"].starts_with(mount));
    let image = &documents("kubernetes/base/kustomization.yaml")[0]["images"][0];
    assert_eq!(image["name"], container["image"]);
    assert_eq!(image["newTag"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_manifest_is_in_the_base() {
    let base = &documents("kubernetes/base/kustomization.yaml")[0];
    let mut listed: Vec<&str> = base["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file.as_str().unwrap())
        .collect();
    let files = fs::read_dir(path("kubernetes/base")).unwrap();
    let mut there: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    there.retain(|file| file != "kustomization.yaml");
    listed.sort_unstable();
    there.sort_unstable();
    assert_eq!(listed, there);
}

#[test]
fn whoever_stops_the_program_waits_until_it_has_drained() {
    let time = |environment: &Environment| {
        let ms = |name: &str| {
            environment[name]
                .parse()
                .map(Duration::from_millis)
                .unwrap()
        };
        ms("SERVICE_DRAIN_MS") + ms("SERVICE_FINISH_MS")
    };
    let seconds = |value: &Value| Duration::from_secs(value.as_u64().unwrap());
    let pause = &container()["lifecycle"]["preStop"]["sleep"]["seconds"];
    let grace = &stateful_set()["spec"]["template"]["spec"]["terminationGracePeriodSeconds"];
    assert!(seconds(grace) > seconds(pause) + time(&environment_of_pods()));
    assert_eq!(
        object("PodDisruptionBudget", "groupcache-service")["spec"]["maxUnavailable"],
        1
    );

    let compose = &documents("compose.yaml")[0];
    for (service, environment) in compose["services"]
        .as_object()
        .unwrap()
        .values()
        .zip(environments_of_compose())
    {
        let grace = service["stop_grace_period"].as_str().unwrap();
        let grace = Duration::from_secs(grace.strip_suffix('s').unwrap().parse().unwrap());
        assert!(grace > time(&environment));
    }

    let unit = text("systemd/groupcache-service.service");
    let grace = unit
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="))
        .unwrap();
    assert!(Duration::from_secs(grace.parse().unwrap()) > time(&environment_of_unit()));
}

#[test]
fn the_program_has_no_rights_that_it_does_not_need() {
    let set = stateful_set();
    let pod = &set["spec"]["template"]["spec"]["securityContext"];
    let user = pod["runAsUser"].as_u64().unwrap();
    assert!(user > 0 && pod["runAsNonRoot"] == true);
    assert!(text("kubernetes/Dockerfile").contains(&format!("\nUSER {user}:{user}\n")));
    let container = &container()["securityContext"];
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["readOnlyRootFilesystem"], true);
    assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
}

#[test]
fn the_image_is_built_from_all_members_of_the_workspace() {
    let manifest = text("../Cargo.toml");
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = "))
        .unwrap();
    let members: Vec<String> = serde_json::from_str(members).unwrap();
    let ignored = text("kubernetes/Dockerfile.dockerignore");
    for member in members {
        assert!(ignored.contains(&format!("\n!{member}\n")), "{member}");
    }
}
