//! What a person types into a variable is one value in the file, whatever it looks like: it names no other variable, says
//! nothing of the node, and changes no other key.

use serde_json::{Value, json};
use warren_egg::write::apply;
use warren_egg::{
    ConfigFile, FilledValue, Find, FindValue, Literal, NodeFacts, Parser, ServerFacts, fill_file,
};

const TYPED: &[&str] = &[
    "{{server.build.env.SECRET}}",
    "{{env.SECRET}} {{server.environment.SECRET}}",
    "{{config.token}} {{config.docker.interface}} {{ config.docker.network.interface }}",
    "{{{{env.SECRET}}}}",
    "{{server.uuid}}${SECRET}$SECRET$(id)`id`",
    "x\nadmin=stolen\n",
    "x\r\nadmin: stolen\r\n",
    "x\radmin=stolen",
    "x\n[s]\nadmin=stolen",
    "\", \"admin\": \"stolen",
    "'\nadmin: 'stolen",
    "\"\nadmin = \"stolen",
    "\"\"\"\nadmin = 1\n\"\"\"",
    "'''",
    "</name><admin>stolen</admin><name>",
    "]]><admin>stolen</admin>",
    "<!-- ",
    "&lt;&#10;&amp;&undefined;",
    "[admin='stolen']",
    "# no comment",
    "a # no comment ; neither",
    "; x",
    "- list",
    "? key",
    "&anchor *alias !!python/object:os.system",
    "| block",
    "> folded",
    "{admin: stolen}",
    "[1, 2]",
    "%YAML 1.2",
    "---",
    "...",
    "~",
    "null",
    "yes",
    "0x1F",
    "1e5",
    "12345678901234567890",
    "\\u0022\\n\\\\",
    "\\",
    "a\\",
    " leading and trailing ",
    "\t",
    "ä ö 日本 🎮 \u{2028}\u{85}\u{feff}\u{202e}",
    "§a$1 ${1} $$ \\1",
    "a~1b.c[0].*",
];

fn facts(typed: &str) -> ServerFacts {
    ServerFacts {
        uuid: "the-uuid".into(),
        variables: vec![
            ("TYPED".into(), typed.into()),
            ("SECRET".into(), "s3cret".into()),
        ],
        ..ServerFacts::default()
    }
}

/// The finds as the agent has them.
fn settled(parser: &Parser, key: &str, value: FindValue, typed: &str) -> Vec<(String, FindValue)> {
    let file = ConfigFile {
        path: "f".into(),
        parser: parser.clone(),
        create: true,
        find: vec![Find {
            key: key.into(),
            value,
        }],
    };
    let filled = fill_file(&file, &facts(typed)).unwrap();
    let node = NodeFacts {
        interface: "172.18.0.1".into(),
    };
    let finds = filled.find.into_iter().map(|(key, value)| {
        let sent: Value = serde_json::from_str(&value.to_json().to_string()).unwrap();
        (key, FilledValue::from_json(&sent).unwrap().settle(&node))
    });
    finds.collect()
}

fn text(text: &str) -> FindValue {
    FindValue::Set(Literal::Text(text.into()))
}

/// Asks by way of a condition whether a value stands at a key.
fn holds(parser: &Parser, file: &[u8], key: &str, value: &str) -> bool {
    let probe = FindValue::When(vec![(value.into(), Literal::Text("probed".into()))]);
    apply(parser, file, &[(key.to_owned(), probe)]).unwrap() != file
}

struct Case {
    parser: Parser,
    before: &'static str,
    name: &'static str,
    admin: &'static str,
}

fn cases() -> [Case; 6] {
    let case = |parser: &str, before, name, admin| Case {
        parser: Parser::from_name(parser),
        before,
        name,
        admin,
    };
    [
        case("properties", "# c\nname=x\nadmin=safe\n", "name", "admin"),
        case("ini", "; c\n[s]\nname=x\nadmin=safe\n", "s.name", "s.admin"),
        case(
            "json",
            "{\"name\": \"x\", \"admin\": \"safe\"}\n",
            "name",
            "admin",
        ),
        case("yaml", "# c\nname: x\nadmin: safe\n", "name", "admin"),
        case(
            "xml",
            "<s>\n  <name>x</name>\n  <admin>safe</admin>\n</s>\n",
            "s.name",
            "s.admin",
        ),
        case(
            "toml",
            "# c\nname = \"x\"\nadmin = \"safe\"\n",
            "name",
            "admin",
        ),
    ]
}

/// INI holds one line without blanks around it: nothing else may differ.
fn expected(parser: &Parser, typed: &str) -> String {
    match parser {
        Parser::Ini => {
            let line = typed.replace("\r\n", " ").replace(['\r', '\n'], " ");
            line.trim().to_owned()
        }
        _ => typed.to_owned(),
    }
}

#[test]
fn a_typed_value_is_one_value_and_touches_no_other_key() {
    for case in cases() {
        for typed in TYPED {
            let finds = settled(&case.parser, case.name, text("{{env.TYPED}}"), typed);
            let after = apply(&case.parser, case.before.as_bytes(), &finds)
                .unwrap_or_else(|error| panic!("{} {typed:?}: {error}", case.parser));
            let shown = String::from_utf8_lossy(&after);
            assert!(
                !shown.contains("s3cret") && !shown.contains("172.18.0.1"),
                "{shown}"
            );
            assert!(
                holds(&case.parser, &after, case.admin, "safe"),
                "{} {typed:?} -> {shown}",
                case.parser
            );
            let again = apply(&case.parser, &after, &finds).unwrap();
            assert_eq!(again, after, "{} {typed:?}: the second start", case.parser);
            // `[admin='…']` sets an attribute of the very element; what INI takes for a comment it keeps as one.
            let special = match case.parser {
                Parser::Xml => typed.starts_with('['),
                Parser::Ini => typed.contains(" ;") || typed.contains(" # "),
                _ => false,
            };
            let value = expected(&case.parser, typed);
            assert!(
                special || holds(&case.parser, &after, case.name, &value),
                "{} {typed:?} -> {shown}",
                case.parser
            );
        }
    }
}

#[test]
fn a_typed_value_starts_no_line_in_a_file_without_a_format() {
    for typed in TYPED {
        let finds = settled(&Parser::File, "name", text("name {{env.TYPED}}"), typed);
        let after = apply(&Parser::File, b"name x\nadmin safe\n", &finds).unwrap();
        let after = String::from_utf8(after).unwrap();
        assert_eq!(after.matches(['\n', '\r']).count(), 2, "{after:?}");
        assert!(
            after.ends_with("\nadmin safe\n") && !after.contains("s3cret"),
            "{after:?}"
        );
    }
}

#[test]
fn a_typed_value_is_no_template_of_a_condition() {
    for typed in TYPED {
        let when = FindValue::When(vec![(
            "regex:^(x)$".into(),
            Literal::Text("<$1>{{env.TYPED}}".into()),
        )]);
        let finds = settled(&Parser::Json, "name", when, typed);
        let after = apply(&Parser::Json, b"{\"name\": \"x\"}", &finds).unwrap();
        let after: Value = serde_json::from_slice(&after).unwrap();
        assert_eq!(after["name"], format!("<x>{typed}"));
    }
}

#[test]
fn a_typed_value_leads_no_path_out_of_the_server() {
    let file = |path: &str| ConfigFile {
        path: path.into(),
        parser: Parser::File,
        create: true,
        find: vec![],
    };
    for typed in [
        "../../../etc/passwd",
        "..",
        "/..",
        "a/../../..",
        "x\0",
        "",
        "/",
        ".",
    ] {
        for path in [
            "{{TYPED}}",
            "${TYPED}",
            "a/{{TYPED}}",
            "{{TYPED}}/../b",
            "../{{TYPED}}",
        ] {
            if let Ok(filled) = fill_file(&file(path), &facts(typed)) {
                let parts: Vec<_> = filled.path.split('/').collect();
                let fine = |part: &&str| !part.is_empty() && *part != "." && *part != "..";
                assert!(
                    parts.iter().all(fine),
                    "{path} {typed:?} -> {}",
                    filled.path
                );
            }
        }
    }
}

/// The allow-list: of all that a node's configuration holds only the bridge's address can be named.
#[test]
fn nothing_but_the_bridge_can_be_had_of_the_node() {
    for name in [
        "config.token",
        "config.token_id",
        "config.uuid",
        "config.api.ssl.key",
        "config.remote",
        "config.system.data",
        "config.docker",
        "config.docker.registries",
        "config.docker.network",
        "config.docker.interface.x",
        "config.docker.network.interfaces.v4.gateway",
        "config.Docker.Interface",
        "config.",
        "config..docker.interface",
    ] {
        for spelled in [
            format!("{{{{{name}}}}}"),
            format!("{{{{ {name} }}}}"),
            format!("{{{{\t{name}\n}}}}"),
        ] {
            let finds = settled(&Parser::Json, "a", text(&spelled), "");
            assert_eq!(finds[0].1.to_json(), json!(spelled));
        }
    }
    for spelled in [
        "{{config.docker.interface}}",
        "{{ config.docker.network.interface}}",
        "{{\tconfig.docker.interface\n}}",
    ] {
        let finds = settled(&Parser::Json, "a", text(spelled), "");
        assert_eq!(finds[0].1.to_json(), json!("172.18.0.1"));
    }
}
