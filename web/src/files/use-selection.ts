import { useEffect, useRef, useState } from 'react'
import { nameOf, parent } from '~/util/path'
import { at, kept, NOTHING, type Selection } from './selection'

/** Starts anew in each folder; going up, the keyboard stands on the folder that one comes from. */
export function useSelection(path: string, names: readonly string[]) {
  const [selection, setSelection] = useState<Selection>(NOTHING)
  const before = useRef({ path, names })
  useEffect(() => {
    const { path: was, names: had } = before.current
    before.current = { path, names }
    if (was === path) setSelection((now) => kept(now, had, names))
    else setSelection(at(parent(was) === path ? nameOf(was) : undefined))
  }, [path, names])
  return { selection, setSelection }
}
