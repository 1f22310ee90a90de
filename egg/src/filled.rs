//! Config values as control sends them: filled in but for what only the node knows.

use serde_json::{Value, json};

use crate::model::{FindValue, Literal, Parser};

/// What only the node can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Address of the bridge that servers stand behind: `config.docker.interface`.
    pub interface: String,
}

/// A piece of a value that control has filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// The node's bridge address.
    Interface,
}

/// A literal, or a text that still needs the node.
#[derive(Clone, Debug, PartialEq)]
pub enum Filled {
    Literal(Literal),
    Parts(Vec<Part>),
}

/// A config value with everything in place that control knows.
#[derive(Clone, Debug, PartialEq)]
pub enum FilledValue {
    Set(Filled),
    When(Vec<(String, Filled)>),
}

/// A config file as the agent gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct FilledFile {
    pub path: String,
    pub parser: Parser,
    pub create: bool,
    pub find: Vec<(String, FilledValue)>,
}

impl Filled {
    fn to_json(&self) -> Value {
        match self {
            Self::Literal(literal) => literal.to_json(),
            Self::Parts(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => Value::String(text.clone()),
                    Part::Interface => json!({ "node": "interface" }),
                })
                .collect(),
        }
    }

    fn from_json(value: &Value) -> Option<Self> {
        let Value::Array(items) = value else {
            return Literal::from_json(value).map(Self::Literal);
        };
        items
            .iter()
            .map(|item| match item {
                Value::String(text) => Some(Part::Text(text.clone())),
                other => (other.get("node")? == "interface").then_some(Part::Interface),
            })
            .collect::<Option<Vec<_>>>()
            .map(Self::Parts)
    }

    fn settle(&self, node: &NodeFacts) -> Literal {
        match self {
            Self::Literal(literal) => literal.clone(),
            Self::Parts(parts) => Literal::Text(
                parts
                    .iter()
                    .map(|part| match part {
                        Part::Text(text) => text.as_str(),
                        Part::Interface => node.interface.as_str(),
                    })
                    .collect(),
            ),
        }
    }
}

impl FilledValue {
    /// As it goes to the agent: a literal; a list of texts and `{"node":"interface"}`; or a map of conditions.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Set(filled) => filled.to_json(),
            Self::When(pairs) => pairs
                .iter()
                .map(|(when, then)| (when.clone(), then.to_json()))
                .collect(),
        }
    }

    /// `None`: not what `to_json` writes.
    pub fn from_json(value: &Value) -> Option<Self> {
        let Value::Object(pairs) = value else {
            return Filled::from_json(value).map(Self::Set);
        };
        pairs
            .iter()
            .map(|(when, then)| Some((when.clone(), Filled::from_json(then)?)))
            .collect::<Option<Vec<_>>>()
            .map(Self::When)
    }

    /// Puts in what the node knows: ready for [`crate::write::apply`].
    pub fn settle(&self, node: &NodeFacts) -> FindValue {
        match self {
            Self::Set(filled) => FindValue::Set(filled.settle(node)),
            Self::When(pairs) => FindValue::When(
                pairs
                    .iter()
                    .map(|(when, then)| (when.clone(), then.settle(node)))
                    .collect(),
            ),
        }
    }
}
