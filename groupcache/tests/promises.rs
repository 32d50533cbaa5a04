//! The page of promises names tests that there are.

use std::collections::HashSet;
use std::path::Path;
use std::{fs, io};

/// The names of all functions in the files of a folder and of those in it.
fn functions_in(folder: &Path, names: &mut HashSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            functions_in(&path, names)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path)?;
            let functions = text.split("fn ").skip(1);
            let name = |rest: &str| rest.split(['(', '<']).next().map(str::to_owned);
            names.extend(functions.filter_map(name));
        }
    }
    Ok(())
}

#[test]
fn every_test_that_the_page_of_promises_names_is_there() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let peers = package.join("../peers");
    if !peers.is_dir() {
        return; // the package alone has not all tests
    }
    let mut functions = HashSet::new();
    for folder in [
        package.join("tests"),
        peers.join("src"),
        peers.join("tests"),
    ] {
        functions_in(&folder, &mut functions).unwrap();
    }
    let page = fs::read_to_string(package.join("docs/promises.md")).unwrap();
    let quoted = page.split('`').skip(1).step_by(2);
    let is_name = |text: &&str| {
        text.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let is_test = |name: &&str| name.matches('_').count() > 3;
    let tests: Vec<&str> = quoted.filter(is_name).filter(is_test).collect();
    assert!(tests.len() > 30, "{tests:?}");
    for test in tests {
        assert!(functions.contains(test), "there is no test {test}");
    }
}
