//! Passwords that are guessed early: a few characters, sequences, walks on a keyboard, and common words with little around them. The
//! list is short, and whoever guesses has a longer one: it keeps the worst away, and does not make others good.

use std::collections::BTreeSet;

use crate::domain::account::Email;

/// Different characters of a password, at least.
const DISTINCT_MIN: usize = 5;
/// Letters that remain of one without the words that are guessed early.
const LETTERS_LEFT_MIN: usize = 4;
/// Characters of a part of the e-mail address that is taken for a word.
const EMAIL_WORD_MIN: usize = 3;

/// Words of passwords that leak often, in lower case.
const WORDS: &[&str] = &[
    "password",
    "passwort",
    "passphrase",
    "secret",
    "welcome",
    "letmein",
    "changeme",
    "default",
    "administrator",
    "admin",
    "root",
    "user",
    "login",
    "guest",
    "test",
    "demo",
    "hello",
    "access",
    "master",
    "server",
    "router",
    "internet",
    "computer",
    "windows",
    "google",
    "facebook",
    "samsung",
    "microsoft",
    "minecraft",
    "porta",
    "monkey",
    "dragon",
    "tiger",
    "eagle",
    "falcon",
    "phoenix",
    "panther",
    "mustang",
    "buster",
    "killer",
    "hunter",
    "ranger",
    "shadow",
    "ninja",
    "pirate",
    "warrior",
    "superman",
    "batman",
    "spiderman",
    "ironman",
    "starwars",
    "pokemon",
    "naruto",
    "matrix",
    "gandalf",
    "football",
    "baseball",
    "basketball",
    "soccer",
    "hockey",
    "liverpool",
    "arsenal",
    "chelsea",
    "barcelona",
    "juventus",
    "yankees",
    "cowboys",
    "lakers",
    "steelers",
    "iloveyou",
    "loveme",
    "lovely",
    "princess",
    "queen",
    "angel",
    "baby",
    "babygirl",
    "sunshine",
    "flower",
    "chocolate",
    "cookie",
    "cheese",
    "banana",
    "orange",
    "summer",
    "winter",
    "spring",
    "autumn",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "michael",
    "jessica",
    "ashley",
    "jennifer",
    "charlie",
    "daniel",
    "thomas",
    "jordan",
    "andrew",
    "robert",
    "matthew",
    "anthony",
    "joshua",
    "nicole",
    "michelle",
    "london",
    "berlin",
    "america",
    "freedom",
    "trustno",
    "whatever",
    "nothing",
    "forever",
    "family",
    "qwerty",
    "qwertz",
    "azerty",
    "asdf",
    "zxcv",
    "qazwsx",
    "edcrfv",
    "пароль",
    "йцукен",
    "админ",
    "администратор",
    "секрет",
    "привет",
    "любовь",
    "солнышко",
    "наташа",
    "максим",
    "спартак",
    "зенит",
    "россия",
    "москва",
];

/// Rows of keys, each of which stands below the one before.
const KEYBOARDS: [[&str; 4]; 2] = [
    ["1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"],
    ["1234567890-=", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю."],
];

/// Letters and what is written for them.
const WRITTEN_FOR: [(char, char); 10] = [
    ('0', 'o'),
    ('1', 'i'),
    ('3', 'e'),
    ('4', 'a'),
    ('5', 's'),
    ('7', 't'),
    ('8', 'b'),
    ('@', 'a'),
    ('$', 's'),
    ('!', 'i'),
];

/// Whether a password is one of those, or little more than a part of the account's address.
pub fn is_guessable(text: &str, email: &Email) -> bool {
    let characters: Vec<char> = text.to_lowercase().chars().collect();
    let distinct: BTreeSet<_> = characters.iter().collect();
    let pairs = characters.len().saturating_sub(1);
    let in_order = characters.windows(2).filter(|pair| is_next(pair[0], pair[1])).count();
    let on_keyboard = characters.windows(2).filter(|pair| are_neighbours(pair[0], pair[1])).count();
    distinct.len() < DISTINCT_MIN
        || in_order * 2 > characters.len()
        // Words have neighbours in them, too, but not so many.
        || on_keyboard * 4 >= pairs * 3
        || is_word_with_little_around(&characters, email)
}

fn is_next(a: char, b: char) -> bool {
    u32::from(a).abs_diff(u32::from(b)) <= 1
}

/// Whether two keys touch each other.
fn are_neighbours(a: char, b: char) -> bool {
    a != b
        && KEYBOARDS.iter().any(|rows| {
            let place = |key| {
                rows.iter()
                    .enumerate()
                    .find_map(|(row, keys)| Some((row, keys.chars().position(|k| k == key)?)))
            };
            let (Some(a), Some(b)) = (place(a), place(b)) else { return false };
            a.0.abs_diff(b.0) <= 1 && a.1.abs_diff(b.1) <= 1
        })
}

fn is_word_with_little_around(characters: &[char], email: &Email) -> bool {
    let of_email = email.as_str().split(|c: char| !c.is_ascii_alphanumeric());
    let words = of_email.filter(|word| word.len() >= EMAIL_WORD_MIN).chain(WORDS.iter().copied());
    let plain: Vec<char> = characters.iter().map(|c| meant(*c)).collect();
    // Some write 1 for an l.
    let other: Vec<char> = characters.iter().map(|c| if *c == '1' { 'l' } else { meant(*c) }).collect();
    let mut is_covered = vec![false; characters.len()];
    for word in words {
        let word: Vec<char> = word.chars().collect();
        for written in [characters, &plain, &other] {
            for (start, part) in written.windows(word.len()).enumerate() {
                if part == word {
                    is_covered[start..start + word.len()].fill(true);
                }
            }
        }
    }
    let left =
        characters.iter().zip(&is_covered).filter(|(c, is_covered)| c.is_alphabetic() && !**is_covered);
    is_covered.contains(&true) && left.count() < LETTERS_LEFT_MIN
}

fn meant(character: char) -> char {
    WRITTEN_FOR.iter().find(|(written, _)| *written == character).map_or(character, |(_, meant)| *meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessable(text: &str) -> bool {
        is_guessable(text, &"greta.lind@hothouse.example".parse().expect("an address"))
    }

    #[test]
    fn what_is_tried_early_is_found() {
        for bad in [
            "aaaaaaaaaaaa",
            "abababababab",
            "abcdefghijkl",
            "1234567890",
            "0987654321",
            "Password123!",
            "P@ssw0rd2024",
            "password-password",
            "qwertyuiop12",
            "1qaz2wsx3edc",
            "q1w2e3r4t5",
            "qazwsxedcrfv",
            "zaq12wsxcde3",
            "qwer1234asdf",
            "йцукенгшщз",
            "Summer2024!",
            "superman123",
            "starwars123",
            "basketball",
            "liverpool1",
            "1iverpoo1!!",
            "portaadmin2026",
            "greta.lind@hothouse.example",
            "Greta-Hothouse1",
            "gr3ta-h0thouse",
            "пароль12345678",
        ] {
            assert!(guessable(bad), "{bad}");
        }
    }

    #[test]
    fn what_somebody_thinks_of_is_not() {
        for good in [
            "password is a kettle",
            "the admin of the moon",
            "7359140286",
            "greta sings at noon",
            "we were at the tree",
            "kettle-moon-river",
            "correct horse battery staple",
            "соловей у воды",
            "tK7$wz-9Qp",
        ] {
            assert!(!guessable(good), "{good}");
        }
    }
}
