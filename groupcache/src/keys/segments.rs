use std::borrow::Cow;
use std::iter::FusedIterator;

use super::kind::Kind;
use super::{KeyError, Segment};

/// Takes a key apart, segment by segment. Made by [`Key::segments`](crate::Key::segments).
///
/// Who knows what a key is made of asks for it: [`text`](Self::text), [`integer`](Self::integer) and
/// so on. Who does not, iterates.
///
/// ```
/// use groupcache::Key;
/// use groupcache::keys::Segment;
///
/// let key = Key::builder().text("users").integer(42).build();
/// let segments: Vec<_> = key.segments().collect::<Result<_, _>>()?;
/// assert_eq!(segments, [Segment::Text("users".into()), Segment::Integer(42)]);
///
/// let mut segments = key.segments();
/// let error = segments.integer::<u64>().unwrap_err();
/// assert_eq!(error.to_string(), "segment at byte 0 of the key: found text instead of an integer");
/// # Ok::<(), groupcache::keys::KeyError>(())
/// ```
///
/// A segment is taken when it is asked for, also if it then turns out to be of another kind.
/// Nothing follows one that is malformed. Takes time in proportion to the length of the key, all
/// calls together.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    /// What is left.
    rest: &'a [u8],
    /// Where in the key that begins.
    at: usize,
}

impl<'a> Segments<'a> {
    /// The segments of a key that need not be a [`Key`](crate::Key).
    pub fn new(key: &'a [u8]) -> Self {
        Self { rest: key, at: 0 }
    }

    /// The next segment, a text.
    ///
    /// # Errors
    ///
    /// [`is_malformed`](KeyError::is_malformed) if the key was not composed by a
    /// [`KeyBuilder`](super::KeyBuilder); otherwise the segment is of another kind, or missing.
    pub fn text(&mut self) -> Result<Cow<'a, str>, KeyError> {
        self.expect(Kind::Text, |segment| match segment {
            Segment::Text(text) => Some(text),
            _ => None,
        })
    }

    /// The next segment, an integer.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text), and [`is_out_of_range`](KeyError::is_out_of_range) if it is not
    /// an `N`.
    pub fn integer<N: TryFrom<i128>>(&mut self) -> Result<N, KeyError> {
        let at = self.at;
        let integer = self.expect(Kind::Integer, |segment| match segment {
            Segment::Integer(integer) => Some(integer),
            _ => None,
        })?;
        N::try_from(integer).map_err(|_| KeyError::out_of_range(at))
    }

    /// The next segment, bytes.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn bytes(&mut self) -> Result<Vec<u8>, KeyError> {
        self.expect(Kind::Bytes, |segment| match segment {
            Segment::Bytes(bytes) => Some(bytes.into_owned()),
            _ => None,
        })
    }

    /// The next segment, the number of an epoch.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn epoch(&mut self) -> Result<u64, KeyError> {
        self.expect(Kind::Epoch, |segment| match segment {
            Segment::Epoch(number) => Some(number),
            _ => None,
        })
    }

    /// Nothing more.
    ///
    /// # Errors
    ///
    /// If there is another segment, or garbage.
    pub fn end(mut self) -> Result<(), KeyError> {
        let at = self.at;
        match self.next().transpose()? {
            None => Ok(()),
            Some(segment) => Err(KeyError::unexpected(at, None, Some(segment.kind()))),
        }
    }

    fn expect<T>(
        &mut self,
        kind: Kind,
        content: impl FnOnce(Segment<'a>) -> Option<T>,
    ) -> Result<T, KeyError> {
        let at = self.at;
        let segment = self.next().transpose()?;
        let found = segment.as_ref().map(Segment::kind);
        segment
            .and_then(content)
            .ok_or_else(|| KeyError::unexpected(at, Some(kind), found))
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, KeyError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mark, rest) = self.rest.split_first()?;
        let end = rest.iter().position(|byte| Kind::of_mark(*byte).is_some());
        let (content, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let segment = Kind::of_mark(*mark).and_then(|kind| Segment::parse(kind, content));
        match segment {
            Some(segment) => {
                self.at += 1 + content.len();
                self.rest = rest;
                Some(Ok(segment))
            }
            None => {
                self.rest = &[];
                Some(Err(KeyError::malformed(self.at)))
            }
        }
    }
}

impl FusedIterator for Segments<'_> {}
