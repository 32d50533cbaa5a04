/// What a flight brought, as one of its callers receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome<V> {
    /// The value of the work: the original for the last of its callers to receive it, a clone for all before.
    pub value: V,
    /// Whether more than one caller took part in the flight, counting those who left before its end. All callers of a
    /// flight are told the same.
    pub shared: bool,
}
