import { useSyncExternalStore } from 'react'
import { firstOf, isLanguage, type Language } from '~/i18n/languages'
import { begin, language, onLanguage, speak } from '~/i18n/texts'

const KEY = 'warren.language'

/** What was chosen at this browser. */
export function chosenLanguage(): Language | undefined {
  try {
    const value = localStorage.getItem(KEY)
    return isLanguage(value) ? value : undefined
  } catch {
    // No storage: what the browser asks for.
    return undefined
  }
}

function show(): void {
  document.documentElement.lang = language()
}

/** What somebody chose here, or what their browser asks for. */
export function startLanguage(): void {
  begin(chosenLanguage() ?? firstOf(navigator.languages ?? []))
  show()
}

/** Changes the language of all that is on the page, and of what comes; kept for the next visit where it was chosen here. */
export async function setLanguage(next: Language, kept = true): Promise<void> {
  await speak(next)
  if (language() !== next) return
  show()
  if (!kept) return
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // Then it lasts until the page is closed.
  }
}

export function useLanguage(): Language {
  return useSyncExternalStore(onLanguage, language)
}
