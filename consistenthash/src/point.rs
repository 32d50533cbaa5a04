/// One virtual node. It takes twelve bytes; with a `u64` and a `u32` it would take sixteen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Point {
    upper: u32,
    lower: u32,
    seat: u32,
}

impl Point {
    /// A point of the member on `seat`.
    pub(crate) fn new(position: u64, seat: u32) -> Self {
        Self {
            upper: (position >> 32) as u32,
            lower: position as u32,
            seat,
        }
    }

    #[inline]
    pub(crate) fn position(self) -> u64 {
        u64::from(self.upper) << 32 | u64::from(self.lower)
    }

    /// The [seat](crate::seats::Seats) of the member that the point belongs to.
    #[inline]
    pub(crate) fn seat(self) -> usize {
        self.seat as usize
    }
}
