use crate::support::{CLI, DBSERVER, OWNER, Server, frontends, pipe, run};

/// Runs the cli, and returns what it printed: the value, and where it came from.
fn cli(args: &[&str]) -> (String, String) {
    let output = run(CLI, args);
    assert!(output.status.success(), "{output:?}");
    (
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn the_demo_of_the_article_works_as_told() {
    let file = tempfile::tempdir().unwrap();
    let data = file.path().join("demo.sqlite");
    let db = Server::start(
        DBSERVER,
        &["--delay", "50", "--data", data.to_str().unwrap()],
    );
    let mut nodes = frontends(3, &["--db", &db.url()]);
    let reads = || {
        db.json("/stats")["gets_by_key"]["foo"]
            .as_u64()
            .unwrap_or(0)
    };
    let urls: Vec<String> = nodes.iter().map(Server::url).collect();
    let owner = pipe(OWNER, &["--members", &urls.join(",")], "foo\n");
    let owner = urls.iter().position(|url| url == owner.trim_end()).unwrap();

    cli(&["-set", "-key", "foo", "-value", "bar", "-port", db.port()]);
    assert_eq!(reads(), 0);

    // Directly: slow, every time.
    for expected in [1, 2] {
        assert_eq!(cli(&["-get", "-key", "foo", "-port", db.port()]).0, "bar");
        assert_eq!(reads(), expected);
    }

    // Through the cache: the first time from the database ...
    let (value, from) = cli(&["-cget", "-key", "foo", "-port", nodes[owner].port()]);
    assert_eq!(value, "bar");
    assert!(from.contains("(origin)"), "{from}");
    assert_eq!(reads(), 3);
    // ... and then from memory,
    let (value, from) = cli(&["-cget", "-key", "foo", "-port", nodes[owner].port()]);
    assert_eq!(value, "bar");
    assert!(from.contains("(main)"), "{from}");
    // through another frontend too,
    let other = (owner + 1) % nodes.len();
    let (value, from) = cli(&["-cget", "-key", "foo", "-port", nodes[other].port()]);
    assert_eq!(value, "bar");
    assert!(from.contains("(peer)"), "{from}");
    assert_eq!(reads(), 3);

    // The value changes in the database. The cache holds the old one until it is removed ...
    cli(&["-set", "-key", "foo", "-value", "new", "-port", db.port()]);
    let (value, from) = cli(&["-cget", "-key", "foo", "-port", nodes[other].port()]);
    assert_eq!(value, "bar");
    assert!(from.contains("(hot)"), "{from}");
    cli(&["-cdel", "-key", "foo", "-port", nodes[other].port()]);
    for node in &nodes {
        let (value, _) = cli(&["-cget", "-key", "foo", "-port", node.port()]);
        assert_eq!(value, "new");
    }
    assert_eq!(reads(), 4);
    // ... or set, which costs the database nothing.
    let set = ["-cset", "-key", "foo", "-value", "bar", "-port"];
    cli(&[&set[..], &[nodes[other].port()]].concat());
    for node in &nodes {
        let (value, _) = cli(&["-cget", "-key", "foo", "-port", node.port()]);
        assert_eq!(value, "bar");
    }
    assert_eq!(reads(), 4);

    // The value is still there after its owner has gone.
    nodes[owner].kill();
    assert_eq!(
        cli(&["-cget", "-key", "foo", "-port", nodes[other].port()]).0,
        "bar"
    );
    assert!(reads() <= 5);
}

#[test]
fn what_is_deleted_from_the_database_is_gone() {
    let db = Server::start(DBSERVER, &["--delay", "0"]);
    let key = "a/b c%2F+\u{fc}?&";
    cli(&[
        "-set",
        "-key",
        key,
        "-value",
        "-dashes-",
        "-port",
        db.port(),
    ]);
    assert_eq!(
        cli(&["-get", "-key", key, "-port", db.port()]).0,
        "-dashes-"
    );
    cli(&["-del", "-key", key, "-port", db.port()]);
    for operation in ["-get", "-del"] {
        let output = run(CLI, &[operation, "-key", key, "-port", db.port()]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("no such key"),
            "{output:?}"
        );
    }
    // Two reads were asked for, and the read of the absent key counts too.
    assert_eq!(db.json("/stats")["gets_by_key"][key], 2);
}

#[test]
fn the_database_is_told_to_fail_and_to_be_slow_while_it_runs() {
    let db = Server::start(DBSERVER, &["--delay", "60000"]);
    assert_eq!(db.ask("PUT", "/kv/k", "v").status, 204);
    assert_eq!(db.ask("PUT", "/delay", "0").status, 204);
    assert_eq!(db.get("/kv/k").body, "v");
    assert_eq!(db.ask("PUT", "/failing", "true").status, 204);
    let answer = db.get("/kv/k");
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("told to fail"), "{answer:?}");
    assert_eq!(db.ask("PUT", "/failing", "false").status, 204);
    assert_eq!(db.get("/kv/k").body, "v");

    let answer = db.ask("PUT", "/delay", "soon");
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("milliseconds"), "{answer:?}");
    assert_eq!(db.get("/failing").status, 405);
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let file = tempfile::tempdir().unwrap();
    let data = file.path().join("demo.sqlite");
    let args = ["--delay", "0", "--data", data.to_str().unwrap()];
    let mut db = Server::start(DBSERVER, &args);
    cli(&["-set", "-port", db.port()]);
    db.kill();
    let db = Server::start(DBSERVER, &args);
    assert_eq!(cli(&["-get", "-port", db.port()]).0, "bar");
}

#[test]
fn the_database_server_says_what_is_wrong() {
    let db = Server::start(DBSERVER, &["--delay", "0"]);
    assert_eq!(db.get("/kv/%zz").status, 400);
    assert_eq!(db.get("/kv/absent").status, 404);
    assert_eq!(db.ask("POST", "/kv/k", "v").status, 405);
    assert_eq!(db.ask("PUT", "/stats", "").status, 405);
    assert_eq!(db.get("/").status, 404);
    assert_eq!(db.ask("PUT", "/kv/%ff%00", "any bytes").status, 204);
    assert_eq!(db.get("/kv/%ff%00").body, "any bytes");
}
