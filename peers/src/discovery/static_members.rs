use std::future::pending;

use crate::{BoxFuture, Discovery, Error, Member};

/// A source that says one list of members and never another one.
///
/// ```
/// use peers::{Discovery, StaticMembers};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), peers::Error> {
/// let mut source = StaticMembers::parse("http://10.0.0.1:8080, pod-2=http://10.0.0.2:8080")?;
/// assert_eq!(source.next().await?.len(), 2);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct StaticMembers {
    members: Vec<Member>,
    said: bool,
}

impl StaticMembers {
    /// A source of these members.
    pub fn new(members: impl IntoIterator<Item = Member>) -> Self {
        Self {
            members: members.into_iter().collect(),
            said: false,
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

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Member>, Error>> {
        Box::pin(async {
            if self.said {
                pending::<()>().await;
            }
            self.said = true;
            Ok(self.members.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_list_comes_once() {
        let mut source = StaticMembers::parse("http://a:1,b=http://b:1").unwrap();
        let list = source.next().await.unwrap();
        assert_eq!(list, Member::list("http://a:1,b=http://b:1").unwrap());
        assert!(source.next().now_or_never().is_none());
        assert!(StaticMembers::parse("a:1").unwrap_err().is_configuration());
    }
}
