//! What was taken from somebody while their request was on its way.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use warren_control::{
    access::Via,
    api_key::{dto::ApiKeyCreate, service as api_keys},
    auth::{Caller, Peer, Scheme},
    error::Error,
    person::{dto::PersonCreate, service as people},
};
use warren_entity::{sessions, users};

use crate::{
    http_panel::{Panel, Person},
    on_both,
    world::World,
};

on_both! {
    a_request_that_was_held_back_uses_nothing_that_has_ended_since
    another_address_takes_the_password_and_the_old_one_is_not_enough
}

/// Somebody whose request has come, but for its body.
async fn held_back(panel: &Panel, person: &Person) -> Caller {
    let app = &panel.world.app;
    let id = person.id.unwrap().to_string();
    let user = users::Entity::find_by_id(&id)
        .one(app.db.read())
        .await
        .unwrap()
        .unwrap();
    let session = sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(id))
        .filter(sessions::Column::EndedAtMs.is_null())
        .one(app.db.read())
        .await
        .unwrap()
        .unwrap();
    let peer = Peer {
        address: [127, 0, 0, 1].into(),
        scheme: Scheme::Http,
        host: "localhost".into(),
        user_agent: String::new(),
        local: true,
    };
    let via = Via::Session(session.id.parse().unwrap());
    Caller::of(app.db.read(), user, via, peer, app.clock.now_ms())
        .await
        .unwrap()
}

fn key() -> ApiKeyCreate {
    ApiKeyCreate {
        name: "late".into(),
        expires_at: None,
        keys: None,
        addresses: None,
        requests_per_minute: None,
    }
}

fn admin(name: &str) -> PersonCreate {
    PersonCreate {
        username: name.into(),
        email: format!("{name}@example.net"),
        password: None,
        admin: true,
        invite: false,
    }
}

async fn a_request_that_was_held_back_uses_nothing_that_has_ended_since(world: World) {
    let panel = Panel::open(world).await;
    let app = panel.world.app.clone();
    let root = panel.as_admin().await;
    let ann = panel.logged_in("ann", false).await;
    let of = |person: &Person, rest: &str| format!("/users/{}{rest}", person.id.unwrap());
    // Her log-in ends by a reset: no key comes out of it.
    let late = held_back(&panel, &ann).await;
    root.post(&of(&ann, "/password"), json!({}))
        .await
        .expect(201);
    let refused = api_keys::create(&app, &late, key())
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.code(), "session_ended");
    // An admin who is none any more makes no other.
    let other = panel.logged_in("other", true).await;
    let late = held_back(&panel, &other).await;
    root.patch(&of(&other, ""), json!({"admin": false}))
        .await
        .expect(200);
    let refused = people::create(&app, &late, admin("eve"))
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.code(), "rights_changed");
    // Nor one who is suspended.
    let third = panel.logged_in("third", true).await;
    let late = held_back(&panel, &third).await;
    root.put(&of(&third, "/suspension"), json!({}))
        .await
        .expect(200);
    let refused: Error = people::create(&app, &late, admin("eve"))
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.code(), "session_ended");
    let there = root.get("/users?search=eve").await.expect(200);
    assert_eq!(there["items"], json!([]));
    // What changes nothing of theirs goes on.
    let late = held_back(&panel, &root).await;
    api_keys::create(&app, &late, key())
        .await
        .map(drop)
        .unwrap();
}

async fn another_address_takes_the_password_and_the_old_one_is_not_enough(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let to =
        |password: Option<&str>| json!({"email": "evil@example.org", "current_password": password});
    let without = ann.patch("/account", to(None)).await;
    assert_eq!(without.fields(), ["current_password required"]);
    let wrong = ann.patch("/account", to(Some("guess"))).await;
    assert_eq!(wrong.fields(), ["current_password wrong"]);
    let name = json!({"username": "ann2", "email": "ann@example.net"});
    ann.patch("/account", name).await.expect(200);
    let right = ann
        .patch("/account", to(Some(crate::http_panel::PASSWORD)))
        .await;
    assert_eq!(right.expect(200)["email"], "evil@example.org");
}
