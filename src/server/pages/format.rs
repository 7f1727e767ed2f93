//! Quantities on pages: as [`crate::domain::unit`] writes them, with the units of the reader's language. What is not
//! known is a dash.

use std::time::Duration;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use serde::Deserialize as _;

use super::words;
use crate::domain::unit::{self, UtcMillis};

/// What stands where nothing is known.
pub const UNKNOWN: &str = "–";
/// A space at which no line ends: between digits, and before a unit.
const NO_BREAK: &str = "\u{a0}";
/// Bytes of a character that is escaped: `&quot;`.
const ESCAPED_BYTES_MAX: usize = 6;
/// Units in Russian.
const RUSSIAN_UNITS: [(&str, &str); 8] = [
    (" rps", " запр/с"),
    (" frames", " кадров"),
    (" ms", " мс"),
    (" kB", " кБ"),
    (" MB", " МБ"),
    (" GB", " ГБ"),
    (" TB", " ТБ"),
    (" B", " Б"),
];

/// Units of durations in Russian, longest first.
const RUSSIAN_DURATIONS: [(&str, &str); 12] = [
    ("months", "мес"),
    ("month", "мес"),
    ("years", "г"),
    ("year", "г"),
    ("days", "д"),
    ("day", "д"),
    ("ms", "мс"),
    ("us", "мкс"),
    ("h", "ч"),
    ("m", "мин"),
    ("s", "с"),
    ("d", "д"),
];

/// Adds what templates write quantities with.
pub fn add_filters(templates: &mut Environment<'static>) {
    let mut numbers = |name, show: fn(&str, f64) -> String| {
        templates.add_filter(name, move |state: &State, value: &Value| {
            let shown = number(value)?.map(|value| show(&language(state), value));
            Ok::<_, Error>(shown.map_or_else(|| UNKNOWN.to_owned(), |text| text.replace(' ', NO_BREAK)))
        });
    };
    numbers("millis", |language, ms| in_language(language, unit::millis(Some(ms))));
    numbers("bytes", |language, bytes| in_language(language, unit::bytes(bytes.max(0.0) as u64)));
    numbers("seconds", length);
    numbers("percent", |_, value| unit::percent(value));
    numbers("signed_percent", |_, value| unit::signed_percent(value));
    numbers("rate", |_, value| unit::rate(value));
    numbers("significant", |_, value| unit::significant(value));
    numbers("count", |_, count| unit::count(count.max(0.0) as u64));
    numbers("minutes", |_, seconds| unit::minutes(Duration::try_from_secs_f64(seconds).unwrap_or_default()));
    numbers("lasted", lasted);
    templates.add_filter("beginning", beginning);
    templates.add_filter("time", time);
    templates.add_filter("fill", |text: &str, values: Kwargs| words::fill(text, values));
    templates.add_filter("plural", plural);
}

/// A number; `None` for one that is not known. A name that the template does not know is an error.
fn number(value: &Value) -> Result<Option<f64>, Error> {
    if value.is_none() {
        return Ok(None);
    }
    f64::try_from(value.clone()).map(Some)
}

/// How long something takes: `60 s`, `1.99 s`, `10 min`, `4 h`.
fn length(language: &str, seconds: f64) -> String {
    let [second, minute, hour] = if language == "ru" { ["с", "мин", "ч"] } else { ["s", "min", "h"] };
    let whole = |unit: f64| seconds >= 2.0 * unit && seconds % unit == 0.0;
    if whole(3600.0) {
        format!("{} {hour}", unit::count((seconds / 3600.0) as u64))
    } else if whole(60.0) {
        format!("{} {minute}", unit::count((seconds / 60.0) as u64))
    } else if seconds.fract() == 0.0 && seconds >= 0.0 {
        format!("{} {second}", unit::count(seconds as u64))
    } else {
        format!("{} {second}", unit::significant(seconds))
    }
}

/// How long something has lasted so far: `30 d`, `5 h`, `12 min`, `7 s`.
fn lasted(language: &str, seconds: f64) -> String {
    let [second, minute, hour, day] =
        if language == "ru" { ["с", "мин", "ч", "д"] } else { ["s", "min", "h", "d"] };
    let units = [(86_400.0, day), (3600.0, hour), (60.0, minute)];
    let unit = units.into_iter().find(|(length, _)| seconds >= 2.0 * length).unwrap_or((1.0, second));
    format!("{} {}", unit::count((seconds.max(0.0) / unit.0) as u64), unit.1)
}

/// `text | beginning(300)`: as much of a text as takes no more bytes on a page, however it is escaped, and an ellipsis for
/// the rest.
fn beginning(text: &str, bytes_max: usize) -> String {
    let mut bytes = 0;
    for (at, character) in text.char_indices() {
        bytes += if "&<>\"'".contains(character) { ESCAPED_BYTES_MAX } else { character.len_utf8() };
        if bytes > bytes_max {
            return format!("{}…", &text[..at]);
        }
    }
    text.to_owned()
}

fn language(state: &State) -> String {
    state.lookup("language").map(|language| language.to_string()).unwrap_or_default()
}

/// A quantity with its unit, or a duration such as `1h 30m`, in a language.
pub fn in_language(language: &str, text: String) -> String {
    quantity(language, &text).unwrap_or(text)
}

/// The same; `None` for what is neither.
pub fn quantity(language: &str, text: &str) -> Option<String> {
    if language != "ru" {
        return None;
    }
    // `70 %`, `17`.
    if !text.contains(char::is_alphabetic) {
        return Some(text.to_owned());
    }
    let part = |part: &str| -> Option<String> {
        let digits = part.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let (number, unit) = part.split_at(digits);
        let (_, russian) = RUSSIAN_DURATIONS.iter().find(|(english, _)| unit == *english)?;
        Some(format!("{number} {russian}"))
    };
    let parts: Option<Vec<_>> = text.split(' ').map(part).collect();
    let with_unit = || {
        let units = RUSSIAN_UNITS.iter();
        let mut found = units.filter_map(|(english, russian)| Some((text.strip_suffix(english)?, russian)));
        found.next().map(|(number, russian)| format!("{number}{russian}"))
    };
    parts.map(|parts| parts.join(" ")).or_else(with_unit)
}

/// An instant, UTC, for people and for machines.
fn time(instant: Value) -> Result<Value, Error> {
    if instant.is_none() {
        return Ok(Value::from(UNKNOWN));
    }
    let instant = UtcMillis::deserialize(instant)?;
    Ok(Value::from_safe_string(format!("<time datetime=\"{instant}\">{}</time>", instant.to_minute())))
}

/// `forms | plural(3, name="x")`: the form that goes with the number, which takes the place of `{n}`.
fn plural(state: &State, forms: Value, count: u64, values: Kwargs) -> Result<String, Error> {
    let form = words::form(&language(state), count);
    let form = forms.get_attr(form)?;
    let text = form
        .as_str()
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "a form of the word is missing"))?;
    let names: Vec<String> = values.args().map(str::to_owned).collect();
    let mut all = vec![("n".to_owned(), Value::from(unit::count(count)))];
    for name in names {
        let value = values.get(&name)?;
        all.push((name, value));
    }
    words::fill(text, all.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use minijinja::context;
    use minijinja::value::Serde;

    use super::*;

    fn shown(language: &str, template: &str, data: Value) -> String {
        let mut templates = Environment::new();
        add_filters(&mut templates);
        let data = context! { language, ..data };
        templates.render_named_str("t.html", template, data).expect("rendered")
    }

    #[test]
    fn quantities_have_the_units_of_the_language() {
        let data = || context! { a => 1.424, b => 20_480, n => (), t => Serde(UtcMillis(1_795_295_040_123)) };
        let template =
            "{{ a|millis }}, {{ b|bytes }}, {{ n|millis }}, {{ b|count }}, {{ a|percent }}, {{ a|seconds }}";
        assert_eq!(
            shown("en", template, data()),
            "1.42 ms, 20.5 kB, –, 20 480, 1.4 %, 1.42 s".replace(' ', NO_BREAK).replace(",\u{a0}", ", ")
        );
        assert_eq!(
            shown("ru", template, data()),
            "1.42 мс, 20.5 кБ, –, 20 480, 1.4 %, 1.42 с".replace(' ', NO_BREAK).replace(",\u{a0}", ", ")
        );
        assert_eq!(
            shown("en", "{{ t|time }}", data()),
            "<time datetime=\"2026-11-21T21:04:00.123Z\">2026-11-21 21:04</time>"
        );
    }

    #[test]
    fn a_length_has_the_unit_that_fits() {
        for (seconds, text) in
            [(60.0, "60 s"), (119.0, "119 s"), (120.0, "2 min"), (14_400.0, "4 h"), (1.99, "1.99 s")]
        {
            assert_eq!(length("en", seconds), text);
        }
        assert_eq!(length("ru", 600.0), "10 мин");
    }

    #[test]
    fn what_has_lasted_has_the_largest_unit() {
        for (seconds, text) in
            [(0.0, "0 s"), (119.0, "119 s"), (121.0, "2 min"), (9000.0, "2 h"), (2_592_007.0, "30 d")]
        {
            assert_eq!(lasted("en", seconds), text);
        }
        assert_eq!(lasted("ru", 2_592_007.0), "30 д");
    }

    #[test]
    fn a_long_text_is_cut_by_what_it_takes_on_a_page() {
        for (text, cut) in
            [("abcdef", "abcdef"), ("abcdefg", "abcdef…"), ("a\"b", "a…"), ("éééé", "ééé…"), ("", "")]
        {
            assert_eq!(beginning(text, 6), cut);
        }
    }

    #[test]
    fn a_name_that_nobody_has_given_is_an_error() {
        let mut templates = Environment::new();
        add_filters(&mut templates);
        for template in ["{{ nothing|millis }}", "{{ nothing|time }}", "{{ 'text'|count }}"] {
            assert!(templates.render_str(template, context! {}).is_err(), "{template}");
        }
    }

    #[test]
    fn words_agree_with_numbers_and_are_escaped() {
        let data = || context! { f => context! { one => "{n} запуск {x}", few => "{n} запуска {x}", many => "{n} запусков {x}" } };
        assert_eq!(shown("ru", "{{ f|plural(1, x='<') }}", data()), "1 запуск &lt;");
        assert_eq!(shown("ru", "{{ f|plural(2000, x='') }}", data()), "2 000 запусков ");
    }
}
