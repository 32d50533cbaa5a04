//! What is asked for, and what each case is called in the report.

use super::load::Load;

pub(super) const KIB: usize = 1 << 10;
pub(super) const MIB: usize = 1 << 20;

/// A case of the report, and what its clients do.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) load: Load,
}

/// Gets of values of one size, by so many callers at once.
pub(super) fn get(size: usize, callers: usize) -> Case {
    Case {
        name: format!("remote get, {}, c = {callers}", bytes(size)),
        load: Load::new(size, callers),
    }
}

/// Gets of small values, alone.
pub(super) fn alone() -> Case {
    let Case { name, load } = get(100, 16);
    let name = format!("{name}, alone");
    Case { name, load }
}

/// The same while one more caller asks for a large value, over and over.
pub(super) fn beside() -> Case {
    let Case { name, load } = get(100, 16);
    let large = 64 * MIB;
    Case {
        name: format!("{name}, beside {}", bytes(large)),
        load: load.beside(large),
    }
}

/// Requests for a hundred keys each.
pub(super) fn many() -> Case {
    Case {
        name: "remote get_many, 100 keys of 100 B, c = 4".to_owned(),
        load: Load::new(100, 4).batch(100),
    }
}

/// Ten thousand gets in flight.
pub(super) fn in_flight() -> Case {
    get(100, 10_000)
}

fn bytes(size: usize) -> String {
    match size {
        MIB.. => format!("{} MiB", size / MIB),
        KIB.. => format!("{} KiB", size / KIB),
        _ => format!("{size} B"),
    }
}
