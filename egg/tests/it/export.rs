//! Writing: what is exported reads back as the same egg.

use proptest::prelude::*;
use serde_json::{Value, json};
use warren_egg::{
    ConfigFile, DoneMarker, Egg, Find, FindValue, Image, Install, Literal, Parser, StartupCommand,
    Stop, Variable, check, export, parse,
};

use crate::import::{files_below, published, small};

const NOW: &str = "2026-01-01T00:00:00Z";

fn round_trip(egg: &Egg) {
    let text = export(egg, NOW);
    let (again, report) = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(&again, egg, "{text}");
    assert_eq!(report.format.name(), "PTDL_v2");
    assert_eq!(export(&again, NOW), text);
    as_pterodactyl_reads_it(&text);
}

/// The types that its importer takes for granted.
fn as_pterodactyl_reads_it(text: &str) {
    let egg: Value = serde_json::from_str(text).unwrap();
    assert_eq!(egg["meta"]["version"], "PTDL_v2");
    for field in ["name", "author", "description", "startup", "exported_at"] {
        assert!(egg[field].is_string(), "{field}");
    }
    assert!(egg["docker_images"].is_object() && egg["file_denylist"].is_array());
    assert!(egg["features"].is_null() || egg["features"].is_array());
    for field in ["files", "startup", "logs"] {
        let inner: Value = serde_json::from_str(egg["config"][field].as_str().unwrap()).unwrap();
        assert!(inner.is_object(), "config.{field}");
    }
    assert!(egg["config"]["stop"].is_string());
    for field in ["script", "container", "entrypoint"] {
        assert!(egg["scripts"]["installation"][field].is_string(), "{field}");
    }
    for variable in egg["variables"].as_array().unwrap() {
        for field in [
            "name",
            "description",
            "env_variable",
            "default_value",
            "field_type",
        ] {
            assert!(variable[field].is_string(), "{field}");
        }
        assert!(variable["user_viewable"].is_boolean() && variable["user_editable"].is_boolean());
    }
}

#[test]
#[ignore = "set WARREN_EGGS to a folder of eggs"]
fn every_egg_of_a_collection_survives_export() {
    let folder = std::env::var_os("WARREN_EGGS").expect("WARREN_EGGS names a folder of eggs");
    let mut files = Vec::new();
    files_below(std::path::Path::new(&folder), &mut files);
    assert!(
        !files.is_empty(),
        "no egg-* files below {}",
        folder.display()
    );
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        let (egg, _) = parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        round_trip(&egg);
    }
    println!("{} eggs", files.len());
}

#[test]
fn every_published_egg_survives_export() {
    for (_, bytes) in published() {
        round_trip(&parse(&bytes).unwrap().0);
    }
}

#[test]
fn an_export_is_what_pterodactyl_expects() {
    let text = export(&parse(small().to_string().as_bytes()).unwrap().0, NOW);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["meta"]["version"], "PTDL_v2");
    assert_eq!(value["startup"], "./run");
    assert!(value.get("startup_commands").is_none());
    assert_eq!(value["config"]["startup"], "{\"done\":\"up\"}");
    assert_eq!(value["config"]["files"], "{}");
    assert_eq!(value["features"], Value::Null);
}

#[test]
fn a_check_is_one_line_of_json() {
    for (path, bytes) in published() {
        let (line, ok) = check(path.to_str().unwrap(), &bytes);
        assert!(ok);
        assert!(!line.contains('\n'));
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["ok"], true);
        assert!(value["odd"].is_array() && value["name"].is_string());
    }
    let value: Value = serde_json::from_str(&check("x", b"{").0).unwrap();
    assert_eq!(
        (&value["ok"], &value["refused"]["code"]),
        (&json!(false), &json!("syntax"))
    );
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,16}",
        ".{0,8}",
        Just("a\r\nb\rc\r\r\n".to_owned()),
        Just("{{server.build.env.X}}".to_owned()),
        Just("regex:^a$".to_owned()),
        Just("^^C".to_owned()),
        Just("007".to_owned())
    ]
}

fn literal() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(serde_json::from_str("123456789012345678901234567890.10").unwrap()),
    ]
}

prop_compose! {
    fn variable()(
        env in "[A-Za-z_][A-Za-z0-9_]{0,10}", name in text(), description in text(), default in literal(),
        viewable: bool, editable: bool, sort in prop::option::of(0i64..9),
        rules in prop_oneof![
            "(required|string|max:20|)(\\|(nullable|in:a,b|regex:/\\^a\\$/))?".prop_map(Value::from),
            prop::collection::vec("(regex:/a\\|b/|required|size:3)", 0..3).prop_map(Value::from),
            Just(json!({})),
        ],
    ) -> Value {
        json!({ "env_variable": env, "name": name, "description": description, "default_value": default,
            "user_viewable": viewable, "user_editable": editable, "sort": sort, "rules": rules })
    }
}

prop_compose! {
    fn config_file()(
        parser in prop_oneof![Just("file"), Just("yml"), Just("json"), Just("hocon"), Just("")],
        create in prop::option::of(any::<bool>()),
        find in prop::collection::hash_map(text(), prop_oneof![
            literal(),
            prop::collection::hash_map(text(), literal(), 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ], 0..4),
    ) -> Value {
        let find = Value::Object(find.into_iter().collect());
        json!({ "parser": parser, "create_file": create, "find": find })
    }
}

proptest! {
    #[test]
    fn any_egg_that_can_be_read_survives_export(
        name in "[a-zA-Z ]{0,8}x", texts in prop::collection::vec(text(), 12),
        images in prop::collection::hash_map(text(), text(), 0..4),
        commands in prop::option::of(prop::collection::hash_map(text(), text(), 0..3)),
        files in prop::collection::hash_map("/?[a-z]{1,3}(/[a-z. ]{1,3}x)?", config_file(), 0..3),
        done in prop::option::of(prop::collection::vec(text(), 0..3)),
        variables in prop::collection::vec(variable(), 0..4),
        icon in prop::option::of(Just("data:image/png;base64,AA==")),
    ) {
        let map = |map: std::collections::HashMap<String, String>| {
            Value::Object(map.into_iter().map(|(key, value)| (key, value.into())).collect())
        };
        let egg = json!({
            "meta": { "version": "PLCN_v3", "update_url": texts[0] }, "name": name, "author": texts[1],
            "description": texts[2], "uuid": texts[3], "tags": [texts[4]], "features": [texts[5]], "icon": icon,
            "docker_images": map(images), "file_denylist": [texts[6]],
            "startup": texts[7], "startup_commands": commands.map(map),
            "config": { "files": Value::Object(files.into_iter().collect()),
                "startup": { "done": done }, "stop": texts[8] },
            "scripts": { "installation": { "script": texts[9], "container": texts[10], "entrypoint": texts[11] } },
            "variables": variables,
        });
        if let Ok((egg, _)) = parse(egg.to_string().as_bytes()) {
            round_trip(&egg);
        }
    }
}

/// Any text that an egg may hold.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        text(),
        "[^\0]{0,12}",
        "(regex:|\\^|[{]{2}|[|]|:|,|\"|\\\\|/|a){0,8}"
    ]
    .prop_map(|text| text.replace('\0', ""))
}

fn line_ends(text: String) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn named<T: std::fmt::Debug>(
    value: impl Strategy<Value = T>,
    most: usize,
) -> impl Strategy<Value = Vec<(String, T)>> {
    prop::collection::hash_map(any_text(), value, 0..most).prop_map(|map| map.into_iter().collect())
}

fn literal_of() -> impl Strategy<Value = Literal> {
    literal().prop_map(|value| match Literal::from_json(&value).unwrap() {
        Literal::Text(text) => Literal::Text(text.replace('\0', "")),
        other => other,
    })
}

fn find_value() -> impl Strategy<Value = FindValue> {
    prop_oneof![
        3 => literal_of().prop_map(FindValue::Set),
        1 => named(literal_of(), 4)
            .prop_filter("no condition at all is no value", |pairs| !pairs.is_empty())
            .prop_map(FindValue::When),
    ]
}

prop_compose! {
    fn file_of_model()(
        parser in prop_oneof!["file|properties|ini|json|yaml|xml|toml".prop_map(|name| Parser::from_name(&name)), any_text().prop_map(|name| Parser::from_name(name.trim()))],
        create: bool, find in named(find_value(), 4),
    ) -> (Parser, bool, Vec<Find>) {
        (parser, create, find.into_iter().map(|(key, value)| Find { key, value }).collect())
    }
}

prop_compose! {
    fn variable_of_model()(
        texts in prop::collection::vec(any_text(), 3), viewable: bool, editable: bool,
        rules in prop::collection::vec(any_text().prop_filter("blank", |rule| !rule.trim().is_empty()), 0..4),
        sort in prop::option::of(any::<i64>()),
    ) -> Variable {
        Variable {
            name: texts[0].clone(), description: texts[1].clone(), default: texts[2].clone(), env: String::new(),
            user_viewable: viewable, user_editable: viewable && editable, rules, sort,
        }
    }
}

prop_compose! {
    fn model()(
        name in "[^\\s\0]([^\0]{0,20}[^\\s\0])?", texts in prop::collection::vec(any_text(), 6),
        lists in prop::collection::vec(prop::collection::vec(any_text(), 0..3), 3),
        images in named("[a-z:/.]{1,9}", 4), commands in named(any_text(), 3),
        files in prop::collection::hash_map("[a-z{} .]{0,3}x(/[a-z. ]{0,3}y)?", file_of_model(), 0..3),
        done in prop::collection::vec(any_text(), 0..3), stop in any_text(), icon: bool,
        variables in prop::collection::hash_map("[A-Za-z0-9_]{1,8}", variable_of_model(), 0..4),
    ) -> Egg {
        let [author, description, uuid, url, script, container] = <[String; 6]>::try_from(texts).unwrap();
        let [tags, features, denylist] = <[Vec<String>; 3]>::try_from(lists).unwrap();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let mut egg = Egg {
            name, author, description: line_ends(description), uuid: some(uuid), update_url: some(url),
            icon: icon.then(|| "data:image/png;base64,AA==".into()), tags, features,
            images: Vec::new(), file_denylist: denylist,
            startup_commands: commands.into_iter().map(|(name, command)| StartupCommand { name, command })
                .filter(|command| !command.command.is_empty()).collect(),
            config_files: files.into_iter()
                .map(|(path, (parser, create, find))| ConfigFile { path, parser, create, find }).collect(),
            done: done.iter().map(|text| DoneMarker::from_text(text)).collect(),
            stop: Stop::Command(stop.trim_start_matches('^').to_owned()),
            install: Install {
                script: line_ends(script), container: container.trim().to_owned(), entrypoint: "bash".into(),
            },
            variables: variables.into_iter().map(|(env, variable)| Variable { env, ..variable }).collect(),
        };
        if egg.stop == Stop::Command(String::new()) {
            egg.stop = Stop::TERM;
        }
        for (label, image) in images {
            let label = label.trim();
            if !label.is_empty() && !egg.images.iter().any(|known| known.label == label) {
                egg.images.push(Image { label: label.to_owned(), image });
            }
        }
        egg
    }
}

proptest! {
    #[test]
    fn any_model_survives_export(egg in model()) {
        round_trip(&egg);
    }
}
