use std::collections::BTreeMap;

use crate::{Error, Member, Protocol};

/// The list of a source, once it is one that a ring can be made of: each member once, in the order of the ids, as the
/// protocol names them. The order is the same on all nodes, whatever the source's.
///
/// What the list says of this node is corrected, because the node knows better: under its id it has its own URL.
/// A second member at its URL is the entry of a process that was there before, and is left out, unless it is the only
/// word about this place.
///
/// # Errors
///
/// A list that cannot be used: an id with two URLs, or this node's URL under another id alone.
pub(super) fn usable(
    list: Vec<Member>,
    this: &Member,
    protocol: Protocol,
) -> Result<Vec<Member>, Error> {
    let mut members: BTreeMap<String, Member> = BTreeMap::new();
    for member in list {
        let mut member = protocol.named(member);
        if member.id() == this.id() {
            member = this.clone();
        }
        match members.get(member.id()) {
            Some(known) if *known != member => return Err(Error::duplicate_member(member.id())),
            _ => members.insert(member.id().to_owned(), member),
        };
    }
    let is_listed = members.contains_key(this.id());
    let is_double = |member: &Member| member.id() != this.id() && member.is_same_place(this);
    if !is_listed && let Some(double) = members.values().find(|member| is_double(member)) {
        let reason = "it is this node's own URL under another id";
        return Err(Error::invalid_member(double.to_string(), reason));
    }
    Ok(members
        .into_values()
        .filter(|member| !is_double(member))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<Member> {
        Member::list(text).unwrap()
    }

    fn read(text: &str) -> Result<Vec<Member>, Error> {
        usable(
            list(text),
            &list("me=http://10.0.0.1:80")[0],
            Protocol::Native,
        )
    }

    #[test]
    fn order_and_repetitions_do_not_matter() {
        let wanted = list("b=http://b:1,me=http://10.0.0.1:80");
        assert_eq!(
            read("me=http://10.0.0.1:80,b=http://b:1,b=http://b:1").unwrap(),
            wanted
        );
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn the_node_knows_its_own_address_best() {
        let wanted = list("me=http://10.0.0.1:80");
        assert_eq!(read("me=http://10.9.9.9:80").unwrap(), wanted);
        assert_eq!(
            read("me=http://10.0.0.1:80,before=http://10.0.0.1").unwrap(),
            wanted
        );
    }

    #[test]
    fn a_list_that_makes_no_ring_is_refused() {
        let error = read("b=http://b:1,b=http://c:1").unwrap_err();
        assert!(error.to_string().contains("\"b\""), "{error}");
        let error = read("b=http://b:1,other=http://10.0.0.1:80").unwrap_err();
        assert!(error.to_string().contains("own URL"), "{error}");
    }

    #[test]
    fn ids_are_those_of_the_protocol() {
        let this = Protocol::GroupcacheGo.named(list("http://10.0.0.1:80")[0].clone());
        let members = usable(list("http://10.0.0.1:80"), &this, Protocol::GroupcacheGo).unwrap();
        assert_eq!(members, [this]);
    }
}
