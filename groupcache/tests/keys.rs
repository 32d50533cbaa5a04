//! Structured keys: parsing a composed key gives the same segments, and no other bytes parse.

use std::time::{Duration, SystemTime};

use groupcache::Key;
use groupcache::keys::{Epochs, KeyBuilder, Segment, Segments};
use proptest::collection::vec;
use proptest::prelude::*;

fn compose(segments: &[Segment<'_>]) -> Key {
    segments.iter().cloned().collect::<KeyBuilder>().build()
}

fn parse(key: &[u8]) -> Option<Vec<Segment<'_>>> {
    Segments::new(key).collect::<Result<_, _>>().ok()
}

fn at(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// Segments of which many are alike, with many characters that the format gives a meaning.
fn segment() -> impl Strategy<Value = Segment<'static>> {
    prop_oneof![
        "[/#$~%a0-9\u{0}é]{0,4}".prop_map(|text| Segment::Text(text.into())),
        any::<String>().prop_map(|text| Segment::Text(text.into())),
        (-11..=11_i128).prop_map(Segment::Integer),
        any::<i128>().prop_map(Segment::Integer),
        vec(any::<u8>(), 0..4).prop_map(|bytes| Segment::Bytes(bytes.into())),
        (0..=11_u64).prop_map(Segment::Epoch),
        any::<u64>().prop_map(Segment::Epoch),
    ]
}

/// Bytes that often form a key, or almost form one.
fn near_key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[/#$~%a0-9-]{0,8}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..16),
        (
            vec(segment(), 0..4),
            any::<prop::sample::Index>(),
            any::<u8>()
        )
            .prop_map(|(segments, place, byte)| {
                let mut key = compose(&segments).to_vec();
                if !key.is_empty() {
                    let place = place.index(key.len());
                    key[place] = byte;
                }
                key
            }),
    ]
}

proptest! {
    #[test]
    fn parsing_gives_back_what_was_composed(segments in vec(segment(), 0..6)) {
        let key = compose(&segments);
        prop_assert_eq!(parse(&key), Some(segments));
        prop_assert!(!key.to_str().unwrap().contains(|c: char| c.is_ascii_control()));
    }

    #[test]
    fn different_segments_give_different_keys(
        a in vec(segment(), 0..4),
        b in vec(segment(), 0..4),
    ) {
        prop_assert_eq!(a == b, compose(&a) == compose(&b));
    }

    #[test]
    fn one_key_after_the_other_is_the_key_of_both_lists(
        a in vec(segment(), 0..4),
        b in vec(segment(), 0..4),
    ) {
        let joined = [&compose(&a)[..], &compose(&b)[..]].concat();
        prop_assert_eq!(joined, compose(&[a, b].concat()).to_vec());
    }

    #[test]
    fn what_parses_is_what_its_segments_compose(key in near_key()) {
        if let Some(segments) = parse(&key) {
            prop_assert_eq!(compose(&segments).to_vec(), key);
        }
    }

    #[test]
    fn an_epoch_lasts_exactly_one_period(
        period in 1..=u64::from(u32::MAX),
        prefix in vec(any::<u8>(), 0..8),
        now in 0..=u64::MAX / 4,
    ) {
        let epochs = Epochs::every(Duration::from_nanos(period)).unwrap();
        let number = |now| epochs.number(&prefix, at(now));
        let end = now + epochs.remaining(&prefix, at(now)).as_nanos() as u64;
        prop_assert!(now < end && end <= now + period);
        prop_assert_eq!(number(end - 1), number(now));
        prop_assert_eq!(number(end), number(now) + 1);
        prop_assert_eq!(number(end + period - 1), number(now) + 1);
        prop_assert_eq!(number(end + period), number(now) + 2);
    }
}

#[test]
fn text_reads_as_it_is_and_marks_are_escaped() {
    let key = |text: &str| Key::builder().text(text).build().to_string();
    assert_eq!(key(""), "/");
    assert_eq!(key("user@example.com:80 ключ"), "/user@example.com:80 ключ");
    assert_eq!(key("a/b#c$d~e%f\n\u{7f}"), "/a%2fb%23c%24d%7ee%25f%0a%7f");
    let other = Key::builder()
        .integer(-7)
        .bytes(b"\x00\xff")
        .integer(u64::MAX)
        .bytes(b"")
        .build();
    assert_eq!(other.to_string(), "#-7$00ff#18446744073709551615$");
}

#[test]
fn garbage_is_malformed_and_nothing_follows_it() {
    let malformed = [
        "a",
        "%",
        "\u{e9}/a", // no mark
        "/%",
        "/%2",
        "/%zz",
        "/%2F",
        "/%+f",
        "/%é",
        "/a%61",
        "/%ff",
        "/\n", // not how text is written
        "#",
        "#-",
        "#-0",
        "#007",
        "#+7",
        "#7a",
        "# 7",                                      // nor a number
        "#170141183460469231731687303715884105728", // 2^127
        "~",
        "~-1",
        "~01",
        "~18446744073709551616", // 2^64
        "$0",
        "$0g",
        "$FF",
        "$0 ", // nor bytes
    ];
    for key in malformed {
        let mut segments = Segments::new(key.as_bytes());
        assert!(
            segments.next().unwrap().unwrap_err().is_malformed(),
            "{key}"
        );
        assert_eq!(segments.next(), None, "{key}");
    }
    assert!(Segments::new(b"/\xff").text().unwrap_err().is_malformed());

    let error = Segments::new(b"/fine#7$x/fine")
        .find_map(Result::err)
        .unwrap();
    assert_eq!(
        (error.position(), error.to_string().contains("byte 7")),
        (7, true)
    );
}

#[test]
fn a_segment_of_another_kind_is_named_and_taken() {
    let key = Key::builder().text("users").integer(300).bytes("b").build();
    let mut segments = key.segments();
    let error = segments.bytes().unwrap_err();
    assert!(error.is_unexpected() && !error.is_malformed() && error.position() == 0);
    assert_eq!(
        error.to_string(),
        "segment at byte 0 of the key: found text instead of bytes"
    );

    let mut again = segments.clone();
    let error = again.integer::<u8>().unwrap_err();
    assert!(error.is_out_of_range() && error.position() == 6, "{error}");
    assert_eq!(again.bytes().unwrap(), b"b");
    let error = again.epoch().unwrap_err();
    assert!(
        error.is_unexpected() && error.position() == key.len(),
        "{error}"
    );
    assert!(again.end().is_ok());

    assert_eq!(segments.integer::<u16>(), Ok(300));
    let error = segments.end().unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("found bytes instead of the end"),
        "{error}"
    );
}

#[test]
fn epochs_are_the_same_on_all_nodes_and_in_all_releases() {
    let minutes = Epochs::every(Duration::from_secs(60)).unwrap();
    let now = at(1_700_000_000_000_000_000);
    let epoch = |prefix: &[u8]| (minutes.number(prefix, now), minutes.remaining(prefix, now));
    // Computed outside this program, from XXH3's reference hashes.
    assert_eq!(
        epoch(b""),
        (28_333_333, Duration::from_nanos(29_447_174_000))
    );
    assert_eq!(
        epoch(b"/a"),
        (28_333_334, Duration::from_nanos(46_896_970_450))
    );
}

#[test]
fn keys_turn_over_one_after_the_other() {
    const KEYS: u64 = 10_000;
    const TENTHS: usize = 10;
    let epochs = Epochs::every(Duration::from_secs(10)).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mut ends = [0; TENTHS];
    for id in 0..KEYS {
        let key = Key::builder().text("family").integer(id);
        let remaining = epochs.remaining(key.as_bytes(), now);
        let turned = key.clone().epoch(epochs, now + remaining).build();
        assert_ne!(key.clone().epoch(epochs, now).build(), turned);
        ends[(remaining.as_nanos() - 1) as usize / 1_000_000_000] += 1;
    }
    // A thousand each; seven standard deviations are 210.
    assert!(
        ends.iter().all(|&keys| (790..=1210).contains(&keys)),
        "{ends:?}"
    );
}

#[test]
fn a_period_is_more_than_zero_and_fits() {
    assert_eq!(Epochs::every(Duration::ZERO), None);
    assert_eq!(Epochs::every(Duration::MAX), None);
    let longest = Epochs::every(Duration::from_nanos(u64::MAX)).unwrap();
    assert_eq!(longest.period(), Duration::from_nanos(u64::MAX));
    assert!(longest.number(b"k", at(0)) <= 1);
    let shortest = Epochs::every(Duration::from_nanos(1)).unwrap();
    assert_eq!(shortest.number(b"k", at(7)), 7);
    assert_eq!(
        shortest.number(b"k", SystemTime::UNIX_EPOCH - Duration::from_secs(1)),
        0
    );
}
