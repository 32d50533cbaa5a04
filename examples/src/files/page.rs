//! The page: the files, and a player. maud escapes whatever is put in.

use groupcache::Member;
use maud::{DOCTYPE, Markup, html};

use crate::escape::escape;

pub(super) const STYLE: &str = include_str!("files.css");

/// The files as `this` node of the `members` shows them.
pub(super) fn list(
    this: &Member,
    members: &[Member],
    files: &[String],
    play: Option<&str>,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/files.css";
                title { "Files of " (this.url()) }
            }
            body {
                header {
                    h1 { "Files" }
                    nav aria-label="Nodes" {
                        @for (number, member) in (1..).zip(members) {
                            a href=(member.url()) aria-current=[(member == this).then_some("page")] { "Node " (number) }
                        }
                    }
                }
                main {
                    @if let Some(path) = play {
                        figure {
                            video src=(source(path)) controls autoplay preload="metadata" {}
                            figcaption { (path) }
                        }
                    }
                    @if files.is_empty() { p { "There is no file in the folder." } }
                    ul {
                        @for path in files {
                            li {
                                a href=(source(path)) { (path) }
                                @if plays(path) {
                                    " " a.play href={ "/?play=" (escape(path.as_bytes())) } { "Play" }
                                }
                            }
                        }
                    }
                }
                footer {
                    p { "Ranges of a file, from any node:" }
                    pre { "curl -r 0-99 " (this.url()) "/files/PATH" }
                }
            }
        }
    }
}

/// Where a file is. The slashes of its path are those of the URL.
fn source(path: &str) -> String {
    let parts: Vec<String> = path
        .split('/')
        .map(|part| escape(part.as_bytes()))
        .collect();
    format!("/files/{}", parts.join("/"))
}

fn plays(path: &str) -> bool {
    let kind = mime_guess::from_path(path).first_raw();
    kind.is_some_and(|kind| kind.starts_with("video/") || kind.starts_with("audio/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_file_is_called_is_text_on_the_page() {
        let this: Member = "http://127.0.0.1:1".parse().unwrap();
        let path = r#"a/"><script>alert('&')</script>.mp4"#;
        let files = [path.to_owned()];
        let page = list(&this, std::slice::from_ref(&this), &files, Some(path)).into_string();
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("src=\"/files/a/%22%3E%3Cscript%3E"), "{page}");
        assert!(page.contains("href=\"/?play=a%2F%22%3E"), "{page}");
    }
}
