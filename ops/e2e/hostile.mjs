// Hostile text everywhere: markup, scripts, formulas, escapes, text that turns around and text without an end, in every
// field that the API has (a new one without a row in hostile-fields.mjs is a fault), in an egg, in file names and in what
// a game prints. Then every page that shows it, for an admin and for a person without power: it stands there as text,
// nothing runs, nothing asks elsewhere, nothing scrolls sideways.
//
//   node hostile.mjs --data DIR
import { parseArgs } from 'node:util'
import { consoleText, openBrowser, shot } from './browser.mjs'
import { pushGame } from './harness.mjs'
import { described, FEW, HOSTILE, operations, unlike, withText } from './hostile-fields.mjs'
import { check, gameEgg, Instance, Panel, PASSWORD, ulid, until, wait } from './panel.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' } } })
const instance = new Instance(options.data)
// Sets the first password if no tale has yet.
await instance.panel('hostile')
const say = (text) => console.log(`  ${text}`)
// By its name, not its number: a browser binds passkeys to names.
const origin = `http://localhost:${instance.ready.port}`
const FIRST = 'a-burrow-of-many-warrens'
const OWN = 'a-warren-of-many-burrows'
const BAD = HOSTILE.all
const TURNED = `${BAD} ${HOSTILE.turned}`
// As the panel shows it.
const SHOWN = HOSTILE.turned.replace('\u202e', '\\u{202e}')
const SERVER_KEYS = [
  'server.read', 'websocket.connect', 'control.console', 'user.read', 'file.read', 'file.read-content', 'file.update', 'file.delete',
  'allocation.read', 'startup.read', 'startup.update', 'settings.rename', 'activity.read', 'admin.websocket.install',
]
// No name of a file holds a slash, and none more than 255 bytes.
const FILES = [`${BAD}.txt`, `a ${HOSTILE.turned}`, 'two\nlines', 'red \x1b[31m', `${'w'.repeat(240)}.cfg`]
const PRINTED = [
  `printed ${BAD}`,
  'link \x1b]8;;javascript:window.__hit=7\x07click here\x1b]8;;\x07',
  'clip \x1b]52;c;aGlqYWNrZWQ=\x07copied \x1b]0;renamed\x07\x1bP+q544e\x1b\\named',
  `turned ${HOSTILE.turned}`,
  'cursor \x1b[2J\x1b[1;1H\x1b[?1049hkept',
  HOSTILE.long,
]

const admin = new Panel(origin, { address: '127.0.0.1' })
const ann = new Panel(origin, { address: '127.0.0.1' })
const it = { ann, ulid: ulid(), name: `mallory${Date.now().toString(36)}` }
const undo = []
const faults = []
const looked = { pages: 0, requests: 0 }

/** Makes something that the tale takes away again. */
async function make(path, body, part) {
  const answer = await admin.post(path, body)
  const made = part ? answer[part] : answer
  remember(path, made)
  return answer
}

/** Remembers what was made, for it to be taken away at the end. */
function remember(path, { id }) {
  undo.push(`${path.split('/import')[0]}/${id}`)
}

/** A word of a shell that is these bytes. */
const word = (text) => `"$(printf '%b' '${[...Buffer.from(text)].map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`).join('')}')"`

function hostileEgg(image) {
  const plain = gameEgg(image)
  const script = [
    '#!/bin/sh',
    'cd /mnt/server',
    // A directory of their own: lists show what is in sight.
    'echo else >else',
    'mkdir odd',
    ...FILES.map((name) => `echo content >odd/${word(name)}`),
    ...PRINTED.map((line) => `echo ${word(line)} >>printed; echo ${word(line)}`),
    `printf 'cat /home/container/printed\\nexec /games/echo\\n' >say.sh`,
  ]
  return {
    ...plain,
    meta: { ...plain.meta, update_url: HOSTILE.link },
    name: BAD,
    author: TURNED,
    description: `${TURNED}\n${HOSTILE.template}`,
    features: [TURNED],
    docker_images: { [TURNED]: image, other: TURNED.replaceAll(/[^\w\u202e]/g, '') },
    file_denylist: [TURNED],
    config: {
      files: JSON.stringify({ [`${TURNED}.yml`]: { parser: 'yaml', find: { [TURNED]: TURNED } } }),
      startup: JSON.stringify({ done: ['ready', TURNED] }),
      logs: '{}',
      stop: 'stop',
    },
    scripts: { installation: { ...plain.scripts.installation, script: script.join('\n') } },
    variables: [
      ...plain.variables,
      { ...plain.variables[0], name: TURNED, description: TURNED, env_variable: 'EXTRA', default_value: TURNED, rules: 'required|string' },
    ],
  }
}

async function makeThings() {
  await admin.login(instance.admin.user, PASSWORD)
  for (const [who, name] of [['user', it.name], ['other', `${it.name}2`]]) {
    it[who] = (await make('/users', { username: name, email: `${name}@example.net`, password: FIRST }, 'user')).user.id
  }
  await ann.login(it.name, FIRST)
  await ann.put('/account/password', { current_password: FIRST, new_password: OWN })
  await ann.login(it.name, OWN)
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti'
  it.sshKey = (await make('/account/ssh-keys', { public_key: key, name: BAD, current_password: PASSWORD })).id
  it.node = (await admin.all('/nodes'))[0].id
  it.nodeName = (await admin.get(`/nodes/${it.node}`)).name
  await admin.post(`/nodes/${it.node}/allocations`, { ports: '30997' })
  it.allocation = (await admin.all(`/nodes/${it.node}/allocations`)).find((one) => one.port === 30997).id
  undo.push(`/nodes/${it.node}/allocations/${it.allocation}`)
  const image = pushGame(instance.ready.registry)
  it.plainEgg = { ...gameEgg(image), name: 'Plain' }
  it.egg = (await make('/eggs/import', hostileEgg(image), 'egg')).egg.id
  it.serverBody = {
    egg: it.egg,
    node: it.node,
    variables: { GAME: 'sh /home/container/say.sh' },
    limits: { memory_bytes: 128 << 20, swap_bytes: 0, disk_bytes: 1 << 30, cpu_percent: 100 },
    ports: {},
    start_after_install: false,
  }
  const body = { ...it.serverBody, name: BAD, description: BAD, start_after_install: true }
  it.server = (await make('/servers', body, 'server')).server.id
  it.role = (await make('/roles', { name: 'to be renamed', keys: ['node.read'] })).id
  it.location = (await make('/locations', { name: 'to be renamed' })).id
  it.registry = (await make('/registries', { host: 'hostile.example', username: 'u', password: 'p' })).id
  it.backupStore = { name: 'to be renamed', kind: 's3', endpoint: 'https://s3.invalid', bucket: 'b', access_key: 'k', secret_key: 's' }
  it.backup_store = (await make('/backup-stores', it.backupStore)).id
  it.databaseHost = { name: 'to be renamed', engine: 'mariadb', address: 'db.hostile.example', port: 3306, username: 'u', password: 'p', tls: 'off' }
  it.database_host = (await make('/database-hosts', it.databaseHost)).id
  await admin.post(`/servers/${it.server}/users`, { login: it.name, keys: SERVER_KEYS })
  it.nest = (await make('/nests', { name: 'to be renamed' })).id
  it.mount = (await make('/mounts', { name: 'to be renamed', source: '/srv/hostile', target: '/mnt/hostile', all_nodes: true, all_eggs: true })).id
  it.plan = (await make('/plans', { name: 'to be renamed', limits: {} })).id
  await admin.put(`/users/${it.other}/quota`, { plan: it.plan })
  await admin.post(`/roles/${it.role}/grants`, { user: it.user, reach: 'server', target: it.server })
}

/** The panel bounds how fast one may ask. */
async function patiently(call) {
  for (let n = 0; ; n++) {
    const answer = await call()
    if (answer.status !== 429 || n > 40) return answer
    await wait(500)
  }
}

/** Calls, and says what a machine may not answer: a fault of its own, or a refusal without words. */
async function tried(who, method, path, body, name) {
  const { cookie } = who
  const { status, text, type } = await patiently(() => who.raw(method, `/api/v1${path}`, body))
  // Some answers take back other cookies than the session's.
  who.cookie = cookie
  looked.requests += 1
  if (status >= 500) faults.push(`${name}: ${status} ${text.slice(0, 200)}`)
  if (status >= 400) {
    const detail = /json/.test(type) ? JSON.parse(text).detail : undefined
    if (!detail) faults.push(`${name}: refused with ${status}, but not in words: ${text.slice(0, 200)}`)
  }
  return { status, text, answer: status < 300 && /json/.test(type) ? JSON.parse(text) : undefined }
}

const filled = (path, row = {}) => path.replace(/\{(\w+)\}/g, (_, name) => row[name] ?? it[name] ?? it.ulid)

async function fillFields() {
  const { writing, reading } = described(JSON.parse((await admin.raw('GET', '/api/openapi.json')).text))
  const rows = operations(it)
  faults.push(...unlike(rows, writing))
  for (const [key, row] of Object.entries(rows)) {
    const [method, template] = key.split(' ')
    const path = filled(template, row)
    for (const [field, verdict] of Object.entries(row.fields)) {
      if (verdict.untried) continue
      const taken = []
      let last
      for (const kind of row.only ?? (verdict.taken ? Object.keys(HOSTILE) : FEW)) {
        const text = (verdict.as ?? String)(HOSTILE[kind])
        const body = row.body instanceof Function ? row.body() : row.body
        const query = field.startsWith('?') ? [`${field.slice(1)}=${encodeURIComponent(text)}`] : []
        const asked = [path, [row.query, ...query].filter(Boolean).join('&')].filter(Boolean).join('?')
        const sent = query.length ? body : withText(body, field, text)
        const { status, answer, text: said } = await tried(row.by ?? admin, method, asked, sent, `${key} with ${kind} in "${field}"`)
        if (status < 300) taken.push(kind)
        last = `${status} ${said.slice(0, 200)}`
        const made = row.made ? answer?.[row.made] : answer
        if (method === 'POST' && made?.id) remember(path, made)
      }
      if (taken.length > 0 !== verdict.taken) faults.push(`${key}: "${field}" should ${verdict.taken ? '' : 'not '}take such text; it took ${taken}; the last was answered ${last}`)
    }
  }
  for (const [key, texts] of reading) {
    for (const field of texts) {
      for (const kind of FEW) {
        const query = `${field.slice(1)}=${encodeURIComponent(HOSTILE[kind])}`
        await tried(admin, 'GET', `${filled(key.split(' ')[1])}?${query}`, undefined, `${key} with ${kind} in "${field}"`)
      }
    }
  }
  return rows
}

/** Each text in an egg, one at a time: it is taken, or refused in words. */
async function fillEgg() {
  const leaves = []
  const walk = (value, path) => {
    if (typeof value === 'string') leaves.push(path)
    else if (value instanceof Object) for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key])
  }
  walk(it.plainEgg, [])
  for (const path of leaves) {
    for (const kind of FEW) {
      const egg = structuredClone(it.plainEgg)
      path.slice(0, -1).reduce((at, key) => at[key], egg)[path.at(-1)] = HOSTILE[kind]
      const { answer } = await tried(admin, 'POST', '/eggs/import', egg, `an egg with ${kind} in ${path.join('.')}`)
      if (answer) await takeAway(`/eggs/${answer.egg.id}`)
    }
  }
  return leaves.length
}

/** Names are chosen by people, and a spreadsheet takes what begins so for a formula. */
async function readExport() {
  const { text } = await admin.raw('GET', '/api/v1/audit/export?format=csv')
  const cells = [...text.matchAll(/(?:^|,|\n)(?:"((?:[^"]|"")*)"|([^",\n]*))/g)].map(([, quoted, bare]) => quoted ?? bare)
  const formulas = cells.filter((cell) => /^[=+\-@\t\r]/.test(cell))
  check(text.includes('HYPERLINK') && cells.length > 1000, 'the export holds what was done')
  check(formulas.length === 0, `no cell of it is a formula: ${formulas.slice(0, 3)}`)
  return cells.length
}

/** A browser whose every step towards harm is kept in `faults`. */
async function openWatched(options) {
  const who = await openBrowser({ colorScheme: 'dark', ...options })
  const { page, context } = who
  const note = (text) => faults.push(`${new URL(page.url()).pathname}: ${text}`)
  page.on('dialog', (dialog) => note(`a dialog: ${dialog.message()}`) ?? dialog.dismiss())
  page.on('popup', (popup) => note(`another window: ${popup.url()}`))
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== origin) note(`asked elsewhere: ${url.href.slice(0, 100)}`)
  })
  await page.addInitScript(() => {
    globalThis.__violations = []
    document.addEventListener('securitypolicyviolation', (event) => {
      globalThis.__violations.push(`${event.effectiveDirective} forbade ${event.blockedURI} ${event.sample}`)
    })
  })
  return who
}

/** What the page holds that text alone would not have brought there. */
function inspect(page) {
  return page.evaluate(() => {
    const found = globalThis.__violations.splice(0).map((text) => `the policy was needed: ${text}`)
    if (globalThis.__hit !== undefined) found.push(`a script ran: ${globalThis.__hit}`)
    for (const element of document.querySelectorAll('*')) {
      const wild = [...element.attributes].some(({ name, value }) => /^on/i.test(name) || (/^(href|src|action)$/i.test(name) && /^\s*(javascript|vbscript):/i.test(value)))
      if (wild || element.matches('iframe, object, embed, base, script:not([src]), img[src="x"]')) found.push(`an element: ${element.outerHTML.slice(0, 120)}`)
      for (const name of ['title', 'aria-label', 'placeholder']) {
        if (turns(element.getAttribute(name))) found.push(`a ${name} that turns around: ${element.getAttribute(name).slice(0, 80)}`)
      }
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) {
      const { nodeValue, parentElement } = walker.currentNode
      if (turns(nodeValue) && !parentElement.closest('textarea')) found.push(`text that turns around, in ${parentElement.outerHTML.slice(0, 160)}`)
    }
    if (turns(document.title)) found.push(`a title that turns around: ${document.title}`)
    return found

    function turns(text) {
      return /[\u202a-\u202e\u2066-\u2069]/.test(text ?? '')
    }
  })
}

const visibleText = (page) =>
  page.evaluate(() => [document.body.innerText, ...[...document.querySelectorAll('input, textarea')].map((field) => field.value)].join('\n').replaceAll('\u00a0', ' '))

/** Opens a page, waits until it shows `texts`, and looks at what is there; then once more as wide as a phone. */
async function look({ page }, path, ...texts) {
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.goto(new URL(path, origin).href, { waitUntil: 'domcontentloaded' })
  const ready = () => document.querySelector('main')?.innerText.trim().length > 20 && !document.querySelector('[aria-label="Loading"]')
  await page.waitForFunction(ready, undefined, { timeout: 5000 }).catch(() => faults.push(`${path} does not come up`))
  await lookOn(page, path, ...texts)
}

async function lookOn(page, name, ...texts) {
  for (const text of texts) {
    const shown = async () => (await visibleText(page)).includes(text)
    await until('the text', 10000, shown).catch(async () => {
      faults.push(`${name} does not show ${text} as it is, but ${(await visibleText(page)).replace(/\s+/g, ' ').slice(0, 400)}`)
    })
  }
  for (const size of [1440, 390]) {
    await page.setViewportSize({ width: size, height: size === 390 ? 844 : 900 })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    if (wide > 0) faults.push(`${name} at ${size}: ${wide} pixels too wide`)
    for (const fault of await inspect(page)) faults.push(`${name} at ${size}: ${fault}`)
  }
  looked.pages += 1
}

/** Text that a page takes for markup and a link that is a script: if these pass, nothing that follows proves anything. */
async function provesItself(page) {
  const before = faults.length
  await page.evaluate((text) => {
    const spoilt = document.createElement('div')
    spoilt.id = 'spoilt'
    spoilt.innerHTML = `<a href="javascript:window.__hit=8">x</a><img src="https://evil.invalid/x.png">a\u202eb${text}`
    spoilt.style.width = '3000px'
    document.body.append(spoilt)
  }, BAD)
  await until('the policy to be asked', 5000, () => page.evaluate(() => globalThis.__violations.length >= 2))
  await lookOn(page, 'spoilt')
  const seen = faults.splice(before).join('\n')
  for (const sign of ['the policy was needed: script-src', 'the policy was needed: img-src', 'an element: <img', 'an element: <a', 'turns around', 'too wide']) {
    check(seen.includes(sign), `"${sign}" is found when it is there: ${seen}`)
  }
  await page.evaluate(() => document.getElementById('spoilt').remove())
  page.faults.length = 0
}

async function signIn({ page }, name, password, path = '/login') {
  await page.goto(new URL(path, origin).href)
  await page.getByLabel('E-mail or user name').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}
const inside = ({ page }) => page.waitForURL((url) => url.pathname !== '/login')

/** By clicking, with Chromium's own authenticator: there is no other way to one. */
async function addPasskey({ page, context }) {
  const device = await context.newCDPSession(page)
  await device.send('WebAuthn.enable')
  const kind = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true }
  await device.send('WebAuthn.addVirtualAuthenticator', { options: kind })
  await page.goto(`${origin}/account`)
  await page.getByRole('button', { name: 'Add a passkey', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill(BAD)
  await dialog.getByLabel('Your password', { exact: true }).fill(PASSWORD)
  await dialog.locator('button[type=submit]').click()
  await page.getByRole('list', { name: 'Passkeys' }).getByText(BAD).waitFor()
  it.passkey = (await admin.all('/account/passkeys')).find((one) => one.name === BAD).id
  undo.push(`/account/passkeys/${it.passkey}`)
}

const encoded = encodeURIComponent(BAD)
// What has a dot in its last part is a file, and none of ours.
const notAFile = encodeURIComponent('<img src=x onerror=alert(1)>')

/** The doors: what stands in an address, what is typed there, and why a suspended person stays outside. */
async function lookAtDoors(who) {
  const { page } = who
  await page.goto(`${origin}/login?sso=${encoded}&next=${encodeURIComponent(HOSTILE.link)}`)
  await page.getByLabel('E-mail or user name').waitFor()
  await provesItself(page)
  await look(who, `/login?sso=${encoded}&next=${encodeURIComponent(HOSTILE.link)}`)
  await look(who, `/set-password#token=${encoded}`)
  await look(who, '/forgot-password')
  await signIn(who, `${BAD} ${it.name}`, BAD)
  await page.getByText('The name or the password is wrong.').waitFor()
  await lookOn(page, 'a refused log-in')
  await signIn(who, `${it.name}2`, FIRST)
  await lookOn(page, 'a suspended log-in', BAD)
  await shot(page, 'suspended')
}

/** Every page of an admin, each with texts that it has to show as they are. */
async function lookAsAdmin(who) {
  const { page } = who
  const server = `/servers/${it.server}`
  for (const [path, ...texts] of [
    ['/', BAD], ['/servers', BAD], ['/servers?view=cards', BAD], [`/servers?q=${encoded}`, BAD], [`/servers/${notAFile}`],
    ['/servers/new', BAD, SHOWN], [`/servers/new?egg=${it.egg}`, BAD, SHOWN],
    [`${server}/users`, it.name], [`${server}/activity`, BAD], [`${server}/settings`, BAD, SHOWN], [`${server}/install`, `printed ${BAD}`, SHOWN],
    ['/nodes', BAD], ['/nodes?join=true', BAD], [`/nodes/${it.node}`, BAD], [`/nodes/${it.node}/allocations`, BAD], [`/nodes/${it.node}/settings`, BAD],
    ['/eggs', BAD, SHOWN], [`/eggs?nest=${it.nest}`], [`/eggs?nest=${encoded}`], [`/eggs/${it.egg}`, BAD, SHOWN], ['/mounts', BAD],
    ['/people', SHOWN], [`/people/${it.user}`, BAD], [`/people/${it.other}`, BAD], ['/roles', BAD], [`/roles/${it.role}`, BAD], ['/plans', BAD],
    ['/audit', 'Details'], [`/audit?action=${encoded}`], ['/consumers', BAD], ['/registries', BAD, SHOWN], ['/settings'],
    ['/database-hosts', BAD], [`${server}/databases`],
    ['/operations', BAD], ['/account', BAD], [`/${notAFile}`],
  ]) {
    await look(who, path, ...texts)
  }
  await page.goto(`${origin}/audit?server=${it.server}`)
  const rows = page.getByRole('button', { name: 'Details', expanded: false })
  await rows.first().waitFor()
  check((await rows.count()) > 10, 'rows of the log can be opened')
  // Each opens a row, and is no closed one any more.
  for (let n = 0; n < 30; n++) await rows.nth(n % 2).click()
  await lookOn(page, 'opened rows of the log', BAD)
  await page.keyboard.press('Control+k')
  await page.keyboard.type(BAD.slice(0, 12))
  await lookOn(page, 'the palette', BAD)
  await page.goto(`${origin}${server}/settings`)
  await page.getByRole('button', { name: /^Delete/ }).first().click()
  await page.getByRole('dialog').waitFor()
  await lookOn(page, 'the question before a server is deleted', BAD)
  await lookAtServer(who)
}

/** What a server shows of itself: its name in the tab, what the game prints, its files, their names and content. */
async function lookAtServer(who) {
  const { page } = who
  const files = `/servers/${it.server}/files`
  await look(who, `/servers/${it.server}`, BAD)
  const lines = () => consoleText(page)
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.getByRole('textbox', { name: 'Command' }).fill(BAD)
  await page.getByRole('textbox', { name: 'Command' }).press('Enter')
  await until('the answer', 10000, async () => (await lines()).includes(`got: ${BAD}`))
  check((await page.title()).includes(BAD), `the tab is named as the server is: ${await page.title()}`)
  await page.getByRole('button', { name: 'Search', exact: true }).click()
  await page.getByRole('textbox', { name: 'Search in the console' }).fill('click here')
  await until('the link of the game', 10000, async () => (await lines()).includes('link click here'))
  const link = page.locator('.xterm-rows > div').filter({ hasText: 'link' }).getByText('click here').first()
  await link.hover({ force: true })
  await link.click({ force: true })
  await lookOn(page, 'the console')
  await shot(page, 'console')
  await look(who, files)
  await look(who, `${files}?path=/odd`, FILES[0], `a ${SHOWN}`, FILES[4])
  await shot(page, 'files')
  await page.getByRole('checkbox', { name: /^Select a good/ }).check()
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByText('moved to the trash').first().waitFor()
  await lookOn(page, 'a file that was deleted', SHOWN)
  await page.getByRole('button', { name: 'Undo', exact: true }).click()
  await page.getByRole('checkbox', { name: /^Select a good/ }).waitFor()
  await look(who, `${files}?edit=${encodeURIComponent(`/odd/${FILES[1]}`)}`, SHOWN)
  await look(who, `${files}?edit=${encodeURIComponent('/printed')}`, `printed ${BAD}`)
  await look(who, `${files}?path=${encoded}&edit=${encoded}`)
}

/** The same for somebody who may see one server and nothing else. */
async function lookAsAnn(who) {
  // A link to the door must not lead elsewhere.
  for (const next of [HOSTILE.link, 'https://evil.invalid/', '//evil.invalid/', '/\\evil.invalid/']) {
    await signIn(who, it.name, OWN, `/login?next=${encodeURIComponent(next)}`)
    await inside(who)
    await lookOn(who.page, `the page behind a link to ${next}`, BAD)
    if (who.page.url() !== `${origin}/`) faults.push(`a link to ${next} led to ${who.page.url()}`)
    await who.context.clearCookies()
  }
  await signIn(who, it.name, OWN)
  await inside(who)
  const server = `/servers/${it.server}`
  for (const [path, ...texts] of [
    ['/', BAD], ['/servers', BAD], [`${server}/users`, it.name], [`${server}/activity`, BAD], [`${server}/settings`, BAD, SHOWN], [`${server}/install`, BAD],
    ['/account', it.name], ['/people'], ['/audit'], [`/eggs/${it.egg}`], [`/nodes/${it.node}`], [`/roles/${it.role}`],
  ]) {
    await look(who, path, ...texts)
  }
  await lookAtServer(who)
}

/** A server goes by the name that it has by now. */
async function takeAway(path) {
  const ask = (method, query = '') => patiently(() => admin.raw(method, `/api/v1${path}${query}`))
  const query = path.startsWith('/servers/') ? `?name=${encodeURIComponent(JSON.parse((await ask('GET')).text).name)}` : ''
  const { status, text } = await ask('DELETE', query)
  if (status >= 400) faults.push(`DELETE ${path} answered ${status}: ${text.slice(0, 200)}`)
}

const boss = await openWatched()
// The sessions of a person name the browser by what it says of itself.
const her = await openWatched({ userAgent: BAD })
try {
  await makeThings()
  await signIn(boss, instance.admin.user, PASSWORD)
  await inside(boss)
  await addPasskey(boss)
  await admin.state(it.server, 'running', 60000)
  const rows = await fillFields()
  const fields = Object.values(rows).flatMap((row) => Object.values(row.fields))
  say(`${fields.length} fields of ${Object.keys(rows).length} operations, ${fields.filter((one) => one.taken).length} of which take such text`)
  say(`${await fillEgg()} texts of an egg; what is not taken is refused in words (${looked.requests} tries)`)
  say(`no cell of the exported log is a formula (${await readExport()})`)
  await lookAtDoors(her)
  const both = await Promise.allSettled([lookAsAdmin(boss), lookAsAnn(her)])
  for (const { reason } of both) if (reason) faults.push(reason.stack)
  say(`looked at ${looked.pages} pages, as an admin and as somebody without power`)
  faults.push(...boss.page.faults, ...her.page.faults)
} catch (error) {
  faults.push(error.stack)
}
if (faults.length) {
  await shot(boss.page, 'failed-admin').catch(() => {})
  await shot(her.page, 'failed-her').catch(() => {})
}
for (const { browser } of [boss, her]) await browser.close()
// The tales after this one find the instance as it was.
if (it.nodeName) await admin.patch(`/nodes/${it.node}`, { name: it.nodeName }).catch((error) => faults.push(error.stack))
await admin.put('/settings', {}).catch((error) => faults.push(error.stack))
await admin.put('/account/profile', {}).catch((error) => faults.push(error.stack))
// Plans last: one that somebody is on stays.
const last = (path) => (path.startsWith('/plans/') ? 1 : 0)
for (const path of undo.reverse().sort((a, b) => last(a) - last(b))) await takeAway(path).catch((error) => faults.push(error.stack))
if (faults.length) {
  console.error(`hostile: FAILED\n  ${[...new Set(faults)].map((fault) => fault.slice(0, 700)).join('\n  ')}`)
  process.exit(1)
}
console.log('hostile: passed')
process.exit(0)
