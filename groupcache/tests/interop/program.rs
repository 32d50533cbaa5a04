//! The properties of a Go program that the checks need.

use std::thread;

use groupcache::Protocol;

/// A Go program of `peers/tests/interop`, and the protocol in which our nodes speak with it.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The executable.
    pub name: &'static str,
    pub flags: &'static [&'static str],
    pub protocol: Protocol,
    /// The prefix of the program's group names, which needs escaping on the way.
    pub group: &'static str,
    /// Keys for which the program's client asks no peer: the program loads them itself.
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

    /// A group name for this test alone, so that no other test's node can answer for this test's
    /// nodes.
    pub fn group_name(&self) -> String {
        let test = thread::current().name().unwrap_or_default().to_owned();
        self.group.to_owned() + &test
    }

    pub fn never_asks_for(&self, key: &[u8]) -> bool {
        self.never_asked_for.contains(&key)
    }
}
