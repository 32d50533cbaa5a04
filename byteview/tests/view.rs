//! The promises of a `ByteView`, one test for each.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};

use bytes::{Bytes, BytesMut};
use byteview::{ByteView, Reader};

/// The address of the first byte: two views with one address share a buffer.
fn address(bytes: &[u8]) -> *const u8 {
    bytes.as_ptr()
}

#[test]
fn is_as_large_as_bytes() {
    assert_eq!(size_of::<ByteView>(), size_of::<Bytes>());
    assert_eq!(size_of::<Option<ByteView>>(), size_of::<Bytes>());
}

#[test]
fn can_be_sent_shared_and_kept() {
    fn check<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static>() {}
    check::<ByteView>();
    check::<Reader>();
}

#[test]
fn is_empty_by_default() {
    for view in [
        ByteView::new(),
        ByteView::default(),
        "".into(),
        Vec::new().into(),
    ] {
        assert!(view.is_empty());
        assert_eq!(view.len(), 0);
        assert_eq!(view, "");
        assert_eq!(view.at(0), None);
        assert_eq!(view.detached(), view);
        assert_eq!(view.slice(..), view);
        assert_eq!(format!("{view:?}"), r#"b"""#);
    }
}

#[test]
fn takes_over_owned_and_static_buffers_without_copying() {
    fn check<T: AsRef<[u8]> + Into<ByteView>>(owner: T) {
        let before = address(owner.as_ref());
        let view: ByteView = owner.into();
        assert_eq!(address(&view), before);
        assert_eq!(view, "buffer");
    }

    let mut spare = Vec::with_capacity(100);
    spare.extend(b"buffer");

    check(spare);
    check(b"buffer".to_vec());
    check(b"buffer".to_vec().into_boxed_slice());
    check(String::from("buffer"));
    check(Bytes::from(b"buffer".to_vec()));
    check(BytesMut::from("buffer"));
    check("buffer");
    check(b"buffer");
    check(b"buffer".as_slice());
    check(Cow::<[u8]>::Borrowed(b"buffer"));
    check(Cow::<[u8]>::Owned(b"buffer".to_vec()));

    let boxed = Box::<str>::from("buffer");
    let before = boxed.as_ptr();
    assert_eq!(address(&ByteView::from(boxed)), before);
    let text = String::from("buffer");
    let before = text.as_ptr();
    assert_eq!(
        address(&ByteView::from(Cow::<'static, str>::Owned(text))),
        before
    );
    let text = "buffer";
    assert_eq!(
        address(&ByteView::from(Cow::<'static, str>::Borrowed(text))),
        text.as_ptr()
    );
    assert_eq!(
        address(&ByteView::from_static(text.as_bytes())),
        text.as_ptr()
    );
}

#[test]
fn copies_a_borrowed_slice() {
    let source = b"buffer".to_vec();
    let view = ByteView::copy_from_slice(&source);
    assert_ne!(address(&view), address(&source));
    drop(source);
    assert_eq!(view, "buffer");
}

#[test]
fn collects_bytes() {
    let view: ByteView = (b'a'..=b'e').collect();
    assert_eq!(view, "abcde");
    assert_eq!((&view).into_iter().copied().collect::<ByteView>(), view);
}

#[test]
fn clones_and_slices_share_the_buffer() {
    let view = ByteView::from(b"hello, world".to_vec());
    assert_eq!(address(&view.clone()), address(&view));
    assert_eq!(address(&view.slice(7..)), address(&view[7..]));
    assert_eq!(
        address(&view.checked_slice(7..).unwrap()),
        address(&view[7..])
    );
    assert_eq!(address(&view.clone().into_bytes()), address(&view));
    assert_eq!(address(&Bytes::from(view.clone())), address(&view));
}

#[test]
fn outlives_what_it_was_cut_from() {
    let view = ByteView::from(b"hello, world".to_vec());
    let part = view.slice(7..).slice(1..3);
    drop(view);
    assert_eq!(part, "or");
}

#[test]
fn a_detached_slice_leaves_its_buffer_free_to_go() {
    let buffer = Bytes::from(vec![7; 1000]);
    let slice = ByteView::from(buffer.clone()).slice(10..20);
    assert!(!buffer.is_unique());
    let detached = slice.detached();
    drop(slice);
    assert!(buffer.is_unique());
    assert_eq!(detached, [7; 10]);
    assert_eq!(Vec::from(detached).capacity(), 10);
}

#[test]
fn slicing_out_of_bounds_panics_or_is_none() {
    let view = ByteView::from("hello");
    #[expect(clippy::reversed_empty_ranges)]
    let ranges = [0..6, 6..6, 4..3, 0..usize::MAX];
    for range in ranges {
        assert!(view.checked_slice(range.clone()).is_none(), "{range:?}");
        assert!(
            catch_unwind(|| view.slice(range.clone())).is_err(),
            "{range:?}"
        );
    }
    assert!(view.checked_slice(..=usize::MAX).is_none());
    assert!(view.checked_slice(5..5).is_some());
}

#[test]
fn copies_out_what_fits() {
    let view = ByteView::from("hello");

    let mut long = *b"........";
    assert_eq!(view.copy_to(&mut long), 5);
    assert_eq!(&long, b"hello...");

    let mut short = [0; 2];
    assert_eq!(view.copy_to(&mut short), 2);
    assert_eq!(&short, b"he");

    assert_eq!(view.copy_to(&mut []), 0);
    assert_eq!(ByteView::new().copy_to(&mut long), 0);
    assert_eq!(view.to_vec(), b"hello");
}

#[test]
fn gives_its_buffer_back_to_its_only_user() {
    let owner = b"hello".to_vec();
    let before = address(&owner);
    let owner = Vec::from(ByteView::from(owner));
    assert_eq!(address(&owner), before);

    let text = String::try_from(ByteView::from(owner)).unwrap();
    assert_eq!(address(text.as_bytes()), before);

    let view = ByteView::from(text);
    let copy = Vec::from(view.clone());
    assert_ne!(address(&copy), before);
    assert_eq!(view, copy);
}

#[test]
fn shows_text_and_says_where_it_ends() {
    let text = ByteView::from("grüße");
    assert_eq!(text.to_str(), Ok("grüße"));
    assert!(matches!(text.to_str_lossy(), Cow::Borrowed("grüße")));
    assert_eq!(String::try_from(text).unwrap(), "grüße");

    let binary = ByteView::from(b"gr\xfc\xdfe");
    assert_eq!(binary.to_str().unwrap_err().valid_up_to(), 2);
    assert_eq!(binary.to_str_lossy(), "gr\u{fffd}\u{fffd}e");
    assert_eq!(
        String::try_from(binary).unwrap_err().as_bytes(),
        b"gr\xfc\xdfe"
    );
}

#[test]
fn equals_the_same_bytes_in_any_type_on_either_side() {
    let view = ByteView::from("key");
    macro_rules! check {
        ($($same:expr, $less:expr;)*) => {$(
            assert_eq!(view, $same);
            assert_eq!($same, view);
            assert_ne!(view, $less);
            assert_ne!($less, view);
            assert!(view > $less);
            assert!($less < view);
            assert!(view >= $same);
            assert!($same <= view);
        )*};
    }
    check! {
        ByteView::from("key"), ByteView::from("ke");
        *b"key".as_slice(), *b"ke".as_slice();
        b"key".as_slice(), b"ke".as_slice();
        *b"key", *b"jey";
        b"key", b"jey";
        *"key", *"ke";
        "key", "ke";
        b"key".to_vec(), b"ke".to_vec();
        String::from("key"), String::from("ke");
        Bytes::from("key"), Bytes::from("ke");
        BytesMut::from("key"), BytesMut::from("ke");
    }
    assert_eq!(view, &ByteView::from("key"));
    assert_eq!(view, &String::from("key"));
    assert_eq!(view, &b"key".to_vec());
}

#[test]
fn can_be_looked_up_by_its_slice() {
    let map = HashMap::from([(ByteView::from("a"), 1), (ByteView::from("b"), 2)]);
    assert_eq!(map.get(b"b".as_slice()), Some(&2));
    assert_eq!(map.get(b"c".as_slice()), None);

    let set = BTreeSet::from([ByteView::from("b"), ByteView::from("a")]);
    assert!(set.contains(b"a".as_slice()));
    assert_eq!(set.first().unwrap(), "a");
}

#[test]
fn debug_leaves_text_readable() {
    let debug = |bytes: &'static [u8]| format!("{:?}", ByteView::from(bytes));
    assert_eq!(debug(b"it's \"ok\" \\"), r#"b"it's \"ok\" \\""#);
    assert_eq!(debug("grüße".as_bytes()), r#"b"grüße""#);
    assert_eq!(debug(b"\0\n\x7f\xff"), r#"b"\0\n\u{7f}\xff""#);
    assert_eq!(debug(b"gr\xfc\xdfe"), r#"b"gr\xfc\xdfe""#);
}

#[test]
fn debug_cuts_large_values_between_characters() {
    let debug = |bytes: Vec<u8>| format!("{:?}", ByteView::from(bytes));
    assert_eq!(debug(vec![b'a'; 64]), format!(r#"b"{}""#, "a".repeat(64)));
    assert_eq!(
        debug(vec![b'a'; 65]),
        format!(r#"b"{}"... (65 bytes)"#, "a".repeat(64))
    );
    assert_eq!(
        debug(vec![b'a'; 1 << 20]),
        format!(r#"b"{}"... (1048576 bytes)"#, "a".repeat(64))
    );
    // The 64th byte is within a character of two, three and four bytes.
    for c in ["ü", "€", "🦀"] {
        let text = format!("a{}", c.repeat(64));
        let whole = 1 + 63 / c.len() * c.len();
        let expected = format!(r#"b"{}"... ({} bytes)"#, &text[..whole], text.len());
        assert_eq!(debug(text.into_bytes()), expected);
    }
    assert_eq!(
        debug(vec![0x80; 65]),
        format!(r#"b"{}"... (65 bytes)"#, r"\x80".repeat(64))
    );
}
