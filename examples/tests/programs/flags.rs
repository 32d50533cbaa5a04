use crate::support::{
    CLI, CLUSTER, DBSERVER, FILES, FRONTEND, OWNER, SCALING, SERVICE, THUMBNAILS, run,
};

#[test]
fn a_wrong_flag_is_named_with_what_is_known() {
    for (program, args, complaint) in [
        (
            FRONTEND,
            &["--protocol", "smoke-signals"][..],
            "known are native, golang",
        ),
        (
            FRONTEND,
            &["--promoter", "sometimes"],
            "always, never, one-in-ten",
        ),
        (FRONTEND, &["--cache-bytes", "plenty"], "--cache-bytes"),
        (
            FRONTEND,
            &["--exchange-interval", "often"],
            "--exchange-interval",
        ),
        (FRONTEND, &["--tls-cert", "a.pem"], "--tls-key <FILE>"),
        (
            FRONTEND,
            &["--tls-cert", "a.pem", "--tls-key", "a.key"],
            "--tls-roots <FILE>",
        ),
        (SERVICE, &["--tls-key", "a.key"], "--tls-cert <FILE>"),
        (SERVICE, &["--tls-roots", "ca.pem"], "--tls-cert <FILE>"),
        (SERVICE, &["--mutual"], "--tls-cert <FILE>"),
        (DBSERVER, &["--delay", "soon"], "--delay"),
        (CLUSTER, &["--nodes", "0"], "1..=64"),
        (CLUSTER, &["--zipf", "steep"], "not a number from 0 to 10"),
        (CLI, &["-get", "-set"], "cannot be used with"),
        (CLI, &[], "Usage"),
        (OWNER, &[], "--members"),
        (SERVICE, &["--connections", "0"], "1..=256"),
        (FILES, &["--nodes", "17"], "1..=16"),
        (THUMBNAILS, &["--nodes", "17"], "1..=16"),
        (THUMBNAILS, &["--jobs", "0"], "--jobs"),
        (SCALING, &["--nodes", "10,1"], "2..=16000"),
        (SCALING, &["--zipf", "steep"], "not a number from 0 to 10"),
    ] {
        let output = run(program, args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{program} {args:?}: {stderr}"
        );
        assert!(stderr.contains(complaint), "{program} {args:?}: {stderr}");
    }
}

#[test]
fn what_cannot_work_ends_with_the_reason_in_one_line() {
    for (program, args, reason) in [
        (
            FRONTEND,
            &["--listen", "127.0.0.1:0", "--self", "nonsense"][..],
            "nonsense",
        ),
        (
            FRONTEND,
            &["--listen", "127.0.0.1:0", "--peers", "nonsense"],
            "nonsense",
        ),
        (
            FRONTEND,
            &["--listen", "127.0.0.1:0", "--replicas", "0"],
            "replica",
        ),
        (FRONTEND, &["--listen", "0.0.0.0:0"], "--self"),
        (
            FRONTEND,
            &["--listen", "127.0.0.1:0", "--token-file", "/no/such/file"],
            "/no/such/file",
        ),
        (
            FRONTEND,
            &["--listen", "127.0.0.1:0", "--token-file", "/dev/null"],
            "/dev/null",
        ),
        (
            SERVICE,
            &[
                "--listen",
                "127.0.0.1:0",
                "--database",
                ":memory:",
                "--tls-cert",
                "/no/such.pem",
                "--tls-key",
                "/no/such.key",
                "--tls-roots",
                "/no/such.pem",
            ],
            "/no/such.pem",
        ),
        (
            FRONTEND,
            &["--listen", "127.0.0.1:0", "--ttl", "1", "--ttl-jitter", "2"],
            "ttl_jitter",
        ),
        (
            FRONTEND,
            &["--listen", "nonsense"],
            "cannot listen on nonsense",
        ),
        (
            DBSERVER,
            &["--data", "/no/such/folder/file"],
            "/no/such/folder/file",
        ),
        (
            SERVICE,
            &[
                "--listen",
                "127.0.0.1:0",
                "--database",
                "/no/such/folder/file",
            ],
            "cannot open /no/such/folder/file",
        ),
        (
            SERVICE,
            &["--listen", "0.0.0.0:0", "--database", ":memory:"],
            "--self",
        ),
        (
            SERVICE,
            &[
                "--listen",
                "127.0.0.1:0",
                "--database",
                ":memory:",
                "--discover",
                "pigeon:coop",
            ],
            "it names no source",
        ),
        (
            THUMBNAILS,
            &["--images", "/no/such/folder"],
            "cannot read /no/such/folder",
        ),
        (CLI, &["-get", "-port", "0"], "127.0.0.1:0"),
        (OWNER, &["--members", "http://"], "http://"),
        (CLUSTER, &["--nodes", "1", "--chaos"], "second node"),
    ] {
        let output = run(program, args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{program} {args:?}: {stderr}"
        );
        assert!(
            stderr.starts_with("error: "),
            "{program} {args:?}: {stderr}"
        );
        assert!(stderr.contains(reason), "{program} {args:?}: {stderr}");
        assert_eq!(
            stderr.trim_end().lines().count(),
            1,
            "{program} {args:?}: {stderr}"
        );
    }
}
