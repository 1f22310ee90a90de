// What every page must keep: no violation of WCAG 2.2 AA that axe-core finds, no text under 12 pixels, nothing
// wider than the window. In each theme, because colours are what differs.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { check } from './panel.mjs'

const require = createRequire(join(process.env.WARREN_SOURCE_DIR ?? process.cwd(), 'web/package.json'))
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
export const THEMES = ['dark', 'light', 'contrast']

/** Goes through the pages in each theme; fails with everything that was found, page by page. */
export async function audit(page, base, paths) {
  const found = []
  for (const theme of THEMES) {
    await page.evaluate((name) => localStorage.setItem('warren.theme', name), theme)
    for (const path of paths) {
      await page.goto(new URL(path, base).href)
      await page.locator('main h1').first().waitFor()
      for (const fault of await faults(page)) found.push(`${path} in ${theme}: ${fault}`)
    }
  }
  await page.evaluate(() => localStorage.removeItem('warren.theme'))
  check(found.length === 0, `the pages are accessible in every theme:\n    ${found.join('\n    ')}`)
}

async function faults(page) {
  // Evaluated through the debugger, so that the page's policy against foreign scripts stays as it is.
  await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
    })
    const all = violations.map((v) => `${v.id} at ${v.nodes.map((node) => node.target.join(' ')).slice(0, 3).join(', ')}`)
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement
      if (!walker.currentNode.nodeValue.trim() || !element?.checkVisibility() || element.closest('.sr-only')) continue
      const size = Number.parseFloat(getComputedStyle(element).fontSize)
      if (size < 12) all.push(`text of ${size} pixels: ${element.textContent.slice(0, 40)}`)
    }
    const wide = document.documentElement.scrollWidth - innerWidth
    if (wide > 0) all.push(`${wide} pixels wider than the window`)
    return all
  })
}
