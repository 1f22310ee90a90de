//! Anything may be passed in: nothing panics, and what holds always holds.

use proptest::prelude::*;
use serde_json::Value;
use warren_egg::{
    DoneMarker, DoneMatcher, FilledValue, FindValue, LineView, Literal, NodeFacts, ServerFacts,
    environment, fill, preview, rules,
};

fn rule() -> impl Strategy<Value = String> {
    prop_oneof![
        "(required|nullable|string|integer|numeric|boolean|present|alpha_dash|url|int)",
        "(max|min|size|gt|lt|digits|between|digits_between|in|not_in|ends_with):[-0-9a-z.,\"]{0,8}",
        "(regex|not_regex):[/#~{]?[\\^$a-z0-9()\\[\\]*+?\\\\|.{}]{0,12}[/#~}]?[imsuxD]?",
        ".{0,10}",
    ]
}

fn facts(typed: &str) -> ServerFacts {
    ServerFacts {
        ip: "10.0.0.1".into(),
        port: Some(1),
        variables: vec![
            ("TYPED".into(), typed.into()),
            ("SECRET".into(), "s3cret".into()),
        ],
        ..ServerFacts::default()
    }
}

proptest! {
    #[test]
    fn any_rules_judge_any_value(list in prop::collection::vec(rule(), 0..5), value in ".{0,20}") {
        let verdict = rules::validate(&list, &value);
        if let Err(violation) = &verdict {
            prop_assert!(list.contains(&violation.rule));
            prop_assert!(violation.message.starts_with("must "));
        }
        let _ = rules::unknown(&list);
        serde_json::to_string(&rules::input(&list)).unwrap();
    }

    #[test]
    fn what_was_typed_comes_out_as_it_was(typed in "(\\{\\{|\\}\\}|server\\.build\\.env\\.SECRET|config\\.token|\\$\\{?|[a-z ]){0,12}", before in "[a-z<]{0,4}") {
        let value = FindValue::Set(Literal::Text(format!("{before}{{{{env.TYPED}}}}>{{{{config.docker.interface}}}}")));
        let filled = fill(&value, &facts(&typed));
        let wire = FilledValue::from_json(&filled.to_json()).unwrap();
        let settled = wire.settle(&NodeFacts { interface: "i".into() });
        prop_assert_eq!(settled, FindValue::Set(Literal::Text(format!("{before}{typed}>i"))));
    }

    #[test]
    fn any_text_can_be_filled(text in "(\\{\\{|\\}\\}|\\{|\\}|env\\.|config\\.|server\\.|[A-Za-z. $-]|ö){0,24}") {
        let _ = fill(&FindValue::Set(Literal::Text(text.clone())), &facts("x"));
        let _ = preview(&text, |_| Some("v".into()));
    }

    #[test]
    fn environment_names_are_unique_and_clean(names in prop::collection::vec(".{0,12}", 0..8)) {
        let mut facts = facts("x");
        facts.variables = names.into_iter().map(|name| (name, "v\0w".to_owned())).collect();
        let env = environment(&facts);
        let mut seen = std::collections::BTreeSet::new();
        for (name, value) in &env {
            prop_assert!(seen.insert(name.clone()) && !name.contains(['=', '\0']) && !value.contains('\0'));
        }
    }

    #[test]
    fn lines_do_not_depend_on_where_chunks_end(bytes in prop::collection::vec(prop_oneof![
        Just(0x1bu8), Just(b'['), Just(b']'), Just(b'\n'), Just(b'\r'), Just(7u8), Just(b'm'), any::<u8>()], 0..200), cut in 0usize..200) {
        let read = |chunks: &[&[u8]]| {
            let mut view = LineView::default();
            let mut lines: Vec<Vec<u8>> = Vec::new();
            chunks.iter().for_each(|chunk| view.push(chunk, |line| lines.push(line.to_vec())));
            (lines, view.open_line().to_vec())
        };
        let (left, right) = bytes.split_at(cut.min(bytes.len()));
        prop_assert_eq!(read(&[&bytes]), read(&[left, right]));
        let markers = [DoneMarker::Contains("m[".into()), DoneMarker::Regex("^a.$".into())];
        let mut whole = DoneMatcher::new(&markers);
        let mut parts = DoneMatcher::new(&markers);
        parts.push(left);
        prop_assert_eq!(whole.push(&bytes), parts.push(right));
    }

    #[test]
    fn any_json_is_a_filled_value_or_none(text in "[\\[\\]{}\":,a-z0-9]{0,30}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text)
            && let Some(filled) = FilledValue::from_json(&value)
        {
            prop_assert_eq!(FilledValue::from_json(&filled.to_json()), Some(filled));
        }
    }
}
