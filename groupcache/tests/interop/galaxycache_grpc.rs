//! vimeo/galaxycache, version 1.3.1, over gRPC.
//!
//! The behaviour is that over HTTP, but a key is a field of a message, so no key is lost on the
//! way.
//!
//! # Errors
//!
//! Status 5 is "not found", and final. A failure of a Go getter is status 2, as is any other error,
//! and the caller then loads the value itself.
//!
//! # The size of a value
//!
//! grpc-go receives messages of up to 4 MiB by default; galaxycache's users can change this limit
//! with a dial option. A Go node that receives a larger answer takes the peer for failed and loads
//! the value itself. A Go node sends messages of any size. So our nodes receive a Go node's values
//! up to our `max_value_bytes`.

use groupcache::Protocol;

use crate::checks::{checks, common_checks, cross, galaxycache_checks};
use crate::galaxycache::ASCII_GROUP;
use crate::mixed::{GO, Mixed, loads_by};
use crate::program::Program;
use crate::source::value_of;

const GALAXYCACHE_GRPC: Program = Program {
    flags: &["--grpc", "--control", "127.0.0.1:0"],
    group: ASCII_GROUP,
    ..Program::new("galaxycache", Protocol::GalaxycacheGrpc)
};

const PEEKING: Program = Program {
    flags: &["--grpc", "--control", "127.0.0.1:0", "--peek"],
    ..GALAXYCACHE_GRPC
};

common_checks!(GALAXYCACHE_GRPC);
galaxycache_checks!(GALAXYCACHE_GRPC);

checks! { PEEKING => a_go_node_that_joins_takes_over_what_ours_have }

/// The most bytes that grpc-go receives in a message.
const LARGEST_MESSAGE: usize = 4 << 20;

/// The bytes of our answer besides the value: the value's tag and length, and the rate of requests.
const FRAMING: usize = 1 + 4 + 1 + size_of::<f64>();

#[tokio::test]
async fn empty_and_large_values_cross_in_both_directions() {
    cross(
        GALAXYCACHE_GRPC,
        &["empty:", "size:1048576:", "size:4000000:"],
    )
    .await;
}

#[tokio::test]
async fn a_value_that_fits_no_message_for_go_is_loaded_by_the_go_node_itself() {
    let mixed = Mixed::start(GALAXYCACHE_GRPC).await;
    let largest = LARGEST_MESSAGE - FRAMING;
    for (size, loads) in [
        (largest, [1, 0, 0]),
        (largest + 1, [1, 0, 1]),
        (8 << 20, [1, 0, 1]),
    ] {
        let key = mixed.key_owned_by(0, &format!("size:{size}:"));
        let value = mixed.get(GO, &key).await.unwrap();
        assert!(value == value_of(key.as_bytes()), "{}", value.len());
        assert_eq!(mixed.loads_of(&key).await, loads, "{key}");
    }
}

#[tokio::test]
async fn a_go_owners_value_reaches_ours_however_large() {
    let mixed = Mixed::start_without_mirrors(GALAXYCACHE_GRPC).await;
    for size in [LARGEST_MESSAGE + 1, 8 << 20] {
        let key = mixed.key_owned_by(GO, &format!("size:{size}:"));
        for asked in [0, 1] {
            let value = mixed.get(asked, &key).await.unwrap();
            assert!(value == value_of(key.as_bytes()), "{}", value.len());
        }
        assert_eq!(mixed.loads_of(&key).await, loads_by(GO, 1), "{key}");
    }
}
