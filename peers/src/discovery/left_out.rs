use std::collections::HashSet;

use crate::{Error, Member};

/// The members of a source's list that this node cannot dial, such as one with `https` in a cluster without TLS. They
/// are left out of the list, so that one wrong entry does not cost the others.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// Those of the last list that had any, which the log has been told of.
    told: Vec<Member>,
}

impl LeftOut {
    /// Says whether the log is to be told of these. A list without any in between makes them no news.
    pub(super) fn is_news(&mut self, refused: &[(Member, Error)]) -> bool {
        let members = refused.iter().map(|(member, _)| member);
        if refused.is_empty() || members.clone().eq(&self.told) {
            return false;
        }
        self.told = members.cloned().collect();
        true
    }
}

/// The list without those that are refused.
pub(super) fn without(list: Vec<Member>, refused: &[(Member, Error)]) -> Vec<Member> {
    let refused: HashSet<&Member> = refused.iter().map(|(member, _)| member).collect();
    list.into_iter()
        .filter(|member| !refused.contains(member))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Vec<(Member, Error)> {
        let members = Member::list(text).unwrap().into_iter();
        members
            .map(|member| (member, Error::invalid_option("url", "no TLS")))
            .collect()
    }

    #[test]
    fn each_change_is_told_once() {
        let mut left_out = LeftOut::default();
        assert!(!left_out.is_news(&[]));
        assert!(left_out.is_news(&refused("https://a")));
        assert!(!left_out.is_news(&refused("https://a")), "the next list");
        assert!(!left_out.is_news(&[]));
        assert!(!left_out.is_news(&refused("https://a")), "it flaps");
        assert!(left_out.is_news(&refused("https://a,https://b")));
    }

    #[test]
    fn the_others_stay_in_their_order() {
        let list = Member::list("http://b,https://c,http://a").unwrap();
        let rest = without(list, &refused("https://c"));
        assert_eq!(rest, Member::list("http://b,http://a").unwrap());
    }
}
