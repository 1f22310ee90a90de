// What a person does on a new panel, by clicking: log in, look at the node and the demo server, type, stop,
// start, look at a failed installation, create a server from an egg, import an egg, try to add a node.
//
//   node story.mjs --data DIR [--again]   --again: the first password was changed by an earlier run
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { consoleText, openBrowser, shot } from './browser.mjs'
import { audit } from './audit.mjs'
import { check, Instance, PASSWORD, until } from './panel.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' }, again: { type: 'boolean' } } })
const source = process.env.WARREN_SOURCE_DIR ?? process.cwd()
const instance = new Instance(options.data)
const { admin, ready } = instance
const { browser, page } = await openBrowser({ colorScheme: 'dark' })

const say = (text) => console.log(`  ${text}`)
const go = async (path) => {
  await page.goto(new URL(path, ready.url).href)
}
const place = (name) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name })
const button = (name) => page.getByRole('button', { name, exact: true })
const badge = (word) => page.getByText(word, { exact: true }).first()

async function story() {
  // 1. The door: a wrong password, the first one, a new one.
  await go('/')
  await page.getByLabel('E-mail or user name').fill(admin.user)
  await page.getByLabel('Password', { exact: true }).fill('not the password')
  await button('Sign in').click()
  await page.getByText('The name or the password is wrong.').waitFor()
  await page.getByLabel('Password', { exact: true }).fill(options.again ? PASSWORD : admin.password)
  await button('Sign in').click()
  if (!options.again) {
    await page.getByRole('heading', { name: 'Choose a password' }).waitFor()
    await shot(page, 'first-password')
    await page.getByLabel('Current password').fill(admin.password)
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD)
    await page.getByLabel('New password again').fill(PASSWORD)
    await button('Change password').click()
  }
  await place('Servers').waitFor()
  await shot(page, 'overview')
  say('logged in; the first password had to be changed')

  // 2. The node with its live load.
  await place('Nodes').click()
  await page.getByRole('heading', { name: 'Nodes' }).waitFor()
  await shot(page, 'nodes')
  await page.locator('table a, main a').filter({ hasText: /./ }).first().click()
  await page.waitForURL(/\/nodes\/[0-9a-z]{26}/)
  await page.getByText(/^(Healthy|Needs a look)$/).first().waitFor()
  await until('the node to show its load', 30000, async () => /\d+(\.\d+)?\s?%/.test(await page.locator('main').innerText()))
  await shot(page, 'node')
  say('the node is online and shows its load')

  // 3. The demo server: state, console, a command and its answer.
  await place('Servers').click()
  await page.getByRole('link', { name: /OpenTTD demo/ }).first().click()
  await page.getByRole('textbox', { name: 'Command' }).waitFor()
  await badge('Running').waitFor()
  await type('server_info', /Current\/maximum clients/)
  await type('say "hello from the story"', /\] hello from the story|: hello from the story/)
  await shot(page, 'console')
  await until('the charts', 30000, async () => (await page.locator('canvas, svg').count()) > 0)
  say('typed into the game and read its answers')
  const address = /([\w.-]+):(\d+)/.exec(await page.locator('main').innerText())
  const answer = await askGame(address[1], Number(address[2]))
  check(answer.includes('Warren demo'), `the game answers a player's client at ${address[0]}`)
  say(`a client of the game reaches it at ${address[0]}`)

  // 4. Stop and start, and what moves while it does.
  await button('Stop').click()
  await badge('Stopped').waitFor({ timeout: 30000 })
  await shot(page, 'stopped')
  await button('Start').click()
  await badge('Running').waitFor({ timeout: 60000 })
  await until('the start in the console', 20000, async () => /Map generated, starting game/.test(await consoleText(page)))
  await until('memory to move', 40000, async () => /Memory\s+[1-9]\d*(\.\d+)?\s?MiB\s+of 512/.test(await page.locator('main').innerText()))
  await shot(page, 'started-again')
  say('stopped it and started it again')

  // 5. The installation that fails on purpose.
  await go('/servers')
  await page.getByRole('link', { name: /Broken demo/ }).first().click()
  await page.getByText(/install failed/i).first().waitFor()
  const id = page.url().split('/servers/')[1].split(/[/?]/)[0]
  await go(`/servers/${id}/install`)
  await page.getByRole('log', { name: 'Install log' }).getByText(/map\.tar\.gz is missing/).waitFor()
  await page.getByText('Failed, exit code 42').waitFor()
  await shot(page, 'install-failed')
  say('"install failed" is shown with its log and exit code')

  // 6. An egg by upload, with its report; then a server from an egg by its form.
  await place('Eggs').click()
  const file = join(source, 'egg/starter/pterodactyl__game-eggs/minetest/egg-minetest.json')
  await page.getByLabel('Egg files').setInputFiles({ name: 'egg-minetest.json', mimeType: 'application/json', buffer: readFileSync(file) })
  await page.getByRole('list', { name: 'Imported files' }).getByText(/Minetest/).first().waitFor()
  await page.getByLabel('Egg files').setInputFiles({ name: 'broken.json', mimeType: 'application/json', buffer: Buffer.from('{"meta": 3') })
  await page.getByRole('list', { name: 'Imported files' }).getByText(/broken\.json/).waitFor()
  await until('the broken egg to be refused', 10000, async () => /1 refused/.test(await page.locator('main').innerText()))
  await shot(page, 'eggs')
  say('imported an egg by upload; a broken one is refused with its reason')

  await go('/servers/new')
  await page.getByRole('link', { name: /OpenTTD \(Debian\)/ }).first().click()
  await page.getByRole('heading', { name: 'New server' }).waitFor()
  await button('Create server').click()
  await page.getByText(/Missing: a name/).waitFor()
  await page.getByLabel('Name', { exact: true }).fill('Second railway')
  await page.getByLabel('Server Name', { exact: true }).fill('Second railway')
  await shot(page, 'new-server')
  await button('Create server').click()
  await page.waitForURL(/\/servers\/[0-9a-z]{26}/)
  await badge('Running').waitFor({ timeout: 120000 })
  await shot(page, 'second-server')
  say('created another server from the egg\'s own form; it runs')

  // 7. Files: the installer's work can be read and changed.
  const second = page.url().split('/servers/')[1].split(/[/?]/)[0]
  await go(`/servers/${second}/files`)
  await page.getByText('openttd.cfg').first().waitFor()
  await shot(page, 'files')

  // 8. Adding a node while only loopback is known is refused with the hint.
  await go('/nodes?join=true')
  await page.getByRole('dialog').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: /token|command|next/i }).first().click()
  await page.getByText('No address that another machine could reach').waitFor()
  await page.getByText(/--address/).first().waitFor()
  await shot(page, 'no-address')
  await page.keyboard.press('Escape')
  say('a join token for others is refused while only loopback is known, with the hint')

  // 9. Event consumers, operations, account.
  for (const [path, heading] of [['/consumers', 'Event consumers'], ['/operations', 'Operations'], ['/account', 'Account']]) {
    await go(path)
    await page.getByRole('heading', { name: heading }).first().waitFor()
    await shot(page, path.slice(1))
  }

  // 10. Light, and a phone.
  await page.emulateMedia({ colorScheme: 'light' })
  await go('/servers')
  await page.getByRole('link', { name: /OpenTTD demo/ }).first().waitFor()
  await shot(page, 'servers-light')
  await page.setViewportSize({ width: 390, height: 844 })
  for (const path of ['/', '/servers', `/servers/${second}`, '/nodes', '/eggs']) {
    await go(path)
    await page.locator('main').waitFor()
    await page.waitForLoadState('networkidle').catch(() => {})
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    check(wide <= 0, `${path} is ${wide} pixels too wide for a phone`)
    await shot(page, `phone${path.replaceAll('/', '-')}`)
  }
  say('light and at 390 pixels, nothing scrolls sideways')

  // 11. The pages in every theme under axe.
  await page.setViewportSize({ width: 1440, height: 900 })
  await audit(page, ready.url, ['/', '/servers', `/servers/${second}`, `/servers/${second}/settings`, '/nodes', '/eggs', '/account'])
  say('no page has an accessibility fault, in dark, light and high contrast')

  // 12. Delete with the typed name.
  await go(`/servers/${second}/settings`)
  await page.getByRole('button', { name: /^Delete/ }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox').fill('Second railway')
  await dialog.getByRole('button', { name: /^Delete/ }).click()
  await page.waitForURL(/\/servers\/?(\?.*)?$/, { timeout: 30000 })
  await until('the server to be gone', 30000, async () => (await page.getByRole('link', { name: /Second railway/ }).count()) === 0)
  say('deleted it by typing its name')
  check(page.faults.length === 0, `the pages ran without errors (${page.faults.length})`)
}

/** Types a line and waits for the game's answer in the console. */
async function type(line, answer) {
  const field = page.getByRole('textbox', { name: 'Command' })
  await field.fill(line)
  await field.press('Enter')
  await until(`the answer to ${line}`, 15000, async () => answer.test(await consoleText(page)))
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
  console.log('story: passed')
} catch (error) {
  await shot(page, 'FAILED').catch(() => {})
  console.error(`story: FAILED at ${page.url()}: ${error.stack}`)
  for (const fault of new Set(page.faults.slice(0, 10))) console.error(`  ${fault.slice(0, 300)}`)
  process.exitCode = 1
} finally {
  await browser.close()
}
