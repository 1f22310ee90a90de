//! `variables`. Their defaults may break their own rules: rules bind servers, not eggs.

use serde_json::Value;

use super::EggError;
use super::reader::{At, Ctx};
use crate::environment;
use crate::limits;
use crate::model::Variable;
use crate::rules;

pub(super) fn read(root: &At, ctx: &mut Ctx) -> Result<Vec<Variable>, EggError> {
    let Some(at) = root.get("variables") else {
        ctx.odd(
            "variables_missing",
            "variables",
            "the egg names no variables, not even none: was the file cut off?",
        );
        return Ok(Vec::new());
    };
    if at.is_empty_collection() {
        return Ok(Vec::new());
    }
    let items = at.items()?;
    if items.len() > limits::VARIABLES {
        let most = limits::VARIABLES;
        return Err(EggError::new(
            "too_many",
            "variables",
            format!("at most {most} variables are taken"),
        ));
    }
    let mut variables: Vec<Variable> = Vec::with_capacity(items.len());
    for item in items {
        let variable = read_one(&item, ctx)?;
        match variables.iter_mut().find(|known| known.env == variable.env) {
            // Panels key values by this name, so the last one's default has always won.
            Some(known) => {
                ctx.odd(
                    "variable_repeated",
                    item.field,
                    format!("{} occurs twice; the last one was kept", variable.env),
                );
                *known = variable;
            }
            None => variables.push(variable),
        }
    }
    Ok(variables)
}

fn read_one(at: &At, ctx: &mut Ctx) -> Result<Variable, EggError> {
    if !at.value.is_object() {
        return Err(at.wrong("a map"));
    }
    let env = at.required_text("env_variable")?.trim().to_owned();
    let field = format!("{}.env_variable", at.field);
    let fits = (1..=limits::NAME_CHARS).contains(&env.len())
        && env
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !fits {
        let message = format!("{env:?} can't name a variable: letters, digits and _ are allowed");
        return Err(EggError::new("bad_value", field, message));
    }
    if env.bytes().any(|byte| byte.is_ascii_lowercase()) {
        ctx.odd(
            "variable_lower_case",
            field.clone(),
            format!("containers get it as {}", env.to_ascii_uppercase()),
        );
    }
    if environment::is_reserved(&env) {
        ctx.odd(
            "variable_reserved",
            field,
            format!("{env} is set by the platform; this variable never reaches the server"),
        );
    }
    let viewable = at.flag("user_viewable", ctx)?;
    let editable = at.flag("user_editable", ctx)?;
    if editable && !viewable {
        ctx.odd(
            "editable_but_hidden",
            at.field.clone(),
            "what nobody may see nobody may edit: it is hidden",
        );
    }
    let rules = read_rules(at, ctx)?;
    let default = at.text("default_value", ctx)?;
    look_over(&rules, &default, at, ctx);
    Ok(Variable {
        name: at.text("name", ctx)?,
        description: at.text("description", ctx)?,
        env,
        default,
        user_viewable: viewable,
        user_editable: viewable && editable,
        rules,
        sort: read_sort(at, ctx),
    })
}

fn read_sort(at: &At, ctx: &mut Ctx) -> Option<i64> {
    let sort = at.get("sort")?;
    let place = match sort.value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    if place.is_none() {
        let message = format!("{} is no place in a list; it was left out", sort.value);
        ctx.odd("sort_ignored", sort.field, message);
    }
    place
}

fn look_over(list: &[String], default: &str, at: &At, ctx: &mut Ctx) {
    for (rule, reason) in rules::unknown(list) {
        let rule: String = rule.chars().take(80).collect();
        ctx.odd(
            "rule_unchecked",
            format!("{}.rules", at.field),
            format!("{rule}: {reason}"),
        );
    }
    // An empty default is no fault: the value is asked for when a server is made.
    if !default.is_empty()
        && let Err(violation) = rules::validate(list, default)
    {
        let message = format!(
            "the default breaks the egg's own rule {}: it {violation}",
            violation.rule
        );
        ctx.odd(
            "default_breaks_rule",
            format!("{}.default_value", at.field),
            message,
        );
    }
}

fn read_rules(at: &At, ctx: &mut Ctx) -> Result<Vec<String>, EggError> {
    let Some(rules) = at.get("rules") else {
        return Ok(Vec::new());
    };
    let list = match rules.value {
        Value::String(text) => {
            if text.ends_with('|') || text.contains("||") {
                ctx.odd(
                    "rule_empty",
                    rules.field.clone(),
                    "empty rules were left out",
                );
            }
            rules::split(text)
        }
        _ => at.texts("rules", ctx)?,
    };
    let list: Vec<_> = list
        .into_iter()
        .filter(|rule| !rule.trim().is_empty())
        .collect();
    if list.len() > limits::RULES {
        let most = limits::RULES;
        return Err(EggError::new(
            "too_many",
            rules.field,
            format!("at most {most} rules are taken"),
        ));
    }
    Ok(list)
}
