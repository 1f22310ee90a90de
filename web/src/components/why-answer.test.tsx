import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Reason } from '~/api/types'
import { WhyAnswer } from './why-answer'

const SUPPORT = { id: 'r1', name: 'Support' }
const GIVES: Reason = { kind: 'role', text: 'has the role Support over everything', role: SUPPORT }
const WAITS: Reason = {
  kind: 'role_waits',
  text: 'has the role Support over everything, which counts once their log-in takes a second step',
  role: SUPPORT,
}

let root: Root
const show = (allowed: boolean, because: Reason[]) =>
  act(async () => root.render(<WhyAnswer name="ann" why={{ key: 'server.read', allowed, because }} />))
const listed = (label: string) =>
  [...document.querySelectorAll(`[aria-label=${label}] li`)].map((each) => each.textContent)

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(() => act(async () => root.unmount()))

it('a role that waits for two-step sign-in is no yes', async () => {
  await show(false, [WAITS])
  expect(document.body.textContent).toContain('Not allowed')
  expect(document.body.textContent).not.toContain('Neither a role')
  expect(listed('Because')).toEqual([])
  expect(listed('Waiting')).toEqual([`ann ${WAITS.text}`])
})

it('beside what gives a right, a role that waits is not said to be enough by itself', async () => {
  await show(true, [GIVES, WAITS])
  expect(listed('Because')).toEqual([`ann ${GIVES.text}`])
  expect(listed('Waiting')).toEqual([`ann ${WAITS.text}`])
  expect(document.body.textContent).not.toContain('enough by itself')
  await show(true, [GIVES, { ...GIVES, kind: 'share', text: 'the server was shared with them' }])
  expect(listed('Because')[1]).toBe('The server was shared with them')
  expect(document.body.textContent).toContain('enough by itself')
})
