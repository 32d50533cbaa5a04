#[cfg(feature = "dns")]
use super::dns::Dns;
#[cfg(feature = "etcd")]
use super::etcd::Etcd;
#[cfg(feature = "gossip")]
use super::gossip::Gossip;
#[cfg(feature = "kubernetes-unversioned")]
use super::kubernetes::Kubernetes;
#[cfg(feature = "file")]
use super::member_file::MemberFile;
use super::static_members::StaticMembers;
use crate::{Discovery, Error};

/// The sources that a text can name: the name, the form of a text, and the feature that it needs.
const SOURCES: [(&str, &str, Option<&str>); 7] = [
    ("static", "static:URL,URL", None),
    ("file", "file:PATH", Some("file")),
    ("dns", "dns:[https://]NAME:PORT", Some("dns")),
    ("srv", "srv:[https://]NAME", Some("dns")),
    ("etcd", "etcd:URL[,URL]/PREFIX", Some("etcd")),
    (
        "kubernetes",
        "kubernetes:[https://]NAMESPACE/SERVICE[:PORT]",
        Some("kubernetes"),
    ),
    ("gossip", "gossip:ADDR,ADDR[/LABEL]", Some("gossip")),
];

/// The source that a text names, as people write it into a flag or a variable.
///
/// | text | source | feature |
/// |---|---|---|
/// | `static:URL,URL` | a list that does not change | |
/// | `file:PATH` | a file that is read again when it changes | `file` |
/// | `dns:[https://]NAME:PORT` | the addresses of a name | `dns` |
/// | `srv:[https://]NAME` | the SRV records of a name | `dns` |
/// | `etcd:URL[,URL]/PREFIX` | the keys of etcd with that prefix | `etcd` |
/// | `kubernetes:[https://]NAMESPACE/SERVICE[:PORT]` | the ready endpoints of a service | `kubernetes` |
/// | `gossip:ADDR,ADDR[/LABEL]` | the nodes themselves, which are found by way of those addresses; each cluster needs a label of its own | `gossip` |
///
/// ```
/// let source = peers::parse_discovery("static:http://10.0.0.1:8080,http://10.0.0.2:8080")?;
/// # drop(source);
/// assert!(peers::parse_discovery("carrier-pigeon:coop").unwrap_err().is_configuration());
/// # Ok::<(), peers::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::is_configuration`] for a name that no source has, for a source whose feature this build lacks, naming
/// the feature, and for what the source cannot read behind its name. No error repeats the whole text, which may have a
/// password in it.
pub fn parse_discovery(text: &str) -> Result<Box<dyn Discovery>, Error> {
    let Some((name, rest)) = text.trim().split_once(':') else {
        return Err(unknown());
    };
    match name {
        "static" => Ok(Box::new(StaticMembers::parse(rest)?)),
        #[cfg(feature = "file")]
        "file" if rest.is_empty() => Err(Error::invalid_option(OPTION, "file: has no path")),
        #[cfg(feature = "file")]
        "file" => Ok(Box::new(MemberFile::new(rest))),
        #[cfg(feature = "dns")]
        "dns" => Ok(Box::new(Dns::parse_addresses(rest)?)),
        #[cfg(feature = "dns")]
        "srv" => Ok(Box::new(Dns::parse_services(rest)?)),
        #[cfg(feature = "etcd")]
        "etcd" => Ok(Box::new(Etcd::parse(rest)?)),
        #[cfg(feature = "gossip")]
        "gossip" => Ok(Box::new(Gossip::parse(rest)?)),
        #[cfg(feature = "kubernetes-unversioned")]
        "kubernetes" => Ok(Box::new(Kubernetes::parse(rest)?)),
        _ => Err(lacking(name).unwrap_or_else(unknown)),
    }
}

const OPTION: &str = "discovery";

/// The error for the name of a source whose feature this build does not have.
fn lacking(name: &str) -> Option<Error> {
    let (_, _, feature) = SOURCES.iter().find(|(source, _, _)| *source == name)?;
    let feature = (*feature)?;
    let reason = format!("{name}: needs the feature `{feature}`, which this build does not have");
    Some(Error::invalid_option(OPTION, reason))
}

fn unknown() -> Error {
    let known: Vec<_> = SOURCES.iter().map(|(_, form, _)| *form).collect();
    let reason = format!("it names no source; known are {}", known.join(", "));
    Error::invalid_option(OPTION, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_or_refused_with_the_reason() {
        assert!(parse_discovery(" static:http://a:1,b=http://b:1 ").is_ok());
        assert!(parse_discovery("file:/etc/members").is_ok());
        for (text, reason) in [
            ("", "known are static:URL,URL, file:PATH, dns:"),
            ("http://user:secret@a:1", "known are"),
            ("Static:http://a:1", "known are"),
            ("static:a:1", "starts with http"),
            ("file:", "has no path"),
        ] {
            let error = parse_discovery(text).unwrap_err();
            assert!(error.is_configuration(), "{text}");
            assert!(error.to_string().contains(reason), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_name_of_a_source_that_a_build_lacks_tells_the_feature() {
        assert!(lacking("static").is_none() && lacking("pigeon").is_none());
        for (name, feature) in SOURCES
            .iter()
            .filter_map(|(name, _, feature)| Some((name, (*feature)?)))
        {
            let error = lacking(name).unwrap();
            assert!(
                error.to_string().contains(&format!("`{feature}`")),
                "{error}"
            );
        }
    }
}
