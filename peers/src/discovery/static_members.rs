use futures_util::{StreamExt as _, stream};

use crate::{Discovery, Error, Member, MemberLists};

/// A source that says one list of members and never another one.
///
/// ```
/// use futures_util::StreamExt as _;
/// use peers::{Discovery, StaticMembers};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), peers::Error> {
/// let mut source = StaticMembers::parse("http://10.0.0.1:8080, pod-2=http://10.0.0.2:8080")?;
/// let list = source.lists().next().await.expect("it has no end")?;
/// assert_eq!(list.len(), 2);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct StaticMembers {
    members: Vec<Member>,
}

impl StaticMembers {
    /// A source of these members.
    pub fn new(members: impl IntoIterator<Item = Member>) -> Self {
        Self {
            members: members.into_iter().collect(),
        }
    }

    /// A source of the members of a text, separated by commas, each as `URL` or `ID=URL`.
    ///
    /// # Errors
    ///
    /// Those of [`Member::list`].
    pub fn parse(members: &str) -> Result<Self, Error> {
        Member::list(members).map(Self::new)
    }
}

impl Discovery for StaticMembers {
    fn kind(&self) -> &'static str {
        "static"
    }

    fn lists(&mut self) -> MemberLists {
        let list = Ok(self.members.clone());
        stream::iter([list]).chain(stream::pending()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_list_comes_once() {
        let mut source = StaticMembers::parse("http://a:1,b=http://b:1").unwrap();
        let mut lists = source.lists();
        let list = lists.next().await.unwrap().unwrap();
        assert_eq!(list, Member::list("http://a:1,b=http://b:1").unwrap());
        assert!(lists.next().now_or_never().is_none());
        assert!(StaticMembers::parse("a:1").unwrap_err().is_configuration());
    }
}
