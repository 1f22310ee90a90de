//! Mail to people, taken by a real SMTP server.

use reqwest::Method;
use sea_orm::{EntityTrait, sea_query::Expr};
use serde_json::json;
use warren_control::{config::Config, db::Lane, password_link::service as link, person::newcomer};
use warren_entity::{password_links, users};
use warren_harness::{Mail, Smtp, eventually_async};

use crate::{
    http_panel::{Answer, PASSWORD, Panel, Person, with},
    http_servers::Scene,
    on_both,
    world::{SOON, World},
};

on_both! {
    somebody_invited_chooses_a_password_by_the_link
    a_forgotten_password_is_replaced_by_a_link_that_is_good_once
    asking_for_a_link_tells_nothing_and_fills_nobodys_mailbox
    a_link_is_worth_nothing_after_another_change
    another_address_counts_once_its_owner_has_shown_it
    an_address_is_shown_by_a_link_that_fits_once
    sharing_with_an_address_invites_whoever_has_no_account
    without_a_server_it_is_said
}

const NEW: &str = "another phrase 7";

struct Post {
    panel: Panel,
    smtp: Smtp,
}

impl Post {
    async fn open(world: World) -> Self {
        let smtp = Smtp::start().unwrap();
        let world = with(world, |config: &mut Config| {
            config.mail.url = smtp.url().into();
            config.mail.from = "Warren <panel@example.net>".into();
            config.public_url = "https://panel.example.net".into();
        });
        Self {
            panel: Panel::open(world).await,
            smtp,
        }
    }

    async fn mail(&self, nth: usize) -> Mail {
        eventually_async("a message to arrive", SOON, || async {
            self.smtp.mails().get(nth).cloned()
        })
        .await
        .unwrap()
    }
}

/// What the link in a message holds.
fn token(mail: &Mail) -> String {
    held(mail, "https://panel.example.net/set-password#token=")
}

fn held(mail: &Mail, begin: &str) -> String {
    let rest = mail.text.split_once(begin).unwrap().1;
    rest.split_whitespace().next().unwrap().to_owned()
}

async fn set(person: &Person, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "new_password": password});
    person.put("/password-links", body).await
}

async fn somebody_invited_chooses_a_password_by_the_link(world: World) {
    let post = Post::open(world).await;
    let root = post.panel.as_admin().await;
    let both =
        json!({"username": "ann", "email": "ann@example.net", "invite": true, "password": NEW});
    let refused = root.post("/users", both).await;
    assert_eq!(refused.fields(), ["password conflict"]);
    let ask = json!({"username": "ann", "email": "ann@example.net", "invite": true});
    let made = root.post("/users", ask).await.expect(201);
    assert_eq!(made["password"], json!(null), "nobody is shown one");
    let mail = post.mail(0).await;
    assert!(mail.head.contains("To: ann@example.net"), "{}", mail.head);
    assert!(mail.head.contains("panel@example.net"), "{}", mail.head);
    assert!(mail.text.contains("root made an account"), "{}", mail.text);
    let mut ann = post.panel.nobody();
    let token = token(&mail);
    assert_eq!(
        set(&ann, &token, "short").await.fields(),
        ["new_password too_short"]
    );
    set(&ann, &token, NEW).await.expect(204);
    ann.log_in("ann", NEW).await.expect(200);
    ann.get("/servers").await.expect(200);
    let word = post.mail(1).await;
    assert!(word.head.contains("was changed"), "{}", word.head);
}

async fn a_forgotten_password_is_replaced_by_a_link_that_is_good_once(world: World) {
    let post = Post::open(world).await;
    let panel = &post.panel;
    let ann = panel.logged_in("ann", false).await;
    let ask = json!({"login": " ANN@example.net "});
    panel
        .nobody()
        .post("/password-links", ask)
        .await
        .expect(202);
    let token = token(&post.mail(0).await);
    let db = panel.world.app.db.read();
    let row = password_links::Entity::find()
        .one(db)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(row.token_hash, token, "what is stored is no link");
    let mut again = panel.nobody();
    again.log_in("ann", PASSWORD).await.expect(200);
    assert_eq!(
        set(&again, "made-up", NEW).await.fields(),
        ["token unknown"]
    );
    let (one, two) = (panel.nobody(), panel.nobody());
    let (first, second) = tokio::join!(
        set(&one, &token, NEW),
        set(&two, &token, "a third phrase 9")
    );
    let mut both = [first.status.as_u16(), second.status.as_u16()];
    both.sort_unstable();
    assert_eq!(both, [204, 422], "{} {}", first.text, second.text);
    for gone in [&ann, &again] {
        assert_eq!(gone.get("/account").await.problem(401), "session_ended");
    }
    assert_eq!(
        again.log_in("ann", PASSWORD).await.problem(401),
        "bad_credentials"
    );
    assert_eq!(set(&one, &token, NEW).await.fields(), ["token unknown"]);
}

async fn asking_for_a_link_tells_nothing_and_fills_nobodys_mailbox(world: World) {
    let post = Post::open(world).await;
    let panel = &post.panel;
    panel.account("ann", false, false).await;
    let ask = async |login: &str| {
        let asked = panel
            .nobody()
            .post("/password-links", json!({"login": login}))
            .await;
        (asked.status.as_u16(), asked.text)
    };
    assert_eq!(ask("nobody").await, ask("ann").await);
    for _ in 0..3 {
        ask("ann").await;
    }
    // Three links at one time, however often somebody asks; then not even that.
    post.mail(2).await;
    ask("ann").await;
    let refused = panel
        .nobody()
        .post("/password-links", json!({"login": "ann"}))
        .await;
    assert_eq!(refused.problem(429), "too_many_attempts");
    let rows = password_links::Entity::find()
        .all(panel.world.app.db.read())
        .await;
    assert_eq!(rows.unwrap().len(), 3);
    assert_eq!(post.smtp.mails().len(), 3);
    // The log-in has counters of its own.
    panel.nobody().log_in("ann", PASSWORD).await.expect(200);
}

async fn a_link_is_worth_nothing_after_another_change(world: World) {
    let post = Post::open(world).await;
    let panel = &post.panel;
    let root = panel.as_admin().await;
    let ann = panel.logged_in("ann", false).await;
    let links = async || {
        let rows = password_links::Entity::find()
            .all(panel.world.app.db.read())
            .await;
        rows.unwrap().len()
    };
    let of_ann = format!("/users/{}", ann.id.unwrap());
    let changed = json!({"current_password": PASSWORD, "new_password": NEW});
    let ways = [
        (&ann, Method::PUT, "/account/password".to_owned(), changed),
        (
            &root,
            Method::PATCH,
            of_ann.clone(),
            json!({"email": "ann3@example.net"}),
        ),
        (&root, Method::POST, format!("{of_ann}/password"), json!({})),
    ];
    for (who, method, path, body) in ways {
        let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
        let user = ann.id.unwrap().to_string();
        let now_ms = panel.world.app.clock.now_ms();
        link::make(&panel.world.app, &*tx, &user, 60_000, now_ms)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let done = who.send(method, &path, Some(body)).await;
        assert!(done.status.is_success(), "{path}: {}", done.text);
        assert_eq!(links().await, 0, "{path}");
    }
    // Nor is one that is too old, or whose account is gone.
    let ask = json!({"login": "ann"});
    panel
        .nobody()
        .post("/password-links", ask)
        .await
        .expect(202);
    let mail = eventually_async("the link to arrive", SOON, || async {
        let mails = post.smtp.mails();
        mails.into_iter().find(|m| m.text.contains("#token="))
    });
    let token = token(&mail.await.unwrap());
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    password_links::Entity::update_many()
        .col_expr(password_links::Column::ExpiresAtMs, Expr::value(1))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        set(&panel.nobody(), &token, NEW).await.fields(),
        ["token unknown"]
    );
    assert_eq!(link::prune(&panel.world.app).await.unwrap(), 1);
}

const CONFIRM: &str = "https://panel.example.net/confirm-email#token=";

async fn another_address_counts_once_its_owner_has_shown_it(world: World) {
    let post = Post::open(world).await;
    let panel = &post.panel;
    let ann = panel.logged_in("ann", false).await;
    let bob = panel.logged_in("bob", false).await;
    let want = |email: &str| json!({"email": email, "current_password": PASSWORD});
    let asked = ann
        .patch("/account", want("ann2@example.net"))
        .await
        .expect(200);
    assert_eq!(
        (&asked["email"], &asked["email_pending"]),
        (&json!("ann@example.net"), &json!("ann2@example.net"))
    );
    let mail = post.mail(0).await;
    assert!(mail.head.contains("To: ann2@example.net"), "{}", mail.head);
    let by = async |who: &Person, token: &str| {
        who.put("/account/email-link", json!({"token": token}))
            .await
    };
    let use_it = async |token: &str| by(&ann, token).await;
    // A forgotten password still goes where the account is.
    let now_ms = panel.world.app.clock.now_ms();
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    let id = ann.id.unwrap().to_string();
    link::make(&panel.world.app, &*tx, &id, 60_000, now_ms)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let first = held(&mail, CONFIRM);
    assert_eq!(use_it("made up").await.fields(), ["token unknown"]);
    use_it(&first).await.expect(204);
    let me = ann.get("/account").await.expect(200);
    assert_eq!(
        (&me["email"], &me["email_verified"]),
        (&json!("ann2@example.net"), &json!(true))
    );
    let left = password_links::Entity::find()
        .all(panel.world.app.db.read())
        .await;
    assert_eq!(
        left.unwrap().len(),
        0,
        "what was sent to the old address is good no longer"
    );
    let word = post.mail(1).await;
    assert!(
        word.head.contains("To: ann@example.net"),
        "the old address is told"
    );
    assert_eq!(use_it(&first).await.fields(), ["token unknown"]);
    // Somebody else was quicker with that address; and of two wishes only the last one counts.
    ann.patch("/account", want("x@example.net"))
        .await
        .expect(200);
    let slow = held(&post.mail(2).await, CONFIRM);
    bob.patch("/account", want("x@example.net"))
        .await
        .expect(200);
    let quick = held(&post.mail(3).await, CONFIRM);
    // Whoever gets a mail about somebody else's account can't be led to make their address that one's.
    assert_eq!(use_it(&quick).await.fields(), ["token another_account"]);
    by(&bob, &quick).await.expect(204);
    assert_eq!(use_it(&slow).await.fields(), ["email taken"]);
    ann.patch("/account", want("y@example.net"))
        .await
        .expect(200);
    let earlier = held(&post.mail(5).await, CONFIRM);
    ann.patch("/account", want("z@example.net"))
        .await
        .expect(200);
    assert_eq!(use_it(&earlier).await.fields(), ["token unknown"]);
    // Nobody fills another's mailbox.
    let mut refused = 0;
    for n in 0..8 {
        let answer = ann
            .patch("/account", want(&format!("n{n}@example.net")))
            .await;
        refused += u32::from(answer.status == 429);
    }
    assert!(refused > 0);
}

async fn an_address_is_shown_by_a_link_that_fits_once(world: World) {
    let post = Post::open(world).await;
    let panel = &post.panel;
    let ann = panel.logged_in("ann", false).await;
    assert_eq!(
        ann.get("/account").await.expect(200)["email_verified"],
        false
    );
    ann.post("/account/email-link", json!({})).await.expect(202);
    let token = held(&post.mail(0).await, CONFIRM);
    ann.put("/account/email-link", json!({"token": token}))
        .await
        .expect(204);
    assert_eq!(
        ann.get("/account").await.expect(200)["email_verified"],
        true
    );
    let again = ann.post("/account/email-link", json!({})).await;
    assert_eq!(again.problem(409), "email_confirmed");
    // An invitation that was taken up shows it, too.
    let root = panel.as_admin().await;
    let invite = json!({"username": "bob", "email": "bob@example.net", "invite": true});
    root.post("/users", invite).await.expect(201);
    let mail = post.mail(1).await;
    set(&panel.nobody(), &self::token(&mail), NEW)
        .await
        .expect(204);
    let mut bob = panel.nobody();
    bob.log_in("bob", NEW).await.expect(200);
    assert_eq!(
        bob.get("/account").await.expect(200)["email_verified"],
        true
    );
}

async fn sharing_with_an_address_invites_whoever_has_no_account(world: World) {
    let smtp = Smtp::start().unwrap();
    let world = with(world, |config: &mut Config| {
        config.mail.url = smtp.url().into();
        config.mail.from = "Warren <panel@example.net>".into();
        config.public_url = "https://panel.example.net".into();
    });
    let scene = Scene::set(world).await;
    let panel = &scene.panel;
    let owner = panel.logged_in("owner", false).await;
    let mut wish = scene.wish("island");
    wish["owner"] = json!(owner.id.unwrap().to_string());
    let made = scene.admin.post("/servers", wish).await.expect(201);
    let server = made["server"]["id"].as_str().unwrap().to_owned();
    let path = format!("/servers/{server}/users");
    let share = |login: &str| json!({"login": login, "keys": ["control.start"]});
    let given = owner
        .post(&path, share("Mia.K@example.net"))
        .await
        .expect(201);
    assert_eq!(
        (&given["username"], &given["invited"]),
        (&json!("Mia.K"), &json!(true))
    );
    let first = eventually_async("the invitation", SOON, || async {
        smtp.mails().first().cloned()
    });
    let mail = first.await.unwrap();
    assert!(mail.head.contains("To: Mia.K@example.net"), "{}", mail.head);
    assert!(
        mail.text.contains("owner shares the game server"),
        "{}",
        mail.text
    );
    // Nobody comes in before the link was used, and then to that server alone.
    let mut mia = panel.nobody();
    for password in ["", "!", PASSWORD] {
        assert_eq!(
            mia.log_in("Mia.K", password).await.problem(401),
            "bad_credentials"
        );
    }
    set(&panel.nobody(), &token(&mail), NEW).await.expect(204);
    mia.log_in("mia.k@example.net", NEW).await.expect(200);
    let seen = mia.get("/servers").await.expect(200);
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    let shares = owner.get(&path).await.expect(200);
    assert_eq!(shares["items"][0]["invited"], false);
    let me = mia.get("/session").await.expect(200);
    assert_eq!(
        (&me["user"]["email_verified"], &me["permissions"]),
        (&json!(true), &json!([]))
    );
    // It is no account twice, no address, and no way to fill mailboxes.
    let again = owner.post(&path, share("mia.k@EXAMPLE.net")).await;
    assert_eq!(again.problem(409), "has_access");
    assert_eq!(
        owner.post(&path, share("a@b")).await.fields(),
        ["login invalid"]
    );
    assert_eq!(
        owner.post(&path, share("nobody")).await.fields(),
        ["login unknown"]
    );
    let mut refused = 0;
    for n in 0..12 {
        let answer = owner.post(&path, share(&format!("x{n}@example.net"))).await;
        refused += u32::from(answer.status == 429);
    }
    assert!(refused > 0);
    // Who never comes is forgotten after the link; who came is not, nor who was given something.
    let role = json!({"name": "Crew", "keys": ["node.read"]});
    let role = scene.admin.post("/roles", role).await.expect(201);
    let grants = format!("/roles/{}/grants", role["id"].as_str().unwrap());
    let list = owner.get(&path).await.expect(200);
    let x0 = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["username"] == "x0")
        .unwrap();
    let give = json!({"user": x0["id"], "reach": "everything"});
    scene.admin.post(&grants, give).await.expect(201);
    let app = &panel.world.app;
    let tx = app.db.begin(Lane::People).await.unwrap();
    users::Entity::update_many()
        .col_expr(users::Column::CreatedAtMs, Expr::value(1))
        .exec(&*tx)
        .await
        .unwrap();
    password_links::Entity::update_many()
        .col_expr(password_links::Column::ExpiresAtMs, Expr::value(1))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    link::prune(app).await.unwrap();
    let gone = newcomer::forget_unclaimed(app).await.unwrap();
    assert!(gone > 0);
    assert_eq!(newcomer::forget_unclaimed(app).await.unwrap(), 0);
    let left = owner.get(&path).await.expect(200);
    assert_eq!(left["items"].as_array().unwrap().len(), 2, "{left}");
    let log = scene
        .admin
        .get("/audit?action=person.delete")
        .await
        .expect(200);
    assert_eq!(log["items"][0]["diff"]["unclaimed"], true);
    mia.get("/servers").await.expect(200);
}

async fn without_a_server_it_is_said(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let asked = panel
        .nobody()
        .post("/password-links", json!({"login": "root"}))
        .await;
    assert_eq!(asked.problem(409), "mail_off");
    let ask = json!({"username": "ann", "email": "ann@example.net", "invite": true});
    assert_eq!(root.post("/users", ask).await.problem(409), "mail_off");
    let rows = users::Entity::find()
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(rows.len(), 1, "nobody was made");
}
