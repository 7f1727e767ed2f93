//! `criteria.toml`: every mistake is named with its line and key, and with what is allowed there.
//!
//! One table of settings is behind both directions: what is read, and the commented default that is written.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::settings::{INTRODUCTION, SECTIONS};
use super::thresholds::Thresholds;
use super::verdict::FindingId;
use crate::domain::toml_file::{Source, shown, text, whole};
use crate::domain::unit;

/// A table of the file.
pub(super) struct Section {
    pub(super) name: &'static str,
    /// What it is about, a line.
    pub(super) comment: &'static str,
    pub(super) settings: &'static [Setting],
}

/// A key of the file.
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) comment: &'static str,
    pub(super) place: Place,
}

/// Where a value goes, and what it may be.
pub(super) enum Place {
    Number(fn(&mut Thresholds) -> &mut f64, RangeInclusive<f64>),
    Count(fn(&mut Thresholds) -> &mut u64, RangeInclusive<u64>),
    Size(fn(&mut Thresholds) -> &mut u64),
    Time(fn(&mut Thresholds) -> &mut Duration, RangeInclusive<u64>),
    Findings(fn(&mut Thresholds) -> &mut Vec<FindingId>),
}

impl Thresholds {
    /// Reads `criteria.toml`. What is not in it has its default.
    ///
    /// # Errors
    /// For its first mistake, with `file_name`, line and key.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, String> {
        let source = Source { file: file_name, text };
        let root = DeTable::parse(text).map_err(|error| source.not_toml(&error))?;
        let root = source.root(root.get_ref());
        let names: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
        root.has_only(&names, "the file")?;
        let mut thresholds = Self::default();
        for section in SECTIONS {
            let Some(value) = root.get(section.name) else { continue };
            let table = root.sub(section.name, value);
            let table =
                table.ok_or_else(|| root.error(section.name, format!("wants a table [{}]", section.name)))?;
            let keys: Vec<&str> = section.settings.iter().map(|setting| setting.key).collect();
            table.has_only(&keys, &format!("[{}]", section.name))?;
            for setting in section.settings {
                table.optional(setting.key, |value| setting.place.read(value, &mut thresholds))?;
            }
        }
        Ok(thresholds)
    }

    /// The text of a `criteria.toml` that has all settings, each with its default and what it means.
    pub fn commented_default() -> String {
        let mut defaults = Self::default();
        let mut text: String = INTRODUCTION.iter().map(|line| format!("# {line}\n")).collect();
        for section in SECTIONS {
            text.push('\n');
            text += &format!("# {}\n[{}]\n", section.comment, section.name);
            for setting in section.settings {
                let assignment = format!("{} = {}", setting.key, setting.place.written(&mut defaults));
                text += &format!("{assignment:<34} # {}\n", setting.comment);
            }
        }
        text
    }
}

impl Place {
    fn read(&self, value: &DeValue<'_>, thresholds: &mut Thresholds) -> Result<(), String> {
        match self {
            Self::Number(place, range) => {
                let number = match value {
                    DeValue::Integer(integer) => whole(integer).map(|number| number as f64),
                    DeValue::Float(float) => float.as_str().replace('_', "").parse::<f64>().ok(),
                    _ => None,
                };
                let number = number.filter(|number| range.contains(number)).ok_or_else(|| {
                    format!("wants a number from {} to {} without quotes", range.start(), range.end())
                })?;
                *place(thresholds) = number;
            }
            Self::Count(place, range) => {
                let number = value.as_integer().and_then(whole).and_then(|number| u64::try_from(number).ok());
                let number = number.filter(|number| range.contains(number)).ok_or_else(|| {
                    format!("wants a whole number from {} to {} without quotes", range.start(), range.end())
                })?;
                *place(thresholds) = number;
            }
            Self::Size(place) => {
                let bytes = unit::parse_bytes(text(value, "a size in quotes, such as \"100MB\"")?)?;
                if bytes == 0 {
                    return Err("it is more than 0".into());
                }
                *place(thresholds) = bytes;
            }
            Self::Time(place, seconds) => {
                let time = unit::parse_duration(text(value, "a duration in quotes, such as \"24h\"")?)?;
                let limit = |seconds: &u64| Duration::from_secs(*seconds);
                if time < limit(seconds.start()) || time > limit(seconds.end()) {
                    let written = |seconds| unit::duration(limit(seconds));
                    return Err(format!(
                        "wants {} to {}, not {}",
                        written(seconds.start()),
                        written(seconds.end()),
                        unit::duration(time)
                    ));
                }
                *place(thresholds) = time;
            }
            Self::Findings(place) => *place(thresholds) = findings(value)?,
        }
        Ok(())
    }

    /// The value, as it stands in the file.
    fn written(&self, thresholds: &mut Thresholds) -> String {
        match self {
            Self::Number(place, _) => place(thresholds).to_string(),
            Self::Count(place, _) => place(thresholds).to_string(),
            Self::Size(place) => format!("\"{}\"", size(*place(thresholds))),
            Self::Time(place, _) => format!("\"{}\"", unit::duration(*place(thresholds))),
            Self::Findings(place) => {
                let ids: Vec<_> = place(thresholds).iter().map(|id| format!("\"{}\"", id.id())).collect();
                format!("[{}]", ids.join(", "))
            }
        }
    }
}

fn size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];
    match units.into_iter().find(|(_, unit)| bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

fn findings(value: &DeValue<'_>) -> Result<Vec<FindingId>, String> {
    let known: Vec<&str> = FindingId::ALL.iter().map(|id| id.id()).collect();
    let wants = format!("wants a list of findings in quotes, of {}", known.join(", "));
    let values = value.as_array().ok_or_else(|| wants.clone())?;
    let mut findings = Vec::new();
    for value in values {
        let name = value.get_ref().as_str().ok_or_else(|| wants.clone())?;
        let id = FindingId::ALL.into_iter().find(|id| id.id() == name);
        findings.push(id.ok_or_else(|| format!("there is no finding `{}`; {wants}", shown(name)))?);
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_written_default_is_the_default() {
        let text = Thresholds::commented_default();
        assert_eq!(Thresholds::parse("criteria.toml", &text), Ok(Thresholds::default()));
        assert_eq!(Thresholds::parse("criteria.toml", ""), Ok(Thresholds::default()));
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }

    #[test]
    fn every_setting_is_read_where_it_is_written() {
        for section in SECTIONS {
            for setting in section.settings {
                let other = match &setting.place {
                    Place::Number(_, range) => range.end().to_string(),
                    Place::Count(_, range) => range.end().to_string(),
                    Place::Size(_) => "\"7MiB\"".into(),
                    Place::Time(_, seconds) => format!("\"{}\"", seconds.start()),
                    Place::Findings(_) => "[\"retention\"]".into(),
                };
                let text = format!("[{}]\n{} = {other}\n", section.name, setting.key);
                let mut read = Thresholds::parse("criteria.toml", &text).expect("it is allowed");
                assert_ne!(read, Thresholds::default(), "{text}");
                let written = setting.place.written(&mut read);
                let again = format!("[{}]\n{} = {written}\n", section.name, setting.key);
                assert_eq!(Thresholds::parse("criteria.toml", &again), Ok(read), "{again}");
            }
        }
    }

    #[test]
    fn mistakes_are_named_with_line_and_key() {
        for (text, message) in [
            (
                "[criteria]\n\np95 = 3",
                "c.toml, line 3, criteria.p95: there is no such key; [criteria] has agents, ",
            ),
            ("[crit]", "c.toml, line 1, crit: there is no such key; the file has criteria, red, "),
            ("criteria = 3", "c.toml, line 1, criteria: wants a table [criteria]"),
            ("\n[criteria]\ncv_percent = -1", "c.toml, line 3, criteria.cv_percent: wants a number from "),
            ("[criteria]\ncv_percent = nan", "c.toml, line 2, criteria.cv_percent: wants a number from "),
            ("[criteria]\nagents = 2.5", "c.toml, line 2, criteria.agents: wants a whole number from 1 to "),
            ("[criteria]\ndb_size = 100", "c.toml, line 2, criteria.db_size: wants a size in quotes"),
            ("[yellow]\ndb_size = \"5 XB\"", "c.toml, line 2, yellow.db_size: `5 XB` is not a size"),
            ("[evidence]\nwindow = \"1s\"", "c.toml, line 2, evidence.window: wants 1h to 7d, not 1s"),
            (
                "[tuning]\naccepted = [\"x\"]",
                "c.toml, line 2, tuning.accepted: there is no finding `x`; wants ",
            ),
            ("[red]\np95_ms = ", "c.toml, line 2, p95_ms =: this is not TOML"),
            ("[red]\np95_ms = 1\np95_ms = 2", "c.toml, line 3, p95_ms = 2: this is not TOML: duplicate key"),
        ] {
            let error = Thresholds::parse("c.toml", text).expect_err(text);
            assert!(error.starts_with(message), "{error}\n{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*", section in "\\[(criteria|red|tuning)\\]\n.*") {
            let _ = Thresholds::parse("criteria.toml", &text);
            let _ = Thresholds::parse("criteria.toml", &section);
        }
    }
}
