import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import FetchDialog from './file-fetch'

let root: Root
let asked: Array<{ path: string; body: unknown }> = []
let closed = 0
let refuse: [status: number, code: string] | undefined

async function open(mayReplace: string | false = false): Promise<void> {
  await act(async () =>
    root.render(
      <FetchDialog
        server="s1"
        folder="/plugins"
        mayReplace={mayReplace}
        onClose={() => {
          closed += 1
        }}
      />,
    ),
  )
}

const inputs = () => [...document.querySelectorAll<HTMLInputElement>('form input')]
const text = () => document.body.textContent ?? ''
const submit = () => act(async () => (document.querySelector('form') as HTMLFormElement).requestSubmit())

async function type(n: number, value: string): Promise<void> {
  const input = inputs()[n] as HTMLInputElement
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(input, value)
    input.dispatchEvent(new Event('input', { bubbles: true }))
  })
}

beforeEach(() => {
  asked = []
  closed = 0
  refuse = undefined
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  vi.stubGlobal('fetch', async (input: Request | string, init?: RequestInit) => {
    const request = new Request(typeof input === 'string' ? new URL(input, 'http://panel') : input, init)
    const body = await request.text()
    asked.push({ path: new URL(request.url).pathname, body: body ? JSON.parse(body) : undefined })
    const headers = { 'content-type': 'application/json' }
    if (!refuse) return new Response('{"id":"o1"}', { status: 202, headers })
    const [status, code] = refuse
    return new Response(JSON.stringify({ status, code, title: 'Refused', detail: code }), { status, headers })
  })
  document.body.innerHTML = '<main></main>'
  root = createRoot(document.querySelector('main') as HTMLElement)
})
afterEach(async () => {
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})

it('sends an address with the folder, and closes', async () => {
  await open()
  await type(0, ' https://a.example/paper%201.jar?token=1 ')
  expect(inputs()[1]?.placeholder).toBe('paper 1.jar')
  await submit()
  expect(asked.map(({ body }) => body)).toEqual([
    { url: 'https://a.example/paper%201.jar?token=1', path: '/plugins', replace: false },
  ])
  expect(asked[0]?.path).toMatch(/\/servers\/s1\/files\/download$/)
  expect(closed).toBe(1)
})

it('sends nothing that is no address, and no name that is a path', async () => {
  await open()
  await type(0, 'https://me:pw@a.example/x')
  expect(text()).toContain('This is no address that begins with')
  await submit()
  await type(0, 'https://a.example/x')
  await type(1, 'a/b')
  expect(text()).toContain('A name has no slash')
  await submit()
  expect(asked).toEqual([])
})

it('replaces only for who may, and says what the panel refuses', async () => {
  await open('You may not change files')
  expect(inputs()[2]?.disabled).toBe(true)
  refuse = [409, 'download_running']
  await type(0, 'https://a.example/x')
  await submit()
  expect(text()).toContain('Download_running')
  expect(closed).toBe(0)
})
