//! The audit log as a chain: what is changed behind its back is found.

use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};
use warren_control::{
    audit::chain::{self, Verdict},
    db::Lane,
};
use warren_entity::audit_log;

use crate::{http_panel::Panel, on_both, with_two_controls, world::World};

on_both! {
    each_row_is_sealed_with_the_one_before_it
}

with_two_controls! {
    two_controls_seal_one_chain
}

async fn behind_its_back(world: &World, sql: &str) {
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    tx.execute_unprepared(sql).await.unwrap();
    tx.commit().await.unwrap();
}

async fn seen(world: &World) -> Verdict {
    chain::verify(&world.app).await.unwrap()
}

async fn each_row_is_sealed_with_the_one_before_it(world: World) {
    let panel = Panel::open(world).await;
    for name in ["ann", "bob", "cleo", "dave"] {
        panel.logged_in(name, false).await;
    }
    let world = &panel.world;
    let before = seen(world).await;
    assert!(
        before.ok && before.rows == 0 && before.unsealed == 4,
        "{before:?}"
    );
    assert_eq!(chain::extend(&world.app).await.unwrap(), 4);
    assert_eq!(chain::extend(&world.app).await.unwrap(), 0, "each once");
    panel.logged_in("eve", false).await;
    assert_eq!(chain::extend(&world.app).await.unwrap(), 1);
    let whole = seen(world).await;
    assert!(
        whole.ok && whole.rows == 5 && whole.unsealed == 0,
        "{whole:?}"
    );
    let rows = audit_log::Entity::find()
        .order_by_asc(audit_log::Column::Seq)
        .all(world.app.db.read())
        .await
        .unwrap();
    let (third, last) = (&rows[2], &rows[4]);
    let broken_at = async |what: &str| {
        let verdict = seen(world).await;
        assert!(!verdict.ok, "{what}");
        verdict.broken.unwrap().seq
    };
    // Changed ...
    let set =
        |id: &str, to: &str| format!("UPDATE audit_log SET actor_id = '{to}' WHERE id = '{id}'");
    behind_its_back(world, &set(&third.id, "somebody")).await;
    assert_eq!(broken_at("a changed row").await, 3);
    behind_its_back(world, &set(&third.id, third.actor_id.as_ref().unwrap())).await;
    assert!(seen(world).await.ok, "as it was");
    // ... in its order ...
    let swap = |a: i64, b: i64| format!("UPDATE audit_log SET seq = {b} WHERE seq = {a}");
    for (a, b) in [(2, 99), (3, 2), (99, 3)] {
        behind_its_back(world, &swap(a, b)).await;
    }
    assert_eq!(broken_at("rows that changed places").await, 2);
    for (a, b) in [(2, 99), (3, 2), (99, 3)] {
        behind_its_back(world, &swap(a, b)).await;
    }
    assert!(seen(world).await.ok, "as it was");
    // ... the last one taken out, and one from the middle.
    behind_its_back(
        world,
        &format!("DELETE FROM audit_log WHERE id = '{}'", last.id),
    )
    .await;
    assert_eq!(broken_at("an end that is gone").await, 5);
    behind_its_back(
        world,
        &format!("DELETE FROM audit_log WHERE id = '{}'", third.id),
    )
    .await;
    assert_eq!(broken_at("a row that is gone").await, 3);
}

async fn two_controls_seal_one_chain(world: World) {
    let panel = Panel::open(world).await;
    for round in 0..4 {
        panel.logged_in(&format!("user{round}"), false).await;
        let one = chain::extend(&panel.world.app);
        let two = chain::extend(&panel.world.others[0]);
        let (one, two) = tokio::join!(one, two);
        assert_eq!(one.unwrap() + two.unwrap(), 1, "one of them seals it");
    }
    let verdict = seen(&panel.world).await;
    assert!(verdict.ok && verdict.rows == 4, "{verdict:?}");
}
