import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Problem } from '~/api/problem'
import { CredentialDialog, type Wish } from './credential-create'

let root: Root
let asked: Wish[] = []
let answer: () => Promise<string> = async () => 'wrn_usr_secret'

function Page({ open }: { open: boolean }) {
  return (
    <QueryClientProvider client={new QueryClient()}>
      <CredentialDialog
        open={open}
        onClose={() => undefined}
        title="New API key"
        madeTitle={() => 'Your new key'}
        madeNote="It is shown once."
        help="Where it is used"
        verb="Make the key"
        lives={[
          [60, 'a minute'],
          [0, 'for ever'],
        ]}
        firstLifeS={60}
        make={(wish) => {
          asked.push(wish)
          return answer()
        }}
        show={(secret, close) => (
          <button type="button" onClick={close}>
            {secret}
          </button>
        )}
      />
    </QueryClientProvider>
  )
}

const show = (open: boolean) => act(async () => root.render(<Page open={open} />))
const button = (name: string) =>
  [...document.querySelectorAll('button')].find((each) => each.textContent === name) as HTMLButtonElement
async function press(name: string) {
  await act(async () => button(name).click())
}
/** What an answer changes is painted a few turns later. */
const painted = (check: () => void) => act(() => vi.waitFor(check))
async function type(text: string) {
  const field = document.querySelector('input') as HTMLInputElement
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set
  await act(async () => {
    set?.call(field, text)
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  asked = []
  answer = async () => 'wrn_usr_secret'
  document.body.innerHTML = '<div id="root"></div>'
  root = createRoot(document.getElementById('root') as HTMLElement)
})
afterEach(() => act(async () => root.unmount()))

it('a credential without a name is not asked for', async () => {
  await show(true)
  expect(button('Make the key').getAttribute('aria-disabled')).toBe('true')
  await press('Make the key')
  expect(asked).toEqual([])
})

it('what was made is shown once, and forgotten when it is closed', async () => {
  await show(true)
  await type('  status page ')
  await press('Make the key')
  expect(asked).toEqual([{ name: 'status page', lifeS: 60 }])
  await painted(() => expect(document.body.textContent).toContain('Your new key'))
  expect(button('wrn_usr_secret')).toBeDefined()
  await press('wrn_usr_secret')
  await show(false)
  await show(true)
  expect(document.body.textContent).not.toContain('wrn_usr_secret')
})

it('a refusal stays beside its field, and what was typed stays too', async () => {
  answer = async () => {
    throw new Problem({
      status: 422,
      code: 'invalid',
      title: 'Refused',
      detail: 'One field is wrong.',
      fields: { name: 'Another key has this name' },
    })
  }
  await show(true)
  await type('status page')
  await press('Make the key')
  const field = document.querySelector('input') as HTMLInputElement
  await painted(() => expect(field.getAttribute('aria-invalid')).toBe('true'))
  expect(field.value).toBe('status page')
  expect(document.body.textContent).toContain('Another key has this name')
})
