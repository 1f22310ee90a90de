// Shows /api/openapi.json. Text is set as text everywhere: nothing in the description is taken as markup.
const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH = 6;

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  made.append(...children.filter((child) => child != null));
  return made;
}

function resolve(spec, schema) {
  const reference = schema?.$ref;
  if (!reference) return [schema, undefined];
  const name = reference.split("/").at(-1);
  return [spec.components?.schemas?.[name], name];
}

function typeName(spec, schema) {
  if (!schema) return "any";
  const [inner, name] = resolve(spec, schema);
  if (name) return name;
  const choices = inner.oneOf ?? inner.anyOf;
  if (choices) return choices.map((one) => typeName(spec, one)).join(" | ");
  if (inner.enum) return inner.enum.map((value) => JSON.stringify(value)).join(" | ");
  const type = Array.isArray(inner.type) ? inner.type.join(" | ") : inner.type ?? "any";
  if (inner.items) return `${typeName(spec, inner.items)}[]`;
  return inner.format ? `${type} (${inner.format})` : type;
}

function example(spec, schema, depth = 0) {
  const [inner] = resolve(spec, schema);
  if (!inner || depth > DEPTH) return null;
  const choices = inner.oneOf ?? inner.anyOf;
  if (choices) return example(spec, choices.find((one) => one.type !== "null") ?? choices[0], depth + 1);
  if (inner.allOf) return Object.assign({}, ...inner.allOf.map((one) => example(spec, one, depth + 1)));
  if (inner.enum) return inner.enum[0];
  const type = Array.isArray(inner.type) ? inner.type.find((one) => one !== "null") : inner.type;
  if (type === "array") return [example(spec, inner.items, depth + 1)];
  if (type === "object" || inner.properties) {
    return Object.fromEntries(
      Object.entries(inner.properties ?? {}).map(([key, value]) => [key, example(spec, value, depth + 1)]),
    );
  }
  if (type === "integer" || type === "number") return inner.default ?? inner.minimum ?? 0;
  if (type === "boolean") return false;
  return inner.format === "date-time" ? "2026-01-01T00:00:00Z" : "string";
}

function fields(spec, schema, prefix = "", depth = 0) {
  const [inner] = resolve(spec, schema);
  if (!inner || depth > 2) return [];
  const parts = inner.allOf ? inner.allOf.flatMap((one) => fields(spec, one, prefix, depth)) : [];
  const required = new Set(inner.required ?? []);
  for (const [name, value] of Object.entries(inner.properties ?? {})) {
    const [target] = resolve(spec, value);
    parts.push([prefix + name, typeName(spec, value), required.has(name), value.description ?? target?.description ?? ""]);
  }
  return parts;
}

function table(rows) {
  if (rows.length === 0) return null;
  const body = rows.map(([name, type, required, text]) =>
    element("tr", {}, element("td", {}, element("code", {}, name)),
      element("td", { class: "dim" }, element("code", {}, type)),
      element("td", {}, `${required ? "required. " : ""}${text}`)));
  return element("table", {}, element("tbody", {}, ...body));
}

function section(title, ...content) {
  const kept = content.filter((one) => one != null);
  return kept.length ? element("section", {}, element("h3", {}, title), ...kept) : null;
}

function content(spec, body) {
  return Object.entries(body?.content ?? {}).flatMap(([type, media]) => {
    const json = type.includes("json");
    return [
      element("p", { class: "dim" }, element("code", {}, `${type}: ${typeName(spec, media.schema)}`)),
      table(fields(spec, media.schema)),
      json && media.schema ? element("pre", {}, JSON.stringify(example(spec, media.schema), null, 2)) : null,
    ].filter((one) => one != null);
  });
}

function operation(spec, path, method, item) {
  const summary = element("summary", {}, element("span", { class: "method" }, method.toUpperCase()),
    element("code", {}, path), element("span", { class: "dim" }, item.summary ?? ""));
  const inside = element("div", {});
  const details = element("details", { id: item.operationId }, summary, inside);
  // Drawn when it is opened: a hundred examples at once would be slow on a phone.
  details.addEventListener("toggle", () => {
    if (!details.open || inside.childElementCount) return;
    const parameters = (item.parameters ?? []).map((one) =>
      [`${one.name} (${one.in})`, typeName(spec, one.schema), one.required, one.description ?? ""]);
    const answers = Object.entries(item.responses ?? {}).map(([status, answer]) =>
      section(status === "default" ? "otherwise" : status, answer.description ? element("p", {}, answer.description) : null,
        ...content(spec, answer)));
    inside.append(...[
      item.description ? element("p", {}, item.description) : null,
      element("p", { class: "dim" }, element("code", {}, item.operationId)),
      section("Parameters", table(parameters)),
      section("Body", ...content(spec, item.requestBody)),
      ...answers,
    ].filter((one) => one != null));
  });
  details.dataset.text = `${method} ${path} ${item.operationId} ${item.summary ?? ""} ${item.description ?? ""}`.toLowerCase();
  return details;
}

function draw(spec, main) {
  const groups = new Map((spec.tags ?? []).map((tag) => [tag.name, { text: tag.description, list: [] }]));
  for (const [path, item] of Object.entries(spec.paths ?? {})) {
    for (const method of METHODS) {
      if (!item[method]) continue;
      const tag = item[method].tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, { text: "", list: [] });
      groups.get(tag).list.push(operation(spec, path, method, item[method]));
    }
  }
  main.replaceChildren(...[...groups].map(([name, group]) =>
    element("section", {}, element("h2", {}, name), element("p", { class: "dim" }, group.text ?? ""), ...group.list)));
}

function filter(main, words) {
  for (const section of main.children) {
    let any = false;
    for (const details of section.querySelectorAll("details")) {
      const fits = words.every((word) => details.dataset.text.includes(word));
      details.hidden = !fits;
      any ||= fits;
    }
    section.hidden = !any;
  }
}

const main = document.getElementById("operations");
try {
  const answer = await fetch("/api/openapi.json");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  draw(await answer.json(), main);
  if (location.hash) {
    const named = document.getElementById(location.hash.slice(1));
    if (named) {
      named.open = true;
      named.scrollIntoView();
    }
  }
} catch (error) {
  main.replaceChildren(element("p", { class: "warning" }, `The description could not be read: ${error.message}`));
}
document.getElementById("search").addEventListener("input", (event) => {
  filter(main, event.target.value.toLowerCase().split(/\s+/).filter(Boolean));
});
