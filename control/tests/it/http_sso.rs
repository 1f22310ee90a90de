//! Log-ins at another provider, which keeps to the protocol and can be told not to.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{Form, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use parking_lot::Mutex;
use reqwest::{Method, Url, header};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use warren_control::{
    config::{self, Config, SecondFactorOf},
    db::Lane,
    person::newcomer,
};
use warren_entity::{audit_log, grants, sessions, users};

use crate::{
    http_panel::{Answer, PASSWORD, Panel, Person, with},
    on_both,
    world::World,
};

on_both! {
    whoever_a_provider_vouches_for_gets_in
    nobody_gets_an_account_unless_the_operator_says_so
    what_is_not_to_be_believed_lets_nobody_in
    a_log_in_is_finished_once_and_by_the_browser_that_began_it
    somebody_connects_their_account_and_lets_go_of_it
    roles_come_and_go_with_the_words_of_the_provider
    what_one_provider_says_of_an_address_is_not_what_another_says
    whoever_was_invited_and_comes_by_a_provider_is_who_was_invited
    a_provider_that_is_down_is_said_and_left_alone
    a_log_in_that_took_two_steps_is_enough_for_the_panel
}

const SECRET: &str = "between the two of us";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What the provider tells wrongly of itself or of somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lie {
    None,
    Issuer,
    Audience,
    Nonce,
    Expired,
    Key,
    Unsigned,
    Shared,
    Person,
    NoToken,
}

struct Inside {
    key: EcdsaKeyPair,
    other: EcdsaKeyPair,
    address: SocketAddr,
    claims: Mutex<Value>,
    lie: Mutex<Lie>,
    /// Code to nonce and challenge.
    codes: Mutex<HashMap<String, (String, String)>>,
    /// Requests for what it says of itself.
    asked: Mutex<u32>,
    down: Mutex<bool>,
}

/// A provider on a free port.
#[derive(Clone)]
struct Acme(Arc<Inside>);

fn key() -> EcdsaKeyPair {
    let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap()
}

impl Acme {
    async fn start() -> Self {
        // As main does: control's own client has no provider of its own.
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = Inside {
            key: key(),
            other: key(),
            address: listener.local_addr().unwrap(),
            claims: Mutex::new(json!({})),
            lie: Mutex::new(Lie::None),
            codes: Mutex::default(),
            asked: Mutex::new(0),
            down: Mutex::new(false),
        };
        let acme = Self(Arc::new(inside));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(Self::metadata))
            .route("/jwks", get(Self::jwks))
            .route("/token", post(Self::token))
            .route("/userinfo", get(Self::userinfo))
            .with_state(acme.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        acme
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Somebody whom it knows.
    fn knows(&self, subject: &str, name: &str, verified: bool) {
        *self.0.claims.lock() = json!({
            "sub": subject, "preferred_username": name,
            "email": format!("{name}@example.net"), "email_verified": verified,
        });
    }

    async fn metadata(State(acme): State<Self>) -> Result<Json<Value>, StatusCode> {
        *acme.0.asked.lock() += 1;
        if *acme.0.down.lock() {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let at = |path: &str| format!("{}{path}", acme.issuer());
        Ok(Json(json!({
            "issuer": acme.issuer(),
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            // As a careless one would: what it offers is not what is accepted.
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        })))
    }

    async fn jwks(State(acme): State<Self>) -> Json<Value> {
        let point = acme.0.key.public_key().as_ref();
        Json(json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one",
            "x": b64(&point[1..33]), "y": b64(&point[33..]),
        }]}))
    }

    /// A person says yes at the address that the panel sent them to; what the browser comes back with.
    fn says_yes(&self, url: &str) -> HashMap<String, String> {
        let url = Url::parse(url).unwrap();
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["client_id"], "warren");
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].contains("openid") && asked["scope"].contains("email"));
        let code = b64(rand::random::<[u8; 12]>());
        let kept = (asked["nonce"].clone(), asked["code_challenge"].clone());
        self.0.codes.lock().insert(code.clone(), kept);
        HashMap::from([
            ("code".into(), code),
            ("state".into(), asked["state"].clone()),
        ])
    }

    async fn token(
        State(acme): State<Self>,
        headers: HeaderMap,
        Form(form): Form<HashMap<String, String>>,
    ) -> Result<Json<Value>, StatusCode> {
        let secret = STANDARD.encode(format!("warren:{}", SECRET.replace(' ', "+")));
        let shown = headers
            .get("authorization")
            .map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(shown, Some(format!("Basic {secret}")));
        let kept = acme.0.codes.lock().remove(&form["code"]);
        let (nonce, challenge) = kept.ok_or(StatusCode::BAD_REQUEST)?;
        assert_eq!(b64(Sha256::digest(&form["code_verifier"])), challenge);
        let lie = *acme.0.lie.lock();
        let now = warren_control::clock::Clock::system().now_s();
        let told = |wrong: Lie, lied: &str, right: String| match lie == wrong {
            true => lied.to_owned(),
            false => right,
        };
        let claims = json!({
            "iss": told(Lie::Issuer, "https://id.evil.example", acme.issuer()),
            "aud": told(Lie::Audience, "another", "warren".into()),
            "nonce": told(Lie::Nonce, "of another log-in", nonce),
            "sub": acme.0.claims.lock()["sub"],
            "iat": now - 10,
            "exp": if lie == Lie::Expired { now - 5 } else { now + 60 },
        });
        let mut answer = json!({"access_token": "at", "token_type": "Bearer", "expires_in": 60});
        if lie != Lie::NoToken {
            answer["id_token"] = json!(acme.signed(lie, &claims));
        }
        Ok(Json(answer))
    }

    fn signed(&self, lie: Lie, claims: &Value) -> String {
        let alg = match lie {
            Lie::Unsigned => "none",
            Lie::Shared => "HS256",
            _ => "ES256",
        };
        let head = b64(json!({"alg": alg, "kid": "one", "typ": "JWT"}).to_string());
        let text = format!("{head}.{}", b64(claims.to_string()));
        let key = if lie == Lie::Key {
            &self.0.other
        } else {
            &self.0.key
        };
        let by_key = || b64(key.sign(&SystemRandom::new(), text.as_bytes()).unwrap());
        let signature = match lie {
            Lie::Unsigned => String::new(),
            Lie::Shared => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
                b64(hmac::sign(&key, text.as_bytes()))
            }
            _ => by_key(),
        };
        format!("{text}.{signature}")
    }

    async fn userinfo(State(acme): State<Self>, headers: HeaderMap) -> Json<Value> {
        assert_eq!(headers["authorization"], "Bearer at");
        let mut claims = acme.0.claims.lock().clone();
        if *acme.0.lie.lock() == Lie::Person {
            claims["sub"] = json!("somebody else");
        }
        Json(claims)
    }
}

fn configured(acme: &Acme, change: impl FnOnce(&mut config::Provider)) -> config::Provider {
    let mut provider = config::Provider {
        name: "Acme ID".into(),
        issuer: acme.issuer(),
        client_id: "warren".into(),
        client_secret: SECRET.to_owned().into(),
        scopes: "openid profile email".into(),
        create_accounts: false,
        link_by_email: false,
        two_steps: false,
        roles_claim: "groups".into(),
        roles: Default::default(),
        roles_days: 7,
    };
    change(&mut provider);
    provider
}

async fn open(world: World, acme: &Acme, change: impl FnOnce(&mut config::Provider)) -> Panel {
    let provider = configured(acme, change);
    let world = with(world, |config: &mut Config| {
        config.sso.insert("acme".into(), provider);
    });
    Panel::open(world).await
}

/// A browser on its way to the provider and back.
struct Browser {
    person: Person,
    /// Provider id.
    by: String,
    away: String,
}

fn cookies(answer: &Answer) -> HashMap<String, String> {
    let lines = answer.headers.get_all(header::SET_COOKIE).iter();
    let pairs = lines.filter_map(|line| {
        let line = line.to_str().unwrap();
        assert!(
            line.contains("HttpOnly") && line.contains("SameSite=Lax"),
            "{line}"
        );
        let (name, rest) = line.split_once('=')?;
        Some((name.to_owned(), rest.split(';').next()?.to_owned()))
    });
    pairs.collect()
}

impl Browser {
    /// Begins at `path`; gives where the provider is to be found.
    async fn begin(person: Person, path: &str, body: Value) -> (Self, String) {
        let answer = person.post(path, body).await;
        let away = cookies(&answer).remove("warren-away").unwrap();
        let url = answer.expect(200)["url"].as_str().unwrap().to_owned();
        let by = path
            .strip_prefix("/session/sso/")
            .unwrap_or("acme")
            .to_owned();
        (Self { person, by, away }, url)
    }

    async fn back(&self, with: &HashMap<String, String>) -> Answer {
        let mut jar = format!("warren-away={}", self.away);
        if let Some(session) = &self.person.cookie {
            jar = format!("{jar}; warren={session}");
        }
        let mut person = self.person.clone();
        person.cookie = None;
        let query = Url::parse_with_params("http://x/", with).unwrap();
        let path = format!(
            "/api/v1/session/sso/{}/callback?{}",
            self.by,
            query.query().unwrap()
        );
        let request = person
            .request(Method::GET, &path)
            .header(header::COOKIE, jar);
        // As a browser that another site's page sends here.
        let request = request.header("sec-fetch-site", "cross-site");
        Answer::of(request.send().await.unwrap()).await
    }
}

/// Where an answer sends the browser.
#[track_caller]
fn sent(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    answer.headers[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned()
}

/// A whole log-in: the page that it ends on, and who is in.
async fn log_in(panel: &Panel, acme: &Acme) -> (String, Person) {
    log_in_by(panel, acme, "acme").await
}

async fn log_in_by(panel: &Panel, acme: &Acme, id: &str) -> (String, Person) {
    let (path, body) = (
        format!("/session/sso/{id}"),
        json!({"next": "/servers?page=2"}),
    );
    let (mut browser, url) = Browser::begin(panel.nobody(), &path, body).await;
    let answer = browser.back(&acme.says_yes(&url)).await;
    let mut set = cookies(&answer);
    assert_eq!(set.remove("warren-away").as_deref(), Some(""), "{answer:?}");
    browser.person.cookie = set.remove("warren");
    (sent(&answer), browser.person)
}

async fn whoever_a_provider_vouches_for_gets_in(world: World) {
    let acme = Acme::start().await;
    let panel = open(world, &acme, |p| p.create_accounts = true).await;
    let list = panel.nobody().get("/session/providers").await.expect(200);
    assert_eq!(list["items"], json!([{"id": "acme", "name": "Acme ID"}]));
    panel.account("ann", false, false).await;
    acme.knows("7", "ann", true);
    // Somebody here has that address already, and nobody said that this makes them the same.
    assert_eq!(log_in(&panel, &acme).await.0, "/login?sso=email_taken");
    *acme.0.claims.lock() = json!({
        "sub": "8", "preferred_username": "ann", "email": "ann@corp.example", "email_verified": true,
    });
    let (page, person) = log_in(&panel, &acme).await;
    assert_eq!(page, "/servers?page=2");
    let me = person.get("/session").await.expect(200);
    assert_eq!(
        (&me["user"]["username"], &me["user"]["admin"]),
        (&json!("ann2"), &json!(false))
    );
    // The next time it is the same person, whatever they are called by then.
    acme.knows("8", "annika", false);
    let (_, again) = log_in(&panel, &acme).await;
    let same = again.get("/session").await.expect(200);
    assert_eq!(same["user"]["id"], me["user"]["id"]);
    let logins = again.get("/account/logins").await.expect(200);
    let login = &logins["items"][0];
    assert_eq!(
        (&login["provider_name"], &login["name"]),
        (&json!("Acme ID"), &json!("annika@example.net"))
    );
    assert!(login["last_used_at"].is_string());
    // No password lets anybody in there, and what wants one says so.
    let mut guess = panel.nobody();
    for password in ["", "!", PASSWORD] {
        assert_eq!(
            guess.log_in("ann2", password).await.problem(401),
            "bad_credentials"
        );
    }
    assert_eq!(me["user"]["has_password"], false);
    let mine = again.get("/account/sessions").await.expect(200);
    for session in mine["items"].as_array().unwrap() {
        aged(&panel, session["id"].as_str().unwrap(), 11).await;
    }
    let ask = json!({"current_password": "!", "new_password": "a warren of many burrows"});
    let late = again.put("/account/password", ask.clone()).await;
    assert_eq!(late.problem(403), "fresh_session_needed");
    let only = format!("/account/logins/{}", login["id"].as_str().unwrap());
    assert_eq!(again.delete(&only).await.problem(409), "last_way_in");
    // A log-in of this moment stands for it; from then on there is one.
    let (_, fresh) = log_in(&panel, &acme).await;
    fresh
        .put("/account/password", ask.clone())
        .await
        .expect(204);
    let wrong = fresh.put("/account/password", ask).await;
    assert_eq!(wrong.fields(), ["current_password wrong"]);
    guess
        .log_in("ann2", "a warren of many burrows")
        .await
        .expect(200);
    // Suspended is suspended.
    let root = panel.as_admin().await;
    let id = me["user"]["id"].as_str().unwrap();
    let path = format!("/users/{id}/suspension");
    root.put(&path, json!({"reason": "unpaid"}))
        .await
        .expect(200);
    assert_eq!(
        log_in(&panel, &acme).await.0,
        "/login?sso=account_suspended"
    );
    root.delete(&path).await.expect(200);
    let rows = audit_log::Entity::find()
        .filter(audit_log::Column::Action.is_in(["session.create", "person.create"]))
        .filter(
            audit_log::Column::ActorId
                .is_null()
                .or(audit_log::Column::ActorId.eq(id)),
        )
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    let told = rows
        .iter()
        .filter(|row| format!("{:?}", row.diff).contains("Acme ID"));
    assert_eq!(told.count(), 4, "{rows:?}");
}

async fn nobody_gets_an_account_unless_the_operator_says_so(world: World) {
    let acme = Acme::start().await;
    let panel = open(world, &acme, |p| p.link_by_email = true).await;
    let ann = panel.account("ann", false, false).await;
    panel.account("root", true, false).await;
    acme.knows("1", "bob", true);
    assert_eq!(log_in(&panel, &acme).await.0, "/login?sso=unknown_account");
    // An address that nobody has looked at, and an admin's.
    acme.knows("2", "ann", false);
    assert_eq!(log_in(&panel, &acme).await.0, "/login?sso=email_unverified");
    acme.knows("3", "root", true);
    assert_eq!(log_in(&panel, &acme).await.0, "/login?sso=email_taken");
    // Somebody typed that address to lie in wait for whoever it belongs to: nobody has shown that it is theirs.
    acme.knows("4", "ann", true);
    assert_eq!(log_in(&panel, &acme).await.0, "/login?sso=email_taken");
    shown(&panel, &ann.to_string()).await;
    let (page, person) = log_in(&panel, &acme).await;
    assert_eq!(page, "/servers?page=2");
    let me = person.get("/session").await.expect(200);
    assert_eq!(me["user"]["id"], ann.to_string());
    // An address that looks the same when it is folded.
    acme.knows("5", "\u{212a}im", true);
    assert_eq!(log_in(&panel, &acme).await.0, "/login?sso=email_unverified");
    acme.knows("4", "ann", true);
    // Made an admin since: the provider's word is not enough any more, the person's own is.
    let boss = panel.logged_in("boss", true).await;
    let path = format!("/users/{ann}");
    boss.patch(&path, json!({"admin": true})).await.expect(200);
    assert_eq!(log_in(&panel, &acme).await.0, "/login?sso=email_taken");
    boss.patch(&path, json!({"admin": false})).await.expect(200);
    // Another address is nobody's until it is shown anew.
    let moved = json!({"email": "ann@other.example"});
    boss.patch(&path, moved).await.expect(200);
    let row = users::Entity::find_by_id(ann.to_string()).one(panel.world.app.db.read());
    assert!(!row.await.unwrap().unwrap().email_verified);
    let count = users::Entity::find()
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(count.len(), 3, "nobody was made");
    // A password that is reset takes the connection with it: somebody who had got in may have made it.
    let root = {
        let mut root = panel.nobody();
        root.log_in("root", PASSWORD).await.expect(200);
        root
    };
    root.post(&format!("/users/{ann}/password"), json!({}))
        .await
        .expect(201);
    let list = linked(&panel, &ann.to_string()).await;
    assert_eq!(list, 0);
}

/// As a link in a mail that was used shows it.
async fn shown(panel: &Panel, user: &str) {
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    users::Entity::update_many()
        .col_expr(users::Column::EmailVerified, Expr::value(true))
        .filter(users::Column::Id.eq(user))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// A log-in that was so many minutes ago.
async fn aged(panel: &Panel, session: &str, minutes: i64) {
    let app = &panel.world.app;
    let tx = app.db.begin(Lane::People).await.unwrap();
    let before = app.clock.now_ms() - minutes * 60_000;
    sessions::Entity::update_many()
        .col_expr(sessions::Column::CreatedAtMs, Expr::value(before))
        .filter(sessions::Column::Id.eq(session))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn linked(panel: &Panel, user: &str) -> usize {
    use warren_entity::linked_logins::{Column, Entity};
    let rows = Entity::find().filter(Column::UserId.eq(user));
    rows.all(panel.world.app.db.read()).await.unwrap().len()
}

async fn what_is_not_to_be_believed_lets_nobody_in(world: World) {
    let acme = Acme::start().await;
    let panel = open(world, &acme, |p| p.create_accounts = true).await;
    acme.knows("7", "ann", true);
    for lie in [
        Lie::Issuer,
        Lie::Audience,
        Lie::Nonce,
        Lie::Expired,
        Lie::Key,
        Lie::Unsigned,
        Lie::Shared,
        Lie::Person,
        Lie::NoToken,
    ] {
        *acme.0.lie.lock() = lie;
        let (page, person) = log_in(&panel, &acme).await;
        assert_eq!(
            (page.as_str(), person.cookie),
            ("/login?sso=refused", None),
            "{lie:?}"
        );
    }
    let made = users::Entity::find()
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    assert!(made.is_empty(), "{made:?}");
    *acme.0.lie.lock() = Lie::None;
    let (mut browser, url) = Browser::begin(panel.nobody(), "/session/sso/acme", json!({})).await;
    let mut no = acme.says_yes(&url);
    no.remove("code");
    no.insert("error".into(), "access_denied".into());
    assert_eq!(sent(&browser.back(&no).await), "/login?sso=refused");
    // A code that another provider gave (mix-up), and one that is none.
    let mut mixed = acme.says_yes(&url);
    mixed.insert("iss".into(), "https://id.evil.example".into());
    assert_eq!(sent(&browser.back(&mixed).await), "/login?sso=refused");
    let mut none = acme.says_yes(&url);
    none.insert("code".into(), "made up".into());
    assert_eq!(sent(&browser.back(&none).await), "/login?sso=refused");
    // None of it used the log-in up.
    browser.person = panel.nobody();
    assert_eq!(sent(&browser.back(&acme.says_yes(&url)).await), "/");
    for next in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "x",
    ] {
        let refused = panel
            .nobody()
            .post("/session/sso/acme", json!({"next": next}))
            .await;
        assert_eq!(refused.fields(), ["next invalid"]);
    }
    let unknown = panel.nobody().post("/session/sso/other", json!({})).await;
    assert_eq!(unknown.problem(404), "not_found");
}

async fn a_log_in_is_finished_once_and_by_the_browser_that_began_it(world: World) {
    let acme = Acme::start().await;
    let panel = open(world, &acme, |p| p.create_accounts = true).await;
    acme.knows("7", "mallory", true);
    let (browser, url) = Browser::begin(panel.nobody(), "/session/sso/acme", json!({})).await;
    let yes = acme.says_yes(&url);
    // Somebody is lured to the address that ends another's log-in: they would work in that account.
    let lured = Browser {
        person: panel.nobody(),
        by: "acme".into(),
        away: "0".repeat(43),
    };
    assert_eq!(sent(&lured.back(&yes).await), "/login?sso=expired");
    let (other, _) = Browser::begin(panel.nobody(), "/session/sso/acme", json!({})).await;
    assert_eq!(sent(&other.back(&yes).await), "/login?sso=expired");
    assert_eq!(sent(&browser.back(&yes).await), "/");
    // The same answer, with a code that would be good.
    let mut again = acme.says_yes(&url);
    again.insert("state".into(), yes["state"].clone());
    assert_eq!(sent(&browser.back(&again).await), "/login?sso=expired");
    let mut forged = yes.clone();
    forged.insert("state".into(), "forged".into());
    assert_eq!(sent(&browser.back(&forged).await), "/login?sso=expired");
    assert_eq!(
        sent(
            &browser
                .back(&HashMap::from([("x".into(), "y".into())]))
                .await
        ),
        "/login?sso=expired"
    );
}

async fn somebody_connects_their_account_and_lets_go_of_it(world: World) {
    let acme = Acme::start().await;
    let panel = open(world, &acme, |_| {}).await;
    let ann = panel.logged_in("ann", false).await;
    let bob = panel.logged_in("bob", false).await;
    acme.knows("7", "corporate", true);
    let path = "/account/logins";
    let wrong = ann
        .post(
            path,
            json!({"provider": "acme", "current_password": "guess"}),
        )
        .await;
    assert_eq!(wrong.fields(), ["current_password wrong"]);
    let ask = json!({"provider": "acme", "current_password": PASSWORD});
    let (browser, url) = Browser::begin(ann.clone(), path, ask.clone()).await;
    let yes = acme.says_yes(&url);
    // In the session that began it alone: another one, or none, is not the one that showed its password.
    let mut other = panel.nobody();
    other.log_in("ann", PASSWORD).await.expect(200);
    for person in [other, bob.clone(), panel.nobody()] {
        let swapped = Browser {
            person,
            by: "acme".into(),
            away: browser.away.clone(),
        };
        assert_eq!(
            sent(&swapped.back(&acme_again(&acme, &url, &yes)).await),
            "/account?sso=expired"
        );
    }
    assert_eq!(sent(&browser.back(&yes).await), "/account");
    let (page, person) = log_in(&panel, &acme).await;
    assert_eq!(page, "/servers?page=2");
    assert_eq!(
        person.get("/session").await.expect(200)["user"]["username"],
        "ann"
    );
    // One log-in there is one person's here.
    let (browser, url) = Browser::begin(bob, path, ask).await;
    assert_eq!(
        sent(&browser.back(&acme.says_yes(&url)).await),
        "/account?sso=linked_elsewhere"
    );
    let list = ann.get("/account/logins").await.expect(200);
    let one = format!(
        "/account/logins/{}",
        list["items"][0]["id"].as_str().unwrap()
    );
    assert_eq!(browser.person.delete(&one).await.problem(404), "not_found");
    ann.delete(&one).await.expect(204);
    assert_eq!(log_in(&panel, &acme).await.0, "/login?sso=unknown_account");
}

/// The same answer with a fresh code: the provider gives each away once.
fn acme_again(acme: &Acme, url: &str, yes: &HashMap<String, String>) -> HashMap<String, String> {
    let mut again = acme.says_yes(url);
    again.insert("state".into(), yes["state"].clone());
    again
}

async fn roles_come_and_go_with_the_words_of_the_provider(world: World) {
    let acme = Acme::start().await;
    let panel = open(world, &acme, |p| {
        p.create_accounts = true;
        p.roles.insert("team".into(), "Operators".into());
        p.roles.insert("audit".into(), "Auditors".into());
        p.roles.insert("ghosts".into(), "No such role".into());
    })
    .await;
    let root = panel.as_admin().await;
    for (name, key) in [("Operators", "node.read"), ("Auditors", "audit.read")] {
        let body = json!({"name": name, "keys": [key]});
        root.post("/roles", body).await.expect(201);
    }
    let words = |words: Value| {
        acme.knows("7", "ann", true);
        acme.0.claims.lock()["groups"] = words;
    };
    words(json!(["team", "ghosts", "others"]));
    let (_, first) = log_in(&panel, &acme).await;
    let me = first.get("/session").await.expect(200);
    assert_eq!(me["permissions"], json!(["node.read"]));
    // It ends a week after the last log-in that brought it: whoever has lost the word just stays away.
    let given = grants::Entity::find()
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    let week = 7 * 24 * 3600 * 1000;
    let ends = given[0].expires_at_ms.unwrap() - panel.world.app.clock.now_ms();
    assert!((week - 60_000..=week).contains(&ends), "{ends}");
    // Another word: the session that is open loses what went, too.
    words(json!(["audit"]));
    let (_, second) = log_in(&panel, &acme).await;
    for person in [&first, &second] {
        let now = person.get("/session").await.expect(200);
        assert_eq!(now["permissions"], json!(["audit.read"]));
    }
    // What somebody gave by hand stays when the word goes.
    let id = me["user"]["id"].as_str().unwrap();
    let roles = root.get("/roles").await.expect(200);
    let of = |name: &str| {
        let all = roles["items"].as_array().unwrap();
        let one = all.iter().find(|r| r["name"] == name).unwrap();
        one["id"].as_str().unwrap().to_owned()
    };
    let body = json!({"user": id, "reach": "everything"});
    root.post(&format!("/roles/{}/grants", of("Operators")), body)
        .await
        .expect(201);
    words(json!("team"));
    log_in(&panel, &acme).await;
    log_in(&panel, &acme).await;
    let noted = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("role.grant"))
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(
        noted.len(),
        5,
        "given, taken, given, by hand, taken: {noted:?}"
    );
    words(json!([]));
    log_in(&panel, &acme).await;
    let now = first.get("/session").await.expect(200);
    assert_eq!(now["permissions"], json!(["node.read"]));
    // With the connection the rest of what came by it goes.
    words(json!(["audit"]));
    log_in(&panel, &acme).await;
    root.post(&format!("/users/{id}/password"), json!({}))
        .await
        .expect(201);
    let left = grants::Entity::find()
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].login_id, None);
}

async fn a_provider_that_is_down_is_said_and_left_alone(world: World) {
    let acme = Acme::start().await;
    let panel = open(world, &acme, |_| {}).await;
    *acme.0.down.lock() = true;
    for _ in 0..20 {
        let answer = panel.nobody().post("/session/sso/acme", json!({})).await;
        assert_eq!(answer.problem(502), "provider_unreachable");
    }
    assert_eq!(
        *acme.0.asked.lock(),
        1,
        "strangers do not make control ask and ask"
    );
}

async fn a_log_in_that_took_two_steps_is_enough_for_the_panel(world: World) {
    let acme = Acme::start().await;
    let world = with(world, |config: &mut Config| {
        config.second_factor_of = SecondFactorOf::Everyone;
        let weak = configured(&acme, |p| p.create_accounts = true);
        config.sso.insert("weak".into(), weak);
    });
    let panel = open(world, &acme, |p| p.two_steps = true).await;
    acme.knows("7", "ann", true);
    let (_, person) = log_in_by(&panel, &acme, "weak").await;
    let me = person.get("/session").await.expect(200);
    assert_eq!(me["second_factor_wanted_by"], "panel");
    assert_eq!(
        person.get("/servers").await.problem(403),
        "second_factor_required"
    );
    let (_, person) = log_in(&panel, &acme).await;
    let me = person.get("/session").await.expect(200);
    assert_eq!(me["second_factor_wanted_by"], Value::Null);
    person.get("/servers").await.expect(200);
    // Whoever has an app is not let in by one step alone, or the provider's password would be enough.
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    users::Entity::update_many()
        .col_expr(users::Column::SecondFactor, Expr::value(true))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        log_in_by(&panel, &acme, "weak").await.0,
        "/login?sso=second_factor_needed"
    );
    assert_eq!(log_in(&panel, &acme).await.0, "/servers?page=2");
}

async fn what_one_provider_says_of_an_address_is_not_what_another_says(world: World) {
    let (lax, strict) = (Acme::start().await, Acme::start().await);
    let world = with(world, |config: &mut Config| {
        let links = configured(&strict, |p| p.link_by_email = true);
        config.sso.insert("strict".into(), links);
    });
    let panel = open(world, &lax, |p| p.create_accounts = true).await;
    // Whoever runs the lax one says what they like of addresses.
    lax.knows("7", "boss", true);
    assert_eq!(log_in(&panel, &lax).await.0, "/servers?page=2");
    strict.knows("1", "boss", true);
    assert_eq!(
        log_in_by(&panel, &strict, "strict").await.0,
        "/login?sso=email_taken"
    );
}

async fn whoever_was_invited_and_comes_by_a_provider_is_who_was_invited(world: World) {
    let acme = Acme::start().await;
    let panel = open(world, &acme, |p| p.create_accounts = true).await;
    let app = &panel.world.app;
    let tx = app.db.begin(Lane::People).await.unwrap();
    let now_ms = app.clock.now_ms();
    let made = newcomer::make(&*tx, "boss", "boss@example.net", false, now_ms).await;
    let made = made.unwrap().unwrap();
    tx.commit().await.unwrap();
    acme.knows("7", "ceo", true);
    acme.0.claims.lock()["email"] = json!("Boss@example.net");
    // Nobody keeps them out by having invited them.
    let (page, person) = log_in(&panel, &acme).await;
    assert_eq!(page, "/servers?page=2");
    let me = person.get("/session").await.expect(200);
    assert_eq!(
        (&me["user"]["id"], &me["user"]["email_verified"]),
        (&json!(made.id), &json!(true))
    );
    // An app goes with a password: by one step they would not be let in any more, and nothing else lets them in.
    let ask = json!({"current_password": ""});
    let none = person.post("/account/second-factor", ask).await;
    assert_eq!(none.problem(409), "password_needed");
}
