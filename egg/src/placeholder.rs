//! `{{ }}` in config files: Pterodactyl's names and Pelican's alike, in one pass. What a person typed is never
//! looked through again, and the node's configuration is out of reach but for one address.
//!
//! Control fills in what it knows; what only the node knows stays a [`Part::Node`] until the agent settles it.

use crate::environment::{ServerFacts, environment};
use crate::filled::{Filled, FilledFile, FilledValue, Part};
use crate::model::{ConfigFile, FindValue, Literal, Parser};
use crate::parse::path_below_root;

/// What a placeholder's name can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Known,
    /// `server.` and something that no panel knows.
    Unknown,
    /// Without a prefix: panels leave it alone.
    Bare,
    /// The node's configuration.
    Forbidden,
}

pub(crate) fn class(name: &str) -> Class {
    if let Some(rest) = name.strip_prefix("config.") {
        return if is_interface(rest) {
            Class::Known
        } else {
            Class::Forbidden
        };
    }
    if name.starts_with("env.") {
        return Class::Known;
    }
    match name.strip_prefix("server.") {
        Some(rest)
            if variable_name(name).is_some()
                || server_fact(rest, &ServerFacts::default()).is_some() =>
        {
            Class::Known
        }
        Some(_) => Class::Unknown,
        None => Class::Bare,
    }
}

fn is_interface(path: &str) -> bool {
    matches!(path, "docker.interface" | "docker.network.interface")
}

/// Names of all placeholders in a text.
pub(crate) fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    scan(text, |piece| {
        if let Piece::Name { name, .. } = piece {
            names.push(name);
        }
    });
    names
}

enum Piece<'a> {
    Text(&'a str),
    Name { name: &'a str, whole: &'a str },
}

/// Splits a text at `{{[\w.-]*}}`; only `config.` names may have a blank on either side, as on Wings.
fn scan<'a>(text: &'a str, mut take: impl FnMut(Piece<'a>)) {
    let (mut from, mut search) = (0, 0);
    while let Some(found) = text[search..].find("{{") {
        let open = search + found;
        match placeholder_at(&text[open..]) {
            Some((name, length)) => {
                take(Piece::Text(&text[from..open]));
                let whole = &text[open..open + length];
                take(Piece::Name { name, whole });
                from = open + length;
                search = from;
            }
            // One brace on: `{{{env.X}}}` holds a placeholder between braces.
            None => search = open + 1,
        }
    }
    take(Piece::Text(&text[from..]));
}

fn placeholder_at(text: &str) -> Option<(&str, usize)> {
    const BLANKS: [char; 5] = [' ', '\t', '\n', '\r', '\u{c}'];
    let inner = text.strip_prefix("{{")?;
    let trimmed = inner.strip_prefix(BLANKS).unwrap_or(inner);
    let end = trimmed
        .bytes()
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)))?;
    let (name, after) = trimmed.split_at(end);
    let close = after.strip_prefix(BLANKS).unwrap_or(after);
    let rest = close.strip_prefix("}}")?;
    let spaced = trimmed.len() != inner.len() || close.len() != after.len();
    if spaced && !name.starts_with("config.") {
        return None;
    }
    Some((name, text.len() - rest.len()))
}

/// A path that, with its variables in place, leaves the server's root or names no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "config file {path:?} of the egg lies outside the server's files with the server's variables in place"
)]
pub struct PathError {
    pub path: String,
}

/// Fills one config file of an egg.
/// # Errors
/// If the path, with variables in place, leaves the server's root.
pub fn fill_file(file: &ConfigFile, facts: &ServerFacts) -> Result<FilledFile, PathError> {
    let path = expand(&file.path, |name| environment_value(name, facts));
    let path = path_below_root(&path).ok_or_else(|| PathError {
        path: file.path.clone(),
    })?;
    let find = file.find.iter();
    // Nothing marks the end of a value there but the line's: what a person typed must not begin a line of its own.
    let one_line = file.parser == Parser::File;
    Ok(FilledFile {
        path,
        parser: file.parser.clone(),
        create: file.create,
        find: find
            .map(|find| (find.key.clone(), filled(&find.value, facts, one_line)))
            .collect(),
    })
}

/// Fills one value. Keys, those of conditions too, are taken as they stand.
pub fn fill(value: &FindValue, facts: &ServerFacts) -> FilledValue {
    filled(value, facts, false)
}

fn filled(value: &FindValue, facts: &ServerFacts, one_line: bool) -> FilledValue {
    let fill = |literal: &Literal, template: bool| {
        let typed = |value: String| match (template && !one_line, one_line) {
            // A `$1` of the egg means a group; a `$` that a person typed means itself.
            (true, _) => value.replace('$', "$$"),
            (false, true) => value.replace("\r\n", " ").replace(['\r', '\n'], " "),
            (false, false) => value,
        };
        fill_literal(literal, facts, typed)
    };
    match value {
        FindValue::Set(literal) => FilledValue::Set(fill(literal, false)),
        FindValue::When(pairs) => FilledValue::When(
            pairs
                .iter()
                .map(|(when, then)| (when.clone(), fill(then, when.starts_with("regex:"))))
                .collect(),
        ),
    }
}

/// `typed`: what becomes of a value before it stands in the text.
fn fill_literal(
    literal: &Literal,
    facts: &ServerFacts,
    typed: impl Fn(String) -> String,
) -> Filled {
    let Literal::Text(text) = literal else {
        return Filled::Literal(literal.clone());
    };
    let mut parts: Vec<Part> = Vec::new();
    scan(text, |piece| {
        let text = match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Name { name, whole } => match resolve(name, facts) {
                Resolved::Text(value) => typed(value),
                Resolved::Untouched => whole.to_owned(),
                Resolved::Interface => return parts.push(Part::Interface),
            },
        };
        match parts.last_mut() {
            Some(Part::Text(before)) => before.push_str(&text),
            _ => parts.push(Part::Text(text)),
        }
    });
    match parts.as_mut_slice() {
        [Part::Text(text)] => Filled::Literal(Literal::Text(std::mem::take(text))),
        _ => {
            parts.retain(|part| *part != Part::Text(String::new()));
            Filled::Parts(parts)
        }
    }
}

enum Resolved {
    Text(String),
    Interface,
    /// Not ours: stays as it stands.
    Untouched,
}

fn resolve(name: &str, facts: &ServerFacts) -> Resolved {
    if let Some(path) = name.strip_prefix("config.") {
        return if is_interface(path) {
            Resolved::Interface
        } else {
            Resolved::Untouched
        };
    }
    if let Some(variable) = variable_name(name) {
        return Resolved::Text(environment_value(variable, facts).unwrap_or_default());
    }
    match name.strip_prefix("server.") {
        // Unknown names become empty on every panel.
        Some(path) => Resolved::Text(server_fact(path, facts).unwrap_or_default()),
        None => Resolved::Untouched,
    }
}

/// The variable that any of the panels' spellings asks for.
fn variable_name(name: &str) -> Option<&str> {
    [
        "server.build.env.",
        "server.build.environment.",
        "server.environment.",
        "env.",
    ]
    .into_iter()
    .find_map(|prefix| name.strip_prefix(prefix))
}

/// The platform's own names first: a variable can't stand in for them.
fn environment_value(name: &str, facts: &ServerFacts) -> Option<String> {
    match name {
        "SERVER_MEMORY" => Some(facts.memory_mb.to_string()),
        "SERVER_IP" => Some(facts.ip_inside().to_owned()),
        "SERVER_PORT" => Some(facts.port_text()),
        _ => facts.variable(name).map(str::to_owned).or_else(|| {
            let env = environment(facts);
            env.into_iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value)
        }),
    }
}

/// `server.` facts under both panels' names.
fn server_fact(path: &str, facts: &ServerFacts) -> Option<String> {
    Some(match path {
        "uuid" => facts.uuid.clone(),
        "suspended" => facts.suspended.to_string(),
        "build.default.ip" | "allocations.default.ip" => facts.ip_inside().to_owned(),
        "build.default.port" | "allocations.default.port" => facts.port_text(),
        "build.memory" | "build.memory_limit" => facts.memory_mb.to_string(),
        "build.swap" => facts.swap_mb.to_string(),
        "build.io" | "build.io_weight" => facts.io_weight.to_string(),
        "build.cpu" | "build.cpu_limit" => facts.cpu_percent.to_string(),
        "build.threads" => facts.threads.clone(),
        "build.disk" | "build.disk_space" => facts.disk_mb.to_string(),
        "build.image" | "container.image" => facts.image.clone(),
        "build.oom_disabled" | "container.oom_disabled" => facts.oom_disabled.to_string(),
        "build.ports" => facts.port_text(),
        "service.egg" | "egg.id" => facts.egg.clone(),
        _ => return None,
    })
}

/// A start command as people see it: `value` answers what to show for a variable, `None` leaves the placeholder.
/// Only for display; what runs is the raw text.
pub fn preview(startup: &str, value: impl Fn(&str) -> Option<String>) -> String {
    expand(startup, value)
}

/// Replaces `{{NAME}}` and `${NAME}` once.
fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '$']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let found = [("{{", "}}"), ("${", "}")]
            .into_iter()
            .find_map(|(open, close)| {
                let inner = from.strip_prefix(open)?;
                let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
                let (name, after) = inner.split_at(end);
                Some((
                    value(name).filter(|_| !name.is_empty())?,
                    after.strip_prefix(close)?,
                ))
            });
        rest = match found {
            Some((value, after)) => {
                out.push_str(&value);
                after
            }
            None => {
                let (first, after) = from.split_at(1);
                out.push_str(first);
                after
            }
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::filled::NodeFacts;

    fn facts() -> ServerFacts {
        ServerFacts {
            uuid: "u-1".into(),
            ip: "10.0.0.9".into(),
            port: Some(30_000),
            memory_mb: 512,
            variables: vec![
                (
                    "NAME".into(),
                    "{{server.build.env.SECRET}} {{config.token}} {{config.docker.interface}}"
                        .into(),
                ),
                ("SECRET".into(), "s3cret".into()),
                ("srv_name".into(), "low".into()),
                ("MONEY".into(), "$1".into()),
            ],
            ..ServerFacts::default()
        }
    }

    fn filled(text: &str) -> String {
        let value = fill(&FindValue::Set(Literal::Text(text.into())), &facts());
        let node = NodeFacts {
            interface: "172.18.0.1".into(),
        };
        match value.settle(&node) {
            FindValue::Set(literal) => literal.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_dialects_name_the_same_things() {
        for name in [
            "server.build.env.SECRET",
            "server.environment.SECRET",
            "env.SECRET",
        ] {
            assert_eq!(filled(&format!("<{{{{{name}}}}}>")), "<s3cret>", "{name}");
        }
        for name in [
            "server.build.default.port",
            "server.allocations.default.port",
            "env.SERVER_PORT",
        ] {
            assert_eq!(filled(&format!("{{{{{name}}}}}")), "30000", "{name}");
        }
        assert_eq!(
            filled("{{server.build.memory}}/{{server.build.memory_limit}}"),
            "512/512"
        );
        assert_eq!(
            filled("{{server.build.env.srv_name}}{{env.SRV_NAME}}"),
            "lowlow"
        );
    }

    #[test]
    fn what_a_person_typed_is_not_looked_through_again() {
        let typed = "{{server.build.env.SECRET}} {{config.token}} {{config.docker.interface}}";
        assert_eq!(filled("{{env.NAME}}"), typed);
        assert_eq!(
            filled("{{env.NAME}}@{{config.docker.interface}}"),
            format!("{typed}@172.18.0.1")
        );
    }

    #[test]
    fn only_the_interface_of_the_nodes_configuration_can_be_had() {
        assert_eq!(filled("{{config.docker.interface}}:1"), "172.18.0.1:1");
        assert_eq!(
            filled("{{ config.docker.network.interface }}"),
            "172.18.0.1"
        );
        assert_eq!(filled("{{config.token}}"), "{{config.token}}");
        assert_eq!(
            filled("{{config.docker.registries}}"),
            "{{config.docker.registries}}"
        );
    }

    #[test]
    fn unknown_names_become_empty_and_foreign_ones_stay() {
        assert_eq!(
            filled("a{{server.build.env.SERVER_LOGO}}b{{server.nonsense}}c"),
            "abc"
        );
        assert_eq!(
            filled("{{QUERY_PORT}} {{ env.SECRET }} {{}}"),
            "{{QUERY_PORT}} {{ env.SECRET }} {{}}"
        );
        assert_eq!(
            filled("{{{env.SECRET}}} {{env.SECRET"),
            "{s3cret} {{env.SECRET"
        );
    }

    #[test]
    fn a_typed_dollar_is_no_group_in_a_conditional_value() {
        let value = FindValue::When(vec![(
            "regex:^(a)(b)?$".into(),
            Literal::Text("{{config.docker.interface}}$2{{env.MONEY}}".into()),
        )]);
        let filled = fill(&value, &facts());
        assert_eq!(
            filled.to_json().to_string(),
            r#"{"regex:^(a)(b)?$":[{"node":"interface"},"$2$$1"]}"#
        );
        assert_eq!(FilledValue::from_json(&filled.to_json()), Some(filled));
    }

    #[test]
    fn paths_take_variables_but_stay_below_the_root() {
        let mut file = ConfigFile {
            path: "worlds/{{srv_name}}/${SECRET}.cfg".into(),
            parser: Parser::Ini,
            create: true,
            find: vec![],
        };
        assert_eq!(
            fill_file(&file, &facts()).unwrap().path,
            "worlds/low/s3cret.cfg"
        );
        let mut hostile = facts();
        hostile
            .variables
            .push(("SECRET".into(), "../../../etc/passwd".into()));
        assert!(fill_file(&file, &hostile).is_err());
        file.path = "a/{{UNKNOWN}}/b".into();
        assert_eq!(fill_file(&file, &facts()).unwrap().path, "a/{{UNKNOWN}}/b");
    }

    #[test]
    fn a_start_command_is_shown_with_values() {
        let show = |name: &str| match name {
            "PORT" => Some("1".to_owned()),
            "KEY" => Some("[hidden]".to_owned()),
            _ => None,
        };
        assert_eq!(
            preview(
                "./x -p {{PORT}} ${KEY} {{SERVER_NAME}]\" $( [ ${Y} ] )",
                show
            ),
            "./x -p 1 [hidden] {{SERVER_NAME}]\" $( [ ${Y} ] )"
        );
    }
}
