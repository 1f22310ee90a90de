//! The panel's settings: what admins set while it runs.

use serde_json::{Value, json};
use warren_control::{config::Config, panel};
use warren_entity::settings;
use warren_harness::{Mail, Smtp, eventually_async};

use crate::{
    http_panel::{PASSWORD, Panel, with},
    on_both, with_two_controls,
    world::{SOON, World},
};
use sea_orm::EntityTrait;

on_both! {
    settings_hold_at_once_and_bad_ones_are_named
    a_mail_server_is_tried_and_then_set
    only_those_who_may_change_settings_do
    anybody_asks_for_an_account_where_the_panel_lets_them
    a_log_in_from_elsewhere_is_told_in_ones_own_language
}

with_two_controls! {
    settings_hold_at_the_other_control_too
}

fn reachable(world: World) -> World {
    with(world, |config: &mut Config| {
        config.public_url = "https://panel.example.net".into();
    })
}

async fn mail(smtp: &Smtp, nth: usize) -> Mail {
    let arrived = eventually_async("a message to arrive", SOON, || async {
        smtp.mails().get(nth).cloned()
    });
    arrived.await.unwrap()
}

/// What sets a mail server.
fn by(smtp: &Smtp) -> Value {
    json!({
        "mail": {"url": smtp.url(), "from": "Mill <panel@example.net>"},
        "current_password": PASSWORD,
    })
}

fn and(mut body: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

async fn settings_hold_at_once_and_bad_ones_are_named(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let first = root.get("/settings").await.expect(200);
    assert_eq!(
        (&first["name"], &first["language"], &first["updated_at"]),
        (&json!("Warren"), &json!("en"), &json!(null))
    );
    let set = json!({
        "name": "Mill Games", "accent": "#4F7CFF", "language": "de", "second_factor_of": "everyone",
        "invite_by_sharing": false, "session_days": 3,
    });
    let held = root.put("/settings", set).await.expect(200);
    assert_eq!(held["accent"], "#4f7cff");
    assert_eq!(held["second_factor_set_here"], true);
    let front = panel.nobody().get("/panel").await.expect(200);
    assert_eq!(
        front,
        json!({"name": "Mill Games", "accent": "#4f7cff", "language": "de", "sign_up": false, "mail": false})
    );
    // It is so from now on: whoever has one step can do nothing else.
    assert_eq!(
        root.get("/settings").await.problem(403),
        "second_factor_required"
    );
    let app = &panel.world.app;
    let tx = app
        .db
        .begin(warren_control::db::Lane::People)
        .await
        .unwrap();
    settings::Entity::delete_by_id("panel")
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    panel::load(app).await.unwrap();
    assert_eq!(root.get("/settings").await.expect(200), first);
    let bad = json!({
        "name": " ", "accent": "red", "session_days": 91, "sign_up": true, "upload_bytes": 7,
        "sign_up_domains": ["example.net", "no domain"],
    });
    let refused = root.put("/settings", bad).await.fields();
    assert_eq!(
        refused,
        [
            "name required",
            "accent invalid",
            "sign_up_domains.1 invalid",
            "session_days out_of_range",
            "upload_bytes out_of_range",
            "sign_up mail_off"
        ]
    );
    assert_eq!(
        root.put("/settings", json!({"title": "x"})).await.status,
        422
    );
    assert_eq!(root.get("/settings").await.expect(200), first);
}

async fn a_mail_server_is_tried_and_then_set(world: World) {
    let smtp = Smtp::start().unwrap();
    let bare = Panel::open(world).await;
    let root = bare.as_admin().await;
    // Links in mail would lead nowhere.
    let refused = root.put("/settings", by(&smtp)).await.fields();
    assert_eq!(refused, ["mail invalid"]);
    let off = root.post("/settings/mail-test", json!({})).await;
    assert_eq!(off.problem(409), "mail_off");
    let panel = Panel::open(reachable(World::on_sqlite().await)).await;
    let root = panel.as_admin().await;
    let asked = by(&smtp)["mail"].clone();
    let tried = json!({"mail": asked, "to": "box@example.net"});
    let sent = root.post("/settings/mail-test", tried).await.expect(200);
    assert_eq!(sent["to"], "box@example.net");
    let first = mail(&smtp, 0).await;
    assert!(first.head.contains("To: box@example.net"), "{}", first.head);
    let front = panel.nobody().get("/panel").await.expect(200);
    assert_eq!(front["mail"], false, "tried is not set");
    let nobody = json!({"mail": {"url": "smtp://127.0.0.1:1", "from": "a@example.net"}});
    let refused = root.post("/settings/mail-test", nobody).await;
    assert_eq!(refused.problem(502), "mail_refused");
    for (url, from, field) in [
        ("hunter2.example.net", "a@example.net", "mail.url invalid"),
        ("", "a@example.net", "mail.url required"),
        (&*smtp.url(), "nobody", "mail.from invalid"),
    ] {
        let body = json!({"mail": {"url": url, "from": from}, "current_password": PASSWORD});
        assert_eq!(root.put("/settings", body).await.fields(), [field]);
    }
    let without = and(by(&smtp), json!({"current_password": null}));
    let refused = root.put("/settings", without).await.fields();
    assert_eq!(refused, ["current_password required"]);
    let wrong = and(by(&smtp), json!({"current_password": "not it"}));
    let refused = root.put("/settings", wrong).await.fields();
    assert_eq!(refused, ["current_password wrong"]);
    let url = smtp.url().replace("smtp://", "smtp://panel:hunter2@");
    let with_password = json!({"mail": {"url": url, "from": "Mill <panel@example.net>"}, "current_password": PASSWORD});
    let held = root.put("/settings", with_password).await.expect(200);
    assert_eq!(held["mail"]["on"], true);
    let log = root.get("/audit?action=panel.update").await.expect(200);
    let row = settings::Entity::find_by_id("panel.mail")
        .one(panel.world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    for text in [
        held.to_string(),
        log.to_string(),
        String::from_utf8_lossy(&row.value).into_owned(),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    // The address stays where it is left out.
    let renamed = json!({"name": "Mill", "mail": {"from": "Mill <mill@example.net>"}, "current_password": PASSWORD});
    let held = root.put("/settings", renamed).await.expect(200);
    assert!(
        held["mail"]["server"]
            .as_str()
            .unwrap()
            .starts_with("smtp://127.0.0.1:")
    );
    let off = json!({"current_password": PASSWORD});
    let held = root.put("/settings", off).await.expect(200);
    assert_eq!(held["mail"]["on"], false);
}

async fn only_those_who_may_change_settings_do(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let ann = panel.logged_in("ann", false).await;
    let role = json!({"name": "Looks", "keys": ["panel.read"]});
    let role = root.post("/roles", role).await.expect(201);
    let path = format!("/roles/{}/grants", role["id"].as_str().unwrap());
    ann.get("/settings").await.expect(403);
    let give = json!({"user": ann.id.unwrap().to_string(), "reach": "everything"});
    root.post(&path, give).await.expect(201);
    ann.get("/settings").await.expect(200);
    assert_eq!(
        ann.put("/settings", json!({})).await.problem(403),
        "forbidden"
    );
    let test = ann.post("/settings/mail-test", json!({})).await;
    assert_eq!(test.problem(403), "forbidden");
    // A key, even an admin's, chooses no mail server.
    let key = root
        .post("/account/api-keys", json!({"name": "k"}))
        .await
        .expect(201);
    let mut robot = panel.nobody();
    robot.key = key["secret"].as_str().map(str::to_owned);
    robot
        .put("/settings", json!({"name": "By key"}))
        .await
        .expect(200);
    let smtp = Smtp::start().unwrap();
    let world = reachable(World::on_sqlite().await);
    let open = Panel::open(world).await;
    let root = open.as_admin().await;
    let key = root
        .post("/account/api-keys", json!({"name": "k"}))
        .await
        .expect(201);
    let mut robot = open.nobody();
    robot.key = key["secret"].as_str().map(str::to_owned);
    assert_eq!(
        robot.put("/settings", by(&smtp)).await.problem(403),
        "session_needed"
    );
}

async fn asks(panel: &Panel, name: &str, email: &str) -> crate::http_panel::Answer {
    let body = json!({"username": name, "email": email});
    panel.nobody().post("/sign-up", body).await
}

/// What the link in a message holds.
fn token(mail: &Mail) -> String {
    let begin = "https://panel.example.net/set-password#token=";
    let rest = mail.text.split_once(begin).unwrap().1;
    rest.split_whitespace().next().unwrap().to_owned()
}

async fn anybody_asks_for_an_account_where_the_panel_lets_them(world: World) {
    let smtp = Smtp::start().unwrap();
    let panel = Panel::open(reachable(world)).await;
    let root = panel.as_admin().await;
    assert_eq!(
        asks(&panel, "ann", "ann@example.net").await.problem(409),
        "sign_up_closed"
    );
    let open = json!({"sign_up": true, "sign_up_domains": ["@Example.net"], "name": "Mill"});
    let held = root
        .put("/settings", and(by(&smtp), open))
        .await
        .expect(200);
    assert_eq!(held["sign_up_domains"], json!(["example.net"]));
    assert_eq!(
        asks(&panel, "a b", "ann@example.net").await.fields(),
        ["username invalid"]
    );
    assert_eq!(
        asks(&panel, "ann", "ann@elsewhere.net").await.fields(),
        ["email domain"]
    );
    asks(&panel, "ann", "ann@example.net").await.expect(202);
    let first = mail(&smtp, 0).await;
    assert!(
        first.head.contains("Your account at Mill"),
        "{}",
        first.head
    );
    let body = json!({"token": token(&first), "new_password": "another phrase 7"});
    panel
        .nobody()
        .put("/password-links", body)
        .await
        .expect(204);
    let mut ann = panel.nobody();
    ann.log_in("ann", "another phrase 7").await.expect(200);
    let me = ann.get("/session").await.expect(200);
    assert_eq!(
        (&me["user"]["admin"], &me["permissions"]),
        (&json!(false), &json!([]))
    );
    // Somebody who has an account: the answer is the same, the mail is not.
    let sent = smtp.mails().len();
    asks(&panel, "mallory", "ANN@example.net").await.expect(202);
    let second = mail(&smtp, sent).await;
    assert!(
        second.head.contains("You have an account"),
        "{}",
        second.head
    );
    assert!(
        second.text.contains("your user name is ann"),
        "{}",
        second.text
    );
    let people = root.get("/users").await.expect(200);
    assert_eq!(people["items"].as_array().unwrap().len(), 2);
    let mut refused = 0;
    for _ in 0..12 {
        refused += u32::from(asks(&panel, "x", "x@example.net").await.status == 429);
    }
    assert!(refused > 0, "nobody fills others' mailboxes");
}

async fn a_log_in_from_elsewhere_is_told_in_ones_own_language(world: World) {
    let smtp = Smtp::start().unwrap();
    let panel = Panel::open(reachable(world)).await;
    let root = panel.as_admin().await;
    root.put("/settings", by(&smtp)).await.expect(200);
    let ann = panel.logged_in("ann", false).await;
    ann.put("/account/profile", json!({"language": "fr"}))
        .await
        .expect(200);
    // The address is known, whatever the browser says it is: no word of it.
    let mut again = panel.with_browser("Other/1");
    again.log_in("ann", PASSWORD).await.expect(200);
    let app = &panel.world.app;
    let tx = app
        .db
        .begin(warren_control::db::Lane::People)
        .await
        .unwrap();
    warren_entity::sessions::Entity::update_many()
        .col_expr(
            warren_entity::sessions::Column::Address,
            sea_orm::sea_query::Expr::value("192.0.2.7"),
        )
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut elsewhere = panel.with_browser("Third/1");
    elsewhere.log_in("ann", PASSWORD).await.expect(200);
    let word = mail(&smtp, 0).await;
    assert!(word.text.contains("Bonjour ann"), "{}", word.text);
    assert!(word.text.contains("Third/1"), "{}", word.text);
    let quiet = json!({"language": "fr", "mail": {"log_in": false, "shared": true}});
    ann.put("/account/profile", quiet).await.expect(200);
    let tx = app
        .db
        .begin(warren_control::db::Lane::People)
        .await
        .unwrap();
    warren_entity::sessions::Entity::update_many()
        .col_expr(
            warren_entity::sessions::Column::Address,
            sea_orm::sea_query::Expr::value("192.0.2.7"),
        )
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut fourth = panel.with_browser("Fourth/1");
    fourth.log_in("ann", PASSWORD).await.expect(200);
    // A message that is sent for sure, behind which the other would have come.
    root.post("/settings/mail-test", json!({"to": "x@example.net"}))
        .await
        .expect(200);
    assert_eq!(smtp.mails().len(), 2);
}

async fn settings_hold_at_the_other_control_too(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    root.put("/settings", json!({"name": "Mill"}))
        .await
        .expect(200);
    let there = panel.elsewhere(&root);
    let app = panel.world.others[0].clone();
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(panel::run(app, stop.clone()));
    eventually_async("the other control to know", SOON, || async {
        let front = there.get("/panel").await.expect(200);
        (front["name"] == "Mill").then_some(())
    })
    .await
    .unwrap();
    stop.cancel();
    running.await.unwrap();
}
