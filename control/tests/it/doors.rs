//! Every door decides as one small model does, whatever roles and shares somebody has.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use sea_orm::{ActiveValue::Set as To, EntityTrait};
use serde_json::{Value, json};
use warren_control::{
    access::{Door, Key, KeySet, Set},
    consumer::review,
    db::Lane,
    gate, sftp,
};
use warren_entity::{grants, nodes, roles, subusers, users};
use warren_proto::{
    bus::ticket::{self, MAX_LIFE_S, Scope, Ticket},
    ids::{GrantId, LocationId, NodeId, RoleId, ServerId, UserId},
    wire,
};

use crate::{
    http_panel::Person,
    http_rights::{Many, calls, own},
    on_both,
    world::World,
};

on_both! {
    every_door_decides_as_the_model_does
}

/// Other mixes with another number; what is found wrong is kept as one.
const SEED: u64 = 7;
const ROUNDS: usize = 24;

/// A role over something.
#[derive(Debug, Clone)]
struct Given {
    keys: KeySet,
    reach: &'static str,
    target: String,
}

/// What one person has, and how one server stands to it all.
#[derive(Debug, Clone)]
struct Mix {
    owns: bool,
    shared: KeySet,
    roles: Vec<Given>,
    node: NodeId,
    place: Option<LocationId>,
    server: ServerId,
}

/// The model: all rules on half a page.
fn may(mix: &Mix, key: Key) -> bool {
    let covers = |role: &Given| match role.reach {
        "everything" => true,
        "location" => mix.place.is_some_and(|p| p.to_string() == role.target),
        "node" => mix.node.to_string() == role.target,
        _ => mix.server.to_string() == role.target,
    };
    let has = |key: Key| {
        let by_role = mix.roles.iter().any(|r| covers(r) && r.keys.has(key));
        let of_servers = key.set() == Set::Server;
        by_role || (of_servers && (mix.owns || mix.shared.has(key)))
    };
    let sees = Key::of(Set::Server).any(has);
    sees && (has(key) || key == Key::ServerRead)
}

fn some_keys(dice: &mut StdRng) -> KeySet {
    let odds = *[0.03, 0.3].choose(dice).unwrap();
    let keys = Key::of(Set::Server).filter(|_| dice.random_bool(odds));
    keys.collect()
}

fn roll(dice: &mut StdRng, many: &Many, place: LocationId) -> Vec<Mix> {
    let reach = |dice: &mut StdRng| {
        let node = [many.node, many.other_node][dice.random_range(0..2)];
        let server = [many.server, many.other][dice.random_range(0..2)];
        match dice.random_range(0..5) {
            0 => ("everything", String::new()),
            1 => ("location", place.to_string()),
            2 => ("node", node.to_string()),
            _ => ("server", server.to_string()),
        }
    };
    let roles: Vec<Given> = (0..dice.random_range(0..3))
        .map(|_| {
            let (reach, target) = reach(dice);
            let keys = some_keys(dice);
            Given {
                keys,
                reach,
                target,
            }
        })
        .collect();
    let stands = [
        (many.node, None, many.server),
        (many.other_node, Some(place), many.other),
    ];
    stands
        .into_iter()
        .map(|(node, place, server)| Mix {
            owns: dice.random_bool(0.15),
            shared: if dice.random_bool(0.4) {
                some_keys(dice)
            } else {
                KeySet::NONE
            },
            roles: roles.clone(),
            node,
            place,
            server,
        })
        .collect()
}

/// Makes it so, in the database: how rights come there has tests of its own.
async fn arrange(many: &Many, ann: UserId, other: UserId, mixes: &[Mix], place: LocationId) {
    let user = ann.to_string();
    let tx = many.panel.world.app.db.begin(Lane::People).await.unwrap();
    grants::Entity::delete_many().exec(&*tx).await.unwrap();
    roles::Entity::delete_many().exec(&*tx).await.unwrap();
    subusers::Entity::delete_many().exec(&*tx).await.unwrap();
    for role in &mixes[0].roles {
        let id = RoleId::new().to_string();
        let row = roles::ActiveModel {
            second_factor: To(false),
            id: To(id.clone()),
            name: To(id.clone()),
            name_folded: To(id.clone()),
            description: To(String::new()),
            keys: To(json!(role.keys.names())),
            created_at_ms: To(0),
            updated_at_ms: To(0),
        };
        let add = roles::Entity::insert(row).exec_without_returning(&*tx);
        add.await.unwrap();
        let row = grants::ActiveModel {
            id: To(GrantId::new().to_string()),
            user_id: To(user.clone()),
            role_id: To(id),
            reach: To(role.reach.into()),
            reach_id: To(role.target.clone()),
            expires_at_ms: To(None),
            created_by: To(None),
            created_at_ms: To(0),
            login_id: To(None),
        };
        let add = grants::Entity::insert(row).exec_without_returning(&*tx);
        add.await.unwrap();
    }
    for mix in mixes {
        let row = subusers::ActiveModel {
            server_id: To(mix.server.to_string()),
            user_id: To(user.clone()),
            keys: To(json!(mix.shared.names())),
            expires_at_ms: To(None),
            created_by: To(None),
            created_at_ms: To(0),
            updated_at_ms: To(0),
        };
        // A share of nothing is refused where shares are made.
        if !mix.shared.is_empty() {
            let add = subusers::Entity::insert(row).exec_without_returning(&*tx);
            add.await.unwrap();
        }
        let row = nodes::ActiveModel {
            id: To(mix.node.to_string()),
            location_id: To(mix.place.map(|_| place.to_string())),
            ..Default::default()
        };
        nodes::Entity::update(row).exec(&*tx).await.unwrap();
    }
    let row = users::ActiveModel {
        id: To(user),
        granted: To(true),
        shared: To(true),
        ..Default::default()
    };
    users::Entity::update(row).exec(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    for mix in mixes {
        let owner = if mix.owns { ann } else { other };
        own(&many.panel, &mix.server.to_string(), owner).await;
    }
}

fn claims(text: &str) -> Value {
    let body = text.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

struct Visitor<'a> {
    many: &'a Many,
    ann: &'a Person,
    script: &'a Person,
    session: warren_proto::ids::SessionId,
}

impl Visitor<'_> {
    /// Whether this door opens for this key.
    async fn opens(&self, door: Door, mix: &Mix, key: Key) -> Option<bool> {
        let server = mix.server;
        match door {
            Door::Api => self.calls(self.ann, server, key).await,
            Door::ApiKey => self.calls(self.script, server, key).await,
            Door::List => {
                let page = self.ann.get("/servers").await.expect(200);
                let listed = page["items"].to_string().contains(&server.to_string());
                (key == Key::ServerRead).then_some(listed)
            }
            Door::Ticket => {
                let path = format!("/servers/{server}/ticket");
                let answer = self.ann.post(&path, json!({})).await;
                if answer.status.as_u16() != 200 {
                    // None at all without the right to see it live.
                    return (key == Key::WebsocketConnect).then_some(false);
                }
                let ticket = answer.json()["ticket"].as_str().unwrap().to_owned();
                let rights = claims(&ticket)["rights"].clone();
                Some(rights.as_array().unwrap().contains(&json!(key.as_str())))
            }
            Door::Renewal => Some(self.renewed(mix, key).await),
            Door::Mine => {
                let answer = self.ann.post("/tickets/mine", json!({})).await;
                let claims = claims(answer.expect(200)["ticket"].as_str().unwrap());
                let told = claims.to_string().contains(&server.to_string());
                assert!(!claims.to_string().contains("\"all\":true"), "sees no node");
                (key == Key::ServerRead).then_some(told)
            }
            Door::Sftp => {
                let rights = self.by_sftp(server).await;
                let right =
                    key == Key::FileSftp || rights.is_some() && key.as_str().starts_with("file.");
                right.then(|| rights.is_some_and(|rights| rights.contains(&key.as_str().into())))
            }
            Door::Consumer => {
                let made = self.consumer(server).await;
                if let Some(id) = &made {
                    let path = format!("/event-consumers/{id}");
                    self.ann.delete(&path).await.expect(204);
                }
                (key == Key::WebsocketConnect).then_some(made.is_some())
            }
            // Judged after the rights have changed, below.
            Door::Review => None,
        }
    }

    async fn calls(&self, person: &Person, server: ServerId, key: Key) -> Option<bool> {
        let (_, method, path, body) = calls(server).into_iter().find(|c| c.0 == key)?;
        let answer = person.send(method, &path, body).await;
        let status = answer.status.as_u16();
        assert_ne!(status, 429);
        let hidden = status == 404 && answer.text.contains("server not found");
        let denied = status == 403 && answer.text.contains("which you do not have");
        Some(!hidden && !denied)
    }

    /// A ticket that held everything, renewed now.
    async fn renewed(&self, mix: &Mix, key: Key) -> bool {
        let app = &self.many.panel.world.app;
        let iat = app.clock.now_s();
        let ticket = Ticket {
            user: self.ann.id.unwrap(),
            session: self.session,
            scope: Scope::Server {
                server: mix.server,
                node: mix.node,
            },
            rights: KeySet::all().names(),
            upload_bytes: None,
            iat,
            exp: iat + MAX_LIFE_S,
        };
        let ask = wire::TicketRenew {
            ticket: ticket::sign(&app.keys.ticket, &ticket).unwrap(),
        };
        match gate::renew(app, &ask).await {
            Ok(renewed) => claims(&renewed.ticket)["rights"]
                .as_array()
                .unwrap()
                .contains(&json!(key.as_str())),
            Err(_) => false,
        }
    }

    /// What a log-in by SFTP may do, if it is one.
    async fn by_sftp(&self, server: ServerId) -> Option<Vec<String>> {
        let ask = wire::Login {
            login: format!("ann.{server}"),
            address: "127.0.0.1".into(),
            client: "test".into(),
            proof: Some(wire::login::Proof::Password(self.script.key.clone()?)),
        };
        let entered = sftp::log_in(&self.many.panel.world.app, &ask).await.ok()?;
        let rights = claims(&entered.ticket)["rights"].clone();
        serde_json::from_value(rights).ok()
    }

    async fn consumer(&self, server: ServerId) -> Option<String> {
        let wish = json!({"name": "c", "servers": [server.to_string()]});
        let answer = self.ann.post("/event-consumers", wish).await;
        let made = answer.status.as_u16() == 201;
        made.then(|| answer.json()["consumer"]["id"].as_str().unwrap().to_owned())
    }
}

async fn every_door_decides_as_the_model_does(world: World) {
    let many = Many::set(world).await;
    let other = many.panel.account("other", false, false).await;
    let ann = many.panel.logged_in("ann", false).await;
    let made = ann
        .post("/account/api-keys", json!({"name": "script"}))
        .await;
    let mut script = many.panel.nobody();
    script.key = Some(made.expect(201)["secret"].as_str().unwrap().to_owned());
    let sessions = ann.get("/account/sessions").await.expect(200);
    let session = sessions["items"][0]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let made = many
        .admin
        .post("/locations", json!({"name": "there"}))
        .await;
    let place: LocationId = made.expect(201)["id"].as_str().unwrap().parse().unwrap();
    let visitor = Visitor {
        many: &many,
        ann: &ann,
        script: &script,
        session,
    };
    // Those that change nothing when they are let in.
    let keys = [
        Key::ServerRead,
        Key::WebsocketConnect,
        Key::UserRead,
        Key::UserDelete,
        Key::FileRead,
        Key::FileSftp,
    ];
    let mut dice = StdRng::seed_from_u64(SEED);
    let mut seen = [0, 0];
    for round in 0..ROUNDS {
        let mixes = roll(&mut dice, &many, place);
        arrange(&many, ann.id.unwrap(), other, &mixes, place).await;
        let mut consumers = Vec::new();
        for mix in &mixes {
            let key = *keys.choose(&mut dice).unwrap();
            for key in [key, Key::ServerRead, Key::WebsocketConnect, Key::FileSftp] {
                for door in Door::ALL {
                    // A few at a time, so that no request is turned away for their number.
                    let turn = matches!(door, Door::Renewal) || dice.random_bool(0.4);
                    if !turn {
                        continue;
                    }
                    if let Some(opens) = visitor.opens(*door, mix, key).await {
                        let should = may(mix, key);
                        assert_eq!(opens, should, "round {round}, {door:?}, {key}: {mix:#?}");
                        seen[usize::from(opens)] += 1;
                    }
                }
            }
            consumers.push(visitor.consumer(mix.server).await);
        }
        let changed = roll(&mut dice, &many, place);
        arrange(&many, ann.id.unwrap(), other, &changed, place).await;
        review::review(&many.panel.world.app).await.unwrap();
        for (id, mix) in consumers.into_iter().zip(&changed) {
            let Some(id) = id else { continue };
            let lists = ann.get("/event-consumers").await.expect(200);
            let left = lists["items"].to_string().contains(&id);
            let should = may(mix, Key::WebsocketConnect);
            assert_eq!(left, should, "round {round}, {:?}: {mix:#?}", Door::Review);
            if left {
                let path = format!("/event-consumers/{id}");
                ann.delete(&path).await.expect(204);
            }
        }
    }
    assert!(
        seen[0] > 50 && seen[1] > 50,
        "both answers were seen: {seen:?}"
    );
}
