//! Log-in, sessions, API keys, and what a browser can be tricked into.

use reqwest::{Method, header};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use warren_entity::{api_keys, audit_log, sessions};

use warren_harness::eventually_async;

use crate::{
    http_panel::{Answer, PASSWORD, Panel},
    on_both,
    world::{SOON, World},
};

on_both! {
    a_person_logs_in_and_out
    a_first_password_must_be_changed_before_anything_else
    a_new_password_ends_all_other_sessions
    guessing_is_limited_and_locks_nobody_else_out
    whoever_is_told_to_come_again_has_not_guessed
    a_cookie_of_the_other_scheme_or_a_planted_one_is_not_taken
    a_page_of_another_site_can_change_nothing
    an_api_key_works_until_it_is_revoked
    a_key_can_not_make_more_of_itself
    names_and_addresses_are_unique_whatever_the_case
}

async fn a_person_logs_in_and_out(world: World) {
    let panel = Panel::open(world).await;
    panel.account("Ann", false, false).await;
    let mut ann = panel.nobody();
    assert_eq!(ann.get("/session").await.problem(401), "not_logged_in");
    assert_eq!(
        ann.log_in("ann", "wrong").await.problem(401),
        "bad_credentials"
    );
    assert_eq!(
        ann.log_in("nobody", "wrong").await.problem(401),
        "bad_credentials"
    );
    ann.log_in(" ANN@example.net ", PASSWORD).await.expect(200);
    let session = ann.get("/session").await.expect(200);
    assert_eq!(session["user"]["username"], "Ann");
    assert_eq!(session["panel"]["plain_http"], true);
    assert_eq!(session["permissions"], json!([]));
    let list = ann.get("/account/sessions").await.expect(200);
    assert_eq!(list["items"][0]["current"], true);
    let cookie = ann.cookie.clone().unwrap();
    let rows = sessions::Entity::find()
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    assert!(rows.iter().all(|row| !row.token_hash.contains(&cookie)));
    ann.delete("/session").await.expect(204);
    assert_eq!(ann.get("/session").await.problem(401), "session_ended");
}

async fn a_first_password_must_be_changed_before_anything_else(world: World) {
    let panel = Panel::open(world).await;
    panel.account("root", true, true).await;
    let mut root = panel.nobody();
    root.log_in("root", PASSWORD).await.expect(200);
    for path in ["/servers", "/nodes", "/account", "/eggs", "/operations"] {
        let code = root.get(path).await.problem(403);
        assert_eq!(code, "password_change_required", "{path}");
    }
    root.get("/session").await.expect(200);
    let change = |new: &str| json!({"current_password": PASSWORD, "new_password": new});
    let weak = root.put("/account/password", change("short")).await;
    assert_eq!(weak.fields(), ["new_password too_short"]);
    let same = root.put("/account/password", change(PASSWORD)).await;
    assert_eq!(same.fields(), ["new_password unchanged"]);
    root.put("/account/password", change("another phrase 7"))
        .await
        .expect(204);
    root.get("/servers").await.expect(200);
}

async fn a_new_password_ends_all_other_sessions(world: World) {
    let panel = Panel::open(world).await;
    let here = panel.logged_in("ann", false).await;
    let mut there = panel.nobody();
    there.log_in("ann", PASSWORD).await.expect(200);
    let change = json!({"current_password": PASSWORD, "new_password": "another phrase 7"});
    here.put("/account/password", change).await.expect(204);
    assert_eq!(there.get("/account").await.problem(401), "session_ended");
    here.get("/account").await.expect(200);
    let mut again = panel.nobody();
    again.log_in("ann", PASSWORD).await.problem(401);
    again.log_in("ann", "another phrase 7").await.expect(200);
    let audit = audit_log::Entity::find()
        .filter(audit_log::Column::Action.eq("account.password"))
        .one(panel.world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(audit.address.as_deref(), Some("127.0.0.1"));
}

async fn guessing_is_limited_and_locks_nobody_else_out(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let mut thief = panel.nobody();
    for _ in 0..5 {
        thief.log_in("ann", "guess").await.problem(401);
    }
    let refused = thief.log_in("ann", "guess").await;
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(refused.problem(429), "too_many_attempts");
    // Even with the right password, or the limit would tell when it was found.
    assert_eq!(
        thief.log_in("ann", PASSWORD).await.problem(429),
        "too_many_attempts"
    );
    ann.get("/account").await.expect(200);
    panel.account("bob", false, false).await;
    thief.log_in("bob", PASSWORD).await.expect(200);
}

async fn whoever_is_told_to_come_again_has_not_guessed(world: World) {
    let panel = Panel::open(world).await;
    panel.account("ann", false, false).await;
    let mut ann = panel.nobody();
    // A storm of others that keeps all room taken.
    let mut storm = tokio::task::JoinSet::new();
    for _ in 0..48 {
        let passwords = panel.world.app.door.passwords.clone();
        storm.spawn(async move {
            loop {
                drop(passwords.verify("x", None).await);
                tokio::task::yield_now().await;
            }
        });
    }
    eventually_async("all room to be taken", SOON, || async {
        (panel.world.app.door.passwords.refused() > 100).then_some(())
    })
    .await
    .unwrap();
    let mut busy = 0;
    while busy < 6 {
        let answer = ann.log_in("ann", PASSWORD).await;
        if answer.status != 200 {
            assert_eq!(answer.problem(429), "busy");
            busy += 1;
        }
    }
    storm.shutdown().await;
    eventually_async("the door to be free again", SOON, || async {
        let answer = panel.nobody().log_in("ann", PASSWORD).await;
        (answer.status == 200).then_some(())
    })
    .await
    .unwrap();
}

async fn a_cookie_of_the_other_scheme_or_a_planted_one_is_not_taken(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let token = ann.cookie.clone().unwrap();
    let with = async |cookie: String| {
        let request = panel.nobody().request(Method::GET, "/api/v1/account");
        Answer::of(request.header(header::COOKIE, cookie).send().await.unwrap()).await
    };
    with(format!("warren={token}")).await.expect(200);
    assert_eq!(
        with(format!("__Host-warren={token}")).await.problem(401),
        "not_logged_in"
    );
    assert_eq!(
        with(format!("warren={token}; warren={token}"))
            .await
            .problem(401),
        "not_logged_in"
    );
    assert_eq!(with("warren=x".into()).await.problem(401), "session_ended");
    // Nobody is believed about the scheme who was not named as a proxy.
    let request = panel.nobody().request(Method::GET, "/api/v1/account");
    let request = request
        .header("x-forwarded-proto", "https")
        .header(header::COOKIE, format!("__Host-warren={token}"));
    Answer::of(request.send().await.unwrap()).await.problem(401);
}

async fn a_page_of_another_site_can_change_nothing(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let own = format!("http://{}", panel.address);
    let send = async |name: &'static str, value: &str| {
        let request = ann
            .request(Method::PATCH, "/api/v1/account")
            .header(name, value)
            .json(&json!({}));
        Answer::of(request.send().await.unwrap()).await
    };
    send("origin", &own).await.expect(200);
    send("sec-fetch-site", "same-origin").await.expect(200);
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(
            send(name, value).await.problem(403),
            "cross_site",
            "{value}"
        );
    }
    // A form can't send JSON, and what it can send is refused.
    let form = ann
        .request(Method::PATCH, "/api/v1/account")
        .header(header::CONTENT_TYPE, "text/plain")
        .body("{}");
    assert_eq!(
        Answer::of(form.send().await.unwrap()).await.problem(415),
        "not_json"
    );
    let rebound = ann
        .request(Method::GET, "/api/v1/account")
        .header(header::HOST, "evil.example");
    assert_eq!(
        Answer::of(rebound.send().await.unwrap()).await.problem(421),
        "unknown_host"
    );
}

async fn an_api_key_works_until_it_is_revoked(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let bad = json!({"name": " ", "expires_at": "2001-01-01T00:00:00Z"});
    assert_eq!(
        ann.post("/account/api-keys", bad).await.fields(),
        ["name required", "expires_at past"]
    );
    let made = ann
        .post("/account/api-keys", json!({"name": "ci"}))
        .await
        .expect(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("wrn_usr_"));
    let rows = api_keys::Entity::find()
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    assert!(rows.iter().all(|row| !row.secret_hash.contains(&secret)));
    let list = ann.get("/account/api-keys").await;
    assert!(!list.text.contains(&secret[12..]));
    let mut robot = panel.nobody();
    robot.key = Some(secret.clone());
    robot.get("/account").await.expect(200);
    let (all, last) = secret.split_at(secret.len() - 1);
    let other = if last == "x" { "y" } else { "x" };
    robot.key = Some(format!("{all}{other}"));
    assert_eq!(robot.get("/account").await.problem(401), "bad_api_key");
    robot.key = Some(secret);
    // With a key at hand the cookie does not count.
    let mut both = ann.clone();
    both.key = Some("wrn_usr_nonsense".into());
    both.get("/account").await.problem(401);
    let path = format!("/account/api-keys/{}", made["key"]["id"].as_str().unwrap());
    let bob = panel.logged_in("bob", true).await;
    assert_eq!(bob.delete(&path).await.problem(404), "not_found");
    ann.delete(&path).await.expect(204);
    assert_eq!(robot.get("/account").await.problem(401), "bad_api_key");
}

async fn a_key_can_not_make_more_of_itself(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let made = ann
        .post("/account/api-keys", json!({"name": "ci"}))
        .await
        .expect(201);
    let mut robot = panel.nobody();
    robot.key = made["secret"].as_str().map(str::to_owned);
    let another = robot.post("/account/api-keys", json!({"name": "x"})).await;
    assert_eq!(another.problem(403), "session_needed");
    let change = json!({"current_password": PASSWORD, "new_password": "another phrase 7"});
    let change = robot.put("/account/password", change).await;
    assert_eq!(change.problem(403), "session_needed");
    let email = robot.patch("/account", json!({"email": "x@y.zz"})).await;
    assert_eq!(email.problem(403), "session_needed");
}

async fn names_and_addresses_are_unique_whatever_the_case(world: World) {
    let panel = Panel::open(world).await;
    panel.account("Bob", false, false).await;
    let ann = panel.logged_in("ann", false).await;
    let taken = ann.patch("/account", json!({"username": "bOB"})).await;
    assert_eq!(taken.fields(), ["username taken"]);
    let taken = ann
        .patch(
            "/account",
            json!({"email": "BOB@Example.net", "current_password": PASSWORD}),
        )
        .await;
    assert_eq!(taken.fields(), ["email taken"]);
    let odd = json!({"username": "<script>", "email": "x", "current_password": PASSWORD});
    assert_eq!(
        ann.patch("/account", odd).await.fields(),
        ["username invalid", "email invalid"]
    );
    let unknown = ann.patch("/account", json!({"admin": true})).await;
    assert_eq!(unknown.fields(), ["admin invalid"]);
    ann.patch("/account", json!({"username": "ann2"}))
        .await
        .expect(200);
}
