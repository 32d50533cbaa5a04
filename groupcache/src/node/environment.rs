//! A node's settings from environment variables.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use peers::{Member, Tokens, parse_discovery};

use super::builder::NodeBuilder;
use crate::{Error, HttpOptions};

/// A variable: its name, what stands in it, and what it sets.
struct Variable {
    name: &'static str,
    set: fn(NodeBuilder, &str) -> Result<NodeBuilder, String>,
}

/// `GROUPCACHE_SELF`, which names the node, is read before them. They are read in this order.
const VARIABLES: [Variable; 15] = [
    Variable {
        name: "GROUPCACHE_LISTEN",
        set: |node, text| Ok(node.listen(text)),
    },
    Variable {
        name: "GROUPCACHE_PEERS",
        set: |node, text| Ok(node.peers(Member::list(text).map_err(text_of)?)),
    },
    Variable {
        name: "GROUPCACHE_PROTOCOL",
        set: |node, text| Ok(node.protocol(text.parse().map_err(text_of)?)),
    },
    // Before the source of members, which may need it.
    Variable {
        name: "GROUPCACHE_CLUSTER",
        set: |node, text| {
            HttpOptions::default()
                .cluster(text)
                .validate()
                .map_err(text_of)?;
            Ok(node.cluster(text))
        },
    },
    Variable {
        name: "GROUPCACHE_DISCOVER",
        set: |node, text| {
            let text = of_cluster(text, node.cluster.as_deref());
            Ok(node.discovery(parse_discovery(&text).map_err(text_of)?))
        },
    },
    Variable {
        name: "GROUPCACHE_INCLUDE_SELF",
        set: |node, text| {
            Ok(node.include_self(text.parse().map_err(|_| "it is not true or false")?))
        },
    },
    Variable {
        name: "GROUPCACHE_REPLICAS",
        set: |node, text| Ok(node.replicas(text.parse().map_err(|_| "it is not a number")?)),
    },
    Variable {
        name: "GROUPCACHE_HANDOFF_MS",
        set: |node, text| Ok(node.handoff(milliseconds(text)?)),
    },
    Variable {
        name: "GROUPCACHE_LEAVE_TIMEOUT_MS",
        set: |node, text| Ok(node.leave_timeout(milliseconds(text)?)),
    },
    Variable {
        name: "GROUPCACHE_MAX_LOADS",
        set: |node, text| Ok(node.max_loads(text.parse().map_err(|_| "it is not a number")?)),
    },
    Variable {
        name: "GROUPCACHE_CONNECT_TIMEOUT_MS",
        set: |node, text| http(node, milliseconds(text)?, HttpOptions::connect_timeout),
    },
    Variable {
        name: "GROUPCACHE_REQUEST_TIMEOUT_MS",
        set: |node, text| http(node, milliseconds(text)?, HttpOptions::request_timeout),
    },
    Variable {
        name: "GROUPCACHE_DRAIN_TIMEOUT_MS",
        set: |node, text| http(node, milliseconds(text)?, HttpOptions::drain_timeout),
    },
    Variable {
        name: "GROUPCACHE_LINGER_MS",
        set: |node, text| {
            let linger = milliseconds(text)?;
            let options = node.discovery_options.clone().linger(linger);
            options.validate().map_err(text_of)?;
            Ok(node.discovery_options(options))
        },
    },
    Variable {
        name: "GROUPCACHE_TOKEN_FILE",
        set: |node, text| Ok(node.token(Tokens::from_file(text).map_err(text_of)?)),
    },
];

const SELF: &str = "GROUPCACHE_SELF";

/// The files of the certificate, its key and the roots, and whether peers have to show a certificate. They count
/// together.
const TLS: [&str; 4] = [
    "GROUPCACHE_TLS_CERT",
    "GROUPCACHE_TLS_KEY",
    "GROUPCACHE_TLS_ROOTS",
    "GROUPCACHE_TLS_MUTUAL",
];

/// # From the environment
impl NodeBuilder {
    /// The settings that the process's environment has. What is not there stays as [`Node::builder`](crate::Node::builder)
    /// has it, and further calls change it. Empty variables count as absent.
    ///
    /// | variable | sets | as in |
    /// |---|---|---|
    /// | `GROUPCACHE_SELF` | this node, as `URL` or `ID=URL`. Absent: `http://`, or `https://` with certificates, and `GROUPCACHE_LISTEN`, if peers can reach that | `http://10.0.0.1:8080` |
    /// | `GROUPCACHE_LISTEN` | [`listen`](Self::listen) | `0.0.0.0:8080` |
    /// | `GROUPCACHE_PEERS` | [`peers`](Self::peers), separated by commas | `http://10.0.0.1:8080,pod-2=http://10.0.0.2:8080` |
    /// | `GROUPCACHE_DISCOVER` | [`discovery`](Self::discovery), by [`parse_discovery`]. Gossip without a label has `GROUPCACHE_CLUSTER` as its own | `file:/etc/groupcache/members` |
    /// | `GROUPCACHE_PROTOCOL` | [`protocol`](Self::protocol) | `native` |
    /// | `GROUPCACHE_CLUSTER` | [`cluster`](Self::cluster) | `prod-eu` |
    /// | `GROUPCACHE_INCLUDE_SELF` | [`include_self`](Self::include_self) | `false` |
    /// | `GROUPCACHE_REPLICAS` | [`replicas`](Self::replicas) | `50` |
    /// | `GROUPCACHE_HANDOFF_MS` | [`handoff`](Self::handoff), in milliseconds | `30000` |
    /// | `GROUPCACHE_LEAVE_TIMEOUT_MS` | [`leave_timeout`](Self::leave_timeout), in milliseconds | `10000` |
    /// | `GROUPCACHE_MAX_LOADS` | [`max_loads`](Self::max_loads) | `100` |
    /// | `GROUPCACHE_CONNECT_TIMEOUT_MS` | [`HttpOptions::connect_timeout`] | `1000` |
    /// | `GROUPCACHE_REQUEST_TIMEOUT_MS` | [`HttpOptions::request_timeout`] | `30000` |
    /// | `GROUPCACHE_DRAIN_TIMEOUT_MS` | [`HttpOptions::drain_timeout`] | `10000` |
    /// | `GROUPCACHE_LINGER_MS` | [`DiscoveryOptions::linger`](crate::DiscoveryOptions::linger) | `1000` |
    /// | `GROUPCACHE_TOKEN_FILE` | [`token`](Self::token), by [`Tokens::from_file`](crate::Tokens::from_file) | `/etc/groupcache/token` |
    /// | `GROUPCACHE_TLS_CERT`, `GROUPCACHE_TLS_KEY`, `GROUPCACHE_TLS_ROOTS` | `NodeBuilder::tls`, with the feature `tls`: the files of the certificate, its key and the authorities that vouch for peers; all three or none | `/etc/groupcache/tls.crt` |
    /// | `GROUPCACHE_TLS_MUTUAL` | `ClientAuth::Required`, with them | `true` |
    ///
    /// Kubernetes sets variables for each service: those of a service whose name begins with `groupcache`, such as
    /// `GROUPCACHE_SERVICE_HOST` and `GROUPCACHE_PORT_8080_TCP`, are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the variable: a value that cannot be read, any other variable that
    /// begins with `GROUPCACHE_`, which is most likely misspelt, or no way to know this node's URL.
    pub fn from_env() -> Result<Self, Error> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value.into_string().ok()))
        });
        Self::from_variables(variables)
    }

    /// A value is `None` if it is not UTF-8.
    fn from_variables(
        variables: impl Iterator<Item = (String, Option<String>)>,
    ) -> Result<Self, Error> {
        let mut given = Vec::new();
        for (name, value) in variables.filter(|(name, _)| is_ours(name)) {
            let value = value.ok_or_else(|| invalid(&name, "it is not UTF-8"))?;
            if known().all(|known| known != name) {
                return Err(unknown(&name));
            }
            if !value.trim().is_empty() {
                given.push((name, value.trim().to_owned()));
            }
        }
        let find = |name: &str| {
            given
                .iter()
                .find(|(given, _)| given == name)
                .map(|(_, value)| &**value)
        };
        let scheme = if find(TLS[0]).is_some() {
            "https"
        } else {
            "http"
        };
        let this = this(find(SELF), find("GROUPCACHE_LISTEN"), scheme)?;
        let mut node = crate::Node::builder(this);
        for variable in &VARIABLES {
            if let Some(value) = find(variable.name) {
                node = (variable.set)(node, value)
                    .map_err(|reason| invalid(variable.name, &reason))?;
            }
        }
        encrypted(node, TLS.map(find))
    }
}

/// The node with what [`TLS`] says.
#[cfg(feature = "tls")]
fn encrypted(node: NodeBuilder, given: [Option<&str>; 4]) -> Result<NodeBuilder, Error> {
    let [Some(chain), Some(key), Some(roots), mutual] = given else {
        let missing = given[..3].iter().position(Option::is_none);
        return match missing {
            Some(missing) if given.iter().any(Option::is_some) => Err(invalid(
                TLS[missing],
                "it is missing, and others of TLS are set",
            )),
            _ => Ok(node),
        };
    };
    let mutual = mutual.map(str::parse).unwrap_or(Ok(false));
    let mutual = mutual.map_err(|_| invalid(TLS[3], "it is not true or false"))?;
    let tls = crate::Tls::from_files(chain, key).roots_file(roots);
    Ok(node.tls(if mutual {
        tls.client_auth(crate::ClientAuth::Required)
    } else {
        tls
    }))
}

#[cfg(not(feature = "tls"))]
fn encrypted(node: NodeBuilder, given: [Option<&str>; 4]) -> Result<NodeBuilder, Error> {
    match given.iter().position(Option::is_some) {
        Some(at) => Err(invalid(
            TLS[at],
            "this build is without the feature \"tls\"",
        )),
        None => Ok(node),
    }
}

/// The names of all variables.
fn known() -> impl Iterator<Item = &'static str> {
    let others = VARIABLES.iter().map(|variable| variable.name);
    std::iter::once(SELF).chain(others).chain(TLS)
}

/// The node's own member: the one that is given, or else the address on which it listens.
fn this(given: Option<&str>, listen: Option<&str>, scheme: &str) -> Result<String, Error> {
    if let Some(given) = given {
        let member: Member = given
            .parse()
            .map_err(|error| invalid(SELF, &text_of(error)))?;
        return Ok(member.to_string());
    }
    let Some(listen) = listen else {
        return Err(invalid(
            SELF,
            "it is missing: how do peers reach this node?",
        ));
    };
    let (host, port) = listen.rsplit_once(':').unwrap_or((listen, ""));
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    let is_anywhere = ip.is_ok_and(|ip: IpAddr| ip.is_unspecified());
    let has_port = port.parse().is_ok_and(|port: u16| port != 0);
    let url = format!("{scheme}://{listen}");
    if is_anywhere || !has_port || url.parse::<Member>().is_err() {
        let reason = "it is missing, and no peer can reach what GROUPCACHE_LISTEN says";
        return Err(invalid(SELF, reason));
    }
    Ok(url)
}

/// The text of a source in a cluster. Gossip without a label has the cluster's, so that no two clusters become one.
fn of_cluster<'a>(discovery: &'a str, cluster: Option<&str>) -> Cow<'a, str> {
    match cluster {
        Some(label) if discovery.starts_with("gossip:") && !discovery.contains('/') => {
            format!("{discovery}/{label}").into()
        }
        _ => discovery.into(),
    }
}

/// Whether a variable is a setting of a node, well spelt or not.
fn is_ours(name: &str) -> bool {
    name.starts_with("GROUPCACHE_") && !is_of_a_service(name)
}

/// Whether Kubernetes sets the variable for a service: `_SERVICE_HOST`, `_SERVICE_PORT` and `_SERVICE_PORT_HTTP`,
/// `_PORT`, `_PORT_80_TCP` and `_PORT_80_TCP_ADDR`.
fn is_of_a_service(name: &str) -> bool {
    let is_number = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    let is_port = |rest: &str| rest.is_empty() || rest.strip_prefix('_').is_some_and(is_number);
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name
            .split_once("_PORT")
            .is_some_and(|(_, rest)| is_port(rest))
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let ms = text
        .parse()
        .map_err(|_| "it is not a number of milliseconds")?;
    Ok(Duration::from_millis(ms))
}

fn http(
    node: NodeBuilder,
    time: Duration,
    set: fn(HttpOptions, Duration) -> HttpOptions,
) -> Result<NodeBuilder, String> {
    let options = set(node.http.clone(), time);
    options.validate().map_err(text_of)?;
    Ok(node.http(options))
}

fn text_of(error: impl std::error::Error) -> String {
    error.to_string()
}

fn invalid(variable: &str, reason: &str) -> Error {
    Error::invalid("environment", format!("{variable}: {reason}"))
}

fn unknown(variable: &str) -> Error {
    let known: Vec<_> = known().collect();
    invalid(
        variable,
        &format!("no setting has this name; known are {}", known.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<NodeBuilder, Error> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
        NodeBuilder::from_variables(variables.iter().map(owned))
    }

    #[tokio::test]
    async fn a_node_is_what_the_variables_say() {
        let node = read(&[
            ("PATH", "/bin"),
            ("GROUPCACHE_SELF", "pod-1=http://10.0.0.1:8080/"),
            ("GROUPCACHE_LISTEN", "127.0.0.1:0"),
            ("GROUPCACHE_PEERS", "http://10.0.0.2:8080"),
            ("GROUPCACHE_PROTOCOL", "golang"),
            ("GROUPCACHE_DISCOVER", "static:http://10.0.0.3:8080"),
            ("GROUPCACHE_CLUSTER", "prod"),
            ("GROUPCACHE_INCLUDE_SELF", "false"),
            ("GROUPCACHE_REPLICAS", "7"),
            ("GROUPCACHE_HANDOFF_MS", "0"),
            ("GROUPCACHE_LEAVE_TIMEOUT_MS", "0"),
            ("GROUPCACHE_MAX_LOADS", "100"),
            ("GROUPCACHE_CONNECT_TIMEOUT_MS", "500"),
            ("GROUPCACHE_REQUEST_TIMEOUT_MS", "1500"),
            ("GROUPCACHE_DRAIN_TIMEOUT_MS", "0"),
            ("GROUPCACHE_LINGER_MS", "0"),
        ]);
        let node = node.unwrap();
        let settings = format!("{node:?}");
        for setting in [
            "connect_timeout: 500ms",
            "request_timeout: 1.5s",
            "drain_timeout: 0ns",
            "protocol: Golang",
        ] {
            assert!(settings.contains(setting), "{setting}: {settings}");
        }
        let node = node.start().await.unwrap();
        assert_eq!(node.member().to_string(), "pod-1=http://10.0.0.1:8080");
        assert!(node.local_addr().is_some());
        let members: Vec<_> = node.peers().iter().map(ToString::to_string).collect();
        assert_eq!(members, ["http://10.0.0.3:8080"]);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn certificates_count_together() {
        let listen = ("GROUPCACHE_LISTEN", "10.0.0.1:8080");
        let files = [(TLS[0], "a.pem"), (TLS[1], "a.key"), (TLS[2], "ca.pem")];
        let node = read(&[listen, files[0], files[1], files[2], (TLS[3], "true")]);
        let node = node.unwrap();
        let tls = format!("{:?}", node.security.tls);
        assert!(tls.contains("ca.pem") && tls.contains("Required"), "{tls}");
        assert!(format!("{node:?}").contains("https://10.0.0.1:8080"));
        for (given, missing) in [
            (&files[..2], TLS[2]),
            (&files[1..], TLS[0]),
            (&[files[0], files[2]], TLS[1]),
            (&[(TLS[3], "true")], TLS[0]),
        ] {
            let variables: Vec<_> = given.iter().copied().chain([listen]).collect();
            let error = read(&variables).unwrap_err().to_string();
            assert!(
                error.contains(missing) && error.contains("missing"),
                "{error}"
            );
        }
        let perhaps = [listen, files[0], files[1], files[2], (TLS[3], "perhaps")];
        assert!(read(&perhaps).unwrap_err().to_string().contains(TLS[3]));
    }

    #[test]
    fn gossip_without_a_label_has_the_clusters() {
        assert_eq!(
            of_cluster("gossip:a:1,b:1", Some("prod")),
            "gossip:a:1,b:1/prod"
        );
        assert_eq!(of_cluster("gossip:", Some("prod")), "gossip:/prod");
        assert_eq!(
            of_cluster("gossip:a:1/other", Some("prod")),
            "gossip:a:1/other"
        );
        assert_eq!(of_cluster("gossip:a:1", None), "gossip:a:1");
        assert_eq!(of_cluster("srv:a", Some("prod")), "srv:a");
    }

    #[cfg(feature = "gossip")]
    #[test]
    fn two_clusters_that_gossip_have_two_labels() {
        let node = read(&[
            ("GROUPCACHE_SELF", "http://10.0.0.1:8080"),
            ("GROUPCACHE_DISCOVER", "gossip:10.0.0.2:8080"),
            ("GROUPCACHE_CLUSTER", "prod"),
        ]);
        let source = format!("{:?}", node.unwrap().discovery.unwrap());
        assert!(source.contains("label: \"prod\""), "{source}");
    }

    #[tokio::test]
    async fn a_node_that_listens_where_peers_can_reach_it_needs_no_name() {
        let node = read(&[
            ("GROUPCACHE_LISTEN", "10.0.0.1:8080"),
            ("GROUPCACHE_SELF", " "),
        ])
        .unwrap();
        assert!(format!("{node:?}").contains("http://10.0.0.1:8080"));
    }

    #[test]
    fn what_cannot_work_is_refused_by_the_name_of_the_variable() {
        let this = ("GROUPCACHE_SELF", "http://10.0.0.1:80");
        for (name, value, reason) in [
            ("GROUPCACHE_SELF", "10.0.0.1:80", "starts with http"),
            ("GROUPCACHE_PEERS", "http://a:1,b:1", "starts with http"),
            ("GROUPCACHE_PROTOCOL", "gopher", "unknown protocol"),
            ("GROUPCACHE_DISCOVER", "pigeon:coop", "known are static:"),
            ("GROUPCACHE_CLUSTER", "a b", "A-Z a-z"),
            ("GROUPCACHE_INCLUDE_SELF", "perhaps", "true or false"),
            ("GROUPCACHE_REPLICAS", "-1", "not a number"),
            ("GROUPCACHE_HANDOFF_MS", "1s", "milliseconds"),
            ("GROUPCACHE_MAX_LOADS", "many", "not a number"),
            ("GROUPCACHE_CONNECT_TIMEOUT_MS", "1", "connect_timeout"),
            ("GROUPCACHE_REQUEST_TIMEOUT_MS", "", "known are"),
            ("GROUPCACHE_LINGER_MS", "99999999999999", "linger"),
            ("GROUPCACHE_TOKEN_FILE", "/no/such/file", "/no/such/file"),
            (
                "GROUPCACHE_PEER",
                "",
                "known are GROUPCACHE_SELF, GROUPCACHE_LISTEN",
            ),
        ] {
            let result = if name == "GROUPCACHE_SELF" {
                read(&[(name, value)])
            } else {
                read(&[this, (name, value)])
            };
            if value.is_empty() && name.ends_with("_MS") {
                assert!(result.is_ok(), "an empty variable is an absent one");
                continue;
            }
            let error = result.unwrap_err();
            assert!(error.is_configuration());
            let text = error.to_string();
            assert!(text.contains(name) && text.contains(reason), "{text}");
        }
        let broken = [("GROUPCACHE_PEERS".to_owned(), None)];
        let error = NodeBuilder::from_variables(broken.into_iter()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("GROUPCACHE_PEERS: it is not UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn a_node_without_a_url_is_refused() {
        for listen in [
            None,
            Some("0.0.0.0:8080"),
            Some("[::]:8080"),
            Some("[::0]:8080"),
            Some("[0:0:0:0:0:0:0:0]:8080"),
            Some("10.0.0.1:0"),
            Some("8080"),
        ] {
            let variables: Vec<_> = listen
                .map(|listen| ("GROUPCACHE_LISTEN", listen))
                .into_iter()
                .collect();
            let error = read(&variables).unwrap_err();
            assert!(error.to_string().contains(SELF), "{error}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        for name in ["GROUPCACHE_SELF", "GROUPCACHE_PEERS", "GROUPCACHE_DISCOVER"] {
            for value in [
                "http://user:secret@a:1",
                "static:http://user:secret@a:1",
                "x=http://user:secret@a:1",
            ] {
                if let Err(error) = read(&[("GROUPCACHE_LISTEN", "10.0.0.1:1"), (name, value)]) {
                    assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
                } else {
                    panic!("{name} takes {value}");
                }
            }
        }
    }

    #[test]
    fn variables_of_kubernetes_are_passed_over() {
        let this = ("GROUPCACHE_SELF", "http://10.0.0.1:80");
        for name in [
            "GROUPCACHE_SERVICE_HOST",
            "GROUPCACHE_SERVICE_PORT",
            "GROUPCACHE_SERVICE_PORT_HTTP",
            "GROUPCACHE_PORT",
            "GROUPCACHE_PORT_8080_TCP",
            "GROUPCACHE_PORT_8080_TCP_ADDR",
            "GROUPCACHE_PEERS_SERVICE_HOST",
            "GROUPCACHE_PEERS_PORT",
            "GROUPCACHE_PEERS_PORT_8080_UDP_PROTO",
        ] {
            assert!(
                read(&[this, (name, "tcp://10.96.0.1:8080")]).is_ok(),
                "{name}"
            );
        }
    }
}
