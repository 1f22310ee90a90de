import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Problem } from '~/api/problem'
import { useSeen } from './use-seen'

type Seen = ReturnType<typeof useSeen>

let root: Root
let seen: Seen
let asked: string[] = []

function Form({ id, version, dirty }: { id: string; version: string; dirty: boolean }) {
  seen = useSeen(id, { version }, dirty, async () => ({ version: 'there now' }))
  return null
}

const show = (id: string, version: string, dirty: boolean) =>
  act(async () => root.render(<Form {...{ id, version, dirty }} />))

/** Asks for a change that leads to `to`, or is refused as somebody else was first. */
const send = (to: string | undefined) =>
  seen.send(async (header) => {
    asked.push(header['if-match'])
    if (to !== undefined) return { version: to }
    throw new Problem({
      status: 412,
      code: 'changed_meanwhile',
      title: 'Changed',
      detail: 'Somebody was first.',
    })
  })

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  root = createRoot(document.createElement('div'))
  asked = []
})
afterEach(() => act(async () => root.unmount()))

it('means the state that was shown when the reader began to type', async () => {
  await show('a', '1', false)
  await show('a', '2', false)
  await show('a', '2', true)
  await show('a', '3', true)
  await send('4')
  await send('5')
  expect(asked).toEqual(['"2"', '"4"'])
})

it('means what is there now once the reader was told', async () => {
  await show('b', '1', true)
  await expect(send(undefined)).rejects.toThrow('Somebody was first.')
  await send('2')
  expect(asked).toEqual(['"1"', '"there now"'])
})
