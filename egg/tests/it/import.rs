//! Reading: the published files, the oddities of the reference's checklist, and what is refused.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};
use warren_egg::{DoneMarker, Egg, FindValue, Format, Literal, Parser, Report, Stop, parse};

pub fn files_below(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, into);
        } else if path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("egg-")
        {
            into.push(path);
        }
    }
}

/// Every published egg in this repository.
pub fn published() -> Vec<(PathBuf, Vec<u8>)> {
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    files_below(&room.join("starter"), &mut files);
    files_below(&room.join("tests/data"), &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect()
}

fn named(name: &str) -> (Egg, Report) {
    let all = published();
    let (_, bytes) = all.iter().find(|(path, _)| path.ends_with(name)).unwrap();
    parse(bytes).unwrap()
}

/// A small egg to bend.
pub fn small() -> Value {
    json!({
        "meta": { "version": "PTDL_v2", "update_url": null },
        "name": "Small", "author": "a@example.org", "description": "",
        "features": null,
        "docker_images": { "One": "example.org/one:1" },
        "file_denylist": [],
        "startup": "./run",
        "config": { "files": "{}", "startup": "{\"done\": \"up\"}", "logs": "{}", "stop": "stop" },
        "scripts": { "installation": { "script": "true\n", "container": "example.org/i:1", "entrypoint": "ash" } },
        "variables": []
    })
}

fn read(value: &Value) -> (Egg, Report) {
    parse(value.to_string().as_bytes()).unwrap()
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.odd.iter().map(|odd| odd.code).collect()
}

fn refused(bytes: &[u8]) -> (&'static str, String) {
    let error = parse(bytes).unwrap_err();
    (error.code, error.field)
}

#[test]
fn every_published_egg_is_read() {
    let all = published();
    assert_eq!(all.len(), 16);
    let mut formats = std::collections::BTreeSet::new();
    for (path, bytes) in &all {
        let (egg, report) =
            parse(bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        formats.insert(report.format.name());
        assert!(!egg.images.is_empty(), "{}", path.display());
        assert!(
            !egg.startup_commands[0].command.is_empty(),
            "{}",
            path.display()
        );
        assert!(!egg.done.is_empty(), "{}", path.display());
        assert!(!egg.install.script.contains('\r'), "{}", path.display());
        let kept: Egg = serde_json::from_value(serde_json::to_value(&egg).unwrap()).unwrap();
        assert_eq!(kept, egg, "{}", path.display());
    }
    assert_eq!(formats.len(), 5, "{formats:?}");
}

#[test]
fn openttd_says_what_its_author_wrote() {
    let (egg, report) = named("openttd/egg-open-t-t-d-server.json");
    assert_eq!(report.format, Format::PtdlV2);
    assert_eq!(egg.startup_commands[0].command, "./openttd -D");
    assert_eq!(egg.stop, Stop::Command("exit".into()));
    assert_eq!(
        egg.done,
        [DoneMarker::Contains(
            "[net] Map generated, starting game".into()
        )]
    );
    let file = &egg.config_files[0];
    assert_eq!(
        (file.path.as_str(), &file.parser),
        ("openttd.cfg", &Parser::Ini)
    );
    assert_eq!(file.find[2].key, "network.lan_internet");
    assert_eq!(
        file.find[2].value,
        FindValue::Set(Literal::Number(0.into()))
    );
    assert_eq!(egg.variables[0].env, "srv_name");
    assert!(codes(&report).contains(&"variable_lower_case"));
    assert!(codes(&report).contains(&"find_not_text"));
}

#[test]
fn palworld_is_read_from_yaml_with_its_numbers_as_text() {
    let (egg, report) = named("palworld/egg-palworld.yaml");
    assert!(report.yaml);
    assert_eq!(report.format, Format::PlcnV3);
    assert_eq!(egg.file_denylist, ["PalServer.sh"]);
    let app = egg
        .variables
        .iter()
        .find(|variable| variable.env == "SRCDS_APPID")
        .unwrap();
    assert_eq!(app.default, "2394010");
    assert_eq!(app.rules, ["required", "string", "in:2394010"]);
    assert!(egg.install.script.starts_with("#!/bin/bash\n"));
    assert!(egg.install.script.contains("\n\n\n# Install packages."));
}

#[test]
fn several_start_commands_and_conditions_keep_their_order() {
    let (egg, _) = named("nightingale/egg-nightingale.json");
    let names: Vec<_> = egg
        .startup_commands
        .iter()
        .map(|command| command.name.as_str())
        .collect();
    assert_eq!(names, ["Default", "With cheats"]);
    let (egg, _) = named("minecraft/egg-bungeecord.json");
    let find = &egg.config_files[0].find[2];
    assert_eq!(find.key, "servers.*.address");
    assert!(matches!(&find.value, FindValue::When(pairs) if pairs[0].0.starts_with("regex:")));
    let labels: Vec<_> = egg
        .images
        .iter()
        .map(|image| image.label.as_str())
        .collect();
    assert_eq!(
        labels,
        ["Java 21", "Java 17", "Java 16", "Java 11", "Java 8"]
    );
}

#[test]
fn an_egg_in_yaml_says_the_same_as_in_json() {
    let yaml = "meta:\n  version: PLCN_v3\nname: Small\nauthor: a@example.org\nfeatures: {  }\ntags: {  }\n\
        file_denylist: {  }\ndocker_images:\n  One: ' example.org/one:1'\nstartup_commands:\n  Default: ./run\n\
        config:\n  files:\n    a.ini:\n      parser: ini\n      find:\n        s.k: true\n  startup: {  }\n  logs: {  }\n  stop: ^C\n\
        scripts:\n  installation:\n    script: \"true\\r\\n\"\n    container: i\n    entrypoint: ash\nvariables:\n  -\n    name: A\n    env_variable: A\n\
        \x20   default_value: false\n    user_viewable: true\n    user_editable: true\n    rules: {  }\n";
    let (egg, report) = parse(yaml.as_bytes()).unwrap();
    assert_eq!(egg.images[0].image, "example.org/one:1");
    assert_eq!(egg.variables[0].default, "false");
    assert_eq!(
        egg.config_files[0].find[0].value,
        FindValue::Set(Literal::Bool(true))
    );
    assert_eq!(egg.install.script, "true\n");
    for code in [
        "not_a_list",
        "image_trimmed",
        "done_missing",
        "not_text",
        "script_crlf",
        "find_not_text",
    ] {
        assert!(codes(&report).contains(&code), "{code} in {report:?}");
    }
}

#[test]
fn images_are_taken_from_wherever_they_stand() {
    let mut egg = small();
    egg["docker_images"] = json!(["a:1", "b:2"]);
    let (model, report) = read(&egg);
    assert_eq!(model.images[1].label, "b:2");
    assert!(codes(&report).contains(&"images_as_list"));

    egg.as_object_mut().unwrap().remove("docker_images");
    egg["images"] = json!(["c:3"]);
    assert_eq!(read(&egg).0.images[0].image, "c:3");

    egg.as_object_mut().unwrap().remove("images");
    egg["meta"]["version"] = json!("PTDL_v1");
    egg["image"] = json!("d:4");
    assert_eq!(read(&egg).0.images[0].image, "d:4");

    egg["meta"]["version"] = json!("PLCN_v3");
    egg["image"] = json!("data:image/png;base64,AAAA");
    let (model, report) = read(&egg);
    assert!(model.images.is_empty() && model.icon.is_some());
    assert!(codes(&report).contains(&"images_missing"));
}

#[test]
fn empty_collections_of_any_shape_are_empty() {
    let mut egg = small();
    egg["features"] = json!({});
    egg["tags"] = json!({});
    egg["file_denylist"] = json!("");
    egg["config"]["files"] = json!("[]");
    egg["config"]["logs"] = json!([]);
    egg["variables"] = json!({});
    let (model, _) = read(&egg);
    assert!(model.features.is_empty() && model.tags.is_empty() && model.file_denylist.is_empty());
    assert!(model.config_files.is_empty() && model.variables.is_empty());
}

#[test]
fn variables_survive_what_authors_did_to_them() {
    let variable = |env: &str, rules: Value, viewable: bool| {
        json!({ "name": env, "description": "", "env_variable": env, "default_value": 7,
            "user_viewable": viewable, "user_editable": true, "rules": rules, "field_type": "text" })
    };
    let mut egg = small();
    egg["variables"] = json!([
        variable("TWICE", json!("required|string|"), true),
        variable("LIST", json!(["required", "regex:/^(a|b)$/"]), true),
        variable("MAP", json!({}), true),
        variable("HIDDEN", json!("Nullable"), false),
        variable("TWICE", json!("nullable"), true),
        variable("SERVER_PORT", json!("nullable"), true),
    ]);
    let (model, report) = read(&egg);
    let names: Vec<_> = model
        .variables
        .iter()
        .map(|variable| variable.env.as_str())
        .collect();
    assert_eq!(names, ["TWICE", "LIST", "MAP", "HIDDEN", "SERVER_PORT"]);
    assert_eq!(model.variables[0].rules, ["nullable"]);
    assert_eq!(model.variables[1].rules[1], "regex:/^(a|b)$/");
    assert!(!model.variables[3].user_editable);
    for code in [
        "variable_repeated",
        "rule_empty",
        "not_a_list",
        "editable_but_hidden",
        "variable_reserved",
    ] {
        assert!(codes(&report).contains(&code), "{code}");
    }
}

#[test]
fn config_entries_that_make_no_sense_are_named() {
    let mut egg = small();
    egg["config"]["files"] = json!({
        "/abs/a b.json": { "parser": "json", "find": {
            "ok": 1, "flag": true, "null": null, "deep": { "a": { "b": 1 } }, "bare": "{{QUERY_PORT}}",
            "token": "{{config.token}}", "odd": "{{server.nonsense}}", "pattern": { "regex:(": "x" } } },
        "no-find": { "parser": "file" },
        "text": "nothing",
        "new.conf": { "parser": "hocon", "find": {}, "create_file": false },
    });
    let (model, report) = read(&egg);
    let paths: Vec<_> = model
        .config_files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(paths, ["abs/a b.json", "new.conf"]);
    assert!(!model.config_files[1].create);
    assert_eq!(model.config_files[1].parser, Parser::Other("hocon".into()));
    let keys: Vec<_> = model.config_files[0]
        .find
        .iter()
        .map(|find| find.key.as_str())
        .collect();
    assert_eq!(
        keys,
        ["ok", "flag", "null", "bare", "token", "odd", "pattern"]
    );
    for code in [
        "path_absolute",
        "find_not_text",
        "find_dropped",
        "placeholder_bare",
        "placeholder_forbidden",
        "placeholder_unknown",
        "config_file_dropped",
        "parser_unknown",
        "find_bad_pattern",
    ] {
        assert!(codes(&report).contains(&code), "{code}");
    }
}

#[test]
fn start_commands_that_cannot_work_are_named() {
    let mut egg = small();
    egg["startup"] = json!("./run {{SERVER_PORT}} {{CLIENT_MODS}} \"{{SERVER_NAME}]\"");
    let (model, report) = read(&egg);
    assert_eq!(model.startup_commands[0].command, egg["startup"]);
    assert!(codes(&report).contains(&"startup_undeclared"));
    assert!(codes(&report).contains(&"startup_braces"));
}

#[test]
fn done_markers_of_any_shape_are_read() {
    for (done, expected) in [
        (json!("a "), vec![DoneMarker::Contains("a ".into())]),
        (
            json!(["a", "regex:^b+$"]),
            vec![
                DoneMarker::Contains("a".into()),
                DoneMarker::Regex("^b+$".into()),
            ],
        ),
        (
            json!("regex:("),
            vec![DoneMarker::Contains("regex:(".into())],
        ),
        (json!("regex:"), vec![DoneMarker::Contains("regex:".into())]),
        (json!(null), vec![]),
    ] {
        let mut egg = small();
        egg["config"]["startup"] = json!({ "done": done });
        assert_eq!(read(&egg).0.done, expected, "{done}");
    }
}

#[test]
fn refusals_name_the_field() {
    let bent = |bend: &dyn Fn(&mut Value)| {
        let mut egg = small();
        bend(&mut egg);
        refused(egg.to_string().as_bytes())
    };
    type Refusal<'a, T> = (&'a str, T);
    let cases: Vec<(Refusal<String>, Refusal<&str>)> = vec![
        (
            bent(&|egg| egg["meta"]["version"] = json!("PTDL_v9")),
            ("unknown_version", "meta.version"),
        ),
        (
            bent(&|egg| egg["meta"] = json!({})),
            ("not_an_egg", "meta.version"),
        ),
        (
            bent(&|egg| egg["meta"]["version"] = json!(2)),
            ("wrong_type", "meta.version"),
        ),
        (bent(&|egg| egg["name"] = json!(5)), ("wrong_type", "name")),
        (bent(&|egg| egg["name"] = json!(null)), ("missing", "name")),
        (
            bent(&|egg| egg["name"] = json!("x".repeat(192))),
            ("bad_value", "name"),
        ),
        (
            bent(&|egg| egg["variables"] = json!("x")),
            ("wrong_type", "variables"),
        ),
        (
            bent(&|egg| egg["variables"] = json!([{ "name": "x" }])),
            ("missing", "variables[0].env_variable"),
        ),
        (
            bent(&|egg| egg["variables"] = json!([{ "env_variable": "A B" }])),
            ("bad_value", "variables[0].env_variable"),
        ),
        (
            bent(&|egg| egg["docker_images"] = json!({ "a": [1] })),
            ("wrong_type", "docker_images.a"),
        ),
        (
            bent(&|egg| egg["config"]["stop"] = json!([])),
            ("wrong_type", "config.stop"),
        ),
        (
            bent(&|egg| egg["config"]["files"] = json!("{\"a\": {")),
            ("syntax", "config.files"),
        ),
        (
            bent(&|egg| egg["config"]["files"] = json!([1])),
            ("wrong_type", "config.files"),
        ),
        (
            bent(&|egg| {
                egg["config"]["files"] =
                    json!({ "a/../../etc/passwd": { "parser": "file", "find": {} } })
            }),
            ("path_leaves_root", "config.files.a/../../etc/passwd"),
        ),
        (
            bent(&|egg| egg["config"]["files"] = json!({ "a/": { "parser": "file", "find": {} } })),
            ("path_leaves_root", "config.files.a/"),
        ),
        (
            bent(&|egg| egg["scripts"]["installation"]["script"] = json!({"a": 1})),
            ("wrong_type", "scripts.installation.script"),
        ),
        (refused(b""), ("not_an_egg", "")),
        (refused(b"hello"), ("not_an_egg", "meta.version")),
        (refused(b"\xff\xfe"), ("not_text", "")),
        (refused("[".repeat(100_000).as_bytes()), ("too_deep", "")),
        (
            refused(format!("a:{}{}", " [".repeat(100), "]".repeat(100)).as_bytes()),
            ("too_deep", ""),
        ),
        (refused(&vec![b' '; 5 * 1024 * 1024]), ("too_large", "")),
    ];
    for ((code, field), expected) in cases {
        assert_eq!((code, field.as_str()), expected);
    }
}

#[test]
fn no_message_is_as_long_as_the_file() {
    let long = "x".repeat(100_000);
    let mut egg = small();
    egg["config"]["startup"] = json!({ "done": format!("regex:({long}") });
    egg["config"]["files"] =
        json!({ "a": { "parser": long, "find": { "k": format!("{{{{server.{long}}}}}") } } });
    egg["startup"] = json!(format!("{{{{{long}}}}}"));
    let (_, report) = read(&egg);
    assert!(report.odd.len() >= 4);
    for odd in &report.odd {
        assert!(
            odd.message.len() < 1_000 && odd.field.len() < 1_000,
            "{}",
            odd.code
        );
    }
    egg["config"]["files"] = json!({ format!("../{long}"): { "parser": "file", "find": {} } });
    let error = parse(egg.to_string().as_bytes()).unwrap_err();
    assert!(error.message.len() < 1_000 && error.field.len() < 1_000);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for (path, bytes) in published() {
        if path.extension().is_some_and(|end| end == "json") {
            let end = bytes.iter().rposition(|byte| *byte == b'}').unwrap();
            for cut in (1..end).step_by(97) {
                assert!(
                    parse(&bytes[..cut]).is_err(),
                    "{} cut at {cut}",
                    path.display()
                );
            }
        }
    }
    let error = parse(b"{\"meta\": {\"version\": \"PTDL_v2\"}, \"na").unwrap_err();
    assert!(error.message.contains("cut off"), "{error}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("{{env.X}}")),
        Just(json!("^C")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z._/*]{0,8}|find|parser|done", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "(meta:|  version: PTDL_v2|name: x|- |&a|\\*a|[{}\\[\\],:'\"|>#\n ]|[a-z]){0,60}") {
        let _ = parse(text.as_bytes());
    }

    #[test]
    fn an_egg_with_any_field_replaced_is_read_or_refused(pick in 0usize..14, value in any_json()) {
        let mut egg = small();
        let fields = ["name", "author", "features", "tags", "docker_images", "images", "file_denylist", "startup",
            "startup_commands", "config", "scripts", "variables"];
        match pick {
            12 => egg["config"]["files"] = value,
            13 => egg["config"]["startup"] = value,
            _ => egg[fields[pick]] = value,
        }
        if let Ok((model, report)) = parse(egg.to_string().as_bytes()) {
            for file in &model.config_files {
                prop_assert!(!file.path.starts_with('/') && !file.path.split('/').any(|part| part == ".."));
            }
            prop_assert!(report.odd.iter().all(|odd| !odd.message.is_empty()));
            let kept: Egg = serde_json::from_value(serde_json::to_value(&model).unwrap()).unwrap();
            prop_assert_eq!(kept, model);
        }
    }
}
