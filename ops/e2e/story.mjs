// What a person does on a new panel, by clicking: log in, look at the node and the demo server, type, stop,
// start, look at a failed installation, create a server from an egg, import an egg, try to add a node.
//
//   node story.mjs --data DIR [--again] [--phone]   --again: the first password was set by an earlier run
//                                                   --phone: with a finger, 390 pixels wide; --again if need be
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { consoleText, openBrowser, shot } from './browser.mjs'
import { check, Instance, PASSWORD, until } from './panel.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' }, again: { type: 'boolean' }, phone: { type: 'boolean' } } })
const { phone } = options
const source = process.env.WARREN_SOURCE_DIR ?? process.cwd()
const instance = new Instance(options.data)
const { admin, ready } = instance
// The first password is the story's of a desk; whoever comes first sets it.
if (phone) await instance.panel('story-phone')
const again = options.again || phone
const PHONE = { width: 390, height: 844 }
const { browser, page } = await openBrowser({ colorScheme: 'dark', ...(phone && { viewport: PHONE, isMobile: true, hasTouch: true }) })

const say = (text) => console.log(`  ${text}`)
const go = async (path) => {
  await page.goto(new URL(path, ready.url).href)
}
/** As a hand does it: with a finger on a phone. */
const press = (what) => (phone ? what.tap() : what.click())
const place = (name) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name })
const button = (name) => page.getByRole('button', { name, exact: true })
const badge = (word) => page.getByText(word, { exact: true }).first()

/** Goes to a place of the navigation; on a phone a server has a bar of its own, and some places are behind "More". */
async function open(name) {
  const more = page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: 'More' })
  if (phone && !(await more.isVisible())) await press(page.getByRole('link', { name: /^All / }))
  if (phone) await more.waitFor()
  if (!phone || (await place(name).isVisible())) return press(place(name))
  await press(more)
  return press(page.getByRole('menuitem', { name, exact: true }))
}

/** A picture of a page, which nobody has to scroll sideways. */
async function picture(name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  check(wide <= 0, `${page.url()} is ${wide} pixels too wide`)
  await shot(page, name)
}

/** What the console shows; what a narrow one had to break is whole again. */
async function lines() {
  const text = await consoleText(page)
  return phone ? text.replaceAll('\n', '') : text
}

async function story() {
  // 1. The door: the one-time link of the set-up, good once; a wrong password, and the one just chosen.
  if (!again) {
    const link = new URL(admin.link)
    const choose = page.getByLabel('New password', { exact: true })
    await go(`${link.pathname}${link.hash}`)
    await choose.fill(PASSWORD)
    await page.getByLabel('New password again').fill(PASSWORD)
    await picture('first-password')
    await press(button('Set the password'))
    await page.getByLabel('E-mail or user name').waitFor()
    await go('/')
    await go(`${link.pathname}${link.hash}`)
    await choose.fill(PASSWORD)
    await page.getByLabel('New password again').fill(PASSWORD)
    await press(button('Set the password'))
    await page.getByRole('alert').filter({ hasText: 'set your password with it already' }).waitFor()
    say('set the first password by the one-time link, which is good once')
  }
  await go('/')
  await page.getByLabel('E-mail or user name').fill(admin.user)
  await page.getByLabel('Password', { exact: true }).fill('not the password')
  await press(button('Sign in'))
  await page.getByText('The name or the password is wrong.').waitFor()
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await press(button('Sign in'))
  await place('Servers').waitFor()
  await picture('overview')
  say('logged in')

  // 2. The node with its live load.
  await open('Nodes')
  await page.getByRole('heading', { name: 'Nodes' }).waitFor()
  await picture('nodes')
  await press(page.locator('main a').filter({ hasText: /./, visible: true }).first())
  await page.waitForURL(/\/nodes\/[0-9a-z]{26}/)
  await page.getByText(/^(Healthy|Needs a look)$/).first().waitFor()
  await until('the node to show its load', 30000, async () => /\d+(\.\d+)?\s?%/.test(await page.locator('main').innerText()))
  await picture('node')
  say('the node is online and shows its load')

  // 3. The demo server: state, console, a command and its answer.
  await open('Servers')
  await press(page.getByRole('link', { name: /OpenTTD demo/ }).first())
  await page.getByRole('textbox', { name: 'Command' }).waitFor()
  await badge('Running').waitFor()
  await type('server_info', /Current\/maximum clients/)
  const hello = `hello from a ${phone ? 'phone' : 'desk'}`
  await type(`say "${hello}"`, new RegExp(`[\\]:] ${hello}`))
  await picture('console')
  await until('the charts', 30000, async () => (await page.locator('canvas, svg').count()) > 0)
  say('typed into the game and read its answers')
  const address = /([\w.-]+):(\d+)/.exec(await page.locator('main').innerText())
  const answer = await askGame(address[1], Number(address[2]))
  check(answer.includes('Warren demo'), `the game answers a player's client at ${address[0]}`)
  say(`a client of the game reaches it at ${address[0]}`)

  // 4. Stop and start, and what moves while it does.
  await press(button('Stop'))
  await badge('Stopped').waitFor({ timeout: 30000 })
  await picture('stopped')
  await press(button('Start'))
  await badge('Running').waitFor({ timeout: 60000 })
  await until('the start in the console', 20000, async () => /Map generated, starting game/.test(await lines()))
  // A phone has no room for what it is part of.
  const memory = phone ? /Memory\s+[1-9]\d*(\.\d+)?\s?MiB/ : /Memory\s+[1-9]\d*(\.\d+)?\s?MiB\s+of 512/
  await until('memory to move', 40000, async () => memory.test(await page.locator('main').innerText()))
  await picture('started-again')
  say('stopped it and started it again')

  // 5. The installation that fails on purpose.
  await go('/servers')
  await press(page.getByRole('link', { name: /Broken demo/ }).first())
  await page.getByText(/install failed/i).filter({ visible: true }).first().waitFor()
  const id = page.url().split('/servers/')[1].split(/[/?]/)[0]
  await go(`/servers/${id}/install`)
  await page.getByRole('log', { name: 'Install log' }).getByText(/map\.tar\.gz is missing/).waitFor()
  await page.getByText('Failed, exit code 42').waitFor()
  await picture('install-failed')
  say('"install failed" is shown with its log and exit code')

  // 6. An egg by upload, with its report; then a server from an egg by its form.
  await open('Eggs')
  const file = join(source, 'egg/starter/pterodactyl__game-eggs/minetest/egg-minetest.json')
  await page.getByLabel('Egg files').setInputFiles({ name: 'egg-minetest.json', mimeType: 'application/json', buffer: readFileSync(file) })
  await page.getByRole('list', { name: 'Imported files' }).getByText(/Minetest/).first().waitFor()
  await page.getByLabel('Egg files').setInputFiles({ name: 'broken.json', mimeType: 'application/json', buffer: Buffer.from('{"meta": 3') })
  await page.getByRole('list', { name: 'Imported files' }).getByText(/broken\.json/).waitFor()
  await until('the broken egg to be refused', 10000, async () => /1 refused/.test(await page.locator('main').innerText()))
  await picture('eggs')
  say('imported an egg by upload; a broken one is refused with its reason')

  await go('/servers/new')
  await press(page.getByRole('link', { name: /OpenTTD \(Debian\)/ }).first())
  await page.getByRole('heading', { name: 'New server' }).waitFor()
  await press(button('Create server'))
  await page.getByText(/Missing: a name/).waitFor()
  await page.getByLabel('Name', { exact: true }).fill('Second railway')
  await page.getByLabel('Server Name', { exact: true }).fill('Second railway')
  await picture('new-server')
  await press(button('Create server'))
  await page.waitForURL(/\/servers\/[0-9a-z]{26}/)
  await badge('Running').waitFor({ timeout: 120000 })
  await picture('second-server')
  say('created another server from the egg\'s own form; it runs')

  // 7. Files: the installer's work can be read and changed.
  const second = page.url().split('/servers/')[1].split(/[/?]/)[0]
  await go(`/servers/${second}/files`)
  await page.getByText('openttd.cfg').first().waitFor()
  await picture('files')
  await packs()
  say('packed a file, looked into the archive and unpacked it; deleted a copy and had it back')
  await backsUp(second)
  say('made a backup store and a backup, and put one file of it back')

  // 8. Adding a node while only loopback is known is refused with the hint.
  await go('/nodes?join=true')
  await page.getByRole('dialog').waitFor()
  await press(page.getByRole('dialog').getByRole('button', { name: /token|command|next/i }).first())
  await page.getByText('No address that another machine could reach').waitFor()
  await page.getByText(/--address/).first().waitFor()
  await picture('no-address')
  await page.keyboard.press('Escape')
  say('a join token for others is refused while only loopback is known, with the hint')

  // 9. Event consumers, operations, account.
  for (const [path, heading] of [['/consumers', 'Event consumers'], ['/operations', 'Operations'], ['/account', 'Account']]) {
    await go(path)
    await page.getByRole('heading', { name: heading }).first().waitFor()
    await picture(path.slice(1))
  }

  // 10. Light, and a phone.
  await page.emulateMedia({ colorScheme: 'light' })
  await go('/servers')
  await page.getByRole('link', { name: /OpenTTD demo/ }).first().waitFor()
  await picture('servers-light')
  await page.setViewportSize(PHONE)
  for (const path of ['/', '/servers', `/servers/${second}`, '/nodes', '/eggs']) {
    await go(path)
    await page.locator('main').waitFor()
    await page.waitForLoadState('networkidle').catch(() => {})
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    check(wide <= 0, `${path} is ${wide} pixels too wide for a phone`)
    await picture(`phone${path.replaceAll('/', '-')}`)
  }
  say('light and at 390 pixels, nothing scrolls sideways')

  // 11. Delete with the typed name.
  if (!phone) await page.setViewportSize({ width: 1440, height: 900 })
  await go(`/servers/${second}/settings`)
  await press(page.getByRole('button', { name: /^Delete/ }).first())
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox').fill('Second railway')
  await press(dialog.getByRole('button', { name: /^Delete/ }))
  await page.waitForURL(/\/servers\/?(\?.*)?$/, { timeout: 30000 })
  await until('the server to be gone', 30000, async () => (await page.getByRole('link', { name: /Second railway/ }).count()) === 0)
  say('deleted it by typing its name')
  check(page.faults.length === 0, `the pages ran without errors (${page.faults.length})`)
}

/** What the menu of a row offers: the right button on a desk, its three points on a phone. */
async function ofRow(name, what) {
  const row = page.locator(`[data-name="${name}"]`)
  await row.waitFor()
  if (phone) await press(row.getByRole('button').last())
  else await row.click({ button: 'right' })
  await press(phone ? page.getByRole('dialog').getByRole('button', { name: what }) : page.getByRole('menuitem', { name: what }))
}

/** An archive of a file, looked into and unpacked elsewhere; the trash, and back. */
async function packs() {
  const dialog = page.getByRole('dialog')
  await ofRow('openttd.cfg', /^Compress/)
  await dialog.getByLabel('Name', { exact: true }).fill('settings')
  await picture('compress')
  await press(dialog.getByRole('button', { name: 'Compress', exact: true }))
  await page.getByText('The archive is there').first().waitFor({ timeout: 30000 })
  await press(page.locator('[data-name="settings.zip"] a'))
  await press(page.getByLabel('Select openttd.cfg'))
  await picture('archive')
  await press(button('Extract 1 entry'))
  await dialog.getByLabel('To', { exact: true }).fill('/unpacked')
  await picture('extract')
  await press(dialog.getByRole('button', { name: 'Extract', exact: true }))
  await page.getByText('Everything is extracted').first().waitFor({ timeout: 30000 })
  await press(page.getByRole('link', { name: 'Files', exact: true }).last())
  await press(page.locator('[data-name="unpacked"] a'))
  await ofRow('openttd.cfg', 'Delete')
  await press(button('Undo').first())
  await page.locator('[data-name="openttd.cfg"]').waitFor()
}

/** A store where there is none, a backup, and one file of it put back. */
async function backsUp(server) {
  const dialog = page.getByRole('dialog')
  await go('/backup-stores')
  await page.getByRole('heading', { name: 'Backup stores' }).waitFor()
  await until('the stores', 10000, async () => !(await page.getByLabel('Loading').count()))
  if ((await page.getByRole('button', { name: 'Test' }).count()) === 0) {
    await press(button('New backup store').first())
    await dialog.getByLabel('Name', { exact: true }).fill('On the nodes')
    await press(dialog.getByRole('button', { name: /^(Add|Save|Make|New)/ }))
    await page.getByText('On the nodes').first().waitFor()
  }
  await picture('backup-stores')
  await go(`/servers/${server}/settings`)
  await page.getByLabel('Backups', { exact: true }).fill('3')
  await press(page.locator('form').filter({ has: page.getByLabel('Backups', { exact: true }) }).getByRole('button', { name: 'Save' }))
  await page.getByText(/saved$/).first().waitFor()
  await go(`/servers/${server}/backups`)
  await press(button('New backup').first())
  await dialog.getByLabel(/^Name/).fill('told')
  await picture('backup-new')
  await press(dialog.getByRole('button', { name: 'Back up', exact: true }))
  await button('More for told').waitFor({ timeout: 60000 })
  await picture('backups')
  await press(button('More for told'))
  await press(page.getByRole('menuitem', { name: /some files/ }))
  await press(dialog.getByLabel('Choose openttd.cfg'))
  await picture('restore')
  await press(dialog.getByRole('button', { name: 'Put back', exact: true }))
  await dialog.waitFor({ state: 'hidden' })
  await until('the files to be back', 90000, async () => (await page.getByText('Files are put back').count()) === 0 && (await button('Put told back').isEnabled()))
}

/** Types a line and waits for the game's answer in the console. */
async function type(line, answer) {
  const field = page.getByRole('textbox', { name: 'Command' })
  await field.fill(line)
  await (phone ? press(button('Send')) : field.press('Enter'))
  await until(`the answer to ${line}`, 15000, async () => answer.test(await lines()))
}

/** What OpenTTD tells a client that lists servers: packet PACKET_CLIENT_GAME_INFO (7), and its answer (6). */
function askGame(host, port) {
  return new Promise((done, fail) => {
    const socket = connect({ host, port, timeout: 5000 }, () => socket.write(Buffer.from([3, 0, 7])))
    socket.on('data', (bytes) => done(bytes.toString('latin1')) ?? socket.destroy())
    socket.on('timeout', () => fail(new Error(`no answer at ${host}:${port}`)) ?? socket.destroy())
    socket.on('error', fail)
  })
}

try {
  await story()
  console.log(`story: passed${phone ? ' on a phone' : ''}`)
} catch (error) {
  await shot(page, 'FAILED').catch(() => {})
  console.error(`story: FAILED at ${page.url()}: ${error.stack}`)
  for (const fault of new Set(page.faults.slice(0, 10))) console.error(`  ${fault.slice(0, 300)}`)
  process.exitCode = 1
} finally {
  await browser.close()
}
