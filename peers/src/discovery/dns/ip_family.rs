/// Which addresses of a name count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpFamily {
    /// The IPv4 addresses, or the IPv6 ones of a name that has no others. A machine with an address of each family
    /// is one member, not two. This is the default.
    #[default]
    PreferV4,
    /// The IPv6 addresses, or the IPv4 ones of a name that has no others.
    PreferV6,
    /// The IPv4 addresses alone.
    V4,
    /// The IPv6 addresses alone.
    V6,
    /// All addresses, for a cluster in which some machines have only IPv4 and others only IPv6.
    All,
}
