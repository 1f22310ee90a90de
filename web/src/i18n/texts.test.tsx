import { act } from 'react'
import { createRoot } from 'react-dom/client'
import { afterEach, expect, it, vi } from 'vitest'
import { problemOf } from '~/api/problem'
import { setLanguage, startLanguage, useLanguage } from '~/stores/language'
import { bytesText, count, countShort, duration, exact, ofText, percentText, relative } from '~/util/format'
import { firstOf } from './languages'
import { spoken } from './page'
import { language, loadExtras, texts } from './texts'

const t = texts('common')

const Deep = () => <b>{t('close')}</b>

afterEach(async () => {
  await setLanguage('en')
  localStorage.clear()
  vi.restoreAllMocks()
})

it('a browser’s first wish that there are words for is taken', () => {
  expect(firstOf(['de-AT', 'en'])).toBe('de')
  expect(firstOf(['nl', 'fr-CA', 'de'])).toBe('fr')
  expect(firstOf(['nl', 'sv'])).toBe('en')
  expect(firstOf([])).toBe('en')
})

it('what was chosen goes before what the browser wishes', async () => {
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['fr-FR'])
  startLanguage()
  expect(language()).toBe('fr')
  localStorage.setItem('warren.language', 'de')
  startLanguage()
  expect(language()).toBe('de')
  localStorage.setItem('warren.language', 'constructor')
  startLanguage()
  expect(language()).toBe('fr')
})

it('a choice is kept and told to the document', async () => {
  await setLanguage('de')
  expect(t('cancel')).toBe('Abbrechen')
  expect(document.documentElement.lang).toBe('de')
  expect(localStorage.getItem('warren.language')).toBe('de')
})

it('of two choices in a row the second holds, whichever comes first', async () => {
  await Promise.all([setLanguage('fr'), setLanguage('de')])
  expect(language()).toBe('de')
  expect(document.documentElement.lang).toBe('de')
  expect(localStorage.getItem('warren.language')).toBe('de')
})

it('a page changes its words where it stands', async () => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  const Page = spoken(() => (
    <p>
      <input />
      <Deep />
    </p>
  ))
  const box = document.createElement('div')
  const root = createRoot(box)
  await act(async () => root.render(<Page />))
  const field = box.querySelector('input')
  if (field) field.value = 'typed'
  await act(() => setLanguage('fr'))
  expect(box.querySelector('b')?.textContent).toBe('Fermer')
  expect(box.querySelector('input')?.value).toBe('typed')
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('elements stand inside a sentence where its language has them', async () => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  const Page = spoken(() => (
    <p lang={useLanguage()}>{t.rich('confirm.type', { typed: <i>Æ</i>, name: (name) => <b>{name}</b> })}</p>
  ))
  const box = document.createElement('div')
  const root = createRoot(box)
  await act(async () => root.render(<Page />))
  expect(box.innerHTML).toBe('<p lang="en">Type <b><i>Æ</i></b> to go on</p>')
  await act(() => setLanguage('de'))
  expect(box.innerHTML).toBe('<p lang="de">Tippe <b><i>Æ</i></b>, um fortzufahren</p>')
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

const SAID = {
  code: 'invalid',
  title: 'Invalid',
  detail: 'name: is taken',
  errors: [
    { field: 'name', code: 'taken', message: 'another node has this name' },
    { field: 'port', code: 'out_of_range', message: 'must lie between 1 and 9' },
  ],
}
const refused = (body: object) => problemOf(new Response(null, { status: 422 }), body)

it('a problem is told in our words for its code, and where there are none in the panel’s', async () => {
  expect(refused(SAID).fields.name).toBe('Another node has this name')
  await setLanguage('de')
  loadExtras()
  await vi.waitFor(() => expect(refused({ code: 'node_offline' }).message).toMatch(/^Der Node ist offline/))
  expect(refused(SAID).fields).toEqual({ name: 'Das ist schon vergeben.', port: 'Must lie between 1 and 9' })
  expect(refused(SAID).fieldCodes).toEqual({ name: 'taken', port: 'out_of_range' })
  expect(refused({ code: 'new_code', title: 'New code', detail: 'it is so' }).message).toBe('It is so')
  await setLanguage('en')
  expect(refused({ code: 'node_offline', detail: 'node n1 is offline' }).message).toBe('Node n1 is offline')
})

it('figures and times are written as the language does', async () => {
  const gib = 1024 ** 3
  const at = Date.UTC(2026, 10, 20, 12)
  await setLanguage('de')
  expect(bytesText(3.64 * gib)).toBe('3,64 GiB')
  expect(ofText(24.9 * gib, 32 * gib)).toBe('24,9 von 32 GiB')
  expect(percentText(12.5, true)).toBe('12,5 %')
  expect(count(4182)).toBe('4.182')
  expect(countShort(1500)).toBe('1,5 Tsd.')
  expect(duration(41 * 86_400_000)).toBe('41 Tage')
  expect(relative(0, 41 * 86_400_000)).toBe('vor 41 Tagen')
  expect(exact(at)).toMatch(/^20\. Nov\. 2026, \d\d:00:00/)
  await setLanguage('fr')
  expect(bytesText(3.64 * gib)).toBe('3,64 Gio')
  expect(duration(86_400_000)).toBe('1 jour')
  expect(count(4182)).toMatch(/^4\s182$/)
  expect(relative(0, 6 * 60_000)).toBe('il y a 6 min')
})
