use crate::Error;

const MAX_NAME_BYTES: usize = 1 << 10;

/// Refuses a group's name that no wire format of the family can carry.
pub(super) fn check(name: &str) -> Result<(), Error> {
    let refuse = |reason: &str| {
        let shown: String = name.chars().take(64).collect();
        Err(Error::invalid("group name", format!("{shown:?} {reason}")))
    };
    if name.is_empty() {
        return refuse("is empty");
    }
    if name.len() > MAX_NAME_BYTES {
        return refuse(&format!("is longer than {MAX_NAME_BYTES} bytes"));
    }
    if name.contains('/') {
        return refuse("contains a slash");
    }
    if matches!(name, "." | "..") {
        return refuse("is a step in a path");
    }
    Ok(())
}
