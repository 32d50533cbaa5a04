//! The page: a figure for each picture, which the script fills. maud escapes whatever is put in.

use groupcache::Member;
use maud::{DOCTYPE, Markup, html};

use crate::escape::escape;

pub(super) const STYLE: &str = include_str!("gallery.css");
pub(super) const SCRIPT: &str = include_str!("gallery.js");

/// The width that the page asks for, in pixels.
const WIDTH: u32 = 480;

/// The gallery as `this` node of the `members` shows it.
pub(super) fn gallery(this: &Member, members: &[Member], pictures: &[String]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/gallery.css";
                title { "Thumbnails of " (this.url()) }
                script src="/gallery.js" defer {}
            }
            body {
                header {
                    h1 { "Thumbnails" }
                    nav aria-label="Nodes" {
                        @for (number, member) in (1..).zip(members) {
                            a href=(member.url()) aria-current=[(member == this).then_some("page")] { "Node " (number) }
                        }
                    }
                    button type="button" id="again" { "Ask again" }
                    p id="summary" role="status" {}
                }
                main {
                    @if pictures.is_empty() {
                        p { "There is no PNG or JPEG picture in the folder." }
                    }
                    @for path in pictures { (figure(path)) }
                }
                footer { (legend()) }
            }
        }
    }
}

fn figure(path: &str) -> Markup {
    let thumbnail = format!("/api/thumbnail?path={}&w={WIDTH}", escape(path.as_bytes()));
    html! {
        figure data-thumbnail=(thumbnail) {
            img alt=(path);
            noscript { img src=(thumbnail) alt=(path); }
            figcaption {
                span.path title=(path) { (path) }
                span.source {}
                span.time {}
            }
        }
    }
}

fn legend() -> Markup {
    html! {
        h2 { "Where a thumbnail came from" }
        dl {
            @for (source, meaning) in [
                ("origin", "this node made it"),
                ("peer", "the node that owns it sent it"),
                ("main", "from memory: this node owns it"),
                ("hot", "from memory: a mirror, because it is popular"),
                ("stale", "from memory, past its time, while it is made again"),
                ("placeholder", "it takes a while, and comes soon"),
            ] {
                dt { span.source data-source=(source) { (source) } }
                dd { (meaning) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_picture_is_called_is_text_on_the_page() {
        let this: Member = "http://127.0.0.1:1".parse().unwrap();
        let path = r#""><script>alert('&')</script>.png"#.to_owned();
        let page = gallery(&this, std::slice::from_ref(&this), &[path]).into_string();
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert"), "{page}");
        assert!(page.contains("path=%22%3E%3Cscript%3E"), "{page}");
    }
}
