//! Takes secrets out of a text before it is kept.

use std::ops::Range;

use super::agent::kept;
use super::secret::{KEY_LENGTH, KEY_LENGTHS, TOKEN_DIGITS, TOKEN_MARK};

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";
/// Bytes of a secret that is looked for, and more.
const SECRET_BYTES_MAX: usize = 128;
/// A run of capitals and digits beyond this is no key between others: to ask about each part of it would take long.
const RUN_MAX: usize = 3 * KEY_LENGTH;

/// A text without admin tokens, which their beginning tells, and without what `is_secret` knows. That is asked about
/// whatever has the form of an API key: each sixteen capitals and digits in a row, and each word of 8 to 64 characters, cut at
/// white space, and once more at what stands around a value.
///
/// # Errors
/// As `is_secret`.
pub fn redact<E>(text: &str, mut is_secret: impl FnMut(&str) -> Result<bool, E>) -> Result<String, E> {
    let mut secrets = tokens(text);
    for candidate in candidates(text) {
        if is_secret(&text[candidate.clone()])? {
            secrets.push(candidate);
        }
    }
    Ok(without(text, secrets))
}

/// The beginning of a text, at most so many bytes, [without secrets](redact), and whether that is all of it. Where more follows,
/// what may be the first half of a secret is not kept.
///
/// # Errors
/// As `is_secret`.
pub fn beginning<E>(
    text: &str,
    bytes_max: usize,
    is_secret: impl FnMut(&str) -> Result<bool, E>,
) -> Result<(String, bool), E> {
    let (looked_through, is_all) = kept(text, bytes_max + SECRET_BYTES_MAX);
    let clean = redact(looked_through, is_secret)?;
    let certain = if is_all { clean.len() } else { clean.len().saturating_sub(SECRET_BYTES_MAX) };
    let (beginning, is_whole) = kept(&clean, certain.min(bytes_max));
    Ok((beginning.to_owned(), is_all && is_whole))
}

/// Whether a text has anything in it that [`redact`] would take out or ask about.
pub fn is_suspicious(text: &str) -> bool {
    !tokens(text).is_empty() || !candidates(text).is_empty()
}

/// A text without `secret`, wherever it stands.
pub fn without_secret(text: &str, secret: &str) -> String {
    text.replace(secret, REDACTED)
}

fn tokens(text: &str) -> Vec<Range<usize>> {
    let token = |(at, _): (usize, &str)| {
        let digits = text[at + TOKEN_MARK.len()..].bytes().take_while(u8::is_ascii_hexdigit).count();
        (digits >= TOKEN_DIGITS).then(|| at..at + TOKEN_MARK.len() + digits)
    };
    text.match_indices(TOKEN_MARK).filter_map(token).collect()
}

fn candidates(text: &str) -> Vec<Range<usize>> {
    let is_space = |c: char| c.is_whitespace() || c.is_control();
    let is_around = |c: char| is_space(c) || "\"'`=&?;,:<>()[]{}|\\/".contains(c);
    let mut found: Vec<_> = words(text, is_space).chain(words(text, is_around)).collect();
    found.retain(|word| KEY_LENGTHS.contains(&word.len()));
    let is_key_letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    for run in words(text, |c| !is_key_letter(c)).filter(|run| run.len() <= RUN_MAX) {
        // One that is shorter has no key in it.
        let keys = (run.len() + 1).saturating_sub(KEY_LENGTH);
        found.extend((run.start..run.start + keys).map(|start| start..start + KEY_LENGTH));
    }
    found.sort_unstable_by_key(|range| (range.start, range.end));
    found.dedup();
    found
}

/// Where the pieces between characters that `cuts` are.
fn words(text: &str, cuts: impl Fn(char) -> bool) -> impl Iterator<Item = Range<usize>> {
    let start = text.as_ptr() as usize;
    text.split(cuts).filter(|word| !word.is_empty()).map(move |word| {
        let at = word.as_ptr() as usize - start;
        at..at + word.len()
    })
}

fn without(text: &str, mut secrets: Vec<Range<usize>>) -> String {
    secrets.sort_unstable_by_key(|range| range.start);
    let mut rest = 0;
    let mut clean = String::with_capacity(text.len());
    for secret in secrets {
        if secret.start >= rest {
            clean.push_str(&text[rest..secret.start]);
            clean.push_str(REDACTED);
        }
        rest = rest.max(secret.end);
    }
    clean.push_str(&text[rest..]);
    clean
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn redacted(text: &str, secrets: &[&str]) -> String {
        let known = |word: &str| Ok::<_, Infallible>(secrets.contains(&word));
        redact(text, known).unwrap_or_else(|never| match never {})
    }

    #[test]
    fn keys_go_wherever_they_stand() {
        let key = "ABCDEFGH12345678";
        for text in [
            "curl -d 'api_key=ABCDEFGH12345678&field1=1' http://x/update",
            "xABCDEFGH12345678x",
            "9ABCDEFGH123456789",
            "ABCDEFGH12345678",
            "жABCDEFGH12345678ж ABCDEFGH12345678",
        ] {
            let clean = redacted(text, &[key]);
            assert!(!clean.contains(key) && clean.contains(REDACTED), "{clean}");
            assert_eq!(redacted(text, &[]), text, "what is none stays");
        }
        assert_eq!(redacted("key=my=own&key now", &["my=own&key"]), "key=my=own&key now");
        assert_eq!(redacted("key my=own&key now", &["my=own&key"]), "key [redacted] now");
    }

    #[test]
    fn a_secret_that_is_cut_at_the_end_is_not_kept() {
        let key = "ABCDEFGH12345678";
        for before in 0..200 {
            let text = format!("{}{key} {}", "x ".repeat(before), "y".repeat(300));
            let known = |word: &str| Ok::<_, Infallible>(word == key);
            let (kept, is_all) = beginning(&text, 100, known).unwrap_or_else(|never| match never {});
            assert!(!kept.contains("ABC") && kept.len() <= 100 && !is_all, "{before}: {kept}");
        }
        let all = beginning("short", 100, |_| Ok::<_, Infallible>(false));
        assert_eq!(all, Ok(("short".into(), true)));
    }

    #[test]
    fn only_a_suspicious_text_is_asked_about() {
        assert!(!is_suspicious("echo hello") && !is_suspicious(""));
        for text in ["ABCDEFGH12345678", "curl my=own&key", "xABCDEFGH12345678"] {
            assert!(is_suspicious(text), "{text}");
        }
    }

    #[test]
    fn admin_tokens_go_without_being_asked_about() {
        let token = format!("porta_{}", "0a".repeat(32));
        assert_eq!(redacted(&format!("Bearer {token}, porta_ab"), &[]), "Bearer [redacted], porta_ab");
    }

    proptest! {
        #[test]
        fn whatever_has_no_secret_stays_as_it_is(text in "(.|[A-Z0-9]{0,20}|porta_[0-9a-f]{0,20}){0,20}") {
            prop_assert_eq!(redacted(&text, &[]), text);
        }

        #[test]
        fn a_key_between_anything_but_key_letters_never_stays(
            before in "[a-zж \\n=]{0,40}", key in "[A-Z0-9]{16}", after in "[a-zж \\n&]{0,40}",
        ) {
            let text = format!("{before}{key}{after}");
            prop_assert!(!redacted(&text, &[&key]).contains(&key));
            prop_assert_eq!(redacted(&text, &[]), text);
        }
    }
}
