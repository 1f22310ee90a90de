//! What an egg says, whatever format it came in. Control keeps this as JSON.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};

use crate::Stop;

/// A game server's recipe. Every list keeps the order of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Egg {
    pub name: String,
    #[serde(default)]
    pub author: String,
    #[serde(default)]
    pub description: String,
    /// Pelican's identity of an egg: a file with the same one is a newer version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Where its author publishes newer versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_url: Option<String>,
    /// A data URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// Names of console prompts, see [`crate::feature`].
    #[serde(default)]
    pub features: Vec<String>,
    /// The first is the default.
    #[serde(default)]
    pub images: Vec<Image>,
    /// gitignore-style patterns that nobody may write to.
    #[serde(default)]
    pub file_denylist: Vec<String>,
    /// The first is the default.
    #[serde(default)]
    pub startup_commands: Vec<StartupCommand>,
    #[serde(default)]
    pub config_files: Vec<ConfigFile>,
    /// The first line that any of them matches turns a starting server into a running one.
    #[serde(default)]
    pub done: Vec<DoneMarker>,
    pub stop: Stop,
    #[serde(default)]
    pub install: Install,
    #[serde(default)]
    pub variables: Vec<Variable>,
}

/// An image under the name that people choose it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub label: String,
    pub image: String,
}

/// A start command, as it stands in the egg: only the image's entrypoint replaces what is in `{{ }}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartupCommand {
    pub name: String,
    pub command: String,
}

/// A file that is edited before each start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// Below the server's root: no leading slash, no `.` or `..`. May hold `{{VAR}}`.
    pub path: String,
    pub parser: Parser,
    /// False: an absent file stays absent.
    #[serde(default = "yes")]
    pub create: bool,
    #[serde(default)]
    pub find: Vec<Find>,
}

fn yes() -> bool {
    true
}

/// One entry of a config file: where, and what to put there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Find {
    pub key: String,
    pub value: FindValue,
}

/// The language of a config file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Parser {
    /// Lines that start with a text.
    File,
    Properties,
    Ini,
    Json,
    Yaml,
    Xml,
    Toml,
    /// One that nobody knows: the file is left alone.
    Other(String),
}

impl Parser {
    /// Reads the egg's name for it; `yml` and upper case are taken too.
    pub fn from_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "file" => Self::File,
            "properties" => Self::Properties,
            "ini" => Self::Ini,
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            "xml" => Self::Xml,
            "toml" => Self::Toml,
            _ => Self::Other(name.to_owned()),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::File => "file",
            Self::Properties => "properties",
            Self::Ini => "ini",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Xml => "xml",
            Self::Toml => "toml",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Parser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Parser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_name(&String::deserialize(deserializer)?))
    }
}

/// A text, number or boolean, with its type as the egg gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Number(Number),
    Bool(bool),
}

impl Literal {
    /// `None` for null, lists and maps.
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::Bool(flag) => Some(Self::Bool(*flag)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Bool(flag) => Value::Bool(*flag),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(flag) => write!(f, "{flag}"),
        }
    }
}

/// What a config entry is set to. JSON: a string, number or boolean, or an object for the conditional form.
#[derive(Clone, Debug, PartialEq)]
pub enum FindValue {
    Set(Literal),
    /// Pairs of (present value or `regex:` pattern, replacement), tried in order.
    When(Vec<(String, Literal)>),
}

impl FindValue {
    /// `None` if a value is null, a list or a map within a map.
    pub fn from_json(value: &Value) -> Option<Self> {
        let Value::Object(pairs) = value else {
            return Literal::from_json(value).map(Self::Set);
        };
        pairs
            .iter()
            .map(|(when, then)| Some((when.clone(), Literal::from_json(then)?)))
            .collect::<Option<Vec<_>>>()
            .map(Self::When)
    }

    pub fn to_json(&self) -> Value {
        match self {
            Self::Set(literal) => literal.to_json(),
            Self::When(pairs) => pairs
                .iter()
                .map(|(when, then)| (when.clone(), then.to_json()))
                .collect(),
        }
    }
}

impl Serialize for FindValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FindValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of a value: an untagged enum would lose the digits of large numbers.
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).ok_or_else(|| {
            serde::de::Error::custom("a config value is text, number, boolean or a map of these")
        })
    }
}

/// What to look for in a console line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoneMarker {
    /// Case matters, trailing spaces too.
    Contains(String),
    /// Without the `regex:` before it.
    Regex(String),
}

impl DoneMarker {
    /// Reads the egg's text. A pattern that does not compile is looked for as plain text, as Wings does.
    pub fn from_text(text: &str) -> Self {
        match text.strip_prefix("regex:") {
            Some(pattern)
                if !pattern.is_empty()
                    && crate::pattern::ascii_classes(pattern, Default::default()).is_some() =>
            {
                Self::Regex(pattern.to_owned())
            }
            _ => Self::Contains(text.to_owned()),
        }
    }

    /// The egg's text for it.
    pub fn text(&self) -> String {
        match self {
            Self::Contains(text) => text.clone(),
            Self::Regex(pattern) => format!("regex:{pattern}"),
        }
    }
}

/// How a server's files come to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// Line ends are LF. Empty: nothing to install.
    pub script: String,
    /// Image that the script runs in.
    pub container: String,
    /// Program that is given the script's path.
    pub entrypoint: String,
}

/// A value that the people of a server may see or set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// As the egg spells it; containers get it in upper case.
    pub env: String,
    #[serde(default)]
    pub default: String,
    #[serde(default)]
    pub user_viewable: bool,
    /// Never true where `user_viewable` is false.
    #[serde(default)]
    pub user_editable: bool,
    /// Laravel's rules, one each, see [`crate::rules`].
    #[serde(default)]
    pub rules: Vec<String>,
    /// Place in the form; absent: that in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<i64>,
}
