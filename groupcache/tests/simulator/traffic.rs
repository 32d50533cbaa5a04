use std::time::Duration;

use super::plan::{Tell, What};
use super::random::Random;

/// Something that a client does.
pub fn traffic(random: &mut Random, nodes: usize, keys: usize) -> What {
    let (node, key) = (random.below(nodes), random.below(keys));
    let write = |keys, tell| What::Write { node, keys, tell };
    match random.below(100) {
        0..60 => What::Get { node, key },
        60..64 => What::Peek { node, key },
        64..70 => What::GetMany {
            node,
            keys: some(random, keys),
        },
        70..72 => What::WarmUp { node, key },
        72..84 => write(vec![key], Tell::Remove),
        84..92 => write(vec![key], Tell::Set),
        92..95 => write(some(random, keys), Tell::Remove),
        95..97 => {
            let patience = random.wait(Duration::from_secs(1));
            write(vec![key], Tell::Abandoned(patience))
        }
        _ => write(some(random, keys), Tell::Clear),
    }
}

fn some(random: &mut Random, keys: usize) -> Vec<usize> {
    let mut some: Vec<_> = (0..keys).filter(|_| random.chance(40)).collect();
    if some.is_empty() {
        some.push(random.below(keys));
    }
    some
}
