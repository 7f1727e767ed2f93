//! Lines that are longer than the window, broken between words.

/// Narrower windows are treated as this wide.
pub const WIDTH_MIN: usize = 20;
/// The share of the width that the beginning of a broken line may be moved in by, as a divisor.
const INDENT_SHARE: usize = 3;

/// `text` in lines of at most `width` columns. What is broken goes on beneath what followed the first gap of three spaces,
/// else beneath the beginning of its line. Escape sequences have no width.
pub fn wrapped(text: &str, width: usize) -> String {
    let width = width.max(WIDTH_MIN);
    let mut fitted = String::with_capacity(text.len());
    for line in text.lines() {
        if columns(line) <= width {
            fitted.push_str(line);
            fitted.push('\n');
        } else {
            break_line(&mut fitted, line, width);
        }
    }
    fitted
}

/// Columns that a line takes.
pub fn columns(line: &str) -> usize {
    pieces(line).filter(|piece| !piece.starts_with('\u{1b}')).map(|piece| piece.chars().count()).sum()
}

/// Text and escape sequences, in turn.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = if rest.starts_with('\u{1b}') {
            rest.find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |at| at + 1)
        } else {
            rest.find('\u{1b}').unwrap_or(rest.len())
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(piece)
    })
}

fn break_line(fitted: &mut String, line: &str, width: usize) {
    let own = line.len() - line.trim_start_matches(' ').len();
    let plain: String = pieces(line).filter(|piece| !piece.starts_with('\u{1b}')).collect();
    let gap = plain[own.min(plain.len())..].find("   ").map(|at| {
        let after = &plain[own + at..];
        let spaces = after.len() - after.trim_start_matches(' ').len();
        plain[..own + at].chars().count() + spaces
    });
    let hanging = gap.filter(|at| *at <= width / INDENT_SHARE).unwrap_or(own).min(width / INDENT_SHARE);
    let mut column = 0;
    // Spaces are kept as they are within a line, and dropped where it is broken.
    for word in line.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ');
        let mut length = columns(bare);
        if column + length > width && column > hanging {
            trim(fitted);
            fitted.push('\n');
            fitted.push_str(&" ".repeat(hanging));
            column = hanging;
            if bare.is_empty() {
                continue;
            }
        }
        let mut shown = word;
        // A word that no line has room for is cut.
        while column + length > width && !shown.contains('\u{1b}') {
            let room = (width - column).max(1);
            let at = shown.char_indices().nth(room).map_or(shown.len(), |(at, _)| at);
            fitted.push_str(&shown[..at]);
            fitted.push('\n');
            fitted.push_str(&" ".repeat(hanging));
            column = hanging;
            shown = &shown[at..];
            length = columns(shown.trim_end_matches(' '));
        }
        fitted.push_str(shown);
        column += columns(shown);
    }
    trim(fitted);
    fitted.push('\n');
}

fn trim(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_broken_hangs_beneath_its_beginning() {
        let text = "  NOT VALID   the generator was the limit and so on\n  short\n";
        assert_eq!(
            wrapped(text, 42),
            "  NOT VALID   the generator was the limit\n              and so on\n  short\n"
        );
        assert_eq!(wrapped("  one two three four five six", 20), "  one two three four\n  five six\n");
    }

    #[test]
    fn escape_sequences_have_no_width() {
        let text = "\u{1b}[1mone two three\u{1b}[0m four five";
        assert_eq!(columns(text), 23);
        assert_eq!(wrapped(text, 20), "\u{1b}[1mone two three\u{1b}[0m four\nfive\n");
    }

    proptest! {
        #[test]
        fn every_line_fits_and_no_word_is_lost(text in "[a-zé ]{0,200}", width in 20usize..100) {
            let fitted = wrapped(&text, width);
            prop_assert!(fitted.lines().all(|line| line.chars().count() <= width), "{}", fitted);
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&fitted), letters(&text));
        }
    }
}
