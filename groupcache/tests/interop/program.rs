//! What the checks have to know of a Go program.

use std::thread;

use groupcache::Protocol;

/// A Go program of `peers/tests/interop`, and how our nodes are to speak with it.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The executable.
    pub name: &'static str,
    pub flags: &'static [&'static str],
    pub protocol: Protocol,
    /// What the names of its groups begin with: something that has to be escaped on the way.
    pub group: &'static str,
    /// Keys for which its client asks nobody: it loads them itself, whoever owns them.
    pub never_asked_for: &'static [&'static [u8]],
}

impl Program {
    /// A program that asks the owner for every key.
    pub const fn new(name: &'static str, protocol: Protocol) -> Self {
        Self {
            name,
            flags: &[],
            protocol,
            group: "größen +1 %2B ",
            never_asked_for: &[],
        }
    }

    /// A group of this test's own: no other test's node can answer in the place of one of this test.
    pub fn group_name(&self) -> String {
        let test = thread::current().name().unwrap_or_default().to_owned();
        self.group.to_owned() + &test
    }

    pub fn never_asks_for(&self, key: &[u8]) -> bool {
        self.never_asked_for.contains(&key)
    }
}
