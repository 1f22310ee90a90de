import { CircleAlert } from 'lucide-react'
import { texts } from '~/i18n/texts'
import { Banner } from '~/ui/badge'
import { readable } from '~/util/readable'
import { LanguageSelect } from './language-select'
import { Logo } from './logo'

const t = texts('door')

/** Between the form and other ways in. */
export function DoorOr() {
  return (
    <div className="mt-4 mb-6 flex items-center gap-3 text-12 text-t3">
      <span aria-hidden="true" className="h-px flex-1 bg-line" />
      {t('or')}
      <span aria-hidden="true" className="h-px flex-1 bg-line" />
    </div>
  )
}

/** Below a button: what came of it. */
export function DoorError({ children }: { children: string }) {
  return (
    <p role="alert" className="mt-1.5 flex gap-1.5 text-12 text-fail-fg">
      <CircleAlert aria-hidden="true" size={12} className="mt-0.5 shrink-0" />
      <span className="min-w-0 [overflow-wrap:anywhere]">{children}</span>
    </p>
  )
}

/** The page in front of the app: sign-in, and what has to be done before anything else works. */
export function DoorFrame({
  title,
  note,
  children,
}: {
  title: string
  note: React.ReactNode
  children: React.ReactNode
}) {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center px-5 py-8">
      <div className="fixed top-3 right-3">
        <LanguageSelect />
      </div>
      <div className="w-full max-w-90">
        <Logo size={40} />
        <h1 className="mt-6 text-28 font-semibold tracking-[-0.02em]">{title}</h1>
        <p className="mt-1 mb-6 text-14 text-t2">{note}</p>
        {readable(location) && (
          <div className="mb-5">
            <Banner family="warn" shape="look" title={t('exposed.title')}>
              {t('exposed.note')}
            </Banner>
          </div>
        )}
        {children}
      </div>
    </main>
  )
}
