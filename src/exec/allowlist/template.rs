//! The argv of a command, with places for parameters.

use super::parameter::{Kind, Parameter};
use super::split::WORDS_MAX;

/// Parameters of a command.
const PARAMETERS_MAX: usize = 32;
/// Programs that run what stands behind their `-c`.
const SHELLS: [&str; 9] = ["sh", "bash", "rbash", "dash", "ash", "ksh", "mksh", "zsh", "fish"];

/// What becomes argv once its parameters have values.
#[derive(Debug)]
pub(super) struct Template {
    elements: Vec<Element>,
    /// In the order in which words are given to them, which is that of their first places in `elements`. One that takes the
    /// rest is the last.
    parameters: Vec<Parameter>,
}

/// What becomes one element, or several.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// One.
    Joined(Vec<Piece>),
    /// As many as there are words left for the parameter at this index.
    Rest(usize),
}

/// A part of an element.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Stands there as it is; never empty.
    Text(String),
    /// The index of a parameter.
    Value(usize),
}

/// A parameter as the elements have it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub name: String,
    pub takes_rest: bool,
}

impl Template {
    /// Of elements that were read, and of one parameter for each slot that they have.
    pub fn new(elements: Vec<Element>, parameters: Vec<Parameter>) -> Self {
        Self { elements, parameters }
    }

    /// What it runs, which no parameter has a part in.
    pub fn program(&self) -> &str {
        self.elements.first().and_then(Element::text).unwrap_or_default()
    }

    /// The argv for an agent's words. Each value is within the one element where its place is, and each word of the rest is one
    /// element.
    ///
    /// # Errors
    /// For words that the parameters do not take; the text names the parameter, and says what it takes.
    pub fn fill(&self, words: &[String]) -> Result<Vec<String>, String> {
        let values = self.values(words)?;
        let mut argv = Vec::with_capacity(self.elements.len());
        for element in &self.elements {
            match element {
                Element::Joined(pieces) => argv.push(self.joined(pieces, &values)?),
                Element::Rest(index) => {
                    for value in &values[*index] {
                        self.parameters[*index].check_beginning(value)?;
                        argv.push(value.clone());
                    }
                }
            }
        }
        Ok(argv)
    }

    /// The values of each parameter: one, or any number for the one that takes the rest.
    fn values(&self, words: &[String]) -> Result<Vec<Vec<String>>, String> {
        let mut rest = words.iter().map(String::as_str);
        let mut values = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            values.push(if parameter.takes_rest {
                rest.by_ref().map(|word| parameter.value(word)).collect::<Result<_, _>>()?
            } else {
                let word = rest.next().or(parameter.default.as_deref()).ok_or_else(|| parameter.missing())?;
                vec![parameter.value(word)?]
            });
        }
        if rest.next().is_none() {
            return Ok(values);
        }
        let names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        Err(match names.len() {
            0 => format!("it takes no words, not {}", words.len()),
            1 => format!("it takes one word ({}), not {}", names.join(", "), words.len()),
            max => format!("it takes at most {max} words ({}), not {}", names.join(", "), words.len()),
        })
    }

    fn joined(&self, pieces: &[Piece], values: &[Vec<String>]) -> Result<String, String> {
        let mut element = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => element.push_str(text),
                Piece::Value(index) => {
                    for value in &values[*index] {
                        if element.is_empty() {
                            self.parameters[*index].check_beginning(value)?;
                        }
                        element.push_str(value);
                    }
                }
            }
        }
        Ok(element)
    }

    /// Looks for places where a parameter could do more than it seems to; gives the index of the element with the reason.
    ///
    /// # Errors
    /// For a path that is not the end of its element, an option that an agent would choose, and a shell's script.
    pub fn check(&self) -> Result<(), (usize, String)> {
        for (index, element) in self.elements.iter().enumerate() {
            self.check_element(element).map_err(|problem| (index, problem))?;
        }
        match self.script() {
            Some(index) if self.elements[index].has_parameters() => Err((
                index,
                "a shell would run what agents put in here: write \"$1\" in its place, and the parameter as an \
                 element of its own behind the script and a name for it"
                    .into(),
            )),
            _ => Ok(()),
        }
    }

    fn check_element(&self, element: &Element) -> Result<(), String> {
        let Element::Joined(pieces) = element else { return Ok(()) };
        let is_path = |piece: &Piece| match piece {
            Piece::Value(index) => matches!(self.parameters[*index].kind, Kind::Path { .. }),
            Piece::Text(_) => false,
        };
        let is_checked = match pieces.as_slice() {
            [path] if is_path(path) => true,
            [Piece::Text(before), path] if is_path(path) => !before.contains('/'),
            pieces => !pieces.iter().any(is_path),
        };
        if !is_checked {
            return Err(
                "a path is absolute: nothing stands behind it in its element, and before it at most a text \
                        without `/`, such as `--file=`"
                    .into(),
            );
        }
        let [Piece::Text(dashes), Piece::Value(index), ..] = pieces.as_slice() else { return Ok(()) };
        let Parameter { name, kind, .. } = &self.parameters[*index];
        let is_free = matches!(kind, Kind::Text { .. } | Kind::Word { .. }) && !kind.may_begin_with_dash();
        if is_free && dashes.bytes().all(|byte| byte == b'-') {
            return Err(format!(
                "agents would choose the option: let `{name}` be a choice, or allow_dash = true"
            ));
        }
        Ok(())
    }

    /// The index of the element that a shell takes for its script.
    fn script(&self) -> Option<usize> {
        let is_shell = |element: &Element| {
            element.text().is_some_and(|text| SHELLS.contains(&text.rsplit('/').next().unwrap_or(text)))
        };
        let shell = self.elements.iter().position(is_shell)?;
        let takes_script = |element: &Element| {
            element
                .text()
                .is_some_and(|text| text.starts_with('-') && !text.starts_with("--") && text.contains('c'))
        };
        let option = shell + 1 + self.elements.iter().skip(shell + 1).position(takes_script)?;
        let is_option = |element: &Element| element.text().is_some_and(|text| text.starts_with(['-', '+']));
        let behind = self.elements.iter().skip(option + 1).position(|element| !is_option(element))?;
        Some(option + 1 + behind)
    }
}

impl Element {
    /// Reads an element as the file has it. Slots for new parameters are added to `slots`.
    ///
    /// # Errors
    /// For braces that are not those of a parameter or doubled, and for a second parameter that takes the rest.
    pub fn read(element: &str, slots: &mut Vec<Slot>) -> Result<Self, String> {
        if element.contains('\0') {
            return Err("it has a NUL character, which no argument can have".into());
        }
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = element;
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, behind) = rest.split_at(brace);
            text.push_str(before);
            if let Some(behind) = behind.strip_prefix("{{") {
                text.push('{');
                rest = behind;
            } else if let Some(behind) = behind.strip_prefix("}}") {
                text.push('}');
                rest = behind;
            } else {
                let (inner, behind) = behind
                    .strip_prefix('{')
                    .and_then(|behind| behind.split_once('}'))
                    .ok_or("a brace stands alone: write {{ or }} for one that is not a parameter's")?;
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                if let Some(name) = inner.strip_suffix("...") {
                    if !pieces.is_empty() || !behind.is_empty() {
                        return Err(format!("{{{inner}}} stands alone in its element"));
                    }
                    return slot(name, true, slots).map(Self::Rest);
                }
                pieces.push(Piece::Value(slot(inner, false, slots)?));
                rest = behind;
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self::Joined(pieces))
    }

    /// The element, if it has no parameter.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Joined(pieces) => match pieces.as_slice() {
                [] => Some(""),
                [Piece::Text(text)] => Some(text),
                _ => None,
            },
            Self::Rest(_) => None,
        }
    }

    fn has_parameters(&self) -> bool {
        self.text().is_none()
    }
}

/// The index of a parameter's slot.
fn slot(name: &str, takes_rest: bool, slots: &mut Vec<Slot>) -> Result<usize, String> {
    if !is_parameter_name(name) {
        return Err(format!(
            "{{{}}} is not a parameter: a name has a letter, then letters, digits, _ and -; write {{{{ for a brace",
            crate::domain::toml_file::shown(name)
        ));
    }
    if let Some(index) = slots.iter().position(|slot| slot.name == name) {
        return if slots[index].takes_rest || takes_rest {
            Err(format!("{{{name}...}} takes all words that are left, and is the only place of `{name}`"))
        } else {
            Ok(index)
        };
    }
    if let Some(last) = slots.iter().find(|slot| slot.takes_rest) {
        return Err(format!("there are no words left for {{{name}}}, since {{{}...}} takes them", last.name));
    }
    if slots.len() >= PARAMETERS_MAX {
        return Err(format!("a command has at most {PARAMETERS_MAX} parameters"));
    }
    slots.push(Slot { name: name.to_owned(), takes_rest });
    Ok(slots.len() - 1)
}

fn is_parameter_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

// A command has room for a word for each parameter.
const _: () = assert!(PARAMETERS_MAX < WORDS_MAX);
