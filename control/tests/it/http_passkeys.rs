//! Passkeys, with a device that keeps to the protocol and can be told not to.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, header};
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use warren_control::{
    auth::{offer, password::NO_PASSWORD},
    db::Lane,
};
use warren_entity::{audit_log, users};

use crate::{
    http_panel::{Answer, PASSWORD, Panel, Person},
    on_both, with_two_controls,
    world::World,
};

on_both! {
    a_passkey_logs_in_without_a_password_and_a_code
    an_answer_is_good_once_and_for_its_own_offer
    a_device_that_lies_gets_nowhere
    passkeys_end_with_what_else_lets_somebody_in
    only_a_log_in_with_the_password_makes_one
    nobody_has_more_than_twenty_and_no_device_is_kept_twice
    the_only_way_in_stays
}

with_two_controls! {
    an_answer_that_is_shown_to_both_controls_at_once_is_good_once
}

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const SHARED: u8 = 0x08 | 0x10;
const ATTESTED: u8 = 0x40;

/// What a phone keeps of one passkey.
struct Device {
    pair: EcdsaKeyPair,
    id: Vec<u8>,
    /// Who its owner is to the panel.
    owner: Value,
    counter: u32,
    flags: u8,
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a browser puts in front of the device: what is done, for which challenge, on which page.
fn client_data(kind: &str, options: &Value, origin: &str) -> Vec<u8> {
    let data = json!({
        "type": format!("webauthn.{kind}"),
        "challenge": options["challenge"],
        "origin": origin,
        "crossOrigin": false,
    });
    data.to_string().into_bytes()
}

impl Device {
    fn new(options: &Value) -> Self {
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        let mut id = vec![0; 32];
        random.fill(&mut id).unwrap();
        Self {
            pair: EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).unwrap(),
            id,
            owner: options["user"]["id"].clone(),
            counter: 0,
            flags: PRESENT | VERIFIED,
        }
    }

    /// `authenticatorData`: of which panel, what was asked of its owner, how often it signed.
    fn data(&mut self, host: &str, extra: u8) -> Vec<u8> {
        self.counter += 1;
        let mut data = Sha256::digest(host.as_bytes()).to_vec();
        data.push(self.flags | extra);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// Its public key as COSE has it.
    fn public(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 0x20]);
        cose.extend(&point[33..]);
        cose
    }

    fn make(&mut self, options: &Value, origin: &str) -> Value {
        let host = options["rp"]["id"].as_str().unwrap();
        let mut data = self.data(host, ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.public());
        let mut attested = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        attested.push(u8::try_from(data.len()).unwrap());
        attested.extend(data);
        json!({
            "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {"credProps": {"rk": true}},
            "response": {
                "clientDataJSON": b64(&client_data("create", options, origin)),
                "attestationObject": b64(&attested),
                "transports": ["internal"],
            },
        })
    }

    fn answer(&mut self, options: &Value, origin: &str) -> Value {
        let host = options["rpId"].as_str().unwrap().to_owned();
        let data = self.data(&host, 0);
        let client = client_data("get", options, origin);
        let signed = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": b64(&client),
                "authenticatorData": b64(&data),
                "signature": b64(signature.as_ref()),
                "userHandle": self.owner,
            },
        })
    }
}

/// Somebody whose browser opened the panel by a name.
struct Browser {
    person: Person,
    name: &'static str,
}

impl Browser {
    fn of(person: Person) -> Self {
        let name = "localhost";
        Self { person, name }
    }

    fn host(&self) -> String {
        format!("{}:{}", self.name, self.person.address.port())
    }

    fn origin(&self) -> String {
        format!("http://{}", self.host())
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self
            .person
            .request(method, &format!("/api/v1{path}"))
            .header(header::HOST, self.host())
            .header(header::ORIGIN, self.origin());
        Answer::of(request.json(&body).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    async fn offer(&self) -> Value {
        let ask = json!({"current_password": PASSWORD});
        self.post("/account/passkeys/offer", ask).await.expect(200)
    }

    async fn keep(&self, offer: &Value, credential: Value) -> Answer {
        let body = json!({"name": "Phone", "state": offer["state"], "credential": credential});
        self.post("/account/passkeys", body).await
    }

    async fn make(&self) -> (Device, Value) {
        let offer = self.offer().await;
        let mut device = Device::new(&offer["options"]);
        let made = device.make(&offer["options"], &self.origin());
        let kept = self.keep(&offer, made).await.expect(201);
        (device, kept)
    }

    async fn offer_log_in(&self) -> Value {
        self.post("/session/passkey/offer", json!({}))
            .await
            .expect(200)
    }

    async fn show(&self, offer: &Value, credential: &Value) -> Answer {
        let body = json!({"state": offer["state"], "credential": credential});
        self.post("/session/passkey", body).await
    }

    async fn log_in(&self, device: &mut Device) -> Answer {
        let offer = self.offer_log_in().await;
        let answer = device.answer(&offer["options"], &self.origin());
        self.show(&offer, &answer).await
    }
}

async fn ann(panel: &Panel) -> Browser {
    Browser::of(panel.logged_in("ann", false).await)
}

fn nobody(panel: &Panel) -> Browser {
    Browser::of(panel.nobody())
}

async fn a_passkey_logs_in_without_a_password_and_a_code(world: World) {
    let panel = Panel::open(world).await;
    let ann = ann(&panel).await;
    let offer = ann.offer().await;
    // It must be found without a name, and its owner must be asked for more than to be there.
    let choice = &offer["options"]["authenticatorSelection"];
    assert_eq!(choice["residentKey"], "required");
    assert_eq!(choice["userVerification"], "required");
    let (mut device, kept) = ann.make().await;
    assert_eq!(
        (&kept["name"], &kept["host"]),
        (&json!("Phone"), &json!("localhost"))
    );
    assert_eq!(
        (&kept["synced"], &kept["last_used_at"]),
        (&json!(false), &Value::Null)
    );
    // An app is set up beside it: the passkey asks for no code all the same.
    let begin = json!({"current_password": PASSWORD});
    let scanned = ann.post("/account/second-factor", begin).await.expect(201);
    let app = totp_rs::TOTP::from_url(scanned["uri"].as_str().unwrap()).unwrap();
    let code = json!({"code": app.generate_current().unwrap()});
    ann.person
        .put("/account/second-factor", code)
        .await
        .expect(200);

    let mut browser = nobody(&panel);
    let answer = browser.log_in(&mut device).await;
    let line = answer.headers[header::SET_COOKIE]
        .to_str()
        .unwrap()
        .to_owned();
    let user = answer.expect(200);
    assert_eq!(user["user"]["username"], "ann");
    assert!(
        line.contains("HttpOnly") && line.contains("SameSite=Lax"),
        "{line}"
    );
    let token = line.trim_start_matches("warren=").split(';').next();
    browser.person.cookie = token.map(str::to_owned);
    let list = browser.person.get("/account/passkeys").await.expect(200);
    assert!(list["items"][0]["last_used_at"].is_string(), "{list}");
    // The log-in stands in the audit log with the passkey's name.
    let rows = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("session.create"))
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    let diffs: Vec<String> = rows.iter().map(|row| format!("{:?}", row.diff)).collect();
    assert!(diffs.iter().any(|d| d.contains("Phone")), "{diffs:?}");
    // Another name, and none at all.
    let path = format!("/account/passkeys/{}", kept["id"].as_str().unwrap());
    let renamed = browser
        .person
        .patch(&path, json!({"name": "Old phone"}))
        .await;
    assert_eq!(renamed.expect(200)["name"], "Old phone");
    let empty = browser.person.patch(&path, json!({"name": " "})).await;
    assert_eq!(empty.fields(), ["name required"]);
    browser.person.delete(&path).await.expect(204);
    assert_eq!(
        browser.log_in(&mut device).await.problem(401),
        "bad_passkey"
    );
}

async fn an_answer_is_good_once_and_for_its_own_offer(world: World) {
    let panel = Panel::open(world).await;
    let ann = ann(&panel).await;
    let (mut device, _) = ann.make().await;
    let browser = nobody(&panel);
    let offer = browser.offer_log_in().await;
    let answer = device.answer(&offer["options"], &browser.origin());
    // Of another offer; and of none.
    let other = browser.offer_log_in().await;
    assert_eq!(
        browser.show(&other, &answer).await.problem(401),
        "bad_passkey"
    );
    let forged = json!({"state": "AAAA"});
    assert_eq!(
        browser.show(&forged, &answer).await.fields(),
        ["state expired"]
    );
    browser.show(&offer, &answer).await.expect(200);
    assert_eq!(
        browser.show(&offer, &answer).await.problem(401),
        "bad_passkey"
    );
    // Under another name of the panel neither offer nor passkey is good.
    let elsewhere = Browser {
        name: "panel.localhost",
        ..nobody(&panel)
    };
    let offer = browser.offer_log_in().await;
    let answer = device.answer(&offer["options"], &browser.origin());
    assert_eq!(
        elsewhere.show(&offer, &answer).await.fields(),
        ["state expired"]
    );
    assert_eq!(
        elsewhere.log_in(&mut device).await.problem(401),
        "bad_passkey"
    );
    // An offer to make one logs nobody in, and the other way round.
    let making = ann.offer().await;
    assert_eq!(
        browser.show(&making, &answer).await.fields(),
        ["state expired"]
    );
    let made = Device::new(&making["options"]).make(&making["options"], &ann.origin());
    let mixed = ann.keep(&offer, made).await;
    assert_eq!(mixed.fields(), ["state expired"]);
    // One that is five minutes old.
    let app = &panel.world.app;
    let now_ms = app.clock.now_ms();
    let text = browser.offer_log_in().await;
    let what = offer::open::<Value>(
        app,
        "passkey_log_in",
        text["state"].as_str().unwrap(),
        now_ms,
    );
    let what = what.unwrap().what;
    let aged = |at_ms| offer::make(app, "passkey_log_in", what.clone(), at_ms).unwrap();
    let late = json!({"state": aged(now_ms - offer::GOOD_MS), "options": text["options"]});
    let answer = device.answer(&late["options"], &browser.origin());
    assert_eq!(
        browser.show(&late, &answer).await.fields(),
        ["state expired"]
    );
    let in_time = json!({"state": aged(now_ms), "options": text["options"]});
    browser.show(&in_time, &answer).await.expect(200);
}

async fn a_device_that_lies_gets_nowhere(world: World) {
    let panel = Panel::open(world).await;
    let ann = ann(&panel).await;
    let (mut device, _) = ann.make().await;
    let browser = nobody(&panel);
    browser.log_in(&mut device).await.expect(200);
    // Made before: whoever has failed so often can't show the password either.
    let mut devices = Vec::new();
    for _ in 0..6 {
        devices.push(ann.make().await.0);
    }
    let devices = std::cell::RefCell::new(devices);
    let refused = async |change: &dyn Fn(&mut Device, &Value) -> Value| {
        let mut device = devices.borrow_mut().pop().unwrap();
        let offer = browser.offer_log_in().await;
        let answer = change(&mut device, &offer["options"]);
        browser.show(&offer, &answer).await.problem(401)
    };
    let origin = browser.origin();
    let here = &origin;
    // A page of somebody else that passes our offer on.
    let phished = refused(&|d, options| d.answer(options, "http://localhost.evil.example")).await;
    assert_eq!(phished, "bad_passkey");
    // Nobody was asked for a finger or a PIN.
    let unasked = refused(&|d, options| {
        d.flags = PRESENT;
        d.answer(options, here)
    })
    .await;
    assert_eq!(unasked, "bad_passkey");
    // A copy whose counter lags behind.
    let copied = refused(&|d, options| {
        d.counter -= 1;
        d.answer(options, here)
    })
    .await;
    assert_eq!(copied, "bad_passkey");
    let forged = refused(&|d, options| {
        let mut answer = d.answer(options, here);
        let other = Device::new(&json!({"user": {"id": d.owner}})).answer(options, here);
        answer["response"]["signature"] = other["response"]["signature"].clone();
        answer
    })
    .await;
    assert_eq!(forged, "bad_passkey");
    // In another's name.
    let bob = panel.account("bob", true, false).await;
    let swapped = refused(&|d, options| {
        d.owner = json!(b64(&bob.bits().to_be_bytes()));
        d.answer(options, here)
    })
    .await;
    assert_eq!(swapped, "bad_passkey");
    let unknown = refused(&|d, options| {
        d.id = vec![7; 32];
        d.answer(options, here)
    })
    .await;
    assert_eq!(unknown, "bad_passkey");
    let offer = browser.offer_log_in().await;
    let shapeless = browser.show(&offer, &json!({"id": 1})).await;
    assert_eq!(shapeless.fields(), ["credential invalid"]);
    // Each of them is a row for ever, so there are as many as there are wrong passwords.
    let more = browser.log_in(&mut device).await;
    assert_eq!(more.problem(429), "too_many_attempts");
    let noted = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("session.refused"))
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(noted.len(), 5, "all but the unknown one have an account");
}

async fn passkeys_end_with_what_else_lets_somebody_in(world: World) {
    let panel = Panel::open(world).await;
    let ann = ann(&panel).await;
    let (mut device, _) = ann.make().await;
    let root = panel.as_admin().await;
    let browser = nobody(&panel);
    let id = ann.person.id.unwrap();
    let reason = json!({"reason": "unpaid"});
    let path = format!("/users/{id}/suspension");
    root.put(&path, reason).await.expect(200);
    let suspended = browser.log_in(&mut device).await;
    assert_eq!(suspended.problem(403), "account_suspended");
    root.delete(&path).await.expect(200);
    browser.log_in(&mut device).await.expect(200);
    // Whoever had got in may have made some.
    root.post(&format!("/users/{id}/password"), json!({}))
        .await
        .expect(201);
    assert_eq!(
        browser.log_in(&mut device).await.problem(401),
        "bad_passkey"
    );
}

async fn only_a_log_in_with_the_password_makes_one(world: World) {
    let panel = Panel::open(world).await;
    let ann = ann(&panel).await;
    let wrong = json!({"current_password": "guess"});
    let refused = ann.post("/account/passkeys/offer", wrong).await;
    assert_eq!(refused.fields(), ["current_password wrong"]);
    // By an address no browser would make one.
    let ask = json!({"current_password": PASSWORD});
    let by_address = ann.person.post("/account/passkeys/offer", ask).await;
    assert_eq!(by_address.problem(409), "passkey_needs_name");
    // An offer is of the log-in that asked for it.
    let offer = ann.offer().await;
    let mut other = panel.nobody();
    other.log_in("ann", PASSWORD).await.expect(200);
    let made = Device::new(&offer["options"]).make(&offer["options"], &ann.origin());
    let stolen = Browser::of(other).keep(&offer, made.clone()).await;
    assert_eq!(stolen.fields(), ["state expired"]);
    // A page of somebody else, and a device that asked its owner for nothing.
    let mut device = Device::new(&offer["options"]);
    let phished = device.make(&offer["options"], "http://evil.example");
    assert_eq!(
        ann.keep(&offer, phished).await.fields(),
        ["credential refused"]
    );
    device.flags = PRESENT;
    let unasked = device.make(&offer["options"], &ann.origin());
    assert_eq!(
        ann.keep(&offer, unasked).await.fields(),
        ["credential refused"]
    );
    let kept = ann.keep(&offer, made).await.expect(201);
    let path = format!("/account/passkeys/{}", kept["id"].as_str().unwrap());
    // Neither a key of the account nor somebody else gets at it.
    let key = ann
        .person
        .post("/account/api-keys", json!({"name": "k"}))
        .await
        .expect(201);
    let mut robot = panel.nobody();
    robot.key = Some(key["secret"].as_str().unwrap().to_owned());
    assert_eq!(robot.delete(&path).await.problem(403), "session_needed");
    let bob = panel.logged_in("bob", false).await;
    assert_eq!(bob.delete(&path).await.problem(404), "not_found");
    assert_eq!(
        bob.patch(&path, json!({"name": "x"})).await.problem(404),
        "not_found"
    );
}

async fn nobody_has_more_than_twenty_and_no_device_is_kept_twice(world: World) {
    let panel = Panel::open(world).await;
    let ann = ann(&panel).await;
    let bob = Browser::of(panel.logged_in("bob", false).await);
    let offer = ann.offer().await;
    let mut device = Device::new(&offer["options"]);
    device.flags |= SHARED;
    let made = device.make(&offer["options"], &ann.origin());
    let kept = ann.keep(&offer, made.clone()).await.expect(201);
    assert_eq!(kept["synced"], true);
    let again = ann.keep(&offer, made).await;
    assert_eq!(again.fields(), ["state expired"]);
    let offer = bob.offer().await;
    let taken = bob
        .keep(&offer, device.make(&offer["options"], &bob.origin()))
        .await;
    assert_eq!(taken.problem(409), "passkey_exists");
    for _ in 1..20 {
        ann.make().await;
    }
    let ask = json!({"current_password": PASSWORD});
    let more = ann.post("/account/passkeys/offer", ask).await;
    assert_eq!(more.problem(409), "too_many_passkeys");
}

/// Of an account without a password, as somebody has who came by another provider.
async fn the_only_way_in_stays(world: World) {
    let panel = Panel::open(world).await;
    let ann = ann(&panel).await;
    let (_, first) = ann.make().await;
    let (_, second) = ann.make().await;
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    users::Entity::update_many()
        .col_expr(users::Column::PasswordHash, Expr::value(NO_PASSWORD))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let path = |one: &Value| format!("/account/passkeys/{}", one["id"].as_str().unwrap());
    let (a, b) = (path(&first), path(&second));
    let (a, b) = tokio::join!(ann.person.delete(&a), ann.person.delete(&b));
    let mut got = [a.status.as_u16(), b.status.as_u16()];
    got.sort_unstable();
    assert_eq!(got, [204, 409], "{a:?} {b:?}");
}

async fn an_answer_that_is_shown_to_both_controls_at_once_is_good_once(world: World) {
    let panel = Panel::open(world).await;
    let ann = ann(&panel).await;
    let (mut device, _) = ann.make().await;
    for _ in 0..6 {
        let one = nobody(&panel);
        let other = Browser::of(panel.elsewhere(&one.person));
        let offer = one.offer_log_in().await;
        let answer = device.answer(&offer["options"], &one.origin());
        // The page is the first control's; a proxy may bring its request to either.
        let at_other = other
            .person
            .request(Method::POST, "/api/v1/session/passkey")
            .header(header::HOST, one.host())
            .json(&json!({"state": offer["state"], "credential": answer}));
        let at_other = async { Answer::of(at_other.send().await.unwrap()).await };
        let (a, b) = tokio::join!(one.show(&offer, &answer), at_other);
        let mut got = [a.status.as_u16(), b.status.as_u16()];
        got.sort_unstable();
        assert_eq!(got, [200, 401], "{a:?} {b:?}");
    }
}
