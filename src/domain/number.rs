//! Numbers inside field values. A value is text; where it reads as a number, aggregates and filters take it as one.

/// A number, and whether it was written with a decimal comma.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// Finite.
    pub value: f64,
    /// `1,5` instead of `1.5`.
    pub comma: bool,
}

/// Reads a value as a decimal number, with a point or a comma; `None` for anything else, such as `nan`, `0x1F` or text.
pub fn parse(text: &str) -> Option<Number> {
    let text = text.trim();
    let decimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let value: f64 = if text.bytes().all(decimal) {
        text.parse().ok()?
    } else {
        let (whole, fraction) = text.split_once(',')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole.trim_start_matches(['+', '-'])) || !digits(fraction) {
            return None;
        }
        return format!("{whole}.{fraction}").parse().ok().map(|value| Number { value, comma: true });
    };
    value.is_finite().then_some(Number { value, comma: false })
}

/// The shortest decimal text that reads as the same number, as Ruby prints a `Float`: `7.0`, `7.285714285714286`,
/// `1.0e+16`.
pub fn shortest(number: Number) -> String {
    let magnitude = number.value.abs();
    let text = if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        format!("{:?}", number.value)
    } else {
        let text = format!("{:e}", number.value);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let point = if digits.contains('.') { "" } else { ".0" };
        let sign = if exponent.starts_with('-') { '-' } else { '+' };
        format!("{digits}{point}e{sign}{:0>2}", exponent.trim_start_matches('-'))
    };
    with_separator(text, number.comma)
}

/// The number with so many decimals, as C's `%.nf`.
pub fn rounded(number: Number, decimals: u8) -> String {
    with_separator(format!("{:.*}", usize::from(decimals), number.value), number.comma)
}

fn with_separator(text: String, comma: bool) -> String {
    if comma { text.replacen('.', ",", 1) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_that_are_numbers() {
        for (text, value, comma) in [
            ("21.5", 21.5, false),
            (" -3 ", -3.0, false),
            ("+1e3", 1000.0, false),
            (".5", 0.5, false),
            ("1,5", 1.5, true),
            ("-0,25", -0.25, true),
        ] {
            assert_eq!(parse(text), Some(Number { value, comma }), "{text}");
        }
        for text in
            ["", "on", "nan", "inf", "-", "e", ".", ",", "0x1F", "1,2,3", "1 000", "1e999", "1,5e3", "١"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_printed_as_ruby_does() {
        for (value, text) in [
            (7.0, "7.0"),
            (51.0 / 7.0, "7.285714285714286"),
            (0.0001, "0.0001"),
            (0.00001, "1.0e-05"),
            (1e15, "1000000000000000.0"),
            (1e16, "1.0e+16"),
            (-1.5e300, "-1.5e+300"),
            (0.0, "0.0"),
        ] {
            assert_eq!(shortest(Number { value, comma: false }), text);
        }
        assert_eq!(shortest(Number { value: 1.5, comma: true }), "1,5");
        assert_eq!(rounded(Number { value: 25.902_335, comma: false }, 2), "25.90");
        assert_eq!(rounded(Number { value: 2.5, comma: true }, 0), "2");
        assert_eq!(rounded(Number { value: 1.25, comma: true }, 1), "1,2");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_as_the_same(value in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
            let number = Number { value, comma: false };
            prop_assert_eq!(parse(&shortest(number)), Some(number));
        }

        #[test]
        fn any_text_is_a_number_or_not(text in ".{0,20}") {
            prop_assert!(parse(&text).is_none_or(|number| number.value.is_finite()));
        }
    }
}
