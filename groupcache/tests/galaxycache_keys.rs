//! Keys of galaxycache's package `cachekey`: the bytes are those that its version 1.3.1 wrote.

use std::time::{Duration, SystemTime};

use groupcache::keys::galaxycache::{Epochs, Fields, Id, KeyBuilder};
use proptest::collection::vec;
use proptest::prelude::*;

/// A moment, in seconds and nanoseconds since 1970.
fn at(seconds: i64, nanos: u32) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let whole = match seconds {
        0.. => SystemTime::UNIX_EPOCH + distance,
        _ => SystemTime::UNIX_EPOCH - distance,
    };
    whole + Duration::from_nanos(nanos.into())
}

fn epochs() -> Epochs {
    let (length, multiplier) = (396_999_999_953, 330_999_999_991);
    let nanos = Duration::from_nanos;
    Epochs::new(at(1_700_000_000, 0), nanos(length), nanos(multiplier)).unwrap()
}

#[test]
fn the_bytes_are_gos() {
    let builder = KeyBuilder::default;
    let long = builder().text("x".repeat(300));
    assert_eq!(
        (&long.as_bytes()[..3], long.as_bytes().len()),
        (b"\xac\x02x".as_slice(), 303)
    );
    for (key, bytes) in [
        (
            builder().text("clips").integer(300),
            b"\x05clips\0\xac\x02\0".as_slice(),
        ),
        (builder().text(""), b"\0\0"),
        (builder().integer(0), b"\0\0"),
        (
            builder().integer(u64::MAX),
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0",
        ),
        (
            builder().text(b"a\0\xff/\xc3\xa9"),
            b"\x06a\0\xff/\xc3\xa9\0",
        ),
    ] {
        assert_eq!(&*key.build(), bytes);
    }
}

#[test]
fn epochs_are_gos() {
    let ids = [
        Id::Integer(0),
        Id::Integer(1),
        Id::Integer(42),
        Id::Integer(43),
        Id::Integer(u64::MAX),
        Id::from(""),
        Id::from("a"),
        Id::from("clips:42"),
        Id::Text(b"\xff\0"),
    ];
    // The number on 15 January 2027, and for how many nanoseconds it stays.
    let now = at(1_800_000_000, 123_456_789);
    let recorded = [
        (251_889, 329_864_704_381),
        (251_890, 395_864_704_343),
        (251_889, 322_864_703_114),
        (251_890, 388_864_703_076),
        (251_890, 374_595_731_606),
        (251_889, 1_719_050_754),
        (251_889, 297_946_194_621),
        (251_889, 314_277_674_844),
        (251_889, 209_997_689_010),
    ];
    for (id, (number, remaining)) in ids.into_iter().zip(recorded) {
        let after = |nanos| epochs().number(now + Duration::from_nanos(nanos), id);
        assert_eq!((after(0), after(remaining - 1)), (number, number), "{id:?}");
        assert_eq!(after(remaining), number + 1, "{id:?}");
    }
}

#[test]
fn where_go_overflows_so_do_epochs() {
    for (id, now, bytes) in [
        (
            Id::Integer(0),
            at(1_699_999_000, 0),
            b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\0".as_slice(),
        ),
        (
            Id::Integer(0),
            at(0, 0),
            b"\xfd\xd1\xfa\xfd\xff\xff\xff\xff\xff\x01\0",
        ),
        (
            Id::Integer(u64::MAX),
            at(0, 0),
            b"\xfe\xd1\xfa\xfd\xff\xff\xff\xff\xff\x01\0",
        ),
        (
            Id::Integer(42),
            at(-62_135_596_800, 0),
            b"\xdd\xfe\xf5\xf4\xff\xff\xff\xff\xff\x01\0",
        ),
        (
            Id::Integer(0),
            at(253_402_300_799, 999_999_999),
            b"\xa3\x81\x8a\x0b\0",
        ),
        (
            Id::Integer(1),
            at(253_402_300_799, 999_999_999),
            b"\xde\xfe\xf5\xf4\xff\xff\xff\xff\xff\x01\0",
        ),
        (Id::from("a"), at(1_700_000_000, 0), b"\0\0"),
        (
            Id::from("a"),
            at(253_402_300_799, 999_999_999),
            b"\xdd\xfe\xf5\xf4\xff\xff\xff\xff\xff\x01\0",
        ),
    ] {
        let key = KeyBuilder::default().epoch(epochs(), now, id);
        assert_eq!(key.as_bytes(), bytes, "{id:?} {now:?}");
    }
    let (zero, nanos) = (at(0, 0), Duration::from_nanos);
    let longest = Epochs::new(zero, nanos(i64::MAX as u64), nanos(1)).unwrap();
    assert_eq!(longest.number(at(1_700_000_000, 0), "a"), 0);
    assert_eq!(Epochs::new(zero, Duration::ZERO, nanos(1)), None);
    assert_eq!(Epochs::new(zero, nanos(1 << 63), nanos(1)), None);
    assert_eq!(Epochs::new(zero, nanos(1), nanos(1 << 63)), None);
}

#[test]
fn what_go_does_not_write_is_malformed() {
    for key in [
        b"\x01".as_slice(),                            // no zero byte
        b"\x01\x01",                                   // another one
        b"\x80",                                       // a varint that breaks off
        b"\x80\0\0",                                   // or is padded
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\0", // or is 2^64 and more
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0",
    ] {
        let error = Fields::new(key).integer().unwrap_err();
        assert!(error.is_malformed(), "{key:?}");
    }
    for key in [
        b"\x01".as_slice(),
        b"\x01a",
        b"\x01ab",
        b"\x02a\0",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0",
    ] {
        assert!(
            Fields::new(key).bytes().unwrap_err().is_malformed(),
            "{key:?}"
        );
    }
    let mut fields = Fields::new(b"\x01\xff\0\x01\0");
    assert!(fields.text().unwrap_err().is_malformed());
    assert_eq!(fields.bytes().unwrap(), b"\xff");
    let error = fields.clone().end().unwrap_err();
    assert!(error.is_unexpected() && !error.is_malformed() && error.position() == 3);
    assert!(
        error.to_string().ends_with("found more instead of the end"),
        "{error}"
    );
    assert_eq!(fields.integer(), Ok(1));
    let error = fields.text().unwrap_err();
    assert!(error.is_unexpected(), "{error}");
    assert!(
        error.to_string().ends_with("found the end instead of text"),
        "{error}"
    );
    assert_eq!(fields.end(), Ok(()));
}

proptest! {
    #[test]
    fn what_is_written_is_read(texts in vec(any::<Vec<u8>>(), 0..4), integers: Vec<u64>) {
        let mut builder = KeyBuilder::default();
        for text in &texts {
            builder = builder.text(text);
        }
        for integer in &integers {
            builder = builder.integer(*integer);
        }
        let key = builder.build();
        let mut fields = Fields::new(&key);
        for text in &texts {
            prop_assert_eq!(fields.bytes(), Ok(&**text));
        }
        for integer in &integers {
            prop_assert_eq!(fields.integer(), Ok(*integer));
        }
        prop_assert_eq!(fields.end(), Ok(()));
    }

    #[test]
    fn what_is_read_is_what_is_written(key: Vec<u8>) {
        let mut fields = Fields::new(&key);
        if let Ok(text) = fields.bytes() {
            let written = KeyBuilder::default().text(text);
            prop_assert!(key.starts_with(written.as_bytes()));
        }
        let mut fields = Fields::new(&key);
        if let Ok(integer) = fields.integer() {
            let written = KeyBuilder::default().integer(integer);
            prop_assert!(key.starts_with(written.as_bytes()));
        }
    }
}
