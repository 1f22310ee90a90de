import { type MouseEvent, type RefObject, useState } from 'react'
import { at, only, type Selection } from './selection'

/** The menu about what is selected: of the right button, by keyboard, and on a phone as a sheet. */
export function useRowMenu(
  grid: RefObject<HTMLDivElement | null>,
  phone: boolean,
  selection: Selection,
  setSelection: (change: (now: Selection) => Selection) => void,
) {
  const [sheet, setSheet] = useState(false)
  const select = (name: string) => {
    if (!selection.chosen.has(name)) setSelection(() => only(name))
  }
  function byKey() {
    const row = grid.current?.querySelector(`[data-name="${CSS.escape(selection.active ?? '')}"]`)
    const box = (row ?? grid.current)?.getBoundingClientRect()
    if (phone) setSheet(true)
    else if (box)
      (row ?? grid.current)?.dispatchEvent(
        new window.MouseEvent('contextmenu', {
          bubbles: true,
          cancelable: true,
          clientX: box.left + 80,
          clientY: row ? box.bottom - 4 : box.top + 48,
        }),
      )
  }
  return {
    sheet,
    close: () => setSheet(false),
    byKey,
    /** From the button at a row's end, which the row is selected by. */
    ofRow(name: string) {
      select(name)
      if (phone) setSheet(true)
      else window.setTimeout(byKey)
    },
    /** What the right button is pressed on is what its menu is about. */
    onContext(event: MouseEvent) {
      const name = (event.target as HTMLElement).closest<HTMLElement>('[data-name]')?.dataset.name
      if (name === undefined) setSelection((now) => at(now.active))
      else select(name)
      if (!phone) return
      event.preventDefault()
      setSheet(true)
    },
  }
}
