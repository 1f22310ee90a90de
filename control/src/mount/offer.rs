//! To whom a mount is offered. Nothing is said by an empty list: whoever wants all says so.

use std::collections::BTreeSet;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
};
use serde_json::{Value, json};
use warren_entity::{eggs, locations, mount_offers, mounts, nodes};
use warren_proto::ids::{EggId, LocationId, NodeId};

use crate::error::{Fields, Result};

/// Of each kind.
const MOST: usize = 200;

/// Nodes, locations and eggs, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    /// Offered on every node.
    pub all_nodes: bool,
    /// On these.
    pub nodes: BTreeSet<String>,
    /// On those that stand there.
    pub locations: BTreeSet<String>,
    /// To servers of every egg.
    pub all_eggs: bool,
    /// To servers of these.
    pub eggs: BTreeSet<String>,
}

/// Where a server stands, as far as offers go.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its node.
    pub node: &'a str,
    /// Where that stands.
    pub location: Option<&'a str>,
    /// Its egg.
    pub egg: &'a str,
}

impl Offers {
    /// Of a mount's row and those that hang on it.
    pub fn of<'a>(
        mount: &mounts::Model,
        rows: impl IntoIterator<Item = &'a mount_offers::Model>,
    ) -> Self {
        let mut offers = Self {
            all_nodes: mount.all_nodes,
            all_eggs: mount.all_eggs,
            ..Self::default()
        };
        for row in rows {
            let list = match row.kind.as_str() {
                "node" => &mut offers.nodes,
                "location" => &mut offers.locations,
                _ => &mut offers.eggs,
            };
            list.insert(row.target_id.clone());
        }
        offers
    }

    /// Whether it is offered on a node.
    #[must_use]
    pub fn on(&self, node: &str, location: Option<&str>) -> bool {
        self.all_nodes
            || self.nodes.contains(node)
            || location.is_some_and(|location| self.locations.contains(location))
    }

    /// Whether it is offered to a server.
    #[must_use]
    pub fn to(&self, place: Place<'_>) -> bool {
        self.on(place.node, place.location) && (self.all_eggs || self.eggs.contains(place.egg))
    }

    /// For the audit log.
    #[must_use]
    pub fn told(&self) -> Value {
        json!({
            "all_nodes": self.all_nodes,
            "nodes": self.nodes,
            "locations": self.locations,
            "all_eggs": self.all_eggs,
            "eggs": self.eggs,
        })
    }

    /// Writes the lists in place of those that were.
    /// # Errors
    /// Database.
    pub async fn write(&self, db: &impl ConnectionTrait, mount: &str) -> Result<()> {
        mount_offers::Entity::delete_many()
            .filter(mount_offers::Column::MountId.eq(mount))
            .exec(db)
            .await?;
        let row = |kind: &'static str| {
            move |id: &String| mount_offers::ActiveModel {
                mount_id: Set(mount.to_owned()),
                kind: Set(kind.to_owned()),
                target_id: Set(id.clone()),
            }
        };
        let nodes = self.nodes.iter().map(row("node"));
        let locations = self.locations.iter().map(row("location"));
        let rows: Vec<_> = nodes
            .chain(locations)
            .chain(self.eggs.iter().map(row("egg")))
            .collect();
        if !rows.is_empty() {
            mount_offers::Entity::insert_many(rows)
                .exec_without_returning(db)
                .await?;
        }
        Ok(())
    }
}

/// Ids as they were typed.
fn read<T: std::str::FromStr + ToString>(
    fields: &mut Fields,
    field: &str,
    ids: &[String],
) -> BTreeSet<String> {
    if ids.len() > MOST {
        fields.refuse(field, "too_many", format!("has at most {MOST} ids"));
        return BTreeSet::new();
    }
    let read: Vec<_> = ids.iter().filter_map(|id| id.parse::<T>().ok()).collect();
    fields.check(
        read.len() == ids.len(),
        field,
        "invalid",
        "holds what is no id",
    );
    read.iter().map(ToString::to_string).collect()
}

/// The lists of a request: checked in shape. `None`: as it was.
pub struct Asked {
    nodes: Option<BTreeSet<String>>,
    locations: Option<BTreeSet<String>>,
    eggs: Option<BTreeSet<String>>,
}

impl Asked {
    /// Reads them.
    pub fn read(
        fields: &mut Fields,
        nodes: Option<&[String]>,
        locations: Option<&[String]>,
        eggs: Option<&[String]>,
    ) -> Self {
        Self {
            nodes: nodes.map(|ids| read::<NodeId>(fields, "nodes", ids)),
            locations: locations.map(|ids| read::<LocationId>(fields, "locations", ids)),
            eggs: eggs.map(|ids| read::<EggId>(fields, "eggs", ids)),
        }
    }

    /// Puts them in place of what was. Only what is new has to be there: what has gone meanwhile may stay in a list.
    /// # Errors
    /// 422 for what there is not; database.
    pub async fn over(self, db: &impl ConnectionTrait, before: &Offers) -> Result<Offers> {
        let mut fields = Fields::new();
        macro_rules! there {
            ($name:ident, $table:ident, $alive:expr) => {
                match self.$name {
                    None => before.$name.clone(),
                    Some(asked) => {
                        let new: Vec<String> = asked.difference(&before.$name).cloned().collect();
                        let found: Vec<String> = $table::Entity::find()
                            .filter($table::Column::Id.is_in(new.clone()))
                            .filter($alive)
                            .select_only()
                            .column($table::Column::Id)
                            .into_tuple()
                            .all(db)
                            .await?;
                        let unknown = new.iter().find(|id| !found.contains(id));
                        if let Some(id) = unknown {
                            let text = format!("holds {id}, which there is not");
                            fields.refuse(stringify!($name), "unknown", text);
                        }
                        asked
                    }
                }
            };
        }
        let nodes = there!(nodes, nodes, nodes::Column::DeletedAtMs.is_null());
        let locations = there!(locations, locations, locations::Column::Id.is_not_null());
        let eggs = there!(eggs, eggs, eggs::Column::DeletedAtMs.is_null());
        fields.finish()?;
        Ok(Offers {
            nodes,
            locations,
            eggs,
            ..before.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_offers_nothing() {
        let place = Place {
            node: "n",
            location: Some("l"),
            egg: "e",
        };
        let set = |id: &str| BTreeSet::from([id.to_owned()]);
        let none = Offers::default();
        assert!(!none.to(place));
        let everywhere = Offers {
            all_nodes: true,
            ..none.clone()
        };
        assert!(!everywhere.to(place), "but to no egg");
        for nodes in [
            everywhere,
            Offers {
                nodes: set("n"),
                ..none.clone()
            },
            Offers {
                locations: set("l"),
                ..none.clone()
            },
        ] {
            assert!(nodes.on("n", Some("l")) && !nodes.to(place));
            let all = Offers {
                all_eggs: true,
                ..nodes.clone()
            };
            let one = Offers {
                eggs: set("e"),
                ..nodes.clone()
            };
            let other = Offers {
                eggs: set("x"),
                ..nodes
            };
            assert!(all.to(place) && one.to(place) && !other.to(place));
        }
        let elsewhere = Offers {
            nodes: set("x"),
            locations: set("y"),
            all_eggs: true,
            ..none
        };
        assert!(!elsewhere.to(place) && !elsewhere.on("n", None));
    }
}
