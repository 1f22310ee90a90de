// Every page in every theme, on a desk and on a phone: nothing scrolls sideways, no text is under 12 pixels, and
// axe-core finds no violation of WCAG 2.2 AA.
//
//   node looks.mjs --data DIR
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openBrowser, shot } from './browser.mjs'
import { check, Instance, PASSWORD } from './panel.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' } } })
const instance = new Instance(options.data)
const panel = await instance.panel('looks')
const axe = readFileSync(join(process.env.WARREN_SOURCE_DIR, 'web/node_modules/axe-core/axe.min.js'), 'utf8')

const [server] = await panel.all('/servers')
const [node] = await panel.all('/nodes')
const [egg] = await panel.all('/eggs')
const me = await panel.get('/account')
const made = await panel.all('/roles')
const role = made[0] ?? (await panel.post('/roles', { name: 'Support', description: 'Looks after servers of others', keys: ['server.read', 'control.console'] }))
const pages = [
  '/', '/servers', '/servers/new', `/servers/new?egg=${egg.id}`,
  ...['', '/files', '/files?edit=/server.properties', '/files?view=trash', '/files?view=search&name=o', '/databases', '/users', '/activity', '/settings', '/install'].map((tab) => `/servers/${server.id}${tab}`),
  '/nodes', '/nodes?join=true', ...['', '/allocations', '/settings', '?join=true'].map((tab) => `/nodes/${node.id}${tab}`),
  '/eggs', `/eggs/${egg.id}`, '/consumers', '/registries', '/database-hosts', '/mounts', '/settings', '/operations', '/account',
  '/people', `/people/${me.id}`, '/roles', `/roles/${role.id}`, '/plans', '/audit',
]
const THEMES = ['dark', 'light', 'contrast']
const widths = [{ width: 1440, height: 900 }, { width: 390, height: 844 }]

// A colour on its way to another has no contrast of its own.
const { browser, page } = await openBrowser({ colorScheme: 'dark', reducedMotion: 'reduce' })
const faults = []
let looks = 0

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
    await look('/login', size.width)
  }
  await page.getByLabel('E-mail or user name').fill(instance.admin.user)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  for (const size of widths) {
    await page.setViewportSize(size)
    for (const path of pages) {
      await page.goto(url(path))
      await look(path, size.width)
    }
    await shot(page, `looks-${size.width}`)
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
console.log(`  ${looks} looks at ${pages.length + 1} pages, three themes, two widths: no fault`)
console.log('looks: passed')
process.exit(0)
