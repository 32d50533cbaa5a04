#![no_main]

use groupcache::keys::galaxycache::{self, Fields};
use groupcache::keys::{KeyBuilder, Segments};

// Of either format, a key that parses is the one that what was parsed composes.
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok(segments) = Segments::new(input).collect::<Result<Vec<_>, _>>() {
        let key = segments.into_iter().collect::<KeyBuilder>();
        assert_eq!(key.as_bytes(), input);
    }
    // Which kinds of fields there are, the first byte decides.
    let Some((kinds, input)) = input.split_first() else {
        return;
    };
    let (mut fields, mut key) = (Fields::new(input), galaxycache::KeyBuilder::default());
    for kind in 0..8 {
        let before = key.as_bytes().len();
        let next = match kinds >> kind & 1 {
            0 => fields.integer().map(|integer| key.clone().integer(integer)),
            _ => fields.bytes().map(|text| key.clone().text(text)),
        };
        match next {
            Ok(longer) => key = longer,
            Err(error) => {
                assert_eq!(error.position(), before);
                break;
            }
        }
    }
    assert!(input.starts_with(key.as_bytes()));
    assert_eq!(fields.end().is_ok(), key.as_bytes().len() == input.len());
});
