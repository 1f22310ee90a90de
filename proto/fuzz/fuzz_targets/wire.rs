//! The first byte picks a message, the rest is what came: it is decoded or refused, and what was decoded is said again
//! in the same words. A config file goes on to where the agent writes it.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use warren_egg::{FilledValue, NodeFacts, Parser, write};
use warren_proto::{
    Message, envelope,
    ids::{NodeId, ServerId},
    join::JoinToken,
    subjects, wire,
};

/// Decodes, encodes, and does both again: bytes are compared, since a float may be no number.
fn there_and_back<M: Message + Default>(bytes: &[u8]) -> Option<M> {
    let message = M::decode(bytes).ok()?;
    let once = message.encode_to_vec();
    assert_eq!(once.len(), message.encoded_len());
    let again = M::decode(&once[..]).expect("what was encoded can be decoded");
    assert_eq!(again.encode_to_vec(), once);
    Some(message)
}

macro_rules! messages {
    ($pick:expr, $bytes:expr, $($name:ident),+ $(,)?) => {{
        let all: &[fn(&[u8])] = &[$(|bytes| drop(there_and_back::<wire::$name>(bytes))),+];
        all[usize::from($pick) % all.len()]($bytes);
    }};
}

fn config_file(bytes: &[u8]) {
    let Some(file) = there_and_back::<wire::ConfigFile>(bytes) else { return };
    let parser = Parser::from_name(&file.parser);
    let facts = NodeFacts {
        interface: "10.0.0.1".into(),
    };
    let finds = file.find.iter().take(20).filter_map(|find| {
        let value = serde_json::from_str(&find.value_json).ok()?;
        let value = FilledValue::from_json(&value)?;
        assert_eq!(FilledValue::from_json(&value.to_json()).as_ref(), Some(&value));
        Some((find.key.clone(), value.settle(&facts)))
    });
    let finds: Vec<_> = finds.collect();
    if let Ok(made) = write::apply(&parser, b"", &finds) {
        let _ = write::apply(&parser, &made, &finds);
    }
}

fn envelopes(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let kind = envelope::kind_of(&bytes);
    let node = "01J00000000000000000000000".parse().ok();
    for node in [None, node] {
        let _ = envelope::open_request::<wire::Apply>(bytes.clone(), &kind, node);
        let _ = envelope::open_answer::<wire::HelloAnswer>(bytes.clone(), &kind, node);
    }
    if let Some(node) = node {
        let _ = envelope::open_live::<wire::Heartbeat>(bytes.clone(), &kind, node);
    }
    let _ = envelope::open_told::<wire::Tick>(bytes, &kind);
}

fn texts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(token) = JoinToken::decode(&text) {
        assert!(JoinToken::decode(&token.encode()).is_ok());
    }
    if let Ok(node) = text.parse::<NodeId>() {
        assert_eq!(node.to_string().parse::<NodeId>().ok(), Some(node));
    }
    let _ = text.parse::<ServerId>();
    if let Some((node, words)) = subjects::split(&text) {
        assert!(text.contains(words) && text.contains('.') && !node.to_string().is_empty());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((pick, rest)) = bytes.split_first() else { return };
    match pick % 8 {
        0 => config_file(rest),
        1 => envelopes(rest),
        2 => texts(rest),
        _ => messages!(
            pick / 8,
            rest,
            Envelope, Answer, SignedCommand, Command, Hello, HelloAnswer, Heartbeat, HeartbeatAnswer, FactBatch, Fact,
            Apply, ApplyAnswer, WantedServer, ServerSpec, JobAsk, JobStart, JobStatus, ConsoleFrame, ConsoleUpload,
            StatsFrame, MetricsBatch, FileList, FileEntries, FileContent, Chunks, Open, Register, SessionsAnswer,
            Tail, Watch, IdentityDecision, Revoked,
        ),
    }
});
