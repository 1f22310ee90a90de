//! Writing: what is exported reads back as the same egg.

use proptest::prelude::*;
use serde_json::{Value, json};
use warren_egg::{Egg, check, export, parse};

use crate::import::{published, small};

fn round_trip(egg: &Egg) {
    let text = export(egg, "2026-01-01T00:00:00Z");
    let (again, report) = parse(text.as_bytes()).unwrap();
    assert_eq!(&again, egg, "{text}");
    assert_eq!(report.format.name(), "PTDL_v2");
}

#[test]
fn every_published_egg_survives_export() {
    for (_, bytes) in published() {
        round_trip(&parse(&bytes).unwrap().0);
    }
}

#[test]
fn an_export_is_what_pterodactyl_expects() {
    let text = export(
        &parse(small().to_string().as_bytes()).unwrap().0,
        "2026-01-01T00:00:00Z",
    );
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
