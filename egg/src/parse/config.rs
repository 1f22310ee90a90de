//! `config`: JSON texts inside JSON, native maps in YAML, and whatever hands made of them.

use serde_json::Value;

use super::reader::{At, Ctx};
use super::{EggError, json};
use crate::model::{ConfigFile, DoneMarker, Find, FindValue, Literal, Parser};
use crate::placeholder;
use crate::stop::{Stop, StopOddity};

pub(super) struct Config {
    pub files: Vec<ConfigFile>,
    pub done: Vec<DoneMarker>,
    pub stop: Stop,
}

pub(super) fn read(root: &At, ctx: &mut Ctx) -> Result<Config, EggError> {
    let nothing = Value::Null;
    let config = root.map("config")?;
    let config = config.unwrap_or(At::new(&nothing, "config"));
    let stop_text = config.text("stop", ctx)?;
    let (stop, odd) = Stop::read(&stop_text);
    if let Some(odd) = odd {
        let (code, message) = match odd {
            StopOddity::Missing => ("stop_missing", "no stop value: SIGTERM is sent".to_owned()),
            StopOddity::KillMeant => (
                "stop_kill",
                format!(
                    "{stop_text} always killed on Pterodactyl: an interrupt is sent first, the kill follows soon"
                ),
            ),
            StopOddity::UnknownSignal => (
                "stop_unknown_signal",
                format!("{stop_text} names no signal: the server is killed"),
            ),
        };
        ctx.odd(code, "config.stop", message);
    }
    look_at_logs(&config, ctx);
    Ok(Config {
        files: read_files(&config, ctx)?,
        done: read_done(&config, ctx)?,
        stop,
    })
}

/// A member that is JSON text, a native map, or empty.
fn inner(config: &At, name: &str, ctx: &mut Ctx) -> Result<Value, EggError> {
    let field = format!("config.{name}");
    let Some(at) = config.get(name) else {
        return Ok(Value::Null);
    };
    let value = match at.value {
        Value::String(text) if text.trim().is_empty() => {
            ctx.odd(
                "config_empty_text",
                field,
                "an empty text stands for an empty map",
            );
            return Ok(Value::Null);
        }
        Value::String(text) => json(text, &field)?,
        other => other.clone(),
    };
    let at = At::new(&value, field.as_str());
    at.refuse_nul()?;
    match &value {
        Value::Object(_) | Value::Null => Ok(value),
        _ if at.is_empty_collection() => Ok(Value::Null),
        _ => Err(at.wrong("a map")),
    }
}

/// Log files were read by a daemon that is long gone; the console is what counts.
fn look_at_logs(config: &At, ctx: &mut Ctx) {
    if let Some(at) = config.get("logs")
        && let Some(value) = match at.value {
            Value::String(text) => serde_json::from_str(text).ok(),
            other => Some(other.clone()),
        }
        && value
            .get("custom")
            .is_some_and(|custom| *custom == Value::Bool(true))
    {
        ctx.odd(
            "logs_ignored",
            "config.logs",
            "a log file of its own is named here; the console is read instead",
        );
    }
}

fn read_done(config: &At, ctx: &mut Ctx) -> Result<Vec<DoneMarker>, EggError> {
    let value = inner(config, "startup", ctx)?;
    let at = At::new(&value, "config.startup");
    let Some(done) = at.get("done") else {
        ctx.odd(
            "done_missing",
            "config.startup.done",
            "no text says when the server is up: it counts as running at once",
        );
        return Ok(Vec::new());
    };
    let texts = match done.value {
        Value::Array(_) => done
            .items()?
            .iter()
            .map(|item| item.as_text(ctx))
            .collect::<Result<Vec<_>, _>>()?,
        Value::Object(members) if members.is_empty() => Vec::new(),
        _ => vec![done.as_text(ctx)?],
    };
    let mut markers = Vec::with_capacity(texts.len());
    for text in texts {
        let marker = DoneMarker::from_text(&text);
        if text.is_empty() {
            ctx.odd(
                "done_empty",
                done.field.clone(),
                "an empty text matches the first line",
            );
        }
        if text.len() > "regex:".len()
            && text.starts_with("regex:")
            && matches!(marker, DoneMarker::Contains(_))
        {
            ctx.odd(
                "done_bad_pattern",
                done.field.clone(),
                format!("{text:?} is no pattern: it is looked for as it stands"),
            );
        }
        markers.push(marker);
    }
    Ok(markers)
}

fn read_files(config: &At, ctx: &mut Ctx) -> Result<Vec<ConfigFile>, EggError> {
    let value = inner(config, "files", ctx)?;
    let at = At::new(&value, "config.files");
    let mut files = Vec::new();
    for (path, entry) in at.entries()? {
        if let Some(file) = read_file(path, &entry, ctx)? {
            add_file(&mut files, file, &entry, ctx);
        }
    }
    Ok(files)
}

/// `/a` and `a` are one file: their entries are put together.
fn add_file(files: &mut Vec<ConfigFile>, file: ConfigFile, entry: &At, ctx: &mut Ctx) {
    let Some(known) = files.iter_mut().find(|known| known.path == file.path) else {
        return files.push(file);
    };
    let same = known.parser == file.parser;
    let message = if same {
        "this file occurs twice; the entries were put together"
    } else {
        "this file occurs twice with two parsers; the first was kept"
    };
    ctx.odd("config_file_repeated", entry.field.clone(), message);
    for find in file.find.into_iter().filter(|_| same) {
        match known.find.iter_mut().find(|old| old.key == find.key) {
            Some(old) => *old = find,
            None => known.find.push(find),
        }
    }
}

fn read_file(path: &str, entry: &At, ctx: &mut Ctx) -> Result<Option<ConfigFile>, EggError> {
    let Some(below) = path_below_root(path) else {
        return Err(EggError::new(
            "path_leaves_root",
            entry.field.clone(),
            format!("{path:?} is no path below the server's files"),
        ));
    };
    if path.starts_with('/') {
        ctx.odd(
            "path_absolute",
            entry.field.clone(),
            "the leading slash means the server's root",
        );
    }
    if path.contains('\\') {
        ctx.odd(
            "path_backslash",
            entry.field.clone(),
            "a backslash belongs to the file's name: folders are parted by /",
        );
    }
    // Panels drop such entries without a word.
    let (true, Some(find)) = (entry.value.is_object(), entry.get("find")) else {
        ctx.odd(
            "config_file_dropped",
            entry.field.clone(),
            "this entry says nothing to change; it was left out",
        );
        return Ok(None);
    };
    let parser = Parser::from_name(entry.text("parser", ctx)?.trim());
    if let Parser::Other(name) = &parser {
        ctx.odd(
            "parser_unknown",
            entry.field.clone(),
            format!("no parser is called {name:?}: the file is left alone"),
        );
    }
    let create = match entry.get("create_file") {
        Some(_) => entry.flag("create_file", ctx)?,
        None => true,
    };
    let mut finds = Vec::new();
    for (key, at) in find.entries()? {
        if let Some(value) = read_value(&at, ctx) {
            finds.push(Find {
                key: key.clone(),
                value,
            });
        }
    }
    Ok(Some(ConfigFile {
        path: below,
        parser,
        create,
        find: finds,
    }))
}

fn read_value(at: &At, ctx: &mut Ctx) -> Option<FindValue> {
    let value = match at.value {
        Value::Null => Some(FindValue::Set(Literal::Text(String::new()))),
        Value::Object(members) if members.is_empty() => None,
        other => FindValue::from_json(other),
    };
    match &value {
        None => ctx.odd(
            "find_dropped",
            at.field.clone(),
            "no value to write can be read from this; it was left out",
        ),
        Some(FindValue::Set(Literal::Text(text))) => look_over_text(text, at, ctx),
        Some(FindValue::Set(literal)) => {
            ctx.odd(
                "find_not_text",
                at.field.clone(),
                format!("{literal} is not text; its type is kept"),
            );
        }
        Some(FindValue::When(pairs)) => {
            for (when, then) in pairs {
                if let Some(pattern) = when.strip_prefix("regex:")
                    && regex::Regex::new(pattern).is_err()
                {
                    ctx.odd(
                        "find_bad_pattern",
                        at.field.clone(),
                        format!("{pattern:?} is no pattern; it never matches"),
                    );
                }
                if let Literal::Text(text) = then {
                    look_over_text(text, at, ctx);
                }
            }
        }
    }
    value
}

fn look_over_text(text: &str, at: &At, ctx: &mut Ctx) {
    for name in placeholder::names(text) {
        match placeholder::class(name) {
            placeholder::Class::Known => {}
            placeholder::Class::Unknown => ctx.odd(
                "placeholder_unknown",
                at.field.clone(),
                format!("{{{{{name}}}}} is known to no panel; it becomes empty"),
            ),
            placeholder::Class::Bare => ctx.odd(
                "placeholder_bare",
                at.field.clone(),
                format!(
                    "{{{{{name}}}}} stands for nothing here (env.{name} would); it is left as it is"
                ),
            ),
            placeholder::Class::Forbidden => ctx.odd(
                "placeholder_forbidden",
                at.field.clone(),
                format!(
                    "{{{{{name}}}}} asks for the node's own configuration; it is left as it is"
                ),
            ),
        }
    }
}

/// A path as the writers take it, or `None` if it leaves the server's root or is no file's path.
pub(crate) fn path_below_root(path: &str) -> Option<String> {
    if path.contains('\0') || path.len() > 4_096 {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part if part.len() > 255 => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty() && !path.ends_with('/')).then(|| parts.join("/"))
}
