use futures_util::{StreamExt as _, stream};

use super::discovery::MemberLists;
use crate::{Error, Member};

/// Tells the lists of a source one after the other.
pub(crate) trait TellsLists: Send + Sized + 'static {
    /// Waits for the next list.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Member>, Error>> + Send;

    /// All of them, without an end.
    fn into_lists(self) -> MemberLists {
        let lists = stream::unfold(self, async |mut this| Some((this.next().await, this)));
        lists.boxed()
    }
}
