use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// What may be wrong with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Trouble {
    /// It does not take the announcement of this node.
    Join,
    /// It cannot tell the members.
    Error,
    /// It says that there are no members.
    Empty,
    /// No ring can be made of its list.
    Unusable,
}

/// Which kinds of trouble the log has been told of: each once, and again when it comes back a minute later.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    told: HashMap<Trouble, Told>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    /// Whether the source has been well since.
    is_over: bool,
}

const AGAIN: Duration = Duration::from_secs(60);

impl Troubles {
    /// Whether this trouble is to be told now.
    pub(super) fn is_news(&mut self, trouble: Trouble, now: Instant) -> bool {
        if let Some(told) = self.told.get_mut(&trouble)
            && !(told.is_over && now >= told.at + AGAIN)
        {
            told.is_over = false;
            return false;
        }
        self.told.insert(
            trouble,
            Told {
                at: now,
                is_over: false,
            },
        );
        true
    }

    /// A trouble is over.
    pub(super) fn over(&mut self, trouble: Trouble) {
        if let Some(told) = self.told.get_mut(&trouble) {
            told.is_over = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_until_it_comes_back_a_minute_later() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        assert!(troubles.is_news(Trouble::Error, start));
        assert!(troubles.is_news(Trouble::Empty, start));
        assert!(
            !troubles.is_news(Trouble::Error, start + 2 * AGAIN),
            "it goes on"
        );
        troubles.over(Trouble::Error);
        assert!(troubles.is_news(Trouble::Error, start + 2 * AGAIN));
        troubles.over(Trouble::Error);
        assert!(
            !troubles.is_news(Trouble::Error, start + 2 * AGAIN),
            "it flaps"
        );
    }
}
