use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use warren_control::{
    db::Lane,
    gate::{self, Ended},
};
use warren_entity::sessions;
use warren_harness::eventually_async;
use warren_proto::{
    bus::{
        Bus, CallError, Creds,
        keyring::{Keyring, Use},
        ticket::{self, MAX_LIFE_S, Scope, Ticket, right},
    },
    envelope,
    ids::{NodeId, RunId, ServerId, SessionId, UserId},
    subjects::{self, gate as word},
    wire,
};

use crate::{
    fake_node::{FakeNode, connect},
    on_both,
    world::{SOON, World},
};

on_both! {
    a_ticket_is_renewed_while_its_session_and_right_last
    an_ended_session_is_told_to_gateways_and_nodes_within_a_second
    an_end_is_told_to_no_node_without_a_ticket_of_it
    a_ticket_of_an_ended_session_is_not_noted
    history_is_read_with_a_ticket_of_that_server_alone
}

async fn gateway(world: &World) -> Bus {
    let path = world.config.data_dir.join("gateway.creds");
    let bus = connect(world.config.nats_urls.clone(), Creds::load(&path).unwrap()).await;
    bus.ready(SOON).await.unwrap();
    bus
}

async fn ask<M: prost::Message + Default>(
    bus: &Bus,
    kind: &str,
    body: &impl prost::Message,
) -> Result<M, CallError> {
    eventually_async("control to answer a gateway", SOON, || async {
        match bus
            .call(
                subjects::gate_ask(kind),
                kind,
                None,
                body,
                Duration::from_secs(2),
            )
            .await
        {
            Err(CallError::Bus(_)) => None,
            answered => Some(answered),
        }
    })
    .await
    .unwrap()
}

async fn log_in(world: &World, user: UserId) -> SessionId {
    let id = SessionId::new();
    let now_ms = world.app.clock.now_ms();
    let row = sessions::ActiveModel {
        id: Set(id.to_string()),
        user_id: Set(user.to_string()),
        token_hash: Set(id.to_string()),
        created_at_ms: Set(now_ms),
        last_seen_at_ms: Set(now_ms),
        expires_at_ms: Set(now_ms + 3_600_000),
        ended_at_ms: Set(None),
        address: Set(String::new()),
        user_agent: Set(String::new()),
        two_steps: Set(false),
    };
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    sessions::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

async fn log_out(world: &World, session: SessionId) {
    let now_ms = world.app.clock.now_ms();
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    sessions::Entity::update_many()
        .col_expr(sessions::Column::EndedAtMs, Expr::value(now_ms))
        .filter(sessions::Column::Id.eq(session.to_string()))
        .exec(&*tx)
        .await
        .unwrap();
    gate::end(&*tx, Ended::Session(session), now_ms)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world.app.nudges.revoked();
}

fn ticket(
    world: &World,
    user: UserId,
    session: SessionId,
    server: ServerId,
    node: NodeId,
) -> String {
    let iat = world.app.clock.now_s();
    let ticket = Ticket {
        user,
        session,
        scope: Scope::Server { server, node },
        rights: vec![right::WATCH.into()],
        upload_bytes: None,
        iat,
        exp: iat + MAX_LIFE_S,
    };
    ticket::sign(&world.app.keys.ticket, &ticket).unwrap()
}

fn code(error: CallError) -> String {
    match error {
        CallError::Failed { code, .. } => code,
        other => panic!("{other}"),
    }
}

async fn a_ticket_is_renewed_while_its_session_and_right_last(world: World) {
    let (node, user) = (FakeNode::join(&world).await, world.user().await);
    let server = world.server_of(node.id, user).await;
    let foreign = world.server(node.id).await;
    let session = log_in(&world, user).await;
    let bus = gateway(&world).await;
    let keys: wire::Keys = ask(&bus, word::KEYS, &wire::KeysAsk {}).await.unwrap();
    let ring = Keyring::of(&keys.keys).unwrap();
    assert!(ring.knows(Use::Ticket, world.app.keys.ticket.id()));
    let renew = |server| wire::TicketRenew {
        ticket: ticket(&world, user, session, server, node.id),
    };
    let renewed: wire::TicketRenewed = ask(&bus, word::RENEW, &renew(server)).await.unwrap();
    ticket::verify(&ring, &renewed.ticket, world.app.clock.now_ms()).unwrap();
    let refused = ask::<wire::TicketRenewed>(&bus, word::RENEW, &renew(foreign))
        .await
        .unwrap_err();
    assert_eq!(code(refused), "session_ended");
    log_out(&world, session).await;
    let refused = ask::<wire::TicketRenewed>(&bus, word::RENEW, &renew(server))
        .await
        .unwrap_err();
    assert_eq!(code(refused), "session_ended");
    let forged = wire::TicketRenew {
        ticket: format!("{}x", renewed.ticket),
    };
    let refused = ask::<wire::TicketRenewed>(&bus, word::RENEW, &forged)
        .await
        .unwrap_err();
    assert!(code(refused).starts_with("ticket_"));
    let which = wire::SessionsAsk {
        sessions: vec![session.to_string(), "nobody".into()],
    };
    let answer: wire::SessionsAnswer = ask(&bus, word::SESSIONS, &which).await.unwrap();
    assert_eq!(answer.ended.len(), 2);
}

async fn an_ended_session_is_told_to_gateways_and_nodes_within_a_second(world: World) {
    let (node, user) = (FakeNode::join(&world).await, world.user().await);
    let session = log_in(&world, user).await;
    let server = world.server_of(node.id, user).await;
    note(&world, user, session, server, node.id).await.unwrap();
    let bus = gateway(&world).await;
    let mut tells = bus
        .subscribe(subjects::GATE_TELL_ANY.into(), 100)
        .await
        .unwrap();
    // A tick shows that the subscription is live, and where the counter stands.
    let before = loop {
        let message = tells.next().await.unwrap();
        if let Ok(tick) = envelope::open_told::<wire::Tick>(message.payload, word::TICK) {
            break tick.counter;
        }
    };
    let began = std::time::Instant::now();
    log_out(&world, session).await;
    let told = loop {
        let message = tells.next().await.unwrap();
        if let Ok(told) = envelope::open_told::<wire::Revoked>(message.payload, word::REVOKED) {
            break told;
        }
    };
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(
        (told.counter, told.sessions),
        (before + 1, vec![session.to_string()])
    );
    eventually_async("the node to be told", Duration::from_secs(1), || async {
        let told = node.told.lock().unwrap();
        told.revokes
            .iter()
            .any(|r| r.sessions == [session.to_string()])
            .then_some(())
    })
    .await
    .unwrap();
}

async fn note(
    world: &World,
    user: UserId,
    session: SessionId,
    server: ServerId,
    node: NodeId,
) -> Result<(), gate::Error> {
    let text = ticket(world, user, session, server, node);
    let keys = Keyring::of(&[world.app.keys.ticket.announce(Use::Ticket)]).unwrap();
    let ticket = ticket::verify(&keys, &text, world.app.clock.now_ms()).unwrap();
    gate::holders::note(&world.app, &ticket).await
}

async fn an_end_is_told_to_no_node_without_a_ticket_of_it(world: World) {
    let (a, b) = (FakeNode::join(&world).await, FakeNode::join(&world).await);
    let (user, other) = (world.user().await, world.user().await);
    let (on_a, on_b) = (
        world.server_of(a.id, user).await,
        world.server_of(b.id, other).await,
    );
    let (first, second) = (log_in(&world, user).await, log_in(&world, other).await);
    note(&world, user, first, on_a, a.id).await.unwrap();
    note(&world, other, second, on_b, b.id).await.unwrap();
    log_out(&world, first).await;
    let told = |node: &FakeNode, what: SessionId| {
        let told = node.told.clone();
        move || {
            let told = told.lock().unwrap().revokes.clone();
            let ended = told.iter().flat_map(|r| &r.sessions);
            let found = ended.filter(|s| **s == what.to_string()).count() > 0;
            std::future::ready(found.then_some(()))
        }
    };
    let second_s = Duration::from_secs(2);
    eventually_async("the first node", second_s, told(&a, first))
        .await
        .unwrap();
    // A person's end reaches the nodes of all of the person's log-ins.
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    gate::end(&*tx, Ended::User(other), 1).await.unwrap();
    tx.commit().await.unwrap();
    world.app.nudges.revoked();
    eventually_async("the second node", second_s, || async {
        let told = b.told.lock().unwrap().revokes.clone();
        let mut people = told.iter().flat_map(|r| &r.users);
        people.any(|u| *u == other.to_string()).then_some(())
    })
    .await
    .unwrap();
    let all = |node: &FakeNode| node.told.lock().unwrap().revokes.clone();
    assert!(
        all(&b).iter().all(|r| r.sessions.is_empty()),
        "{:?}",
        all(&b)
    );
    assert!(all(&a).iter().all(|r| r.users.is_empty()), "{:?}", all(&a));
}

async fn a_ticket_of_an_ended_session_is_not_noted(world: World) {
    let (node, user) = (FakeNode::join(&world).await, world.user().await);
    let server = world.server_of(node.id, user).await;
    let session = log_in(&world, user).await;
    log_out(&world, session).await;
    let refused = note(&world, user, session, server, node.id).await;
    assert!(matches!(refused, Err(gate::Error::Ended)), "{refused:?}");
}

async fn history_is_read_with_a_ticket_of_that_server_alone(world: World) {
    let (node, user) = (FakeNode::join(&world).await, world.user().await);
    let server = world.server_of(node.id, user).await;
    let other = world.server_of(node.id, user).await;
    let session = log_in(&world, user).await;
    let run = RunId::new();
    node.print(vec![FakeNode::range(server, run, 0, "one\ntwo\n")])
        .await
        .unwrap();
    let bus = gateway(&world).await;
    let history = |server, from, tail_bytes, of| wire::HistoryAsk {
        ticket: ticket(&world, user, session, server, node.id),
        server: of,
        from,
        tail_bytes,
        ..Default::default()
    };
    let ask_of = history(server, 0, 4, server.to_string());
    let chunks: wire::Chunks = ask(&bus, word::HISTORY, &ask_of).await.unwrap();
    assert_eq!(
        (chunks.ranges[0].offset, &*chunks.ranges[0].data),
        (4, &b"two\n"[..])
    );
    assert_eq!(chunks.ends[0].end, 8);
    let ask_of = history(server, 2, 0, server.to_string());
    let chunks: wire::Chunks = ask(&bus, word::HISTORY, &ask_of).await.unwrap();
    assert_eq!(&*chunks.ranges[0].data, b"e\ntwo\n");
    let refused = ask::<wire::Chunks>(
        &bus,
        word::HISTORY,
        &history(other, 0, 4, server.to_string()),
    )
    .await;
    assert_eq!(code(refused.unwrap_err()), "ticket_scope");
}
