//! Colours for pages in a terminal. They are put on after a page was laid out, so that widths are those of the text.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::layout::LABEL;

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// Words for states, and events, wherever they stand.
const WORDS: [(&str, Style); 16] = [
    ("online", GOOD),
    ("ready", GOOD),
    ("covered", GOOD),
    ("connected", GOOD),
    ("mailserverAvailable", GOOD),
    ("history:completed", GOOD),
    ("window:covered", GOOD),
    ("suspect", DOUBTFUL),
    ("asleep", DOUBTFUL),
    ("waiting", DOUBTFUL),
    ("window:opened", DOUBTFUL),
    ("audit:short", DOUBTFUL),
    ("offline", BAD),
    ("history:failed", BAD),
    ("node:deaf", BAD),
    ("actor:restarted", BAD),
];

/// The page of fields with their labels bold, and what is well or not in its colour.
pub(super) fn paint(page: &str) -> String {
    let mut painted = String::with_capacity(page.len() * 2);
    for line in page.split_inclusive('\n') {
        let (label, told) = parts(line);
        let style = if label.trim().is_empty() {
            Style::new()
        } else {
            BOLD
        };
        let _ = write!(painted, "{style}{label}{style:#}");
        paint_words(&mut painted, told);
    }
    painted
}

/// A label with the blanks after it, two at least, if the line begins with one; and the rest.
fn parts(line: &str) -> (&str, &str) {
    let is_label = |it: &&str| {
        let name = it.trim_end();
        let small = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b' ');
        it.len() > name.len() + 1 && !name.is_empty() && !name.starts_with(' ') && small
    };
    match line.get(..LABEL).filter(is_label) {
        Some(label) => (label, &line[LABEL..]),
        None => ("", line),
    }
}

/// Each of the [`WORDS`] in its colour.
fn paint_words(painted: &mut String, told: &str) {
    for piece in told.split_inclusive([' ', ',', ':', '\n']) {
        let bare = piece.trim_end_matches([' ', ',', ':', '\n']);
        match WORDS.iter().find(|(word, _)| *word == bare) {
            Some((_, style)) => {
                let rest = &piece[bare.len()..];
                let _ = write!(painted, "{style}{bare}{style:#}{rest}");
            }
            None => painted.push_str(piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(painted: &str) -> String {
        anstream::adapter::strip_str(painted).to_string()
    }

    #[test]
    fn states_have_their_colours_and_labels_are_bold() {
        let page = "node       ready, says it is offline\n           store-01, connected for 5s\n";
        let painted = paint(page);
        assert_eq!(plain(&painted), page);
        for piece in [
            format!("{BOLD}node       {BOLD:#}{GOOD}ready{GOOD:#}, "),
            format!("{BAD}offline{BAD:#}\n           store-01, "),
            format!("{GOOD}connected{GOOD:#} for"),
        ] {
            assert!(painted.contains(&piece), "{piece:?} in {painted:?}");
        }
    }

    #[test]
    fn other_lines_have_no_label() {
        for page in [
            "covered up to now\n",
            "* store-01.do yes\n",
            "äöüäöüäöüäöü\n",
            "",
            "\n",
        ] {
            let painted = paint(page);
            assert_eq!(plain(&painted), page);
            assert!(!painted.contains(&BOLD.to_string()), "{painted:?}");
        }
    }
}
