/// The result of a flight, as one of its callers receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome<V> {
    /// The value of the work. Every caller but the last to receive it gets a clone. The last gets
    /// the original, unless another caller clones the original at the same time.
    pub value: V,
    /// Whether more than one caller took part in the flight, including callers that left before its
    /// end. All callers of a flight see the same answer.
    pub shared: bool,
}
