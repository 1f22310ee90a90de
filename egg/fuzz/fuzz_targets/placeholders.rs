//! The first line is what a person typed, the rest is the egg's text: what was typed comes out as it was, and the node's
//! secrets never.
#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_egg::{FilledValue, FindValue, Literal, NodeFacts, ServerFacts, fill, preview};

fuzz_target!(|text: &str| {
    let (typed, template) = text.split_once('\n').unwrap_or((text, "{{env.TYPED}}"));
    let facts = ServerFacts {
        variables: vec![("TYPED".into(), typed.into()), ("SECRET".into(), "s3cret".into())],
        ..ServerFacts::default()
    };
    let node = NodeFacts {
        interface: "i".into(),
    };
    let settled = |text: &str| {
        let filled = fill(&FindValue::Set(Literal::Text(text.into())), &facts);
        assert_eq!(FilledValue::from_json(&filled.to_json()).as_ref(), Some(&filled));
        filled.settle(&node)
    };
    settled(template);
    let _ = preview(template, |name| Some(name.to_owned()));
    let around = settled("<{{env.TYPED}}|{{config.docker.interface}}>");
    assert_eq!(around, FindValue::Set(Literal::Text(format!("<{typed}|i>"))));
    // Whatever it looks like, a typed text names no variable.
    if !typed.contains("s3cret") {
        let FindValue::Set(Literal::Text(twice)) = settled("{{env.TYPED}}{{env.TYPED}}") else {
            panic!("a text")
        };
        assert!(!twice.contains("s3cret"));
    }
});
