import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { sessionQuery } from '~/api/queries'
import { isLanguage } from '~/i18n/languages'
import { brand } from '~/stores/brand'
import { chosenLanguage, setLanguage } from '~/stores/language'
import { chosenTheme, setTheme } from '~/stores/theme'

/** Makes the app look and speak as its panel and its reader like it; what was chosen at this browser comes first. */
export function useLiking(): void {
  const session = useQuery(sessionQuery).data
  const name = session?.panel.name
  const accent = session?.panel.accent
  useEffect(() => {
    if (name) brand(name, accent)
  }, [name, accent])
  const wish = session?.profile.language
  useEffect(() => {
    // Where the words do not come, those that are there go on.
    if (isLanguage(wish) && !chosenLanguage()) setLanguage(wish, false).catch(() => undefined)
  }, [wish])
  const theme = session?.profile.theme
  useEffect(() => {
    if (theme && !chosenTheme()) setTheme(theme)
  }, [theme])
}
