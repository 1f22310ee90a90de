import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'dark' | 'light' | 'contrast'
const KEY = 'warren.theme'
const listeners = new Set<() => void>()

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY)
    if (value === 'dark' || value === 'light' || value === 'contrast') return value
  } catch {
    // No storage: the system's choice.
  }
  return 'system'
}

let wanted: Theme = stored()

/** What was chosen at this browser. */
export function chosenTheme(): Theme | undefined {
  return wanted === 'system' ? undefined : wanted
}

/** What is drawn: the wanted theme, or what the system asks for. */
export function drawnTheme(): 'dark' | 'light' | 'contrast' {
  if (wanted !== 'system') return wanted
  if (matchMedia('(prefers-contrast: more)').matches) return 'contrast'
  return matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark'
}

function apply(): void {
  document.documentElement.dataset.theme = drawnTheme()
  for (const listener of listeners) listener()
}

export function setTheme(theme: Theme): void {
  wanted = theme
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // Then it lasts until the page is closed.
  }
  apply()
}

export function watchSystemTheme(): void {
  matchMedia('(prefers-color-scheme: light)').addEventListener('change', apply)
  matchMedia('(prefers-contrast: more)').addEventListener('change', apply)
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => wanted)
}

/** Changes when the drawn theme does, for what has to read colours: terminal and charts. */
export function useDrawnTheme(): string {
  return useSyncExternalStore(subscribe, drawnTheme)
}
