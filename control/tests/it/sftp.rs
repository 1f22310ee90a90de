//! Log-in by SFTP, as a gateway asks for it.

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use warren_control::{app::App, db::Lane, gate, sftp};
use warren_entity::users;
use warren_proto::{ids::ServerId, wire};

use crate::{
    http_panel::{PASSWORD, Panel, Person},
    http_rights::{Many, own},
    on_both, with_two_controls,
    world::World,
};

on_both! {
    a_password_an_api_key_and_an_ssh_key_open_ones_own_files
    nobody_gets_in_without_proof_right_and_server
    a_second_step_is_not_left_out
    a_log_in_ends_with_its_key_and_its_server
}

with_two_controls! {
    every_control_tells_the_same_host_keys
}

struct Key {
    pair: Ed25519KeyPair,
    blob: Vec<u8>,
}

fn put(all: &mut Vec<u8>, part: &[u8]) {
    all.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
    all.extend_from_slice(part);
}

impl Key {
    fn new(seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let mut blob = Vec::new();
        put(&mut blob, b"ssh-ed25519");
        put(&mut blob, pair.public_key().as_ref());
        Self { pair, blob }
    }

    async fn given_to(&self, person: &Person) -> String {
        let line = format!("ssh-ed25519 {} laptop", STANDARD.encode(&self.blob));
        let body = json!({"public_key": line, "current_password": PASSWORD});
        let made = person.post("/account/ssh-keys", body).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    fn shown(&self) -> wire::SshKey {
        wire::SshKey {
            algorithm: "ssh-ed25519".into(),
            blob: self.blob.clone().into(),
        }
    }

    /// What a client signs on a connection.
    fn proof(&self, login: &str, connection: u8) -> wire::login::Proof {
        let mut signed = Vec::new();
        put(&mut signed, &[connection; 32]);
        signed.push(50);
        for part in [login.as_bytes(), b"ssh-connection", b"publickey"] {
            put(&mut signed, part);
        }
        signed.push(1);
        put(&mut signed, b"ssh-ed25519");
        put(&mut signed, &self.blob);
        let mut signature = Vec::new();
        put(&mut signature, b"ssh-ed25519");
        put(&mut signature, self.pair.sign(&signed).as_ref());
        wire::login::Proof::Key(wire::SshProof {
            key: Some(self.shown()),
            session: vec![connection; 32].into(),
            signature: signature.into(),
        })
    }
}

fn word(text: &str) -> wire::login::Proof {
    wire::login::Proof::Password(text.into())
}

async fn enter(
    app: &App,
    login: &str,
    proof: wire::login::Proof,
) -> Result<wire::LoggedIn, String> {
    let ask = wire::Login {
        login: login.into(),
        address: "192.0.2.7".into(),
        client: "OpenSSH_9.2".into(),
        proof: Some(proof),
    };
    let entered = sftp::log_in(app, &ask).await;
    entered.map_err(|error| gate::Error::Login(error).failure().code)
}

fn claims(ticket: &str) -> Value {
    let body = ticket.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

struct Scene {
    many: Many,
    ann: Person,
}

impl Scene {
    async fn set(world: World) -> Self {
        let many = Many::set(world).await;
        let ann = many.panel.logged_in("ann", false).await;
        own(&many.panel, &many.server.to_string(), ann.id.unwrap()).await;
        Self { many, ann }
    }

    fn app(&self) -> &App {
        &self.many.panel.world.app
    }

    fn panel(&self) -> &Panel {
        &self.many.panel
    }

    fn login(&self, name: &str) -> String {
        format!("{name}.{}", self.many.server)
    }

    async fn api_key(&self, more: Value) -> (String, String) {
        let mut body = json!({"name": "robot"});
        let members = body.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        let made = self.ann.post("/account/api-keys", body).await.expect(201);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["key"]["id"]), text(&made["secret"]))
    }

    async fn renew(&self, ticket: &str) -> Result<String, String> {
        let ask = wire::TicketRenew {
            ticket: ticket.into(),
        };
        let renewed = gate::renew(self.app(), &ask).await;
        renewed.map(|r| r.ticket).map_err(|e| e.failure().code)
    }

    async fn ended(&self, ticket: &str) -> bool {
        let session = claims(ticket)["sid"].as_str().unwrap().to_owned();
        let ask = wire::SessionsAsk {
            sessions: vec![session.clone()],
        };
        let answer = gate::sessions(self.app(), &ask).await.unwrap();
        answer.ended == [session]
    }
}

async fn a_password_an_api_key_and_an_ssh_key_open_ones_own_files(world: World) {
    let scene = Scene::set(world).await;
    let app = scene.app();
    let login = scene.login("ann");
    let id = scene.many.server.to_string();
    let by_password = enter(app, &login, word(PASSWORD)).await.unwrap();
    let told = claims(&by_password.ticket);
    let mut rights: Vec<&str> = told["rights"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r.as_str().unwrap())
        .collect();
    rights.sort_unstable();
    let all = [
        "file.create",
        "file.delete",
        "file.read",
        "file.read-content",
        "file.sftp",
        "file.update",
    ];
    assert_eq!(rights, all, "and nothing that is no file's");
    assert_eq!(told["scope"]["server"]["server"], id);
    // By address and short form, whatever the case.
    let short = format!("Ann@Example.NET.{}", &id[id.len() - 8..].to_uppercase());
    enter(app, &short, word(PASSWORD)).await.unwrap();
    let (_, secret) = scene
        .api_key(json!({"keys": ["file.sftp", "file.read"]}))
        .await;
    let narrow = enter(app, &login, word(&secret)).await.unwrap();
    let told = claims(&narrow.ticket);
    assert_eq!(told["rights"], json!(["file.read", "file.sftp"]));
    let key = Key::new(1);
    key.given_to(&scene.ann).await;
    let by_key = enter(app, &login, key.proof(&login, 1)).await.unwrap();
    for entered in [&by_password, &narrow, &by_key] {
        let renewed = scene.renew(&entered.ticket).await.unwrap();
        assert_eq!(
            claims(&renewed)["rights"],
            claims(&entered.ticket)["rights"]
        );
        assert_eq!(entered.name, "one");
    }
    let log = scene
        .many
        .admin
        .get("/audit?action=session.create")
        .await
        .expect(200);
    let log = log["items"].to_string();
    for way in ["password", "api_key", "ssh_key"] {
        assert!(log.contains(&format!("\"by\":\"{way}\"")), "{way} in {log}");
    }
    let seen = scene.ann.get("/account/sessions").await.expect(200);
    assert!(seen["items"].to_string().contains("SFTP: OpenSSH_9.2"));
    let shown = scene
        .ann
        .get(&format!("/servers/{id}/sftp"))
        .await
        .expect(200);
    assert_eq!(shown["username"], format!("ann.{}", &id[id.len() - 8..]));
    assert_eq!(
        (shown["port"].clone(), shown["password"].clone()),
        (json!(2022), json!(true))
    );
    assert!(
        shown["host_keys"][0]["fingerprint"]
            .as_str()
            .unwrap()
            .starts_with("SHA256:")
    );
    let over = wire::Logout {
        ticket: by_key.ticket.clone(),
    };
    sftp::log_out(app, &over).await.unwrap();
    assert!(scene.ended(&by_key.ticket).await && !scene.ended(&by_password.ticket).await);
}

async fn nobody_gets_in_without_proof_right_and_server(world: World) {
    let scene = Scene::set(world).await;
    let app = scene.app();
    let login = scene.login("ann");
    let no = async |login: &str, proof| Box::pin(enter(app, login, proof)).await.unwrap_err();
    let bad = "bad_credentials";
    assert_eq!(no("ann", word(PASSWORD)).await, bad);
    assert_eq!(no(&scene.login("nobody"), word(PASSWORD)).await, bad);
    assert_eq!(
        no(&format!("ann.{}", scene.many.other), word(PASSWORD)).await,
        "not_found"
    );
    assert_eq!(
        no(&format!("ann.{}", ServerId::new()), word(PASSWORD)).await,
        "not_found"
    );
    assert_eq!(no("ann.%", word(PASSWORD)).await, bad);
    // A key of one's own opens nothing under another's name; nor does what was signed for another name or connection.
    let (key, other) = (Key::new(1), Key::new(2));
    key.given_to(&scene.ann).await;
    let mallory = scene.panel().logged_in("mallory", false).await;
    other.given_to(&mallory).await;
    assert_eq!(no(&login, other.proof(&login, 1)).await, bad);
    let theirs = scene.login("mallory");
    assert_eq!(no(&login, key.proof(&theirs, 1)).await, bad);
    assert_eq!(no(&theirs, other.proof(&theirs, 1)).await, "not_found");
    let mut forged = other.proof(&login, 1);
    if let wire::login::Proof::Key(proof) = &mut forged {
        proof.key = Some(key.shown());
    }
    assert_eq!(no(&login, forged).await, bad);
    enter(app, &login, key.proof(&login, 3)).await.unwrap();
    // A gateway that has seen it shows it once more.
    assert_eq!(no(&login, key.proof(&login, 3)).await, bad);
    let asked = |login: &str, key: &Key| {
        let ask = wire::Login {
            login: login.into(),
            ..Default::default()
        };
        let shown = key.shown();
        async move { sftp::offered(app, &ask, &shown).await.is_ok() }
    };
    assert!(asked(&login, &key).await && !asked(&login, &other).await);
    assert!(!asked(&scene.login("nobody"), &key).await);
    // An API key from elsewhere, of somebody else, or for something else.
    let (_, secret) = scene
        .api_key(json!({"addresses": ["198.51.100.0/24"]}))
        .await;
    assert_eq!(no(&login, word(&secret)).await, "address_not_allowed");
    let (_, secret) = scene.api_key(json!({"keys": ["file.read"]})).await;
    assert_eq!(no(&login, word(&secret)).await, "forbidden");
    assert_eq!(no(&theirs, word(&secret)).await, bad);
    // Shared without `file.sftp`.
    scene
        .many
        .share(scene.many.server, "mallory", json!(["file.read"]))
        .await;
    assert_eq!(no(&theirs, word(PASSWORD)).await, "forbidden");
    scene.panel().account("new", false, true).await;
    assert_eq!(
        no(&scene.login("new"), word(PASSWORD)).await,
        "password_change_required"
    );
    let path = format!("/servers/{}", scene.many.server);
    scene
        .many
        .admin
        .patch(&path, json!({"suspended": true}))
        .await
        .expect(200);
    assert_eq!(no(&login, word(PASSWORD)).await, "suspended");
    for _ in 0..4 {
        assert_eq!(no(&login, word("wrong password")).await, bad);
    }
    assert_eq!(no(&login, word("wrong password")).await, bad);
    assert_eq!(no(&login, word(PASSWORD)).await, "too_many_attempts");
}

async fn a_second_step_is_not_left_out(world: World) {
    let scene = Scene::set(world).await;
    let app = scene.app();
    let login = scene.login("ann");
    let key = Key::new(1);
    key.given_to(&scene.ann).await;
    let (_, secret) = scene.api_key(json!({})).await;
    let before = enter(app, &login, word(PASSWORD)).await.unwrap();
    let row = users::ActiveModel {
        id: sea_orm::ActiveValue::Set(scene.ann.id.unwrap().to_string()),
        second_factor: sea_orm::ActiveValue::Set(true),
        ..Default::default()
    };
    let tx = app.db.begin(Lane::People).await.unwrap();
    users::Entity::update(row).exec(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    drop(before);
    let refused = enter(app, &login, word(PASSWORD)).await.unwrap_err();
    assert_eq!(refused, "second_factor_needed");
    enter(app, &login, word(&secret)).await.unwrap();
    enter(app, &login, key.proof(&login, 1)).await.unwrap();
    let shown = scene
        .ann
        .get(&format!("/servers/{}/sftp", scene.many.server))
        .await
        .expect(200);
    assert_eq!(shown["password"], false);
}

async fn a_log_in_ends_with_its_key_and_its_server(world: World) {
    let scene = Scene::set(world).await;
    let app = scene.app();
    let login = scene.login("ann");
    let key = Key::new(1);
    let ssh_key = key.given_to(&scene.ann).await;
    let (api_key, secret) = scene.api_key(json!({})).await;
    let by_ssh_key = enter(app, &login, key.proof(&login, 1))
        .await
        .unwrap()
        .ticket;
    let by_api_key = enter(app, &login, word(&secret)).await.unwrap().ticket;
    let by_password = enter(app, &login, word(PASSWORD)).await.unwrap().ticket;
    let over = async |ticket: &str| {
        assert!(scene.ended(ticket).await);
        assert_eq!(scene.renew(ticket).await.unwrap_err(), "session_ended");
    };
    scene
        .ann
        .delete(&format!("/account/ssh-keys/{ssh_key}"))
        .await
        .expect(204);
    over(&by_ssh_key).await;
    assert!(!scene.ended(&by_api_key).await);
    scene
        .ann
        .delete(&format!("/account/api-keys/{api_key}"))
        .await
        .expect(204);
    over(&by_api_key).await;
    scene.renew(&by_password).await.unwrap();
    let path = format!("/servers/{}", scene.many.server);
    let suspend = async |is: bool| {
        let body = json!({"suspended": is});
        scene.many.admin.patch(&path, body).await.expect(200);
    };
    suspend(true).await;
    over(&by_password).await;
    suspend(false).await;
    let again = enter(app, &login, word(PASSWORD)).await.unwrap().ticket;
    // A right less is one that is not renewed either; without this one nothing is.
    let other = scene.panel().logged_in("ben", false).await;
    scene
        .many
        .share(scene.many.server, "ben", json!(["file.sftp", "file.read"]))
        .await;
    let shared = enter(app, &scene.login("ben"), word(PASSWORD))
        .await
        .unwrap()
        .ticket;
    let share = format!("{path}/users/{}", other.id.unwrap());
    scene
        .ann
        .put(&share, json!({"keys": ["file.read"]}))
        .await
        .expect(200);
    assert_eq!(scene.renew(&shared).await.unwrap_err(), "session_ended");
    scene
        .many
        .admin
        .delete(&format!("{path}?name=one"))
        .await
        .expect(202);
    assert!(scene.ended(&again).await);
}

async fn every_control_tells_the_same_host_keys(world: World) {
    let (first, second) = tokio::join!(
        sftp::host_keys::tell(&world.app),
        sftp::host_keys::tell(&world.others[0])
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.keys, second.keys);
    assert_eq!(first.keys.len(), 2);
    let again = sftp::host_keys::tell(&world.app).await.unwrap();
    assert_eq!(first.keys, again.keys);
}
