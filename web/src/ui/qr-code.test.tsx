import { act } from 'react'
import { createRoot } from 'react-dom/client'
import { beforeEach, expect, it } from 'vitest'
import { QrCode } from './qr-code'

const URI = 'otpauth://totp/Warren:mira?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Warren'

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  document.body.innerHTML = '<div id="root"></div>'
})

/** Which units the path fills. */
function filled(path: string, size: number): boolean[][] {
  const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => false))
  for (const [, x, y, run] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let n = 0; n < Number(run); n++) {
      const row = rows[Number(y)] as boolean[]
      row[Number(x) + n] = true
    }
  }
  return rows
}

it('a QR code is drawn with its three finders inside a white margin of four modules', async () => {
  const root = createRoot(document.getElementById('root') as HTMLElement)
  await act(async () => root.render(<QrCode text={URI} label="For the app" />))
  const svg = document.querySelector('svg') as SVGSVGElement
  const size = Number(svg.getAttribute('viewBox')?.split(' ')[2])
  const rows = filled(svg.querySelector('path')?.getAttribute('d') ?? '', size)
  const row = (y: number, x: number) =>
    (rows[y] as boolean[])
      .slice(x, x + 7)
      .map((dark) => (dark ? '#' : '.'))
      .join('')
  for (const [x, y] of [
    [4, 4],
    [size - 11, 4],
    [4, size - 11],
  ] as const) {
    const finder = Array.from({ length: 7 }, (_, n) => row(y + n, x))
    expect(finder).toEqual(['#######', '#.....#', '#.###.#', '#.###.#', '#.###.#', '#.....#', '#######'])
  }
  const margin = rows.some((cells, y) =>
    cells.some((dark, x) => dark && Math.min(x, y, size - 1 - x, size - 1 - y) < 4),
  )
  expect(margin).toBe(false)
  expect(svg.getAttribute('aria-label')).toBe('For the app')
  await act(async () => root.unmount())
})
