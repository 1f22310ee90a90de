//! The writers: one golden case per quirk of `docs/eggs.md`, then what holds for any input.

use proptest::prelude::*;
use serde_json::{Value, json};
use warren_egg::write::{WriteError, apply};
use warren_egg::{FindValue, Parser};

fn finds(finds: &Value) -> Vec<(String, FindValue)> {
    finds
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), FindValue::from_json(value).unwrap()))
        .collect()
}

fn write(parser: &str, original: &str, list: Value) -> String {
    let bytes = apply(
        &Parser::from_name(parser),
        original.as_bytes(),
        &finds(&list),
    )
    .unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Writes, and checks that writing once more changes nothing.
fn writes(parser: &str, original: &str, list: Value, expected: &str) {
    let once = write(parser, original, list.clone());
    assert_eq!(once, expected, "{parser}");
    assert_eq!(
        write(parser, &once, list),
        once,
        "{parser}, at the second start"
    );
}

fn refuses(parser: &str, original: &str, list: Value) -> WriteError {
    apply(
        &Parser::from_name(parser),
        original.as_bytes(),
        &finds(&list),
    )
    .unwrap_err()
}

mod file {
    use super::*;

    #[test]
    fn a_line_that_starts_with_the_key_becomes_the_value() {
        let list = json!({ "name": "name = New", "port": "port = 1" });
        writes(
            "file",
            "# c\nname = Old\n  name = x\nName = y\nsv_port 2\n",
            list,
            "# c\nname = New\n  name = x\nName = y\nsv_port 2\n",
        );
    }

    #[test]
    fn of_several_keys_that_fit_the_longest_decides() {
        let list = json!({ "max": "max 1", "max_users": "max_users 2" });
        writes("file", "max_users 9\nmax 9\n", list, "max_users 2\nmax 1\n");
    }

    #[test]
    fn nothing_is_added_and_an_absent_file_stays_empty() {
        writes("file", "", json!({ "a": "a 1" }), "");
        writes("file", "b\n", json!({ "a": "a 1" }), "b\n");
    }

    #[test]
    fn line_ends_stay_and_the_last_line_stays_without() {
        writes(
            "file",
            "a 1\r\nb 2\r\nc",
            json!({ "b": "b 3" }),
            "a 1\r\nb 3\r\nc",
        );
        writes("file", "a", json!({ "x": "y" }), "a");
        writes("file", "a 1\rb 2\r", json!({ "a": "a 3" }), "a 3\rb 2\r");
    }

    #[test]
    fn an_empty_key_fits_every_line() {
        writes("file", "a\n\nb\n", json!({ "": "x" }), "x\nx\nx\n");
    }

    #[test]
    fn a_value_of_two_lines_does_not_grow_at_each_start() {
        writes(
            "file",
            "motd x\nend\n",
            json!({ "motd": "motd a\nmore b" }),
            "motd a\nmore b\nend\n",
        );
    }

    #[test]
    fn conditions_are_passed_over_and_bytes_stay_bytes() {
        assert_eq!(
            write("file", "a 1\n", json!({ "a": { "zzz": "a 2" } })),
            "a 2\n"
        );
        let long = "x".repeat(200_000);
        writes(
            "file",
            &format!("{long}\na\n"),
            json!({ "a": "a 1" }),
            &format!("{long}\na 1\n"),
        );
        let bytes = apply(
            &Parser::File,
            b"\xff\xfd\na\n",
            &finds(&json!({ "a": "b" })),
        )
        .unwrap();
        assert_eq!(bytes, b"\xff\xfd\nb\n");
    }
}

mod properties {
    use super::*;

    #[test]
    fn comments_and_order_stay_and_missing_keys_are_appended() {
        let list = json!({ "server-port": "25570", "query.port": "25570" });
        writes(
            "properties",
            "#Minecraft\n\nmotd=Hi\n# why\nserver-port = 25565\n! end\nseed",
            list,
            "#Minecraft\n\nmotd=Hi\n# why\nserver-port = 25570\n! end\nseed\nquery.port=25570",
        );
    }

    #[test]
    fn keys_are_exact() {
        writes(
            "properties",
            "port=1\nserver.port=2\nPORT=3\n",
            json!({ "port": "9" }),
            "port=9\nserver.port=2\nPORT=3\n",
        );
    }

    #[test]
    fn what_is_not_ascii_is_escaped_as_java_reads_it() {
        writes(
            "properties",
            "motd=x\nother=ä\n",
            json!({ "motd": "§aGrüße 🎮\\" }),
            "motd=\\u00A7aGr\\u00FC\\u00DFe \\uD83C\\uDFAE\\\\\nother=ä\n",
        );
    }

    #[test]
    fn a_value_that_is_there_already_keeps_its_spelling() {
        writes(
            "properties",
            "motd : \\u00a7a \\\n   Hi\na\\ b=1\n",
            json!({ "motd": "§a Hi", "a b": "1" }),
            "motd : \\u00a7a \\\n   Hi\na\\ b=1\n",
        );
        writes(
            "properties",
            "long = a,\\\n  b\nnext=1\n",
            json!({ "long": "c" }),
            "long = c\nnext=1\n",
        );
    }

    #[test]
    fn a_condition_needs_the_key_and_its_value() {
        let list = json!({ "ip": { "127.0.0.1": "172.18.0.1" }, "none": { "": "x" } });
        writes(
            "properties",
            "ip=127.0.0.1\n",
            list.clone(),
            "ip=172.18.0.1\n",
        );
        writes("properties", "ip=10.0.0.1\n", list, "ip=10.0.0.1\n");
    }

    #[test]
    fn dollars_and_line_ends_are_only_characters() {
        writes(
            "properties",
            "",
            json!({ "a": "${b} $$", "c": "x\ny=z", " d": " e" }),
            "a=${b} $$\nc=x\\ny=z\n\\ d=\\ e\n",
        );
    }

    #[test]
    fn windows_line_ends_stay() {
        writes(
            "properties",
            "a=1\r\nb=2\r\n",
            json!({ "b": "3", "c": "4" }),
            "a=1\r\nb=3\r\nc=4\r\n",
        );
    }
}

mod ini {
    use super::*;

    #[test]
    fn keys_are_set_in_their_section_and_spacing_stays() {
        let list = json!({ "network.server_port": "3980", "network.server_name": "New", "network.lan_internet": 0 });
        writes(
            "ini",
            "[misc]\nserver_port = 1\n\n[network]\nserver_port = 3979\nserver_name=Old\n",
            list,
            "[misc]\nserver_port = 1\n\n[network]\nserver_port = 3980\nserver_name=New\nlan_internet=0\n",
        );
    }

    #[test]
    fn brackets_hold_a_section_with_dots_and_later_dots_are_the_keys() {
        let list = json!({ "[/Script/Engine.GameSession].MaxPlayers": "32", "a.b.c": "1", "[/S].Slot[0]": "2" });
        writes(
            "ini",
            "[/Script/Engine.GameSession]\nMaxPlayers=16\n",
            list,
            "[/Script/Engine.GameSession]\nMaxPlayers=32\n\n[a]\nb.c=1\n\n[/S]\nSlot[0]=2\n",
        );
    }

    #[test]
    fn without_a_dot_the_key_stands_before_all_sections() {
        writes(
            "ini",
            "; top\nport = 1\n[s]\nport = 2\n",
            json!({ "port": "3", "name": "x" }),
            "; top\nport = 3\nname = x\n[s]\nport = 2\n",
        );
        writes(
            "ini",
            "[s]\na = 1\n",
            json!({ "b": "2" }),
            "b = 2\n[s]\na = 1\n",
        );
    }

    #[test]
    fn an_absent_file_gets_sections_and_keys() {
        let list = json!({ "GAMEPLAY.game_mode": "survival", "GAMEPLAY.max_players": "16", "SHARD.is_master": "true" });
        writes(
            "ini",
            "",
            list,
            "[GAMEPLAY]\ngame_mode = survival\nmax_players = 16\n\n[SHARD]\nis_master = true\n",
        );
    }

    #[test]
    fn duplicates_stay_and_comments_too() {
        writes(
            "ini",
            "[s] ; section\n+Mod=a\n+Mod=b\nk=1 ; why\nk=2\nurl=http://x#y;z\n",
            json!({ "s.k": "3", "s.url": "http://x#y;w" }),
            "[s] ; section\n+Mod=a\n+Mod=b\nk=3 ; why\nk=3\nurl=http://x#y;w\n",
        );
    }

    #[test]
    fn a_line_end_in_a_value_starts_no_line() {
        writes(
            "ini",
            "[s]\nk=1\n",
            json!({ "s.k": "a\r\nrcon=stolen", "s.n": "b\nc" }),
            "[s]\nk=a rcon=stolen\nn=b c\n",
        );
    }

    #[test]
    fn types_of_the_egg_make_no_difference_and_windows_ends_stay() {
        writes(
            "ini",
            "[s]\r\na=0\r\n",
            json!({ "s.a": true, "s.b": 5 }),
            "[s]\r\na=true\r\nb=5\r\n",
        );
    }
}

mod json_files {
    use super::*;

    #[test]
    fn only_the_value_changes() {
        let original = "{\n\t// port\n\t\"z\": 1.50,\n\t\"big\": 123456789012345678901234567890,\n\t\"net\": { \"port\": 1, \"on\": false }, /* b */\n\t\"a\": [\"x\", 2]\n}\n";
        writes(
            "json",
            original,
            json!({ "net.port": "25565", "net.on": "true", "a[1]": "3" }),
            &original
                .replace("\"port\": 1", "\"port\": 25565")
                .replace("false", "true")
                .replace("2]", "3]"),
        );
    }

    #[test]
    fn the_type_that_stands_there_is_kept() {
        let list = json!({ "s": "5", "n": "5.50", "b": "0", "t": "true", "new": "7", "word": "true", "flag": true, "nil": "x" });
        writes(
            "json",
            "{\"s\":\"1\",\"n\":1,\"b\":true,\"t\":\"false\",\"flag\":\"no\",\"nil\":null}",
            list,
            "{\"s\":\"5\",\"n\":5.50,\"b\":false,\"t\":\"true\",\"flag\":true,\"nil\":\"x\", \"new\": 7, \"word\": \"true\"}",
        );
    }

    #[test]
    fn an_absent_file_becomes_a_document() {
        writes(
            "json",
            "",
            json!({ "a.b": "x", "list[0].port": "5", "c~1d": "1" }),
            "{\n  \"a\": {\n    \"b\": \"x\"\n  },\n  \"list\": [\n    {\n      \"port\": 5\n    }\n  ],\n  \"c.d\": 1\n}\n",
        );
    }

    #[test]
    fn missing_members_are_added_like_their_neighbours() {
        writes(
            "json",
            "{\n    \"a\": 1, // one\n    \"b\": {}\n}\n",
            json!({ "b.c": "x", "d": "y" }),
            "{\n    \"a\": 1, // one\n    \"b\": {\n        \"c\": \"x\"\n    },\n    \"d\": \"y\"\n}\n",
        );
        writes(
            "json",
            "{\n  \"a\": 1 // one\n}\n",
            json!({ "b": "2" }),
            "{\n  \"a\": 1, // one\n  \"b\": 2\n}\n",
        );
    }

    #[test]
    fn wildcards_reach_every_child_and_nothing_that_is_missing() {
        let list = json!({ "servers.*.address": "x", "none.*.a": "x", "list.*.port": "2", "userGroups[0].*": "all" });
        writes(
            "json",
            "{\"servers\":{\"a\":{\"address\":\"1\"},\"b\":{}},\"list\":[{\"port\":1},5],\"userGroups\":[{\"r\":\"x\",\"w\":\"y\"}]}",
            list,
            "{\"servers\":{\"a\":{\"address\":\"x\"},\"b\":{\n  \"address\": \"x\"\n}},\"list\":[{\"port\":2},5],\"userGroups\":[{\"r\":\"all\",\"w\":\"all\"}]}",
        );
    }

    #[test]
    fn an_index_that_is_missing_leaves_the_whole_file_alone() {
        let error = refuses("json", "{\"a\":[1]}", json!({ "b": "x", "a[2]": "y" }));
        assert!(
            matches!(&error, WriteError::Key { key, .. } if key == "a[2]"),
            "{error}"
        );
        assert!(matches!(
            refuses("json", "{\"a\":1}", json!({ "a.b": "x" })),
            WriteError::Key { .. }
        ));
        assert!(matches!(
            refuses("json", "{\"a\":", json!({ "a": "x" })),
            WriteError::Syntax { format: "JSON", .. }
        ));
    }

    #[test]
    fn conditions_look_at_what_is_there() {
        let list = json!({ "a": { "127.0.0.1": "i" }, "b": { "regex:^(127\\.0\\.0\\.1|localhost)(:\\d{1,5})?$": "i$2" }, "none": { "": "x" } });
        writes(
            "json",
            "{\"a\":\"127.0.0.1\",\"b\":\"localhost:25\"}",
            list.clone(),
            "{\"a\":\"i\",\"b\":\"i:25\"}",
        );
        writes(
            "json",
            "{\"a\":\"127.0.0.11\",\"b\":\"far\"}",
            list,
            "{\"a\":\"127.0.0.11\",\"b\":\"far\"}",
        );
    }

    #[test]
    fn a_byte_order_mark_stays() {
        writes(
            "json",
            "\u{feff}{\"a\":1}",
            json!({ "a": "2" }),
            "\u{feff}{\"a\":2}",
        );
        assert!(matches!(
            apply(
                &Parser::Json,
                b"{\"a\":\"\xff\"}",
                &finds(&json!({"a": "1"}))
            ),
            Err(WriteError::NotText)
        ));
    }
}

mod yaml {
    use super::*;

    const BUNGEE: &str = "# proxy\nserver_connect_timeout: 5000\nlisteners:\n- query_port: 25577\n  motd: '&1Another Bungee server'\n  host: 0.0.0.0:25577 # all\n  priorities:\n  - lobby\nservers:\n  lobby:\n    motd: '&1Just another BungeeCord'\n    address: localhost:25565\n    restricted: false\n  far:\n    address: 10.0.0.1:25565\nip_forward: false\n";

    #[test]
    fn bungeecords_file_keeps_all_but_the_values() {
        let list = json!({
            "listeners[0].query_port": "30000",
            "listeners[0].host": "0.0.0.0:30000",
            "servers.*.address": { "regex:^(127\\.0\\.0\\.1|localhost)(:\\d{1,5})?$": "172.18.0.1$2" },
        });
        let expected = BUNGEE
            .replace("query_port: 25577", "query_port: 30000")
            .replace("host: 0.0.0.0:25577", "host: '0.0.0.0:30000'")
            .replace("address: localhost:25565", "address: '172.18.0.1:25565'");
        writes("yaml", BUNGEE, list, &expected);
    }

    #[test]
    fn an_absent_file_becomes_a_document() {
        let list = json!({ "server.http_listen_port": "3100", "common.ring.instance_addr": "0.0.0.0", "common.path": "/home/x", "list[0].a": "b" });
        writes(
            "yml",
            "",
            list,
            "server:\n  http_listen_port: 3100\ncommon:\n  ring:\n    instance_addr: '0.0.0.0'\n  path: /home/x\nlist:\n  -\n    a: b\n",
        );
    }

    #[test]
    fn missing_members_are_added_behind_their_neighbours() {
        writes(
            "yaml",
            "a:\n    b: 1 # one\n    c: |\n      text\n      more\nz: end",
            json!({ "a.d": "x", "w": "true" }),
            "a:\n    b: 1 # one\n    c: |\n      text\n      more\n    d: x\nz: end\nw: 'true'",
        );
        writes(
            "yaml",
            "# only a comment\n",
            json!({ "a": "1" }),
            "# only a comment\na: 1\n",
        );
    }

    #[test]
    fn empty_values_and_braces_are_filled() {
        writes(
            "yaml",
            "a:\nb: {}\nc: {x: 1}\nd: null\ne: []\n",
            json!({ "a.b": "1", "b.c": "2", "c.y": "3", "d": "4", "e[0]": "5" }),
            "a: {b: 1}\nb: {\"c\": 2}\nc: {x: 1, \"y\": 3}\nd: 4\ne: [5]\n",
        );
        writes("yaml", "a:\nb: 1\n", json!({ "a": "x" }), "a: x\nb: 1\n");
    }

    #[test]
    fn the_type_that_stands_there_is_kept() {
        let list = json!({ "n": "7", "b": "false", "y": "true", "s": "5", "q": "true", "t": "no" });
        writes(
            "yaml",
            "n: 1\nb: true\ny: yes\ns: '1'\nq: \"x\"\nt: word\n",
            list,
            "n: 7\nb: false\ny: true\ns: '5'\nq: \"true\"\nt: 'no'\n",
        );
    }

    #[test]
    fn large_numbers_and_other_documents_stay() {
        writes(
            "yaml",
            "big: 12345678901234567890\nf: 1.10\nhex: 0x1F\na: 1\n---\nsecond: true\n",
            json!({ "a": "2" }),
            "big: 12345678901234567890\nf: 1.10\nhex: 0x1F\na: 2\n---\nsecond: true\n",
        );
    }

    #[test]
    fn a_text_of_several_lines_is_replaced_whole() {
        writes(
            "yaml",
            "a: |\n  one\n  two\nb: >-\n  x\n  y\nc: 1\n",
            json!({ "a": "z", "b": "line\nend" }),
            "a: z\nb: \"line\\nend\"\nc: 1\n",
        );
    }

    #[test]
    fn what_a_person_types_stays_one_value() {
        let hostile = "x\nadmin: true # \"'";
        let text = write(
            "yaml",
            "motd: 'a'\nadmin: false\n",
            json!({ "motd": hostile }),
        );
        assert_eq!(text, "motd: \"x\\nadmin: true # \\\"'\"\nadmin: false\n");
        writes(
            "yaml",
            "a: x\n",
            json!({ "a": "- y", "b": "{z}", "c": "*q", "d": "yes: no" }),
            "a: '- y'\nb: '{z}'\nc: '*q'\nd: 'yes: no'\n",
        );
    }

    #[test]
    fn one_of_several_uses_of_an_anchor_changes_alone() {
        let text = write(
            "yaml",
            "# c\nbase: &b {port: 1}\none: *b\ntwo: *b\n",
            json!({ "one.port": "2" }),
        );
        assert_eq!(text, "base:\n  port: 1\none:\n  port: 2\ntwo:\n  port: 1\n");
        // Away from anchors nothing is lost.
        writes(
            "yaml",
            "# c\nbase: &b {port: 1}\none: *b\nz: 1\n",
            json!({ "z": "2" }),
            "# c\nbase: &b {port: 1}\none: *b\nz: 2\n",
        );
    }

    #[test]
    fn windows_line_ends_stay_readable() {
        let text = write("yaml", "a: 1\r\nb: x\r\n", json!({ "a": "2", "b": "w" }));
        assert_eq!(text, "a: 2\r\nb: w\r\n");
    }

    #[test]
    fn what_cannot_be_edited_is_refused() {
        assert!(matches!(
            refuses("yaml", "a: [1", json!({ "a": "x" })),
            WriteError::Syntax { format: "YAML", .. }
        ));
        assert!(matches!(
            refuses("yaml", "a: 1\n", json!({ "a.b": "x" })),
            WriteError::Key { .. }
        ));
        assert!(matches!(
            refuses("yaml", "a:\n- 1\n", json!({ "a[4]": "x" })),
            WriteError::Key { .. }
        ));
    }
}

mod xml {
    use super::*;

    #[test]
    fn texts_change_and_nothing_else() {
        let original = "<?xml version=\"1.0\"?>\n<!-- top -->\n<server>\n\t<servername>Old &amp; x</servername> <!-- n -->\n\t<port>22000</port>\n\t<empty/>\n</server>\n";
        let list = json!({ "server.servername": "A <b> & \"c\"", "server.port": "30000", "server.empty": "x" });
        writes(
            "xml",
            original,
            list,
            &original
                .replace("Old &amp; x", "A &lt;b&gt; &amp; \"c\"")
                .replace("22000", "30000")
                .replace("<empty/>", "<empty>x</empty>"),
        );
    }

    #[test]
    fn an_empty_file_gets_a_prolog_and_the_first_keys_root() {
        writes(
            "xml",
            "",
            json!({ "config.port": "1", "config.a.b": "x" }),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<config>\n  <port>1</port>\n  <a>\n    <b>x</b>\n  </a>\n</config>\n",
        );
    }

    #[test]
    fn missing_elements_are_added_like_their_neighbours() {
        writes(
            "xml",
            "<s>\n    <a>1</a>\n</s>",
            json!({ "s.b": "2", "s.a": "3" }),
            "<s>\n    <a>3</a>\n    <b>2</b>\n</s>",
        );
        writes(
            "xml",
            "<s><a>1</a></s>",
            json!({ "s.b.c": "2" }),
            "<s><a>1</a><b><c>2</c></b></s>",
        );
        writes(
            "xml",
            "<s/>",
            json!({ "s.a": "1" }),
            "<s>\n  <a>1</a>\n</s>",
        );
    }

    #[test]
    fn every_element_of_that_path_is_set_and_a_star_creates_nothing() {
        writes(
            "xml",
            "<s><p>1</p><p>2</p><q><p>3</p></q></s>",
            json!({ "s.p": "9", "s.*.p": "8", "s.*.z": "7" }),
            "<s><p>9</p><p>9</p><q><p>8</p></q></s>",
        );
        writes(
            "xml",
            "<other><p>1</p></other>",
            json!({ "s.p": "9" }),
            "<other><p>1</p></other>",
        );
    }

    #[test]
    fn the_attribute_form_sets_an_attribute() {
        let list = json!({ "s.p": "[port='5']", "s.q": "[name='a\"b']" });
        writes(
            "xml",
            "<s><p port=\"1\" x='2'>t</p><q/></s>",
            list,
            "<s><p port=\"5\" x='2'>t</p><q name=\"a&quot;b\"/></s>",
        );
        writes(
            "xml",
            "<s>\n  <property name=\"Port\" value=\"1\"/>\n  <property name=\"X\" value=\"2\"/>\n</s>",
            json!({ "s.property[@name='Port']": "[value='9']", "s.property[@name='New']": "[value='3']" }),
            "<s>\n  <property name=\"Port\" value=\"9\"/>\n  <property name=\"X\" value=\"2\"/>\n  <property name=\"New\" value=\"3\"/>\n</s>",
        );
    }

    #[test]
    fn conditions_and_entities() {
        writes(
            "xml",
            "<s><a>&lt;x&gt;</a><b>1</b></s>",
            json!({ "s.a": { "<x>": "y" }, "s.b": { "2": "z" }, "s.c": { "": "n" } }),
            "<s><a>y</a><b>1</b></s>",
        );
        let bomb =
            "<!DOCTYPE s [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>\n<s><a>&b;</a></s>";
        writes(
            "xml",
            bomb,
            json!({ "s.a": "1" }),
            &bomb.replace("&b;<", "1<"),
        );
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for text in [
            "<s>",
            "<s></t>",
            "text",
            "<a/><b/>",
            "<s a='1></s>",
            &"<a>".repeat(10_000),
        ] {
            assert!(
                matches!(
                    refuses("xml", text, json!({ "s.a": "x" })),
                    WriteError::Syntax { format: "XML", .. }
                ),
                "{text}"
            );
        }
        assert!(matches!(
            refuses("xml", "<s/>", json!({ "s.<b>": "x" })),
            WriteError::Key { .. }
        ));
    }
}

mod toml {
    use super::*;

    #[test]
    fn comments_order_and_dates_stay() {
        let original = "# top\ntitle = \"x\" # t\nwhen = 2024-01-01T00:00:00Z\n\n[net]\nport = 1 # p\nratio = 1.50\n\n[[list]]\nname = 'a'\n";
        let list = json!({ "net.port": "25565", "title": "2024-01-01T00:00:00Z", "list[0].name": "b", "net.new": "true" });
        writes(
            "toml",
            original,
            list,
            "# top\ntitle = \"2024-01-01T00:00:00Z\" # t\nwhen = 2024-01-01T00:00:00Z\n\n[net]\nport = 25565 # p\nratio = 1.50\nnew = \"true\"\n\n[[list]]\nname = 'b'\n",
        );
    }

    #[test]
    fn an_absent_file_becomes_a_document() {
        writes(
            "toml",
            "",
            json!({ "a.b.c": "1", "d": "x", "e[0]": "y" }),
            "d = \"x\"\ne = [\"y\"]\n\n[a.b]\nc = 1\n",
        );
    }

    #[test]
    fn what_cannot_be_edited_is_refused() {
        assert!(matches!(
            refuses("toml", "a = ", json!({ "a": "x" })),
            WriteError::Syntax { format: "TOML", .. }
        ));
        assert!(matches!(
            refuses("toml", "a = 1", json!({ "a.b": "x" })),
            WriteError::Key { .. }
        ));
    }
}

/// Found by fuzzing: what was written at one start was read as something else at the next, or not at all.
#[test]
fn the_second_start_finds_what_the_first_one_wrote() {
    let cases = [
        ("file", "a\nb 2", "b", "b 3\n"),
        ("file", "motd a\n", "motd", "motd a\r\nm\rx"),
        (
            "file",
            "hostname x\nend\n",
            "hostname",
            "# by Warren\nhostname y\nend",
        ),
        ("file", "b 1\n", "b", "a\nb: 2\nc"),
        ("file", "\n", "", "\u{feff}x\0"),
        ("properties", "a=1\r\nb=2\\", "c", "3"),
        ("properties", "a=1\nb=2\\\n", "c", "3"),
        ("properties", "long x\n", "long", ": y"),
        ("properties", "lone\n", "lone", "= y"),
        ("properties", "a=1\nb\r", "b", "2"),
        ("properties", "a=1\nb\r", "c", "2"),
        ("ini", "[s]\nk = x ; c\n", "s.k", ""),
        ("ini", "[s]\nk = x\n", "s.k", "; y"),
        ("ini", "[s]\nk = x\n", "s.k", "trailing  "),
        ("ini", "[s]\nk = x\n", "s.k", "a ; b"),
        ("ini", "[s]\nk=\"x\"\n", "s.k", "\"\"\" a \"\"\""),
        ("ini", "[s]\nurl: # x?a=1\n", "s.url", "http://y"),
        ("ini", "[s]\nurl: x\n", "s.url", "# y"),
        ("ini", "[s]\n", "s. k ", "1"),
        ("ini", "[s]\na=0\r", "s.b", "1"),
        ("ini", "[s]\ra=0\r", "s.b", "1"),
        ("json", "// {}", "a", "2"),
        ("yaml", "a: |\n  x\n", "a", "y"),
    ];
    for (parser, before, key, value) in cases {
        let list = json!({ key: value });
        let once = write(parser, before, list.clone());
        assert_eq!(
            write(parser, &once, list),
            once,
            "{parser} {before:?} {value:?}"
        );
    }
}

/// Found by fuzzing: written, these would be read as something else.
#[test]
fn what_could_not_be_found_again_is_refused() {
    let cases = [
        ("ini", "[s]\n", "s.a=b"),
        ("ini", "[s]\n", "s.;a"),
        ("ini", "[s]\n", "s.a\nb"),
        ("ini", "", "].\u{feff}a"),
        ("ini", "[s]\n", "a]\n[b.k"),
        ("xml", "<s/>", "s.p[@a='\u{11}']"),
    ];
    for (parser, before, key) in cases {
        let error = refuses(parser, before, json!({ key: "1" }));
        assert!(matches!(error, WriteError::Key { .. }), "{key:?}: {error}");
    }
    for broken in [
        "<s><p po/></s>",
        "<s><p a='1' a='2'/></s>",
        "<s><p a=1/></s>",
    ] {
        let error = refuses("xml", broken, json!({ "s.p": "[a='3']" }));
        assert!(
            matches!(error, WriteError::Syntax { .. }),
            "{broken}: {error}"
        );
    }
}

#[test]
fn an_unknown_parser_changes_nothing() {
    writes("hocon", "a = 1\n", json!({ "a": "2" }), "a = 1\n");
}

#[test]
fn a_file_that_is_too_large_is_left_alone() {
    let large = vec![b' '; 17 * 1024 * 1024];
    assert_eq!(
        apply(&Parser::File, &large, &finds(&json!({ "a": "b" }))),
        Err(WriteError::TooLarge)
    );
}

#[test]
fn files_of_many_parts_are_edited_in_time_or_refused() {
    let star = || json!({ "*.address": "x", "*.new": "y", "a": { "1": "2" } });
    let members: Vec<_> = (0..20_000)
        .map(|number| format!("\"k{number}\": {{\"address\": 1}}"))
        .collect();
    let text = format!("{{{}}}", members.join(", "));
    let started = std::time::Instant::now();
    for parser in ["json", "yaml"] {
        let after = write(parser, &text, star());
        assert_eq!(after.matches("new").count(), 20_000);
    }
    let lines = "[s]\n\n".repeat(90_000);
    write("ini", &lines, json!({ "s.a": "1", "t.b": "2", "s.c": "3" }));
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    for (parser, text) in [
        ("json", format!("[{}1]", "1,".repeat(300_000))),
        ("yaml", "- 1\n".repeat(300_000)),
        ("xml", format!("<a>{}</a>", "<b/>".repeat(300_000))),
        ("ini", "\n".repeat(300_000)),
    ] {
        let error = refuses(parser, &text, json!({ "a.b": "1" }));
        assert!(
            matches!(error, WriteError::TooLarge | WriteError::Syntax { .. }),
            "{error}"
        );
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abc](\\.[abc*]|\\[[012]\\]){0,3}",
        "\\[[a./]{1,3}\\]\\.[ab]",
        ".{0,6}",
        "[a-c~1.*\\[\\]0@'=]{0,8}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = || {
        prop_oneof![
            ".{0,8}".prop_map(Value::from),
            "[-a-z0-9:#'\"{}\\[\\],&*!|>% \n\\\\=]{0,8}".prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(json!("[a='b\"<']")),
        ]
    };
    prop_oneof![
        4 => scalar(),
        1 => prop::collection::hash_map("regex:[a-z(.*]{0,5}|[a-z0-9]{0,3}", scalar(), 0..3)
            .prop_map(|map| Value::Object(map.into_iter().collect())),
    ]
}

fn list() -> impl Strategy<Value = Vec<(String, FindValue)>> {
    prop::collection::vec(
        (
            key(),
            value().prop_map(|value| FindValue::from_json(&value).unwrap()),
        ),
        1..5,
    )
}

/// A document of a format, as JSON makes it, with some blanks.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[abc]", tree, 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// Away from the first part of each key nothing may differ.
fn untouched(before: &Value, after: &Value, list: &[(String, FindValue)]) -> bool {
    let touched = |name: &str| {
        list.iter().any(|(key, _)| {
            key.trim_matches('.').starts_with(name) || key.trim_matches('.').starts_with('*')
        })
    };
    before
        .as_object()
        .unwrap()
        .iter()
        .all(|(name, value)| touched(name) || after.get(name) == Some(value))
}

proptest! {
    #[test]
    fn any_bytes_are_edited_or_refused(
        parser in prop_oneof![Just("file"), Just("properties"), Just("ini"), Just("json"), Just("yaml"), Just("xml"), Just("toml")],
        text in prop_oneof![
            "([a-c]|[ \t\n\r]|[-:=#;\\[\\]{}<>/!&*|'\",.\\\\?@%]|<a>|</a>|ö){0,60}",
            "((  )?[abc]: ?(1|x|\\[|\\]|\\{\\}|&q |\\*q|\\||'y')?\n|- [ab]: 1\n|  - 2\n){0,8}",
            "([abc] ?= ?.{0,4}\n|\\[[abc]\\]\n){0,6}",
        ],
        list in list(),
    ) {
        let parser = Parser::from_name(parser);
        if let Ok(bytes) = apply(&parser, text.as_bytes(), &list) {
            prop_assert!(String::from_utf8(bytes.clone()).is_ok());
            // What was written can be read again.
            let again = apply(&parser, &bytes, &list);
            prop_assert!(matches!(again, Ok(_) | Err(WriteError::Key { .. })), "{:?}", again);
        }
    }

    #[test]
    fn json_documents_stay_documents(document in document(), pretty: bool, list in list()) {
        let text = if pretty { serde_json::to_string_pretty(&document).unwrap() } else { document.to_string() };
        if let Ok(bytes) = apply(&Parser::Json, text.as_bytes(), &list) {
            let after: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert!(untouched(&document, &after, &list), "{} -> {}", text, String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_line_edit_touches_its_key_alone(keys in prop::collection::btree_map("[a-d]{1,2}", "[a-z0-9 ]{0,5}", 0..5), key in "[a-d]{1,2}", new in ".{0,8}") {
        let text: String = keys.iter().map(|(key, value)| format!("# {key}\n{key}={}\n", value.trim())).collect();
        let list = [(key.clone(), FindValue::from_json(&json!(new)).unwrap())];
        for parser in [Parser::Properties, Parser::Ini] {
            let bytes = apply(&parser, text.as_bytes(), &list).unwrap();
            let after = String::from_utf8(bytes).unwrap();
            for (other, value) in keys.iter().filter(|(other, _)| **other != key) {
                let line = format!("# {other}\n{other}={}\n", value.trim());
                prop_assert!(after.contains(&line), "{after}");
            }
        }
    }
}
