//! What passes between the accounts, and what each kind of user may say and hear. Exact subjects are exported,
//! never `node.>`, which would hand every publish over twice.

use super::accounts::{Account, MAX_PAYLOAD_BYTES};
use super::jwt::{Answers, Export, Flow, Import, Respond, Subjects, Template};
use crate::subjects::{
    ENROLL_REGISTER, EVENT_ANY as EVENTS, GATE_ASK_ANY as GATE_ASK, GATE_TELL_ANY as GATE_TELL,
};

/// How long a node may take to answer what it was asked, in nanoseconds.
const RESPOND_TTL_NS: i64 = 60_000_000_000;

/// What nodes ask of control; answered after its commit. `enroll` is the one that strangers may call.
const UP_LINK: [&str; 6] = [
    "node.*.lifecycle",
    "node.*.console",
    "node.*.metrics",
    "node.*.heartbeat",
    "node.*.ask.*",
    ENROLL_REGISTER,
];
/// What nodes say live and may lose.
const LIVE: [&str; 3] = [
    "node.*.live.stats.*",
    "node.*.live.console.*",
    "node.*.xfer.*",
];
const ASKED: &str = "agent.*.>";
/// Bytes of files. Each request has one answer, after which a server forgets its way back: at hundreds of chunks a second
/// those ways would pile up for minutes if there could be more.
const BULK: &str = "bulk.*.*";
const ACKS: &str = "$JS.ACK.EVENT.>";

/// `core` and `edge` are the public keys of those accounts.
pub(super) fn imports(account: Account, core: &str, edge: &str) -> Vec<Import> {
    let stream = |subject: &str, from: &str| import(subject, None, from, Flow::Stream);
    let service = |subject: &str, from: &str| import(subject, None, from, Flow::Service);
    let mut all = Vec::new();
    match account {
        Account::Sys => {}
        Account::Edge => all.extend(UP_LINK.iter().map(|s| service(s, core))),
        Account::Core => {
            all.extend(LIVE.iter().map(|s| stream(s, edge)));
            all.push(service(ASKED, edge));
        }
        Account::Gate => {
            all.extend(LIVE.iter().map(|s| stream(s, edge)));
            all.push(service(ASKED, edge));
            all.push(service(BULK, edge));
            all.push(service(GATE_ASK, core));
            all.push(stream(GATE_TELL, core));
            all.push(stream(EVENTS, core));
        }
        Account::Read => {
            all.push(stream(EVENTS, core));
            // Without a local subject the account's own `$JS.API` shadows the import (error 10039).
            for verb in ["MSG.NEXT", "INFO"] {
                all.push(import(
                    &format!("$JS.API.CONSUMER.{verb}.EVENT.*"),
                    Some(format!("CORE.API.CONSUMER.{verb}.EVENT.$1")),
                    core,
                    Flow::Service,
                ));
            }
            all.push(service(ACKS, core));
        }
    }
    all
}

pub(super) fn exports(account: Account) -> Vec<Export> {
    let stream = |s: &str| export(s, Flow::Stream, None);
    let service = |s: &str, answers| export(s, Flow::Service, Some(answers));
    let mut all = Vec::new();
    match account {
        Account::Edge => {
            all.extend(LIVE.iter().map(|s| stream(s)));
            all.push(service(ASKED, Answers::Stream));
            all.push(service(BULK, Answers::Singleton));
        }
        Account::Core => {
            all.extend(UP_LINK.iter().map(|s| service(s, Answers::Singleton)));
            all.push(service(GATE_ASK, Answers::Singleton));
            all.push(stream(EVENTS));
            all.push(stream(GATE_TELL));
            all.push(service(
                "$JS.API.CONSUMER.MSG.NEXT.EVENT.*",
                Answers::Stream,
            ));
            all.push(service("$JS.API.CONSUMER.INFO.EVENT.*", Answers::Singleton));
            all.push(service(ACKS, Answers::Singleton));
        }
        Account::Sys | Account::Gate | Account::Read => {}
    }
    all
}

pub(super) fn node_template() -> Template {
    Template {
        // As the receiver of a server's files a node speaks in its own name alone; which it may have says a grant.
        publish: Subjects::allow(["node.{{name()}}.>", "xfer.*.{{name()}}.*"]),
        subscribe: Subjects::allow([
            "agent.{{name()}}.>",
            "bulk.{{name()}}.*",
            "xfer.{{name()}}.*.*",
            "_INB.{{name()}}.>",
        ]),
        resp: Some(Respond {
            max: 16,
            ttl: RESPOND_TTL_NS,
        }),
        subs: 500,
        data: -1,
        payload: MAX_PAYLOAD_BYTES,
        allowed_connection_types: vec!["STANDARD".into(), "WEBSOCKET".into()],
    }
}

pub(super) fn enroll_template() -> Template {
    Template {
        publish: Subjects::allow([ENROLL_REGISTER]),
        subscribe: Subjects::allow(["_INB.{{name()}}.>"]),
        resp: None,
        subs: 5,
        data: -1,
        payload: 8192,
        allowed_connection_types: vec!["STANDARD".into(), "WEBSOCKET".into()],
    }
}

pub(super) fn gateway_template() -> Template {
    Template {
        publish: Subjects::allow([ASKED, BULK, GATE_ASK]),
        subscribe: Subjects::allow(LIVE.into_iter().chain([
            GATE_TELL,
            EVENTS,
            "_INB.{{name()}}.>",
        ])),
        resp: None,
        subs: -1,
        data: -1,
        payload: MAX_PAYLOAD_BYTES,
        allowed_connection_types: vec!["STANDARD".into()],
    }
}

pub(super) fn reader_template(events: &str) -> Template {
    Template {
        publish: Subjects::allow([
            "CORE.API.CONSUMER.MSG.NEXT.EVENT.{{tag(con)}}",
            "CORE.API.CONSUMER.INFO.EVENT.{{tag(con)}}",
            "$JS.ACK.EVENT.{{tag(con)}}.>",
        ]),
        subscribe: Subjects::allow([events, "_INB.{{name()}}.>"]),
        resp: None,
        subs: 50,
        data: -1,
        payload: 65_536,
        allowed_connection_types: Vec::new(),
    }
}

fn export(subject: &str, flow: Flow, response_type: Option<Answers>) -> Export {
    Export {
        name: subject.into(),
        subject: subject.into(),
        flow,
        response_type,
    }
}

fn import(subject: &str, local_subject: Option<String>, account: &str, flow: Flow) -> Import {
    Import {
        name: subject.into(),
        subject: subject.into(),
        account: account.into(),
        local_subject,
        flow,
    }
}
