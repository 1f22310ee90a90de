// Every page and the larger dialogs in every theme, on a desk and on a phone: nothing scrolls sideways, no text is
// under 12 pixels, and axe-core finds no violation of WCAG 2.2 AA.
//
//   node looks.mjs --data DIR
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openBrowser, shot } from './browser.mjs'
import { check, Instance, PASSWORD, until } from './panel.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' } } })
const instance = new Instance(options.data)
const panel = await instance.panel('looks')
const axe = readFileSync(join(process.env.WARREN_SOURCE_DIR, 'web/node_modules/axe-core/axe.min.js'), 'utf8')

const servers = await panel.all('/servers')
const server = servers.find(({ state }) => state === 'running')
const broken = servers.find(({ state }) => state === 'error') ?? server
const [node] = await panel.all('/nodes')
const [egg] = await panel.all('/eggs')
const me = await panel.get('/account')
const made = await panel.all('/roles')
const role = made[0] ?? (await panel.post('/roles', { name: 'Support', description: 'Looks after servers of others', keys: ['server.read', 'control.console'] }))
const ARCHIVE = '/looks.tar.gz'
await prepare()
const doors = ['/forgot-password', '/sign-up', '/set-password#token=looks']
const pages = [
  '/', '/servers', '/servers/new', `/servers/new?egg=${egg.id}`,
  ...['', '/files', '/files?edit=/server.properties', '/files?view=trash', '/files?view=search&name=o', `/files?view=archive&path=${ARCHIVE}`, '/backups', '/databases', '/users', '/activity', '/settings', '/install'].map((tab) => `/servers/${server.id}${tab}`),
  `/servers/${broken.id}`, `/servers/${broken.id}/install`,
  '/nodes', '/nodes?join=true', ...['', '/allocations', '/settings', '?join=true'].map((tab) => `/nodes/${node.id}${tab}`),
  '/eggs', `/eggs/${egg.id}`, '/consumers', '/registries', '/database-hosts', '/backup-stores', '/mounts', '/mounts?new=true', '/settings', '/operations', '/account',
  '/people', '/people?new=true', `/people/${me.id}`, '/roles', '/roles?new=true', `/roles/${role.id}`, '/plans', '/plans?new=true', '/audit',
]
const at = (tab) => `/servers/${server.id}${tab}`
const button = (name) => page.getByRole('button', { name, exact: true })
const dialog = () => page.getByRole('dialog')
/** Of a row of the list of files: by the right button on a desk, by its three points on a phone. */
async function ofRow(name, what, phone) {
  const row = page.locator(`[data-name="${name}"]`)
  await row.waitFor()
  if (phone) await row.getByRole('button').last().click()
  else await row.click({ button: 'right' })
  await (phone ? dialog().getByRole('button', { name: what }) : page.getByRole('menuitem', { name: what })).click()
}
// Where somebody has to press something first.
const opened = [
  [at('/files'), 'SFTP', async (phone) => {
    if (phone) await button('Search, trash, SFTP').click()
    await (phone ? page.getByRole('menuitem', { name: 'SFTP' }) : button('SFTP')).click()
    await dialog().getByText('Host', { exact: true }).waitFor()
  }],
  [at('/files'), 'compress', async (phone) => {
    await ofRow('openttd.cfg', /^Compress/, phone)
    await dialog().getByLabel('Format').waitFor()
  }],
  [at('/files'), 'menu of a file', async (phone) => {
    const row = page.locator('[data-name="openttd.cfg"]')
    await row.waitFor()
    await (phone ? row.getByRole('button').last().click() : row.click({ button: 'right' }))
    await page.getByText('Properties', { exact: true }).waitFor()
  }],
  [at(`/files?view=archive&path=${ARCHIVE}`), 'extract', async () => {
    await page.getByLabel('Select openttd.cfg').check()
    await button('Extract 1 entry').click()
    await dialog().getByLabel('What is there already').waitFor()
  }],
  [at('/backups'), 'new backup', async () => {
    await button('New backup').first().click()
    await dialog().getByRole('button', { name: /^(Back up|Make|New)/ }).first().waitFor()
  }],
  [at('/backups'), 'restore with its picker', async () => {
    await button('More for looks').click()
    await page.getByRole('menuitem', { name: /some files/ }).click()
    await dialog().getByLabel(/^Choose /).first().waitFor()
  }],
  [at('/backups'), 'password of the backups', async () => {
    await button('Show the password').first().click()
    await dialog().waitFor()
  }],
  ['/backup-stores', 'new store', async () => {
    await button('New backup store').click()
    await dialog().getByLabel('What it is').selectOption('s3')
    await dialog().getByLabel('Bucket').waitFor()
  }],
  [`/roles/${role.id}`, 'seen as a role', async () => {
    await button('View as').first().click()
    await button('Stop').first().waitFor()
  }],
]
const THEMES = ['dark', 'light', 'contrast']
const widths = [{ width: 1440, height: 900 }, { width: 390, height: 844 }]

// A colour on its way to another has no contrast of its own.
const { browser, page } = await openBrowser({ colorScheme: 'dark', reducedMotion: 'reduce' })
const faults = []
let looks = 0

/** A store, a backup and an archive: without them half of the pages would be looked at empty. */
async function prepare() {
  if ((await panel.all('/backup-stores')).length === 0) await panel.post('/backup-stores', { name: 'On the nodes', kind: 'directory' })
  const { limits } = await panel.server(server.id)
  if (limits.backups !== null && limits.backups < 5) await panel.patch(`/servers/${server.id}`, { limits: { ...limits, backups: 5 } })
  const ended = async (operation) => {
    const { state } = await panel.get(`/operations/${operation.id}`)
    if (!['pending', 'running', 'done'].includes(state)) throw new Error(`operation ${operation.kind} ended as ${state}`)
    return state === 'done'
  }
  const backups = await panel.get(`/servers/${server.id}/backups`)
  if (!backups.items.some(({ name }) => name === 'looks')) {
    const { operation } = await panel.post(`/servers/${server.id}/backups`, { name: 'looks' })
    await until('the backup to be made', 120000, () => ended(operation))
  }
  const there = await panel.get(`/servers/${server.id}/files?path=/`)
  if (!there.items.some(({ name }) => ARCHIVE === `/${name}`)) {
    const packing = await panel.post(`/servers/${server.id}/files/archive`, { paths: ['/openttd.cfg'], format: 'tar.gz', to: ARCHIVE })
    await until('the archive to be made', 60000, () => ended(packing.operation ?? packing))
  }
}

async function look(path, width) {
  await page.waitForFunction(() => {
    const main = document.querySelector('main')
    return main?.innerText.trim().length > 20 && !document.querySelector('[aria-label="Loading"]')
  })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (wide > 0) faults.push(`${path} at ${width}: ${wide} pixels too wide`)
  for (const text of await tooSmall()) faults.push(`${path} at ${width}: ${text}`)
  for (const theme of THEMES) {
    await page.evaluate((name) => (document.documentElement.dataset.theme = name), theme)
    looks += 1
    for (const { id, impact, nodes } of await violations()) {
      faults.push(`${path} at ${width}, ${theme}: ${impact} ${id} (${nodes.length}): ${nodes.slice(0, 2).join(' | ').replace(/\s+/g, ' ')}`)
    }
  }
}

async function tooSmall() {
  return page.evaluate(() => {
    const found = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement
      if (!walker.currentNode.nodeValue.trim() || !element?.checkVisibility() || element.closest('.sr-only')) continue
      const size = Number.parseFloat(getComputedStyle(element).fontSize)
      if (size < 12) found.push(`text of ${size} pixels: ${element.textContent.slice(0, 40)}`)
    }
    return found
  })
}

/** What axe-core finds in the page. */
async function violations() {
  // Evaluated through the debugger, so that the page's policy against foreign scripts stays as it is.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe)
  return page.evaluate(() =>
    globalThis.axe
      .run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
      .then(({ violations }) =>
        violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map((one) => `${one.target.join(' ')} ${one.failureSummary.split('\n')[1] ?? ''}`) })),
      ),
  )
}

/** A picture without words and grey on grey: if these pass, nothing that follows proves anything. */
async function provesItself() {
  await page.evaluate(() => {
    const spoilt = document.createElement('div')
    spoilt.id = 'spoilt'
    spoilt.append(new Image(), 'hard to read')
    spoilt.style.cssText = 'color: #888; background: #777; font-size: 9px'
    document.querySelector('main').append(spoilt)
  })
  const ids = (await violations()).map((one) => one.id)
  check(ids.includes('image-alt') && ids.includes('color-contrast'), `faults are found when there are some: ${ids}`)
  check((await tooSmall()).some((text) => text.includes('hard to read')), 'small text is found')
  await page.evaluate(() => document.getElementById('spoilt').remove())
}

try {
  const url = (path) => new URL(path, instance.ready.url).href
  await page.goto(url('/'))
  await page.getByLabel('E-mail or user name').waitFor()
  check((await page.getByText('This page is not encrypted').count()) === 0, 'loopback needs no warning')
  await provesItself()
  for (const size of widths) {
    await page.setViewportSize(size)
    for (const path of ['/login', ...doors]) {
      await page.goto(url(path))
      await look(path, size.width)
    }
  }
  await page.goto(url('/login'))
  await page.getByLabel('E-mail or user name').fill(instance.admin.user)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  // Not a heading: the door has one too, and whoever goes on too early sees it at every address.
  await page.getByRole('navigation', { name: 'Main' }).waitFor()
  for (const size of widths) {
    await page.setViewportSize(size)
    for (const path of pages) {
      await page.goto(url(path))
      await look(path, size.width)
      check(!new URL(page.url()).pathname.startsWith('/login'), `${path} is not the door`)
    }
    await shot(page, `looks-${size.width}`)
    for (const [path, name, open] of opened) {
      await page.goto(url(path))
      await open(size.width < 640)
      await look(`${path}, ${name},`, size.width)
      await shot(page, `${name.replaceAll(' ', '-')}-${size.width}`)
    }
    await button('Stop').first().click()
    await page.getByText('You see the panel as').first().waitFor({ state: 'hidden' })
  }
  faults.push(...new Set(page.faults))
} catch (error) {
  faults.push(`${page.url()}: ${error.stack}`)
} finally {
  await browser.close()
}
if (faults.length) {
  console.error(`looks: FAILED\n  ${faults.join('\n  ')}`)
  process.exit(1)
}
console.log(`  ${looks} looks at ${doors.length + 1 + pages.length} pages and ${opened.length} dialogs, three themes, two widths: no fault`)
console.log('looks: passed')
process.exit(0)
