import { act } from 'react'
import { createRoot } from 'react-dom/client'
import { expect, it, vi } from 'vitest'
import { usePage } from '~/stores/page'
import { PageHead } from './page-head'

function Named({ title }: { title: string }) {
  usePage(title)
  return <PageHead title={title} />
}

it('a name that turns around does so neither in the page nor in its tab', async () => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  const root = createRoot(document.body.appendChild(document.createElement('div')))
  await act(async () => root.render(<Named title={'<b>good\u202egnp.exe</b>'} />))
  expect(document.querySelector('h1')?.textContent).toBe('<b>good\\u{202e}gnp.exe</b>')
  expect(document.title).toBe('<b>good\\u{202e}gnp.exe</b> · Warren')
  await act(async () => root.unmount())
  vi.unstubAllGlobals()
})
