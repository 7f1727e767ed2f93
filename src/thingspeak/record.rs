//! Named values, and how JSON, XML and CSV write them. Whatever ThingSpeak answers is made of these.

use std::borrow::Cow;

use crate::domain::unit::UtcMillis;
use crate::domain::zone::Zone;

/// A value of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(Cow<'a, str>),
    /// A number that JSON has as a text.
    Decimal(&'a str),
    /// An instant.
    Time(UtcMillis),
    /// Nothing, where there could be a value like [`Value::Integer`].
    NoInteger,
    /// Nothing, where there could be a [`Value::Decimal`].
    NoDecimal,
    /// Nothing, where there could be a [`Value::Text`].
    NoText,
}

impl<'a> Value<'a> {
    /// A text, or nothing.
    pub fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::NoText, |text| Self::Text(Cow::Borrowed(text)))
    }

    /// A decimal, or nothing.
    pub fn decimal(text: Option<&'a str>) -> Self {
        text.map_or(Self::NoDecimal, Self::Decimal)
    }
}

/// Values with their names, in the order in which they are written. XML writes the names with dashes.
pub type Record<'a> = Vec<(&'static str, Value<'a>)>;

/// Writes records, with times in a zone.
#[derive(Debug)]
pub struct Writer<'z> {
    zone: &'z Zone,
    out: Vec<u8>,
    /// The last time that was written, up to its seconds. Most entries are of the same minute as the one before.
    minute: Option<Minute>,
}

/// A minute, and how its beginning is written.
#[derive(Debug)]
struct Minute {
    /// Minutes since 1970.
    number: i64,
    text: String,
}

/// Where the seconds stand in `2014-02-26T12:42:49Z`.
const SECONDS_AT: std::ops::Range<usize> = 17..19;
const MINUTE_MS: i64 = 60_000;

impl<'z> Writer<'z> {
    /// Nothing written yet.
    pub fn new(zone: &'z Zone) -> Self {
        Self::with_capacity(zone, 1024)
    }

    /// Nothing written yet, and room for so many bytes.
    pub fn with_capacity(zone: &'z Zone, bytes: usize) -> Self {
        Self { zone, out: Vec::with_capacity(bytes), minute: None }
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> usize {
        self.out.len()
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Puts what was written from each of these places on, up to the next, in the opposite order.
    pub fn reverse(&mut self, starts: &[usize]) {
        let Some(first) = starts.first() else { return };
        let mut reversed = Vec::with_capacity(self.out.len() - first);
        let mut end = self.out.len();
        for start in starts.iter().rev() {
            reversed.extend_from_slice(&self.out[*start..end]);
            end = *start;
        }
        self.out[*first..].copy_from_slice(&reversed);
    }

    /// Takes the last bytes away.
    pub fn take_back(&mut self, bytes: usize) {
        self.out.truncate(self.out.len().saturating_sub(bytes));
    }

    /// Writes a text as it is.
    pub fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// `{"name":value,…}`, without a space anywhere: device libraries search for `"name":"`.
    pub fn json_object(&mut self, record: &Record<'_>) {
        self.out.push(b'{');
        for (index, (name, value)) in record.iter().enumerate() {
            self.json_member(index == 0, name, value);
        }
        self.out.push(b'}');
    }

    /// `"name":value`, after a comma unless it is the first.
    pub fn json_member(&mut self, first: bool, name: &str, value: &Value<'_>) {
        self.raw(if first { "\"" } else { ",\"" });
        self.raw(name);
        self.raw("\":");
        self.json_value(value);
    }

    fn json_value(&mut self, value: &Value<'_>) {
        match value {
            Value::Integer(number) => self.number(*number),
            Value::Text(text) => self.json_text(text),
            Value::Decimal(text) => self.json_text(text),
            Value::Time(at) => {
                self.out.push(b'"');
                self.rfc3339(*at);
                self.out.push(b'"');
            }
            Value::NoInteger | Value::NoDecimal | Value::NoText => self.raw("null"),
        }
    }

    /// A text with quotes around it.
    pub fn json_text(&mut self, text: &str) {
        if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.out.push(b'"');
            self.raw(text);
            self.out.push(b'"');
        } else {
            // Writing to memory does not fail, and a text is always JSON.
            let _ = serde_json::to_writer(&mut self.out, text);
        }
    }

    fn number(&mut self, number: i64) {
        // Writing to memory does not fail, and a number is always JSON.
        let _ = serde_json::to_writer(&mut self.out, &number);
    }

    fn rfc3339(&mut self, at: UtcMillis) {
        let number = at.0.div_euclid(MINUTE_MS);
        let minute = match self.minute.take().filter(|minute| minute.number == number) {
            Some(minute) => minute,
            None => {
                let mut text = String::with_capacity(32);
                self.zone.write_rfc3339(UtcMillis(number.saturating_mul(MINUTE_MS)), &mut text);
                Minute { number, text }
            }
        };
        if minute.text.get(SECONDS_AT) == Some("00") {
            let start = self.out.len();
            self.raw(&minute.text);
            let seconds = (at.0.rem_euclid(MINUTE_MS) / 1000) as u8;
            let digits = [b'0' + seconds / 10, b'0' + seconds % 10];
            self.out[start + SECONDS_AT.start..start + SECONDS_AT.end].copy_from_slice(&digits);
        } else {
            // A year of five digits, or an offset with seconds in it, as they were before there were zones.
            let mut text = String::with_capacity(32);
            self.zone.write_rfc3339(at, &mut text);
            self.raw(&text);
        }
        self.minute = Some(minute);
    }

    /// An element for each value, a line each, indented by so many steps of two spaces.
    pub fn xml_elements(&mut self, record: &Record<'_>, indent: usize) {
        for (name, value) in record {
            let name = name.replace('_', "-");
            self.raw(&"  ".repeat(indent));
            let (of_type, written) = match value {
                Value::Integer(_) => (" type=\"integer\"", true),
                Value::Text(_) => ("", true),
                Value::Decimal(_) => (" type=\"decimal\"", true),
                Value::Time(_) => (" type=\"dateTime\"", true),
                Value::NoInteger => (" type=\"integer\"", false),
                Value::NoDecimal => (" type=\"decimal\"", false),
                Value::NoText => ("", false),
            };
            self.raw(&format!("<{name}{of_type}"));
            if written {
                self.raw(">");
                self.xml_value(value);
                self.raw(&format!("</{name}>\n"));
            } else {
                self.raw(" nil=\"true\"/>\n");
            }
        }
    }

    fn xml_value(&mut self, value: &Value<'_>) {
        match value {
            Value::Text(text) => self.xml_text(text),
            Value::Decimal(text) => self.xml_text(text),
            Value::Time(at) => self.rfc3339(*at),
            other => self.json_value(other),
        }
    }

    /// Characters that XML 1.0 cannot hold at all become `?`.
    fn xml_text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                    self.raw(character.encode_utf8(&mut [0; 4]));
                }
                _ => self.raw("?"),
            }
        }
    }

    /// The names in a line.
    pub fn csv_names(&mut self, record: &Record<'_>) {
        self.csv_line(record, |writer, (name, _)| writer.raw(name));
    }

    /// The values in a line; nothing is an empty cell.
    pub fn csv_values(&mut self, record: &Record<'_>) {
        self.csv_line(record, |writer, (_, value)| match value {
            Value::Text(text) => writer.csv_text(text),
            Value::Decimal(text) => writer.csv_text(text),
            Value::Time(at) => {
                let mut text = String::with_capacity(32);
                writer.zone.write_csv(*at, &mut text);
                writer.raw(&text);
            }
            Value::NoInteger | Value::NoDecimal | Value::NoText => {}
            other => writer.json_value(other),
        });
    }

    fn csv_line<'r>(
        &mut self,
        record: &Record<'r>,
        mut cell: impl FnMut(&mut Self, &(&'static str, Value<'r>)),
    ) {
        for (index, named) in record.iter().enumerate() {
            if index > 0 {
                self.raw(",");
            }
            cell(self, named);
        }
        self.raw("\n");
    }

    fn csv_text(&mut self, text: &str) {
        if text.contains([',', '"', '\n', '\r']) {
            self.raw(&format!("\"{}\"", text.replace('"', "\"\"")));
        } else {
            self.raw(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> Record<'static> {
        vec![
            ("created_at", Value::Time(UtcMillis(1_393_418_569_000))),
            ("entry_id", Value::Integer(7)),
            ("field1", Value::text(Some("a \"b\" <c> & d,\u{1}é"))),
            ("field2", Value::NoText),
            ("latitude", Value::decimal(Some("40.44"))),
            ("longitude", Value::decimal(None)),
        ]
    }

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> String {
        let mut writer = Writer::new(&Zone::Utc);
        write(&mut writer);
        String::from_utf8(writer.into_bytes()).expect("text")
    }

    #[test]
    fn json() {
        let expected = r#"{"created_at":"2014-02-26T12:42:49Z","entry_id":7,"field1":"a \"b\" <c> & d,\u0001é","field2":null,"latitude":"40.44","longitude":null}"#;
        assert_eq!(written(|writer| writer.json_object(&record())), expected);
        assert_eq!(written(|writer| writer.json_object(&Vec::new())), "{}");
    }

    proptest! {
        #[test]
        fn times_are_those_of_the_zone(
            times in proptest::collection::vec(-4_000_000_000_000_i64..4_000_000_000_000, 1..5), shift in 0_i64..60_000,
            zone in proptest::sample::select(vec!["UTC", "America/New_York", "Asia/Kolkata", "Africa/Monrovia"]),
        ) {
            let zone = Zone::named(zone).expect("a zone");
            let mut writer = Writer::new(&zone);
            let mut expected = String::new();
            for at in times.into_iter().flat_map(|at| [UtcMillis(at), UtcMillis(at + shift)]) {
                writer.rfc3339(at);
                zone.write_rfc3339(at, &mut expected);
            }
            prop_assert_eq!(String::from_utf8(writer.into_bytes()).expect("text"), expected);
        }

        #[test]
        fn texts_are_json(text in "\\PC{0,20}|[\u{0}-\u{30}\\\\]{0,20}") {
            let written = written(|writer| writer.json_text(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&written).expect("JSON"), text);
        }
    }

    #[test]
    fn xml() {
        let expected = r#"  <created-at type="dateTime">2014-02-26T12:42:49Z</created-at>
  <entry-id type="integer">7</entry-id>
  <field1>a "b" &lt;c&gt; &amp; d,?é</field1>
  <field2 nil="true"/>
  <latitude type="decimal">40.44</latitude>
  <longitude type="decimal" nil="true"/>
"#;
        assert_eq!(written(|writer| writer.xml_elements(&record(), 1)), expected);
    }

    #[test]
    fn csv() {
        let expected = "created_at,entry_id,field1,field2,latitude,longitude\n\
             2014-02-26 12:42:49 UTC,7,\"a \"\"b\"\" <c> & d,\u{1}é\",,40.44,\n";
        let lines = written(|writer| {
            writer.csv_names(&record());
            writer.csv_values(&record());
        });
        assert_eq!(lines, expected);
    }
}
