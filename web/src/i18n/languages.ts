/** The languages that there are words for, each by its own name. One more is a folder beside `en` and a line here. */
export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français' } as const

export type Language = keyof typeof LANGUAGES

/** How numbers and dates are written; of English the way that puts the day first. */
export const LOCALES: Record<Language, string> = { en: 'en-GB', de: 'de', fr: 'fr' }

/** In the order in which they are offered. */
export const OFFERED = Object.keys(LANGUAGES) as Language[]

export function isLanguage(value: unknown): value is Language {
  return typeof value === 'string' && Object.hasOwn(LANGUAGES, value)
}

/** The first of somebody's wishes ("de-AT", "en") that there are words for. */
export function firstOf(wishes: readonly string[]): Language {
  const bases = wishes.map((wish) => wish.toLowerCase().split('-', 1)[0])
  return bases.find(isLanguage) ?? 'en'
}
