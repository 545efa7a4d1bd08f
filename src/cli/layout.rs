//! Fitting text into a terminal.
//!
//! A row is one `format!` where it is printed. What a crate for tables would not do is done here: keep both ends of an
//! address, and no control character of others.

/// The width that everything fits in.
pub(super) const WIDTH: usize = 80;

/// The width of the label that a field begins with, and of the blank after it.
pub(super) const LABEL: usize = 11;

/// Shortens to a number of columns; what was cut out of the middle is marked.
pub(super) fn shorten(text: &str, width: usize) -> String {
    let text = printable(text);
    let count = text.chars().count();
    if count <= width {
        return text;
    }
    // The end of an address (port, peer id) tells as much as its beginning.
    let tail = width.saturating_sub(1) / 2;
    let head = width.saturating_sub(1 + tail);
    let front = text.chars().take(head);
    front
        .chain(['…'])
        .chain(text.chars().skip(count - tail))
        .collect()
}

/// Names come from nodes and files of others: no control character of theirs reaches the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Cuts into pieces of at most `width` columns.
pub(super) fn pieces(text: &str, width: usize) -> Vec<String> {
    let chars: Vec<char> = printable(text).chars().collect();
    if chars.is_empty() {
        return vec![String::new()];
    }
    chars
        .chunks(width.max(1))
        .map(|piece| piece.iter().collect())
        .collect()
}

/// Cuts between words into lines of at most `width` columns; a word that is longer is shortened.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in printable(text).split_whitespace() {
        let word = shorten(word, width);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// A line without blanks at its end.
pub(super) fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_survive() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("/dns4/host/tcp/1/p2p/16Uiu2abc", 11), "/dns4…u2abc");
        assert_eq!(shorten("äöüäöü", 4).chars().count(), 4);
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(shorten("a\u{1b}[31mb\n", 80), "a\u{fffd}[31mb\u{fffd}");
    }

    #[test]
    fn lines_are_cut_between_words() {
        assert_eq!(wrap("ab cd ef", 5), ["ab cd", "ef"]);
        assert_eq!(wrap("a bcdefgh", 4), ["a", "bc…h"]);
        assert_eq!(wrap("a\u{1b}b", 4), ["a\u{fffd}b"]);
    }

    #[test]
    fn pieces_hold_everything() {
        assert_eq!(pieces("abcde", 2), ["ab", "cd", "e"]);
        assert_eq!(pieces("", 2), [""]);
    }
}
