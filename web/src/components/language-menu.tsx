import { LANGUAGES, OFFERED } from '~/i18n/languages'
import { texts } from '~/i18n/texts'
import { useLanguage } from '~/stores/language'
import { MenuChoice, MenuLabel } from '~/ui/menu'
import { choose } from './language-select'

const t = texts('common')

/** In a menu: each language by its own name. */
export function LanguageChoices() {
  const current = useLanguage()
  return (
    <>
      <MenuLabel>{t('language')}</MenuLabel>
      {OFFERED.map((each) => (
        <MenuChoice key={each} checked={each === current} onSelect={() => choose(each)}>
          <span lang={each}>{LANGUAGES[each]}</span>
        </MenuChoice>
      ))}
    </>
  )
}
