//! The first admin comes in by a link that is good once; it is made anew for as long as nobody has used it.

use sea_orm::EntityTrait;
use serde_json::json;
use warren_control::account::first_run::first_run;
use warren_entity::{audit_log, users};

use crate::{http_panel::Panel, on_both, world::World};

on_both! {
    the_link_of_the_set_up_is_good_once
    with_somebody_there_nobody_is_made
}

fn token(link: &str) -> String {
    let (page, token) = link.split_once("#token=").unwrap();
    assert!(page.ends_with("/set-password"), "{link}");
    token.to_owned()
}

async fn the_link_of_the_set_up_is_good_once(world: World) {
    let panel = Panel::open(world).await;
    let ground = &*panel.world.app;
    let first = first_run(ground).await.unwrap();
    assert!(first.created && first.user.as_deref() == Some("admin"));
    let again = first_run(ground).await.unwrap();
    assert!(!again.created, "one admin, however often it is asked for");
    let (old, new) = (token(&first.link.unwrap()), token(&again.link.unwrap()));
    let set = async |token: &str, password: &str| {
        let body = json!({"token": token, "new_password": password});
        panel.nobody().put("/password-links", body).await
    };
    let mut person = panel.nobody();
    for guess in ["", "!", "admin"] {
        person.log_in("admin", guess).await.expect(401);
    }
    set(&old, "a warren of many burrows").await.expect(422);
    set(&new, "short").await.expect(422);
    set(&new, "a warren of many burrows").await.expect(204);
    set(&new, "another warren of burrows").await.expect(422);
    person
        .log_in("admin", "a warren of many burrows")
        .await
        .expect(200);
    let me = person.get("/session").await.expect(200);
    let me = &me["user"];
    assert_eq!(
        (&me["admin"], &me["email_verified"]),
        (&json!(true), &json!(false)),
        "{me}"
    );
    let later = first_run(ground).await.unwrap();
    assert!(!later.created && later.link.is_none(), "it is used");
    assert_eq!(
        users::Entity::find()
            .all(ground.db.read())
            .await
            .unwrap()
            .len(),
        1
    );
    let audit = audit_log::Entity::find()
        .all(ground.db.read())
        .await
        .unwrap();
    let said = |action: &str| audit.iter().filter(|e| e.action == action).count();
    assert_eq!(
        (said("password_link.create"), said("account.password")),
        (2, 1)
    );
}

async fn with_somebody_there_nobody_is_made(world: World) {
    let panel = Panel::open(world).await;
    let id = panel.account("somebody", false, false).await;
    let ground = &*panel.world.app;
    let nothing = first_run(ground).await.unwrap();
    assert!(!nothing.created && nothing.link.is_none());
    let root = panel.logged_in("root", true).await;
    root.delete(&format!("/users/{id}")).await.expect(204);
    let nothing = first_run(ground).await.unwrap();
    assert!(!nothing.created && nothing.link.is_none());
}
