//! Reading the file: every mistake is named with its line and key, and with what is allowed there.

use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::Command;
use super::parameter::{Kind, PATH_LENGTH_MAX, Parameter};
use super::template::{Element, Slot, Template};
use crate::domain::toml_file::{Source, Table, shown, text, whole};
use crate::domain::unit::{parse_bytes, parse_duration};

/// Commands of a file.
const COMMANDS_MAX: usize = 256;
/// Characters of a command's name.
const NAME_LENGTH_MAX: usize = 64;
/// Elements of an argv in the file.
const ELEMENTS_MAX: usize = 64;
/// Bytes of one of them.
const ELEMENT_BYTES_MAX: usize = 4096;
/// Values of a choice.
const VALUES_MAX: usize = 256;
/// Characters of one of them.
const VALUE_LENGTH_MAX: usize = 128;
/// Characters of a text or word, unless the file says otherwise.
const LENGTH_MAX_DEFAULT: usize = 256;
/// What it may say.
const LENGTHS: RangeInclusive<i64> = 1..=4096;
/// How many of a command may run at a time, where that is limited.
const RUNNING: RangeInclusive<i64> = 1..=1024;

/// The commands of a file.
///
/// # Errors
/// For its first mistake.
pub(super) fn commands(file: &str, text: &str) -> Result<Vec<Command>, String> {
    let source = Source { file, text };
    let root = DeTable::parse(text).map_err(|error| source.not_toml(&error))?;
    let root = source.root(root.get_ref());
    root.has_only(&["command"], "the file")?;
    let list = "wants [[command]] before each command";
    let found = root.optional("command", |value| value.as_array().ok_or_else(|| list.into()))?;
    let found = found.ok_or_else(|| root.error("command", "there is none; each begins with [[command]]"))?;
    if found.len() > COMMANDS_MAX {
        return Err(root.error("command", format_args!("there are more than {COMMANDS_MAX}")));
    }
    let mut commands: Vec<Command> = Vec::with_capacity(found.len());
    for value in found {
        let table = root.sub("command", value).ok_or_else(|| root.error("command", list))?;
        let command = command(&table)?;
        if commands.iter().any(|other| other.name == command.name) {
            return Err(table.error(
                "name",
                format_args!("`{}` is there already; each has a name of its own", command.name),
            ));
        }
        commands.push(command);
    }
    if commands.is_empty() {
        return Err(root.error("command", "there is none; each begins with [[command]]"));
    }
    Ok(commands)
}

fn command(table: &Table<'_>) -> Result<Command, String> {
    table.has_only(&["name", "argv", "parameters", "timeout", "max_output", "max_running"], "a command")?;
    Ok(Command {
        name: table.required("name", name)?,
        template: template(table)?,
        timeout: table.optional("timeout", |value| {
            let timeout = parse_duration(text(value, "a duration in quotes, such as \"10s\"")?)?;
            if timeout.is_zero() { Err("it is longer than 0".into()) } else { Ok(timeout) }
        })?,
        output_bytes_max: table.optional("max_output", |value| {
            let bytes = parse_bytes(text(value, "a size in quotes, such as \"64KiB\"")?)?;
            let bytes = usize::try_from(bytes).map_err(|_| "this machine has no such size".to_owned())?;
            if bytes == 0 { Err("it is more than 0".into()) } else { Ok(bytes) }
        })?,
        running_max: table.optional("max_running", |value| within(value, RUNNING))?,
    })
}

fn name(value: &DeValue<'_>) -> Result<String, String> {
    let wants = format!(
        "1 to {NAME_LENGTH_MAX} letters, digits, . _ and - in quotes, the first one a letter or a digit"
    );
    let name = text(value, &wants)?;
    let is_name = name.len() <= NAME_LENGTH_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if is_name { Ok(name.to_owned()) } else { Err(format!("wants {wants}, not `{}`", shown(name))) }
}

fn template(table: &Table<'_>) -> Result<Template, String> {
    let wants = format!("wants [\"/path/of/the/program\", …], 1 to {ELEMENTS_MAX} texts");
    let argv = table.required("argv", |value| value.as_array().ok_or_else(|| wants.clone()))?;
    if argv.is_empty() || argv.len() > ELEMENTS_MAX {
        return Err(table.error("argv", wants));
    }
    let mut slots = Vec::new();
    let mut elements = Vec::with_capacity(argv.len());
    for (index, value) in argv.iter().enumerate() {
        let element = element(value.get_ref(), index == 0, &mut slots);
        elements.push(element.map_err(|problem| table.element_error("argv", index, value, problem))?);
    }
    let template = Template::new(elements, parameters(table, slots)?);
    template.check().map_err(|(index, problem)| match argv.get(index) {
        Some(value) => table.element_error("argv", index, value, problem),
        None => table.error("argv", problem),
    })?;
    Ok(template)
}

fn element(value: &DeValue<'_>, is_program: bool, slots: &mut Vec<Slot>) -> Result<Element, String> {
    let written = text(value, "a text in quotes")?;
    if written.len() > ELEMENT_BYTES_MAX {
        return Err(format!("it has more than {ELEMENT_BYTES_MAX} bytes"));
    }
    let element = Element::read(written, slots)?;
    if is_program
        && !element.text().is_some_and(|program| program.starts_with('/') && !program.ends_with('/'))
    {
        return Err("the program is an absolute path without parameters, such as \"/bin/echo\"".into());
    }
    Ok(element)
}

fn parameters(command: &Table<'_>, slots: Vec<Slot>) -> Result<Vec<Parameter>, String> {
    let wants = "wants a table [command.parameters.NAME] for each parameter";
    let declared = command.optional("parameters", |value| match value {
        DeValue::Table(_) => Ok(()),
        _ => Err(wants.into()),
    })?;
    let declared = match declared.and_then(|()| command.get("parameters")) {
        Some(value) => command.sub("parameters", value),
        None => None,
    };
    if let Some(declared) = &declared {
        for (key, _) in declared.table {
            if !slots.iter().any(|slot| slot.name == *key.get_ref()) {
                let problem =
                    format_args!("argv has no {{{}}}; a parameter has a place there", shown(key.get_ref()));
                return Err(declared.error(key.get_ref(), problem));
            }
        }
    }
    let mut parameters: Vec<Parameter> = Vec::with_capacity(slots.len());
    for slot in slots {
        let value = declared.as_ref().and_then(|declared| Some((declared, declared.get(&slot.name)?)));
        let Some((declared, value)) = value else {
            let problem = format!("{{{0}}} wants [command.parameters.{0}] with its type", slot.name);
            return Err(command.error("argv", problem));
        };
        let Some(table) = declared.sub(&slot.name, value) else {
            return Err(declared.error(&slot.name, wants));
        };
        let parameter = parameter(&table, slot)?;
        if let Some(before) = parameters.iter().find(|before| before.default.is_some())
            && parameter.default.is_none()
            && !parameter.takes_rest
        {
            let problem = format!("wants a default, since `{}` before it has one", before.name);
            return Err(table.error("default", problem));
        }
        parameters.push(parameter);
    }
    Ok(parameters)
}

fn parameter(table: &Table<'_>, slot: Slot) -> Result<Parameter, String> {
    let kind = kind(table)?;
    let default = table.optional("default", |value| {
        if slot.takes_rest {
            return Err("a parameter that takes the rest has none; there may be no words left".into());
        }
        let default = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(integer) => whole(integer).map(|number| number.to_string()).unwrap_or_default(),
            DeValue::Float(float) => float.as_str().to_owned(),
            _ => return Err(format!("wants {}", kind.takes())),
        };
        match kind.check(&default) {
            Ok(()) => Ok(default),
            Err(why) => Err(format!("wants {}, not `{}`: {why}", kind.takes(), shown(&default))),
        }
    })?;
    let parameter = Parameter { name: slot.name, takes_rest: slot.takes_rest, kind, default };
    if let Some(default) = &parameter.default {
        parameter.check_beginning(default).map_err(|problem| table.error("default", problem))?;
    }
    Ok(parameter)
}

fn kind(table: &Table<'_>) -> Result<Kind, String> {
    let wants = "text, word, integer, number, choice or path, in quotes";
    let kind = table.required("type", |value| text(value, wants))?;
    let (keys, of): (&[&str], _) = match kind {
        "text" | "word" => (&["type", "max_length", "allow_dash", "default"], "a text or word"),
        "integer" | "number" => (&["type", "min", "max", "default"], "a number"),
        "choice" => (&["type", "values", "default"], "a choice"),
        "path" => (&["type", "below", "default"], "a path"),
        other => return Err(table.error("type", format_args!("wants {wants}, not `{}`", shown(other)))),
    };
    table.has_only(keys, of)?;
    Ok(match kind {
        "text" | "word" => {
            let length_max =
                table.optional("max_length", |value| within(value, LENGTHS))?.unwrap_or(LENGTH_MAX_DEFAULT);
            let allow_dash =
                table.optional("allow_dash", |value| value.as_bool().ok_or("wants true or false".into()))?;
            let allow_dash = allow_dash.unwrap_or(false);
            if kind == "text" {
                Kind::Text { length_max, allow_dash }
            } else {
                Kind::Word { length_max, allow_dash }
            }
        }
        "integer" => {
            let read = |value: &DeValue<'_>| {
                let number = value.as_integer().and_then(whole);
                number.ok_or_else(|| "wants a whole number of 64 bits without quotes".to_owned())
            };
            let (min, max) =
                (table.optional("min", read)?.unwrap_or(0), table.optional("max", read)?.unwrap_or(i64::MAX));
            table.is_range(min <= max, min)?;
            Kind::Integer { min, max }
        }
        "number" => {
            let read = |value: &DeValue<'_>| {
                let number = match value {
                    DeValue::Integer(integer) => whole(integer).map(|number| number as f64),
                    DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
                    _ => None,
                };
                number
                    .filter(|number| number.is_finite())
                    .ok_or_else(|| "wants a number without quotes".to_owned())
            };
            let (min, max) = (
                table.optional("min", read)?.unwrap_or(0.0),
                table.optional("max", read)?.unwrap_or(f64::INFINITY),
            );
            table.is_range(min <= max, min)?;
            Kind::Number { min, max }
        }
        "choice" => Kind::Choice { values: table.required("values", values)? },
        _ => Kind::Path { below: table.required("below", below)? },
    })
}

fn values(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let wants = format!(
        "wants [\"one\", \"other\", …], 1 to {VALUES_MAX} different texts of at most {VALUE_LENGTH_MAX} characters \
         without control characters"
    );
    let found = value.as_array().ok_or_else(|| wants.clone())?;
    let mut values: Vec<String> = Vec::new();
    for value in found {
        let value = value.get_ref().as_str().filter(|value| {
            value.chars().count() <= VALUE_LENGTH_MAX
                && !value.chars().any(char::is_control)
                && !values.iter().any(|other| other == value)
        });
        values.push(value.ok_or_else(|| wants.clone())?.to_owned());
    }
    if (1..=VALUES_MAX).contains(&values.len()) { Ok(values) } else { Err(wants) }
}

fn below(value: &DeValue<'_>) -> Result<String, String> {
    let wants = "the absolute path of a folder, without `..`, in quotes";
    let folder = text(value, wants)?;
    let is_folder = folder.starts_with('/')
        && !folder.split('/').any(|name| name == "..")
        && !folder.chars().any(char::is_control)
        && folder.len() <= PATH_LENGTH_MAX;
    if is_folder { Ok(folder.to_owned()) } else { Err(format!("wants {wants}, not `{}`", shown(folder))) }
}

fn within(value: &DeValue<'_>, range: RangeInclusive<i64>) -> Result<usize, String> {
    let number = value.as_integer().and_then(whole).filter(|number| range.contains(number));
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| {
        format!("wants a whole number from {} to {} without quotes", range.start(), range.end())
    })
}

#[cfg(test)]
mod tests;
