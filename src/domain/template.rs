//! Bodies of requests with places that differ from one request to the next.
//!
//! | placeholder | becomes |
//! |---|---|
//! | `{{number 1..6}}` | a random number, both ends included, with as many decimals as the ends have: `{{number 0.0..100.0}}` |
//! | `{{counter}}`, `{{counter 1000}}` | 1, 2, 3 and so on, or from that number; never the same twice in a run |
//! | `{{choice red\|green\|blue}}` | one of them; `{{choice {{}}` is how two braces are written |
//! | `{{uuid}}` | a random UUID |

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Decimals of a number.
const DECIMALS_MAX: u32 = 9;
/// Bytes of a template.
pub const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;

/// A body that is written anew for each request.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
    /// Bytes of the last body, so that the next needs no second allocation in most cases.
    length: AtomicU64,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// A number from `low` to `high` in units of 10^-decimals.
    Number {
        low: i64,
        high: i64,
        decimals: u32,
    },
    Counter(AtomicU64),
    Choice(Vec<String>),
    Uuid,
}

/// What is wrong with a template, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("at line {line}, character {character}: {reason}")]
pub struct TemplateError {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub character: usize,
    /// Why it is not a placeholder.
    pub reason: String,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// For the first placeholder that is none.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let failed = |at: usize, reason: String| {
            let before = &text[..at];
            let line = before.matches('\n').count() + 1;
            let character = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            TemplateError { line, character, reason }
        };
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(failed(0, format!("it has more than {TEMPLATE_BYTES_MAX} bytes")));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, inside)) = rest.split_once("{{") {
            let at = text.len() - inside.len() - 2;
            let Some((placeholder, after)) = inside.split_once("}}") else {
                return Err(failed(at, "`{{` is not closed by `}}`".into()));
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(parse_placeholder(placeholder).map_err(|reason| failed(at, reason))?);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self { parts, length: (text.len() as u64).into() })
    }

    /// A body with its places filled in.
    pub fn write(&self, random: &mut fastrand::Rng) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.length.load(Ordering::Relaxed) as usize);
        for part in &self.parts {
            // Writing to memory does not fail.
            let _ = match part {
                Part::Text(text) => body.write_all(text.as_bytes()),
                Part::Number { low, high, decimals } => {
                    write_number(&mut body, random.i64(*low..=*high), *decimals)
                }
                Part::Counter(next) => write!(body, "{}", next.fetch_add(1, Ordering::Relaxed)),
                Part::Choice(choices) => {
                    body.write_all(random.choice(choices).map_or(&[], |choice| choice.as_bytes()))
                }
                Part::Uuid => write_uuid(&mut body, random.u128(..)),
            };
        }
        self.length.store(body.len() as u64, Ordering::Relaxed);
        body
    }
}

fn parse_placeholder(placeholder: &str) -> Result<Part, String> {
    let placeholder = placeholder.trim_start();
    let (name, argument) = placeholder.split_once(' ').unwrap_or((placeholder, ""));
    match (name.trim(), argument.trim()) {
        ("uuid", "") => Ok(Part::Uuid),
        ("uuid", _) => Err("`{{uuid}}` takes nothing beside its name".into()),
        ("counter", "") => Ok(Part::Counter(1.into())),
        ("counter", from) => from
            .parse()
            .map(|from: u64| Part::Counter(from.into()))
            .map_err(|_| format!("a counter begins at a whole number, not at `{from}`")),
        ("number", range) => parse_number(range),
        ("choice", "") => Err("a choice names what there is to choose: `{{choice red|green}}`".into()),
        ("choice", choices) => Ok(Part::Choice(choices.split('|').map(str::to_owned).collect())),
        (name, _) => Err(format!("`{name}` is no placeholder: there are number, counter, choice and uuid")),
    }
}

fn parse_number(range: &str) -> Result<Part, String> {
    let wrong = || {
        format!(
            "a number has a range as `{{{{number 0..100}}}}` or `{{{{number 0.0..100.0}}}}`, not `{range}`"
        )
    };
    let (low, high) = range.split_once("..").ok_or_else(wrong)?;
    let decimals_of = |number: &str| number.split_once('.').map_or(0, |(_, decimals)| decimals.len() as u32);
    let decimals = decimals_of(low).max(decimals_of(high));
    if decimals > DECIMALS_MAX {
        return Err(format!("a number has at most {DECIMALS_MAX} decimals"));
    }
    let (low, high) = scaled(low.trim(), decimals).zip(scaled(high.trim(), decimals)).ok_or_else(wrong)?;
    if low > high { Err(wrong()) } else { Ok(Part::Number { low, high, decimals }) }
}

/// `number` in units of 10^-`decimals`.
fn scaled(number: &str, decimals: u32) -> Option<i64> {
    let (sign, digits) = number.strip_prefix('-').map_or((1, number), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let missing = decimals.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let units: i64 = format!("{whole}{fraction}").parse().ok()?;
    units.checked_mul(10_i64.pow(missing))?.checked_mul(sign)
}

fn write_number(body: &mut Vec<u8>, units: i64, decimals: u32) -> std::io::Result<()> {
    if decimals == 0 {
        return write!(body, "{units}");
    }
    let one = 10_u64.pow(decimals);
    let (sign, units) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    write!(body, "{sign}{}.{:0width$}", units / one, units % one, width = decimals as usize)
}

/// A version 4 UUID, RFC 9562.
fn write_uuid(body: &mut Vec<u8>, random: u128) -> std::io::Result<()> {
    let version_and_variant = (0x4 << 76) | (0x2 << 62);
    let bits = random & !(0xf << 76) & !(0x3 << 62) | version_and_variant;
    let (a, b, c, d) = (bits >> 96, bits >> 80 & 0xffff, bits >> 64 & 0xffff, bits >> 48 & 0xffff);
    write!(body, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{:012x}", bits & 0xffff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(template: &str) -> String {
        let template = Template::parse(template).expect("a template");
        String::from_utf8(template.write(&mut fastrand::Rng::with_seed(7))).expect("text")
    }

    #[test]
    fn text_stays_as_it_is() {
        for text in ["", "plain", "{\"a\":{\"b\":1}}", "}} { }", "ключ=значение"] {
            assert_eq!(written(text), text);
        }
        assert_eq!(written("{{choice {{}}x}}"), "{{x}}");
    }

    #[test]
    fn numbers_lie_in_their_range_with_its_decimals() {
        let template =
            Template::parse("{{number -1.50..1.5}} {{number 3..3}} {{ number 0..9 }}").expect("it");
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..1000 {
            let text = String::from_utf8(template.write(&mut random)).expect("text");
            let numbers: Vec<_> = text.split(' ').collect();
            assert_eq!(
                (numbers[0].split_once('.').expect("decimals").1.len(), numbers[1]),
                (2, "3"),
                "{text}"
            );
            assert!((-1.5..=1.5).contains(&numbers[0].parse::<f64>().expect("a number")));
            assert!((0..=9).contains(&numbers[2].parse::<i32>().expect("a number")));
        }
    }

    #[test]
    fn a_counter_goes_on_and_choices_are_all_made() {
        let template = Template::parse("{{counter}} {{counter 1000}} {{choice a|b|}}").expect("a template");
        let mut random = fastrand::Rng::with_seed(7);
        let bodies: Vec<_> =
            (0..50).map(|_| String::from_utf8(template.write(&mut random)).expect("text")).collect();
        assert!(bodies[0].starts_with("1 1000 ") && bodies[49].starts_with("50 1049 "), "{bodies:?}");
        for choice in [" a", " b", "0 "] {
            assert!(bodies.iter().any(|body| body.ends_with(choice)), "{choice}");
        }
    }

    #[test]
    fn a_uuid_is_one_of_version_4() {
        let uuid = written("{{uuid}}");
        let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }

    #[test]
    fn what_is_no_placeholder_is_named_with_its_place() {
        for (template, line, character, reason) in [
            ("a{{", 1, 2, "`{{` is not closed by `}}`"),
            ("é\nx{{unknown}}", 2, 2, "`unknown` is no placeholder"),
            ("{{}}", 1, 1, "`` is no placeholder"),
            ("{{uuid 4}}", 1, 1, "`{{uuid}}` takes nothing"),
            ("{{counter x}}", 1, 1, "a counter begins at a whole number, not at `x`"),
            ("{{number}}", 1, 1, "a number has a range as `{{number 0..100}}`"),
            ("{{number 2..1}}", 1, 1, "a number has a range"),
            ("{{number 1e3..2e3}}", 1, 1, "a number has a range"),
            ("{{number 0..9999999999999999999}}", 1, 1, "a number has a range"),
            ("{{number 0..0.0000000001}}", 1, 1, "a number has at most 9 decimals"),
            ("{{choice}}", 1, 1, "a choice names"),
        ] {
            let error = Template::parse(template).expect_err(template);
            assert_eq!((error.line, error.character), (line, character), "{template}");
            assert!(error.reason.starts_with(reason), "{template}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC*|(\\{\\{|\\}\\}|number|counter|choice|uuid|[0-9.| -])*") {
            if let Ok(template) = Template::parse(&text) {
                template.write(&mut fastrand::Rng::with_seed(7));
            }
        }
    }
}
