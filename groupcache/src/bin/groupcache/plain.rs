//! Texts of others, on their way to a terminal.
//!
//! Keys, names and errors come from peers and may hold anything, such as the escape sequences by which a terminal is told
//! to rename its window, to hide text, or to type. All of them are written with these functions.

/// The longest text that is shown, in characters.
const LONGEST: usize = 1000;

/// A text with the characters escaped that a terminal takes for orders, or that reorder what is read. A very long one
/// is cut short.
pub(super) fn plain(text: &str) -> String {
    let mut shown = escaped(text.chars().take(LONGEST));
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A text in full, of several lines, with such characters escaped.
pub(super) fn plain_lines(text: &str) -> String {
    let lines = text.split('\n').map(|line| escaped(line.chars()));
    lines.collect::<Vec<_>>().join("\n")
}

/// A text of JSON in which such characters are escaped, too. They stand in strings alone.
pub(super) fn plain_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for char in json.chars() {
        if is_order(char) && char != '\n' {
            // All of them are in the first plane, so that one unit of UTF-16 holds each.
            shown.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            shown.push(char);
        }
    }
    shown
}

fn escaped(chars: impl Iterator<Item = char>) -> String {
    let mut shown = String::new();
    for char in chars {
        if is_order(char) {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Control characters, those that end lines, and those that turn the direction of a text.
fn is_order(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_orders() {
        let hostile = "a\u{1b}]0;owned\u{7}\u{9b}2J\r\nb\u{202e}c é";
        let shown = plain(hostile);
        assert_eq!(shown, r"a\u{1b}]0;owned\u{7}\u{9b}2J\r\nb\u{202e}c é");
        assert_eq!(plain_lines("a\nb\u{1b}"), "a\nb\\u{1b}");
        assert_eq!(plain(&"x".repeat(2 * LONGEST)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn json_means_the_same_without_them() {
        let hostile = "\u{1b}\u{7f}\u{9b}\u{202e}\u{feff}é\n";
        let json = plain_json(&serde_json::to_string_pretty(&[hostile]).unwrap());
        assert!(json.chars().all(|char| !is_order(char) || char == '\n'));
        let read: Vec<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, [hostile]);
    }
}
