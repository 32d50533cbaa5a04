use serde::{Serialize, Serializer};

use super::super::fetch::NoReportKind;

/// Something that is wrong with a member, or that is not known.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) kind: Kind,
    /// The member's id; empty for [`Kind::NotAsked`].
    pub(super) member: String,
    pub(super) text: String,
    /// For [`Kind::Ring`], the ids of most rings that the member's ring lacks, and those that it has beyond them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) missing: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) extra: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The tool has no report of it.
    Silent(NoReportKind),
    /// Another member answers in its place.
    Identity,
    /// Others get no answer from it.
    NoAnswer,
    /// It speaks another protocol.
    Protocol,
    /// It has the label of another cluster.
    Cluster,
    /// Its ring is another one.
    Ring,
    /// It knows a member by another URL.
    Url,
    /// Its clock is wrong.
    Clock,
    /// Members were left out because of a limit, so that nothing is known of them.
    NotAsked,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Silent(kind) => kind.name(),
            Self::Identity => "identity",
            Self::NoAnswer => "no-answer",
            Self::Protocol => "protocol",
            Self::Cluster => "cluster",
            Self::Ring => "ring",
            Self::Url => "url",
            Self::Clock => "clock",
            Self::NotAsked => "not-asked",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Finding {
    pub(super) fn new(kind: Kind, member: &str, text: impl Into<String>) -> Self {
        Self {
            kind,
            member: member.to_owned(),
            text: text.into(),
            missing: Vec::new(),
            extra: Vec::new(),
        }
    }
}

/// The first names of a list, and how many more there are.
pub(super) fn names<T: AsRef<str>>(list: &[T]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = list.iter().take(SHOWN).map(T::as_ref).collect();
    let shown = shown.join(", ");
    match list.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
