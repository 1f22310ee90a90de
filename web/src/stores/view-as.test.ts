import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api, must } from '~/api/client'
import { beginView, currentView, forgetView } from './view-as'

let sent: Array<[call: string, whom: string | null]> = []

beforeEach(() => {
  sent = []
  vi.stubGlobal('location', {
    assign: () => undefined,
    href: 'http://panel.example.net/',
    origin: 'http://panel.example.net',
  })
  vi.stubGlobal('fetch', async (request: Request) => {
    const { pathname } = new URL(request.url, 'http://panel.example.net')
    sent.push([`${request.method} ${pathname.slice('/api/v1'.length)}`, request.headers.get('x-view-as')])
    return new Response('{}', { status: 200, headers: { 'content-type': 'application/json' } })
  })
})
afterEach(() => {
  forgetView()
  vi.unstubAllGlobals()
})

it('says with each request as whom the panel is looked at, but for what is one’s own', async () => {
  await must(api.GET('/servers'))
  beginView({ header: 'user:u1', name: 'ann' })
  await must(api.GET('/servers'))
  await must(api.POST('/servers/{server}/ticket', { params: { path: { server: 's' } } }))
  await must(api.POST('/tickets/mine'))
  await must(api.DELETE('/session'))
  expect(sent).toEqual([
    ['GET /servers', null],
    ['GET /servers', 'user:u1'],
    ['POST /servers/s/ticket', 'user:u1'],
    ['POST /tickets/mine', null],
    ['DELETE /session', null],
  ])
})

it('lasts for the tab, and until it is forgotten', () => {
  expect(currentView()).toBeUndefined()
  beginView({ header: 'role:r1', name: 'Support' })
  expect(currentView()).toEqual({ header: 'role:r1', name: 'Support' })
  forgetView()
  expect(currentView()).toBeUndefined()
})
