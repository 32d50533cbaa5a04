//! A view agrees with the vector of the same bytes.

use std::hash::{BuildHasher, RandomState};
use std::ops::Bound;

use byteview::ByteView;
use proptest::prelude::*;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Few values, so that equal bytes and common prefixes come up.
    let like_text = prop::collection::vec(prop::sample::select(b"ab\xc3\xbc\xff".to_vec()), 0..6);
    prop_oneof![prop::collection::vec(any::<u8>(), 0..100), like_text]
}

fn bound() -> impl Strategy<Value = Bound<usize>> {
    let index = || prop_oneof![9 => 0..100usize, 1 => Just(usize::MAX)];
    prop_oneof![
        index().prop_map(Bound::Included),
        index().prop_map(Bound::Excluded),
        Just(Bound::Unbounded),
    ]
}

proptest! {
    #[test]
    fn slices_as_a_vector_does(bytes in bytes(), range in (bound(), bound())) {
        let view = ByteView::from(bytes.clone());
        let expected = bytes.get(range);
        let checked = view.checked_slice(range);
        prop_assert_eq!(checked.as_deref(), expected);
        if let Some(expected) = expected {
            prop_assert_eq!(view.slice(range), expected);
            prop_assert_eq!(view.slice(range).detached(), expected);
        }
    }

    #[test]
    fn compares_and_hashes_as_a_vector_does(a in bytes(), b in bytes()) {
        let (view_a, view_b) = (ByteView::from(a.clone()), ByteView::from(b.clone()));
        prop_assert_eq!(view_a == view_b, a == b);
        prop_assert_eq!(view_a.cmp(&view_b), a.cmp(&b));
        prop_assert_eq!(view_a.partial_cmp(&b), a.partial_cmp(&b));
        prop_assert_eq!(a.partial_cmp(&view_b), a.partial_cmp(&b));

        let state = RandomState::new();
        prop_assert_eq!(state.hash_one(&view_a), state.hash_one(a.as_slice()));
    }

    #[test]
    fn shows_the_bytes_of_the_vector(bytes in bytes(), index in 0..120usize, room in 0..120usize) {
        let view = ByteView::copy_from_slice(&bytes);
        prop_assert_eq!(view.len(), bytes.len());
        prop_assert_eq!(view.is_empty(), bytes.is_empty());
        prop_assert_eq!(view.at(index), bytes.get(index).copied());
        prop_assert_eq!(view.to_str(), std::str::from_utf8(&bytes));
        prop_assert_eq!(view.to_str_lossy(), String::from_utf8_lossy(&bytes));

        let mut target = vec![0; room];
        let n = view.copy_to(&mut target);
        prop_assert_eq!(n, room.min(bytes.len()));
        prop_assert_eq!(&target[..n], &bytes[..n]);
        prop_assert!(target[n..].iter().all(|&byte| byte == 0));

        prop_assert_eq!(Vec::from(view), bytes);
    }

    /// An unescaped quote would end the byte string early, and a line end would break the log.
    #[test]
    fn debug_is_one_line_of_bounded_length(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let shown = format!("{:?}", ByteView::from(bytes));
        prop_assert!(shown.len() < 64 * "\\u{9f}".len() + 30, "{}", shown);
        prop_assert!(!shown.contains(char::is_control), "{}", shown);
    }
}
