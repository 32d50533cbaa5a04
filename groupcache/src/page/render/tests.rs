use super::{Fragments, document};
use crate::page::fixtures::{failure, fell_ill, group, hot_key, report, snapshot};
use crate::page::key_answer::KeyAnswer;
use crate::page::query::Query;
use crate::{Key, NodeReport};

const SCRIPT: &str = "</code><script>alert(1)</script>\"'&";

fn page(report: NodeReport, query: &str) -> String {
    document(&snapshot(report), &Query::parse(query), None).into_string()
}

/// The page without what is the same on every page.
fn body(page: &str) -> &str {
    let from = page.find("<header").unwrap();
    &page[from..page.find("<script>").unwrap()]
}

#[test]
fn whatever_a_name_or_key_holds_is_text() {
    let mut of = group(SCRIPT);
    of.hot_keys = vec![hot_key(SCRIPT, 9.0), hot_key(&b"\xff<script>"[..], 1.0)];
    of.failures = vec![failure(SCRIPT, SCRIPT)];
    let mut report = report(3, vec![of]);
    report.cluster = Some(SCRIPT.to_owned());
    fell_ill(&mut report.ring.peers[1]);
    report.ring.peers[1].failures[0].text = SCRIPT.into();
    let query = Query {
        group: Some(SCRIPT.to_owned()),
        key: Some(Key::from(SCRIPT)),
        key_group: Some(SCRIPT.to_owned()),
        members: Some(SCRIPT.to_owned()),
        from: 0,
    };
    for query in ["", &query.to_suffix()[1..]] {
        let answer = KeyAnswer::NoSuchGroup {
            group: SCRIPT.to_owned(),
        };
        let html = document(
            &snapshot(report.clone()),
            &Query::parse(query),
            Some(&answer),
        )
        .into_string();
        assert!(!body(&html).contains("<script"), "{html}");
        assert_eq!(html.matches("<script").count(), 1, "its own");
        assert!(html.contains("&lt;script&gt;"));
    }
}

#[test]
fn hidden_keys_lead_nowhere() {
    let mut of = group("g");
    of.hot_keys = vec![hot_key("#0123456789abcdef", 9.0)];
    let mut report = report(1, vec![of]);
    report.keys_are_hidden = true;
    let html = page(report, "");
    assert!(html.contains("#0123456789abcdef"));
    assert!(!html.contains("key=%23"), "a link to what is no key");
}

#[test]
fn a_large_cluster_fits_on_a_page() {
    let mut of = group("g");
    of.hot_keys = (0..10_000)
        .map(|n| hot_key(format!("key-{n}"), 10_000.0 - f64::from(n)))
        .collect();
    let groups: Vec<_> = (0..500)
        .map(|n| {
            let mut of = of.clone();
            of.name = format!("group-{n:03}");
            of
        })
        .collect();
    let mut report = report(1000, groups);
    for peer in &mut report.ring.peers[900..] {
        fell_ill(peer);
    }
    let snapshot = snapshot(report);
    for query in ["", "group=group-007", "members=10.0.1.&from=150"] {
        let query = Query::parse(query);
        let html = document(&snapshot, &query, None).into_string();
        assert!(html.len() < 250_000, "{} bytes", html.len());
        let update: usize = Fragments::new(&snapshot, &query)
            .parts
            .iter()
            .map(|part| part.html.0.len())
            .sum();
        assert!(update < 200_000, "{update} bytes");
    }
    let html = document(&snapshot, &Query::default(), None).into_string();
    assert!(html.contains("100 of 1000 members are down"));
    assert!(html.contains("Rows 1 to 50 of 1000"));
    assert!(html.contains("and 9,992 more"));
    assert!(
        html.contains("and 292 more, in the JSON"),
        "groups that are only named"
    );
    let one = document(&snapshot, &Query::parse("group=group-007"), None).into_string();
    assert!(one.contains("and 9,900 more"));
}

#[test]
fn members_that_are_down_come_first_and_others_can_be_looked_for() {
    let mut report = report(1000, Vec::new());
    fell_ill(&mut report.ring.peers[999]);
    let html = page(report.clone(), "");
    let (ill, well) = (html.find("10.0.3.249"), html.find("10.0.0.1:8080"));
    let rows = html.find("<tbody").unwrap();
    assert!(
        html[rows..].find("10.0.3.249") < html[rows..].find("10.0.0.1:8080"),
        "{ill:?} {well:?}"
    );
    let html = page(report.clone(), "members=10.0.2.1:");
    assert_eq!(
        html.matches("<tr role=\"row\"").count(),
        2,
        "the head and one member"
    );
    let html = page(report, "members=nobody");
    assert!(html.contains("No member has that"));
}

#[test]
fn each_part_stands_on_the_page_once_as_an_update_brings_it() {
    let mut other = group("other");
    other.hot_keys = vec![hot_key("k", 1.0)];
    let snapshot = snapshot(report(3, vec![group("g"), other]));
    let query = Query::default();
    let html = document(&snapshot, &query, None).into_string();
    let fragments = Fragments::new(&snapshot, &query);
    assert_eq!(fragments.parts.len(), 3 + 2 * 6);
    for part in &fragments.parts {
        let element = format!(
            "<div class=\"part\" id=\"{}\">{}</div>",
            part.id, part.html.0
        );
        assert_eq!(html.matches(&element).count(), 1, "{}", part.id);
    }
    assert!(html.contains(&format!("data-shape=\"{}\"", fragments.shape)));
    let one = Fragments::new(&snapshot, &Query::parse("group=other"));
    assert_ne!(one.shape, fragments.shape);
}

#[test]
fn ids_are_unique_and_labels_lead_somewhere() {
    let html = page(
        report(60, vec![group("a"), group("b")]),
        "members=10&key=k&group=a",
    );
    let attributes = |name: &str| -> Vec<String> {
        let mark = format!(" {name}=\"");
        let found = html
            .match_indices(&mark)
            .map(|(at, mark)| &html[at + mark.len()..]);
        found
            .map(|rest| rest[..rest.find('"').unwrap()].to_owned())
            .collect()
    };
    let mut ids = attributes("id");
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let references = [attributes("for"), attributes("aria-labelledby")].concat();
    for id in references.iter().flat_map(|ids| ids.split(' ')) {
        assert!(ids.iter().any(|known| known == id), "{id}");
    }
}
