//! Named values, and how JSON, XML and CSV write them. Whatever ThingSpeak answers is made of these.

use std::borrow::Cow;
use std::io::Write as _;

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
    /// Yes or no.
    Flag(bool),
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
    time: String,
}

impl<'z> Writer<'z> {
    /// Nothing written yet.
    pub fn new(zone: &'z Zone) -> Self {
        Self { zone, out: Vec::with_capacity(1024), time: String::new() }
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> usize {
        self.out.len()
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Writes a text as it is.
    pub fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// `{"name":value,…}`, without a space anywhere: device libraries search for `"name":"`.
    pub fn json_object(&mut self, record: &Record<'_>) {
        let mut before = b'{';
        for (name, value) in record {
            self.out.push(before);
            before = b',';
            self.out.push(b'"');
            self.raw(name);
            self.raw("\":");
            self.json_value(value);
        }
        self.raw(if before == b'{' { "{}" } else { "}" });
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
            Value::Flag(flag) => self.raw(if *flag { "true" } else { "false" }),
            Value::NoInteger | Value::NoDecimal | Value::NoText => self.raw("null"),
        }
    }

    /// A text with quotes around it.
    pub fn json_text(&mut self, text: &str) {
        // Writing to memory does not fail, and a text is always JSON.
        let _ = serde_json::to_writer(&mut self.out, text);
    }

    fn number(&mut self, number: i64) {
        // Writing to memory does not fail.
        let _ = write!(self.out, "{number}");
    }

    fn rfc3339(&mut self, at: UtcMillis) {
        self.time.clear();
        self.zone.write_rfc3339(at, &mut self.time);
        self.out.extend_from_slice(self.time.as_bytes());
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
                Value::Flag(_) => (" type=\"boolean\"", true),
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
                writer.time.clear();
                writer.zone.write_csv(*at, &mut writer.time);
                writer.out.extend_from_slice(writer.time.as_bytes());
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
