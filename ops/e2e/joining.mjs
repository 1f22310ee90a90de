// An admin at a fresh public panel, by clicking: the starter eggs of an empty panel, the join dialog that
// turns green, and a node whose key is revoked.
import { openBrowser, shot } from './browser.mjs'
import { check, until } from './panel.mjs'

export class Joining {
  static async open(url, user, password) {
    const { browser, page } = await openBrowser({ colorScheme: 'dark' })
    const joining = new Joining(browser, page, url)
    await joining.go('/')
    await page.getByLabel('E-mail or user name').fill(user)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('navigation', { name: 'Main' }).waitFor()
    return joining
  }

  constructor(browser, page, url) {
    Object.assign(this, { browser, page, url })
    this.dialog = page.getByRole('dialog')
  }

  go(path) {
    return this.page.goto(new URL(path, this.url).href)
  }

  /** An empty panel offers eggs; one click leads to the form of a server. */
  async takeStarter() {
    const { page } = this
    await this.go('/')
    const starters = page.getByRole('region', { name: 'Starter eggs' })
    await starters.getByRole('button').first().waitFor()
    const offered = await starters.getByRole('button').count()
    check(offered >= 3, `starter eggs are offered (${offered})`)
    await shot(page, 'starters')
    await starters.getByRole('button').first().click()
    await page.waitForURL(/\/servers\/new\?egg=/)
    await page.getByRole('heading', { name: 'New server' }).waitFor()
    await page.getByLabel('Name', { exact: true }).waitFor()
    return offered
  }

  /** Opens the dialog; gives the line that it shows. */
  async makeCommand() {
    const { page, dialog } = this
    await this.go('/nodes?join=true')
    await dialog.getByRole('button', { name: 'Make the command', exact: true }).click()
    const line = dialog.getByRole('group', { name: 'Command' })
    await line.waitFor()
    await dialog.getByText('Waiting for the machine').waitFor()
    await shot(page, 'join-waiting')
    return (await line.innerText()).trim()
  }

  /** The open dialog says that the machine is there, without being touched. */
  async turnsGreen() {
    await this.dialog.getByText('Ready for servers').waitFor({ timeout: 30000 })
    await this.dialog.getByText('Connected', { exact: true }).waitFor()
    await shot(this.page, 'join-green')
    await this.page.keyboard.press('Escape')
  }

  async revoke({ id, name }, panel) {
    const { page, dialog } = this
    await this.go(`/nodes/${id}/settings`)
    await page.getByRole('button', { name: 'Revoke', exact: true }).click()
    await dialog.getByRole('textbox').fill(name)
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click()
    await until('the node to be revoked', 10000, async () => (await panel.get(`/nodes/${id}`)).state === 'revoked')
    await page.getByText('Revoked', { exact: true }).first().waitFor()
    await shot(page, 'revoked')
  }

  async end() {
    check(this.page.faults.length === 0, `the pages ran without errors: ${this.page.faults.join('; ')}`)
    await this.browser.close()
  }
}
