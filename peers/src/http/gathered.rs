use bytes::{Buf, Bytes};

/// A body that is put together from its frames, in one block of memory.
///
/// A stated length allocates no more than so many bytes that are trusted before others have come. From then on the block
/// doubles, up to the stated length.
#[derive(Debug)]
pub(crate) struct Gathered {
    bytes: Vec<u8>,
    expected: usize,
    trusted: usize,
}

impl Gathered {
    /// Allocates nothing yet.
    pub(crate) fn new(expected: usize, trusted: usize) -> Self {
        Self {
            bytes: Vec::new(),
            expected,
            trusted,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn extend(&mut self, mut frame: impl Buf) {
        let needed = self.len() + frame.remaining();
        if needed > self.bytes.capacity() {
            let is_as_stated = needed <= self.expected;
            let most = if is_as_stated {
                self.expected
            } else {
                usize::MAX
            };
            let trusted = self.trusted.min(self.expected);
            let room = most.min(trusted.max(2 * self.bytes.capacity()));
            self.bytes.reserve_exact(needed.max(room) - self.len());
        }
        while frame.has_remaining() {
            let chunk = frame.chunk();
            let length = chunk.len();
            self.bytes.extend_from_slice(chunk);
            frame.advance(length);
        }
    }

    /// The body, in memory of its size.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes.into_boxed_slice().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(expected: usize, frames: &[usize]) -> (Gathered, Vec<usize>) {
        let mut body = Gathered::new(expected, 100);
        let mut capacities = Vec::new();
        for &frame in frames {
            body.extend(&*vec![frame as u8; frame]);
            capacities.push(body.bytes.capacity());
        }
        (body, capacities)
    }

    #[test]
    fn memory_doubles_up_to_the_stated_length() {
        let (body, capacities) = gathered(500, &[90, 90, 100, 200, 20]);
        assert_eq!(capacities, [100, 200, 400, 500, 500]);
        assert_eq!(body.into_bytes().len(), 500);
    }

    #[test]
    fn a_length_that_is_not_stated_or_not_true_leaves_no_room_in_the_end() {
        for expected in [0, 110] {
            let (body, capacities) = gathered(expected, &[90, 30, 200]);
            assert!(capacities[0] <= expected.max(90) && capacities[2] >= 320);
            let bytes = body.into_bytes();
            assert_eq!((bytes.len(), bytes[89], bytes[90]), (320, 90, 30));
        }
    }
}
