//! Reading egg files: strict about what an egg can't do without, tolerant of what authors and panels did to it.

mod config;
mod fields;
mod place;
mod reader;
mod variables;

use serde::Serialize;
use serde_json::Value;

use crate::model::{Egg, StartupCommand};
use crate::{limits, yaml};
pub(crate) use config::path_below_root;
use fields::{read_icon, read_images, read_install, read_startup};
use reader::{At, Ctx};

/// The version tag of a file (`meta.version`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Format {
    #[serde(rename = "PTDL_v1")]
    PtdlV1,
    #[serde(rename = "PTDL_v2")]
    PtdlV2,
    #[serde(rename = "PLCN_v1")]
    PlcnV1,
    #[serde(rename = "PLCN_v2")]
    PlcnV2,
    #[serde(rename = "PLCN_v3")]
    PlcnV3,
}

impl Format {
    const ALL: [Format; 5] = [
        Self::PtdlV1,
        Self::PtdlV2,
        Self::PlcnV1,
        Self::PlcnV2,
        Self::PlcnV3,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::PtdlV1 => "PTDL_v1",
            Self::PtdlV2 => "PTDL_v2",
            Self::PlcnV1 => "PLCN_v1",
            Self::PlcnV2 => "PLCN_v2",
            Self::PlcnV3 => "PLCN_v3",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// What was unusual about a file that was read nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub format: Format,
    /// True: the file was YAML.
    pub yaml: bool,
    pub odd: Vec<Odd>,
}

/// One oddity. Codes are stable; `docs/eggs.md` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Odd {
    pub code: &'static str,
    /// Where in the file, such as `variables[3].rules`.
    pub field: String,
    pub message: String,
}

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if field.is_empty() { String::new() } else { format!("{field}: ") })]
pub struct EggError {
    /// Stable: `too_large`, `not_text`, `syntax`, `too_deep`, `not_an_egg`, `unknown_version`, `missing`,
    /// `wrong_type`, `bad_value`, `too_many`, `path_leaves_root`.
    pub code: &'static str,
    /// Where in the file; empty: the file as a whole.
    pub field: String,
    /// What is wrong and what to do, in plain words.
    pub message: String,
}

impl EggError {
    pub(crate) fn new(
        code: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            field: field.into(),
            message: brief(message.into()),
        }
    }
}

/// Messages quote the file: what is quoted may be as long as the file.
fn brief(message: String) -> String {
    const MOST: usize = 500;
    match message.char_indices().nth(MOST) {
        Some((at, _)) => format!("{} …", &message[..at]),
        None => message,
    }
}

/// Reads an egg file of any known format, JSON or YAML.
/// # Errors
/// Refuses what isn't an egg, and an egg that can't be kept as it is; the error names the field.
pub fn parse(bytes: &[u8]) -> Result<(Egg, Report), EggError> {
    let text = text(bytes)?;
    let (value, yaml) = load(text)?;
    let format = version(&value)?;
    let mut ctx = Ctx::new(format);
    let egg = read_egg(&value, &mut ctx)?;
    let report = Report {
        format,
        yaml,
        odd: ctx.into_odd(),
    };
    Ok((egg, report))
}

/// What a file says of itself, whether or not the rest of it can be read: its format and its name.
pub(crate) fn headline(bytes: &[u8]) -> (Option<Format>, Option<String>) {
    let Ok((value, _)) = text(bytes).and_then(load) else {
        return (None, None);
    };
    let name = value.get("name").and_then(Value::as_str);
    let name = name.map(|name| name.chars().take(limits::NAME_CHARS).collect());
    (version(&value).ok(), name)
}

fn text(bytes: &[u8]) -> Result<&str, EggError> {
    if bytes.len() > limits::EGG_BYTES {
        let most = limits::EGG_BYTES / (1024 * 1024);
        return Err(EggError::new(
            "too_large",
            "",
            format!("the file is larger than {most} MiB"),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        EggError::new(
            "not_text",
            "",
            format!("the file is not UTF-8 text (byte {at})"),
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A file that starts like JSON is JSON: read as YAML, a cut-off file could pass for a whole one.
fn load(text: &str) -> Result<(Value, bool), EggError> {
    if text.trim().is_empty() {
        return Err(EggError::new("not_an_egg", "", "the file is empty"));
    }
    if text.trim_start().starts_with(['{', '[']) {
        return json(text, "").map(|value| (value, false));
    }
    let syntax = |error: yaml::YamlError| {
        let (code, field) = match error {
            yaml::YamlError::Deep => ("too_deep", String::new()),
            yaml::YamlError::Large => ("too_large", String::new()),
            yaml::YamlError::Syntax { line, .. } => ("syntax", place::in_yaml(text, line)),
        };
        EggError::new(code, field, format!("the file is not valid YAML: {error}"))
    };
    let documents = yaml::load(text).map_err(syntax)?;
    let Some(root) = documents.first() else {
        return Err(EggError::new("not_an_egg", "", "the file is empty"));
    };
    yaml::to_json(root)
        .map(|value| (value, true))
        .map_err(syntax)
}

/// JSON text at a field of the egg, or the file itself.
pub(crate) fn json(text: &str, field: &str) -> Result<Value, EggError> {
    serde_json::from_str(text).map_err(|error| {
        let what = if error.is_eof() {
            "ends in the middle: the JSON is cut off".to_owned()
        } else {
            format!("is not valid JSON: {error}")
        };
        // serde_json gives this one no category of its own.
        let code = if error.to_string().starts_with("recursion limit") {
            "too_deep"
        } else {
            "syntax"
        };
        if !field.is_empty() {
            return EggError::new(code, field, format!("the text {what}"));
        }
        let field = match code {
            "syntax" => place::in_json(text, place::offset(text, error.line(), error.column())),
            _ => String::new(),
        };
        EggError::new(code, field, format!("the file {what}"))
    })
}

fn version(value: &Value) -> Result<Format, EggError> {
    let none = || {
        EggError::new(
            "not_an_egg",
            "meta.version",
            "this is not an egg: the version tag is missing",
        )
    };
    let meta = value.get("meta").ok_or_else(none)?;
    match meta.get("version") {
        Some(Value::String(name)) => Format::from_name(name).ok_or_else(|| {
            let known = Format::ALL.map(Format::name).join(", ");
            EggError::new(
                "unknown_version",
                "meta.version",
                format!("{name:?} is not a version that can be read; known are {known}"),
            )
        }),
        Some(other) if !other.is_null() => Err(EggError::new(
            "wrong_type",
            "meta.version",
            format!("text expected, found {}", reader::kind(other)),
        )),
        _ => Err(none()),
    }
}

fn read_egg(value: &Value, ctx: &mut Ctx) -> Result<Egg, EggError> {
    let root = At::root(value);
    root.refuse_nul()?;
    let name = root.required_text("name")?.trim().to_owned();
    if name.is_empty() || name.chars().count() > limits::NAME_CHARS {
        let most = limits::NAME_CHARS;
        return Err(EggError::new(
            "bad_value",
            "name",
            format!("the name must have 1 to {most} characters"),
        ));
    }
    let images = read_images(&root, ctx)?;
    let startup_commands = read_startup(&root, ctx)?;
    let variables = variables::read(&root, ctx)?;
    let config = config::read(&root, ctx)?;
    let egg = Egg {
        name,
        author: root.text("author", ctx)?,
        description: line_ends(&root.text("description", ctx)?),
        uuid: some(root.text("uuid", ctx)?),
        update_url: match root.get("meta") {
            Some(meta) => some(meta.text("update_url", ctx)?),
            None => None,
        },
        icon: read_icon(&root, ctx)?,
        tags: root.texts("tags", ctx)?,
        features: root.texts("features", ctx)?,
        images,
        file_denylist: root.texts("file_denylist", ctx)?,
        startup_commands,
        config_files: config.files,
        done: config.done,
        stop: config.stop,
        install: read_install(&root, ctx)?,
        variables,
    };
    look_over(&egg, ctx);
    Ok(egg)
}

fn line_ends(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// What only shows once the whole egg is known.
fn look_over(egg: &Egg, ctx: &mut Ctx) {
    if !egg.install.script.trim().is_empty() && egg.install.container.is_empty() {
        ctx.odd(
            "install_image_missing",
            "scripts.installation.container",
            "the install script names no image",
        );
    }
    for pattern in &egg.file_denylist {
        if pattern.split('/').any(|part| part == "..") {
            ctx.odd(
                "denylist_outside",
                "file_denylist",
                format!(
                    "{pattern:?} speaks of what lies outside the server's files; it denies nothing"
                ),
            );
        }
    }
    for command in &egg.startup_commands {
        look_over_startup(egg, command, ctx);
    }
}

/// What every container gets without the egg declaring it.
const GIVEN: &[&str] = &[
    "SERVER_MEMORY",
    "SERVER_IP",
    "SERVER_PORT",
    "P_SERVER_UUID",
    "P_SERVER_LOCATION",
    "P_SERVER_ALLOCATION_LIMIT",
    "STARTUP",
    "TZ",
    "HOME",
    "USER",
    "HOSTNAME",
    "INTERNAL_IP",
];

fn look_over_startup(egg: &Egg, command: &StartupCommand, ctx: &mut Ctx) {
    let text = command.command.as_str();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        rest = &rest[open + 2..];
        let name_end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        if !after.starts_with("}}") {
            ctx.odd(
                "startup_braces",
                "startup",
                "a {{ in the start command has no name and }} after it; it was left as it is",
            );
            continue;
        }
        let declared = egg
            .variables
            .iter()
            .any(|variable| variable.env.eq_ignore_ascii_case(name));
        if !declared && !GIVEN.contains(&name) {
            ctx.odd(
                "startup_undeclared",
                "startup",
                format!("the start command uses {name}, which the egg does not declare"),
            );
        }
    }
}
