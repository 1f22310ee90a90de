// Every text that the API takes, by its own description, and what becomes of hostile text there. A field without a row
// here is a fault: whoever adds one says whether it takes any text, and the tale tries whether that is so.

/** What is tried. `all` is last, and stays where one text replaces another. */
export const HOSTILE = {
  script: '<script>window.__hit=1</script>',
  far: '<img src=https://evil.invalid/x.png onerror=window.__hit=2>',
  link: 'javascript:window.__hit=3',
  template: '{{7*7}} ${7*7} #{7*7} %s %n',
  formula: '=HYPERLINK("https://evil.invalid/","x")',
  turned: 'good\u202egnp.exe',
  nothing: 'ad\u200bmin\u2060',
  nul: 'a\0b',
  lines: 'a\r\nb',
  escape: 'a\x1b]8;;javascript:window.__hit=4\x07b\x1b]8;;\x07',
  long: 'W'.repeat(10000),
  all: `<img src=x onerror=window.__hit=5>'"><svg onload=__hit=6>`,
}

/** Where none should be taken, and where each costs much: one of each kind of trouble. */
export const FEW = ['formula', 'turned', 'nul', 'long', 'all']

// At least one of the texts is taken; whatever is not is refused in words.
const takes = { taken: true }
// The same of a text that has to look like something: `as` makes it so.
const takesAs = (as) => ({ taken: true, as })
// An id, a key, a date or a narrow form: none of the texts is.
const refuses = { taken: false }
// Shown to nobody, and guarded against guessing: not tried.
const secret = { untried: true }
// Needs more than the API to be reached; the tale gets there in its own way.
const elsewhere = { untried: true }

const mail = takesAs((text) => `${text.replace(/[ ]/g, '/')}@evil.invalid`)
const mountFields = { name: takes, description: takes, 'nodes[]': refuses, 'locations[]': refuses, 'eggs[]': refuses }
// A name that is nowhere yet: what would replace a file is refused for that.
const anew = takesAs((text) => `${fresh()} ${text}`)
const fresh = () => `n${Math.random().toString(36).slice(2)}`

/**
 * A row for each operation that takes text: `body`, into which each text is put where the field's name says, and a
 * verdict for each field. `it` holds the ids of what the tale has made. `?name` is a part of the query.
 */
export const operations = (it) => ({
  'PATCH /account': { by: it.ann, body: {}, fields: { email: refuses, username: refuses, current_password: secret } },
  'POST /account/api-keys': {
    body: { name: 'k', keys: ['server.read'] },
    fields: { name: takes, 'keys[]': refuses, 'addresses[]': refuses, expires_at: refuses },
  },
  'POST /account/logins': { body: {}, fields: { provider: refuses, current_password: secret } },
  'POST /account/passkeys': { fields: { name: elsewhere, state: secret } },
  'POST /account/passkeys/offer': { fields: { current_password: secret } },
  'PATCH /account/passkeys/{id}': { id: it.passkey, body: {}, fields: { name: takes } },
  'PUT /account/password': { fields: { current_password: secret, new_password: secret } },
  'PUT /account/second-factor': { fields: { code: secret } },
  'POST /account/second-factor': { fields: { current_password: secret } },
  'POST /account/second-factor/off': { fields: { current_password: secret, code: secret } },
  'POST /account/second-factor/recovery-codes': { fields: { current_password: secret, code: secret } },
  'PUT /account/profile': {
    body: {},
    fields: { bio: takes, display_name: takes, 'links[]': refuses, time_zone: refuses },
  },
  'POST /account/ssh-keys': { fields: { name: elsewhere, public_key: elsewhere, current_password: secret } },
  'PATCH /account/ssh-keys/{id}': { id: it.sshKey, body: {}, fields: { name: takes } },
  'POST /backup-stores': {
    body: () => ({ kind: 's3', name: fresh(), endpoint: 'https://s3.invalid', bucket: 'b', access_key: 'k', secret_key: 's' }),
    fields: {
      name: takes, path: elsewhere, endpoint: refuses, region: takes, bucket: takes, prefix: takes, access_key: takes,
      secret_key: secret, 'nodes[]': refuses,
    },
  },
  'PUT /backup-stores/{backup_store}': {
    body: () => ({ ...it.backupStore, kind: undefined, name: fresh() }),
    fields: {
      name: anew, path: elsewhere, endpoint: refuses, region: takes, bucket: takes, prefix: takes, access_key: takes,
      secret_key: secret, 'nodes[]': refuses,
    },
  },
  'POST /backup-stores/{backup_store}/test': { body: {}, fields: { node: refuses } },
  'POST /servers/{server}/backup-keys': { body: {}, fields: { current_password: secret } },
  'PUT /servers/{server}/backup-settings': {
    body: { hooks: { before: [], after: [], ready: '', wait_s: 1 } },
    fields: { 'hooks.before[]': takes, 'hooks.after[]': takes, 'hooks.ready': takes, 'ignore[]': takes, store: refuses },
  },
  // A backup runs for its while, and one at a time.
  'POST /servers/{server}/backups': { fields: { name: elsewhere, 'ignore[]': elsewhere, store: refuses }, body: {} },
  'PATCH /servers/{server}/backups/{backup}': { fields: { name: elsewhere } },
  'POST /servers/{server}/backups/{backup}/restore': { fields: { 'paths[]': elsewhere, server: elsewhere } },
  'PUT /database-hosts/{database_host}': {
    body: () => ({ ...it.databaseHost, engine: undefined, name: fresh() }),
    fields: {
      username: takes, name: takes, address: refuses, public_address: refuses, password: secret, ca_pem: refuses,
      'nodes[]': refuses, 'locations[]': refuses,
    },
  },
  'POST /database-hosts': {
    body: () => ({ ...it.databaseHost, name: fresh() }),
    fields: {
      name: takes, address: refuses, public_address: refuses, username: takes, password: secret, ca_pem: refuses,
      'nodes[]': refuses, 'locations[]': refuses,
    },
  },
  'POST /eggs/import': { body: it.plainEgg, fields: { '': refuses, file: elsewhere, '?name': takes, '?nest': refuses }, made: 'egg' },
  'POST /eggs/starters/{key}': { key: 'minecraft-vanilla', body: {}, fields: { '?nest': refuses } },
  'PATCH /eggs/{egg}': { body: {}, fields: { nest: refuses } },
  // A revoked one counts against its person until it would have ended: few are made.
  'POST /event-consumers': { only: FEW, body: { name: 'c' }, fields: { name: takes, 'servers[]': refuses } },
  'PATCH /locations/{location}': { body: {}, fields: { name: takes, description: takes } },
  'POST /locations': { body: () => ({ name: fresh() }), fields: { name: takes, description: takes } },
  'PATCH /mounts/{mount}': { body: {}, fields: { ...mountFields, source: refuses, target: refuses } },
  'POST /mounts': {
    body: () => ({ name: fresh(), source: '/srv/hostile', target: '/mnt/hostile' }),
    fields: { ...mountFields, source: refuses, target: refuses },
  },
  'PATCH /nests/{nest}': { body: {}, fields: { name: takes, description: takes } },
  'POST /nests': { body: () => ({ name: fresh() }), fields: { name: takes, description: takes } },
  'POST /nodes/tokens': {
    query: 'local=true',
    body: { name: 't' },
    fields: { name: takes, 'labels{}': takes, 'labels{key}': takes, node: refuses },
  },
  'PATCH /nodes/{node}': { body: {}, fields: { name: takes, location: refuses, player_address: refuses } },
  'POST /nodes/{node}/allocations': { body: { ports: '30999' }, fields: { ip: refuses, ports: refuses } },
  'PATCH /nodes/{node}/allocations/{id}': { id: it.allocation, body: {}, fields: { alias: refuses } },
  'POST /nodes/{node}/orphans/{server}': { body: { action: 'adopt' }, fields: { egg: refuses } },
  'PUT /password-links': { fields: { token: secret, new_password: secret } },
  'POST /password-links': { fields: { login: secret } },
  'PUT /account/email-link': { fields: { token: secret } },
  'PATCH /plans/{plan}': { body: {}, fields: { name: takes, description: takes } },
  'POST /plans': { body: () => ({ name: fresh(), limits: {} }), fields: { name: takes, description: takes } },
  'POST /registries': {
    body: () => ({ host: `${fresh()}.example`, username: 'u', password: 'p' }),
    fields: { host: refuses, username: takes, password: secret },
  },
  'PUT /registries/{id}': { id: it.registry, body: { password: 'p' }, fields: { username: takes, password: secret } },
  'PATCH /roles/{role}': { body: {}, fields: { name: takes, description: takes, 'keys[]': refuses } },
  'POST /roles': { body: () => ({ name: fresh(), keys: [] }), fields: { name: takes, description: takes, 'keys[]': refuses } },
  'POST /roles/{role}/grants': {
    body: () => ({ user: it.user, reach: 'server', target: it.server }),
    fields: { user: refuses, target: refuses, expires_at: refuses },
  },
  // Each that is taken is a server with an install of its own: few are enough.
  'POST /servers': {
    only: FEW,
    body: () => ({ ...it.serverBody, name: fresh() }),
    made: 'server',
    fields: {
      name: takes, description: takes, egg: refuses, image: refuses, 'limits.cpuset': refuses, node: refuses,
      owner: refuses, 'ports.more[].ip': refuses, startup: takes, 'variables{}': takes, 'variables{key}': refuses,
    },
  },
  'PATCH /servers/{server}': {
    body: { variables: { EXTRA: 'x' } },
    fields: {
      name: takes, description: takes, image: refuses, 'limits.cpuset': refuses, owner: refuses, 'ports.add[].ip': refuses,
      'ports.primary': refuses, 'ports.remove[]': refuses, startup: takes, 'variables{}': takes, 'variables{key}': refuses,
    },
  },
  'POST /servers/{server}/databases': { body: {}, fields: { name: refuses, host: refuses, connections_from: refuses } },
  'DELETE /servers/{server}/databases/{database}': { only: FEW.slice(0, -1), fields: { '?name': refuses } },
  'DELETE /servers/{server}': { only: FEW.slice(0, -1), fields: { '?name': refuses } },
  'PUT /servers/{server}/files/content': { body: 'text', fields: { '?path': takes } },
  'POST /servers/{server}/files/delete': { body: {}, fields: { 'paths[]': takes } },
  'POST /servers/{server}/files/directories': { body: {}, fields: { path: takes } },
  'POST /servers/{server}/files/trash/restore': { body: { id: 'none' }, fields: { id: refuses, to: elsewhere } },
  'POST /servers/{server}/files/trash/empty': { body: {}, fields: { 'ids[]': refuses } },
  'POST /servers/{server}/files/search': { body: { name: 'x' }, fields: { name: takes, content: takes, path: takes } },
  'POST /servers/{server}/files/copy': { body: () => ({ from: '/else', to: fresh() }), fields: { from: takes, to: anew } },
  // One at a time of a server: some of the texts meet the one before.
  'POST /servers/{server}/files/archive': {
    body: () => ({ paths: ['/else'], format: 'zip', to: `/${fresh()}.zip` }),
    made: 'nothing that is deleted',
    fields: { 'paths[]': takes, to: anew },
  },
  'POST /servers/{server}/files/extract': {
    body: () => ({ archive: '/else', to: `/${fresh()}` }),
    made: 'nothing that is deleted',
    fields: { archive: takes, to: takes, 'only[]': takes },
  },
  'POST /servers/{server}/files/download': {
    body: () => ({ url: 'https://nowhere.invalid/x', path: '/', name: fresh() }),
    made: 'nothing that is deleted',
    fields: { url: refuses, path: takes, name: takes },
  },
  'POST /servers/{server}/files/chmod': { body: { mode: 420 }, fields: { 'paths[]': takes } },
  'POST /servers/{server}/files/symlink': { body: () => ({ path: fresh(), target: 'else' }), fields: { path: anew, target: takes } },
  'POST /servers/{server}/files/rename': { body: () => ({ from: '/else', to: fresh() }), fields: { from: takes, to: anew } },
  'POST /servers/{server}/transfer': { body: { dry_run: true }, fields: { node: refuses } },
  'POST /servers/{server}/input': { body: { id: it.ulid }, fields: { id: refuses, line: takes } },
  'POST /servers/{server}/users': {
    body: () => ({ login: it.name, keys: ['server.read'] }),
    fields: { login: refuses, 'keys[]': refuses, expires_at: refuses },
  },
  'PUT /servers/{server}/users/{user}': { body: { keys: ['server.read'] }, fields: { 'keys[]': refuses, expires_at: refuses } },
  'POST /session': { fields: { login: elsewhere, password: secret, code: secret } },
  'POST /session/passkey': { fields: { state: secret } },
  'POST /session/sso/{provider}': { fields: { next: elsewhere } },
  'PUT /settings': {
    body: {},
    fields: {
      name: takes, accent: refuses, 'sign_up_domains[]': refuses, 'mail.from': refuses, 'mail.url': secret, current_password: secret,
    },
  },
  'POST /settings/mail-test': { fields: { to: elsewhere, 'mail.from': elsewhere, 'mail.url': secret } },
  // Closed there; what it takes are a name and an address like those of `POST /users`.
  'POST /sign-up': { fields: { username: elsewhere, email: elsewhere } },
  'POST /view-as': { body: {}, fields: { user: refuses, role: refuses } },
  'PATCH /users/{user}': { user: it.other, body: {}, fields: { username: refuses, email: mail } },
  // Each gets a password, which takes its time by design.
  'POST /users': {
    only: FEW,
    body: () => ({ username: fresh(), email: `${fresh()}@example.net` }),
    made: 'user',
    fields: { username: refuses, email: mail, password: secret },
  },
  'PUT /users/{user}/quota': { user: it.other, body: {}, fields: { plan: refuses } },
  'PUT /users/{user}/suspension': { user: it.other, body: {}, fields: { reason: takes } },
})

/** The names of the texts in a body, as `operations` has them: `a.b`, `a[]`, `a{}` for values and `a{key}` for names. */
function textsOf(spec, schema, name = '', out = new Set(), seen = []) {
  if (schema.$ref) {
    if (seen.includes(schema.$ref)) return out
    return textsOf(spec, spec.components.schemas[schema.$ref.split('/').at(-1)], name, out, [...seen, schema.$ref])
  }
  for (const part of [...(schema.allOf ?? []), ...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) textsOf(spec, part, name, out, seen)
  if ([schema.type].flat().includes('string') && !schema.enum && schema.const === undefined) out.add(name)
  for (const [key, value] of Object.entries(schema.properties ?? {})) textsOf(spec, value, name ? `${name}.${key}` : key, out, seen)
  if (schema.items) textsOf(spec, schema.items, `${name}[]`, out, seen)
  if (schema.additionalProperties instanceof Object) {
    out.add(`${name}{key}`)
    textsOf(spec, schema.additionalProperties, `${name}{}`, out, seen)
  }
  return out
}

/** Every operation that takes text, with the names of its fields; of reading ones, those of the query. */
export function described(spec) {
  const found = { writing: new Map(), reading: new Map() }
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const texts = new Set()
      for (const { schema } of Object.values(operation.requestBody?.content ?? {})) textsOf(spec, schema ?? {}, '', texts)
      for (const { in: place, name, schema } of operation.parameters ?? []) {
        if (place === 'query' && [schema.type].flat().includes('string') && !schema.enum) texts.add(`?${name}`)
      }
      if (texts.size > 0) found[method === 'get' ? 'reading' : 'writing'].set(`${method.toUpperCase()} ${path.replace('/api/v1', '')}`, texts)
    }
  }
  return found
}

/** What the two lack: fields without a verdict, and verdicts about what is no field any more. */
export function unlike(rows, writing) {
  const faults = []
  for (const [key, texts] of writing) {
    const known = Object.keys(rows[key]?.fields ?? {})
    for (const text of texts) if (!known.includes(text)) faults.push(`${key} takes "${text}" and has no row in hostile-fields.mjs`)
  }
  for (const [key, { fields }] of Object.entries(rows)) {
    for (const text of Object.keys(fields)) if (!writing.get(key)?.has(text)) faults.push(`${key} takes no "${text}" any more`)
  }
  return faults
}

/** `body` with `text` in the place that `name` says. */
export function withText(body, name, text) {
  if (name === '') return text
  const copy = structuredClone(body)
  let at = copy
  const steps = name.split('.')
  for (const [index, step] of steps.entries()) {
    const [, key, kind] = /^(\w+)(\[\]|\{\}|\{key\})?$/.exec(step)
    const last = index === steps.length - 1
    if (kind === '{}') at[key] = { [Object.keys(at[key] ?? {})[0] ?? 'key']: text }
    else if (kind === '{key}') at[key] = { [text]: 'value' }
    else if (kind === '[]') at = last ? ((at[key] = [text]), at) : ((at[key] = [{ port: 30998 }]), at[key][0])
    else if (last) at[key] = text
    else at = at[key] = at[key] ?? {}
  }
  return copy
}
