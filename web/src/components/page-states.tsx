import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { asProblem } from '~/api/problem'
import { Button, buttonClass } from '~/ui/button'
import { RequestId } from '~/ui/copy'

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
        title="There is no such page"
        actions={
          <Link to="/" className={buttonClass('secondary', 'md', false)}>
            To the overview
          </Link>
        }
      >
        The address may be old, or what it named has been deleted.
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
        actions={<Button onClick={reset}>Try again</Button>}
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
  /** As in "There is no such server". */
  what: 'server' | 'node' | 'egg' | 'person' | 'role'
  list: '/servers' | '/nodes' | '/eggs' | '/people' | '/roles'
  error: unknown
  onRetry: () => void
}) {
  const problem = asProblem(error)
  const gone = problem.status === 404
  return (
    <Notice
      title={gone ? `There is no such ${what}` : problem.title}
      requestId={problem.requestId}
      actions={
        <>
          <Link to={list} className={buttonClass('secondary', 'md', false)}>
            {what === 'person' ? 'All people' : `All ${what}s`}
          </Link>
          {!gone && <Button onClick={onRetry}>Try again</Button>}
        </>
      }
    >
      {gone ? 'It has been deleted, or it is not yours to see.' : problem.message}
    </Notice>
  )
}
