use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use super::{KubernetesOptions, KubernetesPort};
use crate::{Error, Member};

/// The members that a service's slices list, each once.
///
/// While Kubernetes moves an endpoint to another slice, both have it. A pod with addresses of both families is in a
/// slice of each; its IPv4 address counts.
///
/// # Errors
///
/// The service has several ports, and none is chosen.
pub(super) fn members<'a>(
    slices: impl IntoIterator<Item = &'a EndpointSlice>,
    options: &KubernetesOptions,
) -> Result<Vec<Member>, String> {
    let mut found: BTreeMap<String, SocketAddr> = BTreeMap::new();
    let mut by_url = Vec::new();
    for slice in slices {
        let Some(port) = port(slice, &options.port)? else {
            continue;
        };
        for endpoint in slice.endpoints.iter().filter(|it| is_ready(it)) {
            let Some(ip) = address(endpoint) else {
                continue;
            };
            let address = SocketAddr::new(ip, port);
            match pod(endpoint) {
                Some(pod) => {
                    let known = found.entry(pod.to_owned()).or_insert(address);
                    *known = address.min(*known); // IPv4 comes first
                }
                None => by_url.push(address),
            }
        }
    }
    let url = |address| format!("{}://{address}", options.scheme);
    let mut members = Vec::with_capacity(found.len() + by_url.len());
    for (pod, address) in found {
        members.push(Member::with_id(pod, url(address)));
    }
    by_url.sort();
    by_url.dedup();
    members.extend(by_url.into_iter().map(|address| Member::new(url(address))));
    let members: Result<_, Error> = members.into_iter().collect();
    members.map_err(|error| error.to_string())
}

/// `None` for a slice without such a port.
fn port(slice: &EndpointSlice, wanted: &KubernetesPort) -> Result<Option<u16>, String> {
    let ports = slice.ports.as_deref().unwrap_or_default();
    let found = match wanted {
        KubernetesPort::Number(number) => return Ok(Some(*number)),
        KubernetesPort::Name(name) => ports.iter().find(|it| it.name.as_ref() == Some(name)),
        KubernetesPort::Only if ports.len() > 1 => {
            let names = ports
                .iter()
                .map(|port| port.name.as_deref().unwrap_or("\"\""));
            let names: Vec<_> = names.collect();
            return Err(format!(
                "the service has several ports: {}",
                names.join(", ")
            ));
        }
        KubernetesPort::Only => ports.first(),
    };
    Ok(found.and_then(|port| port.port?.try_into().ok()))
}

/// Whether requests may go to an endpoint. What is not said means yes, but for "terminating".
fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().is_none_or(|conditions| {
        conditions.ready != Some(false)
            && conditions.serving != Some(false)
            && conditions.terminating != Some(true)
    })
}

/// The first address counts, as Kubernetes asks for. `None` for a host name.
fn address(endpoint: &Endpoint) -> Option<IpAddr> {
    endpoint.addresses.first()?.parse().ok()
}

/// The name of the pod behind an endpoint.
fn pod(endpoint: &Endpoint) -> Option<&str> {
    let target = endpoint.target_ref.as_ref()?;
    let is_pod = target.kind.as_deref() == Some("Pod");
    target
        .name
        .as_deref()
        .filter(|name| is_pod && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(json: &str) -> EndpointSlice {
        serde_json::from_str(json).unwrap()
    }

    fn texts(slices: &[&str], port: KubernetesPort) -> Result<Vec<String>, String> {
        let slices: Vec<_> = slices.iter().map(|json| slice(json)).collect();
        let members = members(&slices, &KubernetesOptions::default().port(port))?;
        Ok(members.iter().map(ToString::to_string).collect())
    }

    const PODS: &str = r#"{"addressType": "IPv4", "metadata": {"name": "a"},
        "ports": [{"name": "peers", "port": 8080}],
        "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": true, "serving": true, "terminating": false},
             "targetRef": {"kind": "Pod", "name": "pod-1"}},
            {"addresses": ["10.0.0.2"], "targetRef": {"kind": "Pod", "name": "pod-2"}},
            {"addresses": ["10.0.0.3"], "conditions": {"ready": false},
             "targetRef": {"kind": "Pod", "name": "starts"}},
            {"addresses": ["10.0.0.4"], "conditions": {"ready": false, "serving": true, "terminating": true},
             "targetRef": {"kind": "Pod", "name": "ends"}},
            {"addresses": ["10.0.0.5"], "conditions": {"ready": true, "serving": true, "terminating": true},
             "targetRef": {"kind": "Pod", "name": "ends though published when not ready"}},
            {"addresses": ["10.0.0.6"], "conditions": {"ready": true, "serving": false},
             "targetRef": {"kind": "Pod", "name": "does not serve"}},
            {"addresses": ["10.0.0.7", "10.0.0.8"], "targetRef": {"kind": "Node", "name": "node-7"}}
        ]}"#;

    #[test]
    fn only_ready_endpoints_are_members() {
        let found = texts(&[PODS], KubernetesPort::Only).unwrap();
        let pods = ["pod-1=http://10.0.0.1:8080", "pod-2=http://10.0.0.2:8080"];
        assert_eq!(found, [pods[0], pods[1], "http://10.0.0.7:8080"]);
    }

    #[test]
    fn an_endpoint_in_several_slices_is_one_member() {
        let six = r#"{"addressType": "IPv6", "metadata": {"name": "b"}, "ports": [{"name": "peers", "port": 8080}],
            "endpoints": [
                {"addresses": ["2001:db8::1"], "targetRef": {"kind": "Pod", "name": "pod-1"}},
                {"addresses": ["2001:db8::9"], "targetRef": {"kind": "Pod", "name": "pod-9"}}]}"#;
        let names = r#"{"addressType": "FQDN", "metadata": {"name": "c"}, "ports": [{"port": 8080}],
            "endpoints": [{"addresses": ["example.com"]}]}"#;
        for slices in [[PODS, six, PODS, names], [six, names, PODS, PODS]] {
            let found = texts(&slices, KubernetesPort::Only).unwrap();
            let pods = ["pod-1=http://10.0.0.1:8080", "pod-2=http://10.0.0.2:8080"];
            let nine = "pod-9=http://[2001:db8::9]:8080";
            assert_eq!(found, [pods[0], pods[1], nine, "http://10.0.0.7:8080"]);
        }
    }

    #[test]
    fn the_port_is_found_by_name_or_number() {
        let two = r#"{"addressType": "IPv4", "metadata": {"name": "a"},
            "ports": [{"name": "web", "port": 80}, {"name": "peers", "port": 8080}],
            "endpoints": [{"addresses": ["10.0.0.1"]}]}"#;
        let name = |name: &str| KubernetesPort::Name(name.into());
        assert_eq!(
            texts(&[two], name("peers")).unwrap(),
            ["http://10.0.0.1:8080"]
        );
        assert_eq!(texts(&[two], name("other")).unwrap(), [""; 0]);
        let number = KubernetesPort::Number(9000);
        assert_eq!(texts(&[two], number).unwrap(), ["http://10.0.0.1:9000"]);
        let error = texts(&[two], KubernetesPort::Only).unwrap_err();
        assert!(error.contains("web, peers"), "{error}");

        let none = r#"{"addressType": "IPv4", "metadata": {"name": "a"}, "endpoints": [{"addresses": ["10.0.0.1"]}]}"#;
        assert_eq!(texts(&[none], KubernetesPort::Only).unwrap(), [""; 0]);
    }
}
