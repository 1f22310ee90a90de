// Debian's Chromium under playwright-core, which web/ brings along.
import { createRequire } from 'node:module'
import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'

const require = createRequire(join(process.env.WARREN_SOURCE_DIR ?? process.cwd(), 'web/package.json'))
const { chromium } = require('playwright-core')

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--force-color-profile=srgb',
]
const SHOTS = process.env.WARREN_SHOTS ?? '/tmp/warren-shots'
mkdirSync(SHOTS, { recursive: true })

/** A browser and a page; whatever goes wrong in the page is collected in `page.faults`. */
export async function openBrowser(options = {}, flags = []) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...FLAGS, ...flags] })
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ignoreHTTPSErrors: true, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(20000)
  page.faults = []
  page.on('pageerror', (error) => page.faults.push(`page error: ${error.message}`))
  page.on('console', (message) => {
    // A refused request is shown to the person; the browser's own line about it is no fault of the page.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) page.faults.push(`console: ${message.text()}`)
  })
  return { browser, context, page }
}

let shots = 0
/** A numbered picture of the page, to be looked at. */
export async function shot(page, name) {
  shots += 1
  const tale = basename(process.argv[1], '.mjs')
  await page.screenshot({ path: join(SHOTS, `${tale}-${String(shots).padStart(2, '0')}-${name}.png`) })
}

/** The text of the console on the page. */
export async function consoleText(page) {
  return (await page.locator('.xterm-rows').first().innerText()).replaceAll('\u00a0', ' ')
}
