//! The rules that eggs use, one table row per edge of Laravel's meaning. Counts are uses in 990 public eggs.

use warren_egg::rules::{split, unknown, validate, validate_among};

struct Row {
    /// Laravel's words or code for it, in short.
    because: &'static str,
    rules: &'static str,
    passes: &'static [&'static str],
    fails: &'static [&'static str],
}

const fn row(
    rules: &'static str,
    passes: &'static [&'static str],
    fails: &'static [&'static str],
    because: &'static str,
) -> Row {
    Row {
        because,
        rules,
        passes,
        fails,
    }
}

/// The 24 names in use, then their edges.
const ROWS: &[Row] = &[
    // required: 5465
    row(
        "required",
        &["a", "0", "false", " a "],
        &["", "  ", "\n", "\t\0\x0b"],
        "not null and trim() leaves something",
    ),
    row(
        "required|string|",
        &["x"],
        &[""],
        "an empty rule is none (82 eggs)",
    ),
    row(
        "REQUIRED|String",
        &["x"],
        &[""],
        "names in any case: methods of PHP have none",
    ),
    row(" required |string", &["x"], &[""], "names are trimmed"),
    // string: 4586
    row(
        "string",
        &["", "5", "true", "ä"],
        &[],
        "what a form sends is text",
    ),
    // nullable: 1351 and `Nullable`: 1
    row("nullable", &["", "x"], &[], "null passes"),
    row(
        "nullable|string|size:32",
        &[""],
        &["x"],
        "null passes, what is no null does not",
    ),
    row(
        "Nullable|integer",
        &["", "5"],
        &["x"],
        "studly case is the name's own",
    ),
    row(
        "required|nullable",
        &["x"],
        &[""],
        "required runs on null too: it is implicit",
    ),
    row(
        "nullable|filled",
        &["x"],
        &[""],
        "filled: not empty when present",
    ),
    // an empty text without either
    row(
        "string|in:true,false",
        &["", "true"],
        &["yes"],
        "only implicit rules run on a blank text",
    ),
    row(
        "integer|between:5,9",
        &["", " ", "7"],
        &["4"],
        "only implicit rules run on a blank text",
    ),
    // present: 8
    row(
        "present",
        &["", "x"],
        &[],
        "the key is there, whatever it holds",
    ),
    row(
        "present|integer",
        &["", "5"],
        &["x"],
        "the key is there, whatever it holds",
    ),
    row(
        "sometimes|bail|integer",
        &["", "5"],
        &["x"],
        "these say how to check, not what",
    ),
    // max: 2462, min: 275, size: 18, between: 468
    row(
        "string|max:3",
        &["abc", "äöü", "999", "🎮🎮🎮"],
        &["abcd", "1234"],
        "mb_strlen unless numeric or integer is there",
    ),
    row("string|min:3", &["abc", "äöü"], &["ab", "99"], "mb_strlen"),
    row("size:4", &["1234", "äöüß"], &["4", "12345"], "mb_strlen"),
    row(
        "string|between:3,5",
        &["abc", "abcde"],
        &["ab", "abcdef", "4"],
        "both bounds count",
    ),
    row(
        "numeric|max:3",
        &["3", "-100", "2.9", "3.0", "3e0"],
        &["4", "3.0001"],
        "a number is its own size",
    ),
    row(
        "max:3|numeric",
        &["3"],
        &["4", "1e1"],
        "wherever numeric stands",
    ),
    row(
        "integer|size:4",
        &["4"],
        &["1234"],
        "a number is its own size",
    ),
    row("int|size:4", &["4"], &["1234"], "int is integer (36)"),
    row(
        "integer|between:1,31",
        &["1", "31"],
        &["0", "32", "x"],
        "a number is its own size",
    ),
    row(
        "alpha_num|between:1,6",
        &["latest"],
        &["1234567"],
        "alpha_num makes no number of it",
    ),
    row(
        "boolean|max:0",
        &[],
        &["1", "0"],
        "boolean makes no number of it: one character",
    ),
    row(
        "numeric|min:1.5",
        &["1.5", "2"],
        &["1.49"],
        "bounds may have a fraction",
    ),
    row(
        "numeric|max:9007199254740992",
        &["9007199254740992"],
        &["9007199254740993"],
        "compared exactly",
    ),
    row(
        "required|string|min:0|max:65535",
        &["15"],
        &[],
        "of the length, though meant as a port",
    ),
    row(
        "max: 20 ",
        &["12345678901234567890"],
        &["123456789012345678901"],
        "bounds are trimmed",
    ),
    // numeric: 842
    row(
        "numeric",
        &[
            "1", "-1.5", "+1", ".5", "5.", "1e5", "1E-3", " 7", "7 ", "007",
        ],
        &["0x10", "1,5", "abc", "1_0", ".", "e5", "٧"],
        "is_numeric()",
    ),
    // integer: 633, int: 36
    row(
        "integer",
        &["0", "-5", "+7", " 12 ", "-0", "9223372036854775807"],
        &["1.0", "007", "1e3", "9223372036854775808", "5a"],
        "FILTER_VALIDATE_INT",
    ),
    // boolean: 867
    row(
        "boolean",
        &["0", "1", ""],
        &["true", "false", "2", "yes", "on", "01", " 1"],
        "in_array($v, [true, false, 0, 1, '0', '1'], true)",
    ),
    row(
        "required|boolean",
        &["0", "1"],
        &["", "true"],
        "0 is filled",
    ),
    // in: 1206, not_in: 3
    row(
        "in:true,false",
        &["true", "false"],
        &["True", "1", " true", "true "],
        "in_array() of texts",
    ),
    row(
        "in:1,2",
        &["1", "1.0", "1e0", "01", " 2"],
        &["3", "1a"],
        "== of two numeric texts compares numbers",
    ),
    row(
        "in:\"a,b\",c",
        &["a,b", "c"],
        &["a", "b"],
        "str_getcsv(): quotes hold a comma",
    ),
    row(
        "in:\"say \"\"hi\"\"\",c",
        &["say \"hi\""],
        &["say hi"],
        "str_getcsv(): a doubled quote is one",
    ),
    row("in:a, b", &["a", " b"], &["b"], "str_getcsv() keeps blanks"),
    row("in:", &[""], &["a"], "nothing can be chosen"),
    row(
        "required|in:a:b,c",
        &["a:b", "c"],
        &["a"],
        "the first colon alone parts name and list",
    ),
    row(
        "not_in:root,admin",
        &["bob", "Root"],
        &["root", "admin"],
        "the reverse of in",
    ),
    // digits: 1, digits_between: 129
    row(
        "digits:5",
        &["25565", "00001"],
        &["2556", "-2556", "25.65", "255650", "٢٥٥٦٥"],
        "!preg_match('/[^0-9]/') and strlen()",
    ),
    row(
        "numeric|digits_between:1,3",
        &["8", "255"],
        &["1000", "-1", "1.5"],
        "!preg_match('/[^0-9]/') and strlen()",
    ),
    // gt: 12 and its kin
    row("integer|gt:0", &["1"], &["0", "-1"], "compares numbers"),
    row(
        "gt:0",
        &["1", "0.1"],
        &["0", "abc"],
        "a bound that is a number wants one",
    ),
    row("gte:5", &["5"], &["4.9"], "compares numbers"),
    row("lt:5", &["4.9"], &["5"], "compares numbers"),
    row("lte:5", &["5"], &["5.01"], "compares numbers"),
    row(
        "gt:0|max:9",
        &["9"],
        &["10"],
        "gt turns the rules after it to numbers",
    ),
    row(
        "max:9|gt:0",
        &["10", "9"],
        &["0"],
        "but not those before it",
    ),
    // regex: 172, not_regex: 4
    row(
        r"required|regex:/^([\w\d._-]+)(\.jar)$/",
        &["server.jar", "my_server-1.2.jar"],
        &["server.zip", "a b.jar", "größe.jar", "x.jar\n"],
        "preg_match() > 0",
    ),
    row(
        r"regex:/^https?:\/\//i",
        &["HTTP://x"],
        &["ftp://x"],
        "modifiers behind the delimiter",
    ),
    row("regex:#^a/b$#", &["a/b"], &["a"], "any delimiter"),
    row("regex:{^a{2}$}", &["aa"], &["a"], "brackets pair up"),
    row(
        "regex:/^(a|b)$/",
        &["a", "b"],
        &["c", "ab"],
        "a bar belongs to the pattern",
    ),
    row(
        "regex:/^(a|b)$/|max:0",
        &[""],
        &["a"],
        "and the rules go on behind it",
    ),
    row("regex:/b/A", &["b1"], &["ab"], "A: at the beginning alone"),
    row(
        r"regex:/^\d+$/",
        &["12"],
        &["٧"],
        "without u classes are ASCII",
    ),
    row(
        r"regex:/^\d+$/u",
        &["12", "٧"],
        &["x"],
        "with u they are Unicode's",
    ),
    row(
        "regex:/^.$/u",
        &["ä"],
        &["äb"],
        "with u a dot is a character",
    ),
    row("regex:/^..$/", &["ä"], &["äb"], "without u it is a byte"),
    row(
        r"regex:/^[\w-.]+$/",
        &["a-b.c"],
        &["a b"],
        "a hyphen behind a class is one",
    ),
    row(
        "regex:/(?=x)/",
        &["y"],
        &[],
        "look-around cannot be checked: it binds nobody",
    ),
    row("not_regex:/[;&]/", &["ab"], &["a;b"], "preg_match() < 1"),
    // alpha_num: 51, alpha_dash: 129
    row(
        "alpha_num",
        &["abc1", "größe2", "日本"],
        &["a-b", "a b", "a_b"],
        r"/\A[\pL\pM\pN]+\z/u",
    ),
    row(
        "alpha_dash",
        &["gm_flat-grass", "ä_1"],
        &["a.b", "a/b", "a b", "a\n"],
        r"/\A[\pL\pM\pN_-]+\z/u",
    ),
    row(
        "alpha_dash:ascii",
        &["a-1"],
        &["ä"],
        r"/\A[a-zA-Z0-9_-]+\z/u",
    ),
    row("alpha", &["abc", "ä"], &["abc1"], r"/\A[\pL\pM]+\z/u"),
    // url: 51
    row(
        "url",
        &[
            "https://example.org",
            "http://localhost:8080/a?b=c#d",
            "ftp://user:pw@10.0.0.1/x",
            "https://[::1]:443/",
            "https://münchen.example/ä",
            "steam://connect/1.2.3.4:27015",
            "HTTPS://XY",
        ],
        &[
            "example.org",
            "https://",
            "http//x",
            "https://a b",
            "https://[zz]/",
            "https://[:::]/",
            "foo://example.org",
            "javascript:alert(1)",
            "https://x",
            "//x",
        ],
        "a scheme of Laravel's list, a host, a port, a path",
    ),
    row(
        "url:http,https",
        &["https://example.org"],
        &["ftp://example.org"],
        "or of one's own list",
    ),
    // ends_with: 2 and its kin
    row(
        "ends_with:.zip,.tar",
        &["a.zip", ".tar"],
        &["a.rar", "a.ZIP"],
        "str_ends_with()",
    ),
    row(
        "starts_with:a,b",
        &["ax", "b"],
        &["xa"],
        "str_starts_with()",
    ),
    row("doesnt_end_with:.exe", &["a"], &["a.exe"], "the reverse"),
    row(
        "doesnt_start_with:/,.",
        &["a/"],
        &["/a", ".a"],
        "the reverse",
    ),
    row("ends_with:", &[""], &["a"], "an empty end is none"),
    // Not in use, yet cheap to keep
    row(
        "ip",
        &["::1", "10.0.0.1", "::ffff:1.2.3.4"],
        &["10.0.0", "010.0.0.1", "1.2.3.4:5", "x"],
        "FILTER_VALIDATE_IP",
    ),
    row("ipv4", &["10.0.0.1"], &["::1"], "FILTER_FLAG_IPV4"),
    row("ipv6", &["::1"], &["10.0.0.1"], "FILTER_FLAG_IPV6"),
    row(
        "json",
        &["{}", "5", "\"a\"", "null", " [1] "],
        &["{", "a", "[1,]", "{'a':1}"],
        "json_decode() without an error",
    ),
];

fn list(text: &str) -> Vec<String> {
    split(text)
}

#[test]
fn each_rule_means_what_laravel_means() {
    for row in ROWS {
        let rules = list(row.rules);
        for value in row.passes {
            let verdict = validate(&rules, value);
            assert_eq!(verdict, Ok(()), "{} {value:?}: {}", row.rules, row.because);
        }
        for value in row.fails {
            let verdict = validate(&rules, value);
            assert!(
                verdict.is_err(),
                "{} {value:?} passes: {}",
                row.rules,
                row.because
            );
        }
    }
}

/// So that none is forgotten: the names of the reference's list.
#[test]
fn every_rule_in_use_has_a_row() {
    let names = [
        "required",
        "string",
        "max",
        "nullable",
        "Nullable",
        "in",
        "boolean",
        "numeric",
        "integer",
        "between",
        "min",
        "regex",
        "digits_between",
        "alpha_dash",
        "not_regex",
        "ends_with",
        "url",
        "alpha_num",
        "int",
        "size",
        "gt",
        "present",
        "not_in",
        "digits",
    ];
    assert_eq!(names.len(), 24);
    for name in names {
        let there = |row: &Row| {
            let rules = list(row.rules);
            rules
                .iter()
                .any(|rule| rule.split(':').next() == Some(name))
                && unknown(&rules).is_empty()
        };
        assert!(ROWS.iter().any(there), "{name}");
    }
}

#[test]
fn a_value_may_be_asked_for_because_of_another() {
    let other = |name: &str| match name {
        "ON" => Some("1".to_owned()),
        "OFF" => Some("0".to_owned()),
        "MODE" => Some("hard".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    // What an empty value breaks; with a value all pass.
    let rows = [
        ("required_if:MODE,easy,hard", true),
        ("required_if:MODE,easy", false),
        ("required_if:ABSENT,null", false),
        ("required_if:EMPTY,null", true),
        ("required_if:ON,true", true),
        ("required_if:OFF,true", false),
        ("required_if:environment.MODE,hard", true),
        ("required_unless:MODE,easy", true),
        ("required_unless:MODE,hard", false),
        ("required_unless:ABSENT,x", true),
        ("required_with:ABSENT,MODE", true),
        ("required_with:ABSENT,EMPTY", false),
        ("required_with_all:ON,MODE", true),
        ("required_with_all:ON,EMPTY", false),
        ("required_without:ON,EMPTY", true),
        ("required_without:ON,MODE", false),
        ("required_without_all:EMPTY,ABSENT", true),
        ("required_without_all:EMPTY,ON", false),
        ("nullable|required_with:ON", true),
    ];
    for (rules, asked) in rows {
        let rules = list(rules);
        assert_eq!(
            validate_among(&rules, " ", &other).is_err(),
            asked,
            "{rules:?}"
        );
        assert_eq!(validate_among(&rules, "x", &other), Ok(()), "{rules:?}");
    }
}

#[test]
fn what_cannot_be_checked_is_named() {
    let rules =
        list("regex:/(?=x)/|frobnicate:1|string|max:many|between:1|gt:OTHER|regex|max:5|regex:/[/");
    let named: Vec<_> = unknown(&rules).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(
        named,
        [
            "regex:/(?=x)/",
            "frobnicate:1",
            "max:many",
            "between:1",
            "gt:OTHER",
            "regex",
            "regex:/[/"
        ]
    );
    assert_eq!(validate(&rules, "12345"), Ok(()));
    assert_eq!(validate(&rules, "123456").unwrap_err().rule, "max:5");
}

#[test]
fn a_violation_says_what_to_do() {
    let cases = [
        ("required", "", "must be filled in"),
        (
            "string|max:20",
            "xxxxxxxxxxxxxxxxxxxxx",
            "must be at most 20 characters long",
        ),
        ("min:1|max:1", "ab", "must be at most 1 character long"),
        ("numeric|between:1,8", "9", "must be between 1 and 8"),
        (
            "string|between:3,15",
            "x",
            "must be between 3 and 15 characters long",
        ),
        ("size:2", "x", "must be exactly 2 characters long"),
        ("integer", "x", "must be a whole number"),
        ("gt:0", "0", "must be greater than 0"),
        ("boolean", "true", "must be 1 (yes) or 0 (no)"),
        ("in:easy,hard", "x", "must be one of \"easy\", \"hard\""),
        ("in:2394010", "x", "must be \"2394010\""),
        ("digits_between:1,3", "1000", "must be 1 to 3 digits"),
        (
            "alpha_dash",
            "a.b",
            "must consist of letters, digits, - and _ alone",
        ),
        ("ends_with:.zip", "a", "must end with \".zip\""),
        (
            "url",
            "x",
            "must be a web address, such as https://example.org",
        ),
    ];
    for (rules, value, message) in cases {
        let broken = validate(&list(rules), value).unwrap_err();
        assert_eq!(broken.to_string(), message, "{rules}");
        assert!(list(rules).contains(&broken.rule));
    }
}
