import { useEffect, useRef } from 'react'

type Keys = Record<string, () => void>

/** True while keys belong to a field, the terminal or the editor: those never lose a key to us. */
function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return (
    target.isContentEditable || target.closest('input, textarea, select, .xterm, [data-keys="own"]') !== null
  )
}

const SEQUENCE_MS = 1200

/** Single keys ("/"), sequences ("g s") and Ctrl or Cmd with a letter ("mod+k"). */
export function useHotkeys(keys: Keys): void {
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => {
    let first: { key: string; at: number } | undefined
    function onKey(event: KeyboardEvent) {
      if (event.defaultPrevented || event.altKey) return
      const act = latest.current
      if (event.ctrlKey || event.metaKey) {
        const name = `mod+${event.key.toLowerCase()}`
        if (act[name]) {
          event.preventDefault()
          act[name]()
        }
        return
      }
      if (typing(event.target) || document.querySelector('[role="dialog"],[role="menu"]')) return
      const pair = first && event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ${event.key}` : undefined
      first = undefined
      const name = pair && act[pair] ? pair : event.key
      if (act[name]) {
        event.preventDefault()
        act[name]()
      } else {
        first = { key: event.key, at: event.timeStamp }
      }
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}
