use crate::BoxError;

/// What the two services said of a key.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) key: String,
    /// The owner as our ring has it: `Go` or `Rust`.
    pub(super) owner: &'static str,
    pub(super) of_go: String,
    pub(super) of_ours: String,
}

/// Whether each key has one owner, which made the only value that there is.
///
/// # Errors
///
/// With the first key for which it is not so.
pub(super) fn check(greetings: &[Greeting], loads: [u64; 2]) -> Result<(), BoxError> {
    for Greeting {
        key,
        owner,
        of_go,
        of_ours,
    } in greetings
    {
        let expected = format!("hello {key}, says {owner}");
        if *of_go != expected || *of_ours != expected {
            return Err(
                format!("{key} belongs to {owner}; said were {of_go:?} and {of_ours:?}").into(),
            );
        }
    }
    let owned = |name| {
        greetings
            .iter()
            .filter(|greeting| greeting.owner == name)
            .count() as u64
    };
    let expected = ["Go", "Rust"].map(owned);
    if loads != expected {
        return Err(format!("the owners have {expected:?} keys and loaded {loads:?} times").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(owner: &'static str, of_go: &str, of_ours: &str) -> Greeting {
        Greeting {
            key: "k".to_owned(),
            owner,
            of_go: of_go.to_owned(),
            of_ours: of_ours.to_owned(),
        }
    }

    #[test]
    fn two_owners_of_a_key_or_two_loads_are_a_failure() {
        let (go, rust) = ("hello k, says Go", "hello k, says Rust");
        assert!(
            check(
                &[greeting("Go", go, go), greeting("Rust", rust, rust)],
                [1, 1]
            )
            .is_ok()
        );
        assert!(check(&[greeting("Go", go, rust)], [1, 0]).is_err());
        assert!(check(&[greeting("Go", rust, rust)], [1, 0]).is_err());
        assert!(check(&[greeting("Go", go, go)], [2, 0]).is_err());
        assert!(check(&[greeting("Go", go, go)], [0, 1]).is_err());
    }
}
