//! What stands before and behind the value that is set stays byte for byte, in whatever way a file is laid out.

use proptest::prelude::*;
use warren_egg::write::apply;
use warren_egg::{FindValue, Literal, Parser};

/// A file of entries `k0`, `k1` and on: how each is written (`@` is its name), and what stands between them.
struct Layout {
    parser: &'static str,
    /// Before all keys: where they live.
    head: &'static str,
    /// What the keys begin with, in an egg.
    place: &'static str,
    entries: &'static [&'static str],
    between: &'static [&'static str],
    foot: &'static str,
}

const LAYOUTS: &[Layout] = &[
    Layout {
        parser: "yaml",
        head: "%YAML 1.2\n--- # top\n",
        place: "",
        entries: &[
            "@: plain\n",
            "@: 'single' # why\n",
            "@:   \"double\"\n",
            "@: |\n  one\n\n  two\n",
            "@: >- # why\n  x\n\n",
            "@:\n",
            "@: # nothing yet\n",
            "@: ~\n",
            "@: 1.0\n",
            "@: 12345678901234567890 # big\n",
            "@: yes\n",
            "@: !!str 5\n",
            "'@': x\n",
            "\"@\": x\n",
            "@:\n  x\n",
            "@:\n  'x y' # why\n",
            "@: a\n  b c\n",
            "@: {a: 1, b: [x]} # f\n",
            "@: []\n",
            "@:\n  a: 1 # one\n  b: 2\n",
            "@:\n- 1\n- 2\n",
            "@: &q x\n",
        ],
        between: &["", "# c\n", "\n", " # c\n", "# @: |\n", "\n# a\n\n# b\n"],
        foot: "...\n# end\n",
    },
    Layout {
        parser: "json",
        head: "// top\n{\n",
        place: "",
        entries: &[
            "  \"@\": \"x\",\n",
            "  \"@\" : 1.0 ,\n",
            "  \"@\": 1e5, // why\n",
            "  /* c */ \"@\": null,\n",
            "  \"@\": /* c */ true /* d */,\n",
            "\t\"@\": { \"a\": 1 },\n",
            "  \"@\": [1, 2.50],\n",
            "\"@\":\"\\u00e4\\\"\",",
        ],
        between: &["", "\n", "  // c, \"x\": 1 }\n", "  /* }\n */\n"],
        foot: "  \"end\": 0\n}\n// end",
    },
    Layout {
        parser: "toml",
        head: "# top\nfirst = 1\n[t] # t\n",
        place: "t.",
        entries: &[
            "@ = 1\n",
            "@=1.0 # f\n",
            "@   =   'x'\n",
            "\"@\" = \"x\" # c\n",
            "@ = \"\"\"\nx\n  y\"\"\"\n",
            "@ = true\n",
            "@ = 2024-01-01\n",
            "@ = 0xFF\n",
            "@ = 1_000\n",
        ],
        between: &["", "\n", "# c\n", "  # @ = 1\n"],
        foot: "\n[z]\nk0 = 1 # z\n# end\n",
    },
    Layout {
        parser: "ini",
        head: "; top\n[s] ; s\n",
        place: "s.",
        entries: &[
            "@=1\n",
            "@ = x ; why\n",
            "  @   =   \"a ; b\" # c\n",
            "@=\n",
            "@: x\n",
            "@ = #ff\n",
            "@=1.0\n",
        ],
        between: &["", "\n", "; c\n", "# @=1\n", "+L=(a=\"b\")\n", "lone\n"],
        foot: "[z]\nk0=1 ; z\n",
    },
    Layout {
        parser: "properties",
        head: "#top\n",
        place: "",
        entries: &[
            "@=1\n",
            "  @ = x\n",
            "@ : a\\\n   b\n",
            "@\tx\n",
            "@=\n",
            "@=\\u00e4\n",
        ],
        between: &["", "\n", "# c \\\n", "! @=1\n", "other=ä\\\n  b\n"],
        foot: "# end\n",
    },
    Layout {
        parser: "xml",
        head: "<?xml version=\"1.0\"?>\n<!-- top -->\n<s a = '1' >\n",
        place: "s.",
        entries: &[
            "  <@>x</@>\n",
            "\t<@ a=\"1\"  b='2'>x</@> <!-- c -->\n",
            "  <@/>\n",
            "  <@ ></@ >\n",
            "  <@><![CDATA[x]]></@>\n",
            "  <@>&amp;&#228;</@>\n",
            "  <@>\n    x\n  </@>\n",
        ],
        between: &[
            "",
            "\n",
            "  <!-- <k0>1</k0> -->\n",
            "  <other><k0>1</k0></other>\n",
            "<?p i?>\n",
        ],
        foot: "</s>\n<!-- end -->\n",
    },
];

const VALUES: &[&str] = &[
    "", "x", "y z", "25565", "1.0", "1e5", "true", "off", "007", "a: b # c", "\"q\"", "it's",
    "{x}", "- l", "ä🎮", "a\nb", "<b>&amp;", "C:\\n", "[1]", "\\",
];

fn file() -> impl Strategy<Value = (usize, Vec<(usize, usize)>, usize, usize, bool, bool)> {
    let entry = (0usize..22, 0usize..6);
    (
        0..LAYOUTS.len(),
        prop::collection::vec(entry, 1..6),
        0usize..6,
        0..VALUES.len(),
        any::<bool>(),
        any::<bool>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn nothing_but_the_value_changes((layout, entries, set, value, windows, open) in file()) {
        let layout = &LAYOUTS[layout];
        let set = set % entries.len();
        let ends = |text: &str| if windows { text.replace('\n', "\r\n") } else { text.to_owned() };
        let mut parts = [ends(layout.head), String::new(), String::new()];
        for (index, (entry, between)) in entries.iter().enumerate() {
            let before = usize::from(index > set) * 2;
            parts[before].push_str(&ends(layout.between[between % layout.between.len()]));
            let own = index.cmp(&set) as i8 + 1;
            let entry = layout.entries[entry % layout.entries.len()].replace('@', &format!("k{index}"));
            parts[own as usize].push_str(&ends(&entry));
        }
        let mut foot = ends(layout.foot);
        if open {
            foot.truncate(foot.trim_end().len());
        }
        parts[2].push_str(&foot);
        let text = parts.concat();
        let key = format!("{}k{set}", layout.place);
        let finds = [(key, FindValue::Set(Literal::Text(VALUES[value].into())))];
        let parser = Parser::from_name(layout.parser);
        let after = match apply(&parser, text.as_bytes(), &finds) {
            Ok(after) => String::from_utf8(after).unwrap(),
            Err(error) => return Err(TestCaseError::fail(format!("{error}: {text}"))),
        };
        let [before, _, behind] = &parts;
        prop_assert!(after.starts_with(before.as_str()), "{text}\n-> {after}");
        prop_assert!(after.ends_with(behind.as_str()), "{text}\n-> {after}");
        let again = apply(&parser, after.as_bytes(), &finds).unwrap();
        prop_assert_eq!(String::from_utf8(again).unwrap(), after);
    }

    #[test]
    fn a_new_key_changes_no_line_that_was_there((layout, entries, _, value, windows, open) in file()) {
        let layout = &LAYOUTS[layout];
        let ends = |text: &str| if windows { text.replace('\n', "\r\n") } else { text.to_owned() };
        let mut text = ends(layout.head);
        for (index, (entry, between)) in entries.iter().enumerate() {
            text.push_str(&ends(layout.between[between % layout.between.len()]));
            let entry = layout.entries[entry % layout.entries.len()].replace('@', &format!("k{index}"));
            text.push_str(&ends(&entry));
        }
        text.push_str(&ends(layout.foot));
        if open {
            text.truncate(text.trim_end().len());
        }
        let finds = [(format!("{}new", layout.place), FindValue::Set(Literal::Text(VALUES[value].into())))];
        let parser = Parser::from_name(layout.parser);
        let after = match apply(&parser, text.as_bytes(), &finds) {
            Ok(after) => String::from_utf8(after).unwrap(),
            Err(error) => return Err(TestCaseError::fail(format!("{error}: {text}"))),
        };
        let mut lines = after.lines();
        for line in text.lines() {
            // JSON's last member gets a comma.
            let comma = format!("{line},");
            let kept = lines.any(|other| other == line || (layout.parser == "json" && other == comma));
            prop_assert!(kept, "{line:?} is gone: {text}\n-> {after}");
        }
        prop_assert_eq!(after.matches('\r').count() > 0, windows && text.contains('\r'));
        let again = apply(&parser, after.as_bytes(), &finds).unwrap();
        prop_assert_eq!(String::from_utf8(again).unwrap(), after);
    }
}

#[test]
fn every_way_to_write_an_entry_is_met() {
    // The strategy's numbers must reach each entry of the longest list.
    let most = LAYOUTS.iter().map(|layout| layout.entries.len()).max();
    assert_eq!(most, Some(22));
}
