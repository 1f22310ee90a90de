import { Globe } from 'lucide-react'
import { isLanguage, LANGUAGES, type Language, OFFERED } from '~/i18n/languages'
import { texts } from '~/i18n/texts'
import { setLanguage, useLanguage } from '~/stores/language'
import { toast } from '~/stores/toasts'

const t = texts('common')

export function choose(next: Language): void {
  setLanguage(next).catch((error: unknown) => toast.error(t('language.failed'), error))
}

/** In front of the app, where there is no menu. */
export function LanguageSelect() {
  const current = useLanguage()
  return (
    <span className="tx relative inline-flex items-center text-t2 hover:text-t1">
      <Globe
        aria-hidden="true"
        size={14}
        strokeWidth={1.75}
        className="pointer-events-none absolute left-2.5"
      />
      <select
        aria-label={t('language')}
        value={current}
        onChange={({ target }) => isLanguage(target.value) && choose(target.value)}
        className="h-8 appearance-none rounded-box border border-transparent bg-transparent pr-3 pl-8 text-12 hover:bg-surface-3 max-sm:h-11"
      >
        {OFFERED.map((each) => (
          <option key={each} value={each} lang={each} className="bg-overlay text-t1">
            {LANGUAGES[each]}
          </option>
        ))}
      </select>
    </span>
  )
}
