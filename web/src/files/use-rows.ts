import { type RefObject, useLayoutEffect, useState } from 'react'

export interface Rows {
  first: number
  /** One past the last. */
  end: number
}

/** Of so many rows of one height those that are in view, and some around them. `head` stays at the top. */
export function rowsIn(scrolled: number, height: number, row: number, count: number, head: number): Rows {
  const around = 8
  const first = Math.max(0, Math.floor(scrolled / row) - around)
  const end = Math.min(count, Math.ceil((scrolled + Math.max(0, height - head)) / row) + around)
  return { first: Math.min(first, end), end }
}

/** The same for a scroller on the page, as it is scrolled and changes its size. */
export function useRows(
  scroller: RefObject<HTMLElement | null>,
  row: number,
  count: number,
  head: number,
): Rows {
  const [rows, setRows] = useState<Rows>({ first: 0, end: Math.min(count, 40) })
  useLayoutEffect(() => {
    const element = scroller.current
    if (!element) return
    const look = () => {
      const next = rowsIn(element.scrollTop, element.clientHeight || 800, row, count, head)
      setRows((now) => (now.first === next.first && now.end === next.end ? now : next))
    }
    look()
    element.addEventListener('scroll', look, { passive: true })
    const sizes = new ResizeObserver(look)
    sizes.observe(element)
    return () => {
      element.removeEventListener('scroll', look)
      sizes.disconnect()
    }
  }, [scroller, row, count, head])
  return { first: Math.min(rows.first, count), end: Math.min(rows.end, count) }
}
