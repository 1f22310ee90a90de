import type { KeyboardEvent } from 'react'
import type { FileEntry } from '~/api/types'
import type { Entry } from '~/ui/context-menu'
import type { Actions } from './actions'
import { hold } from './clipboard'
import { all, at, type Selection, stepped, toggled } from './selection'
import type { Ways } from './use-ways'

interface Standing {
  names: readonly string[]
  entries: readonly FileEntry[]
  selection: Selection
  setSelection: (change: (now: Selection) => Selection) => void
  /** So many rows does one page have. */
  page: number
  acts: Actions
  ways: Ways
  onMenu: () => void
}

/** So many rows of the list are in sight, less one. */
export function pageOf(grid: HTMLElement | null, phone: boolean): number {
  return Math.max(1, Math.floor(((grid?.clientHeight ?? 400) - 32) / (phone ? 56 : 36)) - 1)
}

/** The keys of the list, as those of a file manager on a desk. */
export function onListKey(
  event: KeyboardEvent,
  { names, entries, selection, setSelection, page, acts, ways, onMenu }: Standing,
): void {
  // A checkbox or a head in the list has its own keys.
  if ((event.target as HTMLElement).closest('button, input:not([type="checkbox"])')) return
  const mod = event.ctrlKey || event.metaKey
  const run = ({ off, run: act }: Entry) => (off === false ? act() : undefined)
  const step = (by: number) =>
    setSelection((now) => stepped(now, names, by, event.shiftKey ? 'extend' : mod ? 'walk' : 'select'))
  const turn = () => setSelection((now) => (now.active === undefined ? now : toggled(now, now.active)))
  const standing = entries.find((each) => each.name === selection.active)
  const keys: Record<string, () => void> = mod
    ? {
        a: () => setSelection((now) => all(now, names)),
        x: () => run(acts.cut),
        c: () => run(acts.copy),
        i: () => run(acts.properties),
        v: () => run(acts.paste),
        f: () => document.querySelector<HTMLElement>('main input[type="search"]')?.focus(),
        arrowdown: () => step(1),
        arrowup: () => step(-1),
        ' ': turn,
      }
    : event.altKey
      ? { arrowup: ways.up }
      : {
          arrowdown: () => step(1),
          arrowup: () => step(-1),
          pagedown: () => step(page),
          pageup: () => step(-page),
          home: () => step(-names.length),
          end: () => step(names.length),
          ' ': turn,
          enter: () => standing && ways.open(standing),
          backspace: ways.up,
          escape: () => (selection.chosen.size > 0 ? setSelection((now) => at(now.active)) : hold(undefined)),
          f2: () => run(acts.rename),
          delete: () => run(acts.delete),
          contextmenu: onMenu,
        }
  const act = event.shiftKey && event.key === 'F10' ? onMenu : keys[event.key.toLowerCase()]
  if (!act) return
  event.preventDefault()
  act()
}
