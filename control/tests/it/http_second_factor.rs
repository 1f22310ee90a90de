//! The second step of a log-in.

use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use totp_rs::{Algorithm, TOTP};
use warren_control::{config::SecondFactorOf, db::Lane};
use warren_entity::{audit_log, second_factors, users};

use crate::{
    http_panel::{Answer, PASSWORD, Panel, Person, with},
    on_both,
    world::World,
};

on_both! {
    a_log_in_takes_a_second_step_once_an_app_has_shown_a_code
    a_recovery_code_stands_in_once
    whoever_knows_the_password_can_not_guess_codes
    of_two_who_show_one_code_at_once_one_gets_in
    a_role_may_count_only_with_a_second_step
    a_panel_may_want_a_second_step_before_anything_else
    whoever_lost_the_app_is_helped_by_who_may_change_the_account
    a_hash_of_another_panel_is_replaced_at_the_log_in
}

/// An authenticator app on a phone.
struct App(TOTP);

impl App {
    fn scan(offer: &serde_json::Value) -> Self {
        let uri = offer["uri"].as_str().unwrap();
        let app = TOTP::from_url(uri).unwrap();
        assert_eq!(app.get_secret_base32(), offer["secret"]);
        assert_eq!(
            (app.algorithm, app.digits, app.step),
            (Algorithm::SHA1, 6, 30)
        );
        Self(app)
    }

    /// The code of this half minute, or of one near it.
    fn code(&self, steps: i64) -> String {
        let now = warren_control::clock::Clock::system().now_s() + 30 * steps;
        self.0.generate(u64::try_from(now).unwrap())
    }

    /// One that is never good now.
    fn wrong(&self) -> String {
        let good: Vec<String> = (-3..=3).map(|step| self.code(step)).collect();
        let all = (0..10).map(|n| format!("00000{n}"));
        all.into_iter().find(|code| !good.contains(code)).unwrap()
    }
}

async fn set_up(person: &Person) -> (App, Vec<String>) {
    let ask = json!({"current_password": PASSWORD});
    let offer = person.post("/account/second-factor", ask).await.expect(201);
    let app = App::scan(&offer);
    // The code before: the present one is left for what the test is about.
    let shown = json!({"code": app.code(-1)});
    let made = person
        .put("/account/second-factor", shown)
        .await
        .expect(200);
    let codes = made["codes"].as_array().unwrap();
    let codes = codes.iter().map(|c| c.as_str().unwrap().to_owned());
    (app, codes.collect())
}

async fn log_in(person: &mut Person, name: &str, code: &str) -> Answer {
    let body = json!({"login": name, "password": PASSWORD, "code": code});
    person.log_in_with(body).await
}

async fn a_log_in_takes_a_second_step_once_an_app_has_shown_a_code(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let mut other = panel.nobody();
    other.log_in("ann", PASSWORD).await.expect(200);
    let wrong = json!({"current_password": "guess"});
    let refused = ann.post("/account/second-factor", wrong).await;
    assert_eq!(refused.fields(), ["current_password wrong"]);
    let early = ann
        .put("/account/second-factor", json!({"code": "123456"}))
        .await;
    assert_eq!(early.problem(409), "second_factor_not_begun");
    let ask = json!({"current_password": PASSWORD});
    let offer = ann
        .post("/account/second-factor", ask.clone())
        .await
        .expect(201);
    let app = App::scan(&offer);
    // Nothing is asked for yet, and a lost offer is replaced by the next.
    other.log_in("ann", PASSWORD).await.expect(200);
    let again = App::scan(
        &ann.post("/account/second-factor", ask.clone())
            .await
            .expect(201),
    );
    let old = ann
        .put("/account/second-factor", json!({"code": app.code(0)}))
        .await;
    assert_eq!(old.fields(), ["code wrong"]);
    let app = again;
    let shown = json!({"code": app.code(-1)});
    ann.put("/account/second-factor", shown.clone())
        .await
        .expect(200);
    assert_eq!(other.get("/account").await.problem(401), "session_ended");
    let state = ann.get("/account/second-factor").await.expect(200);
    assert_eq!(
        (&state["on"], &state["recovery_codes"]),
        (&json!(true), &json!(10))
    );
    let twice = ann.post("/account/second-factor", ask).await;
    assert_eq!(twice.problem(409), "second_factor_on");
    // Both steps, and no code twice.
    let without = other.log_in("ann", PASSWORD).await;
    assert_eq!(without.problem(401), "second_factor_needed");
    let used = log_in(&mut other, "ann", shown["code"].as_str().unwrap()).await;
    assert_eq!(used.problem(401), "bad_code");
    let code = app.code(0);
    log_in(&mut other, "ann", &code).await.expect(200);
    let me = other.get("/account").await.expect(200);
    assert_eq!(me["second_factor"], true);
    let again = log_in(&mut panel.nobody(), "ann", &code).await;
    assert_eq!(again.problem(401), "bad_code");
    // What is stored is no help to whoever reads it, and every try is on record.
    let db = panel.world.app.db.read();
    let row = second_factors::Entity::find()
        .one(db)
        .await
        .unwrap()
        .unwrap();
    let bytes = app.0.secret.clone();
    assert!(!row.secret.windows(bytes.len()).any(|part| part == bytes));
    let refused = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("session.refused"))
        .all(db)
        .await
        .unwrap();
    assert_eq!(refused.len(), 2, "asking for a code is no refusal");
    assert!(refused.iter().all(|row| row.actor_kind == "nobody"
        && row.resource_id == Some(ann.id.unwrap().to_string())
        && row.diff == Some(json!({"wrong": "code"}))));
    // And off again.
    let proof = |code: &str| json!({"current_password": PASSWORD, "code": code});
    let wrong = ann
        .post("/account/second-factor/off", proof(&app.wrong()))
        .await;
    assert_eq!(wrong.fields(), ["code wrong"]);
    ann.post("/account/second-factor/off", proof(&app.code(1)))
        .await
        .expect(204);
    panel.nobody().log_in("ann", PASSWORD).await.expect(200);
}

async fn a_recovery_code_stands_in_once(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let (app, codes) = set_up(&ann).await;
    let bob = panel.logged_in("bob", false).await;
    set_up(&bob).await;
    let mut there = panel.nobody();
    let others = log_in(&mut there, "bob", &codes[0]).await;
    assert_eq!(others.problem(401), "bad_code", "of another person");
    let typed = codes[0].to_uppercase().replace('-', " ");
    log_in(&mut there, "ann", &typed).await.expect(200);
    let again = log_in(&mut panel.nobody(), "ann", &codes[0]).await;
    assert_eq!(again.problem(401), "bad_code");
    let state = ann.get("/account/second-factor").await.expect(200);
    assert_eq!(state["recovery_codes"], 9);
    let proof = json!({"current_password": PASSWORD, "code": app.code(0)});
    let renewed = ann
        .post("/account/second-factor/recovery-codes", proof)
        .await
        .expect(201);
    let old = log_in(&mut panel.nobody(), "ann", &codes[1]).await;
    assert_eq!(old.problem(401), "bad_code", "replaced by the new ones");
    let new = renewed["codes"][3].as_str().unwrap();
    log_in(&mut panel.nobody(), "ann", new).await.expect(200);
}

async fn whoever_knows_the_password_can_not_guess_codes(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let (app, _) = set_up(&ann).await;
    let mut thief = panel.nobody();
    for _ in 0..5 {
        let asked = thief.log_in("ann", PASSWORD).await;
        assert_eq!(asked.problem(401), "second_factor_needed");
        let guess = log_in(&mut thief, "ann", &app.wrong()).await;
        assert_eq!(guess.problem(401), "bad_code");
    }
    let refused = log_in(&mut thief, "ann", &app.code(0)).await;
    assert_eq!(refused.problem(429), "too_many_attempts");
}

async fn of_two_who_show_one_code_at_once_one_gets_in(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let (app, codes) = set_up(&ann).await;
    for code in [app.code(0), codes[0].clone()] {
        let (mut one, mut two) = (panel.nobody(), panel.nobody());
        let (first, second) = tokio::join!(
            log_in(&mut one, "ann", &code),
            log_in(&mut two, "ann", &code)
        );
        let mut both = [first.status.as_u16(), second.status.as_u16()];
        both.sort_unstable();
        assert_eq!(both, [200, 401]);
    }
}

async fn a_role_may_count_only_with_a_second_step(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let ann = panel.logged_in("ann", false).await;
    let bob = panel.logged_in("bob", false).await;
    let role = async |name: &str, keys: &[&str], second_factor: bool| {
        let body = json!({"name": name, "keys": keys, "second_factor": second_factor});
        let made = root.post("/roles", body).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    };
    let give = async |role: &str, to: &Person| {
        let body = json!({"user": to.id.unwrap().to_string(), "reach": "everything"});
        root.post(&format!("/roles/{role}/grants"), body)
            .await
            .expect(201);
    };
    let strict = role("Keepers", &["audit.read"], true).await;
    let plain = role("Helpers", &["person.read", "person.update"], false).await;
    give(&strict, &ann).await;
    give(&plain, &bob).await;
    let session = ann.get("/session").await.expect(200);
    assert_eq!(session["second_factor_wanted_by"], "role");
    assert_eq!(session["permissions"], json!([]));
    assert_eq!(ann.get("/audit").await.problem(403), "forbidden");
    let why = format!("/users/{}/why?key=audit.read", ann.id.unwrap());
    let why = root.get(&why).await.expect(200);
    assert_eq!(
        (&why["allowed"], &why["because"][0]["kind"]),
        (&json!(false), &json!("role_waits"))
    );
    // It counts for nothing, but it is a minute's work to make it count: whoever lacks its keys gets no hold of it.
    let reset = bob
        .post(&format!("/users/{}/password", ann.id.unwrap()), json!({}))
        .await;
    assert_eq!(reset.problem(403), "more_than_own");
    let (app, _) = set_up(&ann).await;
    ann.get("/audit").await.expect(200);
    let session = ann.get("/session").await.expect(200);
    assert_eq!(session["second_factor_wanted_by"], json!(null));
    let proof = json!({"current_password": PASSWORD, "code": app.code(0)});
    ann.post("/account/second-factor/off", proof)
        .await
        .expect(204);
    assert_eq!(ann.get("/audit").await.problem(403), "forbidden");
    let patch = json!({"second_factor": false});
    root.patch(&format!("/roles/{strict}"), patch)
        .await
        .expect(200);
    ann.get("/audit").await.expect(200);
}

async fn a_panel_may_want_a_second_step_before_anything_else(world: World) {
    let panel = Panel::open(with(world, |config| {
        config.second_factor_of = SecondFactorOf::Everyone;
    }))
    .await;
    let ann = panel.logged_in("ann", false).await;
    for path in ["/servers", "/account", "/eggs", "/account/api-keys"] {
        assert_eq!(
            ann.get(path).await.problem(403),
            "second_factor_required",
            "{path}"
        );
    }
    let session = ann.get("/session").await.expect(200);
    assert_eq!(session["second_factor_wanted_by"], "panel");
    let state = ann.get("/account/second-factor").await.expect(200);
    assert_eq!(state["wanted_by"], "panel");
    set_up(&ann).await;
    ann.get("/servers").await.expect(200);
}

async fn whoever_lost_the_app_is_helped_by_who_may_change_the_account(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let ann = panel.logged_in("ann", false).await;
    let bob = panel.logged_in("bob", false).await;
    let of_ann = format!("/users/{}/second-factor", ann.id.unwrap());
    assert_eq!(root.delete(&of_ann).await.problem(409), "second_factor_off");
    set_up(&ann).await;
    let shown = root
        .get(&format!("/users/{}", ann.id.unwrap()))
        .await
        .expect(200);
    assert_eq!(shown["second_factor"], true);
    assert_eq!(bob.delete(&of_ann).await.problem(403), "forbidden");
    let own = format!("/users/{}/second-factor", root.id.unwrap());
    assert_eq!(root.delete(&own).await.problem(409), "own_account");
    let key = root
        .post("/account/api-keys", json!({"name": "k"}))
        .await
        .expect(201);
    let mut by_key = panel.nobody();
    by_key.key = Some(key["secret"].as_str().unwrap().to_owned());
    let refused = by_key.send(Method::DELETE, &of_ann, None).await;
    assert_eq!(refused.problem(403), "session_needed");
    root.delete(&of_ann).await.expect(204);
    assert_eq!(ann.get("/account").await.problem(401), "session_ended");
    let mut again = panel.nobody();
    again.log_in("ann", PASSWORD).await.expect(200);
    let state = again.get("/account/second-factor").await.expect(200);
    assert_eq!(
        (&state["on"], &state["recovery_codes"]),
        (&json!(false), &json!(0))
    );
}

async fn a_hash_of_another_panel_is_replaced_at_the_log_in(world: World) {
    let panel = Panel::open(world).await;
    let id = panel.account("ann", false, false).await;
    let db = &panel.world.app.db;
    let hash = bcrypt::hash(PASSWORD, 4)
        .unwrap()
        .replacen("$2b$", "$2y$", 1);
    let tx = db.begin(Lane::People).await.unwrap();
    users::Entity::update_many()
        .col_expr(users::Column::PasswordHash, Expr::value(hash))
        .filter(users::Column::Id.eq(id.to_string()))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let stored = async || {
        let row = users::Entity::find_by_id(id.to_string())
            .one(db.read())
            .await;
        row.unwrap().unwrap().password_hash
    };
    let mut ann = panel.nobody();
    assert_eq!(
        ann.log_in("ann", "guess").await.problem(401),
        "bad_credentials"
    );
    assert!(stored().await.starts_with("$2y$"));
    ann.log_in("ann", PASSWORD).await.expect(200);
    assert!(stored().await.starts_with("$argon2id$"));
    panel.nobody().log_in("ann", PASSWORD).await.expect(200);
}
