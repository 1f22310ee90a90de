import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { asProblem } from '~/api/problem'
import { texts } from '~/i18n/texts'
import { Button, buttonClass } from '~/ui/button'
import { RequestId } from '~/ui/copy'

const t = texts('common')

/** A page that is nothing but a message: what happened, what to do, and the request id to hand on. */
function Notice({
  title,
  children,
  requestId,
  actions,
}: {
  title: string
  children: ReactNode
  requestId?: string | undefined
  actions: ReactNode
}) {
  return (
    <div className="flex h-full flex-col items-center justify-center gap-2 p-6 text-center">
      <h1 className="title text-20">{title}</h1>
      <p className="max-w-120 text-t2 [overflow-wrap:anywhere]">{children}</p>
      {requestId && <RequestId id={requestId} />}
      <div className="mt-2 flex flex-wrap justify-center gap-2">{actions}</div>
    </div>
  )
}

export function NotFound() {
  return (
    <main className="h-full">
      <Notice
        title={t('page.none')}
        actions={
          <Link to="/" className={buttonClass('secondary', 'md', false)}>
            {t('page.to_overview')}
          </Link>
        }
      >
        {t('page.none_why')}
      </Notice>
    </main>
  )
}

/** A route that could not be loaded. */
export function PageFailed({ error, reset }: ErrorComponentProps) {
  const problem = asProblem(error)
  return (
    <div role="alert" className="h-full">
      <Notice
        title={problem.title}
        requestId={problem.requestId}
        actions={<Button onClick={reset}>{t('retry')}</Button>}
      >
        {problem.message}
      </Notice>
    </div>
  )
}

/** As `PageFailed` where nothing else is on screen, the shell neither. */
export function RootFailed(props: ErrorComponentProps) {
  return (
    <main className="h-full">
      <PageFailed {...props} />
    </main>
  )
}

/** A thing with an address of its own that did not come: gone, or not to be had just now. */
export function PageProblem({
  what,
  list,
  error,
  onRetry,
}: {
  what: 'server' | 'node' | 'egg' | 'person' | 'role'
  list: '/servers' | '/nodes' | '/eggs' | '/people' | '/roles'
  error: unknown
  onRetry: () => void
}) {
  const problem = asProblem(error)
  const gone = problem.status === 404
  return (
    <Notice
      title={gone ? t(`page.gone.${what}`) : problem.title}
      requestId={problem.requestId}
      actions={
        <>
          <Link to={list} className={buttonClass('secondary', 'md', false)}>
            {t(`page.all.${what}`)}
          </Link>
          {!gone && <Button onClick={onRetry}>{t('retry')}</Button>}
        </>
      }
    >
      {gone ? t('page.gone_why') : problem.message}
    </Notice>
  )
}
