use super::block::{Owner, Repr, Shares, parts};
use crate::ByteView;

/// A view of what a store keeps, in one word: it becomes a [`ByteView`] where it is used.
///
/// A lookup passes its result on through several functions. A word travels in a register. The four words of a view travel through
/// memory, and each time that they are read in larger pieces than they were written, the processor waits until all of them are there.
///
/// ```
/// use byteview::{Arena, ByteView};
///
/// let kept = Arena::new().keep(b"greeting", &ByteView::from("hello")).unwrap();
/// let found = kept.share();
/// drop(kept);
/// assert_eq!(ByteView::from(found), "hello");
/// ```
#[derive(Clone, Debug)]
pub struct KeptView(pub(super) Shares);

const _: () = assert!(size_of::<Option<KeptView>>() == size_of::<usize>());

/// Takes constant time, and allocates nothing.
impl From<KeptView> for ByteView {
    #[inline]
    fn from(KeptView(shares): KeptView) -> Self {
        // SAFETY: a `KeptView` is made from what `keep` has made, and is a user of its block, as the view is after it.
        unsafe {
            let (_, value) = parts(shares.header());
            Self::of(Repr::new(value, Owner::Block(shares)))
        }
    }
}
